"""Verdicts on claims for editors and CI servers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from archtool import __version__
from archtool.claims.check import Checked
from archtool.claims.diagnostic import Diagnostic, Rule, Tool
from archtool.claims.verdict import REFUTED, UNDECIDED, Verdict
from archtool.render.claims import counterexample
from archtool.render.diagnostics.github import github
from archtool.render.diagnostics.junit import junit
from archtool.render.diagnostics.sarif import sarif

LEVELS: Final = {REFUTED: "error", UNDECIDED: "error"}
RULES: Final = (
    Rule(
        "claim-proved", "claim-proved", "A claim that is true for all values of its free sizes and all weights.", "none"
    ),
    Rule(
        "claim-holds",
        "claim-holds",
        "A claim that is true where it was tried, and against which nothing speaks.",
        "none",
    ),
    Rule("claim-refuted", "claim-refuted", "A claim that is false, with a counterexample.", "error"),
    Rule("claim-undecided", "claim-undecided", "A claim that is neither proved nor tested nor refuted.", "error"),
)


def diagnostics(checked: Sequence[Checked]) -> list[Diagnostic]:
    """One for each claim."""
    return [_diagnostic(verdict) for each in checked for verdict in each.verdicts]


def written(checked: Sequence[Checked], form: str) -> str:
    """Checked claims as 'junit', 'github' or 'sarif'."""
    found = diagnostics(checked)
    tool = Tool("archtool check", __version__, RULES)
    if form == "github":
        return github(found)
    if form == "junit":
        return junit(found, tool, [each.file for each in checked])
    return sarif(found, tool)


def _diagnostic(verdict: Verdict) -> Diagnostic:
    status, place = verdict.status, verdict.position
    return Diagnostic(
        rule=f"claim-{status}",
        level=LEVELS.get(status, "none"),
        message=f"{status}: {verdict.title}",
        file=place.file,
        line=place.line,
        column=place.column,
        help=_detail(verdict),
        title=verdict.title,
    )


def _detail(verdict: Verdict) -> str:
    if verdict.status == REFUTED:
        return counterexample(verdict)
    if verdict.status == UNDECIDED:
        return verdict.finding.reason
    return "; ".join([part for part in (verdict.scope, *[basis.text for basis in verdict.finding.basis]) if part])
