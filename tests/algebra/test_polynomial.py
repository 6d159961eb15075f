"""Polynomials, floors, extremes and conditions: whatever form they take, their values are those of plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from math import inf
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool.algebra.bounds import Lows, least
from archtool.algebra.functions import extreme, floor, positive, replaced, zero
from archtool.algebra.integers import NotExact, holds, signs
from archtool.algebra.polynomial import Atom, Polynomial, polynomial, symbol
from archtool.algebra.quotient import divided, quotient
from archtool.algebra.shown import Layout
from archtool.algebra.text import write
from archtool.spec.domains import Range
from archtool.spec.expressions import compile_expression
from archtool.spec.values import WORK, Allowance

NAMES = ("a", "b", "c")
Values = dict[str, int]
Pair = tuple[Polynomial, Callable[[Values], Any]]  # a formula, and the same in plain arithmetic


def _leaf(name: str) -> Pair:
    return symbol(name), lambda values: values[name]


def _number(value: int) -> Pair:
    return polynomial(value), lambda values: value


def _larger(inner: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    two = st.tuples(inner, inner)
    return st.one_of(
        two.map(lambda p: (p[0][0] + p[1][0], lambda v: p[0][1](v) + p[1][1](v))),
        two.map(lambda p: (p[0][0] - p[1][0], lambda v: p[0][1](v) - p[1][1](v))),
        two.map(lambda p: (p[0][0] * p[1][0], lambda v: p[0][1](v) * p[1][1](v))),
        st.tuples(inner, st.integers(1, 6)).map(
            lambda p: (floor(p[0][0] * Fraction(1, p[1])), lambda v: p[0][1](v) // p[1])
        ),
        two.map(lambda p: (extreme("max", (p[0][0], p[1][0])), lambda v: max(p[0][1](v), p[1][1](v)))),
        two.map(lambda p: (extreme("min", (p[0][0], p[1][0])), lambda v: min(p[0][1](v), p[1][1](v)))),
        inner.map(lambda p: (positive(p[0]), lambda v: int(p[1](v) > 0))),
        inner.map(lambda p: (zero(p[0]), lambda v: int(p[1](v) == 0))),
    )


LEAVES = st.one_of(st.sampled_from(NAMES).map(_leaf), st.integers(-4, 4).map(_number))
FORMULAS = st.recursive(LEAVES, _larger, max_leaves=8)
VALUES = st.fixed_dictionaries({name: st.integers(-9, 9) for name in NAMES})
POSITIVE = st.fixed_dictionaries({name: st.integers(1, 30) for name in NAMES})


@given(FORMULAS, st.lists(VALUES, min_size=5, max_size=5))
def test_every_form_has_the_values_of_plain_arithmetic(pair: Pair, points: list[Values]) -> None:
    formula, plain = pair
    for values in points:
        assert formula.at(values) == plain(values)


@given(FORMULAS, st.lists(VALUES, min_size=3, max_size=3))
def test_what_is_written_is_read_as_the_same_number(pair: Pair, points: list[Values]) -> None:
    formula, plain = pair
    text = write(formula, Layout(NAMES, [("a", "b")]))
    if len(text) > 1500:  # more than the language reads
        return
    read = compile_expression(text, NAMES, ())
    for values in points:
        assert read.evaluate({**values, WORK: Allowance(1000)}) == plain(values)


@given(FORMULAS, FORMULAS, VALUES)
def test_replacing_a_symbol_is_giving_it_a_value(pair: Pair, other: Pair, values: Values) -> None:
    formula, plain = pair
    changed = replaced(formula, {Atom("symbol", "a"): other[0]})
    assert changed.at(values) == plain({**values, "a": other[1](values)})


@given(FORMULAS, POSITIVE)
def test_a_formula_is_never_below_its_least_value(pair: Pair, values: Values) -> None:
    formula, plain = pair
    assert least(formula) <= plain({name: value - 12 for name, value in values.items()})
    assert least(formula, Lows(dict.fromkeys(NAMES, 1))) <= plain(values)


@pytest.mark.parametrize(
    ("formula", "low"),
    [
        (floor((symbol("a") + 1) * Fraction(1, 2)) * 2 - symbol("a"), 0),  # it is 0 or 1
        (symbol("a") * symbol("a") * 3 - symbol("a") * 2, 1),  # 1 at 1, and rising
        (symbol("a") - positive(symbol("b") - 3) * symbol("a"), 0),
        (
            symbol("b") - extreme("min", (symbol("a"), symbol("b"), symbol("c"))),
            0,
        ),  # at most each
        (extreme("max", (symbol("a"), symbol("b"))) - symbol("a") + 2, 2),
        (symbol("a") * (symbol("b") - extreme("min", (symbol("b"), symbol("c")))), 0),
        ((symbol("a") - 5) * (symbol("b") - extreme("min", (symbol("b"), symbol("c")))), -inf),
        (extreme("min", (symbol("a"), symbol("b"))) - symbol("a"), -inf),
        (symbol("b") - extreme("min", (symbol("a"), symbol("b"))) * extreme("min", (symbol("a"), symbol("b"))), -inf),
        (polynomial(1).over(symbol("a")) - symbol("a") + 3, -inf),  # 1/a is not a
        (symbol("b").over(symbol("a")) + 3, 3),
        (symbol("c") - extreme("min", (symbol("b"), symbol("c"))), 0),  # of a symbol that may be anything
        (symbol("c") * (symbol("b") - extreme("min", (symbol("a"), symbol("b")))), -inf),
    ],
)
def test_least_values(formula: Polynomial, low: float) -> None:
    assert least(formula, Lows({"a": 1, "b": 1})) == low


def test_laws_of_floors() -> None:
    n, s = symbol("n"), symbol("s")
    half = floor((n + 1) * Fraction(1, 2))
    assert floor((half + 1) * Fraction(1, 2)) == floor((n + 3) * Fraction(1, 4))
    assert floor(half * Fraction(-1, 2)) == -floor((n + 3) * Fraction(1, 4))
    assert floor(n * 3 + Fraction(7, 2)) == n * 3 + 3
    layout = Layout(("n", "s"))
    assert write(floor((n - 1).over(s)) + 1, layout) == "ceil(n/s)"
    assert write(floor((n + 31) * Fraction(1, 32)), layout) == "ceil(n/32)"
    assert write(floor((n + 30) * Fraction(1, 32)), layout) == "floor((n + 30)/32)"
    assert write(positive(floor((n + 31) * Fraction(1, 32)) - 1), layout) == "(1 if n > 32 else 0)"


@pytest.mark.parametrize("a", [1, 2, 3, 4])
@pytest.mark.parametrize("b", [1, 2, 3, 4])
def test_floors_in_floors_at_every_rest(a: int, b: int) -> None:
    n = symbol("n")
    for sign in (1, -1):
        for rest in (0, 1, 2):
            inner = floor((n * sign + rest) * Fraction(1, a))
            outer = floor((inner * sign + rest) * Fraction(1, b))
            for at in range(-13, 14):
                assert inner.at({"n": at}) == (at * sign + rest) // a
                assert outer.at({"n": at}) == ((at * sign + rest) // a * sign + rest) // b


def test_laws_of_conditions() -> None:
    n = symbol("n")
    assert positive(n - 1) * positive(n - 2) == positive(n - 2)
    assert positive(n) + positive(polynomial(1) - n) == polynomial(1)
    assert positive(n * 2 - 5) == positive(n - 2)
    assert positive(n - 1) == positive(n - 2) + zero(n - 2)
    assert write(zero(n - 2) * n, Layout(("n",))) == "(n if n == 2 else 0)"


@settings(deadline=None)  # the first one imports sympy
@given(FORMULAS, FORMULAS, VALUES)
def test_a_quotient_times_its_divisor_is_what_was_divided(above: Pair, below: Pair, values: Values) -> None:
    divisor = below[1](values)
    if not below[0].terms or not divisor:
        return
    found = quotient(above[0], below[0])
    try:
        assert found.at(values) * divisor == above[1](values)
    except ZeroDivisionError:  # of what was cancelled
        assert any(values[name] == 0 for name in NAMES) or found.atoms()


def test_quotients_are_cancelled() -> None:
    a, b = symbol("a"), symbol("b")
    assert quotient(a * a - b * b, a - b) == a + b
    assert quotient(a - b, a * a - b * b) == polynomial(1).over(a + b)
    assert divided(a * a + b, a + b) is None
    pytest.importorskip("sympy")
    assert quotient((a + b) * (a + 1), (a + b) * (b + 1)) == (a + 1).over(b + 1)


COEFFICIENTS = st.lists(st.fractions(-30, 30, max_denominator=3), min_size=1, max_size=5)


@given(COEFFICIENTS, st.integers(-5, 5), st.one_of(st.none(), st.integers(0, 40)))
def test_signs_are_those_at_every_whole_number(coefficients: list[Fraction], low: int, length: int | None) -> None:
    high = None if length is None else low + length
    runs = list(signs(coefficients, low, high))
    assert runs[0][0] == low and runs[-1][1] == high
    for one, other in pairwise(runs):
        assert one[1] is not None and one[1] + 1 == other[0] and one[2] != other[2]
    for at in range(low, low + 50 if high is None else high + 1):
        value = sum(factor * at**power for power, factor in enumerate(coefficients))
        (sign,) = [run[2] for run in runs if run[0] <= at and (run[1] is None or at <= run[1])]
        assert sign == (value > 0) - (value < 0)


ALONE = st.recursive(st.one_of(st.just(_leaf("a")), st.integers(-9, 9).map(_number)), _larger, max_leaves=6)


@given(ALONE, st.integers(0, 3), st.one_of(st.none(), st.integers(0, 40)), st.integers(1, 3))
def test_where_a_condition_holds_is_told_for_every_number(pair: Pair, low: int, length: int | None, step: int) -> None:
    domain = Range(low, None if length is None else low + length, step)
    try:
        runs = holds(positive(pair[0]), "a", domain)
    except NotExact:
        return
    last = low + 60 if domain.high is None else domain.high
    found = {at for run in runs for at in range(run.low, min(last, run.high or last) + 1, run.step)}
    found -= {at for at in found if not any(run.low <= at and (run.high is None or at <= run.high) for run in runs)}
    assert found == {at for at in range(low, last + 1, step) if pair[1]({"a": at}) > 0}


def test_floors_of_many_kinds_are_solved() -> None:
    a = symbol("a")
    blocks = floor((a + 31) * Fraction(1, 32))
    assert holds(positive(blocks * blocks - 9), "a", Range(1, None)) == [(97, None, 1)]
    assert holds(zero(a - floor(a * Fraction(1, 4)) * 4), "a", Range(1, None)) == [(4, None, 4)]
    with pytest.raises(NotExact):
        thousands = floor(a * Fraction(1, 1009))
        holds(positive(thousands * thousands - a), "a", Range(1, None))
