"""Expressions: built by the operators that ints have, they say what ints say - as themselves, as numpy, as sympy."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from operator import lt
from typing import Any, NamedTuple

import numpy as np
import pytest
import sympy
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archtool import size as sizes
from archtool.algebra.closed import Reader
from archtool.algebra.shown import Layout
from archtool.algebra.symbolic import to_sympy
from archtool.codegen import is_wide, to_numpy
from archtool.errors import RuleError
from archtool.formula import LONGEST_TEXT, write
from archtool.trace import Expr, Trace, bounds

Recipe = tuple[Any, ...]


class Knob(NamedTuple):
    """A symbol's name, and the values that it may have."""

    name: str
    low: int
    high: int
    step: int = 1

    def values(self) -> st.SearchStrategy[int]:
        return st.integers(0, (self.high - self.low) // self.step).map(lambda turn: self.low + turn * self.step)


SMALL = (Knob("a", 1, 9), Knob("b", -7, 5), Knob("c", 1, 31, 2), Knob("d", 0, 64, 8))
LARGE = (Knob("a", 1, 2**40), Knob("b", -(2**62), 2**62), Knob("c", 3, 2**61 + 1, 2), Knob("d", -(2**63), 2**63 - 1))


@st.composite
def recipes(draw: st.DrawFn, knobs: tuple[Knob, ...], numbers: st.SearchStrategy[int], depth: int = 4) -> Recipe:
    """A formula as nested tuples: an operation and its operands."""
    heads = ["symbol", "number", "add", "subtract", "multiply", "maximum", "minimum", "floor", "ceil", "where"]
    head = draw(st.sampled_from(heads if depth else heads[:2]))
    if head == "symbol":
        return (head, draw(st.sampled_from(knobs)).name)
    if head == "number":
        return (head, draw(numbers))
    left, right = (draw(recipes(knobs, numbers, depth - 1)) for _ in range(2))
    if head == "where":
        return (head, draw(conditions(knobs, numbers, depth - 1)), left, right)
    if head in ("floor", "ceil"):
        right = draw(st.sampled_from([("number", 1), ("number", 2), ("number", 6), ("atleast1", right)]))
    return (head, left, right)


@st.composite
def conditions(draw: st.DrawFn, knobs: tuple[Knob, ...], numbers: st.SearchStrategy[int], depth: int) -> Recipe:
    """A formula that is true or false."""
    heads = ["equal", "less", "at_most", "divides", "all_of", "any_of", "not"]
    head = draw(st.sampled_from(heads if depth > 0 else heads[:4]))
    if head == "not":
        return (head, draw(conditions(knobs, numbers, depth - 1)))
    if head in ("all_of", "any_of"):
        return (head, *(draw(conditions(knobs, numbers, depth - 1)) for _ in range(2)))
    left, right = (draw(recipes(knobs, numbers, max(0, depth - 1))) for _ in range(2))
    return (head, ("number", draw(st.integers(1, 9))) if head == "divides" else left, right)


OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
    "maximum": sizes.maximum,
    "minimum": sizes.minimum,
    "floor": lambda a, b: a // b,
    "ceil": sizes.ceil_div,
    "atleast1": lambda a: sizes.maximum(a, 1),
    "where": sizes.where,
    "equal": sizes.equal,
    "less": sizes.less,
    "at_most": sizes.at_most,
    "divides": sizes.divides,
    "all_of": sizes.all_of,
    "any_of": sizes.any_of,
    "not": sizes.negate,
}


def build(recipe: Recipe, symbols: dict[str, Any]) -> Any:
    """The formula's value over some symbols, which are ints or expressions: one text for both."""
    head, *rest = recipe
    if head == "symbol":
        return symbols[rest[0]]
    if head == "number":
        return rest[0]
    return OPERATIONS[head](*(build(part, symbols) for part in rest))


def traced(knobs: tuple[Knob, ...]) -> tuple[Trace, dict[str, Any]]:
    trace = Trace()
    return trace, {knob.name: trace.symbol(*knob) for knob in knobs}


def points(knobs: tuple[Knob, ...], least: int = 1) -> st.SearchStrategy[list[dict[str, int]]]:
    one = st.fixed_dictionaries({knob.name: knob.values() for knob in knobs})
    return st.lists(one, min_size=least, max_size=4)


def columns_of(at: list[dict[str, int]], knobs: tuple[Knob, ...]) -> dict[str, Any]:
    return {knob.name: np.array([point[knob.name] for point in at], dtype=np.int64) for knob in knobs}


def check_numpy(size: Any, at: list[dict[str, int]], knobs: tuple[Knob, ...], expected: list[int]) -> None:
    """The generated code says what ints say, on columns and on single values."""
    compiled = to_numpy([size])
    (column,) = compiled(columns_of(at, knobs))
    assert [int(value) for value in np.broadcast_to(column, len(at))] == expected
    (single,) = compiled({knob.name: at[0][knob.name] for knob in knobs})
    assert int(single) == expected[0]


def check_sympy(size: Any, point: dict[str, int], expected: int) -> None:
    formula = to_sympy(Reader().of(size), Layout(list(point)))
    at = {sympy.Symbol(name, integer=True): sympy.Integer(value) for name, value in point.items()}
    assert int(formula.xreplace(at)) == expected  # subs loses the floor of floor(min(a, a*b)/6) (sympy 1.14)


def check_bounds(size: Any, values: list[int]) -> None:
    low, high = bounds(size)
    assert all(low <= value <= high for value in values)


@settings(max_examples=300, deadline=None)
@given(recipes(SMALL, st.integers(-20, 20)), points(SMALL))
def test_an_expression_is_the_formula_on_ints(recipe: Recipe, at: list[dict[str, int]]) -> None:
    trace, symbols = traced(SMALL)
    size = build(recipe, symbols)
    expected = [int(build(recipe, point)) for point in at]
    check_bounds(size, expected)
    check_numpy(size, at, SMALL, expected)
    assert build(recipe, symbols) is size or build(recipe, symbols) == size  # the same form is the same object
    assert not trace.problems


@settings(max_examples=60, deadline=None)
@given(recipes(SMALL, st.integers(-20, 20)), points(SMALL))
def test_sympy_reads_an_expression_as_the_formula_on_ints(recipe: Recipe, at: list[dict[str, int]]) -> None:
    _, symbols = traced(SMALL)
    size = build(recipe, symbols)
    for point in at:
        check_sympy(size, point, int(build(recipe, point)))


@settings(max_examples=300, deadline=None)
@given(recipes(LARGE, st.integers(-(2**66), 2**66) | st.integers(-3, 3)), points(LARGE))
@example(("multiply", ("symbol", "b"), ("number", 2)), [{"a": 1, "b": 2**62, "c": 3, "d": 0}])
@example(
    ("where", ("less", ("symbol", "a"), ("number", 5)), ("number", 2**63), ("symbol", "a")),
    [
        {"a": 1, "b": 0, "c": 3, "d": 0},
        {"a": 7, "b": 0, "c": 3, "d": 0},
    ],
)
@example(("floor", ("number", 2**70), ("atleast1", ("symbol", "a"))), [{"a": 3, "b": 0, "c": 3, "d": 0}])
@example(("subtract", ("number", 0), ("symbol", "d")), [{"a": 1, "b": 0, "c": 3, "d": -(2**63)}])
def test_overflow_is_never_silent(recipe: Recipe, at: list[dict[str, int]]) -> None:
    _, symbols = traced(LARGE)
    size = build(recipe, symbols)
    expected = [int(build(recipe, point)) for point in at]
    check_bounds(size, expected)
    check_numpy(size, at, LARGE, expected)


@settings(max_examples=100, deadline=None)
@given(recipes((Knob("a", 1, 2**62), Knob("b", 1, 2**62)), st.integers(-(2**40), 2**40)), st.data())
def test_unbounded_symbols_do_not_overflow_either(recipe: Recipe, data: st.DataObject) -> None:
    knobs = (Knob("a", 1, 2**62), Knob("b", 1, 2**62))
    at = data.draw(points(knobs))
    trace = Trace()
    size = build(recipe, {"a": trace.symbol("a"), "b": trace.symbol("b")})
    check_numpy(size, at, knobs, [int(build(recipe, point)) for point in at])


def test_products_near_the_end_of_int64() -> None:
    trace = Trace()
    x, y = trace.symbol("x", 1, 2**32), trace.symbol("y", 1, 2**31)
    for size, dtype in ((x * y, object), ((x - 1) * (y - 1), np.int64), (x * y - x * y // 2 * 2, np.int64)):
        (column,) = to_numpy([size])({"x": [2**32, 2**32 - 1], "y": [2**31, 2**31]})
        assert column.dtype == dtype
    (column,) = to_numpy([x * y])({"x": [2**32, 2**32 - 1], "y": [2**31, 2**31]})
    assert list(column) == [2**63, 2**63 - 2**31]
    assert is_wide(x * y)
    assert not is_wide((x - 1) * (y - 1))


def test_arrays_broadcast_and_what_fits_stays_int64() -> None:
    trace = Trace()
    x, y = trace.symbol("x", 1, 100), trace.symbol("y", 1, 100)
    (table,) = to_numpy([x * y + 1])({"x": np.arange(1, 4)[:, None], "y": np.arange(1, 6)[None]})
    assert table.dtype == np.int64
    assert table.tolist() == [[x * y + 1 for y in range(1, 6)] for x in range(1, 4)]


@pytest.mark.parametrize("value", [0, 11, -3, 4])
def test_a_value_that_its_symbol_cannot_have_is_refused(value: int) -> None:
    trace = Trace()
    odd = trace.symbol("odd", 1, 9, 2)
    with pytest.raises(ValueError, match=r"a value of 'odd' is not in 1\.\.9 in steps of 2"):
        to_numpy([odd + 1])({"odd": [3, value]})


def test_a_stepped_symbol_may_have_no_end() -> None:
    trace = Trace()
    wide = trace.symbol("wide", 32, inf, 32)
    assert bounds(wide) == (32, inf)
    assert bounds(wide // 32) == (1, inf)
    (column,) = to_numpy([wide // 32])({"wide": [32, 3200]})
    assert column.tolist() == [1, 100]


def test_bounds_of_numbers_larger_than_a_float() -> None:
    trace = Trace()
    x = trace.symbol("x")
    assert bounds(10**400 * x + 10**400) == (2 * 10**400, inf)
    assert bounds(-(10**400) * x) == (-inf, -(10**400))


# --- forms: one object a form, floors that merge -----------------------------------------------------------------


def same(*forms: Any) -> None:
    assert all(form is forms[0] or (type(form) is int and form == forms[0]) for form in forms)


def test_equal_forms_are_one_object() -> None:
    trace = Trace()
    x, y, z = (trace.symbol(name, 1, 50) for name in "xyz")
    same(x + y, y + x, 2 * x + y - x, (x + 1) + (y - 1))
    same(x * y * z, z * (y * x), (x * z) * y)
    same(3 * (x + y), x + y + 2 * (y + x), 3 * y + 3 * x)
    same(x - x, 0, 0 * x, x // (x + 60) * y)
    same(x**3, x * x * x)
    same(x * 6 // 3, 2 * x)
    same(x * y // x, y)
    same(sizes.maximum(x, y), sizes.maximum(y, x))
    same(sizes.equal(x, y), sizes.equal(y, x), sizes.equal(2 * x + 3, 2 * y + 3))
    same(sizes.all_of(sizes.less(x, y), sizes.less(y, z)), sizes.all_of(sizes.less(y, z), sizes.less(x, y)))
    assert trace.symbol("x") is x


def test_five_halvings_of_a_resnet_are_one_floor() -> None:
    trace = Trace()
    n = trace.symbol("n", 1, 4096)
    size = n
    for kernel, pad in ((7, 3), (3, 1), (3, 1), (3, 1), (3, 1)):  # the stem, its pooling, three stages
        size = (size + 2 * pad - kernel) // 2 + 1
    same(size, (n + 31) // 32)


@given(st.integers(-50, 50), st.integers(1, 20), st.integers(1, 20), st.integers(-50, 50), st.integers(-9, 9))
def test_floors_of_floors_merge_and_multiples_leave(shift: int, b: int, d: int, c: int, k: int) -> None:
    trace = Trace()
    n = trace.symbol("n", -1000, 1000)
    same(((n + shift) // b + c) // d, (n + shift + b * c) // (b * d))
    same((n + k * d + c) // d, (n + c) // d + k)
    same(sizes.ceil_div(n, b), (n + b - 1) // b)


def test_odd_and_stepped_symbols_lose_their_floors() -> None:
    trace = Trace()
    k = trace.symbol("k", 1, 11, 2)
    half = (k - 1) // 2
    same(2 * half + 1, k)
    assert sizes.divides(2, k) is False
    assert sizes.divides(2, k - 1) is True
    wide = trace.symbol("w", 8, 256, 8)
    assert sizes.divides(8, wide) is True
    assert sizes.divides(4, wide + 2) is False


# --- decisions ---------------------------------------------------------------------------------------------------


def test_bounds_decide_what_they_can() -> None:
    trace = Trace()
    x, y = trace.symbol("x", 1, 9), trace.symbol("y", 10, 20)
    assert sizes.less(x, y) is True
    assert sizes.less(y, x) is False
    assert sizes.at_most(x, 9) is True
    assert sizes.equal(x, y) is False
    assert sizes.equal(2 * x, 7) is False
    assert isinstance(sizes.equal(x, 5), Expr)
    assert sizes.maximum(x, y) is y
    assert sizes.minimum(x, y) is x
    assert sizes.minimum(x, 9) is x


def test_conditions_simplify() -> None:
    trace = Trace()
    x, y = trace.symbol("x", 1, 9), trace.symbol("y", 1, 9)
    a, b = sizes.less(x, 5), sizes.less(y, 5)
    same(sizes.negate(sizes.negate(a)), a)
    assert sizes.all_of(a, sizes.negate(a)) is False
    assert sizes.any_of(a, sizes.negate(a)) is True
    assert sizes.all_of(a, False) is False
    assert sizes.any_of(a, True) is True
    assert sizes.all_of(True, a, True) is a
    assert sizes.any_of() is False
    assert sizes.all_of() is True
    same(sizes.all_of(a, b, a), sizes.all_of(b, a))


def test_where_and_select() -> None:
    trace = Trace()
    x = trace.symbol("x", 1, 9)
    small = sizes.less(x, 5)
    assert sizes.where(small, 7, 7) == 7
    assert sizes.where(True, 1, 2) == 1
    assert sizes.where(False, 1, 2) == 2
    same(sizes.where(sizes.negate(small), 1, 2), sizes.where(small, 2, 1))
    grade = sizes.select([(sizes.less(x, 3), 1), (sizes.less(x, 6), 2)], 3)
    assert bounds(grade) == (1, 3)
    (column,) = to_numpy([grade])({"x": np.arange(1, 10)})
    assert column.tolist() == [1, 1, 2, 2, 2, 3, 3, 3, 3]
    assert [sizes.select([(n < 3, 1), (n < 6, 2)], 3) for n in range(1, 10)] == column.tolist()


@given(st.integers(-60, 60), st.integers(1, 12))
def test_exact_and_ceiling_division(n: int, d: int) -> None:
    assert sizes.ceil_div(n, d) == -(-n // d)
    assert sizes.divides(d, n) is (n % d == 0)
    if n % d:
        with pytest.raises(RuleError, match=f"^{n} is not divisible by {d}$"):
            sizes.exact_div(n, d)
    else:
        assert sizes.exact_div(n, d) * d == n


def test_an_exact_quotient_of_a_varying_size_is_a_condition() -> None:
    trace = Trace()
    x, g = trace.symbol("x", 1, 64), trace.symbol("g", 1, 8)
    quotient = sizes.exact_div(x, g)
    ((holds, rule),) = trace.problems
    assert rule == "x is not divisible by g"
    whole, value = to_numpy([holds, quotient])({"x": [12, 13, 64], "g": [4, 4, 8]})
    assert whole.tolist() == [True, False, True]
    assert (value[0], value[2]) == (3, 8)
    same(sizes.exact_div(x * g, g), x)
    same(sizes.exact_div(12 * x, 4), 3 * x)
    assert len(trace.problems) == 1


# --- rules -------------------------------------------------------------------------------------------------------


def test_a_rule_on_ints_raises_and_an_open_one_is_a_problem() -> None:
    trace = Trace()
    x = trace.symbol("x", 1, 9)
    sizes.require(sizes.less(3, 5), "{} is too large", 3)
    with pytest.raises(RuleError, match=r"^7 is too large$"):
        sizes.require(sizes.less(7, 5), "{} is too large", 7)
    with pytest.raises(RuleError, match=r"^x is too large$"):
        sizes.require(sizes.less(x, 1), "{} is too large", x)
    assert trace.problems == []
    sizes.require(sizes.less(x, 5), "{} is too large", x)
    assert [(write(holds), rule) for holds, rule in trace.problems] == [("x <= 4", "x is too large")]


@pytest.mark.parametrize(
    "misuse",
    [
        bool,
        int,
        range,
        abs,
        lambda x: x < 2,
        lambda x: x <= 2,
        lambda x: x >= 2,
        lambda x: lt(2, x),
        lambda x: x % 2,
        lambda x: 2 % x,
        lambda x: [1][x],
        lambda x: x**-1,
        lambda x: x / 2,
        round,
        lambda x: max(x, 2),
    ],
)
def test_what_has_no_answer_for_a_varying_size_raises(misuse: Callable[[Any], Any]) -> None:
    x = Trace().symbol("x", 1, 9)
    with pytest.raises(TypeError):
        misuse(x)


def test_division_by_zero_is_an_error_or_a_problem() -> None:
    trace = Trace()
    x = trace.symbol("x", 0, 3)
    with pytest.raises(ZeroDivisionError):
        _ = x // 0
    quotient = sizes.where(sizes.equal(x, 0), -1, 6 // x)
    (column,) = to_numpy([quotient])({"x": [0, 1, 2, 3]})
    assert [int(value) for value in column] == [-1, 6, 3, 2]


# --- text --------------------------------------------------------------------------------------------------------


def test_expressions_as_text() -> None:
    trace = Trace()
    x, y, k = trace.symbol("x", 1, 9), trace.symbol("y", 1, 9), trace.symbol("k", 1, 9, 2)
    assert write(5) == "5"
    assert write(3 * x + 1) == "(3*x + 1)"
    assert write(x * x // 2) == "floor(x*x/2)"
    assert write(sizes.where(sizes.less(x, 5), x, 0)) == "x*[x <= 4]"
    assert write(sizes.where(sizes.equal(x, 5), x * y, y)) == "(5*y if x == 5 else y)"
    assert write(sizes.less(5, x)) == "x > 5"
    assert write(sizes.negate(sizes.equal(3 * x, 4 * y + 1))) == "(3*x - 4*y) != 1"
    assert repr(sizes.maximum(x, 4)) == "max(4, x)"
    assert write(k) == "k"
    assert write(4 * k + 1) == "(4*k + 1)"
    assert write(k // 4) == "floor((k - 1)/2/2)"
    width = trace.symbol("width", 64, 512, 32)
    assert write(width) == "width"
    assert write(width * x) == "x*width"
    assert write(6 * width * width - 2) == "(6*width*width - 2)"
    assert write(width // 128) == "floor(width/32/4)"


def test_the_text_of_a_deep_expression_stays_short() -> None:
    trace = Trace()
    x = size = trace.symbol("x", 1, 9)
    for _ in range(3000):  # written out it would have 2 ** 3000 parts
        size = size * x + size // 7
    assert "..." in write(size)
    assert len(write(size)) < 50 * LONGEST_TEXT
