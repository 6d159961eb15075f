"""The greatest of many sums, most of which never are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from random import Random
from typing import Final, NamedTuple

from archtool.size import Size, maximum
from archtool.trace import Expr, bounds

SAMPLES: Final = 12  # points at which sums are compared before anything is proved
WIDEST: Final = 4096  # from a term's least value to the greatest of its samples, where it has no bounds


class Sum(NamedTuple):
    """A constant and terms with their coefficients."""

    constant: int
    terms: Mapping[Expr, int]

    def at(self, point: Mapping[Expr, int]) -> int:
        """Its value where the terms have these values."""
        return self.constant + sum(factor * point[term] for term, factor in self.terms.items())

    @property
    def size(self) -> Size:
        """The sum as an expression."""
        for term in self.terms:
            return term.trace.sum_of(self.constant, dict(self.terms))
        return self.constant


def greatest(sums: Iterable[Sum]) -> Size:
    """The greatest of some sums; those that are no greater than another, by the bounds of their difference, are left
    out."""
    known = list(sums)
    points = _points(sorted({term for each in known for term in each.terms}, key=lambda term: term.number))
    values = [[each.at(point) for point in points] for each in known]
    kept: list[int] = []
    for index in sorted(range(len(known)), key=lambda index: sum(values[index]), reverse=True):
        if not any(
            _may_cover(values[other], values[index]) and is_at_most(known[index], known[other]) for other in kept
        ):
            kept.append(index)
    return maximum(*[known[index].size for index in kept])


def _points(terms: Sequence[Expr]) -> list[dict[Expr, int]]:
    """Values that the terms may have, as far as each one's own bounds tell."""
    random = Random(0)
    ends = [(int(max(term.low, -WIDEST)), term.high) for term in terms]
    ranges = [(low, low + WIDEST if high == inf else int(high)) for low, high in ends]
    return [{term: random.choice(of) for term, of in zip(terms, ranges, strict=True)} for _ in range(SAMPLES)]


def _may_cover(values: Sequence[int], others: Sequence[int]) -> bool:
    return all(value >= other for value, other in zip(values, others, strict=True))


def is_at_most(one: Sum, other: Sum) -> bool:
    """Whether bounds prove that a sum is never greater than another."""
    low: float = other.constant - one.constant
    for term in other.terms.keys() | one.terms.keys():
        factor = other.terms.get(term, 0) - one.terms.get(term, 0)
        if factor:
            low += min(factor * end for end in bounds(term))
    return low >= 0
