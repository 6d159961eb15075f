"""Shifted, reordered, mirrored and turned inputs: what structure proves is what torch does."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from archtool.errors import ArchtoolError
from archtool.layer import find, kinds
from archtool.runs import LayerRun
from archtool.shape import Shape
from tests.algebra.rearranging import check_rearranged, check_shifts, network, network_of
from tests.realize.test_random_networks import ADAPTED, LAYER, MOVED, PHASES, TOKENS, WINDOWED, joins
from tests.test_layers import example_of, inputs_of, run_of

LARGEST = 20_000
USES = [(kind, number) for kind in sorted(kinds()) for number in range(len(find(kind).examples))]


def runs_of(kind: str, number: int) -> list[LayerRun]:
    """A kind at its example; and at larger and at square inputs, where it goes with these."""
    cls, example, values = example_of(kind, number)
    inputs = inputs_of(cls, example)
    if max(shape.elements for shape in inputs) > LARGEST:
        return []
    runs = [run_of(cls, values, inputs)]
    x = inputs[0]
    rank = len(x.spatial)
    if len(inputs) == 1 + cls.is_join and rank and not x.grid:
        for sizes in ((24,) * rank, tuple(3 * n for n in x.spatial)) if rank < 3 else ():
            try:
                other = Shape(x.channels, sizes[:1] if x.is_tokens else sizes, x.is_tokens)
                runs.append(run_of(cls, values, (other,) * len(inputs)))
            except ArchtoolError:
                continue
    return [run for run in runs if max(run.output.elements, run.inputs[0].elements) <= LARGEST]


@pytest.mark.parametrize(("kind", "number"), USES)
def test_what_a_kind_passes_on_torch_passes_on(kind: str, number: int) -> None:
    for run in runs_of(kind, number):
        flat = network_of(run)
        check_shifts(flat)
        check_rearranged(flat)


POINTWISE = st.sampled_from(
    [
        {"conv": {"out": 4, "kernel": 1}},
        {"conv": {"out": 4, "kernel": 3, "padding": 1, "padding_mode": "circular"}},
        {"multiply": {"it": [], "gate": ["global_avg_pool", {"conv": {"out": 4, "kernel": 1}}, "sigmoid"]}},
        {"avg_pool": {"kernel": 3, "stride": 1, "padding": 1}},
        {"max_pool": {"kernel": 2}},
        {"upsample": {"scale": 2}},
        {"upsample": {"scale": 2, "mode": "bilinear"}},
        {"pad": {"padding": 2, "mode": "reflect"}},
        {"pad": {"padding": 1, "mode": "replicate"}},
        {"pad": {"padding": 1, "mode": "circular"}},
        {"roll": {"shift": 1}},
        {"crop": {"size": 6}},
        {"layer_norm": {"affine": False}},
        {"group_norm": {"groups": 1, "affine": False}},
        {"add": {"it": [], "more": ["relu", {"multiply": {"a": [], "b": ["tanh"]}}]}},
        {"add": {"it": [], "own": [{"parameter": {"shape": [4, 1, 1]}}]}},
        {"add": {"it": [], "own": [{"parameter": {"shape": [4, 1, 8]}}]}},
        "blur_pool",
        "relu",
        "sigmoid",
        "instance_norm",
    ]
)
ENDS = st.sampled_from([[], [], ["global_avg_pool"], ["global_max_pool", "flatten", {"linear": {"out": 3}}], ["mean"]])


def checked(layers: list[object], size: tuple[int, int]) -> set[str]:
    try:
        flat = network(f"input: [4, {size[0]}, {size[1]}]\nlayers: {json.dumps(layers)}")
    except ArchtoolError:
        assume(False)
    return check_shifts(flat) | check_rearranged(flat)


OFTEN = settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@given(
    st.lists(POINTWISE, min_size=1, max_size=5),
    ENDS,
    st.sampled_from([(8, 8), (16, 16), (24, 16), (9, 9), (15, 8), (21, 21)]),
)
@OFTEN
def test_what_a_symmetric_network_passes_on_torch_passes_on(layers, end, size):
    checked([*layers, *end], size)


@given(
    st.lists(st.one_of(LAYER, LAYER, PHASES, MOVED, POINTWISE, joins(), ADAPTED, WINDOWED), min_size=1, max_size=4),
    ENDS,
    st.tuples(st.integers(8, 40), st.integers(8, 24)),
)
@OFTEN
def test_what_any_network_passes_on_torch_passes_on(layers, end, size):
    checked([*layers, *end], size)


@given(
    st.lists(POINTWISE, max_size=2),
    st.lists(TOKENS, min_size=1, max_size=3),
    st.sampled_from([[], ["mean"], [{"take": {"tokens": 0}}], ["spatial", {"avg_pool": {"kernel": 3, "padding": 1}}]]),
    st.sampled_from([(4, 4), (6, 6), (4, 8)]),
)
@OFTEN
def test_what_tokens_pass_on_torch_passes_on(layers, tokens, end, size):
    checked([*layers, "tokens", *tokens, *end], size)
