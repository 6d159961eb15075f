"""Small functions as targets: what texts and tables mean, exactly, and what is refused; sums of hinges."""

from __future__ import annotations

import re
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archtool.algebra import hinges
from archtool.algebra.hinges import Input, Sum, constant, of_input
from archtool.algebra.targets import Target, points_around, target
from archtool.errors import RuleError

TWO = list(product((0, 1), repeat=2))


def outputs(of: Target) -> list[int]:
    assert of.rows is not None
    return [int(row.output) for row in of.rows]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("xor", [0, 1, 1, 0]),
        ("and", [0, 0, 0, 1]),
        ("or", [0, 1, 1, 1]),
        ("nand", [1, 1, 1, 0]),
        ("nor", [1, 0, 0, 0]),
        ("xnor", [1, 0, 0, 1]),
        ("xor(x1, x2)", [0, 1, 1, 0]),
        ("x1 and not x2", [0, 0, 1, 0]),
        ("not x1 or x2", [1, 1, 0, 1]),
        ("xor(x1, x2) * 3 - 1", [-1, 2, 2, -1]),
        ("not", [1, 0]),
    ],
)
def test_truth_tables(written: str, expected: list[int]) -> None:
    found = target(written)
    assert outputs(found) == expected
    assert found.pieces is None


def test_parity_of_three() -> None:
    assert outputs(target("xor(x1, x2, x3)")) == [sum(bits) % 2 for bits in product((0, 1), repeat=3)]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("abs(x1 - x2)", lambda a, b: abs(a - b)),
        ("max(x1, x2, 1)", lambda a, b: max(a, b, 1)),
        ("min(x1, 2*x2)", lambda a, b: min(a, 2 * b)),
        ("relu(x1) - relu(-x2)/3", lambda a, b: max(a, 0) - Fraction(max(-b, 0), 3)),
        ("abs(max(x1, -x2) - 0.5)", lambda a, b: abs(max(a, -b) - Fraction(1, 2))),
        ("relu(relu(x1 - x2) - 1)", lambda a, b: max(max(a - b, 0) - 1, 0)),
        ("relu(6*x1 - 4*x2)", lambda a, b: max(6 * a - 4 * b, 0)),
        ("x1*x2", lambda a, b: a * b),
        ("(x1 + x2)**2", lambda a, b: (a + b) ** 2),
    ],
)
def test_an_expression_is_what_it_says_as_a_function_and_as_a_sum(written, meant) -> None:
    found = target(written)
    for a, b in product(range(-3, 4), repeat=2):
        assert found.value((a, b)) == meant(a, b)
        if found.pieces is not None:
            at = dict(zip(found.inputs, map(Fraction, (a, b)), strict=True))
            assert found.pieces.value(at) == found.pieces.canonical().value(at) == meant(a, b)
    assert (found.pieces is None) == ("x1*x2" in written or "**" in written)


def test_values_make_a_table() -> None:
    found = target("x1*x2", on=[0, 1])
    assert outputs(found) == [a * b for a, b in TWO]
    assert target("abs(x1)", on=[-1, 0, 1]).rows == target([[-1, 1], [0, 0], [1, 1]]).rows


def test_channels_and_offsets() -> None:
    found = target("x[0, 1] - x[0, 0] + x3[-1, 0]")
    assert found.inputs == (Input(0), Input(0, (0, 1)), Input(2, (-1, 0)))
    assert found.channels == 3
    assert str(found.pieces) == "-x1 + x1[0, 1] + x3[-1, 0]"


def test_hinges_have_whole_factors_and_equal_ones_are_one() -> None:
    assert str(target("relu(x1/2 - 1/3)").pieces) == "1/6*relu(3*x1 - 2)"
    assert str(target("relu(2*x1) + relu(3*x1)").pieces) == "5*relu(x1)"
    assert str(target("relu(x1) - relu(x1) + relu(-7)").pieces) == "0"
    assert target("relu(abs(x1))").pieces == target("abs(x1)").pieces


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("abs(x1)", "2*relu(x1) - x1"),
        ("max(x1, x2)", "x1 + relu(x2 - x1)"),
        ("max(x1, x2)", "(x1 + x2 + abs(x1 - x2))/2"),
        ("min(x1, x2)", "x1 + x2 - max(x1, x2)"),
        ("abs(abs(x1) - x2)", "2*relu(x2 - abs(x1)) + abs(x1) - x2"),
    ],
)
def test_one_function_has_one_canonical_form(one: str, other: str) -> None:
    first, second = target(one).pieces, target(other).pieces
    assert first is not None
    assert second is not None
    assert first.canonical() == second.canonical()


X, Y = of_input(Input(0)), of_input(Input(1))
SUMS = st.recursive(
    st.sampled_from([X, Y, constant(1), constant(Fraction(-1, 2))]),
    lambda inner: st.one_of(
        st.builds(lambda a, b: a + b, inner, inner),
        st.builds(lambda a, k: a * k, inner, st.sampled_from([-2, 3, Fraction(1, 2)])),
        st.builds(hinges.relu, inner),
        st.builds(hinges.absolute, inner),
        st.builds(hinges.larger, inner, inner),
        st.builds(hinges.smaller, inner, inner),
    ),
    max_leaves=6,
)


@given(SUMS, st.fractions(-4, 4, max_denominator=6), st.fractions(-4, 4, max_denominator=6))
def test_the_canonical_form_is_the_same_function(of: Sum, a: Fraction, b: Fraction) -> None:
    at = {Input(0): a, Input(1): b}
    assert of.canonical().value(at) == of.value(at)
    assert of.canonical().canonical() == of.canonical()


@given(SUMS, SUMS, st.fractions(-4, 4, max_denominator=6), st.fractions(-4, 4, max_denominator=6))
def test_rules_of_sums(one: Sum, other: Sum, a: Fraction, b: Fraction) -> None:
    at = {Input(0): a, Input(1): b}
    left, right = one.value(at), other.value(at)
    assert (one - other).value(at) == left - right
    assert hinges.larger(one, other).value(at) == max(left, right)
    assert hinges.smaller(one, other).value(at) == min(left, right)
    assert hinges.absolute(one).value(at) == abs(left)


def test_points_are_whole_numbers_around_0() -> None:
    assert len(points_around(target("x1 + x2"))) == 49
    assert points_around(target(" + ".join(f"x{n}" for n in range(1, 11)))) == points_around(
        target(" + ".join(f"x{n}" for n in range(1, 11)))
    )


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("foo", "unknown name 'foo'"),
        ("xorr", "did you mean 'xor'"),
        ("x0", "unknown name 'x0'"),
        ("x1 +", "is not an expression"),
        ("x1 xor x2", "is not an expression"),
        ("sin(x1)", "'sin' is no function of a target"),
        ("abs(x1, x2)", "abs takes 1 of"),
        ("xor(x1)", "xor takes at least 2"),
        ("x1 < x2", "numbers, + - * / and functions alone"),
        ("x1 / x2", "division is by numbers alone"),
        ("x1 / 0", "division is by numbers alone"),
        ("x1 ** x2", "an exponent is a whole number"),
        ("x1 ** 99", "an exponent is a whole number"),
        ("x1 % 2", "operator Mod is not part"),
        ("1e999 * x1", "not a number"),
        ("123456789012345678901 * x1", "more than 64 bits"),
        ("x1[0.5]", "an offset is whole numbers"),
        ("x1[x2]", "an offset is whole numbers"),
        ("x1[1] + x2[0, 1]", "offsets of different numbers of axes"),
        ("x1.real", "functions alone"),
        ("(lambda: x1)()", "functions alone"),
        ("__import__('os').system('true')", "functions alone"),
        ("'x1'", "is not a number"),
        ("true", "unknown name"),
        ("xor(x1, 2*x2)", "of 0 and 1, not of 2"),
        ("-" * 100 + "x1", "nested too deeply"),
        ("abs(1 - " * 20 + "x1" + ")" * 20, "more than 2,000 terms, as a sum of hinges"),
        ("x1" + " + x1" * 1000, "more than 2,000 characters"),
        ("xor(" + ", ".join(f"x{n}" for n in range(1, 14)) + ")", "more than 4,096 rows"),
        ([], "1 to 4,096 rows, not 0"),
        ([[0, 1], [1]], "row 2 of a table"),
        ([[1]], "row 1 of a table"),
        ([[0, 1], [0, 2]], "row 2 of a table has another output"),
        ([["a", 1]], "'a' is not a number"),
        ([[True, 1]], "True is not a number"),
        ([[float("nan"), 1]], "nan is not a number"),
        (7, "7 is no target"),
        (["ab", "cd"], "row 1 of a table"),
    ],
)
def test_refusals(written: object, message: str) -> None:
    with pytest.raises(RuleError, match=re.escape(message)):
        target(written)


def test_a_table_is_on_its_own_values() -> None:
    with pytest.raises(RuleError, match="leave out 'on'"):
        target([[0, 0]], on=[0, 1])
    with pytest.raises(RuleError, match="the table has no row for 2"):
        target([[0, 0]]).value((2,))
    with pytest.raises(RuleError, match="'a' is not a number"):
        target("x1", on=["a"])
