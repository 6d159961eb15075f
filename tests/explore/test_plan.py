"""Plans: wherever designs stand, generated numpy says what the same formula says on Python's ints."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import NamedTuple
from unittest.mock import patch

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool.explore.plan import Plan, compile_plan, parts
from archtool.explore.plan import plan as plan_module
from archtool.explore.reading import Variable
from archtool.trace import Trace
from tests.test_trace import LARGE, SMALL, Knob, Recipe, build, conditions, recipes

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


def check_at(plan: Plan, case: Case, points: list[tuple[int, ...]]) -> None:
    """Scattered designs have the values of ints, one each."""
    digits = [np.array(column) for column in zip(*points, strict=True)]
    columns = plan.at(digits)
    assert [column.shape for column in columns] == [(len(points),)] * len(case.recipes)
    assert [list(map(int, row)) for row in zip(*columns, strict=True)] == [case.on_ints(point) for point in points]


def check_box(plan: Plan, case: Case, slices: list[slice]) -> None:
    """A box has the values of ints at each of its places."""
    shape = tuple(part.stop - part.start for part in slices)
    columns = plan.box(slices)
    assert all(column.ndim == len(shape) for column in columns)
    points = list(product(*(range(part.start, part.stop) for part in slices)))
    rows = zip(*(np.broadcast_to(column, shape).reshape(-1) for column in columns), strict=True)
    assert [list(map(int, row)) for row in rows] == [case.on_ints(point) for point in points]


@st.composite
def places(draw: st.DrawFn, case: Case) -> tuple[list[tuple[int, ...]], list[slice]]:
    """Some points of a case's space, and a box in it."""
    point = st.tuples(*(st.integers(0, length - 1) for length in case.lengths))
    points = draw(st.lists(point, min_size=1, max_size=20))
    starts = [draw(st.integers(0, length - 1)) for length in case.lengths]
    slices = [
        slice(start, draw(st.integers(start + 1, length))) for start, length in zip(starts, case.lengths, strict=True)
    ]
    while prod(part.stop - part.start for part in slices) > MOST_DESIGNS:
        longest = max(range(len(slices)), key=lambda axis: slices[axis].stop - slices[axis].start)
        slices[longest] = slice(slices[longest].start, slices[longest].start + 1)
    return points, slices


@settings(max_examples=150, deadline=None)
@given(cases(SMALL, st.integers(-20, 20)), st.data())
def test_a_plan_is_the_formula_on_ints(case: Case, data: st.DataObject) -> None:
    points, slices = data.draw(places(case))
    for enough, largest in ((1, 1), (1, 30), (1, 2**15), (2**30, 1)):
        with patch.object(plan_module, "ENOUGH", enough), patch.object(parts, "LARGEST", largest):
            plan = case.plan()
            check_at(plan, case, points)
            check_box(plan, case, slices)


@settings(max_examples=100, deadline=None)
@given(cases(LARGE, st.integers(-(2**66), 2**66) | st.integers(-3, 3)), st.data())
def test_overflow_is_never_silent(case: Case, data: st.DataObject) -> None:
    points, slices = data.draw(places(case))
    for enough, largest in ((1, 1), (1, 30), (1, 2**15), (2**30, 1)):
        with patch.object(plan_module, "ENOUGH", enough), patch.object(parts, "LARGEST", largest):
            plan = case.plan()
            check_at(plan, case, points)
            check_box(plan, case, slices)
