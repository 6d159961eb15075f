"""Whole networks: their totals, what repeats and loops come to, names, shared weights, wiring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool import RuleError, SpecError, load
from archtool.field import GLOBAL, LOCAL_AND_GLOBAL
from archtool.flatten import FlatLayer, flat_network, flatten, layer_count
from archtool.network import Evaluation
from archtool.runs import BlockRun, LayerRun
from archtool.spec.catalog import shipped_files

SPECS = Path(__file__).parent / "specs"  # the language's examples, their totals published or counted independently


def run(text: str, **knobs: object) -> BlockRun:
    return load(text, **knobs).run


def layers(text: str, **knobs: object) -> list[FlatLayer]:
    return load(text, **knobs).flat().layers


def names(text: str, **knobs: object) -> list[str]:
    return [layer.name for layer in layers(text, **knobs)]


# --- totals ------------------------------------------------------------------------------------------------------


ORDER = SPECS / "order.yaml"  # designs alone, without layers of its own
FILES = [path for path in (*shipped_files(), *sorted(SPECS.glob("*.yaml"))) if path != ORDER]


def variants() -> list[tuple[Path, str | None]]:
    return [(path, design) for path in FILES for design in (None, *load(path).designs) if load(path, design).expect]


@pytest.mark.parametrize(("path", "design"), variants(), ids=lambda part: part.stem if isinstance(part, Path) else part)
def test_totals_are_those_published(path: Path, design: str | None) -> None:
    network = load(path, design)
    totals = {metric: value for metric, value, _, _ in network.expect}
    cost = network.run.cost
    assert {metric: getattr(cost, metric) for metric in totals} == totals


def test_designs_without_a_network_of_their_own() -> None:
    """The order of a 1 x 1 and a k x k convolution: params(P) = c_in mid + k^2 mid c_out, and the other way round."""
    dense, point = 9 * 16 * 32, 16 * 16
    assert load(ORDER, "P").run.cost.params == point + dense
    assert load(ORDER, "Q").run.cost.params == 9 * 16 * 16 + 16 * 32
    assert load(ORDER, "direct").run.cost.params == dense
    assert len(load(ORDER, "P").spec.claims) == 5
    with pytest.raises(SpecError, match="'order' has no layers of its own; choose one of its designs: P, Q, direct"):
        load(ORDER)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_sum_over_single_layers_is_the_total(path: Path) -> None:
    design = load(path)
    flat = design.flat().layers
    cost = design.run.cost
    assert sum(layer.run.cost.params for layer in flat if layer.owns_weights) == cost.params
    for count in ("macs", "activations", "conv_activations", "read"):
        assert sum(getattr(layer.run.cost, count) for layer in flat) == getattr(cost, count)
    assert len(flat) == layer_count(design.run)
    assert len({layer.name for layer in flat}) == len(flat)
    (last,) = {layer.fields for layer in flat if layer.target == design.flat().outputs["output"]}
    assert last == design.run.output.fields


def test_pycls_counts_the_outputs_of_convolutions() -> None:
    """facebookresearch/pycls, dev/model_complexity.json: flops are multiply-adds plus bias additions, acts the outputs of
    convolutions, linear layers and max-poolings."""
    for path, design, acts, flops, params in (
        (SPECS / "regnet.yaml", "x_200mf", 2_164_056, 199_040_872, 2_684_792),
        (SPECS / "regnet.yaml", "x_3_2gf", 11_367_432, 3_176_622_952, 15_296_552),
        (SPECS / "efficientnet.yaml", "b0", 6_748_036, 385_825_092, 5_288_548),
        ("resnet50", None, 11_315_688, 4_089_185_256, 25_557_032),
        ("resnet101", None, 16_433_640, 7_801_406_440, 44_549_160),
    ):
        flat = load(path, design).flat().layers
        cost = load(path, design).run.cost
        pooled = sum(layer.run.output.elements for layer in flat if layer.run.kind == "max_pool")
        biases = cost.operations["linear.bias"] + cost.operations.get("conv.bias", 0)
        assert (cost.conv_activations + pooled, cost.macs + biases, cost.params) == (acts, flops, params)


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
    """Two ways of writing one network: equal totals, shapes and fields, and names that `label` turns into each other."""
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
        return f"for.{turn}.unit.{rest}"

    check_same_networks(repeated, looped, label)


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
    with pytest.raises(RuleError, match="has 1,000,000,000,001 layers; written out one by one they may be at most 200,000"):
        list(flatten(deep))
    with pytest.raises(RuleError, match="has 3 layers; .* at most 2$"):
        flat_network(run(DEEP.replace("10**12", "2")), ("input",), limit=2)


def test_blocks_are_evaluated_once_for_each_distinct_use() -> None:
    design = load("resnet50")
    evaluation = Evaluation()
    environment = evaluation.vars(design.spec.block, {})
    evaluation.network(design.spec.block, environment, design.spec.shapes(environment))
    assert len(evaluation.blocks) == 8  # each stage: a first block and the others
    deep = load("resnet50", depths=[300, 400, 600, 300])
    again = Evaluation()
    again.network(deep._block, again.vars(deep._block, {}), deep.inputs)
    assert len(again.blocks) == 8
    assert len(again.layers) == len(evaluation.layers)


def test_a_body_that_grows_is_unrolled() -> None:
    text = "input: [3, 8, 8]\nlayers:\n  - do:\n      - concat: {seen: [], new: [conv: {out: 2, kernel: 1}]}\n    repeat: 4\n"
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
        *[f"stage.1.bottleneck2.{turn}.add{rest}" for turn in (0, 1) for rest in
          (".main.conv1", ".main.relu", ".main.conv2", "")],
        "for.0.relu",
        "relu",
    ]  # fmt: skip


def test_resnet_50_has_the_names_of_the_design() -> None:
    found = names("resnet50")
    assert found[0] == "stem"
    assert "stage.2.bottleneck.1.add.main.conv1" in found or "stage.2.block.1.add.main.conv1" in found
    assert found[-1] == "linear"


def test_the_alternatives_of_an_if_count_among_the_steps_around_it() -> None:
    text = "input: [4, 8, 8]\nvars: {a: true}\nlayers:\n  - relu\n  - if: a\n    then: [relu, tanh]\n    else: [tanh]\n  - relu\n"
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
        ("conv1", True), ("conv1", False), ("conv3", True),
    ]  # fmt: skip


def test_weights_shared_over_a_repeat_count_once() -> None:
    text = "input: [8, 9, 9]\nlayers:\n  - conv: {out: 8, kernel: 3, padding: 1}\n    repeat: 5\n    shares: w\n"
    assert run(text).cost.params == 8 * 8 * 9 + 8
    assert run(text).cost.macs == 5 * 8 * 8 * 9 * 81
    assert {layer.weights for layer in layers(text)} == {"conv.0"}
    assert run(text.replace("repeat: 5", "repeat: 0")).cost.params == 0


def test_only_equal_steps_share() -> None:
    with pytest.raises(SpecError, match="steps that share 'w' must have the same fields"):
        run(SHARED.replace("kernel: 3, padding: 1}\n    shares: w\n  - conv", "kernel: 1}\n    shares: w\n  - conv"))


# --- wiring ------------------------------------------------------------------------------------------------------


def test_a_step_can_start_from_another_tensor() -> None:
    text = """\
input: [4, 16, 16]
layers:
  - conv: {out: 8, kernel: 3, stride: 2, padding: 1}
    name: a
  - conv: {out: 8, kernel: 3, padding: 1}
    name: b
  - conv: {out: 2, kernel: 1}
    at: a
    name: side
  - concat:
    at: [side, b, a]
  - conv: {out: 3, kernel: 5, stride: 3}
    at: input
"""
    flat = {layer.name: layer for layer in layers(text)}
    assert list(flat["concat"].sources) == [flat[name].target for name in ("side", "b", "a")]
    assert flat["concat"].run.output.dims == (18, 8, 8)
    assert flat["conv"].sources == (0,)
    assert flat["side"].fields == flat["a"].fields
    (field,) = flat["concat"].fields
    assert field is not None
    assert (field.axes[0].size, field.axes[0].narrow, field.axes[0].wide) == (7, 3, 7)
    assert run(text).output.shape.dims == (3, 4, 4)


def test_a_loop_s_turns_are_a_list() -> None:
    text = """\
input: [4, 16, 16]
layers:
  - for: i
    in: range(3)
    do:
      - conv: {out: 2 + i, kernel: 1}
        name: c
  - conv: {out: 9, kernel: 1}
    at: c[1]
    name: d
  - concat:
    at: c
"""
    flat = {layer.name: layer for layer in layers(text)}
    turns = [flat[f"for.{turn}.c"] for turn in range(3)]
    assert flat["d"].sources == (turns[1].target,)
    assert flat["concat"].sources == tuple(turn.target for turn in turns)
    assert run(text).output.shape.channels == 2 + 3 + 4


OUTPUTS = """\
input: [3, 32, 32]
blocks:
  backbone:
    args: {width: 4}
    body:
      - conv: {out: width, kernel: 3, stride: 2, padding: 1}
        name: c1
      - conv: {out: 2 * width, kernel: 3, stride: 2, padding: 1}
        name: c2
      - relu
    outputs: [c1, c2]
layers:
  - backbone: {width: 8}
    name: trunk
  - conv: {out: 5, kernel: 1}
    at: trunk.c1
    name: head
  - linear: {out: 2}
    at: flat
outputs: [head, flat]
"""


def test_a_block_s_outputs_are_read_by_name() -> None:
    text = OUTPUTS.replace("  - linear: {out: 2}\n    at: flat\n", "  - flatten:\n    at: trunk\n    name: flat\n")
    flat = load(text).flat()
    by_name = {layer.name: layer for layer in flat.layers}
    assert by_name["head"].sources == (by_name["trunk.c1"].target,)
    assert by_name["head"].fields == by_name["trunk.c1"].fields
    assert flat.outputs == {"head": by_name["head"].target, "flat": by_name["flat"].target}
    assert {name: tensor.shape.dims for name, tensor in run(text).outputs.items()} == {"head": (5, 16, 16), "flat": (1024,)}


def test_a_block_s_output_that_is_not_there() -> None:
    with pytest.raises(SpecError, match=r"'trunk' has no output 'c3'; did you mean 'c2'\?|allowed: c1, c2"):
        run(OUTPUTS.replace("trunk.c1", "trunk.c3").replace("  - linear: {out: 2}\n    at: flat\n", "").replace(", flat", ""))


def test_several_inputs() -> None:
    text = "inputs: {left: [3, 8, 8], right: [5, 8, 8]}\nlayers:\n  - concat:\n    at: [left, right]\n  - conv: {out: 2, kernel: 3}\n"
    flat = load(text).flat()
    assert list(flat.inputs) == ["left", "right"]
    assert flat.layers[0].sources == (0, 1)
    assert [field and field.axes[0].size for field in flat.layers[1].fields] == [3, 3]
    assert run(text).output.shape.dims == (2, 6, 6)


PATHS = """\
input: [4, 8, 8]
vars: {skip: true, rates: [1, 2, 3]}
layers:
  - concat:
      kept: {when: skip, do: []}
      rate: {each: r, in: rates, do: [conv: {out: r, kernel: 3, dilation: r, padding: half}]}
"""


def test_paths_may_be_absent_and_there_may_be_one_for_each_value() -> None:
    assert run(PATHS).output.shape.channels == 4 + 1 + 2 + 3
    assert run(PATHS, skip=False).output.shape.channels == 6
    assert names(PATHS) == ["concat.rate.0.conv", "concat.rate.1.conv", "concat.rate.2.conv", "concat"]
    assert run(PATHS, rates=[]).output.shape.channels == 4  # one path alone passes through
    assert names(PATHS, rates=[]) == []
    with pytest.raises(SpecError, match="'concat' has no path left to join"):
        run(PATHS, rates=[], skip=False)


def test_steps_are_values() -> None:
    text = """\
input: [8, 8, 8]
vars: {op: {pointwise: {out: 4}}}
blocks:
  pointwise:
    args: {out: required, act: relu}
    body: [conv: {out: out, kernel: 1}, act]
layers:
  - op
  - op: {act: identity, out: 6}
  - op: {act: {conv: {out: 2, kernel: 1}}}
"""
    assert names(text) == ["op1.conv", "op1.act", "op2.conv", "op2.act", "op3.conv", "op3.act"]
    assert [layer.run.kind for layer in layers(text)] == ["conv", "relu", "conv", "identity", "conv", "conv"]
    assert [layer.run.output.channels for layer in layers(text)] == [4, 4, 6, 6, 4, 2]


def test_an_included_spec_is_a_block(tmp_path: Path) -> None:
    (tmp_path / "trunk.yaml").write_text("input: [3, 8, 8]\nvars: {out: 4}\nlayers:\n  - conv: {out: out, kernel: 3}\n")
    (tmp_path / "net.yaml").write_text(
        "input: [3, 32, 32]\ninclude: {trunk: trunk.yaml, block: blocks/basic.yaml}\n"
        "layers:\n  - trunk: {out: 64}\n  - block: {stride: 2}\n  - trunk\n"
    )
    included = load(tmp_path / "net.yaml")
    assert included.run.output.shape.dims == (4, 13, 13)
    assert included.flat().layers[0].name == "trunk1.conv"
    (tmp_path / "circle.yaml").write_text("input: [3]\ninclude: {a: circle.yaml}\nlayers: [a]\n")
    with pytest.raises(SpecError, match="include each other in a circle"):
        load(tmp_path / "circle.yaml")
    (tmp_path / "outside.yaml").write_text("input: [3]\ninclude: {a: ../secret.yaml}\nlayers: [a]\n")
    with pytest.raises(SpecError, match=r"'\.\./secret\.yaml' can't be included"):
        load(tmp_path / "outside.yaml")


def test_a_design_inherits_and_overrides() -> None:
    text = """\
name: family
input: [3, 8, 8]
vars: {width: 4, depth: 1}
layers:
  - conv: {out: width, kernel: 1}
    repeat: depth
expect: {params: 16}
designs:
  wide: {vars: {width: 16}, expect: {params: 64}}
  other: [relu]
  small: {input: [3, 1, 1]}
"""
    assert load(text).designs == ("wide", "other", "small")
    assert load(text, "wide").name == "wide"
    assert (load(text, "wide").run.cost.params, load(text, "wide").expect[0].value) == (64, 64)
    assert (load(text, "other").run.cost.params, load(text, "other").expect) == (0, ())
    assert load(text, "small").run.output.shape.dims == (4, 1, 1)
    assert load(text, "wide", depth=2, width="8 * 2").run.cost.params == 64 + 272
    with pytest.raises(SpecError, match="has no design 'wid'; did you mean 'wide'"):
        load(text, "wid")
    with pytest.raises(SpecError, match="'family' has no var 'widht'; did you mean 'width'"):
        load(text, widht=8)


def test_what_is_seen_through_a_gate_and_after_pooling() -> None:
    gate = "  - multiply: {x: [], gate: [global_avg_pool, conv: {out: 4, kernel: 1}, sigmoid]}\n"
    start = "input: [4, 9, 9]\nlayers:\n  - conv: {out: 4, kernel: 3, padding: 1}\n"
    (gated,) = run(start + gate).output.fields
    assert gated is not None
    assert (gated.state, gated.axes[0].size) == (LOCAL_AND_GLOBAL, 3)
    (pooled,) = run(start + gate + "  - global_avg_pool\n").output.fields
    assert pooled is not None
    assert pooled.state == GLOBAL


def test_a_layer_keeps_its_own_name_and_what_it_stands_for() -> None:
    (entry,) = run("input: [8, 5, 5]\nlayers: [depthwise_conv: {kernel: 3}]").entries
    assert isinstance(entry.run, LayerRun)
    assert (entry.run.kind, entry.run.layer.kind) == ("depthwise_conv", "conv")
