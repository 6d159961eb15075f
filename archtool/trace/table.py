"""A trace: the table in which expressions are hash-consed, and the arithmetic that makes them.

Normal form. A *sum* is a constant and a sorted tuple of (term, coefficient); a *product* is a sorted tuple of
factors without a numeric coefficient, none of them a sum that a number divides, the indicator of a condition last.
Equal expressions in this form are the same object, so that equality of objects is a proof of equality of values (the
converse does not hold: products of sums are not expanded).

Floor laws, for integers b, d > 0 (Graham, Knuth, Patashnik, Concrete Mathematics, section 3.2):
    floor((d q + r) / d) = q + floor(r / d)
    floor((floor(u / b) + c) / d) = floor((u + b c) / (b d))
    floor((g u + c) / (g e)) = floor((u + floor(c / g)) / e)
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd, inf
from typing import Any, Final

from archtool.trace import alternatives, conditions
from archtool.trace.bounding import bounds_of_sum
from archtool.trace.expr import Expr, bounds, common_factors, factors_of, is_nonzero, linear, without
from archtool.trace.intervals import Bound, power_bounds, product_bounds, quotient_bounds

INT64: Final = 2**63


class Trace:
    """The table in which expressions are hash-consed, and the problems that rules have found.

    `problems` holds (condition that must hold, rule as text) in the order found; see `archtool.size.require`.
    """

    def __init__(self) -> None:
        self.table: dict[tuple[Any, ...], Expr] = {}
        self.symbols: dict[str, int | Expr] = {}
        self.problems: list[tuple[bool | Expr, str]] = []
        self.turns = 0  # symbols made for the turns of repeats
        self.facts: dict[Expr, conditions.Facts] = {}  # of conditions that were assumed

    def symbol(self, name: str, low: Bound = 1, high: Bound = inf, step: int = 1) -> int | Expr:
        """The symbol `name` with values low, low + step, ... up to `high`; one of a kind in a trace.

        With a step the value is written step * t + low % step, so that parity and divisibility are known: for an odd
        k, (k - 1) // 2 loses its floor, and a width in steps of 8 is 8 * t.
        """
        if name in self.symbols:
            return self.symbols[name]
        if step == 1:
            value: int | Expr = self.node("symbol", (name, 0, 1), low, high)
        else:
            first, start = divmod(int(low), step)
            turns = self.node("symbol", (name, start, step), first, high if high == inf else (high - start) // step)
            value = start + step * turns
        self.symbols[name] = value
        return value

    def turn(self, last: Bound) -> Expr:
        """A new symbol for the turns 0 to `last` of a repeat."""
        self.turns += 1
        return self.node("symbol", (f"turn[{self.turns}]", 0, 1), 0, last)

    def node(self, op: str, args: tuple[Any, ...], low: Bound, high: Bound) -> Expr:
        """The expression of this form, one of a kind."""
        key = (op, *args)
        found = self.table.get(key)
        if found is None:
            found = self.table[key] = Expr(self, op, args, low, high)
        return found

    # --- sums and products ------------------------------------------------------------------------------------------

    def sum_of(self, constant: int, terms: dict[Expr, int]) -> int | Expr:
        """constant + the terms, each taken as often as its coefficient says."""
        kept = tuple(sorted([item for item in terms.items() if item[1]], key=lambda item: item[0].number))
        if not kept:
            return constant
        if constant == 0 and len(kept) == 1 and kept[0][1] == 1:
            return kept[0][0]
        known = self.table.get(("sum", constant, kept))
        if known is not None:
            return known
        low, high = bounds_of_sum(constant, dict(kept))
        if low == high:
            return int(low)
        return self.node("sum", (constant, kept), low, high)

    def add(self, left: int | Expr, right: int | Expr) -> int | Expr:
        """left + right."""
        constant, terms = linear(left)
        more, others = linear(right)
        merged: int | Expr = 0
        for term, factor in others.items():
            gate = alternatives.gate_of(term)
            if term in terms or gate is None:
                terms[term] = terms.get(term, 0) + factor
                continue
            partner = next((other for other in terms if alternatives.gate_of(other) is gate), None)
            if partner is None:
                terms[term] = factor
                continue
            _, yes, no = alternatives.gated(partner, terms.pop(partner))
            _, more_yes, more_no = alternatives.gated(term, factor)
            merged = merged + self.where(gate, yes + more_yes, no + more_no)
        total = self.sum_of(constant + more, terms)
        return total if alternatives.same(merged, 0) else total + merged

    def multiply(self, left: int | Expr, right: int | Expr) -> int | Expr:
        """left * right: a number is distributed over a sum, a sum over a sum is not expanded."""
        if not isinstance(left, Expr):
            left, right = right, left
        if not isinstance(left, Expr):
            return left * right
        if not isinstance(right, Expr):
            constant, terms = linear(left)
            return self.sum_of(constant * right, {term: factor * right for term, factor in terms.items()})
        coefficient, factors = self.monomial(left)
        more, others = self.monomial(right)
        both = [*factors, *others]
        if len(both) < 2:  # a sum whose bounds, without its divisor, leave one number
            return coefficient * more * self.product_of(both)
        gates = {factor: gate for factor in both if (gate := alternatives.indicated(factor)) is not None}
        if gates:
            rest = [factor for factor in both if factor not in gates]
            return alternatives.gated_product(self, coefficient * more, rest, gates.values())
        return self.sum_of(0, {self.product_of(both): coefficient * more})  # type: ignore[dict-item]  # of two or more

    def product_of(self, factors: list[Expr]) -> int | Expr:
        """The product of factors of which none is an indicator, or a product or a sum with a divisor itself."""
        if len(factors) < 2:
            return factors[0] if factors else 1
        both = sorted(factors, key=lambda factor: factor.number)
        known = self.table.get(("product", *both))
        if known is not None:
            return known
        low: Bound = 1
        high: Bound = 1
        for index, factor in enumerate(both):
            if not index or factor is not both[index - 1]:
                low, high = product_bounds((low, high), power_bounds(bounds(factor), both.count(factor)))
        return self.node("product", tuple(both), low, high)

    def monomial(self, size: Expr) -> tuple[int, tuple[Expr, ...]]:
        """A size as a coefficient and its factors; a sum's coefficient is what divides all of it."""
        if size.op != "sum":
            return 1, factors_of(size)
        constant, terms = size.args
        if constant == 0 and len(terms) == 1:
            ((term, factor),) = terms
            return factor, factors_of(term)
        common = gcd(constant, *(factor for _, factor in terms))
        if size.high <= 0 or (size.low < 0 and terms[0][1] < 0):
            common = -common
        if common != 1:
            terms = tuple((term, factor // common) for term, factor in terms)
        shared = [] if constant else common_factors([factors_of(term) for term, _ in terms])
        if shared:
            rest: Any = 0
            for term, factor in terms:
                rest = rest + factor * self.product_of(without(factors_of(term), shared))
            if not isinstance(rest, Expr):
                return common * rest, tuple(shared)
            sign, factors = self.monomial(rest)  # of a sum without a divisor
            return common * sign, (*shared, *factors)
        whole = size if common == 1 else self.sum_of(constant // common, dict(terms))
        return (common, (whole,)) if isinstance(whole, Expr) else (common * whole, ())  # the bounds of less are tighter

    # --- quotients --------------------------------------------------------------------------------------------------

    def floor_divide(self, left: int | Expr, right: int | Expr) -> int | Expr:
        """floor(left / right); the laws above hold where `right` is a positive number."""
        if isinstance(right, int):
            if right == 0:
                raise ZeroDivisionError("division by zero")
            return self._floor(left, right) if right > 0 else self._floor(-left, -right)
        exact = self.cancelled(left, right)
        if exact is not None:
            return exact
        return self._divided("floor", left, right)

    def quotient(self, left: int | Expr, right: int | Expr) -> int | Expr:
        """left / right, where the caller has required that it is whole."""
        exact = self.cancelled(left, right)
        if exact is not None:
            return exact
        return self._divided("quotient", left, right)

    def _divided(self, op: str, left: int | Expr, right: int | Expr) -> int | Expr:
        low, high = quotient_bounds(bounds(left), bounds(right))
        return int(low) if low == high else self.node(op, (left, right), low, high)

    def _floor(self, left: int | Expr, d: int) -> int | Expr:
        constant, terms = linear(left)
        whole = self.sum_of(constant // d, {t: c // d for t, c in terms.items() if c % d == 0})
        terms = {t: c for t, c in terms.items() if c % d}
        common = gcd(d, *terms.values())
        constant, d = constant % d // common, d // common
        terms = {t: c // common for t, c in terms.items()}
        if len(terms) == 1:
            ((term, factor),) = terms.items()
            if factor == 1 and term.op in ("floor", "quotient") and isinstance(term.args[1], int):
                inner, b = term.args
                return whole + self._floor(inner + b * constant, b * d)
        rest = self.sum_of(constant, terms)
        if d == 1:
            return whole + rest
        low, high = (end if abs(end) == inf else end // d for end in bounds(rest))
        if low == high:
            return whole + int(low)
        return whole + self.node("floor", (rest, d), low, high)

    def cancelled(self, left: int | Expr, right: int | Expr) -> int | Expr | None:
        """left / right where it is whole by its form alone, else None."""
        if right is left:
            return 1 if is_nonzero(right) else None
        if isinstance(right, int):
            constant, terms = linear(left)
            if right and constant % right == 0 and all(factor % right == 0 for factor in terms.values()):
                return self.sum_of(constant // right, {term: factor // right for term, factor in terms.items()})
            return None
        if not is_nonzero(right):
            return None
        divisor, factors = self.monomial(right)
        constant, terms = linear(left)
        if constant:
            return self._cancel_sum(left, divisor, factors)
        total: int | Expr = 0
        for term, factor in terms.items():
            rest = list(self.monomial(term)[1])
            for each in factors:
                if each not in rest:
                    return self._cancel_sum(left, divisor, factors)
                rest.remove(each)
            if factor % divisor:
                return None
            part: int | Expr = factor // divisor
            for each in rest:
                part = each * part
            total = total + part
        return total

    def _cancel_sum(self, left: int | Expr, divisor: int, factors: tuple[Expr, ...]) -> int | None:
        """A sum divided by itself times a number that divides it."""
        if not isinstance(left, Expr):
            return None
        coefficient, own = self.monomial(left)
        return coefficient // divisor if own == factors and coefficient % divisor == 0 else None

    # --- extremes, conditions, alternatives -------------------------------------------------------------------------

    def extreme(self, op: str, left: int | Expr, right: int | Expr) -> int | Expr:
        """max or min of two, decided by bounds where they decide."""
        (left_low, left_high), (right_low, right_high) = bounds(left), bounds(right)
        low, high = bounds(left - right)
        if low >= 0 or left_low >= right_high:
            return left if op == "max" else right
        if high <= 0 or left_high <= right_low:
            return right if op == "max" else left
        pick = max if op == "max" else min
        pair = sorted((left, right), key=lambda size: -1 if isinstance(size, int) else size.number)
        return self.node(op, tuple(pair), pick(left_low, right_low), pick(left_high, right_high))

    def positive(self, size: int | Expr) -> bool | Expr:
        """Whether size > 0."""
        found = alternatives.by_branch(size, self.positive) if isinstance(size, Expr) else None
        return conditions.positive(self, size) if found is None else found

    def zero(self, size: int | Expr) -> bool | Expr:
        """Whether size = 0."""
        found = alternatives.by_branch(size, self.zero) if isinstance(size, Expr) else None
        return conditions.zero(self, size) if found is None else found

    def where(self, condition: Expr, yes: Any, no: Any) -> Any:
        """yes where the condition holds, else no; equal values merge away."""
        return alternatives.where(self, condition, yes, no)

    def logic(self, op: str, parts: Iterable[bool | Expr]) -> bool | Expr:
        """The conjunction (`and`) or disjunction (`or`) of conditions."""
        return conditions.logic(self, op, parts)

    def negate(self, condition: Expr) -> Expr:
        """The condition's opposite."""
        return conditions.negate(self, condition)
