"""Formulas and bounds where what is divided by varies: floors stay, and nothing is divided by 0."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from archtool import ArchtoolError, load
from archtool.algebra.inequality import solve
from archtool.algebra.integers import Run
from archtool.algebra.reading import formula
from archtool.analysis.measures import measure
from archtool.errors import RuleError

STRIDES = """
input: [4, 8, c]
vars: {c: 4, k: 3, d: 1, taken: 1}
layers:
  - avg_pool: {kernel: k, stride: c + 1, padding: half}
  - if: taken == 1
    then:
      - conv: {out: 8, kernel: 1, groups: ceil(d / 3)}
      - max_pool: {kernel: 1, stride: d}
"""


def check(spec: str, symbols: str, designs: list[Mapping[str, int]]) -> int:
    """At these values a formula is what analysis says, and refuses what analysis refuses; how many are valid."""
    formulas = {of: formula(load(spec), of, symbols) for of in ("macs", "activations", "receptive_field")}
    valid = 0
    for values in designs:
        try:
            design = load(spec, **values)
            report = design.analyze()
        except ArchtoolError:
            for found in formulas.values():
                with pytest.raises(RuleError, match="no valid network"):
                    found.at(**values)
            continue
        valid += 1
        assert formulas["macs"].at(**values) == report.totals.macs, values
        assert formulas["activations"].at(**values) == report.totals.activations, values
        assert formulas["receptive_field"].at(**values) == measure("receptive_field", design, design.run), values
    return valid


def test_a_floor_of_a_quotient_by_a_sum_stays() -> None:
    found = formula(load(STRIDES), "activations", "c, k=odd 1..7")
    assert "floor(" in str(found.total)
    assert check(STRIDES, "c, k=odd 1..7", [{"c": c, "k": k} for c in range(1, 9) for k in (1, 3, 5, 7)]) > 20


def test_what_divides_by_a_symbol_of_steps_is_held_to_its_rule() -> None:
    assert check(STRIDES, "d=1..:3", [{"d": d} for d in range(1, 40, 3)]) == 3  # 1, 2 and 4 groups


def test_what_is_divided_by_0_is_no_network_and_what_is_not_taken_does_not_matter() -> None:
    designs = [{"d": d, "taken": taken} for d in (0, 1, 3) for taken in (0, 1)]
    assert check(STRIDES, "d=0..3, taken=0..1", designs) == 5


def test_all_values_of_a_small_domain_are_tried_where_there_is_no_closed_answer() -> None:
    told = [load(STRIDES, c=c).analyze().totals.activations for c in range(1, 13)]
    found = solve(load(STRIDES), f"activations == {told[4]}", "c", "c=1..12")
    kept = [c for c in range(1, 13) if told[c - 1] == told[4]]
    assert 5 in kept
    assert found.exact
    assert [c for run in found.runs for c in range(run.low, (run.high or 0) + 1, run.step)] == kept


def test_a_bisection_tries_the_last_value_of_a_domain() -> None:
    found = solve(load(STRIDES), "activations / c >= 1 / 2", "c", "c=1..3000")
    assert not found.exact
    last = max(c for c in range(20, 100) if load(STRIDES, c=c).analyze().totals.activations * 2 >= c)
    assert found.runs == (Run(1, last, 1),)


def test_values_without_an_end_have_nothing_behind_it() -> None:
    found = solve(load("resnet50"), "macs >= 0", "width", "width=1..:3")
    assert found.runs == (Run(1, None, 3),)
    assert [check.value for check in found.checks] == [1]


def test_what_holds_for_one_small_value_alone_is_not_passed_over() -> None:
    spec = STRIDES + "  - conv: {out: 100 if c == 6 else 4, kernel: 1}\n"
    kept = [c for c in range(1, 20) if load(spec, c=c).analyze().totals.activations >= 200]
    assert kept == [6]
    with pytest.raises(RuleError, match="changes 2 times with 'c'; give a domain to --in"):
        solve(load(spec), "activations >= 200", "c")
