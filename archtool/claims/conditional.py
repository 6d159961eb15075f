"""Facts that hold where sizes fulfil a condition, and that there are networks at all, as statements about sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from archtool.claims.deciding.statement import Traced, Untold
from archtool.claims.facts import structural
from archtool.claims.parts import Fact, Part, Reference, leaves, subjects_of
from archtool.claims.roster import Reading, Roster
from archtool.errors import RuleError, Untraceable
from archtool.runs import Problem
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
        """Whether it is proved where the free sizes have these values; see `Statement.at` for what is raised."""
        reading = self.roster.reading(point)
        for subject in self.fact.subjects:
            reading.placed(subject)
        try:
            return structural(self.fact, reading).truth is True
        except RuleError as error:  # a network of too many layers to be looked at
            raise Untold(str(error)) from None

    def sides(self, point: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """It compares nothing."""
        return ()

    def traced(self, trace: Trace, values: Mapping[str, Any]) -> Traced:
        """The condition on symbols under which it is proved; raises Untraceable where none is known."""
        reading = self.roster.reading(values, trace)
        found = structural(self.fact, reading)
        problems = problems_of(self.fact.subjects, reading)
        if found.truth:
            return Traced(True, problems)
        if CONDITION not in found.facts:
            raise Untraceable(found.reason)
        return Traced(found.facts[CONDITION], problems)


class Valid:
    """That the networks that a part of a claim names are valid; see `claims.deciding.statement`."""

    rounds = False

    def __init__(self, part: Part, roster: Roster) -> None:
        self.roster = roster
        self.text = part.text
        self.subjects = [subject for leaf in leaves(part) for subject in subjects_of(leaf)]

    def at(self, point: Mapping[str, Any]) -> bool:
        """True; see `Statement.at` for what is raised."""
        reading = self.roster.reading(point)
        for subject in self.subjects:
            reading.placed(subject)
        return True

    def sides(self, point: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """It compares nothing."""
        return ()

    def traced(self, trace: Trace, values: Mapping[str, Any]) -> Traced:
        """True, under the rules of the networks."""
        return Traced(True, problems_of(self.subjects, self.roster.reading(values, trace)))


def problems_of(subjects: Iterable[Reference], reading: Reading) -> tuple[Problem, ...]:
    """The rules under which some networks are valid."""
    return tuple([problem for subject in subjects for problem in reading.placed(subject).run.problems])
