"""How tensors find their way: other starts, turns of a loop, outputs of blocks, includes, designs, steps as values."""

from __future__ import annotations

from pathlib import Path

import pytest

from archtool import SpecError, load
from archtool.field import GLOBAL, LOCAL_AND_GLOBAL
from archtool.flatten import FlatLayer
from archtool.runs import BlockRun, LayerRun


def run(text: str, **knobs: object) -> BlockRun:
    return load(text, **knobs).run


def layers(text: str, **knobs: object) -> list[FlatLayer]:
    return load(text, **knobs).flat().layers


def names(text: str, **knobs: object) -> list[str]:
    return [layer.name for layer in layers(text, **knobs)]


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
    turns = [flat[f"loop.{turn}.c"] for turn in range(3)]
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
    assert {name: tensor.shape.dims for name, tensor in run(text).outputs.items()} == {
        "head": (5, 16, 16),
        "flat": (1024,),
    }


def test_a_block_s_output_that_is_not_there() -> None:
    with pytest.raises(SpecError, match=r"'trunk' has no output 'c3'; did you mean 'c2'\?|allowed: c1, c2"):
        run(
            OUTPUTS.replace("trunk.c1", "trunk.c3")
            .replace("  - linear: {out: 2}\n    at: flat\n", "")
            .replace(", flat", "")
        )


TURNS = """\
input: [4, 9]
blocks:
  unit:
    args: {k: required}
    body:
      - conv: {out: 4, kernel: k, padding: half}
      - conv: {out: 2, kernel: 1}
        name: skip
      - conv: {out: 4, kernel: 1}
    outputs: [skip]
layers:
  - for: k
    in: [1, 3, 5]
    do:
      - unit: {k: k}
        name: u
  - add:
    at: READ
"""


def test_a_block_s_output_in_every_turn_of_a_loop() -> None:
    every, one = (load(TURNS.replace("READ", read)) for read in ("u.skip", "'u[1].skip'"))
    *layers, add = every.flat().layers
    assert add.sources == tuple(layer.target for layer in layers if layer.name.endswith("u.skip"))
    assert [design.run.output.fields[0].axes[0].size for design in (every, one)] == [1 + 2 + 4, 1 + 2]
    with pytest.raises(SpecError, match="'u' has no output 'skit'; did you mean 'skip'"):
        load(TURNS.replace("READ", "u.skit")).run  # noqa: B018 - evaluated when asked for


def test_several_inputs() -> None:
    text = """\
inputs: {left: [3, 8, 8], right: [5, 8, 8]}
layers:
  - concat:
    at: [left, right]
  - conv: {out: 2, kernel: 3}
"""
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


@pytest.mark.parametrize("first", ["conv: {out: 3, kernel: 1, bias: yes_}", "b: {bias: yes_}"])
def test_one_is_not_true_whatever_was_evaluated_before(first: str) -> None:
    second = first.replace("yes_", "one")
    head = "input: [3, 8, 8]\nvars: {yes_: true, one: 1}\n"
    head += "blocks:\n  b: {args: {bias: false}, body: [conv: {out: 3, kernel: 1, bias: bias}]}\n"
    assert run(f"{head}layers:\n  - {first}\n").cost.params == 12
    with pytest.raises(SpecError, match="1 is not true or false"):
        load(f"{head}layers:\n  - {first}\n  - {second}\n").analyze()
