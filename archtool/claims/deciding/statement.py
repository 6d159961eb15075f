"""What is decided: a statement about numbers, which has a truth at each point, and one on symbols."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from archtool.errors import ArchtoolError
from archtool.runs import Problem
from archtool.size import Condition
from archtool.spec.domains import Range
from archtool.trace import Trace

Point = Mapping[str, Any]  # a value for each free name
Domains = Mapping[str, Range | tuple[Any, ...]]  # what each may be: a range of whole numbers, or a list of values


class Untold(ArchtoolError):
    """Whether a statement holds at a point can't be told, though its networks are valid there."""


class Traced(NamedTuple):
    """A statement on symbols: the condition under which it holds, and the rules under which its networks are valid
    (those that stand in the trace already need not be told again).

    `sides` are what it compares, by their texts, and `signs` stand between them; for derivations alone, and empty where
    it is no comparison.
    """

    holds: Condition
    problems: tuple[Problem, ...] = ()
    sides: tuple[tuple[str, Any], ...] = ()
    signs: tuple[str, ...] = ()


class Statement(Protocol):
    """A statement about networks whose sizes may be free."""

    @property
    def text(self) -> str:
        """As it was written."""

    @property
    def rounds(self) -> bool:
        """Whether it takes a root, a logarithm or an exponential: its truth is then one of rounded numbers."""

    def at(self, point: Point) -> bool:
        """Whether it is true at a point, by evaluation on numbers; raises ArchtoolError where a network that it names
        is invalid there, Untold where it can't be told."""

    def sides(self, point: Point) -> tuple[tuple[str, Any], ...]:
        """What it compares, and what that comes to at a point: (("params(P)", 10), ("c_in*mid", 12))."""

    def traced(self, trace: Trace, values: Mapping[str, Any]) -> Traced:
        """Its truth where names have these values, some of them symbols of the trace; raises Untraceable, or
        ArchtoolError where no network is valid whatever the symbols."""
