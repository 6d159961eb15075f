"""A size is an int or an `Expr`; what the two need that plain operators lack.

Rules use `+ - * //` and this module only, so that one formula reads as a number or as an expression.
Conditions are True, False, or an `Expr` where bounds do not decide them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from functools import reduce
from typing import Any, Final, NamedTuple

from archtool.errors import MOST_NAMES, RuleError, Untraceable
from archtool.trace import Expr

Size = int | Expr
Condition = bool | Expr

LARGEST_TRIED: Final = 4096  # as a divisor, for a message


class Ratio(NamedTuple):
    """numerator / denominator of sizes, at least one of them varying; the denominator is positive."""

    numerator: Size
    denominator: Size


Number = Size | Ratio | Fraction | float


def equal(left: Number, right: Number) -> Condition:
    """Whether left = right."""
    if type(left) is int and type(right) is int:
        return left == right
    left, right = _whole(left, right)
    difference = left - right
    return difference.trace.zero(difference) if isinstance(difference, Expr) else difference == 0


def less(left: Number, right: Number) -> Condition:
    """Whether left < right."""
    if type(left) is int and type(right) is int:
        return left < right
    left, right = _whole(left, right)
    difference = right - left
    return difference.trace.positive(difference) if isinstance(difference, Expr) else difference > 0


def _whole(left: Number, right: Number) -> tuple[Size, Size]:
    """Two whole numbers that compare as these do; a rounded number is compared as it is."""
    if isinstance(left, int | Expr) and isinstance(right, int | Expr):
        return left, right
    (n, d), (m, e) = _parts(left), _parts(right)
    return n * e, m * d


def _parts(number: Number) -> tuple[Size, Size]:
    if isinstance(number, int | Expr):
        return number, 1
    return number if isinstance(number, Ratio) else Fraction(number).as_integer_ratio()


def at_most(left: Size, right: Size) -> Condition:
    """Whether left <= right."""
    return less(left, right + 1)


def divides(divisor: Size, size: Size) -> Condition:
    """Whether size is a multiple of divisor, which is positive."""
    if type(divisor) is int and type(size) is int:
        return divisor > 0 and size % divisor == 0
    return equal(divisor * (size // divisor), size)


def negate(condition: Condition) -> Condition:
    """The opposite of a condition."""
    return condition.trace.negate(condition) if isinstance(condition, Expr) else not condition


def decided(condition: Condition, what: str) -> bool:
    """Whether a condition holds; Untraceable where that varies with the design."""
    if isinstance(condition, Expr):
        raise Untraceable(f"{what} varies with the design", condition)
    return condition


def all_of(*conditions: Condition) -> Condition:
    """Whether every condition holds."""
    return _logic("and", conditions)


def any_of(*conditions: Condition) -> Condition:
    """Whether some condition holds."""
    return _logic("or", conditions)


def _logic(op: str, conditions: tuple[Condition, ...]) -> Condition:
    for condition in conditions:
        if isinstance(condition, Expr):
            return condition.trace.logic(op, conditions)
    return all(conditions) if op == "and" else any(conditions)


def where(condition: Condition, yes: Any, no: Any) -> Any:
    """yes where the condition holds, else no (both are sizes or conditions)."""
    if isinstance(condition, Expr):
        return condition.trace.where(condition, yes, no)
    return yes if condition else no


def select(cases: Iterable[tuple[Condition, Size]], default: Size) -> Size:
    """The value of the first case whose condition holds, else the default."""
    value = default
    for condition, case in reversed(list(cases)):
        value = where(condition, case, value)
    return value


def maximum(first: Size, *others: Size) -> Size:
    """The greatest of some sizes."""
    try:
        return max((first, *others))  # an Expr refuses to be ordered
    except TypeError:
        return reduce(_larger, others, first)


def minimum(first: Size, *others: Size) -> Size:
    """The least of some sizes."""
    try:
        return min((first, *others))  # an Expr refuses to be ordered
    except TypeError:
        return reduce(_smaller, others, first)


def _larger(left: Size, right: Size) -> Size:
    if isinstance(left, Expr):
        return left.trace.extreme("max", left, right)
    return right.trace.extreme("max", left, right) if isinstance(right, Expr) else max(left, right)


def _smaller(left: Size, right: Size) -> Size:
    if isinstance(left, Expr):
        return left.trace.extreme("min", left, right)
    return right.trace.extreme("min", left, right) if isinstance(right, Expr) else min(left, right)


def ceil_div(size: Size, divisor: Size) -> Size:
    """ceil(size / divisor)."""
    if isinstance(divisor, int) and divisor > 0:
        return (size + divisor - 1) // divisor  # so that floors merge
    return -(-size // divisor)


def exact_div(size: Size, divisor: Size) -> Size:
    """size / divisor, required to be whole.

    Raises RuleError on ints that do not divide; on expressions that becomes the design's problem.
    """
    require(divides(divisor, size), "{} is not divisible by {}", size, divisor)
    if isinstance(size, Expr):
        return size.trace.quotient(size, divisor)
    return divisor.trace.quotient(size, divisor) if isinstance(divisor, Expr) else size // divisor


def require_divisible(what: str, size: Size, by: str, divisor: Size, instead: str = "") -> None:
    """State the rule that a size is a multiple of a divisor, both named; where it is broken, say what divides it."""
    divisible = divides(divisor, size)
    if divisible is True:
        return
    ways = [f"{divisors(size, divisor)} divide it"] if divisible is False and isinstance(size, int) else []
    hint = "".join(f"; {way}" for way in [*ways, *([instead] if instead else [])])
    require(divisible, "{} (={}) must be divisible by {} (={}){}", what, size, by, divisor, hint)


def divisors(size: int, near: Size, power: int = 1) -> str:
    """What divides a size, or whose power does, as a message lists it: where there is much, what lies near to a number.

    >>> divisors(12, 5)
    '1, 2, 3, 4, 6, 12'
    """
    found = [each for each in range(1, min(size, LARGEST_TRIED) + 1) if divides(each**power, size)]
    if isinstance(near, int):
        found = sorted(sorted(found, key=lambda each: abs(each - near))[:MOST_NAMES])
    return ", ".join(map(str, found[:MOST_NAMES]))


def fixed_ratio(left: Size, right: Size) -> Fraction | None:
    """left / right, which are positive, where that is one number by their form; None where it may vary."""
    if not isinstance(left, Expr) or not isinstance(right, Expr):
        return None if isinstance(left, Expr) or isinstance(right, Expr) else Fraction(left, right)
    (times, factors), (over, others) = left.trace.monomial(left), right.trace.monomial(right)
    return Fraction(times, over) if sorted(factors, key=id) == sorted(others, key=id) else None


def product(sizes: Iterable[Size]) -> Size:
    """The product of some sizes, 1 of none."""
    total: Size = 1
    for size in sizes:
        total = size * total
    return total


def require(condition: Condition, rule: str, *values: object) -> None:
    """State a rule: `rule` is a format text for `values`, written only where the rule is broken.

    A rule that is broken for certain raises RuleError. One that varies with the design never aborts a
    sweep: it is kept as a problem of the trace.
    """
    if condition is True:
        return
    text = rule.format(*values)
    if condition is False:
        raise RuleError(text)
    condition.trace.problems.append((condition, text))
