"""Memory by itself: what is alive when, repeats by algebra, what is asked for wrongly, the command."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool import RuleError, load
from archtool.analysis.expect import check
from archtool.analysis.retention.execution import Units
from archtool.analysis.retention.heap import Heap
from archtool.analysis.retention.peak import run_through
from archtool.flatten import flat_network

HEAD = "archtool: 1\nname: net\ninput: [1, 10]\n"
TENSOR = 40  # bytes of one


def spec(layers: str, head: str = HEAD) -> str:
    return head + "layers:\n" + layers


def live(layers: str, **words: Any) -> int:
    """Bytes in tensors of the input's size."""
    found = load(spec(layers)).memory(**words).live
    assert found % TENSOR == 0
    return found // TENSOR


def test_a_tensor_lives_from_its_maker_to_its_last_taker():
    assert live("  - relu\n") == 2
    assert live("  - relu\n  - relu\n  - relu\n") == 3  # the input, which the caller has, and two
    assert live("  - relu:\n    name: a\n  - relu\n  - relu:\n    name: b\n  - add:\n    at: [b, a]\n") == 4
    assert live("  - add: {a: [relu], b: [tanh], c: [silu]}\n") == 6  # two at a time: two sums at last
    assert live("  - relu\n  - flatten\n  - dropout\n") == 2  # views
    assert live("  - relu\n  - add: {main: [tanh, tanh], skip: []}\n") == 4


def test_in_place_needs_that_nobody_else_has_the_input():
    assert live("  - relu\n", in_place=True) == 2  # the input is the caller's
    assert live("  - tanh\n  - relu\n  - relu\n", in_place=True) == 2
    assert live("  - tanh\n  - add: {main: [relu, relu], skip: []}\n", in_place=True) == 4
    assert live("  - tanh\n  - identity\n  - relu\n", in_place=True) == 2  # a view whose base is not needed
    assert live("  - tanh\n  - sigmoid\n", in_place=True) == 3  # torch has no such sigmoid


def test_named_outputs_stay():
    text = spec("  - relu:\n    name: a\n  - relu\n  - relu\n  - relu\n")
    assert load(text).memory().live == 3 * TENSOR
    assert load(text + "outputs: [a]\n").memory().live == 4 * TENSOR


def test_training_keeps_what_backward_reads():
    layers = "  - layer_scale\n  - relu\n  - silu\n"
    memory = load(spec(layers)).memory(mode="training", optimizer="adam")
    # Backward at silu: the input, its own input (relu's output, which both keep) and output, the gradients of both.
    assert memory.rows[-1].backward == 5 * TENSOR
    # At layer_scale: the input, the output, a gradient, each element's part of the factor's gradient, and that.
    assert memory.rows[0].backward == 4 * TENSOR + 4
    assert (memory.layer, memory.way) == ("silu", "backward")
    assert (memory.params, memory.gradients, memory.optimizer_state) == (4, 4, 8)
    assert memory.peak == memory.live + 4 + 8
    assert {held.what for held in memory.alive} == {"input", "activation", "gradient"}
    assert sum(held.bytes for held in memory.alive) == memory.live


def test_without_parameters_nothing_is_kept():
    memory = load(spec("  - relu\n  - relu\n  - relu\n")).memory(mode="training")
    assert memory.live == 3 * TENSOR
    assert memory.way == "forward"
    assert {row.backward for row in memory.rows} == {None}


def test_shared_weights_have_one_gradient_and_buffers_once():
    layer = "  - conv: {out: 4, kernel: 1, bias: false}\n    shares: w\n  - batch_norm:\n    shares: b\n"
    text = spec(layer * 2, "archtool: 1\nname: net\ninput: [4, 10]\n")
    memory = load(text).memory(mode="training")
    assert memory.gradients == memory.params == 4 * (16 + 8)
    assert memory.buffers == 4 * 8 + 8
    assert memory.rows[0].backward is not None
    last = run_through(load(text).flat(), Units(1, 4), training=True).heap
    assert last.live == 2 * 160 + memory.gradients  # input, output, gradients: nothing else is left


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "int8"])
def test_bytes_are_those_of_the_dtype_and_the_batch(dtype: str):
    size = {"float64": 8, "float32": 4, "bfloat16": 2, "int8": 1}[dtype]
    design = load("mobilenet_v2")
    memory = design.memory(dtype=dtype, batch=3)
    assert memory.live == 3 * size * design.memory(dtype="int8").live
    assert memory.params == size * 3_504_872
    assert memory.activation_bytes[dtype] == design.analyze(batch=3, dtype=dtype).totals.bytes["activations"]


# --- repeats ---------------------------------------------------------------------------------------------------------

BODIES = (
    "relu",
    "conv: {out: 4, kernel: 3, padding: half}",
    "add: {main: [conv: {out: 4, kernel: 1}, relu], skip: []}",
    "identity",
)


@given(
    turns=st.integers(0, 7),
    body=st.lists(st.sampled_from(BODIES), min_size=1, max_size=3),
    skips=st.booleans(),
    outer=st.integers(1, 4),
    in_place=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_a_repeat_takes_what_its_turns_take(turns: int, body: list[str], skips: bool, outer: int, in_place: bool):
    """By algebra as one by one, also where a tensor from before the repeat is needed behind it, and nested."""
    inner = "".join(f"          - {step}\n" for step in body)
    text = "archtool: 1\nname: net\ninput: [4, 9]\nlayers:\n  - relu:\n    name: before\n"
    text += (
        f"  - do:\n      - do:\n{inner}        repeat: {turns}\n      - tanh\n    repeat: {outer}\n    name: after\n"
    )
    text += "  - add:\n    at: [after, before]\n" if skips else "  - relu\n"
    design = load(text)
    whole = run_through(design.flat(), Units(1, 4), training=False, in_place=in_place).heap.peak
    assert design.memory(in_place=in_place).live == whole


def test_depth_costs_nothing():
    text = spec("  - relu:\n    repeat: 1_000_000_000_000\n    name: deep\n")
    memory = load(text).memory()
    assert memory.live == 3 * TENSOR
    assert [row.name for row in memory.rows] == ["deep.0", "deep.1-999999999999"]
    with pytest.raises(RuleError, match="1,000,000,000,000 layers; written out one by one they may be at most 200,000"):
        load(text).memory(mode="training")


def test_a_folded_network_names_its_last_turn():
    flat = flat_network(load(spec("  - relu:\n    repeat: 5\n")).run, ("input",), turns=2)
    assert [layer.name for layer in flat.layers] == ["relu.0", "relu.1-4"]


# --- the heap --------------------------------------------------------------------------------------------------------


def test_a_storage_goes_with_its_last_holder():
    heap = Heap(watched=2)
    first = heap.take("a", "activation", 10)
    second = heap.take("b", "activation", 5)
    heap.hold(first)
    heap.drop(first)
    assert (heap.live, heap.peak, heap.is_shared(first)) == (15, 15, False)
    heap.drop(first)
    heap.drop(second)
    assert (heap.live, heap.peak, heap.peak_moment) == (0, 15, 2)
    assert [held.name for held in heap.seen] == ["a", "b"]


# --- asking ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"mode": "train"}, "unknown mode 'train'; did you mean 'training'?"),
        ({"optimizer": "adan"}, "unknown optimizer 'adan'; did you mean 'adam'?"),
        ({"dtype": "float23"}, "unknown dtype 'float23'; did you mean 'float"),
        ({"dtype": "int8", "mode": "training"}, "dtype: 'int8' is not one that networks are trained in: "),
        ({"batch": 0}, "batch (=0) must be a whole number of at least 1"),
    ],
)
def test_words_that_are_none(words: dict[str, Any], message: str):
    with pytest.raises(RuleError) as error:
        load("lenet5").memory(**words)
    assert str(error.value).startswith(message)


def test_peak_memory_may_be_expected():
    text = spec("  - relu\n  - relu\n") + "expect: {peak_memory: %d}\n"
    (right,) = check(load(text % (3 * TENSOR)).analyze())
    (wrong,) = check(load(text % (4 * TENSOR)).analyze(batch=7))
    assert right.ok
    assert str(wrong) == "peak_memory: expected 160, counted 120, difference -40"


def test_the_command(archtool):
    called = archtool("memory", "resnet50", "--mode", "training", "--optimizer", "adam", "--batch", "2")
    assert called.code == 0
    assert called.out.startswith("resnet50: training with adam, batch 2, float32\n")
    lines = called.out.splitlines()
    assert sum(line.endswith("  peak") for line in lines) == 1
    assert "alive at the peak (backward at " in called.out
    wide = archtool("memory", "resnet50", "--depth", "1").out.splitlines()
    assert len(wide) < len(lines)
    assert archtool("memory", "resnet50", "--mode", "train").code == 2


def test_the_json(archtool):
    found = json.loads(archtool("memory", "resnet18", "--format", "json", "--mode", "training").out)
    assert found["peak"] == found["live"] + found["params"] + found["buffers"] + found["optimizer_state"]
    assert found["live"] == sum(each["bytes"] for each in found["at"]["alive"])
    assert found["at"]["way"] == "backward"
    assert len(found["layers"]) == 69
    assert max(row["backward"] for row in found["layers"]) == found["live"]
    assert found["activations"]["bytes"]["float16"] == 2 * found["activations"]["elements"]
    assert found["notes"] == []


def test_memory_is_verified_by_its_own_words_alone(archtool):
    pytest.importorskip("torch")
    assert archtool("verify", "lenet5", "--memory", "--device", "cpu", "--mode", "training", "--batch", "2").code == 0
    refused = archtool("verify", "lenet5", "--batch", "2")
    assert refused.code == 2
    assert "--mode, --optimizer, --batch and --in-place go with --memory" in refused.err
