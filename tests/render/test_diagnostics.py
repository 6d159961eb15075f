"""Diagnostics in the forms that CI servers read: what GitHub code scanning and JUnit readers need of them is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from archtool.claims.diagnostic import Diagnostic, Rule, Tool
from archtool.render.diagnostics.github import github
from archtool.render.diagnostics.json import json as listing
from archtool.render.diagnostics.junit import junit
from archtool.render.diagnostics.sarif import sarif
from archtool.render.diagnostics.text import summary, text

RULES = (
    Rule("N401", "bias-before-norm", "A bias before a batch norm", help="Write `bias: false`."),
    Rule("F201", "unseen-positions", "Positions that nothing reads", "note", uri="https://example.org/F201"),
)
TOOL = Tool("archtool lint", "1.2.3", RULES, "https://example.org/archtool")
HARD = '50% of it,\r\nall: of \x1b <it> & "more" ]]> ::error::\x00 \ud800'
FOUND = [
    Diagnostic(
        "N401", "warning", "64 numbers without use", "nets/my net.yaml", 7, 9, "bias: false", facts={"params": 64}
    ),
    Diagnostic("F201", "note", HARD, "nets/a,b:c.yaml", 1, 1),
    Diagnostic("C001", "error", "params(a) < params(b)", "nets/my net.yaml", 20, 3),
    Diagnostic("C001", "none", "macs(a) < macs(b)", "nets/my net.yaml", 21, 3),
]


def of_sarif(found: list[Diagnostic], tool: Tool = TOOL) -> dict:
    return json.loads(sarif(found, tool))


def test_sarif_has_what_code_scanning_needs() -> None:
    log = of_sarif(FOUND)
    assert log["version"] == "2.1.0" and log["$schema"].endswith("sarif-2.1.0.json")
    (run,) = log["runs"]
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"], driver["informationUri"]) == (TOOL.name, TOOL.version, TOOL.uri)
    rules = driver["rules"]
    assert [rule["id"] for rule in rules] == ["N401", "F201"]
    for rule in rules:
        assert rule["shortDescription"]["text"] and rule["fullDescription"]["text"] and rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")
        assert re.fullmatch(r"[A-Z]\w+", rule["name"])  # pascal case
    assert len(run["results"]) == len(FOUND)
    for result, each in zip(run["results"], FOUND, strict=True):
        assert result["ruleId"] == each.rule and result["level"] == each.level
        assert result["kind"] == ("pass" if each.level == "none" else "fail")  # SARIF 3.27.9: none goes with no fail
        assert result["message"]["text"].startswith(each.message)
        (location,) = result["locations"]
        place = location["physicalLocation"]
        assert unquote(place["artifactLocation"]["uri"]) == each.file and " " not in place["artifactLocation"]["uri"]
        assert place["region"] == {"startLine": each.line, "startColumn": each.column}
        index = result.get("ruleIndex")
        assert index is None or rules[index]["id"] == each.rule
        assert all(isinstance(value, str) for value in result["partialFingerprints"].values())


def test_sarif_names_no_address_that_there_is_not() -> None:
    run = of_sarif(FOUND, Tool("archtool check", "1"))["runs"][0]
    assert "informationUri" not in run["tool"]["driver"] and run["tool"]["driver"]["rules"] == []
    assert all("ruleIndex" not in result for result in run["results"])


def test_a_finding_keeps_its_fingerprint_when_lines_come_before_it_and_figures_change() -> None:
    first = FOUND[0]
    moved = first._replace(line=9, message=first.message.replace("64", "128"))
    other = first._replace(message="something else")
    prints = [of_sarif([each])["runs"][0]["results"][0]["partialFingerprints"] for each in (first, moved, other)]
    assert prints[0] == prints[1] != prints[2]


def test_files_are_named_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    below, outside = (
        Diagnostic("F201", "note", "", str(path)) for path in (tmp_path / "in" / "a.yaml", tmp_path / "b.yaml")
    )
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in of_sarif([below, outside, Diagnostic("F201", "note", "", "<stdin>")])["runs"][0]["results"]
    ]
    assert uris == ["a.yaml", (tmp_path / "b.yaml").as_uri(), "%3Cstdin%3E"]
    assert "file=a.yaml," in github([below])


def test_workflow_commands_escape_what_they_must() -> None:
    lines = github(FOUND).split("\n")
    assert lines[0] == ("::warning file=nets/my net.yaml,line=7,col=9,title=N401::64 numbers without use%0Abias: false")
    assert lines[1].startswith("::notice file=nets/a%2Cb%3Ac.yaml,line=1,col=1,title=F201::50%25 of it,%0D%0Aall: of ")
    assert lines[2].startswith("::error file=")
    assert lines[3:] == [""], "what is well has no annotation"


def test_junit_has_a_case_for_each_and_fails_what_fails() -> None:
    root = ElementTree.fromstring(junit(FOUND, TOOL, ["nets/clean.yaml"]).encode(errors="surrogatepass"))
    assert root.tag == "testsuites" and (root.get("tests"), root.get("failures")) == ("5", "2")
    suites = {suite.get("name"): suite for suite in root}
    assert list(suites) == ["nets/clean.yaml", "nets/my net.yaml", "nets/a,b:c.yaml"]
    for suite in suites.values():
        cases = suite.findall("testcase")
        assert suite.get("tests") == str(len(cases)) and suite.get("errors") == "0"
        assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
        assert all(case.get("name") and case.get("classname") for case in cases)
    failed = suites["nets/my net.yaml"].find("testcase/failure")
    assert (
        failed is not None
        and failed.get("message") == "64 numbers without use"
        and "bias: false" in (failed.text or "")
    )
    said = suites["nets/a,b:c.yaml"].find("testcase/system-out")
    assert said is not None and '<it> & "more" ]]> ::error::' in (said.text or "") and "\ufffd" in (said.text or "")


def test_text_has_the_form_that_editors_read() -> None:
    first, *rest = text(FOUND).splitlines()
    assert first == "nets/my net.yaml:7:9: warning N401: 64 numbers without use" and rest[0] == "  help: bias: false"
    assert text([]) == "" and summary([]) == ""
    assert summary(FOUND) == "1 error, 1 warning, 1 note"


def test_json_keeps_everything() -> None:
    told = json.loads(listing(FOUND, TOOL))
    assert told["tool"] == TOOL.name and told["version"] == TOOL.version
    assert told["diagnostics"] == [{**each._asdict(), "facts": dict(each.facts)} for each in FOUND]
