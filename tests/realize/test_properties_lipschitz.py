"""Lipschitz bounds and first weights from structure, held against torch and against the functions themselves."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
import torch

from archtool import load
from archtool.algebra.structure.lipschitz import lipschitz
from archtool.flatten import flat_network
from archtool.layer import find, kinds
from archtool.layers.activation import Activation
from archtool.realize.draws import Draw, weighted
from tests.realize.properties import flat
from tests.realize.test_properties_kinds import runs, single

FIELDS = {"threshold": {"threshold": 0.5, "value": 0.5}, "hardshrink": {"lambd": 0}, "gelu": {"approximate": "tanh"}}
CPU = torch.device("cpu")
STEP = 1e-5


@pytest.mark.parametrize("kind", [kind for kind in kinds() if issubclass(find(kind), Activation)])
@pytest.mark.parametrize("own", [False, True])
def test_slopes_are_those_of_the_functions(kind, own):
    """No secant is steeper, and one is almost as steep."""
    layer = find(kind).read(FIELDS.get(kind, {}) if own or kind == "threshold" else {})
    z = np.linspace(-12, 12, 240_001)
    steepest = np.abs(np.diff(layer.of(z)) / np.diff(z)).max()
    slope = layer.slope()
    if slope is None:
        assert kind in ("hardshrink", "softplus")
    else:
        assert steepest * (1 - 1e-6) <= slope <= steepest * 1.001 + 1e-6


def test_a_function_that_jumps_has_no_slope():
    assert find("hardshrink").read({}).slope() is None
    assert find("threshold").read({"threshold": 1, "value": 0}).slope() is None
    assert find("celu").read({"alpha": -1}).slope() is None


@pytest.mark.parametrize("run", list(runs()))
def test_no_two_outputs_are_further_apart(run):
    """Along the steps that a few iterations of the transposed Jacobian lead to, from inputs of several scales."""
    network = single(run)
    bound = lipschitz(network).value
    if bound == inf:
        return
    module = weighted(network, Draw(kind="normal", seed=1), torch.float64, CPU)
    for scale in (0.1, 1.0, 3.0):
        x = [torch.randn(1, *shape.dims, dtype=torch.float64) * scale for shape in run.inputs]
        step = [torch.randn_like(each) for each in x]
        for _ in range(8):
            size = sum(float(each.square().sum()) for each in step) ** 0.5
            step = [each / size for each in step]
            near = [a + STEP * b for a, b in zip(x, step, strict=True)]
            forward = (module(*near) - module(*x)).detach() / STEP
            assert float(forward.norm()) <= float(bound) * (1 + 1e-6) + 1e-9
            _, back = torch.autograd.functional.vjp(module, tuple(x), forward)
            step = list(back)
            if not any(bool(each.any()) for each in step):
                break


@pytest.mark.parametrize(
    ("layers", "value"),
    [
        ("  - relu", 1),
        ("  - avg_pool: {kernel: 2}", 1 / 2),
        ("  - sigmoid\n  - global_avg_pool", 1 / 24),
        ("  - add: {a: [], b: [tanh]}", 2),
        ("  - concat: {a: [], b: []}", 2**0.5),
        ("  - upsample: {scale: 2}", 2),
        ("  - max_pool: {kernel: 2}", 1),
        ("  - roll: {shift: 2}\n  - channel_shuffle: {groups: 2}", 1),
    ],
)
def test_bounds_by_hand(layers, value):
    assert float(lipschitz(flat(layers)).value) == pytest.approx(value, rel=1e-12)


def test_learned_weights_have_no_bound():
    for layers in ("  - conv: {out: 3, kernel: 3}\n  - relu", "  - add: {a: [], b: [batch_norm]}"):
        found = lipschitz(flat(layers))
        assert (found.value, found.exact) == (inf, True)


@pytest.mark.parametrize(
    "layers",
    [
        "  - batch_norm: {affine: false}",  # at most 1 / sqrt(eps)
        "  - conv: {out: 4, kernel: 1}\n  - subtract: {a: [], b: []}",  # nothing
        "  - softplus",
    ],
)
def test_where_no_bound_is_known_it_is_not_told_to_be_infinite(layers):
    found = lipschitz(flat(layers))
    assert not found.exact


@pytest.mark.parametrize(
    ("body", "known"),
    [
        ("[gelu]", False),
        ("[tanh, {elu: {alpha: 2}}]", False),
        ("[{add: {main: [relu], shortcut: []}}]", False),
        ("[tanh, relu]", True),
        ("[{max_pool: {kernel: 3, stride: 1, padding: half}}]", False),
    ],
)
def test_a_layer_that_stands_for_many_turns_counts_as_all_of_them(body, known):
    """Tracing a symbol, of a repeat's equal turns two are there: what is told of them is true of all nine."""
    design = load(f"input: [2, 512, 512]\nlayers:\n  - do: {body}\n    repeat: 9\n")
    whole = lipschitz(design.flat())
    few = lipschitz(flat_network(design.run, ("input",), turns=2))
    assert few.value == (whole.value if known else inf)
    assert known or not few.exact


@pytest.mark.parametrize(
    ("layer", "size"),
    [("avg_pool: {kernel: 1000000, stride: 1}", 2 * 10**6), ("max_pool: {kernel: 1, stride: 1000000}", 10**12)],
)
def test_what_would_take_long_to_look_at_has_no_bound_that_is_known(layer, size):
    found = lipschitz(load(f"input: [1, {size}]\nlayers: [{layer}]").flat())
    assert (found.value, found.exact) == (inf, False)
