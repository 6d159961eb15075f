"""Roots of formulas: those that can be told to lie outside of what is assumed are left out, all others stay."""

from __future__ import annotations

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archtool import load
from archtool.algebra.comparison import compared, crossover
from archtool.algebra.polynomial import polynomial, symbol
from archtool.algebra.roots import roots
from archtool.algebra.shown import Layout
from archtool.errors import SpecError
from archtool.render.formula import text
from archtool.spec.domains import Range

X = symbol("x")
LAYOUT = Layout(("x", "y"))
SMALL = st.integers(-9, 9)


@given(first=SMALL, second=SMALL, factor=st.sampled_from([-2, 1, 3]), low=SMALL, length=st.none() | st.integers(0, 9))
def test_roots_within_a_domain_alone(first, second, factor, low, length):
    domain = Range(low, None if length is None else low + length)
    part = (X - first) * (X - second) * factor
    inside = {root for root in (first, second) if low <= root and (length is None or root <= low + length)}
    assert set(roots(part, "x", LAYOUT, domain)) == set(map(str, inside))


@given(square=st.integers(2, 99).filter(lambda n: int(sqrt(n)) ** 2 != n), low=SMALL, length=st.integers(0, 9))
def test_irrational_roots_within_a_domain_alone(square, low, length):
    inside = [root for root in (sqrt(square), -sqrt(square)) if low <= root <= low + length]
    assert len(roots(X * X - square, "x", LAYOUT, Range(low, low + length))) == len(inside)
    assert len(roots((X * X - square) * -1, "x", LAYOUT, Range(low, low + length))) == len(inside)


def test_roots_of_other_symbols_go_by_their_signs():
    y = symbol("y")
    assert roots(X + y, "x", LAYOUT, Range(1, None)) == []
    assert roots(X + y, "x", LAYOUT, Range(-5, None)) == ["-y"]
    assert roots(X - y, "x", LAYOUT, Range(1, None)) == ["y"]
    assert roots(X * X * y + X * y + y, "x", LAYOUT, Range(0, None)) == []
    assert roots(X * X - X * y, "x", LAYOUT, Range(1, None)) == ["y"]
    assert roots(X * X - X * y, "x", LAYOUT, Range(0, None)) == ["y", "0"]
    assert roots(X * y + polynomial(0), "x", LAYOUT, Range(1, None)) == []


@pytest.mark.parametrize("symbols", ["width", "width, classes"])
def test_where_one_always_costs_less(symbols):
    found = crossover(compared(load("resnet50"), "resnet50", "resnet18", "macs", symbols), "width")
    assert found.roots == () and found.less == found.equal == ()
    assert [(run.low, run.high) for run in found.more] == [(1, None)]
    assert "fewer macs:\n  resnet18  width >= 1\n" in text(found)


def test_no_root_is_a_quotient_of_nothing():
    found = crossover(compared(load("resnet50"), "resnet50", "resnet18"), "width")
    assert len(found.roots) == 1 and found.roots[0].startswith("24*groups*classes/(")


def test_what_is_none_of_the_two_is_refused_by_name():
    with pytest.raises(SpecError, match="'nosuch' is neither a design nor a block of 'bottleneck', nor a shipped spec"):
        compared(load("bottleneck"), "bottleneck", "nosuch")
