"""Expressions over integer symbols: hash-consed, bounded, with exact floor laws.

A layer's rules are plain arithmetic on sizes. Run once on an `Expr`, they leave a small graph of integer
operations, from which numpy code (`archtool.codegen`) and closed forms are read.

Normal form. A *sum* is a constant and a sorted tuple of (term, coefficient); a *product* is a sorted tuple of
factors without a numeric coefficient. Equal expressions in this form are the same object, so that equality of
objects is a proof of equality of values (the converse does not hold: products of sums are not expanded).

Floor laws, for integers b, d > 0 (Graham, Knuth, Patashnik, Concrete Mathematics, section 3.2):
    floor((d q + r) / d) = q + floor(r / d)
    floor((floor(u / b) + c) / d) = floor((u + b c) / (b d))
    floor((g u + c) / (g e)) = floor((u + floor(c / g)) / e)
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd, inf
from typing import Any, Final, NoReturn

Bound = float  # an exact int, or -inf or +inf
INT64: Final = 2**63
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


class Trace:
    """The table in which expressions are hash-consed, and the problems that rules have found.

    `problems` holds (condition that must hold, rule as text) in the order found; see `archtool.size.require`.
    """

    def __init__(self) -> None:
        self.table: dict[tuple[Any, ...], Expr] = {}
        self.symbols: dict[str, int | Expr] = {}
        self.problems: list[tuple[bool | Expr, str]] = []

    def symbol(self, name: str, low: Bound = 1, high: Bound = inf, step: int = 1) -> int | Expr:
        """The symbol `name` with values low, low + step, ... up to `high`; one of a kind in a trace.

        With a step the value is written low + step * t, so that parity and divisibility are known: for an odd
        k, (k - 1) // 2 loses its floor.
        """
        if name in self.symbols:
            return self.symbols[name]
        if step == 1:
            value: int | Expr = self._node("symbol", (name, 0, 1), low, high)
        else:
            start = int(low)
            turns = self._node("symbol", (name, start, step), 0, (high - start) // step)
            value = start + step * turns
        self.symbols[name] = value
        return value

    def _node(self, op: str, args: tuple[Any, ...], low: Bound, high: Bound) -> Expr:
        key = (op, *args)
        found = self.table.get(key)
        if found is None:
            found = self.table[key] = Expr(self, op, args, low, high)
        return found

    def _sum(self, constant: int, terms: dict[Expr, int]) -> int | Expr:
        kept = tuple(sorted(((t, c) for t, c in terms.items() if c), key=lambda item: item[0].number))
        if not kept:
            return constant
        if constant == 0 and len(kept) == 1 and kept[0][1] == 1:
            return kept[0][0]
        low: Bound = constant
        high: Bound = constant
        for term, factor in kept:
            ends = (_times(term.low, factor), _times(term.high, factor))
            low = _plus(low, min(ends))
            high = _plus(high, max(ends))
        if low == high:
            return int(low)
        return self._node("sum", (constant, kept), low, high)

    def add(self, left: int | Expr, right: int | Expr) -> int | Expr:
        """left + right."""
        constant, terms = linear(left)
        more, others = linear(right)
        for term, factor in others.items():
            terms[term] = terms.get(term, 0) + factor
        return self._sum(constant + more, terms)

    def multiply(self, left: int | Expr, right: int | Expr) -> int | Expr:
        """left * right: a number is distributed over a sum, a sum over a sum is not expanded."""
        if not isinstance(left, Expr):
            left, right = right, left
        if not isinstance(left, Expr):
            return left * right
        if not isinstance(right, Expr):
            constant, terms = linear(left)
            return self._sum(constant * right, {term: factor * right for term, factor in terms.items()})
        coefficient, factors = _monomial(left)
        more, others = _monomial(right)
        both = sorted([*factors, *others], key=lambda factor: factor.number)
        ends: list[Bound] = [1]
        for index, factor in enumerate(both):
            if index and factor is both[index - 1]:
                continue
            ends = [_times(a, b) for a in ends for b in _power_bounds(factor, both.count(factor))]
            ends = [min(ends), max(ends)]
        product = self._node("product", tuple(both), ends[0], ends[-1])
        return self._sum(0, {product: coefficient * more})

    def floor_divide(self, left: int | Expr, right: int | Expr) -> int | Expr:
        """floor(left / right); the laws above hold where `right` is a positive number."""
        if isinstance(right, int):
            if right == 0:
                raise ZeroDivisionError("division by zero")
            return self._floor(left, right) if right > 0 else self._floor(-left, -right)
        exact = self._cancel(left, right)
        if exact is not None:
            return exact
        return self._divided("floor", left, right)

    def quotient(self, left: int | Expr, right: int | Expr) -> int | Expr:
        """left / right, where the caller has required that it is whole."""
        exact = self._cancel(left, right)
        if exact is not None:
            return exact
        return self._divided("quotient", left, right)

    def _divided(self, op: str, left: int | Expr, right: int | Expr) -> int | Expr:
        low, high = _quotient_bounds(bounds(left), bounds(right))
        return int(low) if low == high else self._node(op, (left, right), low, high)

    def _floor(self, left: int | Expr, d: int) -> int | Expr:
        constant, terms = linear(left)
        whole = self._sum(constant // d, {t: c // d for t, c in terms.items() if c % d == 0})
        terms = {t: c for t, c in terms.items() if c % d}
        common = gcd(d, *terms.values())
        constant, d = constant % d // common, d // common
        terms = {t: c // common for t, c in terms.items()}
        if len(terms) == 1:
            ((term, factor),) = terms.items()
            if factor == 1 and term.op in ("floor", "quotient") and isinstance(term.args[1], int):
                inner, b = term.args
                return whole + self._floor(inner + b * constant, b * d)
        rest = self._sum(constant, terms)
        if d == 1:
            return whole + rest
        low, high = (end if abs(end) == inf else end // d for end in bounds(rest))
        if low == high:
            return whole + int(low)
        return whole + self._node("floor", (rest, d), low, high)

    def _cancel(self, left: int | Expr, right: int | Expr) -> int | Expr | None:
        """left / right where it is whole by its form alone, else None."""
        if right is left:
            return 1 if _nonzero(right) else None
        if isinstance(right, int):
            constant, terms = linear(left)
            if right and constant % right == 0 and all(factor % right == 0 for factor in terms.values()):
                return self._sum(constant // right, {term: factor // right for term, factor in terms.items()})
            return None
        divisor, factors = _monomial(right)
        constant, terms = linear(left)
        if constant or not _nonzero(right):
            return 0 if left == 0 and _nonzero(right) else None
        total: int | Expr = 0
        for term, factor in terms.items():
            rest = list(_monomial(term)[1])
            for each in factors:
                if each not in rest:
                    return None
                rest.remove(each)
            if factor % divisor:
                return None
            part: int | Expr = factor // divisor
            for each in rest:
                part = each * part
            total = total + part
        return total

    def extreme(self, op: str, left: int | Expr, right: int | Expr) -> int | Expr:
        """max or min of two, decided by bounds where they decide."""
        (left_low, left_high), (right_low, right_high) = bounds(left), bounds(right)
        pick = max if op == "max" else min
        if left is right or left_low >= right_high or left_high <= right_low:
            first_is_larger = left is right or left_low >= right_high
            return left if first_is_larger == (op == "max") else right
        low, high = bounds(self.add(left, -right))
        if low >= 0 or high <= 0:
            return left if (low >= 0) == (op == "max") else right
        pair = sorted((left, right), key=lambda size: -1 if isinstance(size, int) else size.number)
        return self._node(op, tuple(pair), pick(left_low, right_low), pick(left_high, right_high))

    def positive(self, size: int | Expr) -> bool | Expr:
        """Whether size > 0."""
        low, high = bounds(size)
        if low > 0 or high <= 0:
            return low > 0
        return self._node("positive", (size,), 0, 1)

    def zero(self, size: int | Expr) -> bool | Expr:
        """Whether size = 0."""
        low, high = bounds(size)
        if low > 0 or high < 0:
            return False
        if low == high == 0:
            return True
        constant, terms = linear(size)
        common = gcd(*terms.values())
        if constant % common:
            return False
        if next(iter(terms.values())) < 0:  # x = 0 and -x = 0 are one condition
            common = -common
        form = self._sum(constant // common, {term: factor // common for term, factor in terms.items()})
        return self._node("zero", (form,), 0, 1)

    def where(self, condition: Expr, yes: Any, no: Any) -> Any:
        """yes where the condition holds, else no; equal values merge away."""
        if yes is no or (isinstance(yes, int) and isinstance(no, int) and yes == no):
            return yes
        if condition.op == "not":
            return self.where(condition.args[0], no, yes)
        (yes_low, yes_high), (no_low, no_high) = bounds(yes), bounds(no)
        return self._node("where", (condition, yes, no), min(yes_low, no_low), max(yes_high, no_high))

    def logic(self, op: str, conditions: Iterable[bool | Expr]) -> bool | Expr:
        """The conjunction (`and`) or disjunction (`or`) of conditions."""
        absorbing = op == "or"
        kept: dict[Expr, None] = {}
        for condition in conditions:
            if isinstance(condition, Expr):
                kept[condition] = None
            elif condition == absorbing:
                return absorbing
        if not kept:
            return not absorbing
        if any(condition.op == "not" and condition.args[0] in kept for condition in kept):
            return absorbing
        if len(kept) == 1:
            return next(iter(kept))
        return self._node(op, tuple(sorted(kept, key=lambda condition: condition.number)), 0, 1)

    def negate(self, condition: Expr) -> Expr:
        """The condition's opposite."""
        if condition.op == "not":
            opposite: Expr = condition.args[0]
            return opposite
        return self._node("not", (condition,), 0, 1)


def bounds(size: int | Expr) -> tuple[Bound, Bound]:
    """The least and greatest value of a size."""
    return (size.low, size.high) if isinstance(size, Expr) else (size, size)


def linear(size: int | Expr) -> tuple[int, dict[Expr, int]]:
    """A size as a constant and its terms with their coefficients; the dict is the caller's own."""
    if not isinstance(size, Expr):
        return size, {}
    if size.op == "sum":
        return size.args[0], dict(size.args[1])
    return 0, {size: 1}


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


def _monomial(size: Expr) -> tuple[int, tuple[Expr, ...]]:
    """A size as a coefficient and its factors."""
    constant, terms = linear(size)
    if constant == 0 and len(terms) == 1:
        ((term, factor),) = terms.items()
        return factor, term.args if term.op == "product" else (term,)
    return 1, (size,)


def _nonzero(size: int | Expr) -> bool:
    low, high = bounds(size)
    return low > 0 or high < 0


def _plus(a: Bound, b: Bound) -> Bound:
    if abs(a) == inf or abs(b) == inf:  # an int too large for a float does not add to inf
        return a if abs(a) == inf else b
    return a + b


def _times(a: Bound, b: Bound) -> Bound:
    if a == 0 or b == 0:
        return 0
    if abs(a) == inf or abs(b) == inf:
        return inf if (a > 0) == (b > 0) else -inf
    return a * b


def _power_bounds(factor: Expr, exponent: int) -> tuple[Bound, Bound]:
    """Bounds of factor ** exponent: an even power is never negative."""
    low, high = factor.low**exponent, factor.high**exponent
    if exponent % 2 == 0:
        crosses = factor.low < 0 < factor.high
        return (0 if crosses else min(low, high)), max(low, high)
    return low, high


def _quotient_bounds(left: tuple[Bound, Bound], right: tuple[Bound, Bound]) -> tuple[Bound, Bound]:
    """Bounds of a floor quotient; none where the divisor may be zero."""
    if right[0] <= 0 <= right[1]:
        return -inf, inf
    ends = [_floor_bound(a, b) for a in left for b in right]
    return min(ends), max(ends)


def _floor_bound(a: Bound, b: Bound) -> Bound:
    if abs(b) == inf:
        return 0 if a == 0 or (a > 0) == (b > 0) else (-1 if abs(a) != inf else -inf)
    if abs(a) == inf:
        return a if b > 0 else -a
    return a // b
