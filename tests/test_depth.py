"""Depth and intensity: what networks are named after, laws of paths, the same on expressions as at each design."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import pytest

from archtool import load
from archtool.algebra.inequality import solve
from archtool.algebra.integers import Run
from archtool.analysis.measures import Measures, measure
from archtool.analysis.options import Options
from archtool.trace import Trace
from tests.test_measures import Ranges, check
from tests.test_traced_network import CASES, every, small

# The number in a name, or as its paper counts: He et al. 2015 (arXiv:1512.03385, tables 1 and 6); Simonyan and
# Zisserman 2014 (arXiv:1409.1556, table 1); Huang et al. 2016 (arXiv:1608.06993, table 1); Krizhevsky et al. 2012
# (eight learned layers); Szegedy et al. 2014 (arXiv:1409.4842: 22 layers with parameters).
PUBLISHED: Mapping[str, int] = {
    "resnet18": 18, "resnet34": 34, "resnet50": 50, "resnet101": 101, "resnet152": 152, "resnet20": 20,
    "resnet110": 110, "vgg11": 11, "vgg13": 13, "vgg16": 16, "vgg19": 19, "densenet121": 121, "densenet169": 169,
    "densenet201": 201, "alexnet": 8, "googlenet": 22,
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_depth_is_what_papers_count(name: str) -> None:
    design = load(name)
    assert measure("depth", design, design.run) == PUBLISHED[name]


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("[]", 0),
        ("[relu, max_pool: {kernel: 2}]", 0),
        ("[conv: {out: 4, kernel: 3}, batch_norm, relu, depthwise_conv: {kernel: 3}]", 2),
        ("[conv_transpose: {out: 4, kernel: 3}]", 1),
        ("[{conv: {out: 3, kernel: 1}, repeat: 1_000_000_000}]", 1_000_000_000),
        ("[{do: [conv: {out: 3, kernel: 1}, relu, conv: {out: 3, kernel: 1}], repeat: 7}]", 14),
        ("[add: {a: [{conv: {out: 3, kernel: 1}, repeat: 3}], b: [conv: {out: 3, kernel: 1}], c: []}]", 3),
        ("[concat: {a: [conv: {out: 3, kernel: 1}], b: [relu]}, conv: {out: 3, kernel: 1}]", 2),
        ("[conv: {out: 3, kernel: 1}, {relu: , at: input}]", 0),
        ("[{conv: {out: 3, kernel: 1}, repeat: 5}, parameter: {shape: [3, 1, 1]}, conv: {out: 3, kernel: 1}]", 1),
    ],
)
def test_depth_is_that_of_the_longest_path(layers: str, expected: int) -> None:
    design = load(f"input: [3, 8, 8]\nlayers: {layers}\n")
    assert measure("depth", design, design.run) == expected


def test_depth_of_a_varying_number_of_turns_is_a_formula() -> None:
    found = load("resnet50").formula("depth", "n").total
    assert str(found) == "3*(n_0 + n_1 + n_2 + n_3) + 2"


@pytest.mark.parametrize("case", CASES)
def test_where_layers_vary_both_are_what_each_design_has(case: str) -> None:
    ranges: Ranges = {"c": (1, 9), "n": (1, 4)}
    check(small(CASES[case]), ranges, ["depth", "intensity"], Options(batch=2), every(ranges))


def test_intensity_is_flops_for_each_byte_of_inputs_weights_and_outputs() -> None:
    design = load("input: [8, 6, 6]\nlayers: [conv: {out: 16, kernel: 3, padding: 1, bias: false}, relu]\n")
    macs, params, read, written = 9 * 8 * 16 * 36, 9 * 8 * 16, 8 * 36 + 16 * 36, 2 * 16 * 36
    for batch, dtype, size in ((1, "float32", 4), (5, "float16", 2)):
        options = Options(batch=batch, dtype=dtype)
        moved = size * (batch * (read + written) + params)
        assert measure("intensity", design, design.run, options) == Fraction(2 * batch * macs, moved)
    by_convention = Options(convention="fvcore")
    flops = measure("flops", design, design.run, by_convention)
    assert isinstance(flops, int)
    assert measure("intensity", design, design.run, by_convention) == Fraction(flops, 4 * (read + written + params))
    empty = load("input: [8, 6, 6]\nlayers: []\n")
    assert measure("intensity", empty, empty.run) == 0


def test_a_var_named_as_a_metric_is_still_a_var() -> None:
    text = (
        "input: [3, 8, 8]\nvars: {depth: 4, c: 3}\nlayers: [{conv: {out: 3, kernel: 1, bias: false}, repeat: depth}]\n"
    )
    assert solve(load(text), "params <= 9 * depth", "depth").runs == (Run(1, None),)
    trace = Trace()
    depth = trace.symbol("depth")
    run = load(text).evaluate({"depth": depth}, trace=trace)
    assert Measures(run).of("depth") is depth
