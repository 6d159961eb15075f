"""Diagnostics as workflow commands of GitHub Actions, which shows them beside the lines of a pull request.

The form and its escapes are those of GitHub's documentation, Workflow commands for GitHub Actions: `%`, carriage return
and line feed are written as %25, %0D, %0A everywhere, `:` and `,` as %3A and %2C in properties.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archtool.claims.diagnostic import Diagnostic
from archtool.render.diagnostics.paths import relative

_COMMANDS: Final = {"error": "error", "warning": "warning", "note": "notice"}


def github(diagnostics: Sequence[Diagnostic]) -> str:
    """One command a diagnostic, those of the level "none" left out.

    >>> print(github([Diagnostic("F201", "note", "50% unseen", "a,b.yaml", 3, 5)]))
    ::notice file=a%2Cb.yaml,line=3,col=5,title=F201::50%25 unseen
    <BLANKLINE>
    """
    return "".join(_command(each) + "\n" for each in diagnostics if each.level in _COMMANDS)


def _command(each: Diagnostic) -> str:
    places = {"file": relative(each.file), "line": each.line, "col": each.column, "title": each.rule}
    properties = ",".join(f"{name}={_property(str(value))}" for name, value in places.items())
    return f"::{_COMMANDS[each.level]} {properties}::{_data(each.told)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
