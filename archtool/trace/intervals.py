"""Bounds of integers: intervals whose ends are exact ints, or infinite."""

from __future__ import annotations

from math import inf

Bound = float  # an exact int, or -inf or +inf
Interval = tuple[Bound, Bound]


def plus(a: Bound, b: Bound) -> Bound:
    """a + b; an int too large for a float does not add to inf by itself."""
    if abs(a) == inf or abs(b) == inf:
        return a if abs(a) == inf else b
    return a + b


def times(a: Bound, b: Bound) -> Bound:
    """a * b, where nothing times infinity is nothing."""
    if a == 0 or b == 0:
        return 0
    if abs(a) == inf or abs(b) == inf:
        return inf if (a > 0) == (b > 0) else -inf
    return a * b


def sum_bounds(left: Interval, right: Interval) -> Interval:
    """Bounds of a sum."""
    return plus(left[0], right[0]), plus(left[1], right[1])


def meet(left: Interval, right: Interval) -> Interval:
    """What is within both."""
    return max(left[0], right[0]), min(left[1], right[1])


def scaled(interval: Interval, factor: Bound) -> Interval:
    """Bounds of a number of times."""
    ends = times(interval[0], factor), times(interval[1], factor)
    return ends if factor >= 0 else (ends[1], ends[0])


def product_bounds(left: Interval, right: Interval) -> Interval:
    """Bounds of a product of two that vary by themselves."""
    ends = [times(a, b) for a in left for b in right]
    return min(ends), max(ends)


def power_bounds(base: Interval, exponent: int) -> Interval:
    """Bounds of base ** exponent: an even power is never negative."""
    low, high = base[0] ** exponent, base[1] ** exponent
    if exponent % 2 == 0:
        crosses = base[0] < 0 < base[1]
        return (0 if crosses else min(low, high)), max(low, high)
    return low, high


def quotient_bounds(left: Interval, right: Interval) -> Interval:
    """Bounds of a floor quotient; none where the divisor may be zero."""
    if right[0] <= 0 <= right[1]:
        return -inf, inf
    ends = [_floor(a, b) for a in left for b in right]
    return min(ends), max(ends)


def _floor(a: Bound, b: Bound) -> Bound:
    if abs(b) == inf:
        return 0 if a == 0 or (a > 0) == (b > 0) else (-1 if abs(a) != inf else -inf)
    if abs(a) == inf:
        return a if b > 0 else -a
    return a // b
