"""Laws of alternatives and conditions: each is proved on every value that the symbols can have, and shown to apply."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool import size as sizes
from archtool.codegen import to_numpy
from archtool.size import all_of, any_of, at_most, equal, less, negate, where
from archtool.trace import CONDITIONS, Expr, Trace, bounds, in_order
from tests.test_trace import Knob, Recipe, build, same

KNOBS = (Knob("a", 0, 2), Knob("b", -2, 2), Knob("c", 1, 5, 2), Knob("d", 1, 4))
GRID = np.stack([axis.ravel() for axis in np.meshgrid(*[np.arange(k.low, k.high + 1, k.step) for k in KNOBS])])
POINTS = [dict(zip((knob.name for knob in KNOBS), map(int, column), strict=True)) for column in GRID.T]
COLUMNS = {knob.name: row for knob, row in zip(KNOBS, GRID, strict=True)}


def symbols(trace: Trace) -> dict[str, Any]:
    return {knob.name: trace.symbol(*knob) for knob in KNOBS}


@st.composite
def values(draw: st.DrawFn, depth: int = 4) -> Recipe:
    """A size full of alternatives, as nested tuples."""
    heads = ["symbol", "number", "where", "where", "add", "subtract", "multiply", "multiply", "floor", "maximum"]
    head = draw(st.sampled_from(heads if depth else heads[:2]))
    if head == "symbol":
        return (head, draw(st.sampled_from(KNOBS)).name)
    if head == "number":
        return (head, draw(st.integers(-2, 3)))
    if head == "where":
        return (head, draw(truths(depth - 1)), draw(values(depth - 1)), draw(values(depth - 1)))
    right = ("number", draw(st.sampled_from([2, 3]))) if head == "floor" else draw(values(depth - 1))
    return (head, draw(values(depth - 1)), right)


@st.composite
def truths(draw: st.DrawFn, depth: int = 3) -> Recipe:
    """A condition: mostly on one symbol, near the ends of what it can be."""
    head = draw(st.sampled_from(["near", "near", "not", "all_of", "any_of", "where", "of"] if depth > 0 else ["near"]))
    if head == "near":
        test = draw(st.sampled_from(["equal", "less", "at_most"]))
        pair = ("symbol", draw(st.sampled_from(KNOBS)).name), ("number", draw(st.integers(-2, 4)))
        return (test, *(pair if draw(st.booleans()) else reversed(pair)))
    if head == "of":
        return (draw(st.sampled_from(["equal", "less"])), draw(values(min(depth - 1, 2))), draw(values(0)))
    if head == "not":
        return (head, draw(truths(depth - 1)))
    parts = [draw(truths(depth - 1)) for _ in range(3 if head == "where" else 2)]
    return (head, *parts)


def check(recipe: Recipe) -> Any:
    trace = Trace()
    built = build(recipe, symbols(trace))
    expected = [int(build(recipe, point)) for point in POINTS]
    (column,) = to_numpy([built])(COLUMNS)
    assert [int(value) for value in np.broadcast_to(column, len(POINTS))] == expected
    low, high = bounds(built)
    assert low <= min(expected)
    assert max(expected) <= high
    return built


@settings(max_examples=400, deadline=None)
@given(values())
def test_a_value_with_alternatives_is_what_ints_say(recipe: Recipe) -> None:
    check_form(check(recipe))


@settings(max_examples=400, deadline=None)
@given(truths(4))
def test_a_condition_is_what_ints_say(recipe: Recipe) -> None:
    check_form(check(recipe))


@settings(max_examples=100, deadline=None)
@given(truths(4))
def test_equal_alternatives_are_one_object(condition: Recipe) -> None:
    trace = Trace()
    c = build(condition, symbols(trace))
    x, y, z = (trace.symbol(name, -9, 9) for name in "xyz")
    same(where(c, x, y), where(negate(c), y, x))
    same(where(c, x, x), x)
    same(where(c, where(c, x, y), z), where(c, x, z))
    same(where(c, x, where(c, y, z)), where(c, x, z))
    same(where(c, x, where(negate(c), y, z)), where(c, x, y))
    same(where(c, 1, 0) * where(c, 1, 0), where(c, 1, 0))
    same(where(c, x, 0) * where(negate(c), 1, 0), 0)
    same(negate(negate(c)), c)
    same(all_of(c, negate(c)), False)
    same(any_of(c, negate(c)), True)


def check_form(value: Any) -> None:
    """The form that the modules promise: `not` over single conditions alone, one indicator in a product, one part of a
    sum for a condition."""
    for expr in in_order([value]):
        if expr.op == "not":
            assert expr.args[0].op in ("positive", "zero")
        if expr.op == "product":
            assert sum(is_gate(factor) for factor in expr.args[:-1]) == 0
        if expr.op == "where" and isinstance(expr.args[1], Expr):
            assert expr.args[0].op in ("positive", "zero", "and")
            assert isinstance(expr.args[2], Expr)
            assert expr.args[1].op not in CONDITIONS


def is_gate(factor: Expr) -> bool:
    return factor.op == "where" and factor.args[1:] == (1, 0)


# --- the laws that networks need, each by an example ---------------------------------------------------------------


def test_turns_of_a_repeat_that_may_be_none() -> None:
    trace = Trace()
    n, w = trace.symbol("n", 1, 40), trace.symbol("w", 1, 64)
    more = less(1, n)
    same((n - 1) * where(more, 1, 0), n - 1)
    same(w * (n - 1) * where(more, 1, 0), (n - 1) * w)
    same(where(more, 4 * n + 5, 9), 4 * n + 5)
    same(where(more, -4 * n - 5, -9), -4 * n - 5)
    same(where(equal(n, 1), 9, 4 * n + 5), 4 * n + 5)
    same(where(equal(n, 1), 1, n), n)
    same((n - 1) * where(equal(n, 1), 1, 0), 0)
    same(n * w * where(equal(n, 1), 1, 0), w * where(equal(n, 1), 1, 0))
    some = trace.symbol("some", 0, 9)
    same(some * some * w * where(less(0, some), 1, 0), some * some * w)
    assert isinstance(where(more, n, 0), Expr)
    assert in_order([where(more, n, 0)])[-1].op == "product"


def test_choices_between_options() -> None:
    trace = Trace()
    op, x = trace.symbol("op", 0, 2), trace.symbol("x", 1, 9)
    first, second = equal(op, 0), equal(op, 1)
    same(all_of(negate(first), second), second)
    same(all_of(negate(first), negate(second)), equal(op, 2))
    same(all_of(first, second), False)
    same(any_of(first, second, equal(op, 2)), True)
    same(where(negate(first), 1, 0) * where(negate(second), 7, 0), 7 * where(equal(op, 2), 1, 0))
    same(2320 * where(first, 1, 0) + 2320 * where(negate(first), 1, 0), 2320)
    same(where(first, x, 0) + where(negate(first), x + 3, 0), x + 3 * where(negate(first), 1, 0))
    same(where(first, 64, where(second, 64, 64)), 64)
    same(where(equal(where(first, 1, 2), 1), 5, 6), where(first, 5, 6))
    same(less(where(first, x, x + 9), 10), first)


def test_conditions_on_one_number_are_one_range() -> None:
    trace = Trace()
    x, y = trace.symbol("x", 1, 9), trace.symbol("y", 1, 9)
    same(less(x, 5), at_most(x, 4), negate(less(4, x)), less(2 * x, 9), less(-9, -2 * x))
    same(equal(x, 1), less(x, 2), at_most(x, 1))
    same(equal(x, 9), less(8, x))
    same(all_of(less(2, x), less(3, x)), less(3, x))
    same(any_of(less(2, x), less(3, x)), less(2, x))
    same(all_of(less(2, x), less(x, 4)), equal(x, 3))
    same(all_of(less(2, x), less(x, 5), negate(equal(x, 3))), equal(x, 4))
    same(all_of(less(x, 3), less(5, x)), False)
    same(any_of(less(x, 6), less(5, x)), True)
    same(all_of(less(x, 5), any_of(less(x, 7), equal(y, 2))), less(x, 5))
    same(all_of(less(x, 5), any_of(less(7, x), equal(y, 2))), all_of(equal(y, 2), less(x, 5)))
    same(equal(x * y, y), equal(x, 1))
    same(less(x * y, 2 * y), less(x, 2))
    same(all_of(less(x + y, 5), equal(x + y, 4)), equal(y, 4 - x))


def test_factors_that_numbers_divide_leave_a_product() -> None:
    trace = Trace()
    x, y = trace.symbol("x", 1, 9), trace.symbol("y", 1, 9)
    same((8 * x + 8) * y, 8 * (x + 1) * y, (x + 1) * (8 * y))
    same((3 - x) * (x - 3), -((x - 3) ** 2))
    same((16 * x + 16) // (4 * x + 4), 4)
    same(sizes.exact_div((x + 1) * y * 6, 3 * x + 3), 2 * y)
    wide = trace.symbol("w", 8, 64, 8)
    same(wide // 8 * 8, wide)
    assert [expr.op for expr in in_order([wide * wide])] == ["symbol", "product", "sum"]


def test_extremes_are_decided_by_differences() -> None:
    trace = Trace()
    x, y = trace.symbol("x", 1, 9), trace.symbol("y", 1, 9)
    same(sizes.maximum(x + y, y), x + y)
    same(sizes.minimum(x + y + 1, y), y)
    assert isinstance(sizes.maximum(x, y), Expr)


def test_bounds_know_the_condition_that_they_stand_under() -> None:
    trace = Trace()
    n, x = trace.symbol("n", 0, 9), trace.symbol("x", -5, 5)
    some = less(0, n)
    assert bounds(where(some, n, 1)) == (1, 9)
    assert bounds(where(some, n + 3, 7)) == (4, 12)
    assert bounds(where(less(3, n), n * 2, 8)) == (8, 18)
    assert bounds(where(less(3, n), n * n, n + 12)) == (12, 81)
    assert bounds(where(less(3, n), n * n * x, n)) == (-405, 405)
    assert bounds(where(less(3, n), 0, n)) == (0, 3)
    assert bounds(where(less(x, n), n - x, 1)) == (1, 14)


@pytest.mark.parametrize("depth", [1, 9])
def test_where_knows_what_it_asked_before(depth: int) -> None:
    """A network's alternatives, block after block, on one question: the form does not grow."""
    trace = Trace()
    n, x = trace.symbol("n", 1, 9), trace.symbol("x", 1, 9)
    value = x
    for _ in range(depth):
        value = where(less(n, 4), 2 * value + 1, value)
    assert len([expr for expr in in_order([value]) if expr.op == "where"]) == 1


def test_a_floor_is_tied_to_what_it_is_of() -> None:
    trace = Trace()
    n, w = trace.symbol("n", 1, 1000), trace.symbol("w", 1, 9)
    assert bounds(2 * ((n + 1) // 2) - n) == (0, 1)
    assert bounds(n - 3 * (n // 3)) == (0, 2)
    assert bounds(w + 3 * n - 2 * (3 * n // 2)) == (1, 10)
    assert bounds(n // 2 - n // 2) == (0, 0)
    assert bounds(n - n // 3 - n // 2 - n // 6) == (0, 2)
    assert bounds(n - n // 3 - n // 2) == (1, 167)
    assert bounds(4 * ((2 * ((n + 1) // 2) + 1) // 4) - n) == (-2, 1)
    same(sizes.maximum(2 * ((n + 1) // 2) - n + 1, 0), 2 * ((n + 1) // 2) - n + 1)
    assert less(n, 2 * (n // 2) + 2) is True


def test_a_question_about_a_sum_of_many_alternatives_is_answered_at_once() -> None:
    trace = Trace()
    names = [f"x{index}" for index in range(40)]
    parts = [where(less(trace.symbol(name, 1, 9), 5), 3, 7 + index) for index, name in enumerate(names)]
    total = sum(parts[1:], parts[0])
    within = less(total, 500)
    for digits in ([1] * 40, [9] * 40, [1, 9] * 20):
        point = dict(zip(names, digits, strict=True))
        expected = sum(3 if point[name] < 5 else 7 + index for index, name in enumerate(names)) < 500
        (column,) = to_numpy([within])(point)
        assert bool(column) is expected


def test_a_sum_that_only_its_divisor_keeps_apart_from_a_number_is_that_number() -> None:
    """floor((x + 1) / 2) + floor(x / 2) - x = 0: three times it has the bounds -1 and 1, a third of that 0."""
    trace = Trace()
    c = trace.symbol("c", 1)
    x = -(-c // 3)
    nothing = 3 * ((x + 1) // 2) + 3 * (x // 2) - 3 * x
    assert nothing * c == 0
    assert c * nothing + c is c
