"""Diagnostics for people, in the form that editors find places in: `file:line:column: level code: message`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from textwrap import wrap
from typing import Final

from archtool.claims.diagnostic import LEVELS, Diagnostic
from archtool.render.diagnostics.paths import relative

WIDTH: Final = 120  # columns


def text(diagnostics: Sequence[Diagnostic], width: int = WIDTH) -> str:
    """Each diagnostic with its help indented below it; nothing for none.

    >>> print(text([Diagnostic("N401", "warning", "a bias that batch norm takes away", "a.yaml", 3, 5, "bias: false")]))
    a.yaml:3:5: warning N401: a bias that batch norm takes away
      help: bias: false
    <BLANKLINE>
    """
    return "".join(line + "\n" for each in diagnostics for line in _lines(each, width))


def _lines(each: Diagnostic, width: int) -> list[str]:
    first, *rest = each.message.splitlines() or [""]
    lines = [f"{relative(each.file)}:{each.line}:{each.column}: {each.level} {each.rule}: {first}"]
    for line in [*rest, *_headed("help", each.help)]:
        lines += [f"  {part}" for part in wrap(line, width - 2, break_long_words=False, break_on_hyphens=False) or [""]]
    return lines


def _headed(word: str, said: str) -> list[str]:
    first, *rest = said.splitlines() or [""]
    return [f"{word}: {first}", *rest] if said else []


def summary(diagnostics: Sequence[Diagnostic]) -> str:
    """How many there are of each level.

    >>> summary([Diagnostic("F201", "note", "", "a.yaml"), Diagnostic("F201", "note", "", "b.yaml")])
    '2 notes'
    """
    counts = Counter(each.level for each in diagnostics)
    told = [f"{counts[level]} {level}{'s' if counts[level] > 1 else ''}" for level in LEVELS[:-1] if counts[level]]
    return ", ".join(told)
