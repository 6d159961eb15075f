"""Sums written out as polynomials of what fits into tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import reduce
from math import gcd
from typing import Final, NamedTuple

from archtool.codegen import Operation, reach_of_product
from archtool.explore.plan.grid import Support
from archtool.size import Size, product, where
from archtool.trace import INT64, Expr
from archtool.trace.expr import factors_of

MOST_MONOMIALS: Final = 256  # of a sum that is written out

Monomial = tuple[Expr, ...]
Terms = dict[Monomial, int]  # a polynomial: coefficients; the constant is that of ()


class Sum(NamedTuple):
    """factor * (terms) + offset, where the terms have no common divisor and the first is positive."""

    terms: tuple[tuple[Monomial, int], ...]
    factor: int
    offset: int


class Polynomials:
    """Writes expressions out, as far as they gain by it.

    Each monomial fits into a table, or is a single expression. All stays within int64, in whatever order it is added.
    """

    def __init__(self, support: Support, fits: Callable[[int], bool], operation: Callable[[Expr], Operation]) -> None:
        self.support = support
        self.fits = fits
        self.operation = operation
        self._found: dict[Expr, Terms] = {}

    def of(self, expr: Expr) -> Terms:
        """An expression as a polynomial, of one monomial where it can't be written out."""
        found = self._found.get(expr)
        if found is None:
            found = self._found[expr] = self._written_out(expr) or self._alone(expr)
        return found

    def _of_size(self, size: Size) -> Terms:
        return self.of(size) if isinstance(size, Expr) else {(): int(size)}

    def _alone(self, expr: Expr) -> Terms:
        return {factors_of(expr) if self.fits(self.support[expr]) else (expr,): 1}

    def _written_out(self, expr: Expr) -> Terms | None:
        if self.fits(self.support[expr]) or expr.op not in ("sum", "product", "where") or self.operation(expr).is_wide:
            return None
        if expr.op == "sum":
            return self._added(expr)
        return self._multiplied(expr.args) if expr.op == "product" else self._common(*expr.args)

    def _added(self, expr: Expr) -> Terms:
        number, terms = expr.args
        total: Terms = {(): number}
        for term, factor in terms:
            for monomial, coefficient in self.of(term).items():
                total[monomial] = total.get(monomial, 0) + factor * coefficient
        if _reach(total) < INT64 and len(total) <= MOST_MONOMIALS:
            return total
        return {(): number} | {monomial: factor for term, factor in terms for monomial in self._alone(term)}

    def _multiplied(self, factors: Iterable[Expr]) -> Terms | None:
        """A product of sums as a sum of products, where each of these fits into a table."""
        total: Terms = {(): 1}
        for factor in factors:
            terms = self.of(factor)
            if len(total) * len(terms) > MOST_MONOMIALS:
                return None
            longer: Terms = {}
            for left, a in total.items():
                for right, b in terms.items():
                    both = tuple(sorted((*left, *right), key=lambda each: each.number))
                    longer[both] = longer.get(both, 0) + a * b
            total = longer
        small = all(self.fits(self.support.of(monomial)) for monomial in total)
        return total if small and len(total) > 1 and _reach(total) < INT64 else None

    def _common(self, condition: Expr, yes: Size, no: Size) -> Terms | None:
        """What both alternatives add, taken out of the condition."""
        one, other = self._of_size(yes), self._of_size(no)
        common = {monomial: factor for monomial, factor in one.items() if factor and other.get(monomial) == factor}
        if not common:
            return None
        own = ([term for term in terms.items() if term[0] not in common] for terms in (one, other))
        rest = where(condition, *map(written, own))
        if not isinstance(rest, Expr) or self.operation(rest).is_wide:
            return None
        for monomial, factor in self._alone(rest).items():
            common[monomial] = common.get(monomial, 0) + factor
        return common if _reach(common) < INT64 else None


def as_sum(terms: Terms) -> Sum:
    """A polynomial that varies, so that multiples of each other which differ by a constant have the same terms."""
    varying = [(monomial, factor) for monomial, factor in terms.items() if monomial and factor]
    varying.sort(key=lambda term: [each.number for each in term[0]])
    common = gcd(*(factor for _, factor in varying))
    if varying[0][1] < 0:
        common = -common
    return Sum(tuple((monomial, factor // common) for monomial, factor in varying), common, terms.get((), 0))


def written(terms: Iterable[tuple[Monomial, int]]) -> Size:
    """A polynomial as an expression, or the number that it is."""
    total: Size = 0
    return reduce(lambda so_far, term: so_far + term[1] * product(term[0]), terms, total)


def _reach(terms: Terms) -> int:
    """How far from 0 any part of a polynomial can be."""
    return sum(abs(factor) * reach_of_product(monomial) for monomial, factor in terms.items())
