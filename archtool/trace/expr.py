"""What a trace is made of: nodes of integer operations, and how they are taken apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final, NoReturn

from archtool.trace.intervals import Bound, Interval

if TYPE_CHECKING:
    from archtool.trace.table import Trace

CONDITIONS: Final = ("positive", "zero", "and", "or", "not")  # operations whose value is a truth value


class Expr:
    """An integer (or a truth value, 0 or 1) that varies; made by a `Trace`, never directly.

    `op` is one of symbol, sum, product, floor, quotient, max, min, where, positive, zero, and, or, not;
    `low` and `high` bound its value. `==` is identity: use `archtool.size.equal` for a condition.
    """

    __slots__ = ("args", "high", "low", "number", "op", "trace")

    def __init__(self, trace: Trace, op: str, args: tuple[Any, ...], low: Bound, high: Bound) -> None:
        self.trace = trace
        self.op = op
        self.args = args
        self.low = low
        self.high = high
        self.number = len(trace.table)

    def __add__(self, other: int | Expr) -> int | Expr:
        return self.trace.add(self, other)

    __radd__ = __add__

    def __mul__(self, other: int | Expr) -> int | Expr:
        return self.trace.multiply(self, other)

    __rmul__ = __mul__

    def __neg__(self) -> int | Expr:
        return self.trace.multiply(self, -1)

    def __sub__(self, other: int | Expr) -> int | Expr:
        return self.trace.add(self, -other)

    def __rsub__(self, other: int) -> int | Expr:
        return self.trace.add(-self, other)

    def __floordiv__(self, other: int | Expr) -> int | Expr:
        return self.trace.floor_divide(self, other)

    def __rfloordiv__(self, other: int) -> int | Expr:
        return self.trace.floor_divide(other, self)

    def __pow__(self, exponent: int) -> int | Expr:
        if not isinstance(exponent, int) or exponent < 0:
            return NotImplemented
        power: int | Expr = 1
        for _ in range(exponent):
            power = self * power
        return power

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError("a varying size has no truth value, order or int; use equal, less, where of archtool.size")

    __bool__ = __lt__ = __le__ = __gt__ = __ge__ = __int__ = __index__ = __mod__ = __rmod__ = _refuse

    def __repr__(self) -> str:
        from archtool.formula import write

        return write(self)


def bounds(size: int | Expr) -> Interval:
    """The least and greatest value of a size."""
    return (size.low, size.high) if isinstance(size, Expr) else (size, size)


def linear(size: int | Expr) -> tuple[int, dict[Expr, int]]:
    """A size as a constant and its terms with their coefficients; the dict is the caller's own."""
    if not isinstance(size, Expr):
        return size, {}
    if size.op == "sum":
        return size.args[0], dict(size.args[1])
    return 0, {size: 1}


def factors_of(term: Expr) -> tuple[Expr, ...]:
    """The factors of a product, or what is none alone."""
    return term.args if term.op == "product" else (term,)


def common_factors(products: Iterable[tuple[Expr, ...]]) -> list[Expr]:
    """The factors that all products have, as often as they all have them."""
    first, *others = products
    shared = Counter(first)
    for other in others:
        if not shared:
            break
        shared &= Counter(other)
    return list(shared.elements())


def without(factors: Iterable[Expr], removed: Iterable[Expr]) -> list[Expr]:
    """The factors that are left where some are removed."""
    left = list(factors)
    for factor in removed:
        left.remove(factor)
    return left


def is_condition(value: object) -> bool:
    """Whether a value is true, false, or an open condition."""
    return isinstance(value, bool) or (isinstance(value, Expr) and value.op in CONDITIONS)


def is_nonzero(size: int | Expr) -> bool:
    """Whether a size's bounds leave out 0."""
    low, high = bounds(size)
    return low > 0 or high < 0


def arguments(expr: Expr) -> tuple[int | Expr, ...]:
    """The sizes that an expression is made of."""
    if expr.op == "symbol":
        return ()
    if expr.op == "sum":
        return tuple(term for term, _ in expr.args[1])
    return expr.args


def in_order(outputs: Iterable[object]) -> list[Expr]:
    """Every expression that the outputs need, each after its arguments (the order of their making)."""
    seen: set[Expr] = set()
    todo = [output for output in outputs if isinstance(output, Expr)]
    while todo:
        expr = todo.pop()
        if expr not in seen:
            seen.add(expr)
            todo.extend(part for part in arguments(expr) if isinstance(part, Expr))
    return sorted(seen, key=lambda expr: expr.number)
