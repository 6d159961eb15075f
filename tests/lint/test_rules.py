"""Each rule finds what its bad spec has and nothing in its good one, and has a page that says the same as it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from archtool.claims.diagnostic import LEVELS
from archtool.claims.lint.engine import Found, asked, lint
from archtool.claims.lint.rule import LintRule, rules
from archtool.loading import source

SPECS = Path(__file__).parent / "specs"
DOCS = Path(__file__).parents[2] / "docs" / "lint"
RULES = [pytest.param(rule, id=rule.code) for rule in rules().values()]
PAGE = ("What", "Why", "What it costs here", "How to fix", "Source")


def linted(path: Path, *, select: Iterable[str] = (), ignore: Iterable[str] = ()) -> list[Found]:
    found = source(path)
    return lint(asked(found.document, found.folder, path), select, ignore)


def test_there_are_enough_rules_with_stable_codes() -> None:
    assert len(rules()) >= 20
    for code, rule in rules().items():
        assert re.fullmatch(r"[CFNUW]\d{3}", code) and re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.name)
        assert rule.level in LEVELS[1:3] and rule.about.endswith(".") and rule.advice and rule.source
        assert (rule.network is None) != (rule.spec is None)


@pytest.mark.parametrize("rule", RULES)
def test_the_bad_spec_has_this_and_nothing_else(rule: LintRule) -> None:
    found = linted(SPECS / rule.code / "bad.yaml")
    assert {each.diagnostic.rule for each in found} == {rule.code}
    assert rule.level in {each.diagnostic.level for each in found}


@pytest.mark.parametrize("rule", RULES)
def test_the_good_spec_has_nothing(rule: LintRule) -> None:
    assert [each.diagnostic for each in linted(SPECS / rule.code / "good.yaml")] == []


def test_every_rule_has_its_specs_and_its_page_and_no_others_are_there() -> None:
    codes = set(rules())
    assert {path.name for path in SPECS.iterdir()} == codes
    assert {path.stem for path in DOCS.glob("[A-Z]*.md")} == codes
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[([A-Z]\d+)\]\((\w+)\.md\) \| ([\w-]+) \| (\w+) \| (.*) \|$", index, re.MULTILINE)
    assert [row[:4] for row in rows] == [(rule.code, rule.code, rule.name, rule.level) for rule in rules().values()]
    assert [row[4] for row in rows] == [rule.about for rule in rules().values()]


@pytest.mark.parametrize("rule", RULES)
def test_the_page_says_what_the_rule_says(rule: LintRule) -> None:
    page = (DOCS / f"{rule.code}.md").read_text(encoding="utf-8")
    assert page.startswith(f"# {rule.code} {rule.name}\n")
    assert re.findall(r"^## (.*)$", page, re.MULTILINE) == list(PAGE)
    flat = " ".join(page.split())
    assert f"Level: {rule.level}." in flat and rule.about in flat and rule.source in flat


@pytest.mark.parametrize("rule", RULES)
def test_what_the_page_shows_is_what_the_linter_says_of_the_bad_spec(rule: LintRule) -> None:
    """The block under 'What it costs here' is the first finding's message."""
    page = (DOCS / f"{rule.code}.md").read_text(encoding="utf-8")
    shown = re.search(r"^## What it costs here\n.*?^```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    first = linted(SPECS / rule.code / "bad.yaml")[0].diagnostic
    assert (
        shown is not None and shown[1] == f"{first.line}:{first.column}: {first.level} {rule.code}: {first.message}\n"
    )


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_how_many_rules_there_are_is_told_right(name: str) -> None:
    text = (DOCS.parents[1] / name).read_text(encoding="utf-8")
    assert re.findall(r"(\d+) rules", text) == [str(len(rules()))]
