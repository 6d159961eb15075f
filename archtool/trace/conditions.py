"""Conditions: what is true of an integer, and what follows from it.

Normal form. `positive` and `zero` ask about a linear form with coefficients without a common divisor, the first of them
positive: L >= m is positive(L - m + 1), L <= m its `not`. Where L can't be less (more) than m, L = m is asked as
L <= m (L >= m). `not` stands over these two alone; `and` and `or` hold no twins, and at most one range of an L.
So L > 2 and L != 3 and L < 5 is L = 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import gcd
from typing import TYPE_CHECKING, NamedTuple

from archtool.trace.expr import Expr, bounds, factors_of, is_nonzero, linear
from archtool.trace.intervals import Bound, plus

if TYPE_CHECKING:
    from archtool.trace.table import Trace

Core = tuple[tuple[Expr, int], ...]  # the terms of a linear form without its constant


class Literal(NamedTuple):
    """core + constant > 0 (or = 0 where `is_zero`), or the opposite of it."""

    core: Core
    constant: int
    is_zero: bool
    holds: bool


class Range(NamedTuple):
    """low <= L <= high without some holes between; `least` and `most` bound L in any case."""

    low: Bound
    high: Bound
    holes: frozenset[int]
    least: Bound
    most: Bound


def literal(condition: Expr) -> Literal | None:
    """A condition on one linear form; None for others."""
    holds = condition.op != "not"
    atom = condition if holds else condition.args[0]
    if atom.op not in ("positive", "zero"):
        return None
    size: Expr = atom.args[0]
    constant, core = size.args if size.op == "sum" else (0, ((size, 1),))
    return Literal(core, constant, atom.op == "zero", holds)


def multiple_of(terms: Mapping[Expr, int], core: Core) -> int | None:
    """How often terms are a linear form; None where they are no multiple of it."""
    first, each = core[0]
    times, left = divmod(terms.get(first, 0), each)
    if left or not times or len(terms) != len(core):
        return None
    return times if all(terms.get(term) == times * factor for term, factor in core) else None


class Facts:
    """What follows from conditions that hold: the ranges of linear forms, and conditions known to be true.

    `pins` are the forms of which one value is left; `is_contradiction` where no value of some form is.
    """

    def __init__(self, conditions: Iterable[Expr]) -> None:
        self.true: set[Expr] = set()
        self.ranges: dict[Core, Range] = {}
        self.is_contradiction = False
        for condition in conditions:
            self.true.add(condition)
            found = literal(condition)
            if found is not None:
                self._narrow(condition, found)
        self.pins = {core: int(each.low) for core, each in self.ranges.items() if each.low == each.high}
        self.known: dict[Expr, int | Expr] = {}  # what expressions are where this holds; see alternatives.assume

    def _narrow(self, condition: Expr, found: Literal) -> None:
        core, constant, is_zero, holds = found
        if core not in self.ranges:
            size: Expr = (condition if holds else condition.args[0]).args[0]
            least, most = plus(size.low, -constant), plus(size.high, -constant)
            self.ranges[core] = Range(least, most, frozenset(), least, most)
        low, high, holes, least, most = self.ranges[core]
        if is_zero and holds:
            low, high = max(low, -constant), min(high, -constant)
        elif is_zero:
            holes = holes | {-constant}
        elif holds:
            low = max(low, 1 - constant)
        else:
            high = min(high, -constant)
        while low in holes:
            low += 1
        while high in holes:
            high -= 1
        holes = frozenset(hole for hole in holes if low < hole < high)
        self.is_contradiction = self.is_contradiction or low > high
        self.ranges[core] = Range(low, high, holes, least, most)

    def truth(self, condition: Expr) -> bool | None:
        """Whether the condition holds with these facts; None where they do not tell."""
        if condition in self.true:
            return True
        if condition.trace.negate(condition) in self.true:
            return False
        if condition.op in ("and", "or"):
            truths = [self.truth(part) for part in condition.args]
            decisive = condition.op == "or"
            return decisive if decisive in truths else None if None in truths else not decisive
        found = literal(condition)
        if found is None or found.core not in self.ranges:
            return None
        low, high, holes, _, _ = self.ranges[found.core]
        border = -found.constant
        if found.is_zero:
            if low == high == border:
                return found.holds
            return not found.holds if not low <= border <= high or border in holes else None
        if low > border or high <= border:
            return (low > border) == found.holds
        return None


def positive(trace: Trace, size: int | Expr) -> bool | Expr:
    """Whether size > 0."""
    if isinstance(size, Expr):
        size = _without_common_factors(size, True)
    low, high = bounds(size)
    if low > 0 or high <= 0:
        return low > 0
    constant, terms = linear(size)
    common = gcd(*terms.values())
    if next(iter(terms.values())) < 0:  # constant - common * L > 0
        form = trace.sum_of((-constant) // common + 1, {term: factor // -common for term, factor in terms.items()})
        return trace.negate(trace.node("positive", (form,), 0, 1)) if isinstance(form, Expr) else form <= 0
    form = trace.sum_of(-(-constant // common), {term: factor // common for term, factor in terms.items()})
    return trace.node("positive", (form,), 0, 1) if isinstance(form, Expr) else form > 0


def zero(trace: Trace, size: int | Expr) -> bool | Expr:
    """Whether size = 0."""
    if isinstance(size, Expr):
        size = _without_common_factors(size, False)
    low, high = bounds(size)
    if low > 0 or high < 0 or low == high:
        return low == high == 0
    constant, terms = linear(size)
    common = gcd(*terms.values())
    if constant % common:
        return False
    if next(iter(terms.values())) < 0:  # x = 0 and -x = 0 are one condition
        common = -common
    form = trace.sum_of(constant // common, {term: factor // common for term, factor in terms.items()})
    if not isinstance(form, Expr):
        return form == 0
    if form.low == 0:
        return _opposite(trace, positive(trace, form))
    if form.high == 0:
        return positive(trace, form + 1)
    return trace.node("zero", (form,), 0, 1)


def _without_common_factors(size: Expr, by_sign: bool) -> Expr:
    """A size without those factors that all its terms have, and that do not change whether it is 0 (is positive)."""
    constant, terms = linear(size)
    if constant:
        return size
    rests = {term: list(factors_of(term)) for term in terms}
    for factor in set.intersection(*(set(rest) for rest in rests.values())):
        while all(factor in rest for rest in rests.values()) and (factor.low > 0 if by_sign else is_nonzero(factor)):
            for rest in rests.values():
                rest.remove(factor)
    total: int | Expr = 0
    for term, rest in rests.items():
        part: int | Expr = terms[term]
        for factor in rest:
            part = factor * part
        total = total + part
    return total if isinstance(total, Expr) else size


def negate(trace: Trace, condition: Expr) -> Expr:
    """The condition's opposite."""
    if condition.op == "not":
        opposite: Expr = condition.args[0]
        return opposite
    if condition.op in ("and", "or"):
        parts = (negate(trace, part) for part in condition.args)
        return _junction(trace, "or" if condition.op == "and" else "and", parts)
    return trace.node("not", (condition,), 0, 1)


def _opposite(trace: Trace, condition: bool | Expr) -> bool | Expr:
    return negate(trace, condition) if isinstance(condition, Expr) else not condition


def logic(trace: Trace, op: str, conditions: Iterable[bool | Expr]) -> bool | Expr:
    """The conjunction (`and`) or disjunction (`or`) of conditions."""
    if op == "or":
        return _opposite(trace, logic(trace, "and", [_opposite(trace, condition) for condition in conditions]))
    kept: dict[Expr, None] = {}
    for condition in conditions:
        if isinstance(condition, Expr):
            kept.update(dict.fromkeys(condition.args if condition.op == "and" else (condition,)))
        elif not condition:
            return False
    if len(kept) < 2:
        return next(iter(kept), True)
    facts = Facts(kept)
    if facts.is_contradiction or any(negate(trace, condition) in kept for condition in kept):
        return False
    parts = _literals(trace, kept, facts)
    for part in kept:
        if part.op == "or":
            shorter = _shortened(trace, part, facts)
            if shorter is not part:
                return logic(trace, "and", [shorter, *(other for other in kept if other is not part)])
            parts[part] = None
    return _junction(trace, "and", parts)


def _literals(trace: Trace, kept: Iterable[Expr], facts: Facts) -> dict[Expr, None]:
    """The parts of a conjunction about one linear form each, as few of them as can be."""
    by_core: dict[Core, list[Expr]] = {}
    for condition in kept:
        found = literal(condition)
        if found is not None:
            by_core.setdefault(found.core, []).append(condition)
    parts: dict[Expr, None] = {}
    for core, conditions in by_core.items():
        made = conditions if len(conditions) == 1 else _of_range(trace, core, facts.ranges[core])
        parts.update(dict.fromkeys(made))
    return parts


def _of_range(trace: Trace, core: Core, known: Range) -> list[Expr]:
    """The conditions that say that a linear form is in a range."""
    low, high, holes, least, most = known

    def form(constant: Bound) -> int | Expr:
        return trace.sum_of(int(constant), dict(core))

    made: list[bool | Expr] = [_opposite(trace, zero(trace, form(-hole))) for hole in sorted(holes)]
    if low == high:
        made.append(zero(trace, form(-low)))
    else:
        if low > least:
            made.append(positive(trace, form(1 - low)))
        if high < most:
            made.append(_opposite(trace, positive(trace, form(-high))))
    return [condition for condition in made if isinstance(condition, Expr)]


def _shortened(trace: Trace, disjunction: Expr, facts: Facts) -> bool | Expr:
    """A disjunction that stands beside what is known: without parts that can't hold."""
    left: list[Expr] = []
    for part in disjunction.args:
        truth = facts.truth(part)
        if truth:
            return True
        if truth is None:
            left.append(part)
    return disjunction if len(left) == len(disjunction.args) else logic(trace, "or", left)


def _junction(trace: Trace, op: str, conditions: Iterable[Expr]) -> Expr:
    kept = tuple(sorted(conditions, key=lambda condition: condition.number))
    return kept[0] if len(kept) == 1 else trace.node(op, kept, 0, 1)
