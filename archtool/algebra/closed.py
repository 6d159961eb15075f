"""An expression of a trace as a polynomial: products multiplied out, conditions as the numbers 0 and 1."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from archtool.algebra.bounds import Lows
from archtool.algebra.functions import extreme, floor, positive, zero
from archtool.algebra.polynomial import Polynomial, polynomial, symbol, total
from archtool.errors import RuleError
from archtool.size import Ratio
from archtool.trace import Expr, in_order


class Reader:
    """Reads the sizes of traces; what several of them have in common is read once. `lows` are the symbols' least
    values."""

    def __init__(self, lows: Lows | None = None) -> None:
        self.known: dict[Expr, Polynomial] = {}
        self.lows = lows or Lows()

    def of(self, value: object) -> Polynomial:
        """A size, ratio or condition as a polynomial: equal to it wherever the trace's rules hold."""
        if isinstance(value, Ratio):
            return self.of(value.numerator).over(self.of(value.denominator))
        if isinstance(value, int | Fraction):
            return polynomial(int(value) if isinstance(value, int) else value)
        if not isinstance(value, Expr):
            raise RuleError(f"{value!r} has no closed form")
        if value not in self.known:
            for expr in in_order([value]):
                if expr not in self.known:
                    self.known[expr] = self._read(expr)
        return self.known[value]

    def _read(self, expr: Expr) -> Polynomial:
        if expr.op in ("max", "min"):
            return extreme(expr.op, map(self.of, expr.args), self.lows)
        if expr.op in ("positive", "zero"):
            return (positive if expr.op == "positive" else zero)(self.of(expr.args[0]), self.lows)
        return _READERS[expr.op](self.of, *expr.args)


Of = Callable[[Any], Polynomial]


def _symbol(of: Of, name: str, start: int, step: int) -> Polynomial:
    return symbol(name) if step == 1 else (symbol(name) - start) * Fraction(1, step)


def _sum(of: Of, constant: int, terms: tuple[tuple[Expr, int], ...]) -> Polynomial:
    return total([(polynomial(constant), 1), *((of(term), factor) for term, factor in terms)])


def _product(of: Of, *factors: Expr) -> Polynomial:
    product = polynomial(1)
    for factor in factors:
        product = product * of(factor)
    return product


def _where(of: Of, condition: Expr, yes: Any, no: Any) -> Polynomial:
    return of(no) + of(condition) * (of(yes) - of(no))


def _or(of: Of, *conditions: Any) -> Polynomial:
    neither = polynomial(1)
    for condition in conditions:
        neither = neither * (polynomial(1) - of(condition))
    return polynomial(1) - neither


_READERS: Final[dict[str, Callable[..., Polynomial]]] = {
    "symbol": _symbol,
    "sum": _sum,
    "product": _product,
    "floor": lambda of, a, b: floor(of(a).over(of(b))),
    "quotient": lambda of, a, b: of(a).over(of(b)),
    "where": _where,
    "and": _product,
    "or": _or,
    "not": lambda of, a: polynomial(1) - of(a),
}
