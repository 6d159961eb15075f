"""The linter's rules as a table for people."""

from __future__ import annotations

from textwrap import wrap
from typing import Final

from archtool.claims.lint.rule import rules

WIDTH: Final = 120


def listed() -> str:
    """A line or more a rule: its code, level and name, and what it is about."""
    lines: list[str] = []
    names = max(len(rule.name) for rule in rules().values())
    for rule in rules().values():
        head = f"{rule.code}  {rule.level:<7}  {rule.name:<{names}}  "
        first, *rest = wrap(rule.about, WIDTH - len(head))
        lines += [head + first, *(" " * len(head) + line for line in rest)]
    return "\n".join(lines) + "\n"
