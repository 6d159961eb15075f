"""Comparisons of numbers of networks, as statements that can be decided for all values of free sizes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from archtool.claims.conditional import problems_of
from archtool.claims.deciding.statement import Traced, Untold
from archtool.claims.parts import Comparison, Number
from archtool.claims.roster import Reading, Roster
from archtool.claims.words import BOUNDED
from archtool.errors import ArchtoolError, MissingExtra, RuleError
from archtool.spec.values import WORK, Allowance
from archtool.trace import Trace, is_condition

WORK_OF_A_CLAIM: Final = 1_000_000
ROUNDING: Final = re.compile(r"\b(sqrt|log|log2|exp)\s*\(")


class Bound(NamedTuple):
    """A number that structure bounds from above, for all weights: whether it is reached, and how it follows."""

    value: Any
    exact: bool
    steps: tuple[str, ...]


class Compared:
    """A comparison in a spec's claims; see `claims.deciding.statement`."""

    def __init__(self, comparison: Comparison, roster: Roster, fixed: Mapping[str, Any] | None = None) -> None:
        """`fixed` are values of free sizes that no point gives again."""
        self.comparison = comparison
        self.fixed = fixed or {}
        self.roster = roster
        self.text = comparison.text

    @property
    def rounds(self) -> bool:
        """Whether it calls functions whose results are rounded, itself or in the vars that it names."""
        vars_, free = self.roster.base.block.arguments, self.roster.free
        names = [name for name in self.roster.behind(self.comparison.truth.uses) if name in vars_ and name not in free]
        texts = [self.text, *[value.text for name in names if (value := vars_[name]) is not None]]
        return any([ROUNDING.search(text) for text in texts])

    def at(self, point: Mapping[str, Any]) -> bool:
        """Whether it holds where the free sizes have these values; see `Statement.at` for what is raised."""
        reading = self.roster.reading({**self.fixed, **point})
        for number in self.comparison.numbers.values():
            reading.placed(number.subject)
        try:
            found = self.comparison.truth.evaluate(self.environment(reading))
        except MissingExtra:
            raise
        except ArchtoolError as error:  # a division by 0, or a network of too many layers to be looked at
            raise Untold(str(error)) from None
        if not isinstance(found, bool):
            raise Untold(f"'{self.text}' is neither true nor false; compare it with something")
        return found

    def sides(self, point: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        """What its sides come to there, with their texts."""
        environment = self.environment(self.roster.reading({**self.fixed, **point}))
        return tuple([(side.text, side.value.evaluate(environment)) for side in self.comparison.sides])

    def traced(self, trace: Trace, values: Mapping[str, Any]) -> Traced:
        """It as a condition on symbols, and the rules under which its networks are valid; raises Untraceable."""
        reading = self.roster.reading({**self.fixed, **values}, trace)
        environment = self.environment(reading)
        found = self.comparison.truth.evaluate(environment)
        if not is_condition(found):
            raise RuleError(f"'{self.text}' is neither true nor false; compare it with something")
        problems = problems_of([number.subject for number in self.comparison.numbers.values()], reading)
        sides = tuple([(side.text, side.value.evaluate(environment)) for side in self.comparison.sides])
        return Traced(found, problems, sides, self.comparison.signs)

    def environment(self, reading: Reading) -> dict[str, Any]:
        """The values of vars, free sizes and numbers of networks."""
        values = {name: value_of(number, reading) for name, number in self.comparison.numbers.items()}
        return {**reading.environment, **values, WORK: Allowance(WORK_OF_A_CLAIM)}

    @property
    def bounded_numbers(self) -> list[str]:
        """Those of its numbers that structure bounds, as they were written."""
        return [number.text for number in self.comparison.numbers.values() if number.function in BOUNDED]

    def bounds(self, reading: Reading) -> Iterator[tuple[str, Bound]]:
        """Those of its numbers that structure bounds, by what was written."""
        for number in self.comparison.numbers.values():
            if number.function in BOUNDED:
                yield number.text, bounded(number, reading)


def value_of(number: Number, reading: Reading) -> Any:
    """A number of a network, or the bound that structure has for it."""
    return bounded(number, reading).value if number.function in BOUNDED else reading.number(number)


def bounded(number: Number, reading: Reading) -> Bound:
    """A number of a network that structure bounds."""
    placed = reading.placed(number.subject)
    flat = placed.flat() if reading.evaluation.trace is None else placed.outline()
    if number.function == "lipschitz":
        from archtool.algebra.structure.lipschitz import lipschitz

        found = lipschitz(flat)
        return Bound(found.value, found.exact, found.steps)
    from archtool.algebra import relations

    if number.function == "freedom":
        freedom = relations.freedom(flat)
        return Bound(freedom.most, freedom.exact, freedom.steps)
    ranked = relations.rank(flat) if number.function == "rank" else relations.slice_rank(flat)
    return Bound(ranked.bound, ranked.exact, ranked.steps)
