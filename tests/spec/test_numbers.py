"""The language's arithmetic: exact, with errors where there is no answer."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archtool.codegen import to_numpy
from archtool.errors import RuleError, Untraceable
from archtool.size import Ratio, exact_div
from archtool.spec import numbers
from archtool.spec.expressions import compile_expression
from archtool.spec.values import WORK, Allowance
from archtool.trace import Expr, Trace


def value(text: str, **variables: Any) -> Any:
    return compile_expression(text, variables, ()).evaluate({WORK: Allowance(100_000), **variables})


def test_a_decimal_is_what_it_says() -> None:
    """Floats are wrong for some of these: 10 * 1.1 is 11.000000000000002 there."""
    exact = [value("ceil(width * 1.1)", width=width) for width in range(1, 32_001)]
    assert exact == [-(-width * 11 // 10) for width in range(1, 32_001)]
    assert any(math.ceil(width * 1.1) != number for width, number in enumerate(exact, 1))


@given(st.integers(-(10**6), 10**6), st.integers(1, 1000))
def test_division_is_exact_and_rounding_is_half_to_even(a: int, b: int) -> None:
    quotient = value("a / b", a=a, b=b)
    assert quotient == Fraction(a, b)
    assert type(quotient) is (int if a % b == 0 else Fraction)
    assert value("round(a / b)", a=a, b=b) == round(Fraction(a, b))
    assert value("floor(a / b)", a=a, b=b) == value("a // b", a=a, b=b) == a // b
    assert value("ceil(a / b)", a=a, b=b) == -(-a // b)
    assert value("a % b", a=a, b=b) == a % b


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("round(0.5)", 0),
        ("round(1.5)", 2),
        ("round(2.5)", 2),
        ("round(-0.5)", 0),
        ("round(2.500001)", 3),
        ("round_to(12, 8)", 16),
        ("round_to(11.999, 8)", 8),
        ("round_to(20, 8)", 24),
        ("round_to(1, 8)", 0),
        ("0.1 + 0.2 == 0.3", True),
        ("1.1 * 1.1 == 1.21", True),
        ("1e3", 1000),
        ("1_000 + 0x10", 1016),
        ("2**-2 * 4", 1),
        ("7 / 2 * 2", 7),
        ("sqrt(16)", 4.0),
        ("log2(8)", 3.0),
        ("log(8, 2)", 3.0),
        ("exp(0)", 1.0),
        ("gcd(12, 18)", 6),
        ("abs(-3.5) == 7 / 2", True),
        ("max(1, 2.5, 2) == 5 / 2", True),
        ("min([3, 1, 2])", 1),
        ("sum([1, 0.5, 0.5])", 2),
        ("-7 // 2", -4),
        ("-7 % 3", 2),
        ("1 < 2 < 3", True),
        ("1 < 3 < 2", False),
        ("not 1 > 2 and 2 >= 2", True),
        ("3 if 1 == 2 else 4", 4),
        ("unique([2, 1, 2])", (2, 1)),
        ("count([1, 2, 1], 1)", 2),
        ("len(range(1, 10, 3))", 3),
        ("zip([1, 2], [3, 4])", ((1, 3), (2, 4))),
        ("list(i * j for i, j in zip(range(3), [5, 6, 7]))", (0, 6, 14)),
        ("[1, 2, 3][-1]", 3),
        ("[i for i in range(6) if i % 2 == 1]", (1, 3, 5)),
        ("[1, [2]] == [1, [2]]", True),
        ("true == 1", False),
        ("[true] == [1]", False),
        ("2 ** 2000 > 0", True),
    ],
)
def test_what_expressions_come_to(text: str, expected: object) -> None:
    found = value(text)
    assert (found, type(found)) == (expected, type(expected))


def made_divisible(v: float, divisor: int) -> int:
    """torchvision.models._utils._make_divisible, from tensorflow/models' MobileNet, in floats."""
    new_v = max(divisor, int(v + divisor / 2) // divisor * divisor)
    return new_v + divisor if new_v < 0.9 * v else new_v


@given(
    st.integers(1, 4096),
    st.sampled_from(["1.0", "0.75", "0.5", "0.35", "1.4", "1.1", "2.2"]),
    st.sampled_from([4, 8, 16]),
)
def test_divisible_is_the_rule_of_mobilenet(width: int, multiplier: str, divisor: int) -> None:
    exact = Fraction(multiplier) * width
    found = value(f"divisible(width * {multiplier}, {divisor})", width=width)
    if 10 * found != 9 * exact and (exact + Fraction(divisor, 2)) % divisor:  # where floats can tell the sides apart
        assert found == made_divisible(float(exact), divisor)
    assert found % divisor == 0
    assert found * 10 >= exact * 9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1 / 0", "division by zero"),
        ("1 // 0", "division by zero"),
        ("1 % 0", "division by zero"),
        ("0 ** -1", "division by zero"),
        ("1 / (sqrt(4) - 2)", "division by zero"),
        ("log(0)", "log(0) is not defined"),
        ("log(-1)", "log(-1) is not defined"),
        ("sqrt(-1)", "sqrt(-1) is not defined"),
        ("log(5, 1)", "log(5, 1) is not defined"),
        ("exp(1000)", "exp(1000) is too large"),
        ("(-8) ** 0.5", "the exponent 1/2 is not whole"),
        ("sqrt(2) ** 10**5", "sqrt(2) ** 10**5"),
        ("9**9**9", "the result has more than 4096 bits"),
        ("2 ** 4096", "the result has more than 4096 bits"),
        ("10**400 + sqrt(2)", "the result is not a finite number"),
        ("10**400 * sqrt(2)", "the result is not a finite number"),
        ("10**400 / sqrt(2)", "the result is not a finite number"),
        ("1e5000", "more than 4096 bits"),
        ("1e-99999999999", "more than 4096 bits"),
        ("max([])", "max of an empty list"),
        ("max(1, true)", "true is not a number"),
        ("round_to(5, 0)", "round_to needs a positive multiple, not 0"),
        ("divisible(5, -8)", "needs a positive multiple, not -8"),
        ("range(1, 5, 0)", "range with a step of 0"),
        ("range(2.5)", "range takes whole numbers, not 5/2"),
        ("range(10**12)", "has more than 100,000 items"),
        ("zip([1], [1, 2])", "zip of lists of different lengths (1, 2)"),
        ("[1, 2][2]", "index 2 is outside a list of 2"),
        ("[1][true]", "true is not an index"),
        ("5[0]", "5 is not a list"),
        ("gcd(0.5)", "gcd takes whole numbers, not 1/2"),
        ("1 and true", "1 is neither true nor false"),
        ("1 + true", "true is not a number"),
        ("[1] + [2]", "is not a number"),
        ("sum(3)", "3 is not a list (in sum)"),
        ("list(1 for i in 5)", "5 is not a list"),
        ("list(i for i, j in [[1, 2, 3]])", "a turn has 3 values, the loop has 2 names"),
        ("[1] < [2]", "[1] is not a number"),
    ],
)
def test_what_has_no_answer_says_so(text: str, said: str) -> None:
    with pytest.raises(RuleError) as caught:
        value(text)
    assert said in str(caught.value)


# --- the same on expressions -------------------------------------------------------------------------------------


FORMULAS = (
    "ceil(w * 1.1) + floor(w / 3) - round(w / 4)",
    "round(w / 2) + round((w + k) / 4)",
    "round_to(w, 8) + round_to(w / 3, k)",
    "divisible(w * 1.4, 8)",
    "w // 3 + w % 5 + k",
    "max(w / 2, k) * 2",
    "min(w, 2 * k, 30)",
    "abs(k - w)",
    "(w / 2 if w % 2 == 0 else w) * 2",
    "w ** 2 - k ** 3",
    "ceil(w / k) + floor(-w / k)",
    "2 * (w / k * k)",
    "sum([w, k, 0.5, 0.5])",
    "w if w / 3 > k / 2 else k",
    "3 if [w, k] == [5, 2] else 4",
    "list(i * w for i in range(4))[3]",
)


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_says_on_expressions_what_it_says_on_numbers(text: str) -> None:
    trace = Trace()
    w, k = trace.symbol("w", 1, 60), trace.symbol("k", 1, 7)
    size = value(text, w=w, k=k)
    if isinstance(size, Ratio):
        size = exact_div(*size)
    grid = [(w, k) for w in range(1, 61) for k in range(1, 8)]
    conditions = [holds for holds, _ in trace.problems]
    columns = {"w": [w for w, _ in grid], "k": [k for _, k in grid]}
    column, *found = to_numpy([size, *conditions])(columns)
    assert [int(number) for number in np.broadcast_to(column, len(grid))] == [value(text, w=w, k=k) for w, k in grid]
    assert all(np.all(holds) for holds in found)


@pytest.mark.parametrize(
    "text",
    [
        "2 ** w",
        "range(w)",
        "[1, 2][w]",
        "log(w)",
        "gcd(w, 2)",
        "1 / (w - 5)",
        "w + sqrt(2)",
        "w ** 0.5",
        "unique([w, 1])",
        "count([1, 2], w)",
        "list(i for i in [1, 2] if i < w)",
        "unique([[w], [1]])",
        "round_to(5, w - 3)",
    ],
)
def test_what_cannot_vary_is_refused(text: str) -> None:
    with pytest.raises((Untraceable, RuleError)):
        value(text, w=Trace().symbol("w", 1, 9))


def test_ratios_stay_exact_and_cancel() -> None:
    w = Trace().symbol("w", 1, 9)
    half = numbers.divide(w, 2)
    assert isinstance(half, Ratio)
    assert numbers.multiply(half, 2) is w
    assert isinstance(numbers.compare("<", half, numbers.divide(w, 3)), bool | Expr)
    assert numbers.divide(numbers.multiply(w, 6), 3) is numbers.add(w, w)


@given(st.integers(0, 300), st.integers(1, 60), st.integers(0, 6))
@example(104, 16, 1)
def test_a_quotient_that_bounds_can_not_tell_from_a_whole_number_is_none(number: int, low: int, more: int) -> None:
    """104 / g is 6.5 and 6.1 for 16 and 17: both have the floor 6, neither is 6."""
    values = list(range(low, low + more + 1))
    g = Trace().symbol("g", low, low + more)
    quotient = numbers.add(numbers.divide(number, g), Fraction(1, 2))
    divisible = numbers.divisible(number, g)
    for size, wanted in (
        (numbers.floor(quotient), [math.floor(Fraction(number, each) + Fraction(1, 2)) for each in values]),
        (divisible, [numbers.divisible(number, each) for each in values]),
    ):
        found = to_numpy([size])({"g": values})[0]
        assert [int(each) for each in np.broadcast_to(found, len(values))] == wanted
