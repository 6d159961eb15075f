"""`archtool check`: what it prints, the forms for CI servers, exit codes, what it loads, refusals with their place."""

import json
import subprocess
import sys
from xml.etree import ElementTree

import pytest

VALVE = """\
name: valve
input: [c, h, w]
vars: {c: 64, mid: 16, h: 14, w: 14}
designs:
  valve: [conv: {out: mid, kernel: 1, bias: false}, relu, conv: {out: c, kernel: 1, bias: false}]
  plain: [conv: {out: c, kernel: 1, bias: false}]
given: {c: 1.., mid: 1..}
claims:
  - params(valve) == 2 * c * mid
  - {that: params(valve) < params(plain), name: it always pays, why: "it is narrow, they say"}
  - {that: linear(plain), name: no bias, why: nothing is added}
"""
STATUSES = {"params(valve) == 2 * c * mid": "proved", "it always pays": "refuted", "no bias": "proved"}


@pytest.fixture
def valve(tmp_path, monkeypatch):
    """A spec with two claims that stand and one that is false, in the working folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "valve.yaml").write_text(VALVE)
    return "valve.yaml"


# --- text --------------------------------------------------------------------------------------------------------


def test_a_concept(archtool, golden):
    called = archtool("check", "convolution_cost", "--no-test")
    assert (called.code, called.err) == (0, "")
    golden("check_convolution_cost.text", called.out.replace(called.out.splitlines()[0], "convolution_cost.yaml", 1))


def test_a_false_claim(archtool, golden, valve):
    called = archtool("check", valve, "--no-test")
    assert (called.code, called.err) == (1, "")
    golden("check_valve.text", called.out)


def test_why_tells_the_steps_the_reason_and_what_is_assumed(archtool, valve):
    plain, told = archtool("check", valve, "--no-test").out, archtool("check", valve, "--no-test", "--why").out
    for line in ("stated because nothing is added", "1. conv: linear (no bias)", "assumed: c, mid >= 1"):
        assert line in told
        assert line not in plain
    assert set(plain.splitlines()) <= set(told.splitlines())


def test_a_claim_by_its_name_or_its_text(archtool, valve):
    one = archtool("check", valve, "--no-test", "--claim", "no bias")
    assert (one.code, one.out.splitlines()[-1]) == (0, "1 claim: 1 proved")
    two = archtool("check", valve, "--no-test", "--claim", "no bias", "--claim", "params(valve) == 2 * c * mid")
    assert (two.code, two.out.splitlines()[-1]) == (0, "2 claims: 2 proved")
    none = archtool("check", valve, "--claim", "no bais")
    assert (none.code, none.out) == (2, "")
    assert "no claim has the name or text 'no bais'" in none.err
    assert "no bias" in none.err


def test_standard_input_and_several_specs(archtool, valve):
    called = archtool("check", valve, "-", "--no-test", stdin=VALVE.replace("name: valve", "name: piped").encode())
    assert called.code == 1
    assert [line for line in called.out.splitlines() if line and not line.startswith(" ")] == [
        "valve.yaml", "<stdin>", "6 claims: 4 proved, 2 refuted",
    ]  # fmt: skip


def test_a_spec_that_claims_nothing_stands(archtool):
    called = archtool("check", "-", stdin=b"name: quiet\ninput: [1, 2, 2]\nlayers: [relu]\n")
    assert (called.code, called.out) == (0, "<stdin>\n  quiet makes no claims\n\nno claims\n")


# --- for programs ------------------------------------------------------------------------------------------------


def test_json(archtool, valve):
    called = archtool("check", valve, "--no-test", "--format", "json")
    (found,) = json.loads(called.out)
    assert called.code == 1
    assert {name: found[name] for name in ("name", "file", "ok", "counts")} == {
        "name": "valve", "file": "valve.yaml", "ok": False, "counts": {"proved": 2, "refuted": 1},
    }  # fmt: skip
    assert {each["name"] or each["that"]: each["status"] for each in found["claims"]} == STATUSES
    proved, refuted, _ = found["claims"]
    assert [each["kind"] for each in proved["basis"]] == ["identity"]
    assert proved["scope"] == "for all c, mid >= 1"
    assert proved["counterexample"] is None
    assert (refuted["line"], refuted["column"]) == (10, 5)
    assert refuted["counterexample"]["sizes"] == {"c": 1, "mid": 1}
    assert (refuted["counterexample"]["left"], refuted["counterexample"]["right"]) == (2, 1)


def test_junit(archtool, valve):
    called = archtool("check", valve, "--no-test", "--format", "junit")
    root = ElementTree.fromstring(called.out)
    assert called.code == 1
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    cases = list(root.iter("testcase"))
    assert [case.get("name").split(":")[0] for case in cases] == list(STATUSES)
    assert [case.get("line") for case in cases] == ["9", "10", "11"]
    failures = [case.find("failure") for case in cases]
    assert [each is not None for each in failures] == [False, True, False]
    assert "at c = 1, mid = 1: " in failures[1].text


def test_github(archtool, valve):
    called = archtool("check", valve, "--no-test", "--format", "github")
    (line,) = called.out.splitlines()
    assert called.code == 1
    assert line.startswith("::error file=valve.yaml,line=10,col=5,title=claim-refuted::refuted: it always pays")
    assert "%0Aat c = 1, mid = 1: " in line


def test_sarif(archtool, valve):
    called = archtool("check", valve, "--no-test", "--format", "sarif")
    (run,) = json.loads(called.out)["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert called.code == 1
    assert [each["ruleId"] for each in run["results"]] == ["claim-proved", "claim-refuted", "claim-proved"]
    assert [each["kind"] for each in run["results"]] == ["pass", "fail", "pass"]
    assert all(rules[each["ruleIndex"]] == each["ruleId"] for each in run["results"])
    place = run["results"][1]["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "valve.yaml"}, "region": {"startLine": 10, "startColumn": 5}}


def test_an_undecided_claim_fails_as_a_refuted_one_does(archtool, valve):
    text = VALVE.replace("linear(plain), name: no bias", "linear(plain), when: c < 1, name: no bias")
    called = archtool("check", "-", "--no-test", "--claim", "no bias", "--format", "github", stdin=text.encode())
    assert called.code == 1
    assert "title=claim-undecided::undecided: no bias" in called.out


# --- torch -------------------------------------------------------------------------------------------------------


def test_what_structure_leaves_open_is_refuted_in_torch(archtool, valve):
    pytest.importorskip("torch")
    text = VALVE + "  - linear(valve)\n"
    without = archtool("check", "-", "--claim", "linear(valve)", "--no-test", stdin=text.encode())
    assert (without.code, without.out.splitlines()[1].split()[0]) == (1, "undecided")
    assert "not tested in torch" in without.out
    with_torch = archtool(
        "check", "-", "--claim", "linear(valve)", "--seed", "3", "--format", "json", stdin=text.encode()
    )
    (claim,) = json.loads(with_torch.out)[0]["claims"]
    assert (with_torch.code, claim["status"]) == (1, "refuted")
    assert claim["counterexample"]["recipe"]


def test_no_test_imports_no_torch(valve):
    code = (
        "import sys; sys.argv[1:] = ['check', 'valve.yaml', '--no-test', '--claim', 'no bias']\n"
        "from archtool.cli import main\n"
        "try: main()\n"
        "finally: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"


# --- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("params(valve) >", "is not an expression"),
        ("parms(valve) == 3", "did you mean 'params'"),
        ("params(vlave) == 3", "did you mean 'valve'"),
        ("{that: linear(plain), when: linear(valve)}", "a property can't stand there"),
        ("{that: linear(plain), wen: c > 1}", "did you mean 'when'"),
    ],
)
def test_what_is_no_claim_is_refused_where_it_stands(archtool, tmp_path, claim, reason):
    path = tmp_path / "wrong.yaml"
    path.write_text(VALVE + f"  - {claim}\n")
    called = archtool("check", str(path))
    assert (called.code, called.out) == (2, "")
    assert f"{path}:12:" in called.err
    assert reason in called.err
    assert "Traceback" not in called.err


def test_nothing_is_printed_of_the_specs_before_one_that_is_wrong(archtool, valve):
    called = archtool("check", valve, "-", "--no-test", stdin=(VALVE + "  - params(vlave) == 3\n").encode())
    assert (called.code, called.out) == (2, "")
    assert "<stdin>:12:5" in called.err


def test_why_is_of_the_text(archtool, valve):
    called = archtool("check", valve, "--why", "--format", "json")
    assert (called.code, called.out) == (2, "")
    assert "--why is of the text" in called.err
