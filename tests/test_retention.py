"""What memory on expressions rests on: cases of conditions, and the greatest of many sums."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool.analysis.retention.cases import both, cases, either, one_holds
from archtool.analysis.retention.enclosing import Enclosing
from archtool.analysis.retention.greatest import Sum, greatest
from archtool.codegen import to_numpy
from archtool.size import all_of, any_of, less, negate
from archtool.trace import Expr, Trace, linear

NAMES = ("a", "b", "c")
Tree = Any  # the name of a symbol, or an operation and its parts


def points(places: list[range]) -> dict[str, Any]:
    columns = zip(*product(*places), strict=True)
    return {name: np.array(column) for name, column in zip(NAMES, columns, strict=False)}


def value(size: Any, at: dict[str, Any]) -> list[int]:
    (column,) = to_numpy([size])(at)
    return [int(each) for each in np.broadcast_to(column, len(at["a"]))]


def condition(trace: Trace, tree: Tree) -> Any:
    if isinstance(tree, str):
        return less(0, trace.symbol(tree, 0, 1))
    op, *parts = tree
    made = [condition(trace, part) for part in parts]
    return negate(made[0]) if op == "not" else (all_of if op == "and" else any_of)(*made)


CONDITIONS: st.SearchStrategy[Tree] = st.recursive(
    st.sampled_from(NAMES),
    lambda inner: st.tuples(st.just("not"), inner) | st.tuples(st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=8,
)


@given(CONDITIONS, CONDITIONS)
@settings(deadline=None)
def test_cases_are_so_where_their_condition_holds(one: Tree, other: Tree) -> None:
    trace = Trace()
    left, right = condition(trace, one), condition(trace, other)
    at = points([range(2)] * 3)
    assert value(one_holds(cases(left)), at) == value(left, at)
    assert value(one_holds(both(cases(left), cases(right))), at) == value(all_of(left, right), at)
    assert value(one_holds(either(cases(left), cases(right))), at) == value(any_of(left, right), at)


def test_opposites_are_one_case() -> None:
    trace = Trace()
    a, b = (cases(condition(trace, name)) for name in "ab")
    not_a, not_b = (cases(condition(trace, ("not", name))) for name in "ab")
    assert either(both(a, b), both(a, not_b)) == a
    assert either(both(a, b), both(not_a, b), not_b) == cases(True)
    assert both(a, not_a) == cases(False)


TERMS = st.recursive(
    st.sampled_from(NAMES[:2]),
    lambda inner: (
        st.tuples(st.just("floor"), inner, st.integers(0, 7), st.integers(2, 6))
        | st.tuples(st.just("times"), inner, inner)
        | st.tuples(st.just("less"), inner, inner)
    ),
    max_leaves=4,
)
FACTORS = st.integers(-3, 12)
PLACES = {"a": range(1, 9), "b": range(-2, 10, 3)}


def term(trace: Trace, tree: Tree) -> Any:
    if isinstance(tree, str):
        places = PLACES[tree]
        return trace.symbol(tree, places[0], places[-1], places.step)
    if tree[0] == "floor":
        return (term(trace, tree[1]) + tree[2]) // tree[3]
    left, right = (term(trace, part) for part in tree[1:])
    return left * right if tree[0] == "times" else left - right


@given(st.lists(TERMS, min_size=2, max_size=4), st.lists(st.lists(FACTORS, min_size=5, max_size=5), max_size=7))
@settings(max_examples=200, deadline=None)
def test_the_greatest_is_that_at_every_point(trees: list[Tree], table: list[list[int]]) -> None:
    trace = Trace()
    terms = [term(trace, tree) for tree in trees]
    sums = [
        sum((factor * each for factor, each in zip(row, terms, strict=False)), row[-1]) for row in [*table, [1] * 5]
    ]
    found = greatest([Sum(*linear(each)) for each in sums])
    at = points(list(PLACES.values()))
    expected = [max(column) for column in zip(*(value(each, at) for each in sums), strict=True)]
    assert value(found, at) == expected


@given(st.lists(TERMS, min_size=1, max_size=3), st.lists(FACTORS, min_size=4, max_size=4))
@settings(max_examples=300, deadline=None)
def test_an_enclosing_polynomial_is_never_above_what_it_encloses(trees: list[Tree], row: list[int]) -> None:
    trace = Trace()
    size = sum((factor * term(trace, tree) for factor, tree in zip(row, trees, strict=False)), row[-1])
    assert Enclosing().least(*linear(size)) <= min(value(size, points(list(PLACES.values()))))


def test_floors_of_one_size_are_compared() -> None:
    """A half is never less than a quarter: bounds of each alone do not tell."""
    trace = Trace()
    n: Any = trace.symbol("n", 8, 400)
    half, quarter = (n + 1) // 2, (n + 3) // 4
    sums = [Sum(0, {part * part: factor}) for part, factor in ((half, 2), (quarter, 3))]
    found = greatest(sums)
    assert isinstance(found, Expr)
    assert found is 2 * half * half
