"""Whole networks on expressions: evaluated once, they say at every design what ints say there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from archtool import ArchtoolError, load
from archtool.codegen import to_numpy
from archtool.design import Design
from archtool.errors import Untraceable
from archtool.runs import BlockRun
from archtool.trace import Trace

TURNS = 2520
Ranges = Mapping[str, tuple[int, ...]]  # knob -> low, high and perhaps a step, as for Trace.symbol


def traced(design: Design, ranges: Ranges, given: Mapping[str, Any] | None = None) -> tuple[Trace, BlockRun]:
    trace = Trace()
    symbols = {name: trace.symbol(name, *bounds) for name, bounds in ranges.items()}
    values = {**symbols, **{name: _filled(value, symbols) for name, value in (given or {}).items()}}
    return trace, design.evaluate(
        {name: values[name] for name in values if name in design.spec.block.arguments}, trace=trace
    )


def _filled(value: Any, symbols: Mapping[str, Any]) -> Any:
    """A list with symbols in the place of their names."""
    if isinstance(value, tuple):
        return tuple(_filled(item, symbols) for item in value)
    return symbols[value] if isinstance(value, str) else value


def numbers(run: BlockRun) -> dict[str, Any]:
    cost = run.cost
    found = {"params": cost.params, "macs": cost.macs, "activations": cost.activations, "read": cost.read}
    found |= {f"operations.{term}": count for term, count in cost.operations.items()}
    found |= {f"dims.{axis}": size for axis, size in enumerate(run.output.shape.dims)}
    for source, field in enumerate(run.output.fields):
        assert field is not None
        found[f"state.{source}"] = field.state
        for axis, of in enumerate(field.axes):
            found |= {
                f"field.{source}.{axis}.{name}": getattr(of, name) for name in ("size", "start", "narrow", "wide")
            }
            found[f"field.{source}.{axis}.stride"] = of.stride * (TURNS // len(of.phases))  # told for a number of turns
    return found


def check_designs(
    text: str, ranges: Ranges, points: list[dict[str, int]], given: Mapping[str, Any] | None = None, valid: int = 1
) -> None:
    """At each point the compiled expressions are the evaluation on ints, and invalid just where that raises."""
    design = load(text)
    trace, run = traced(design, ranges, given)
    names, sizes = zip(*numbers(run).items(), strict=True)
    conditions = [*(problem.holds for problem in run.problems), *(holds for holds, _ in trace.problems)]
    columns = to_numpy([*sizes, *conditions])({name: [point[name] for point in points] for name in ranges})
    table = np.broadcast_arrays(np.zeros(len(points), dtype=int), *columns)[1:]
    found = 0
    for index, point in enumerate(points):
        row = dict(zip(names, (int(column[index]) for column in table), strict=False))
        holds = all(bool(column[index]) for column in table[len(names) :])
        here = {name: _filled(value, point) for name, value in (given or {}).items()}
        arguments = {name: value for name, value in {**point, **here}.items() if name in design.spec.block.arguments}
        try:
            expected = numbers(design.evaluate(arguments))
        except ArchtoolError as error:
            assert not holds, f"only ints are refused at {point}: {error}"
            continue
        assert holds, f"only the expressions are refused at {point}"
        terms = set(row) - set(expected)  # of alternatives not taken here
        assert all(name.startswith("operations.") and row[name] == 0 for name in terms)
        assert {name: row[name] for name in expected} == expected
        found += 1
    assert found >= valid


def at_random(ranges: Ranges, count: int) -> list[dict[str, int]]:
    random = Random(7)
    return [
        {name: random.randrange(low, high + 1, *step) for name, (low, high, *step) in ranges.items()}
        for _ in range(count)
    ]


@pytest.mark.parametrize("name", ["resnet50", "resnet_v1", "resnet18"])
def test_resnets_of_any_width_and_resolution(name: str) -> None:
    ranges = {"width": (1, 300), "res": (1, 400), "classes": (1, 2000)}
    points = [
        {"width": 64, "res": 224, "classes": 1000},
        {"width": 64, "res": 1, "classes": 10},
        *at_random(ranges, 12),
    ]
    check_designs(name, ranges, points, valid=10)


def test_resnets_of_any_depth() -> None:
    ranges = {"width": (8, 128, 8), "a": (1, 9), "b": (1, 9), "c": (1, 40), "d": (0, 3)}
    points = [
        {"width": 64, "a": 3, "b": 4, "c": 6, "d": 3},
        {"width": 64, "a": 1, "b": 1, "c": 1, "d": 0},
        *at_random(ranges, 12),
    ]
    check_designs("resnet50", ranges, points, {"depths": ("a", "b", "c", "d")}, valid=14)


@pytest.mark.parametrize(
    ("name", "ranges"),
    [
        ("vgg16", {"res": (1, 300), "classes": (1, 1000)}),
        ("alexnet", {"res": (1, 300), "classes": (1, 1000)}),
        ("squeezenet", {"stem": (1, 100), "res": (1, 250)}),
        ("mobilenet_v1", {"res": (1, 300), "width": (1, 3)}),
        ("mobilenet_v2", {"res": (1, 300), "classes": (1, 100)}),
        ("nin", {"res": (1, 100)}),
        ("bottleneck", {"channels": (1, 300), "mid": (1, 99), "out": (1, 300), "stride": (1, 4), "res": (1, 60)}),
        ("basic", {"channels": (1, 9), "out": (1, 9), "stride": (1, 3), "res": (1, 60)}),
        (
            "depthwise_separable",
            {"channels": (1, 64), "out": (1, 64), "kernel": (1, 9), "stride": (1, 3), "res": (1, 20)},
        ),
        (
            "inverted_residual",
            {"channels": (1, 4), "out": (1, 4), "expand": (1, 4), "kernel": (1, 9, 2), "stride": (1, 2)},
        ),
        ("mlpconv", {"channels": (1, 99), "kernel": (1, 7), "stride": (1, 3), "padding": (0, 5), "res": (1, 20)}),
    ],
)
def test_shipped_specs_with_varying_knobs(name: str, ranges: Ranges) -> None:
    check_designs(name, ranges, at_random(ranges, 25), valid=3)


# --- open conditions ---------------------------------------------------------------------------------------------


def small(body: str, knobs: str = "c: 8, n: 1", channels: str = "c", size: str = "16, 16") -> str:
    return f"input: [{channels}, {size}]\nvars: {{{knobs}}}\nlayers:\n{body}"


def every(ranges: Ranges) -> list[dict[str, int]]:
    points: list[dict[str, int]] = [{}]
    for name, (low, high, *step) in ranges.items():
        points = [{**point, name: value} for point in points for value in range(low, high + 1, *step)]
    return points


ROWS = (Path(__file__).parent / "specs" / "open_conditions.txt").read_text().split("=== ")[1:]
CASES = {row.partition("\n")[0]: row.partition("\n")[2] for row in ROWS}  # '=== what varies', and its steps


@pytest.mark.parametrize("case", CASES)
def test_open_conditions_merge_to_what_each_design_has(case: str) -> None:
    ranges = {"c": (1, 9), "n": (1, 4)}
    check_designs(small(CASES[case]), ranges, every(ranges), valid=6)


def test_what_cannot_be_merged_is_refused_by_name() -> None:
    for body, said in (
        ("  - if: c > 4\n    then: [flatten]\n", "the layout varies"),
        ("  - for: i\n    in: range(n)\n    do: [relu]\n", "range of a varying number"),
        ("  - conv: {out: 'unique([c, n])[0]', kernel: 1}\n", "unique of varying sizes"),
        ("  - conv: {out: 'count([c, n], 3)', kernel: 1}\n", "count of varying sizes"),
        ("  - conv: {out: 'len(list(k for k in [1, 2] if k > n))', kernel: 1}\n", "which items a list has varies"),
        ("  - conv: {out: 2 ** n, kernel: 1}\n", "an exponent varies"),
        (
            "  - if: c > 4\n    then: [{relu: , shares: w}]\n  - {relu: , shares: w}\n",
            "where the weights 'w' are used first varies",
        ),
    ):
        with pytest.raises(Untraceable, match=said):
            traced(load(small(body)), {"c": (1, 9), "n": (1, 4)})


def test_a_problem_counts_only_where_it_is_taken() -> None:
    trace, run = traced(load(small(CASES["one alternative always fails"])), {"c": (1, 9), "n": (1, 4)})
    (holds,) = to_numpy([problem.holds for problem in run.problems])({"c": np.arange(1, 10)})
    assert holds.tolist() == [True] * 4 + [False] * 5
    (problem,) = run.problems
    assert "larger than its padded input" in problem.rule
    assert trace.problems == []


def test_lists_of_sizes_are_compared_item_by_item() -> None:
    body = "  - if: x.size == [8, 8]\n    then: [conv: {out: 5, kernel: 1}]\n"
    ranges = {"c": (6, 9), "n": (7, 9)}
    check_designs(small(body, channels="2", size="c, n"), ranges, every(ranges), valid=12)


@pytest.mark.parametrize(
    "steps",
    [
        "upsample: {size: [9 * n, 4 * n], mode: bilinear}",
        "upsample: {size: [12 * n, 8 * n], mode: nearest}",
        "upsample: {scale: [1.5, 2], mode: bicubic}",
        "adaptive_avg_pool: {size: [3 * n, 2 * n]}",
        "adaptive_max_pool: {size: [4 * n, 8 * n]}",
    ],
)
def test_sizes_whose_ratio_is_one_number(steps: str) -> None:
    ranges = {"c": (1, 3), "n": (1, 4)}
    body = f"  - {steps}\n  - conv: {{out: 3, kernel: 3, padding: 1}}\n"
    check_designs(small(body, size="6 * n, 8 * n"), ranges, every(ranges), valid=12)


def test_each_block_is_traced_once() -> None:
    trace, run = traced(load("resnet50"), {"width": (1, 512), "res": (32, 512)})
    assert len(trace.table) < 2500
    assert len(run.problems) < 40


@pytest.mark.parametrize(
    ("name", "ranges"),
    [
        ("vit_b_16", {"depth": (0, 24), "width": (12, 240, 12), "heads": (1, 12), "res": (32, 128), "patch": (8, 32)}),
        ("swin_t", {"width": (9, 96, 3), "classes": (1, 1000)}),
        ("transformer_base", {"width": (8, 512, 8), "source_tokens": (1, 40), "target_tokens": (1, 40)}),
        ("mixer_b16", {"width": (2, 200), "tokens_mlp": (1, 100), "res": (32, 128)}),
        ("siamese", {"width": (1, 99), "res": (3, 99)}),
        ("cbam", {"width": (1, 99), "ratio": (1, 9), "res": (4, 40)}),
    ],
)
def test_networks_of_tokens_and_several_inputs(name: str, ranges: Ranges) -> None:
    check_designs(name, ranges, at_random(ranges, 12), valid=2)
