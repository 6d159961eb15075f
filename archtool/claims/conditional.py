"""Facts that hold where sizes fulfil a condition, as statements about these sizes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archtool.claims.deciding.statement import Traced
from archtool.claims.facts import structural
from archtool.claims.language import Fact
from archtool.claims.roster import Roster
from archtool.errors import Untraceable
from archtool.trace import Trace

CONDITION = "condition"  # among the facts of a finding: the sizes for which it holds, as a condition on the trace


class Conditional:
    """That the structure of networks proves a fact; see `claims.deciding.statement`."""

    rounds = False

    def __init__(self, fact: Fact, roster: Roster) -> None:
        self.fact = fact
        self.roster = roster
        self.text = fact.text

    def at(self, point: Mapping[str, Any]) -> bool:
        """Whether it is proved where the free sizes have these values."""
        return structural(self.fact, self.roster.reading(point)).truth is True

    def sides(self, point: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """It compares nothing."""
        return ()

    def traced(self, trace: Trace, values: Mapping[str, Any]) -> Traced:
        """The condition on symbols under which it is proved; raises Untraceable where none is known."""
        reading = self.roster.reading(values, trace)
        found = structural(self.fact, reading)
        runs = [reading.placed(subject).run for subject in self.fact.subjects]
        problems = tuple([problem for run in runs for problem in run.problems])
        if found.truth:
            return Traced(True, problems)
        if CONDITION not in found.facts:
            raise Untraceable(found.reason)
        return Traced(found.facts[CONDITION], problems)
