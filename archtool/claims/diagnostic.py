"""What a check of a spec has to say about one place of it, in the words that editors and CI servers share.

Where it comes from (a claim, a rule of the linter) is no matter here, nor how it is written (`render/diagnostics`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

LEVELS: Final = ("error", "warning", "note", "none")  # SARIF's, the gravest first; "none": all is well there
FAILING: Final = ("error", "warning")  # a check with such a diagnostic has failed


class Rule(NamedTuple):
    """What a tool checks: a stable `code`, a speaking `name`, one sentence `about` it, the `level` by default, `help`
    on how to do better, and the address of a page, where there is one."""

    code: str
    name: str
    about: str
    level: str = "warning"
    help: str = ""
    uri: str = ""


class Diagnostic(NamedTuple):
    """One thing found at a place: `rule` is a Rule's code, `level` one of LEVELS; `line` and `column` count from 1.

    `message` says what is wrong and what it costs, `help` what to do; both may have several lines. `facts` are the
    figures of the message, for programs. `title` is a name of its own, where it has one (a claim's).
    """

    rule: str
    level: str
    message: str
    file: str
    line: int = 1
    column: int = 1
    help: str = ""
    uri: str = ""
    facts: Mapping[str, Any] = MappingProxyType({})
    title: str = ""

    @property
    def fails(self) -> bool:
        """Whether a check with this diagnostic has failed."""
        return self.level in FAILING

    @property
    def told(self) -> str:
        """The message, and the help below it."""
        return "\n".join([self.message, *([self.help] if self.help else [])])


class Tool(NamedTuple):
    """The program that checked, and the rules that it knows."""

    name: str
    version: str
    rules: tuple[Rule, ...] = ()
    uri: str = ""
