"""What is said once, what is selected and ignored, bad settings, deep networks, and the forms on the command line."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from archtool import SpecError
from archtool.claims.lint.engine import Found, asked, lint
from archtool.claims.lint.rule import rules
from archtool.claims.lint.selection import Selection
from archtool.cli import Commands
from archtool.spec.reader import read_text

Command = Callable[..., Any]

BIASED = """\
archtool: 1
name: biased
input: [8, 16, 16]
vars: {width: 16, depth: 2}
blocks:
  unit:
    args: {out: required}
    body:
      - conv: {out: out, kernel: 3, padding: half}
      - batch_norm
      - relu
layers:
  - unit: {out: width}
    repeat: depth
  - conv: {out: width, kernel: 1, stride: 2, bias: false}
designs:
  narrow: {}
  wide: {vars: {width: 64}}
  deep: {vars: {depth: 10**12}}
"""


def found_in(text: str, **options: Any) -> list[Found]:
    return lint(asked(read_text(text, "net.yaml"), None, None, options.pop("design", None)), **options)


def codes(found: list[Found]) -> list[str]:
    return [each.diagnostic.rule for each in found]


# --- what is said ------------------------------------------------------------------------------------------------


def test_what_several_places_and_designs_share_is_said_once() -> None:
    bias, unseen = [each.diagnostic for each in found_in(BIASED)]
    assert (bias.rule, bias.line, bias.column) == ("N401", 9, 9)
    assert (unseen.rule, unseen.line, unseen.column) == ("F201", 15, 5)
    assert bias.facts["designs"] == ["biased", "narrow", "wide", "deep"]
    assert bias.facts["layers"] == 2 and bias.facts["params"] == 2 * 16  # of the first design
    assert "at unit.0.conv, unit.1.conv; 32 params" in bias.message
    assert "in all 4 designs; figures of biased" in bias.message
    (wide,) = [each.diagnostic for each in found_in(BIASED, design="wide", select=["N401"])]
    assert wide.facts["params"] == 2 * 64 and "designs" not in wide.message.replace("all", "")


def test_a_network_of_a_million_million_layers_is_linted_at_once() -> None:
    start = time.perf_counter()
    (bias,) = [each.diagnostic for each in found_in(BIASED, design="deep", select=["N401"])]
    assert bias.facts["layers"] == 10**12 and bias.facts["params"] == 16 * 10**12
    assert "at unit.0.conv, unit.1.conv and 999,999,999,998 more; 16.0 T params" in bias.message
    nested = BIASED.replace(
        "    repeat: depth\n",
        "    repeat: depth\n  - do: [{do: [{do: [relu], repeat: 10**6}], repeat: 9}]\n    repeat: 99\n",
    )
    assert "W503" in codes(found_in(nested))
    assert time.perf_counter() - start < 5


def test_more_different_layers_than_are_looked_at_are_refused() -> None:
    wide = "input: [8, 16, 16]\nlayers:\n  - for: i\n    in: range(50_001)\n    do: [tanh]\n"
    with pytest.raises(Exception, match="has 50,001 layers"):
        found_in(wide)


def test_what_an_included_spec_has_is_said_there(tmp_path: Path, archtool: Command) -> None:
    (tmp_path / "unit.yaml").write_text(BIASED)
    outer = tmp_path / "outer.yaml"
    outer.write_text("input: [8, 16, 16]\ninclude: {unit: unit.yaml}\nlayers: [unit]\n")
    told = json.loads(archtool("lint", str(outer), "--format", "json").out)["diagnostics"]
    assert {(Path(each["file"]).name, each["line"], each["rule"]) for each in told} == {
        ("unit.yaml", 9, "N401"),
        ("unit.yaml", 15, "F201"),
    }


# --- selection ---------------------------------------------------------------------------------------------------


def test_the_longer_of_two_beginnings_decides() -> None:
    f201, f202 = rules()["F201"], rules()["F202"]
    assert Selection().takes(f201) and not Selection().asks_for(f201)
    assert not Selection(ignore=("F",)).takes(f201)
    both = Selection(("F201",), ("F",))
    assert both.takes(f201) and not both.takes(f202) and both.asks_for(f201)
    assert not Selection(("F201",), ("F201",)).takes(f201)
    assert Selection(("F",), ("F202",)).takes(f201) and not Selection(("F",), ("F202",)).takes(f202)


def test_rules_are_selected_by_codes_families_and_names() -> None:
    assert codes(found_in(BIASED, select=["bias-before-norm"])) == ["N401"]
    assert codes(found_in(BIASED, select=["n4,F2"])) == ["N401", "F201"]
    assert codes(found_in(BIASED, ignore=["F", "N401"])) == []
    with pytest.raises(SpecError, match="'unseen-position' is no rule; did you mean 'unseen-positions'"):
        found_in(BIASED, select=["unseen-position"])


def test_a_spec_and_its_comments_ignore() -> None:
    assert codes(found_in(BIASED + "lint: {ignore: [bias-before-norm]}\n")) == ["F201"]
    assert codes(found_in(BIASED + "lint: {select: [N]}\n")) == ["N401"]
    assert codes(found_in(BIASED + "lint: {select: [N]}\n", select=["F"])) == ["F201"]
    assert codes(found_in(BIASED + "lint: {ignore: [F]}\n", select=["F201"])) == ["F201"]
    line = "      - conv: {out: out, kernel: 3, padding: half}"
    assert codes(found_in(BIASED.replace(line, line + "   # lint: ignore[N401, C]"))) == ["F201"]
    assert codes(found_in(BIASED.replace(line, line + "   # lint: ignore[F201]"))) == ["N401", "F201"]


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        ("lint: [N401]\n", "net.yaml:20:7: 'lint' must be a mapping"),
        ("lint: {ignore: N401}\n", "net.yaml:20:16: 'ignore' is a list of rules"),
        ("lint: {disable: [N401]}\n", "net.yaml:20:8: 'lint' has no 'disable'"),
        ("lint: {ignore: [N401, {a: b}]}\n", "net.yaml:20:23: this is no rule's code or name"),
        ("lint: {ignore: [N401, X1]}\n", "net.yaml:20:23: 'X1' is no rule"),
        ("lint: {ignore: ['']}\n", "net.yaml:20:17: this is no rule's code or name"),
        ("# lint: ignore\n", "net.yaml:20:8: a comment for the linter names rules"),
        ("# lint: ignore[]\n", "net.yaml:20:8: a comment for the linter names rules"),
        ("# lint: ignore[N401, nonsense]\n", "net.yaml:20:8: 'nonsense' is no rule"),
    ],
)
def test_a_bad_setting_is_an_error_at_its_place(added: str, reason: str) -> None:
    with pytest.raises(SpecError) as error:
        found_in(BIASED + added)
    assert str(error.value).startswith(reason)


# --- pyproject.toml ----------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, archtool: Command) -> Callable[[str], Any]:
    """A spec below a folder with a pyproject.toml, linted."""
    spec = tmp_path / "nets" / "old" / "net.yaml"
    spec.parent.mkdir(parents=True)
    spec.write_text(BIASED)

    def linted(toml: str) -> Any:
        (tmp_path / "pyproject.toml").write_bytes(toml.encode("utf-8", "surrogateescape"))
        return archtool("lint", str(spec), "--format", "json")

    return linted


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("", ["N401", "F201"]),
        ("[tool.archtool]\n", ["N401", "F201"]),
        ("[tool.archtool.lint]\nignore = ['N']\n", ["F201"]),
        ("[tool.archtool.lint]\nselect = ['unseen-positions']\n", ["F201"]),
        ("[tool.archtool.lint.per-file-ignores]\n'nets/old/*.yaml' = ['N401']\n'nets/*.toml' = ['F']\n", ["F201"]),
        ("[tool.archtool.lint.per-file-ignores]\n'net.yaml' = ['F']\n", ["N401"]),
        ("[tool.archtool.lint]\nselect = []\n", []),
    ],
)
def test_a_project_selects(project: Callable[[str], Any], toml: str, expected: list[str]) -> None:
    done = project(toml)
    assert [each["rule"] for each in json.loads(done.out)["diagnostics"]] == expected
    assert done.code == (1 if expected else 0)


def test_a_nearer_project_without_a_table_is_passed_by(project: Callable[[str], Any], tmp_path: Path) -> None:
    (tmp_path / "nets" / "pyproject.toml").write_text("[tool.other]\n")
    assert [
        each["rule"] for each in json.loads(project("[tool.archtool.lint]\nignore = ['N']\n").out)["diagnostics"]
    ] == ["F201"]


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ("[tool.archtool.lint\n", ":1:20: this is no TOML: "),
        ("[tool.archtool]\nlint = 3\n", ":2:1: 'tool.archtool.lint' must be a table"),
        (
            "[tool.archtool.lint]\nselcet = ['N']\n",
            ":2:1: 'tool.archtool.lint' has no 'selcet'; did you mean 'select'?",
        ),
        ("[tool.archtool.lint]\nignore = 'N401'\n", ":2:1: 'ignore' is a list of rules"),
        ("[tool.archtool.lint]\nignore = [401]\n", ":2:1: 'ignore' is a list of rules"),
        ("[tool.archtool.lint]\nignore = ['Q7']\n", ":2:12: 'Q7' is no rule"),
        ("[tool.archtool.lint]\nignore = ['']\n", "'' is no rule"),
        ("[tool.archtool.lint]\nper-file-ignores = ['N']\n", ":2:1: 'per-file-ignores' must be a table"),
        ("[tool.archtool.lint.per-file-ignores]\n'*.yaml' = 'N'\n", ":2:2: '*.yaml' is a list of rules"),
        ("a = \udcff\n", "this is no TOML"),
        ("a = " + "[" * 9999 + "\n", "pyproject.toml"),
    ],
)
def test_a_bad_project_is_an_error_at_its_place(project: Callable[[str], Any], toml: str, reason: str) -> None:
    done = project(toml)
    assert (done.code, done.out) == (2, "") and "pyproject.toml:" in done.err and reason in done.err
    assert "Traceback" not in done.err


# --- the command -------------------------------------------------------------------------------------------------


def test_a_note_fails_only_where_it_was_asked_for(archtool: Command) -> None:
    noted = "resnet50"
    assert archtool("lint", noted).code == 0
    assert archtool("lint", noted, "--select", "F201").code == 1
    assert archtool("lint", noted, "--select", "F").code == 1
    assert archtool("lint", noted, "--ignore", "F201") == (0, "", "")


def test_the_command_reads_standard_input_and_refuses_what_is_no_spec(archtool: Command, tmp_path: Path) -> None:
    done = archtool("lint", "-", stdin=BIASED.encode())
    assert done.code == 1 and done.out.startswith("<stdin>:9:9: warning N401: ") and "2 warnings" in done.err
    assert archtool("lint").code == 2
    assert archtool("lint", str(tmp_path / "none.yaml")).code == 2
    assert archtool("lint", "-", "--design", "none", stdin=BIASED.encode()).code == 2
    assert archtool("lint", "-", "--select", "Z", stdin=BIASED.encode()).code == 2
    assert archtool("lint", "-", stdin=b"layers: [conv: {}]").code == 2


def test_the_forms_agree(archtool: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(BIASED)
    Path("clean.yaml").write_text("input: [8]\nlayers: [linear: {out: 8}]\n")
    asked_for = ("lint", "net.yaml", "clean.yaml", "--format")
    rows = [(each["rule"], each["line"]) for each in json.loads(archtool(*asked_for, "json").out)["diagnostics"]]
    log = json.loads(archtool(*asked_for, "sarif").out)["runs"][0]
    assert [rule["id"] for rule in log["tool"]["driver"]["rules"]] == list(rules())
    places = [each["locations"][0]["physicalLocation"] for each in log["results"]]
    assert [each["artifactLocation"]["uri"] for each in places] == ["net.yaml"] * 2
    assert [
        (each["ruleId"], place["region"]["startLine"]) for each, place in zip(log["results"], places, strict=True)
    ] == rows
    assert [line.split(" ")[0] for line in archtool(*asked_for, "github").out.splitlines()] == ["::warning"] * 2
    suites = ElementTree.fromstring(archtool(*asked_for, "junit").out)
    assert [(suite.get("name"), suite.get("failures")) for suite in suites] == [("net.yaml", "2"), ("clean.yaml", "0")]


def test_hooks_for_pre_commit_call_commands_that_there_are() -> None:
    hooks = yaml.safe_load((Path(__file__).parents[2] / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in hooks] == ["archtool-check", "archtool-lint"]
    for hook in hooks:
        program, command = hook["entry"].split()
        assert program == "archtool" and command in Commands().list_commands(None) and hook["language"] == "python"  # type: ignore[arg-type]  # needs no context


def test_all_rules_are_listed(archtool: Command) -> None:
    out = archtool("lint", "--rules").out
    assert [line.split()[0] for line in out.splitlines() if line[0] != " "] == list(rules())
