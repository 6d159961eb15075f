"""Expressions as polynomials in one symbol: their values elsewhere, and their sums in closed form."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from math import comb, lcm

from archtool.trace.expr import Expr, arguments

Value = int | Expr
Coefficients = list[Value]  # that of symbol ** k at k; the last is not 0, and none is left of 0


def coefficients(value: Value, symbol: Expr) -> Coefficients | None:
    """A value as a polynomial in the symbol; None where it is none by its form."""
    return _read(value, symbol, {})


def at(polynomial: Coefficients, place: Value) -> Value:
    """The value where the symbol is this."""
    value: Value = 0
    for coefficient in reversed(polynomial):
        value = value * place + coefficient
    return value


def sum_below(polynomial: Coefficients, n: Value) -> Value:
    """The sum of the values at 0, 1, ..., n - 1, by Faulhaber's formula (Graham, Knuth, Patashnik, Concrete
    Mathematics, section 6.5)."""
    total: Value = 0
    for power, coefficient in enumerate(polynomial):
        total = total + coefficient * _power_sum(power, n)
    return total


def _power_sum(power: int, n: Value) -> Value:
    """0^k + 1^k + ... + (n - 1)^k."""
    factors = _faulhaber(power)
    common = lcm(*(factor.denominator for factor in factors))
    value = at([int(factor * common) for factor in factors], n)
    return value.trace.quotient(value, common) if isinstance(value, Expr) else value // common


@cache
def _faulhaber(power: int) -> tuple[Fraction, ...]:
    """The coefficients of 0^k + ... + (n - 1)^k as a polynomial in n."""
    factors = [Fraction(0)] * (power + 2)
    for j in range(power + 1):
        factors[power + 1 - j] = comb(power + 1, j) * _bernoulli(j) / (power + 1)
    return tuple(factors)


@cache
def _bernoulli(m: int) -> Fraction:
    """Bernoulli's number, that of 1 being -1/2."""
    return Fraction(m == 0) - sum((comb(m, k) * _bernoulli(k) / (m - k + 1) for k in range(m)), Fraction(0))


def _read(value: Value, symbol: Expr, known: dict[Expr, Coefficients | None]) -> Coefficients | None:
    if not isinstance(value, Expr):
        return [value] if value else []
    if value not in known:
        known[value] = _read_expr(value, symbol, known)
    return known[value]


def _read_expr(value: Expr, symbol: Expr, known: dict[Expr, Coefficients | None]) -> Coefficients | None:
    if value is symbol:
        return [0, 1]
    read = [_read(part, symbol, known) for part in arguments(value)]
    parts = [part for part in read if part is not None]
    if len(parts) < len(read):
        return None
    if all(len(part) < 2 for part in parts):
        return [value]
    if value.op == "sum":
        constant, terms = value.args
        total: Coefficients = [constant]
        for part, (_, factor) in zip(parts, terms, strict=True):
            total = _added(total, [factor * coefficient for coefficient in part])
        return _trimmed(total)
    if value.op == "product":
        product: Coefficients = [1]
        for part in parts:
            product = _multiplied(product, part)
        return _trimmed(product)
    return None


def _added(left: Coefficients, right: Coefficients) -> Coefficients:
    length = max(len(left), len(right))
    return [(left[k] if k < len(left) else 0) + (right[k] if k < len(right) else 0) for k in range(length)]


def _multiplied(left: Coefficients, right: Coefficients) -> Coefficients:
    product: Coefficients = [0] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            product[i + j] = product[i + j] + a * b
    return product


def _trimmed(polynomial: Coefficients) -> Coefficients:
    while polynomial and not isinstance(polynomial[-1], Expr) and polynomial[-1] == 0:
        polynomial = polynomial[:-1]
    return polynomial
