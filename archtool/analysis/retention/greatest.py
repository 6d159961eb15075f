"""The greatest of many sums, most of which never are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import Final, NamedTuple

from archtool.analysis.retention.enclosing import Enclosing
from archtool.codegen import to_numpy
from archtool.size import Size, maximum
from archtool.trace import Expr, bounds, in_order

SAMPLES: Final = 12  # designs at which sums are compared before anything is proved
MOST_TRIED: Final = 3  # the greatest sums that polynomials compare another with
WIDEST: Final = 4096  # places of a symbol from the least to the greatest sample


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

    def less(self, other: Sum) -> Sum:
        """This sum less another."""
        factors = {term: self.terms.get(term, 0) - factor for term, factor in other.terms.items()}
        left = {term: factor for term, factor in {**self.terms, **factors}.items() if factor}
        return Sum(self.constant - other.constant, left)


def greatest(sums: Iterable[Sum]) -> Size:
    """The greatest of some sums; those that are proved to be no greater than another are left out."""
    known = list(sums)
    points = _samples(sorted({term for each in known for term in each.terms}, key=lambda term: term.number))
    values = [[each.at(point) for point in points] for each in known]
    enclosing = Enclosing()
    kept: list[int] = []
    for index in sorted(range(len(known)), key=lambda index: sum(values[index]), reverse=True):
        greater = [other for other in kept if _may_cover(values[other], values[index])]
        differences = [known[other].less(known[index]) for other in greater]
        if any(_least(difference) >= 0 for difference in differences):
            continue
        if not any(enclosing.least(*difference) >= 0 for difference in differences[:MOST_TRIED]):
            kept.append(index)
    return maximum(*[known[index].size for index in kept])


def _samples(terms: Sequence[Expr]) -> list[Mapping[Expr, int]]:
    """What the terms are where their symbols have some of their values: the least, the greatest, any."""
    import numpy as np

    random = Random(0)
    columns = {}
    for symbol in in_order(terms):
        if symbol.op == "symbol":
            name, start, step = symbol.args
            low = int(max(symbol.low, -WIDEST))
            high = int(min(symbol.high, low + WIDEST))
            places = [low, high, *(random.randint(low, high) for _ in range(SAMPLES - 2))]
            columns[name] = np.array([start + step * place for place in places])
    with np.errstate(all="ignore"):  # alternatives are computed where they are not taken, too
        values = [np.broadcast_to(column, SAMPLES).tolist() for column in to_numpy(terms)(columns)]
    return [dict(zip(terms, row, strict=True)) for row in zip(*values, strict=True)]


def _may_cover(values: Sequence[int], others: Sequence[int]) -> bool:
    return all(value >= other for value, other in zip(values, others, strict=True))


def _least(difference: Sum) -> float:
    """What a sum is never below, by the bounds of its terms."""
    low: float = difference.constant
    for term, factor in difference.terms.items():
        low += min(factor * end for end in bounds(term))
    return low
