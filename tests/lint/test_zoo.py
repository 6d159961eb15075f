"""docs/lint/zoo.md judges exactly what the linter says of the shipped specs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archtool.claims.lint.engine import asked, lint
from archtool.claims.lint.rule import rules
from archtool.loading import source
from archtool.spec.catalog import shipped_files

PAGE = (Path(__file__).parents[2] / "docs" / "lint" / "zoo.md").read_text(encoding="utf-8")
JUDGED = {row[:3] for row in re.findall(r"^\| ([A-Z]\d+) \| (\w+) \| (\w+) \| (.+) \|$", PAGE, re.MULTILINE)}
FILES = [path for path in shipped_files() if path.parent.name != "concepts"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_finding_is_judged(path: Path) -> None:
    found = source(path)
    told = lint(asked(found.document, found.folder, path), ignore=["U"])
    assert {(each.diagnostic.rule, each.diagnostic.level, path.stem) for each in told} == {
        row for row in JUDGED if row[2] == path.stem
    }
    assert [each.diagnostic for each in lint(asked(found.document, found.folder, path), select=["U"])] == []


def test_the_page_knows_the_rules_and_the_specs() -> None:
    assert {row[0] for row in JUDGED} <= set(rules()) and {row[2] for row in JUDGED} <= {path.stem for path in FILES}


def test_text_is_stable(archtool: Callable[..., Any], golden: Callable[[str, str], None]) -> None:
    done = archtool("lint", "resnet_v1", "vgg", "--ignore", "W505")
    golden("lint.text", re.sub(r"^\S*specs/zoo/", "", done.out, flags=re.MULTILINE))
    assert done.code == 1 and done.err == "3 warnings\n"
