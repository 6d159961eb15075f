"""Which input channels reach which outputs: what structure tells, held against torch, and what follows for mixing."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archtool import load
from archtool.algebra.naming import Asked
from archtool.algebra.structure.channels import Channels, channels
from archtool.algebra.structure.mixing_channels import mixes_channels
from archtool.algebra.subject import of_design
from archtool.errors import RuleError
from archtool.flatten import FlatNetwork, flat_network
from tests.algebra.rearranging import Torch, network

GROUPED = "conv: {out: 16, kernel: 1, groups: 4}"
SHUFFLE = "channel_shuffle: {groups: 4}"


def net(*layers: str, input: str = "[16, 6, 6]") -> str:
    return f"input: {input}\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)


def reach(*layers: str, input: str = "[16, 6, 6]") -> Channels:
    return channels(network(net(*layers, input=input)))


def verdicts(*layers: str, input: str = "[16, 6, 6]") -> dict[str, bool | None]:
    flat = network(net(*layers, input=input))
    return {how: mixes_channels(flat, how).truth for how in ("full", "groups", "none")}


# --- verdicts ----------------------------------------------------------------------------------------------------


def test_a_dense_convolution_may_mix_all() -> None:
    finding = mixes_channels(network(net("conv: {out: 8, kernel: 3}")), "full")
    assert (finding.truth, finding.objects) == (None, False)
    assert finding.facts["channels"].hole is None


def test_groups_without_a_shuffle_never_mix() -> None:
    flat = network(net(GROUPED, "relu", GROUPED, "batch_norm", GROUPED))
    full, groups = mixes_channels(flat, "full"), mixes_channels(flat, "groups")
    assert full.truth is False
    assert full.is_proof
    assert full.witness is not None
    assert full.witness.text == "output channel 0 never sees input channel 4"
    assert groups.truth is True
    assert groups.is_proof
    assert [ins for _, ins in groups.facts["groups"]] == [list(range(at, at + 4)) for at in (0, 4, 8, 12)]
    assert "outputs 4-7 see inputs 4-7" in groups.steps


def test_a_shuffle_between_two_grouped_layers_lets_them_mix_all() -> None:
    assert verdicts(GROUPED, SHUFFLE, GROUPED) == {"full": None, "groups": None, "none": None}


def test_a_shuffle_that_puts_groups_in_their_own_order_mixes_nothing_more() -> None:
    assert verdicts(GROUPED, "channel_shuffle: {groups: 1}", GROUPED)["groups"] is True
    assert verdicts(GROUPED, "channel_shuffle: {groups: 16}", GROUPED)["groups"] is True


def test_more_groups_than_a_group_has_channels_take_more_than_two_layers() -> None:
    """8 groups of 2 channels: two layers reach 4 channels, three reach 8, four all 16."""
    grouped, shuffle = "conv: {out: 16, kernel: 1, groups: 8}", "channel_shuffle: {groups: 8}"
    layers = [grouped]
    for reached in (2, 4, 8):
        assert {row.bit_count() for row in reach(*layers).rows} == {reached}
        assert verdicts(*layers)["full"] is False
        layers += [shuffle, grouped]
    assert reach(*layers).hole is None


def test_depthwise_layers_mix_nothing() -> None:
    assert verdicts("depthwise_conv: {kernel: 3}", "relu", "batch_norm", "avg_pool: {kernel: 2}") == {
        "full": False,
        "groups": False,
        "none": True,
    }
    widened = reach("depthwise_conv: {kernel: 3, multiplier: 2}")
    assert widened.is_unmixed
    assert not widened.is_diagonal
    assert widened.rows[4:6] == (1 << 2, 1 << 2)


def test_a_gate_made_of_all_channels_mixes_them() -> None:
    gate = '[global_avg_pool, {conv: {out: 16, kernel: 1}}, "sigmoid"]'
    assert verdicts(f"multiply: {{it: [depthwise_conv: {{kernel: 1}}], gate: {gate}}}")["none"] is None
    alone = "[global_avg_pool, sigmoid]"
    assert verdicts(f"multiply: {{it: [], gate: {alone}}}")["none"] is True


def test_a_split_that_leaves_half_untouched_is_a_hole() -> None:
    """ShuffleNet v2's unit without its shuffle: the left half passes on."""
    main = "[{chunk: {parts: 2, index: 1}}, {conv: {out: 8, kernel: 1}}]"
    unit = f"concat: {{kept: [{{chunk: {{parts: 2, index: 0}}}}], main: {main}}}"
    found = reach(unit, unit)
    assert list(found.rows[:8]) == [1 << index for index in range(8)]
    assert set(found.rows[8:]) == {0xFF00}
    finding = mixes_channels(network(net(unit, unit)), "groups")
    assert finding.truth is True
    assert len(finding.facts["groups"]) == 9


def test_channels_of_zeros_see_nothing() -> None:
    found = reach("pad_channels: {before: 1, after: 2}", input="[2, 4]")
    assert found.rows == (0, 1, 2, 0, 0)
    assert found.shown()[0] == "output 0 sees no input"
    assert found.shown()[-1] == "outputs 3-4 see no input"
    assert [outs for outs, _ in found.parts] == [[1], [2]]


def test_what_stands_beside_a_gate_of_one_channel_sees_what_the_gate_sees() -> None:
    assert verdicts("multiply: {it: [], gate: [{conv: {out: 1, kernel: 1}}, sigmoid]}")["full"] is None


def test_channels_of_several_inputs_are_named_by_their_input() -> None:
    text = "inputs: {a: [2, 4], b: [3, 4]}\nlayers:\n  - concat:\n    at: [a, b]\n"
    finding = mixes_channels(network(text), "full")
    assert finding.witness is not None
    assert finding.witness.text == "output channel 0 never sees input channel 1 of 'a'"


def test_only_three_ways_of_mixing_are_asked_for() -> None:
    with pytest.raises(RuleError, match=r"not group.*did you mean 'groups'"):
        mixes_channels(network(net("relu")), "group")


# --- against torch -----------------------------------------------------------------------------------------------

STEPS = st.sampled_from(
    [
        {"conv": {"out": 8, "kernel": 1, "groups": 2}},
        {"conv": {"out": 8, "kernel": 3, "padding": 1, "groups": 4}},
        {"depthwise_conv": {"kernel": 1}},
        {"channel_shuffle": {"groups": 2}},
        {"channel_shuffle": {"groups": 4}},
        {"group_norm": {"groups": 4}},
        {"concat": {"a": [{"chunk": {"parts": 2, "index": 1}}], "b": [{"slice": {"stop": 4}}]}},
        {"concat": {"a": [{"slice": {"start": 5}}], "b": [{"slice": {"stop": 5}}]}},
        {"add": {"a": [], "b": [{"pad_channels": {"before": 1}}, {"slice": {"start": 0, "stop": 8}}]}},
        {"multiply": {"a": [], "b": [{"slice": {"start": 2, "stop": 3}}]}},
        {"softmax": {"groups": 4}},
        {"local_response_norm": {"size": 2}},
        "tanh",
        "batch_norm",
        "instance_norm",
    ]
)
ENDS = st.sampled_from(
    [[], ["flatten"], [{"pixel_unshuffle": {"factor": 2}}], [{"pixel_shuffle": {"factor": 2}}], ["glu"]]
)


@given(st.lists(STEPS, min_size=1, max_size=5), ENDS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_channels_that_reach_an_output_in_torch_are_told(layers, end):
    """Whatever has a gradient is told; and nothing more, for layers that tell exactly what they do."""
    flat = network(f"input: [8, 4, 4]\nlayers: {json.dumps([*layers, *end])}")
    told = channels(flat).matrix()
    made = Torch(flat)
    (x,) = made.inputs()
    x.requires_grad_()
    output = made.module(x)[0].reshape(len(told), -1)
    does = np.zeros_like(told)
    for row, channel in zip(does, output, strict=True):
        (gradient,) = torch.autograd.grad((channel * torch.randn_like(channel)).sum(), x, retain_graph=True)
        row[:] = gradient[0].ne(0).flatten(1).any(1).numpy()
    assert not (does & ~told).any()
    assert (does == told).all() or any(word in json.dumps(layers) for word in ("softmax", "norm", "multiply"))


# --- expressions, sizes, speed -----------------------------------------------------------------------------------


def traced(text: str) -> FlatNetwork:
    design = load(text)
    subject = of_design(design)
    names = [name for name in subject.values if name in ("c", "d")]
    run = subject.evaluate([Asked(name, None, "") for name in names]).run
    return flat_network(run, tuple(design.inputs))


SPLIT = {"full": False, "groups": True, "none": None}
UNTOLD = {"full": None, "groups": None, "none": None}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ("[depthwise_conv: {kernel: 3}, relu, batch_norm]", {"full": False, "groups": False, "none": True}),
        ("[conv: {out: d, kernel: 3}, relu]", {"full": None, "groups": None, "none": None}),
        ("[depthwise_conv: {kernel: 3}, conv: {out: d, kernel: 1}]", {"full": None, "groups": None, "none": None}),
        ("[add: {a: [], b: [depthwise_conv: {kernel: 1}]}]", {"full": False, "groups": False, "none": True}),
        ("[depthwise_conv: {kernel: 3, multiplier: 2}]", {"full": False, "groups": False, "none": True}),
        ("[conv: {out: 4 * c, kernel: 1, groups: 4}, relu, conv: {out: 4 * d, kernel: 1, groups: 4}]", SPLIT),
        ("[conv: {out: 4 * c, kernel: 1, groups: 4}, conv: {out: 4 * d, kernel: 1, groups: 2}]", SPLIT),
        ("[conv: {out: 4 * c, kernel: 1, groups: 2}, conv: {out: 4 * d, kernel: 1, groups: 4}]", SPLIT),
        ("[conv: {out: 6 * c, kernel: 1, groups: 2}, conv: {out: 6 * d, kernel: 1, groups: 3}]", UNTOLD),
        ("[conv: {out: 4 * c, kernel: 1, groups: 4}, channel_shuffle: {groups: 4}]", UNTOLD),
        ("[add: {a: [], b: [conv: {out: 12 * c, kernel: 1, groups: 4}]}, batch_norm]", SPLIT),
        ("[{if: d != 6, then: [conv: {out: 12 * c, kernel: 1, groups: 4}]}]", UNTOLD),
    ],
)
def test_on_expressions_what_can_be_told_is_told(layers: str, expected: dict[str, bool | None]) -> None:
    flat = traced(f"input: [12 * c, 8, 8]\nvars: {{c: 4, d: 6}}\nlayers: {layers}\n")
    assert {how: mixes_channels(flat, how).truth for how in expected} == expected
    with pytest.raises(RuleError, match="number"):
        channels(flat)


def test_thousands_of_channels_take_no_time() -> None:
    layers = []
    for _ in range(20):
        layers += ["conv: {out: 2048, kernel: 1, groups: 32}", "channel_shuffle: {groups: 32}", "batch_norm", "relu"]
    flat = network(net(*layers, input="[2048, 4, 4]"))
    start = time.perf_counter()
    found = channels(flat)
    assert found.hole is None
    assert time.perf_counter() - start < 1
    diagonal = reach("relu", input="[2048, 4, 4]")
    assert len(diagonal.parts) == 2048
    assert diagonal.shown() == ["each of 2048 outputs sees the input of its own number"]


def test_more_channels_than_can_be_told_apart_are_refused_by_name() -> None:
    finding = mixes_channels(network(net("relu", input="[100000, 2, 2]")), "full")
    assert finding.truth is None
    assert "32,768 input channels" in finding.reason
