"""Values that depend on a condition: alternatives, in one form.

[c] is 1 where c holds, else 0 (the node where(c, 1, 0)). Normal form of a value that is y where c holds, else n:
    y                 where n is y in all designs that take n (so [u > 0] u = u for u >= 0), and so for n
    n + k [c]         where y - n is the number k
    n + (y - n) [c]   where n is a number, and so for y with the opposite condition
    where(c, y, n)    else
What stands beside [c], or in an alternative, is simplified by what is known there. A product has one [c] at most, that
of all its conditions; a sum has one part at most for a condition and its opposite.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.trace.conditions import Core, Facts, Range, multiple_of
from archtool.trace.expr import Expr, bounds, factors_of, is_condition, linear
from archtool.trace.intervals import Interval, meet, power_bounds, product_bounds, scaled, sum_bounds

if TYPE_CHECKING:
    from archtool.trace.table import Trace

Value = int | Expr
MOST_BRANCHES: Final = 4  # alternatives of a sum that a question is asked in
DEEPEST: Final = 12  # operations that are looked into for what a condition tells about them


class Gated(NamedTuple):
    """A term that is `yes` where the condition holds, else `no`."""

    condition: Expr
    yes: Value
    no: Value


def where(trace: Trace, condition: Expr, yes: Any, no: Any) -> Any:
    """yes where the condition holds, else no (sizes or conditions)."""
    if is_condition(yes) and is_condition(no):
        held = trace.logic("and", (condition, yes))
        return trace.logic("or", (held, trace.logic("and", (trace.negate(condition), no))))
    base = _base(condition)
    if base is not condition:
        condition, yes, no = base, no, yes
    if same(yes, no):
        return yes
    opposite = trace.negate(condition)
    only_yes, only_no = assume(yes, condition), assume(no, opposite)
    for both in (yes, only_yes):
        if same(assume(both, opposite), only_no):
            return both
    for both in (no, only_no):
        if same(assume(both, condition), only_yes):
            return both
    more = only_yes - only_no
    if not isinstance(more, Expr) or not isinstance(only_no, Expr):
        return only_no + more * indicator(trace, condition)
    if not isinstance(only_yes, Expr):
        return only_yes - more * indicator(trace, opposite)
    shift = linear(only_no)[0]
    only_yes, only_no = only_yes - shift, only_no - shift
    yes_low, yes_high = bounds_under(condition, only_yes)
    no_low, no_high = bounds_under(opposite, only_no)
    return trace.node("where", (condition, only_yes, only_no), min(yes_low, no_low), max(yes_high, no_high)) + shift


def same(left: Value, right: Value) -> bool:
    """Whether two values are one in form."""
    return left is right or (not isinstance(left, Expr) and not isinstance(right, Expr) and left == right)


def indicator(trace: Trace, condition: Expr) -> Expr:
    """[condition]."""
    return trace.node("where", (condition, 1, 0), 0, 1)


def _alone(trace: Trace, condition: Expr) -> Value:
    """[condition] where it is no factor: that of a condition's opposite is 1 - [condition]."""
    base = _base(condition)
    return indicator(trace, base) if base is condition else 1 - indicator(trace, base)


def is_indicator(factor: Expr) -> bool:
    """Whether a factor is [c] of some condition."""
    return factor.op == "where" and type(factor.args[1]) is int


def indicated(factor: Expr) -> Expr | None:
    """The condition of which a factor is the indicator, as [c] or as 1 - [c]; None for others."""
    if factor.op == "where":
        return factor.args[0] if is_indicator(factor) else None
    if factor.op == "sum" and factor.args[0] == 1 and len(factor.args[1]) == 1:
        ((term, sign),) = factor.args[1]
        return factor.trace.negate(term.args[0]) if sign == -1 and is_indicator(term) else None
    return None


def gated_product(trace: Trace, coefficient: int, factors: list[Expr], conditions: Iterable[Expr]) -> Value:
    """coefficient * factors * the indicators of conditions."""
    condition = trace.logic("and", conditions)
    rest = trace.product_of(factors)
    if not isinstance(condition, Expr):
        return coefficient * rest if condition else 0
    if not isinstance(rest, Expr):
        return coefficient * rest * _alone(trace, condition)
    if same(assume(rest, trace.negate(condition)), 0):
        return coefficient * rest
    held = assume(rest, condition)
    if held is not rest:
        return coefficient * held * indicator(trace, condition)
    (low, high), gate = bounds_under(condition, rest), indicator(trace, condition)
    product = trace.node("product", (*factors_of(rest), gate), min(low, 0), max(high, 0))
    return trace.sum_of(0, {product: coefficient})


def gate_of(term: Expr) -> Expr | None:
    """The condition that a term depends on as a whole, or its opposite: that of the two which alternatives ask."""
    gate = term.args[-1] if term.op == "product" else term
    return _base(gate.args[0]) if gate.op == "where" and (gate is term or is_indicator(gate)) else None


def gated(term: Expr, factor: int) -> Gated:
    """factor * a term that has a gate, as what it is where its condition holds and where it does not."""
    trace = term.trace
    gate = term.args[-1] if term.op == "product" else term
    condition, yes, no = gate.args
    if gate is not term:
        yes = trace.product_of(list(term.args[:-1]))
    base = _base(condition)
    return Gated(base, factor * yes, factor * no) if base is condition else Gated(base, factor * no, factor * yes)


def _base(condition: Expr) -> Expr:
    """The condition or its opposite: that of the two which alternatives ask."""
    return condition.trace.negate(condition) if condition.op in ("not", "or") else condition


def by_branch(size: Expr, ask: Callable[[Value], bool | Expr]) -> bool | Expr | None:
    """A question about a size that has alternatives, asked in each of them; None where both answers stay open, and for
    many alternatives: their combinations are too many to be asked."""
    gates = [condition for term in linear(size)[1] if (condition := gate_of(term)) is not None]
    for condition in gates if len(gates) <= MOST_BRANCHES else ():
        trace = size.trace
        size_yes, size_no = assume(size, condition), assume(size, trace.negate(condition))
        if size_yes is size or size_no is size:
            return None
        yes, no = ask(size_yes), ask(size_no)
        if isinstance(yes, bool) or isinstance(no, bool):
            return where(trace, condition, yes, no)  # type: ignore[no-any-return]  # of truth values
    return None


# --- what a condition tells about a value ------------------------------------------------------------------------


def assume(value: Value, condition: Expr) -> Value:
    """The value, simplified by what is known where the condition holds."""
    return _known(value, _facts(condition), DEEPEST)  # type: ignore[no-any-return]  # a value


def bounds_under(condition: Expr, value: Value) -> Interval:
    """Bounds of a value where the condition holds: those of its terms, and of their factors, that the condition
    narrows."""
    ranges = _facts(condition).ranges
    constant, terms = linear(value)
    found: Interval = (constant, constant)
    for term, factor in terms.items():
        each: Interval = (1, 1)
        for base, exponent in Counter(factors_of(term)).items():
            each = product_bounds(each, power_bounds(_range(base, ranges), exponent))
        found = sum_bounds(found, scaled(each, factor))
    return meet(meet(found, bounds(value)), _range(value, ranges)) if isinstance(value, Expr) else found


def _range(value: Expr, ranges: Mapping[Core, Range]) -> Interval:
    """What a value is between: a linear form is so by what is known of its terms together."""
    constant, terms = linear(value)
    for core, known in ranges.items():
        times = multiple_of(terms, core)
        if times is not None:
            return meet(bounds(value), sum_bounds(scaled((known.low, known.high), times), (constant, constant)))
    return bounds(value)


def _facts(condition: Expr) -> Facts:
    known = condition.trace.facts
    if condition not in known:
        known[condition] = Facts(condition.args if condition.op == "and" else (condition,))
    return known[condition]


def _known(value: Any, facts: Facts, depth: int) -> Any:
    if not isinstance(value, Expr):
        return value
    found = facts.known.get(value)
    if found is None:
        if depth == 0:
            return value
        found = facts.known[value] = _RULES[value.op](value, facts, depth - 1)
    return found


def _pinned(value: Expr, facts: Facts, _depth: int) -> Value:
    return facts.pins.get(((value, 1),), value)


def _sum(value: Expr, facts: Facts, depth: int) -> Value:
    constant, terms = value.args
    for core, pin in facts.pins.items():
        times = multiple_of(dict(terms), core)
        if times is not None:
            return int(constant + times * pin)
    parts = [_known(term, facts, depth) for term, _ in terms]
    if all(part is term for part, (term, _) in zip(parts, terms, strict=True)):
        return value
    total: Value = constant
    for part, (_, factor) in zip(parts, terms, strict=True):
        total = total + factor * part
    return total


def _product(value: Expr, facts: Facts, depth: int) -> Value:
    if ((value, 1),) in facts.pins:
        return _pinned(value, facts, depth)
    parts = [_known(factor, facts, depth) for factor in value.args]
    if all(part is factor for part, factor in zip(parts, value.args, strict=True)):
        return value
    product: Value = 1
    for part in parts:
        product = part * product
    return product


def _divided(value: Expr, facts: Facts, depth: int) -> Value:
    if ((value, 1),) in facts.pins:
        return _pinned(value, facts, depth)
    left, right = (_known(part, facts, depth) for part in value.args)
    if (left is value.args[0] and same(right, value.args[1])) or same(right, 0):
        return value
    return value.trace.floor_divide(left, right) if value.op == "floor" else value.trace.quotient(left, right)


def _extreme(value: Expr, facts: Facts, depth: int) -> Value:
    left, right = (_known(part, facts, depth) for part in value.args)
    if same(left, value.args[0]) and same(right, value.args[1]):
        return _pinned(value, facts, depth)
    return value.trace.extreme(value.op, left, right)


def _where(value: Expr, facts: Facts, depth: int) -> Value:
    condition, yes, no = value.args
    held = facts.truth(condition)
    if held is None:
        held = _known(condition, facts, depth)
    if isinstance(held, bool):
        return _known(yes if held else no, facts, depth)  # type: ignore[no-any-return]  # a value
    if ((value, 1),) in facts.pins:
        return _pinned(value, facts, depth)
    only_yes, only_no = _known(yes, facts, depth), _known(no, facts, depth)
    if held is condition and same(only_yes, yes) and same(only_no, no):
        return value
    return where(value.trace, held, only_yes, only_no)  # type: ignore[no-any-return]  # a value


def _literal(value: Expr, facts: Facts, depth: int) -> bool | Expr:
    truth = facts.truth(value)
    if truth is not None:
        return truth
    trace = value.trace
    if value.op == "not":
        opposite = _known(value.args[0], facts, depth)
        return trace.negate(opposite) if isinstance(opposite, Expr) else not opposite
    size = _known(value.args[0], facts, depth)
    if size is value.args[0]:
        return value
    return trace.positive(size) if value.op == "positive" else trace.zero(size)


def _junction(value: Expr, facts: Facts, depth: int) -> bool | Expr:
    truth = facts.truth(value)
    if truth is not None:
        return truth
    parts = [_known(part, facts, depth) for part in value.args]
    if all(part is old for part, old in zip(parts, value.args, strict=True)):
        return value
    return value.trace.logic(value.op, parts)


_RULES: Final[dict[str, Callable[[Expr, Facts, int], Any]]] = {
    "symbol": _pinned,
    "sum": _sum,
    "product": _product,
    "floor": _divided,
    "quotient": _divided,
    "max": _extreme,
    "min": _extreme,
    "where": _where,
    "positive": _literal,
    "zero": _literal,
    "not": _literal,
    "and": _junction,
    "or": _junction,
}
