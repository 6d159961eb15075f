"""Plans: wherever designs stand, generated numpy says what the same formula says on Python's ints."""

from __future__ import annotations

from itertools import pairwise, product
from math import prod
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool import size as sizes
from archtool.explore.plan import Plan, compile_plan, parts
from archtool.explore.plan import plan as plan_module
from archtool.explore.plan.grid import Support
from archtool.explore.plan.nodes import Table
from archtool.explore.plan.tables import Tabled
from archtool.explore.reading import Variable
from archtool.trace import Trace
from tests.test_trace import LARGE, OPERATIONS, SMALL, Knob, Recipe, build, conditions, recipes

MOST_DESIGNS = 3000  # of a random space


class Case(NamedTuple):
    """Formulas over knobs, and what each knob is along the axes of a space."""

    knobs: tuple[Knob, ...]
    recipes: list[Recipe]
    variables: dict[str, Variable]
    lengths: list[int]

    def plan(self) -> Plan:
        trace = Trace()
        symbols = {knob.name: trace.symbol(*knob) for knob in self.knobs}
        return compile_plan([build(recipe, symbols) for recipe in self.recipes], self.variables, self.lengths)

    def on_ints(self, digits: tuple[int, ...]) -> list[int]:
        point = {name: int(variable.values[digits[variable.axis]]) for name, variable in self.variables.items()}
        return [int(build(recipe, point)) for recipe in self.recipes]


@st.composite
def cases(draw: st.DrawFn, knobs: tuple[Knob, ...], numbers: st.SearchStrategy[int]) -> Case:
    """Random formulas; knobs share axes or stand on their own, values as ranges and as arrays."""
    axes = [draw(st.integers(0, len(knobs))) for _ in knobs]
    longest = {1: 40, 2: 12, 3: 9, 4: 7}[len(set(axes))]
    lengths = [draw(st.integers(1, longest)) for _ in range(len(knobs) + 1)]
    lengths = [length if axis in axes else 1 + length % 2 for axis, length in enumerate(lengths)]
    variables = {}
    for knob, axis in zip(knobs, axes, strict=True):
        length = lengths[axis]
        turns = (knob.high - knob.low) // knob.step + 1
        if length <= turns and draw(st.booleans()):
            start = knob.low + knob.step * draw(st.integers(0, turns - length))
            variables[knob.name] = Variable(axis, range(start, start + knob.step * length, knob.step))
        else:
            values = draw(st.lists(knob.values(), min_size=length, max_size=length))
            variables[knob.name] = Variable(axis, np.array(values, dtype=np.int64))
    texts = draw(st.lists(recipes(knobs, numbers) | conditions(knobs, numbers, 3), min_size=1, max_size=3))
    return Case(knobs, texts, variables, lengths)


@st.composite
def places(draw: st.DrawFn, case: Case, most: int = MOST_DESIGNS) -> tuple[list[tuple[int, ...]], list[slice]]:
    """Some points of a case's space, and a box in it."""
    point = st.tuples(*(st.integers(0, length - 1) for length in case.lengths))
    points = draw(st.lists(point, min_size=1, max_size=20))
    starts = [draw(st.integers(0, length - 1)) for length in case.lengths]
    slices = [
        slice(start, draw(st.integers(start + 1, length))) for start, length in zip(starts, case.lengths, strict=True)
    ]
    while prod(part.stop - part.start for part in slices) > most:
        longest = max(range(len(slices)), key=lambda axis: slices[axis].stop - slices[axis].start)
        slices[longest] = slice(slices[longest].start, slices[longest].start + 1)
    return points, slices


def check_everywhere(case: Case, points: list[tuple[int, ...]], slices: list[slice], sizes: tuple[int, ...]) -> None:
    """As expressions stand, and with tables of at most so many places, an evaluation is that of ints."""
    shape = tuple(part.stop - part.start for part in slices)
    in_box = [case.on_ints(point) for point in product(*(range(part.start, part.stop) for part in slices))]
    scattered = [case.on_ints(point) for point in points]
    digits = [np.array(column) for column in zip(*points, strict=True)]
    for enough, largest in ((2**62, 1), *((1, size) for size in sizes)):
        with patch.object(plan_module, "ENOUGH", enough), patch.object(parts, "LARGEST", largest):
            plan = case.plan()
            columns = plan.at(digits)
            assert [column.shape for column in columns] == [(len(points),)] * len(case.recipes)
            assert rows(columns) == scattered
            columns = plan.box(slices)
            assert all(column.ndim == len(shape) for column in columns)
            assert rows([np.broadcast_to(column, shape).reshape(-1) for column in columns]) == in_box


def rows(columns: list[np.ndarray]) -> list[list[int]]:
    return [list(map(int, row)) for row in zip(*(column.tolist() for column in columns), strict=True)]


@settings(max_examples=150, deadline=None)
@given(cases(SMALL, st.integers(-20, 20)), st.data())
def test_a_plan_is_the_formula_on_ints(case: Case, data: st.DataObject) -> None:
    points, slices = data.draw(places(case))
    check_everywhere(case, points, slices, (1, 30, 2**15))


@settings(max_examples=100, deadline=None)
@given(cases(LARGE, st.integers(-(2**66), 2**66) | st.integers(-3, 3)), st.data())
def test_overflow_is_never_silent(case: Case, data: st.DataObject) -> None:
    points, slices = data.draw(places(case))
    check_everywhere(case, points, slices, (1, 30, 2**15))


# --- many axes: what is gathered into tables, and what is left for each design -------------------------------------

SIX = (
    Knob("u", 1, 6), Knob("v", 0, 32, 8), Knob("w", -2, 3), Knob("x", 3, 11, 2), Knob("y", 0, 1), Knob("z", 5, 8)
)  # fmt: skip


def among(*parts: st.SearchStrategy[Recipe], op: str, least: int = 2) -> st.SearchStrategy[Recipe]:
    """Parts joined by an operation of two."""

    def joined(chosen: list[Recipe]) -> Recipe:
        whole = chosen[0]
        for part in chosen[1:]:
            whole = (op, whole, part)
        return whole

    return st.lists(st.one_of(*parts), min_size=least, max_size=7).map(joined)


symbols = st.sampled_from(SIX).map(lambda knob: ("symbol", knob.name))
numbers = st.integers(-9, 9).map(lambda number: ("number", number))
tests = st.tuples(st.sampled_from(["equal", "less"]), symbols, symbols | numbers)
joint = st.one_of(*(among(tests, op=op) for op in ("all_of", "any_of")))
products = among(symbols, numbers, op="multiply")
sums = among(symbols, products, st.tuples(st.just("where"), tests | joint, products, numbers), op="add")
gated = st.tuples(sums, tests, sums, symbols).map(  # alternatives that have much in common
    lambda drawn: ("where", drawn[1], ("add", drawn[0], drawn[2]), ("add", drawn[0], drawn[3]))
)
extremes = st.one_of(*(among(symbols, sums, numbers, op=op) for op in ("maximum", "minimum")))


@st.composite
def chains(draw: st.DrawFn) -> Recipe:
    """The number of the first condition that holds."""
    whole = draw(numbers)
    for condition in draw(st.lists(tests | joint | st.tuples(st.just("not"), tests), min_size=2, max_size=6)):
        whole = ("where", condition, draw(numbers), whole)
    return whole


@st.composite
def open_grids(draw: st.DrawFn) -> Case:
    """Formulas over six knobs, each on its own axis: with them, multiples that differ by a number, and a bound."""
    formulas = sums | gated | extremes | chains() | joint | among(sums, sums, op="multiply")
    texts = draw(st.lists(formulas, min_size=1, max_size=3))
    total = draw(sums)
    texts += [total, ("add", ("multiply", ("number", -3), total), ("number", 7)), ("less", total, ("number", 50))]
    variables = {knob.name: Variable(axis, range(knob.low, knob.high + 1, knob.step)) for axis, knob in enumerate(SIX)}
    return Case(SIX, texts, variables, [len(variable.values) for variable in variables.values()])


@settings(max_examples=100, deadline=None)
@given(open_grids(), st.data())
def test_what_is_gathered_into_tables_is_the_formula_on_ints(case: Case, data: st.DataObject) -> None:
    points, slices = data.draw(places(case, 150))
    check_everywhere(case, points, slices, (6, 40, 200))


def recipe(text: str) -> Recipe:
    """A formula over six knobs: letters, and calls of operations."""
    scope: dict[str, Any] = {knob.name: ("symbol", knob.name) for knob in SIX}
    scope |= {name: lambda *parts, name=name: (name, *parts) for name in OPERATIONS} | {
        "not_": lambda part: ("not", part)
    }
    scope |= {"n": lambda number: ("number", number)}
    return eval(text, scope)  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "text",
    [
        "where(not_(less(u, w)), n(3), where(less(v, x), n(5), where(not_(equal(x, z)), n(3), n(-1))))",
        "multiply(add(u, add(v, w)), add(u, subtract(v, w)))",  # u * v comes twice
        "multiply(add(u, v), subtract(u, v))",  # u * v goes
        "where(less(u, w), add(multiply(v, x), y), add(multiply(v, x), z))",
        "where(less(u, w), add(multiply(v, x), n(4)), multiply(v, x))",
        "maximum(u, minimum(v, maximum(w, maximum(n(4), x))))",
        "maximum(x, maximum(v, subtract(u, multiply(n(2**62), multiply(y, z)))))",  # a part leaves int64
        "all_of(less(u, v), all_of(not_(equal(w, y)), less(z, x)))",
        "floor(add(u, multiply(v, w)), add(x, z))",
    ],
)
def test_rare_forms_are_the_formula_on_ints(text: str) -> None:
    variables = {knob.name: Variable(axis, range(knob.low, knob.high + 1, knob.step)) for axis, knob in enumerate(SIX)}
    lengths = [len(variable.values) for variable in variables.values()]
    case = Case(SIX, [recipe(text)], variables, lengths)
    points = [tuple(point) for point in np.random.default_rng(0).integers(0, lengths, (400, 6)).tolist()]
    check_everywhere(case, points, [slice(max(length - 3, 0), length) for length in lengths], (6, 40, 2000))


def test_long_sums_become_few_tables_and_what_outputs_have_in_common_is_computed_once() -> None:
    trace = Trace()
    names = "abcdefgh"
    symbols = [trace.symbol(name, 1, 10) for name in names]
    variables = {name: Variable(axis, range(1, 11)) for axis, name in enumerate(names)}
    total = trace.add(0, 5)
    for one, other in pairwise(symbols):
        total = total + one * one * other + 3 * one
    outputs = [total, 2 * total, 4 * total + 1, sizes.less(total, 5000)]
    support = Support(variables, [10] * 8)
    with patch.object(parts, "LARGEST", 1000):
        tabled = Tabled(outputs, support)
        assert [node.axes.bit_count() for node in tabled.order if isinstance(node, Table)] == [2, 3, 3, 3]
        assert all(values.size <= 1000 for values in tabled.values.values())


def test_a_box_has_one_place_where_nothing_varies() -> None:
    trace = Trace()
    u, v = trace.symbol("u", 1, 100), trace.symbol("v", 1, 50)
    variables = {"u": Variable(1, range(1, 101)), "v": Variable(2, range(1, 51))}
    for enough in (1, 2**62):
        with patch.object(plan_module, "ENOUGH", enough):
            plan = compile_plan([u + 1, v * u, 7, True, 2**70, sizes.less(u, v)], variables, [3, 100, 50, 4])
            box = [slice(1, 3), slice(10, 90), slice(0, 50), slice(0, 4)]
            columns = plan.box(box)
            assert [column.shape for column in columns] == [
                (1, 80, 1, 1), (1, 80, 50, 1), (1, 1, 1, 1), (1, 1, 1, 1), (1, 1, 1, 1), (1, 80, 50, 1)
            ]  # fmt: skip
            kinds = [np.int64, np.int64, np.int64, bool, object, bool]
            assert [column.dtype for column in columns] == kinds
            columns = plan.at([np.array([0, 2]), np.array([9, 99]), np.array([0, 49]), np.array([0, 3])])
            assert [column.dtype for column in columns] == kinds
            assert [column.tolist() for column in columns] == [
                [11, 101], [10, 5000], [7, 7], [True, True], [2**70, 2**70], [False, False]
            ]  # fmt: skip


@pytest.mark.parametrize("enough", [1, 2**62])
def test_axes_may_be_endless(enough: int) -> None:
    trace = Trace()
    long, short = trace.symbol("long", 8, 8 * 10**9, 8), trace.symbol("short", 1, 7)
    variables = {"long": Variable(0, range(8, 8 * 10**9 + 1, 8)), "short": Variable(1, range(1, 8))}
    with patch.object(plan_module, "ENOUGH", enough):
        plan = compile_plan([long * long // 64 + short * long, sizes.less(long, 80)], variables, [10**9, 7])
        number, below = plan.at([np.array([0, 8, 10**9 - 1]), np.array([0, 1, 6])])
        assert number.tolist() == [1 + 8, 81 + 2 * 72, 10**18 + 7 * 8 * 10**9]
        assert below.tolist() == [True, True, False]
        number, below = plan.box([slice(10**9 - 2, 10**9), slice(2, 4)])
        last = 8 * 10**9
        assert number.tolist() == [[(n // 8) ** 2 + k * n for k in (3, 4)] for n in (last - 8, last)]
        assert below.tolist() == [[False], [False]]


@pytest.mark.parametrize("enough", [1, 2**62])
@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64])
def test_digits_are_any_integers_and_any_number_of_them(enough: int, kind: type) -> None:
    trace = Trace()
    u, v = trace.symbol("u", 1, 200), trace.symbol("v", 1, 200)
    variables = {"u": Variable(0, range(1, 201)), "v": Variable(1, range(1, 201))}
    with patch.object(plan_module, "ENOUGH", enough):
        plan = compile_plan([u * v], variables, [200, 200])
        for count in (0, 1, plan_module.CHUNK, 2 * plan_module.CHUNK + 3):
            digits = np.arange(count) % 120
            (column,) = plan.at([digits.astype(kind), digits[::-1].astype(kind)])
            assert np.array_equal(column, (digits + 1) * (digits[::-1] + 1))
