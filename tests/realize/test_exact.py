"""Exact arithmetic in float64: said only where no layer rounds, held against rationals."""

from __future__ import annotations

from fractions import Fraction

import pytest
import torch

from archtool import load
from archtool.realize.draws import Draw, weighted
from archtool.realize.exact import grid_of, why_inexact
from archtool.realize.expressions import read
from tests.realize.properties import tensors_of

CPU = torch.device("cpu")
INTEGERS = Draw(kind="integers", seed=1)
X = ["output", ["draw", Draw(kind="integers", seed=2).recipe()]]


def network(layers: str, weights: Draw = INTEGERS, head: str = "input: [2, 6, 4]"):
    flat = load(f"archtool: 1\nname: net\n{head}\nlayers:\n{layers}").flat()
    return flat, weighted(flat, weights, torch.float64, CPU)


EXACT = """
  - conv: {out: 4, kernel: 3, padding: 1}
  - batch_norm
  - relu
  - add: {a: [conv: {out: 4, kernel: 1, bias: false}], b: [max_pool: {kernel: 3, stride: 1, padding: 1}], c: []}
  - multiply: {a: [], gate: [global_max_pool]}
  - pad: {padding: 1, value: -1.5}
  - blur_pool
  - upsample: {scale: 2, mode: bilinear}
  - avg_pool: {kernel: 2}
  - prelu: {per_channel: true}
  - layer_scale
  - flatten
  - linear: {out: 3}
"""


def test_sums_products_and_choices_are_exact():
    flat, net = network(EXACT)
    assert why_inexact(flat, net, [X]) == ""


@pytest.mark.parametrize(
    ("layers", "why"),
    [
        ("  - sigmoid", "'sigmoid' rounds"),
        ("  - relu\n  - gelu", "'gelu' rounds"),
        ("  - leaky_relu", "'leaky_relu' has factors"),
        ("  - avg_pool: {kernel: 3}", "'avg_pool' has factors"),
        ("  - pad: {padding: 1, value: 0.1}", "'pad' has factors"),
        ("  - mean: {over: positions}", "'mean' has factors"),
        ("  - pad_channels: {before: 1}\n  - mean: {over: channels}", "'mean' divides by 3"),
        ("  - layer_norm", "'layer_norm' rounds"),
        ("  - softmax", "'softmax' rounds"),
    ],
)
def test_what_rounds_is_named(layers, why):
    flat, net = network(layers)
    assert why in why_inexact(flat, net, [X])


def test_a_norm_that_divides_by_anything_but_one_is_not_exact():
    flat, net = network("  - batch_norm")
    assert why_inexact(flat, net, [X]) == ""
    net.batch_norm.running_var[1] = 2.0
    assert "divides by a root" in why_inexact(flat, net, [X])


@pytest.mark.parametrize("affine", ["true", "false"])
def test_bounding_leaves_the_network_as_it_is(affine):
    flat, net = network(f"  - conv: {{out: 4, kernel: 1}}\n  - batch_norm: {{affine: {affine}}}\n")
    before = {name: value.clone() for name, value in net.state_dict().items()}
    assert why_inexact(flat, net, [X]) == ""
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


def test_a_sum_with_more_digits_than_a_float64_is_not_exact():
    """2**60 - 2**60 + 1 is 0 in float64 in one order: the bound is of absolute values, not of results."""
    flat, net = network("  - conv: {out: 1, kernel: 1, bias: false}", head="input: [3, 1]")
    net.conv.weight[:] = torch.tensor([2.0**60, -(2.0**60), 1.0], dtype=torch.float64).reshape(1, 3, 1)
    ones = ["output", ["draw", Draw(kind="integers", low=1, high=1).recipe()]]
    assert "more digits" in why_inexact(flat, net, [ones])
    net.conv.weight[:, :2] = 0
    assert why_inexact(flat, net, [ones]) == ""


def test_so_are_sums_of_outputs():
    flat, net = network("  - relu")
    big = ["sum", [2.0**53, X], [1, X]]
    assert "more digits" in why_inexact(flat, net, [big])
    assert why_inexact(flat, net, [["sum", [2.0**30, X], [1, X]]]) == ""


def test_grids():
    assert grid_of(torch.tensor([6.0, 0.0, -20.0])) == 2
    assert grid_of(torch.tensor([0.75])) == 0.25
    assert grid_of(torch.tensor([2.0**-1074], dtype=torch.float64)) == 2.0**-1074
    assert grid_of(torch.zeros(3)) == float("inf")


@pytest.mark.parametrize("seed", range(5))
def test_what_is_called_exact_is_what_rationals_say(seed):
    """Convolution, running statistics, rectifier and mean, once more in rationals."""
    layers = "  - conv: {out: 3, kernel: 3}\n  - batch_norm\n  - relu\n  - avg_pool: {kernel: 2}\n"
    flat, net = network(layers, Draw(kind="integers", seed=seed, low=-1000, high=1000), head="input: [2, 6]")
    draw = Draw(kind="integers", seed=seed, low=-99, high=99, scale=2.0**-7)
    expression = ["output", ["draw", draw.recipe()]]
    assert why_inexact(flat, net, [expression]) == ""
    (x,) = read(expression[1], tensors_of(flat, net)).tensors
    (y,) = read(expression, tensors_of(flat, net)).tensors
    state = {name: value.tolist() for name, value in net.state_dict().items()}
    for channel in range(3):
        row = []
        for position in range(4):
            total = Fraction(state["conv.bias"][channel])
            for source in range(2):
                for tap in range(3):
                    total += Fraction(state["conv.weight"][channel][source][tap]) * Fraction(
                        x[0, source, position + tap].item()
                    )
            total = (total - Fraction(state["batch_norm.running_mean"][channel])) * Fraction(
                state["batch_norm.weight"][channel]
            ) + Fraction(state["batch_norm.bias"][channel])
            row.append(max(total, Fraction(0)))
        means = [(row[0] + row[1]) / 2, (row[2] + row[3]) / 2]
        assert [Fraction(value) for value in y[0, channel].tolist()] == means
