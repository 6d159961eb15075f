"""Bounds of sums. A floor is tied to what it is of: d * floor(u / d) is u less one of 0 .. d - 1. Where u cancels with
the rest of a sum, that is all that is left: 2 * floor((n + 1) / 2) - n is 0 or 1."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor, inf

from archtool.trace.expr import Expr, linear
from archtool.trace.intervals import Interval, meet, scaled, sum_bounds

Exact = int | Fraction


def bounds_of_sum(constant: int, terms: Mapping[Expr, int]) -> Interval:
    """The least and the greatest value of constant + the terms, each taken as often as its coefficient says."""
    found = _plain(constant, terms)
    floors = [term for term in terms if _is_floor(term)]
    if not floors or len(terms) < 2:
        return found
    left: dict[Expr, Exact] = dict(terms)
    shift: Exact = constant
    slack: tuple[Exact, Exact] = (0, 0)
    while floors:
        last = max(floors, key=lambda term: term.number)
        factor = Fraction(left.pop(last), last.args[1])
        inner, parts = linear(last.args[0])
        if not any(left.get(part) for part in parts):
            break
        shift += factor * inner
        for part, times in parts.items():
            left[part] = left.get(part, 0) + factor * times
        lost = factor * (last.args[1] - 1)
        slack = (slack[0] - max(lost, 0), slack[1] - min(lost, 0))
        left = {part: times for part, times in left.items() if times}
        low, high = sum_bounds(_plain(shift, left), slack)  # type: ignore[arg-type]  # exact numbers are bounds
        found = meet(found, (low if abs(low) == inf else ceil(low), high if abs(high) == inf else floor(high)))
        floors = [term for term in left if _is_floor(term)]
    return found


def _is_floor(term: Expr) -> bool:
    return term.op == "floor" and type(term.args[1]) is int


def _plain(constant: Exact, terms: Mapping[Expr, Exact]) -> Interval:
    """The bounds of a sum whose terms vary by themselves."""
    found: Interval = (constant, constant)  # type: ignore[assignment]  # as above
    for term, factor in terms.items():
        found = sum_bounds(found, scaled((term.low, term.high), factor))  # type: ignore[arg-type]  # as above
    return found
