"""How sizes compare, for all values of their symbols where that can be seen; symbols of one name are one."""

from __future__ import annotations

from archtool.algebra.bounds import Lows, least
from archtool.algebra.closed import Reader
from archtool.algebra.polynomial import TooLong
from archtool.size import Condition, Size, equal
from archtool.size import at_most as sizes_at_most
from archtool.trace import Expr, in_order


def same(left: Size, right: Size) -> Condition:
    """Whether two sizes are equal."""
    if isinstance(left, Expr) and isinstance(right, Expr) and left.trace is not right.trace:
        return _difference_is_at_least_0(left, right) and _difference_is_at_least_0(right, left)
    return equal(left, right)


def at_most(left: Size, right: Size) -> Condition:
    """Whether left <= right."""
    if isinstance(left, Expr) and isinstance(right, Expr) and left.trace is not right.trace:
        return _difference_is_at_least_0(left, right)
    condition = sizes_at_most(left, right)
    return True if isinstance(condition, Expr) and _difference_is_at_least_0(left, right) else condition


def _difference_is_at_least_0(left: Size, right: Size) -> bool:
    """Whether right - left, multiplied out, is never below 0."""
    reader = Reader()
    try:
        return least(reader.of(right) - reader.of(left), Lows(_lows(left, right))) >= 0
    except TooLong:
        return False


def _lows(*sizes: Size) -> dict[str, int]:
    """The least values of symbols, by name."""
    symbols = [expr for expr in in_order(sizes) if expr.op == "symbol" and expr.low > float("-inf")]
    return {expr.args[0]: int(expr.args[1] + expr.args[2] * expr.low) for expr in symbols}
