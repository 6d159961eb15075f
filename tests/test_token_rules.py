"""What layers of tokens and attention refuse, each by a located error that says what is allowed; what windows see."""

from __future__ import annotations

import pytest

from archtool import load
from archtool.errors import SpecError
from archtool.field import GLOBAL, LOCAL, LOCAL_AND_GLOBAL
from archtool.layer import find
from archtool.runs import layer_run
from archtool.shape import Shape

TOKENS = "{tokens: 6, channels: 8}"
IMAGE = "[8, 6, 14]"
REFUSED = [
    (IMAGE, "take: {tokens: 0}", "'take' needs (tokens, channels), the input is 8x6x14; 'tokens' makes tokens"),
    (TOKENS, "tokens", "'tokens' needs (channels, spatial), the input is (tokens, channels) = 6x8"),
    ("[8]", "tokens", "'tokens' needs 1 to 3 spatial axes, the input 8 has 0"),
    (TOKENS, "take: {tokens: 6}", "tokens (=6) must be below the number of tokens (=6)"),
    (TOKENS, "spatial: {size: [2, 4]}", "size [2, 4] has 8 positions, the input has 6 tokens"),
    (TOKENS, "do: [class_token, spatial]", "tokens before those of the grid (1 here) have no position in it"),
    (TOKENS, "parameter: {shape: [2, 3, 4]}", "shape has 3 sizes, behind tokens it has two: [tokens, channels]"),
    (TOKENS, "parameter: {shape: 6}", "shape: 6 is not a list of whole numbers of at least 1"),
    (TOKENS, "parameter: {shape: [6, 0]}", "shape: [6, 0] is not a list of whole numbers of at least 1"),
    (TOKENS, "embedding: {count: 5, out: 3}", "'embedding' takes one id a token, channels (=8) must be 1"),
    (TOKENS, "reshape: {shape: [48]}", "'reshape' needs (channels, spatial) or a vector"),
    (IMAGE, "reshape: {shape: [8, 83]}", "shape 8x83 has 664 elements, the input 8x6x14 has 672"),
    ("[8]", "mean", "the vector 8 has no positions: over channels is meant"),
    (IMAGE, "transpose", "'transpose' needs (tokens, channels), the input is 8x6x14"),
    (IMAGE, "lstm: {hidden: 4}", "'lstm' needs (tokens, channels), the input is 8x6x14"),
    ("[8]", "attention: {heads: 2}", "'attention' needs positions or tokens, a vector (8) has none"),
    (TOKENS, "attention: {heads: 3}",
     "channels (=8) must be divisible by heads (=3); 1, 2, 4, 8 divide it; or give head_channels"),
    (TOKENS, "attention: {heads: 4, kv_heads: 3}", "heads (=4) must be divisible by kv_heads (=3); 1, 2, 4 divide it"),
    (TOKENS, "cross_attention: {heads: 2}",
     "'cross_attention' needs the field 'context': the name of a tensor (input,"),
    (TOKENS, "cross_attention: {heads: 2, context: memory}", "'memory' is not the name of a tensor"),
    (TOKENS, "cross_attention: {heads: 3, context: input}", "channels (=8) must be divisible by heads (=3)"),
    (IMAGE, "window_attention: {heads: 2, window: 4}",
     "the height (=6) must be divisible by window (=4); 1, 2, 3, 6 divide it"),
    (IMAGE, "window_attention: {heads: 2, window: [6, 4]}", "width (=14) must be divisible by window (=4); 1, 2, 7"),
    (IMAGE, "window_attention: {heads: 2, window: 2, shift: 2}", "shift (=2) must be smaller than window (=2)"),
    (IMAGE, "window_attention: {heads: 3, window: 2}", "channels (=8) must be divisible by heads (=3)"),
    (IMAGE, "window_attention: {heads: 2, window: [2, 2, 2]}", "window has 3 values, the input has 2 spatial axes"),
    (TOKENS, "window_attention: {heads: 2, window: 2}", "'window_attention' needs (channels, spatial)"),
    (TOKENS, "matmul: {by: input}", "the input's channels of a head (=8) must be as many as by's tokens (=6)"),
    (TOKENS, "matmul: {by: input, transposed: true, heads: 3}", "channels (=8) must be divisible by heads (=3)"),
    (IMAGE, "matmul: {by: input}", "'matmul' needs (tokens, channels), the input is 8x6x14"),
]  # fmt: skip


@pytest.mark.parametrize(("shape", "step", "reason"), REFUSED, ids=[step for _, step, _ in REFUSED])
def test_a_broken_rule_is_a_located_error(shape: str, step: str, reason: str) -> None:
    with pytest.raises(SpecError) as caught:
        _ = load(f"input: {shape}\nlayers:\n  - {step}\n").run
    assert str(caught.value).startswith("<text>:3:")
    assert reason in str(caught.value)


def test_a_product_of_tensors_whose_widths_differ_is_refused() -> None:
    inputs = "inputs: {a: {tokens: 3, channels: 4}, b: {tokens: 3, channels: 5}}"
    text = f"{inputs}\nlayers:\n  - matmul: {{by: b, transposed: true}}\n"
    with pytest.raises(SpecError, match=r"channels \(=4\) must be as many as by's \(=5\)"):
        _ = load(text).run


# --- what is seen --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0, 1, 2, 3])
def test_a_window_sees_itself_by_phase(shift: int) -> None:
    """Positions fall into [0, s), [s, s + w), ...: what a position sees is its own part."""
    layer = find("window_attention").read({"heads": 1, "window": 4, "shift": shift})
    run = layer_run(layer, Shape(2, (16,)))
    (axis,) = run.field.axes
    assert (axis.stride, len(axis.phases), axis.narrow, axis.wide) == (4, 4, 4, 4)
    for position in range(16):
        turn, phase = divmod(position, 4)
        low, high, *_ = axis.phases[phase]
        part = (position - shift) // 4
        assert (4 * turn + low, 4 * turn + high) == (4 * part + shift, 4 * part + shift + 3)


def test_one_window_that_covers_an_axis_is_not_moved() -> None:
    layer = find("window_attention").read({"heads": 1, "window": (4, 4), "shift": (2, 2)})
    tall, square = (layer_run(layer, Shape(2, (n, 4))) for n in (8, 4))
    assert tall.layer.shift == (2, 0)  # type: ignore[attr-defined]
    assert square.layer.shift == (0, 0)  # type: ignore[attr-defined]
    assert [reach[:2] for reach in square.field.axes[0].phases] == [(0, 3)] * 4


def test_a_token_before_the_grid_sees_by_attention_alone() -> None:
    run = load("input: [3, 8, 8]\nlayers: [tokens, class_token, take: {tokens: 0}]").run
    assert run.output.fields[0].state == GLOBAL
    run = load("input: [3, 8, 8]\nlayers: [tokens, class_token, take: {tokens: 12}]").run
    assert run.output.fields[0].state == LOCAL
    assert [axis.phases[0][:2] for axis in run.output.fields[0].axes] == [(1, 1), (3, 3)]


def test_attention_written_out_keeps_what_a_query_is_made_of() -> None:
    """Fused, a position's own path is one of many; written out, the queries are a path of their own."""
    states = [load("attention_written_out", design).run.output.fields[0].state for design in (None, "fused")]
    assert states == [LOCAL_AND_GLOBAL, GLOBAL]


# --- several inputs ------------------------------------------------------------------------------------------------


DECODER = """\
archtool: 1
name: decoder
inputs: {source: {tokens: 5, channels: 8}, target: {tokens: 3, channels: 8}}
vars: {depth: 2}
layers:
  - attention: {heads: 2}
    at: source
    name: memory
  - layer_norm:
    at: target
  - for: i
    in: range(depth)
    name: block
    do:
      - add: {x: [], ask: [cross_attention: {heads: 2, context: memory}]}
      - layer_norm
"""


def test_a_decoder_asks_its_memory_in_each_turn() -> None:
    design = load(DECODER)
    report = design.analyze()
    assert report.totals.params == 3 * (4 * 64 + 4 * 8) + 3 * 16
    queries_and_out, keys_and_values = 2 * 3 * 64, 2 * 5 * 64
    assert report.totals.macs == 4 * 5 * 64 + 2 * 25 * 8 + 2 * (queries_and_out + keys_and_values + 2 * 15 * 8)
    seen_of_source, seen_of_target = design.run.output.fields
    assert seen_of_source is not None
    assert seen_of_target is not None
    assert (seen_of_source.state, seen_of_target.state) == (GLOBAL, LOCAL)


def test_a_decoder_is_drawn_with_its_memory() -> None:
    design = load(DECODER)
    graph = design.graph()
    readers = {reader for _, reader in graph.out_edges("memory")}
    assert readers == {f"block.{turn}.add.ask.cross_attention" for turn in range(2)}
    assert set(graph.predecessors("block.0.add.ask.cross_attention")) == {"layer_norm", "memory"}
    edges = {tuple(line.split('"')[1::2][:2]) for line in design.dot().splitlines() if "->" in line}
    assert {end for start, end in edges if start == "memory>2"} == readers  # by the tensor that it makes
    assert "heads 2, context 5x8" in design.dot()


def test_siamese_branches_have_one_set_of_weights() -> None:
    shared, apart = load("siamese"), load("siamese", "apart")
    (trunk,) = {entry.run.cost.params for entry in shared.run.entries if entry.shares}
    assert apart.run.cost.params - shared.run.cost.params == trunk
    assert apart.run.cost.macs == shared.run.cost.macs
    left, right = shared.run.output.fields
    assert left == right
    layers = {layer.name: layer.weights for layer in shared.flat().layers}
    assert layers["other.conv1"] == layers["one.conv1"] == "one.conv1"
