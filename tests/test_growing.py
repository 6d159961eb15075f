"""Repeats whose body changes its shape, on a varying number of turns: a closed form, or turn by turn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archtool import load
from archtool.codegen import operations
from archtool.errors import Untraceable
from archtool.runs import BlockRun
from archtool.trace import Expr, Trace, in_order
from archtool.trace.polynomials import at, coefficients, sum_below
from tests.test_traced_network import Ranges, at_random, check_designs, every, numbers, small, traced

GROWING = {
    "channels grow": (
        "  - do:\n      - concat: {seen: [], new: [conv: {out: 3, kernel: 3, padding: half}]}\n    repeat: n\n"
    ),
    "positions grow": "  - conv: {out: c, kernel: 3, padding: [2, 1]}\n    repeat: n\n",
    "positions shrink": "  - conv: {out: c, kernel: [3, 2]}\n    repeat: n\n",
    "both, quadratic costs": (
        "  - do:\n      - concat: {seen: [], new: [conv: {out: c, kernel: 1}]}\n"
        "      - avg_pool: {kernel: 2, stride: 1}\n"
        "      - conv: {out: 2 * x.channels - c, kernel: 1}\n      - conv: {out: (x.channels + c) // 2, kernel: 1}\n"
        "    repeat: n\n"
    ),
    "tokens grow": "  - tokens\n  - class_token:\n    repeat: n\n",
    "the first turn is another": (
        "  - conv: {out: x.channels + 2, kernel: 3, padding: half}\n"
        "    repeat: n\n    first: {out: 5, kernel: 1, padding: 0}\n"
    ),
    "channels double": "  - conv: {out: 2 * x.channels, kernel: 1}\n    repeat: n\n",
    "positions halve": "  - max_pool: {kernel: 2, padding: 1}\n    repeat: n\n",
    "the shape stays later": "  - conv: {out: 'min(x.channels + c, 3 * c)', kernel: 1}\n    repeat: n\n",
    "a choice that grows": (
        "  - do:\n      - if: x.channels > 12\n        then: [relu]\n      - conv: {out: x.channels + 4, kernel: 1}\n"
        "    repeat: n\n"
    ),
    "what stands outside is read": (
        "  - conv: {out: 4, kernel: 1}\n    name: a\n  - do:\n      - relu:\n        name: b\n"
        "      - concat:\n        at: [b, a]\n    repeat: n\n  - relu\n"
    ),
}


@pytest.mark.parametrize("case", GROWING)
@pytest.mark.parametrize("size", [(3, 9), (1, 2)])
def test_turns_that_change_the_shape(case: str, size: tuple[int, int]) -> None:
    ranges = {"c": (1, 4), "n": (0, 7), "h": size}
    points = [point for point in every(ranges) if point["c"] in (1, 4) or point["h"] == size[0]]
    check_designs(small(GROWING[case], "c: 8, n: 1, h: 5", size="h, 16"), ranges, points, valid=6)


@pytest.mark.parametrize("case", list(GROWING)[:6])
def test_even_growth_is_a_closed_form_in_any_number_of_turns(case: str) -> None:
    _, run = traced(load(small(GROWING[case], "c: 8, n: 1")), {"c": (1, 4), "n": (1, 10**6)})
    assert len(operations(numbers(run).values())) < 60
    assert not any(name.startswith("turn") for name in symbols_in(run))


def symbols_in(run: BlockRun) -> set[str]:
    outputs = [*numbers(run).values(), *(problem.holds for problem in run.problems)]
    return {expr.args[0] for expr in in_order(outputs) if expr.op == "symbol"}


@pytest.mark.parametrize("case", list(GROWING)[6:])
def test_other_growth_of_very_many_turns_is_refused_by_name(case: str) -> None:
    with pytest.raises(Untraceable) as caught:
        traced(load(small(GROWING[case], "c: 8, n: 1")), {"c": (1, 4), "n": (1, 10**6)})
    assert "turns" in str(caught.value)
    assert [str(value) for value in caught.value.varying] == ["n"]


def test_a_densenet_of_any_depths_and_growth() -> None:
    ranges: Ranges = {"growth": (4, 64, 4), "a": (0, 12), "b": (1, 24), "c": (1, 64), "d": (1, 48), "res": (32, 320)}
    points = [{"growth": 32, "a": 6, "b": 12, "c": 24, "d": 16, "res": 224}, *at_random(ranges, 8)]
    check_designs("densenet121", ranges, points, {"depths": ("a", "b", "c", "d")}, valid=6)


def test_entries_of_turns_that_grow_are_not_told() -> None:
    trace = Trace()
    run = load("densenet121").evaluate({"depths": (6, 12, trace.symbol("n", 1, 64), 16)}, trace=trace)
    (grown,) = [entry.run for entry in run.entries if entry.name == "stage.2.dense.0"]
    with pytest.raises(Untraceable, match="told one by one varies") as caught:
        list(grown.entries)  # type: ignore[union-attr]  # a block
    assert [str(value) for value in caught.value.varying] == ["n"]


# --- polynomials ---------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(-9, 9), max_size=6), st.integers(0, 12))
def test_sums_of_polynomials(polynomial: list[int], n: int) -> None:
    assert sum_below(list(polynomial), n) == sum(int(at(list(polynomial), t)) for t in range(n))


def test_an_expression_as_a_polynomial() -> None:
    trace = Trace()
    x, t = trace.symbol("x", 1, 9), trace.symbol("t", 0, 9)
    assert isinstance(t, Expr)
    assert coefficients((x + t) * (2 * t - 3) * t, t) == [0, -3 * x, 2 * x - 3, 2]
    assert coefficients(x * x + 5, t) == [x * x + 5]
    assert coefficients(0, t) == []
    assert coefficients(t - t * x + (x - 1) * t, t) in ([], [0, 1 - x + (x - 1)])
    assert coefficients(t // 2, t) is None
    assert coefficients(x // 2 * t, t) == [0, x // 2]
