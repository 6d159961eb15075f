"""Linear, affine, homogeneous, pointwise, additive networks: what structure proves holds in torch, and what it does not
prove of a single layer is really broken there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from math import inf

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor

from archtool.algebra.finding import Finding
from archtool.algebra.structure.additive import additive_over_channels, additive_over_positions
from archtool.algebra.structure.degree import affine, linear, positively_homogeneous
from archtool.algebra.structure.pointwise import pointwise
from archtool.errors import ArchtoolError
from archtool.flatten import FlatNetwork
from archtool.shape import Shape
from tests.algebra.rearranging import Torch, network, network_of
from tests.algebra.test_structure_rearranged import USES, runs_of
from tests.realize.test_random_networks import LAYER, MOVED, TOKENS

EXACT = 1e-9  # of the largest term of a sum that is compared
SHOWN = 1e-7  # a difference of so much is none of rounding
SCALES = (0.1, 1.0, 20.0)
OFTEN = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


# --- the laws in torch -------------------------------------------------------------------------------------------


def apart(*terms: Sequence[Tensor]) -> float:
    """The largest element of a sum of outputs, in parts of the largest of its terms; infinitely far for no number."""
    worst = 0.0
    for each in zip(*terms, strict=True):
        if not all(term.isfinite().all() for term in each):
            return inf
        size = max(term.abs().max().item() for term in each)
        worst = max(worst, abs(sum(each[1:], each[0])).max().item() / size if size else 0.0)
    return worst


def scaled(tensors: Sequence[Tensor], factor: float) -> list[Tensor]:
    return [factor * each for each in tensors]


def plus(left: Sequence[Tensor], right: Sequence[Tensor]) -> list[Tensor]:
    return [a + b for a, b in zip(left, right, strict=True)]


def from_affine(net: Torch) -> float:
    found = []
    for scale in SCALES:
        x, y = scaled(net.inputs(), scale), scaled(net.inputs(), scale)
        mixed = plus(scaled(x, 3), scaled(y, -2))
        found.append(apart(net.outputs(mixed), scaled(net.outputs(x), -3), scaled(net.outputs(y), 2)))
    return max(found)


def from_homogeneous(net: Torch) -> float:
    found = [apart(net.outputs(scaled(net.inputs(), 0)))]
    for scale, factor in product(SCALES, (0.125, 7.0)):
        x = scaled(net.inputs(), scale)
        found.append(apart(net.outputs(scaled(x, factor)), scaled(net.outputs(x), -factor)))
    return max(found)


def places(shape: Shape, over: str) -> int:
    return int(shape.channels if over == "channels" else shape.positions)  # type: ignore[call-overload]


def only(tensor: Tensor, shape: Shape, over: str, kept: Tensor) -> Tensor:
    """A tensor that is zero but at some positions (all channels there), or channels: those that are `kept`."""
    axis = (1 if shape.is_tokens else 2) if over == "positions" else (2 if shape.is_tokens else 1)
    laid = tensor if shape.is_tokens else tensor.flatten(2) if shape.spatial else tensor.unsqueeze(-1)
    sizes = [1, 1, 1]
    sizes[axis] = len(kept)
    return (laid * kept.reshape(sizes)).reshape(tensor.shape)


def from_sums(net: Torch, over: str) -> float:
    """The largest mixed difference: what changes at some places of the inputs does, and what changes at others do."""
    shapes = net.input_shapes()
    worst = 0.0
    for scale in (*SCALES, *SCALES):
        parts = [torch.randint(0, 3, (places(shape, over),)) for shape in shapes]  # of the first, the second, of none
        x, d, e = (scaled(net.inputs(), scale) for _ in range(3))
        first = [only(each, s, over, part == 0) for each, s, part in zip(d, shapes, parts, strict=True)]
        second = [only(each, s, over, part == 1) for each, s, part in zip(e, shapes, parts, strict=True)]
        alone = [scaled(net.outputs(plus(x, each)), -1) for each in (first, second)]
        worst = max(worst, apart(net.outputs(plus(plus(x, first), second)), *alone, net.outputs(x)))
    return worst


def sees_others(net: Torch) -> bool:
    """Whether a change at one input position changes the output at another."""
    shapes, ends = net.input_shapes(), net.output_shapes()
    for index, shape in enumerate(shapes):
        count = places(shape, "positions")
        for scale, place in product(SCALES, range(count)[:: max(1, count // 9)]):
            x, y = scaled(net.inputs(), scale), scaled(net.inputs(), scale)
            y = [
                only(each, s, "positions", torch.arange(places(s, "positions")) == place)
                for each, s in zip(y, shapes, strict=True)
            ]
            y = [each if k == index else 0 * each for k, each in enumerate(y)]
            for before, after, end in zip(net.outputs(x), net.outputs(plus(x, y)), ends, strict=True):
                elsewhere = torch.arange(places(end, "positions")) != place
                if only(after - before, end, "positions", elsewhere).abs().max() > SHOWN * scale:
                    return True
    return False


def check(flat: FlatNetwork) -> dict[str, Finding]:
    """Whatever structure proves of a network holds in torch."""
    net = Torch(flat)
    found = {rule.__name__: rule(flat) for rule in RULES}
    for name, distance in LAWS.items():
        if found[name].truth:
            assert distance(net) < EXACT, name
    if found["linear"].truth:
        assert found["affine"].truth
        assert found["positively_homogeneous"].truth
    if found["pointwise"].truth:
        assert not sees_others(net)
    return found


RULES = (linear, affine, positively_homogeneous, pointwise, additive_over_positions, additive_over_channels)
LAWS = {
    "affine": from_affine,
    "positively_homogeneous": from_homogeneous,
    "additive_over_positions": lambda net: from_sums(net, "positions"),
    "additive_over_channels": lambda net: from_sums(net, "channels"),
}


# --- every kind, and networks of them ----------------------------------------------------------------------------

# What a rule does not see, though it is so.
UNSEEN = {"pointwise": ("spatial",)}  # of another size: each token in its place, but not along the axes of its grid


def broken(name: str, net: Torch) -> bool:
    if name == "pointwise":
        return sees_others(net)
    if name == "linear":
        return max(from_affine(net), from_homogeneous(net)) > SHOWN
    return LAWS[name](net) > SHOWN


@pytest.mark.parametrize(("kind", "number"), USES)
def test_a_layer_is_what_is_proved_of_it_and_no_more(kind: str, number: int) -> None:
    for run in runs_of(kind, number)[:1]:
        flat = network_of(run)
        found, nets = check(flat), [Torch(flat, seed) for seed in range(3)]
        for name, finding in found.items():
            if finding.truth is None and kind not in UNSEEN.get(name, ()):
                assert finding.objects
                assert any(broken(name, net) for net in nets), name


LOCAL = st.sampled_from(
    [
        {"conv": {"out": 4, "kernel": 1, "bias": False}},
        {"conv": {"out": 4, "kernel": 1}},
        {"conv": {"out": 4, "kernel": 1, "stride": 2, "bias": False}},
        {"conv": {"out": 4, "kernel": 3, "padding": 1, "bias": False}},
        {"depthwise_conv": {"kernel": 3, "padding": "half", "bias": False}},
        {"depthwise_conv": {"kernel": 1, "multiplier": 2}},
        {"locally_connected": {"out": 4, "kernel": 1, "bias": False}},
        {"conv_transpose": {"out": 4, "kernel": 2, "stride": 2, "bias": False}},
        {"conv_transpose": {"out": 4, "kernel": 3, "stride": 2, "bias": False}},
        {"max_pool": {"kernel": 1, "stride": 2}},
        {"max_pool": {"kernel": 2}},
        {"max_pool": {"kernel": 3, "stride": 1, "padding": 1}},
        {"avg_pool": {"kernel": 2}},
        {"pad": {"padding": 1, "mode": "circular"}},
        {"pad": {"padding": [[0, 1], 0]}},
        {"roll": {"shift": 1}},
        {"roll": {"shift": -1}},
        {"crop": {"size": 6, "before": 1}},
        {"upsample": {"scale": 2}},
        {"upsample": {"scale": 1, "mode": "bilinear"}},
        {"multiply": {"a": [], "b": [{"parameter": {"shape": [4, 1, 1]}}]}},
        {"multiply": {"a": [], "b": []}},
        {"multiply": {"a": ["tanh"], "b": [{"roll": {"shift": 1}}]}},
        {"maximum": {"a": [], "b": [{"conv": {"out": 4, "kernel": 1, "bias": False}}]}},
        {"maximum": {"a": [], "b": [{"parameter": {"shape": [4, 1, 1]}}]}},
        {"add": {"a": [], "b": ["relu", {"channel_shuffle": {"groups": 2}}]}},
        {"concat": {"a": [{"chunk": {"parts": 2, "index": 1}}], "b": [{"chunk": {"parts": 2, "index": 0}}, "relu"]}},
        {"concat": {"a": [{"chunk": {"parts": 2, "index": 0}}], "b": [{"chunk": {"parts": 2, "index": 0}}, "sigmoid"]}},
        {"channel_shuffle": {"groups": 2}},
        {"instance_norm": {"track_running_stats": True}},
        {"pixel_unshuffle": {"factor": 2}},
        {"pixel_shuffle": {"factor": 2}},
        "instance_norm",
        "layer_norm",
        "batch_norm",
        "relu",
        "relu",
        "leaky_relu",
        "gelu",
        "dropout",
        "glu",
    ]
)
ENDS = st.sampled_from(
    [
        [],
        [],
        [],
        ["flatten", {"linear": {"out": 3, "bias": False}}],
        ["global_avg_pool", "flatten", "relu"],
        ["mean", {"linear": {"out": 3}}],
        ["tokens", "gelu", "spatial"],
        ["flatten", "relu"],
    ]
)


def checked(layers: list[object], size: tuple[int, int]) -> None:
    try:
        flat = network(f"input: [4, {size[0]}, {size[1]}]\nlayers: {json.dumps(layers)}")
    except ArchtoolError:
        assume(False)
    check(flat)


@given(st.lists(LOCAL, min_size=1, max_size=5), ENDS, st.sampled_from([(8, 8), (7, 8), (1, 8), (1, 1), (2, 2)]))
@OFTEN
def test_what_is_proved_of_a_network_holds_in_torch(layers, end, size):
    checked([*layers, *end], size)


@given(
    st.lists(st.one_of(LAYER, MOVED, LOCAL, LOCAL), min_size=1, max_size=4), ENDS, st.tuples(*[st.integers(4, 12)] * 2)
)
@OFTEN
def test_what_is_proved_of_any_network_holds_in_torch(layers, end, size):
    checked([*layers, *end], size)


@given(
    st.lists(LOCAL, max_size=1),
    st.lists(TOKENS, min_size=1, max_size=3),
    st.sampled_from([[], ["spatial"], ["mean"], [{"take": {"tokens": 0}}, "relu"], ["flatten", "relu"]]),
)
@OFTEN
def test_what_is_proved_of_tokens_holds_in_torch(layers, tokens, end):
    checked([*layers, "tokens", *tokens, *end], (4, 3))
