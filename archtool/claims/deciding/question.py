"""A statement on symbols: what has to be shown, and what may be assumed; the reader of its closed forms."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from archtool.algebra.assumed import divided, rules, short
from archtool.algebra.bounded import BoundedTrace
from archtool.algebra.bounds import Lows
from archtool.algebra.closed import Reader
from archtool.algebra.functions import replaced
from archtool.algebra.polynomial import Atom, Polynomial
from archtool.algebra.shown import Layout
from archtool.claims.deciding.points import count
from archtool.claims.deciding.statement import Domains, Statement
from archtool.claims.deciding.symbols import symbols, turned
from archtool.errors import RuleError
from archtool.runs import Problem
from archtool.size import Condition
from archtool.spec.domains import Range
from archtool.trace import Expr, Trace

SECONDS: Final = 1.0  # for a proof


class Late(RuleError):
    """A proof takes longer than it may."""

    def __init__(self) -> None:
        super().__init__(f"its closed forms take more than {SECONDS:g} s")


class TimedReader(Reader):
    """A reader that stops, by Late, when its time is over."""

    def __init__(self, lows: Lows, seconds: float) -> None:
        super().__init__(lows)
        self.until = time.monotonic() + seconds

    def _read(self, expr: Expr) -> Polynomial:
        if time.monotonic() > self.until:
            raise Late
        return super()._read(expr)


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """Whether `claim` follows from `premises` (the rules of the networks, and the hypothesis) for all values of
    `ranges`; `domains` are those of all free names, those with one value among them.

    `sides` and `signs` are those of Traced, `given` and `given_signs` the hypothesis's. A name in `turns` is told by
    another symbol: it is step * t + rest, and `ranges` has what t may be.
    """

    domains: Domains
    ranges: Mapping[str, Range]
    trace: Trace
    claim: Condition
    hypothesis: Condition
    problems: tuple[Problem, ...]
    sides: tuple[tuple[str, Any], ...]
    signs: tuple[str, ...]
    given: tuple[tuple[str, Any], ...]
    given_signs: tuple[str, ...]
    reader: Reader
    layout: Layout
    turns: Mapping[str, str]

    @property
    def premises(self) -> tuple[Condition, ...]:
        """What may be assumed."""
        return (*[problem.holds for problem in self.problems], self.hypothesis)

    def whole(self, part: Polynomial) -> Polynomial:
        """A formula in which the quotients that have to be whole are no floors."""
        known: dict[Atom, Polynomial] = {}
        for problem in self.problems:
            parts = divided(self.reader.of(problem.holds))
            if parts is not None:
                whole, below, atom = parts
                known[atom] = whole.over(below)
        return replaced(part, known)

    def point(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """The point of all free names where the symbols have these values, others the first that they may."""
        found: dict[str, Any] = {}
        for name, domain in self.domains.items():
            letter = self.turns.get(name, "")
            if isinstance(domain, Range) and letter in values:
                found[name] = domain.step * values[letter] + domain.low % domain.step
            else:
                found[name] = values.get(name, domain.low if isinstance(domain, Range) else domain[0])
        return found

    def rules(self) -> tuple[str, ...]:
        """The rules that only some values keep, of networks or of what the claim calculates, in words."""
        problems = [problem for problem in self.problems if problem.holds is not True]
        try:
            found = list(short(list(rules(problems, self.ranges, self.layout, self.reader, ""))))
        except RuleError:  # one that nobody could read
            found = list(short([f"not: {problem.rule}" for problem in problems]))
        return (f"where the networks are valid: {', '.join(found)}",) if found else ()


def asked(
    statement: Statement, hypothesis: Statement | None, domains: Domains, turns: Mapping[str, str] | None = None
) -> Question:
    """A statement on symbols, one for each range of more than one value; other domains have one value. Raises
    Untraceable, or another ArchtoolError where that can't be told."""
    trace, turns = BoundedTrace(), turns or {}
    several = {name: domain for name, domain in domains.items() if isinstance(domain, Range) and count(domain) != 1}
    ranges = {turns.get(name, name): turned(each) if name in turns else each for name, each in several.items()}
    chosen = {name: domain[0] for name, domain in domains.items() if not isinstance(domain, Range)}
    values = symbols(trace, domains, chosen, turns)
    claim = statement.traced(trace, values)
    when = None if hypothesis is None else hypothesis.traced(trace, values)
    problems = [*claim.problems, *(() if when is None else when.problems)]
    problems += [Problem(*each) for each in trace.problems]
    return Question(
        domains=domains,
        ranges=ranges,
        trace=trace,
        claim=claim.holds,
        hypothesis=True if when is None else when.holds,
        problems=tuple(dict.fromkeys(problems)),
        sides=claim.sides,
        signs=claim.signs,
        given=() if when is None else when.sides,
        given_signs=() if when is None else when.signs,
        reader=TimedReader(Lows({name: domain.low for name, domain in ranges.items()}), SECONDS),
        layout=Layout((*domains, *turns.values())),
        turns=turns,
    )
