"""Whole networks: their totals, what repeats and loops come to, names, shared weights, wiring."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool import Design, RuleError, SpecError, load
from archtool.analysis.catalog import shipped_designs
from archtool.flatten import FlatLayer, flat_network, flatten, layer_count
from archtool.network import Evaluation
from archtool.runs import BlockRun


def run(text: str, **knobs: object) -> BlockRun:
    return load(text, **knobs).run


def layers(text: str, **knobs: object) -> list[FlatLayer]:
    return load(text, **knobs).flat().layers


def names(text: str, **knobs: object) -> list[str]:
    return [layer.name for layer in layers(text, **knobs)]


# --- totals ------------------------------------------------------------------------------------------------------


DESIGNS = [pytest.param(design, id=f"{file}-{design.name}") for file, design in shipped_designs()]


def test_designs_without_a_network_of_their_own() -> None:
    """The order of a 1 x 1 and a k x k convolution: params(P) = c_in mid + k^2 mid c_out, and the other way round."""
    dense, point = 9 * 16 * 32, 16 * 16
    assert load("order", "P").run.cost.params == point + dense
    assert load("order", "Q").run.cost.params == 9 * 16 * 16 + 16 * 32
    assert load("order", "direct").run.cost.params == dense
    assert load("order", "P").spec.claims[0].name == "the price of P"
    with pytest.raises(SpecError, match="'order' has no layers of its own; choose one of its designs: P, Q, direct"):
        load("order")


@pytest.mark.parametrize("design", DESIGNS)
def test_the_sum_over_single_layers_is_the_total(design: Design) -> None:
    network = design.flat()
    flat = network.layers
    cost = design.run.cost
    assert sum(layer.run.cost.params for layer in flat if layer.owns_weights) == cost.params
    for count in ("macs", "activations", "conv_activations", "read"):
        assert sum(getattr(layer.run.cost, count) for layer in flat) == getattr(cost, count)
    assert len(flat) == layer_count(design.run)
    assert len({layer.name for layer in flat}) == len(flat)
    outputs = design.run.outputs or {"output": design.run.output}
    made = {layer.target: layer.fields for layer in flat}
    assert {name: made[tensor] for name, tensor in network.outputs.items()} == {
        name: tensor.fields for name, tensor in outputs.items()
    }


# --- repeats -----------------------------------------------------------------------------------------------------

STEPS = (
    "conv: {out: out, kernel: 3, padding: half}",
    "conv: {out: out, kernel: 1, bias: false}",
    "depthwise_conv: {kernel: [1, 5], padding: half}",
    "batch_norm",
    "relu",
    "max_pool: {kernel: 3, stride: 1, padding: 1}",
    "add: {main: [conv: {out: x.channels, kernel: 3, padding: half}, relu], side: []}",
    "multiply: {x: [], gate: [global_avg_pool, conv: {out: x.channels, kernel: 1}, sigmoid]}",
    "concat: {left: [conv: {out: out, kernel: 1}], right: [relu]}",
)


def network(body: list[str], layer_lines: list[str]) -> str:
    steps = "".join(f"      - {step}\n" for step in body)
    return (
        "input: [3, 40, 31]\nblocks:\n  unit:\n    args: {out: 4, stride: 1}\n    body:\n"
        f"      - conv: {{out: out, kernel: 3, stride: stride, padding: 1}}\n{steps}"
        f"      - conv: {{out: out, kernel: 1}}\nlayers:\n{''.join(f'  - {line}' + chr(10) for line in layer_lines)}"
    )


def check_same_networks(repeated: str, written: str, label: Any) -> None:
    """Two ways of writing one network: equal totals, shapes, fields, and names that `label` turns into each other."""
    one, other = run(repeated), run(written)
    assert one.cost == other.cost
    assert one.output.shape == other.output.shape
    assert one.output.fields == other.output.fields
    left, right = layers(repeated), layers(written)
    assert [label(layer.name) for layer in left] == [layer.name for layer in right]
    assert [layer[1:5] for layer in left] == [layer[1:5] for layer in right]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=4), st.integers(2, 6), st.integers(1, 3))
def test_a_repeat_is_the_steps_written_out(body: list[str], n: int, stride: int) -> None:
    repeated = network(body, [f"{{unit: , repeat: {n}, first: {{stride: {stride}}}}}"])
    written = network(body, [f"unit: {{stride: {stride}}}", *["unit"] * (n - 1)])

    def label(name: str) -> str:
        _, turn, rest = name.split(".", 2)
        return f"unit{int(turn) + 1}.{rest}"

    check_same_networks(repeated, written, label)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=3), st.integers(0, 5))
def test_a_loop_is_the_repeat_of_its_body(body: list[str], n: int) -> None:
    repeated = network(body, ["unit", f"{{unit: , repeat: {n}}}"])
    looped = network(body, ["unit", f"{{for: i, in: range({n}), do: [unit]}}"])

    def label(name: str) -> str:
        head, rest = name.split(".", 1)
        if head == "unit1":
            return f"unit.{rest}"
        turn, rest = rest.split(".", 1)
        return f"loop.{turn}.unit.{rest}"

    check_same_networks(repeated, looped, label)


def test_each_turn_of_a_layer_sees_farther_than_the_one_before() -> None:
    turns = layers(
        "input: [4, 40, 40]\nlayers:\n  - conv: {out: 4, kernel: 3, padding: 1}\n    repeat: 4\n    first: {stride: 2}"
    )
    fields = [layer.fields[0].axes[0] for layer in turns if layer.fields[0]]
    assert [(field.size, field.stride) for field in fields] == [(3, 2), (7, 2), (11, 2), (15, 2)]
    assert [layer.name for layer in turns] == ["conv.0", "conv.1", "conv.2", "conv.3"]


def test_no_turns_are_the_identity() -> None:
    alone = run("input: [3, 8, 8]\nlayers: [relu]")
    assert run("input: [3, 8, 8]\nlayers:\n  - relu\n  - conv: {out: 8, kernel: 3}\n    repeat: 0\n").cost == alone.cost
    empty = run("input: [3, 8, 8]\nlayers:\n  - do: [relu, {conv: {out: 8, kernel: 3}}]\n    repeat: 0\n")
    assert (empty.output.shape.dims, empty.cost.activations) == ((3, 8, 8), 0)


DEEP = "input: [8, 9, 9]\nlayers:\n  - conv: {out: 8, kernel: 3, padding: 1}\n    repeat: 10**12\n  - relu\n"


def test_a_million_million_layers_by_algebra() -> None:
    deep = run(DEEP)
    assert deep.cost.params == 10**12 * (8 * 8 * 9 + 8)
    assert deep.cost.macs == 10**12 * 8 * 8 * 9 * 81
    assert deep.cost.activations == (10**12 + 1) * 8 * 81
    (field,) = deep.output.fields
    assert field is not None
    assert [(axis.size, axis.stride, axis.start) for axis in field.axes] == [(2 * 10**12 + 1, 1, -(10**12))] * 2
    assert layer_count(deep) == 10**12 + 1
    with pytest.raises(
        RuleError, match="has 1,000,000,000,001 layers; written out one by one they may be at most 200,000"
    ):
        list(flatten(deep))
    with pytest.raises(RuleError, match=r"has 3 layers; .* at most 2$"):
        flat_network(run(DEEP.replace("10**12", "2")), ("input",), limit=2)


@pytest.mark.parametrize("name", ["resnet101", "wide_resnet50_2", "mobilenet_v2", "siamese", "fpn", "unet"])
def test_layers_that_stand_for_others_come_to_the_same(name: str) -> None:
    design = load(name)
    whole = {layer.name: layer for layer in design.flat().layers}
    short = flat_network(design.run, tuple(design.spec.inputs), turns=2)
    assert sum(layer.times for layer in short.layers) == len(whole)
    assert sum(layer.times * layer.run.cost.macs for layer in short.layers) == design.run.cost.macs
    assert sum(layer.times * layer.run.cost.params for layer in short.layers if layer.owns_weights) == (
        design.run.cost.params
    )
    for layer in short.layers:
        first = whole[re.sub(r"(\d+)-\d+", r"\1", layer.name)]
        assert (layer.fields, layer.node) == (first.fields, first.node)
    deep = flat_network(run(DEEP), ("input",), turns=2).layers
    assert [layer.times for layer in deep] == [1, 10**12 - 1, 1]
    assert deep[-1].fields == run(DEEP).output.fields


def test_blocks_are_evaluated_once_for_each_distinct_use() -> None:
    design = load("resnet50")
    evaluation = Evaluation()
    environment = evaluation.vars(design.spec.block, {})
    evaluation.network(design.spec.block, environment, design.spec.shapes(environment))
    assert len(evaluation.blocks) == 8  # each stage: a first block and the others
    deep = load("resnet50", depths=[300, 400, 600, 300])
    again = Evaluation()
    again.network(deep.block, again.vars(deep.block, {}), deep.inputs)
    assert len(again.blocks) == 8
    assert len(again.layers) == len(evaluation.layers)


def test_a_body_that_grows_is_unrolled() -> None:
    text = """\
input: [3, 8, 8]
layers:
  - do: [concat: {seen: [], new: [conv: {out: 2, kernel: 1}]}]
    repeat: 4
"""
    grown = run(text)
    assert grown.output.shape.dims == (11, 8, 8)
    assert grown.cost.params == sum(2 * (3 + 2 * turn) + 2 for turn in range(4))


# --- names -------------------------------------------------------------------------------------------------------


def test_names_are_kinds_and_ordinals_labels_and_turns() -> None:
    text = """\
input: [8, 8, 8]
blocks:
  bottleneck:
    args: {mid: 4}
    body:
      - add:
          main:
            - conv: {out: mid, kernel: 1}
            - relu
            - conv: {out: 8, kernel: 1}
          shortcut: []
layers:
  - conv: {out: 8, kernel: 1}
    name: stem
  - for: n
    in: [1, 2]
    name: stage
    do:
      - bottleneck
      - bottleneck:
        repeat: n
  - for: i
    in: range(1)
    do: [relu]
  - relu
"""
    assert names(text) == [
        "stem",
        *[f"stage.0.bottleneck1.add.{rest}" for rest in ("main.conv1", "main.relu", "main.conv2")],
        "stage.0.bottleneck1.add",
        *[f"stage.0.bottleneck2.0.add.{rest}" for rest in ("main.conv1", "main.relu", "main.conv2")],
        "stage.0.bottleneck2.0.add",
        *[f"stage.1.bottleneck1.add.{rest}" for rest in ("main.conv1", "main.relu", "main.conv2")],
        "stage.1.bottleneck1.add",
        *[
            f"stage.1.bottleneck2.{turn}.add{rest}"
            for turn in (0, 1)
            for rest in (".main.conv1", ".main.relu", ".main.conv2", "")
        ],
        "loop.0.relu",
        "relu",
    ]


def test_resnet_50_has_the_names_of_the_design() -> None:
    found = names("resnet50")
    assert found[0] == "stem"
    assert "stage.2.bottleneck.1.add.main.conv1" in found or "stage.2.block.1.add.main.conv1" in found
    assert found[-1] == "linear"


def test_the_alternatives_of_an_if_count_among_the_steps_around_it() -> None:
    text = """\
input: [4, 8, 8]
vars: {a: true}
layers:
  - relu
  - if: a
    then: [relu, tanh]
    else: [tanh]
  - relu
"""
    assert names(text) == ["relu1", "relu2", "tanh", "relu3"]
    assert names(text, a=False) == ["relu1", "tanh", "relu3"]


# --- shared weights ----------------------------------------------------------------------------------------------

SHARED = """\
input: [8, 9, 9]
layers:
  - conv: {out: 8, kernel: 3, padding: 1}
    shares: w
  - relu
  - conv: {out: 8, kernel: 3, padding: 1}
    shares: w
  - conv: {out: 8, kernel: 3, padding: 1}
"""


def test_shared_weights_count_once() -> None:
    one = 8 * 8 * 9 + 8
    shared = run(SHARED)
    assert shared.cost.params == 2 * one
    assert shared.cost.macs == 3 * 8 * 8 * 9 * 81
    assert [(layer.weights, layer.owns_weights) for layer in layers(SHARED) if layer.run.kind == "conv"] == [
        ("conv1", True),
        ("conv1", False),
        ("conv3", True),
    ]


def test_weights_shared_over_a_repeat_count_once() -> None:
    text = "input: [8, 9, 9]\nlayers:\n  - conv: {out: 8, kernel: 3, padding: 1}\n    repeat: 5\n    shares: w\n"
    assert run(text).cost.params == 8 * 8 * 9 + 8
    assert run(text).cost.macs == 5 * 8 * 8 * 9 * 81
    assert {layer.weights for layer in layers(text)} == {"conv.0"}
    assert run(text.replace("repeat: 5", "repeat: 0")).cost.params == 0


def test_only_equal_steps_share() -> None:
    with pytest.raises(SpecError, match="steps that share 'w' must have the same fields"):
        run(SHARED.replace("kernel: 3, padding: 1}\n    shares: w\n  - conv", "kernel: 1}\n    shares: w\n  - conv"))


def test_blocks_that_double_with_their_arguments_are_refused_before_they_fill_the_memory():
    blocks = ["  b0: {args: {k: 1}, body: [conv: {out: k, kernel: 1}]}"]
    blocks += [
        f"  b{i}: {{args: {{k: 1}}, body: [b{i - 1}: {{k: 2 * k}}, b{i - 1}: {{k: 2 * k + 1}}]}}" for i in range(1, 40)
    ]
    text = "input: [3, 8, 8]\nblocks:\n" + "\n".join(blocks) + "\nlayers: [b39]\n"
    with pytest.raises(SpecError, match="too much work"):
        load(text).analyze()
