"""Polynomials that enclose expressions, by which sums over different floors are compared.

A floor lies close below its quotient: (u - d + 1) / d <= floor(u / d) <= u / d. So what is left is a polynomial in the
symbols (and in what is no arithmetic, each a variable of its own). Variables count from their least value on, so that a
polynomial is never negative where none of its coefficients is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction
from math import inf
from typing import Final, NamedTuple

from archtool.trace import Expr

Monomial = tuple[Expr, ...]  # its variables, in the order of their numbers
Polynomial = dict[Monomial, Fraction]
_ONE: Final[Polynomial] = {(): Fraction(1)}


class Enclosure(NamedTuple):
    """Polynomials of which one is never greater than an expression, one never less."""

    low: Polynomial
    high: Polynomial


class Enclosing:
    """Encloses expressions, each once."""

    def __init__(self) -> None:
        self._known: dict[Expr, Enclosure] = {}

    def least(self, constant: int, terms: Mapping[Expr, int]) -> float:
        """A bound that a sum is never below."""
        return _least(self._end(constant, terms, 1))

    def _of(self, expr: Expr) -> Enclosure:
        if expr not in self._known:
            self._known[expr] = self._read(expr)
        return self._known[expr]

    def _read(self, expr: Expr) -> Enclosure:
        if expr.op == "sum":
            constant, terms = expr.args
            return Enclosure(*(self._end(constant, dict(terms), side) for side in (1, -1)))
        if expr.op == "product" and all(factor.low >= 0 for factor in expr.args):
            return self._product(expr.args)
        if expr.op in ("floor", "quotient") and isinstance(expr.args[1], int):
            inner, divisor = expr.args
            low, high = self._of(inner)
            lost = divisor - 1 if expr.op == "floor" else 0
            share = Fraction(1, divisor)
            return Enclosure(_total([(low, share), (_ONE, -lost * share)]), _total([(high, share)]))
        return _variable(expr)

    def _end(self, constant: int, terms: Mapping[Expr, int], side: int) -> Polynomial:
        """The polynomial that encloses a sum from below (1) or from above (-1)."""
        parts = [(_ONE, Fraction(constant))]
        for term, factor in terms.items():
            low, high = self._of(term)
            parts.append((low if factor * side > 0 else high, Fraction(factor)))
        return _total(parts)

    def _product(self, factors: tuple[Expr, ...]) -> Enclosure:
        """Of factors none of which is negative."""
        low = high = _ONE
        for factor in factors:
            least, most = self._of(factor)
            low = _times(low, least if _least(least) >= 0 else {(): Fraction(int(factor.low))})
            high = _times(high, most)
        return Enclosure(low, high)


def _variable(expr: Expr) -> Enclosure:
    start = expr.low
    polynomial: Polynomial = {(expr,): Fraction(1)}
    if abs(start) != inf:
        polynomial[()] = Fraction(int(start))
    return Enclosure(polynomial, polynomial)


def _least(polynomial: Polynomial) -> float:
    """The sum of the least values of a polynomial's parts."""
    low: float = 0
    for monomial, factor in polynomial.items():
        most = Fraction(1)
        for variable in monomial:
            if abs(variable.low) == inf or (factor < 0 and variable.high == inf):
                return -inf
            most *= int(variable.high - variable.low) if factor < 0 else 0
        low = low + factor * most
    return low


def _total(parts: Iterable[tuple[Polynomial, Fraction]]) -> Polynomial:
    """The sum of polynomials, each so many times."""
    total: Polynomial = {}
    for polynomial, times in parts:
        for monomial, factor in polynomial.items():
            total[monomial] = total.get(monomial, 0) + times * factor
    return {monomial: factor for monomial, factor in total.items() if factor}


def _times(left: Polynomial, right: Polynomial) -> Polynomial:
    total: defaultdict[Monomial, Fraction] = defaultdict(Fraction)
    for a, x in left.items():
        for b, y in right.items():
            total[tuple(sorted((*a, *b), key=lambda variable: variable.number))] += x * y
    return dict(total)
