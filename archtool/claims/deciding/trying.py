"""A statement tried at points, on numbers: where it holds, where it fails, where there is nothing that it is about."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import islice, pairwise
from typing import Any, Final

from archtool.algebra.finding import Basis, Finding, Witness
from archtool.claims.deciding.points import place_of, placed, value
from archtool.claims.deciding.statement import Domains, Point, Statement, Untold
from archtool.errors import ArchtoolError, MissingExtra
from archtool.spec.domains import Range
from archtool.spec.numbers import brief

MOST_SHRUNK: Final = 300  # points at which a counterexample is made smaller
FIRST: Final = 8  # values of a range that are tried one by one then
ROUNDED: Final = "64-bit floating point"
LARGEST: Final = 2**1000  # that a rounded number is compared with
NEAR: Final = 1e-12  # the share of the larger side that rounding may have cost


class Trials:
    """What came of a statement at the points where it was tried.

    `valid` are how many are valid points: the hypothesis holds there, and the networks are. `outside` and `invalid` are
    the others, `broken` says of the first invalid one what is wrong; at `untold` ones nobody knows whether it holds.
    """

    def __init__(self, statement: Statement, hypothesis: Statement | None, domains: Domains, seconds: float) -> None:
        self.statement = statement
        self.hypothesis = hypothesis
        self.domains = domains
        self.known: dict[tuple[Any, ...], bool | None] = {}
        self.lows: dict[str, Any] = {}
        self.highs: dict[str, Any] = {}
        self.valid = 0
        self.outside = 0
        self.invalid = 0
        self.untold = 0
        self.broken = ""
        self.until = time.monotonic() + seconds

    def more_time(self, seconds: float) -> None:
        """Let points be tried for so long from now on."""
        self.until = time.monotonic() + seconds

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self.until

    @property
    def rounds(self) -> bool:
        """Whether truth at points is one of rounded numbers."""
        return self.statement.rounds or (self.hypothesis is not None and self.hypothesis.rounds)

    def at(self, point: Point) -> bool | None:
        """Whether the statement holds at a point; None where it is not about that, or nobody knows."""
        key = tuple([(type(each), each) for each in point.values()])
        if key not in self.known:
            self.known[key] = self._tried(point)
        return self.known[key]

    def _tried(self, point: Point) -> bool | None:
        try:
            if self.hypothesis is not None and not self.hypothesis.at(point):
                self.outside += 1
                return None
            truth = self.statement.at(point)
            if self.rounds and is_rounding([each for _, each in self.statement.sides(point)]):
                raise Untold("its sides are as near to each other as rounded numbers tell")
        except MissingExtra:
            raise
        except ArchtoolError as error:
            if isinstance(error, Untold):
                self.untold += 1
            else:
                self.invalid += 1
            where = f"at {placed(point)}: " if point else ""
            self.broken = self.broken or where + str(error).splitlines()[0]
            return None
        self.valid += 1
        for name, each in point.items():
            if type(each) is int:
                self.lows[name] = min(each, self.lows.get(name, each))
                self.highs[name] = max(each, self.highs.get(name, each))
        return truth

    def failing(self, points: Iterable[Point], most: int, valid: int | None = None) -> Point | None:
        """The first point where the statement fails, of so many, till so many `valid` ones were tried; None where it
        holds at all of them, or time is over."""
        start = self.valid
        for point in islice(points, most):
            if self.at(point) is False:
                return point
            if self.late or (valid is not None and self.valid - start >= valid):
                return None
        return None

    def shrunk(self, point: Point) -> Point:
        """A smaller point where the statement fails too, one value after the other made as small as that can be found
        to go."""
        best, left = dict(point), MOST_SHRUNK
        changed = True
        while changed and left > 0:
            changed = False
            for name, domain in self.domains.items():
                place = place_of(domain, best[name]) if isinstance(domain, Range) else None
                for smaller in _smaller(place or 0):
                    left -= 1
                    if left <= 0 or self.late:
                        return best
                    if self.at({**best, name: value(domain, smaller)}) is False:
                        best[name], changed = value(domain, smaller), True
                        break
        return best

    def refuted(self, point: Point, *, smallest: bool = False) -> Finding:
        """The finding that the statement fails at a point; `smallest`: at none that comes before it in size."""
        sides = self.statement.sides(point)
        left, right = (sides[0][1], sides[1][1]) if len(sides) == 2 else (None, None)
        said = ", ".join([f"{text} = {brief(each)}" for text, each in sides if text != str(each)])
        text = said or f"'{self.statement.text}' is false"
        basis = (
            Basis("samples", ROUNDED)
            if self.rounds
            else Basis("witness", f"exact arithmetic at {placed(point)}" if point else "exact arithmetic")
        )
        return Finding(
            truth=False,
            basis=(basis,),
            steps=(f"at {placed(point)}: {text}" if point else text,),
            facts={"smallest": smallest},
            witness=Witness(text=text, left=left, right=right, sizes=dict(point)),
        )

    def nothing(self) -> str:
        """Why no valid point was found."""
        if self.untold:
            return f"it can't be told ({self.broken})"
        if self.invalid and not self.outside:
            return f"no valid network was found in the given ranges ({self.broken})"
        if self.outside and not self.invalid:
            return f"no values were found in the given ranges for which '{self._condition}' holds"
        return f"no valid network was found in the given ranges for which '{self._condition}' holds" + (
            f" ({self.broken})" if self.broken else ""
        )

    @property
    def _condition(self) -> str:
        return self.hypothesis.text if self.hypothesis is not None else "true"

    def ranges(self) -> dict[str, str]:
        """The least and the greatest values that were tried at valid points."""
        return {name: f"{low}..{self.highs[name]}" for name, low in self.lows.items()}

    def left_out(self) -> tuple[str, ...]:
        """What has to be said of points that do not count."""
        if not self.broken:
            return ()
        return (f"left out: points where a network is invalid, or the claim undefined; the first is {self.broken}",)


def _smaller(place: int) -> Iterator[int]:
    """Places below one: the first few, then those halfway, a quarter of the way ... back to it."""
    yield from range(min(place, FIRST))
    step = place - place // 2
    while step and place - step >= FIRST:
        yield place - step
        step //= 2


def is_rounding(sides: Sequence[Any]) -> bool:
    """Whether sides of a comparison, some of them rounded, differ by no more than rounding may have cost."""
    exact = [each for each in sides if isinstance(each, int | float | Fraction)]
    numbers = [float(max(-LARGEST, min(LARGEST, each))) for each in exact]
    return any([0 < abs(a - b) <= NEAR * max(abs(a), abs(b)) for a, b in pairwise(numbers)])
