"""Folding: what composes exactly, what is refused and why, what it saves, and its normal form. Numbers are exact; that
weights give the same function is tested with torch in tests/realize/test_folding.py."""

from __future__ import annotations

import pytest

from archtool import load
from archtool.algebra.folding import Folding, fold
from archtool.algebra.folding.told import told
from archtool.algebra.folding.trees import MOST_LAYERS
from archtool.flatten import flat_network
from archtool.shape import Shape
from archtool.trace import Trace


def folded(steps: str, size: str = "[4, 12, 13]", dense: bool = False) -> Folding:
    """These steps on an input of this size, folded."""
    return fold(load(f"input: {size}\nlayers: {steps}\n").flat(), dense=dense)


def kinds(folding: Folding) -> list[str]:
    """The kinds of the layers that are left."""
    return [type(layer.run.layer).kind for layer in folding.network.layers]


def rules(folding: Folding) -> set[str]:
    """The rules by which something was refused."""
    return {refusal.rule for refusal in folding.refused}


def test_repvgg_costs_what_its_deployed_form_does():
    """Ding et al. 2021, arXiv:2101.03697: 9,108,968 parameters of A0 are 8,309,384 when deployed; A, B, grouped, and
    with squeeze and excitation."""
    for name in ("repvgg_a0", "repvgg_a2", "repvgg_b1g4", "repvgg_b3", "repvgg_d2se"):
        train, deploy = fold(load(name).flat()), fold(load(f"{name}_deploy").flat())
        assert deploy.folds == deploy.refused == train.refused == ()
        assert train.after == deploy.after == deploy.before
        left, right = ([layer.run.layer for layer in each.network.layers] for each in (train, deploy))
        assert [layer.kind for layer in left] == [layer.kind for layer in right]
    assert fold(load("repvgg_a0").flat()).after.params == 8_309_384


@pytest.mark.parametrize(
    ("name", "layers"),
    [("resnet50", 175 - 53), ("mobilenet_v2", 153 - 52 - 1), ("inception_v3", 314 - 94 - 1), ("densenet121", 427 - 59)],
)
def test_batch_norms_behind_convolutions_go(name, layers):
    """And dropout; a batch norm whose input is no convolution's stays (DenseNet's, before its activations)."""
    folding = fold(load(name).flat())
    assert folding.after.layers == layers
    assert folding.after.macs == folding.before.macs
    left = [layer for layer in folding.network.layers if layer.run.kind == "batch_norm"]
    assert bool(left) == (name == "densenet121")
    # Of the scales and shifts of each channel only the shifts are left, as biases.
    norms = [layer.run.output.channels for layer in folding.original.layers if layer.run.kind == "batch_norm"]
    assert folding.before.params - folding.after.params == sum(norms) - sum(layer.run.output.channels for layer in left)


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        # A scale goes through zero padding, a shift does not.
        ("[layer_scale, conv: {out: 8, kernel: 3, padding: 1}]", ["conv"]),
        ("[batch_norm, conv: {out: 8, kernel: 3}]", ["conv"]),
        ("[batch_norm, conv: {out: 8, kernel: 1, stride: 2}]", ["conv"]),
        # Other padding takes the shift along; so does padding that is not read.
        ("[batch_norm, conv: {out: 8, kernel: 3, padding: 1, padding_mode: reflect}]", ["conv"]),
        ("[batch_norm, conv: {out: 8, kernel: 1, stride: 3, padding: [[0, 2], 0]}]", ["batch_norm", "conv"]),
        ("[batch_norm, conv: {out: 8, kernel: 1, stride: 3, padding: [0, [0, 2]]}]", ["conv"]),
        # Pointwise without a bias, then anything; anything, then pointwise.
        ("[conv: {out: 32, kernel: 1, bias: false}, conv: {out: 4, kernel: 3, padding: 1}]", ["conv"]),
        ("[conv: {out: 32, kernel: 3, padding: 1}, conv: {out: 4, kernel: 1}]", ["conv"]),
        ("[conv: {out: 32, kernel: 1, stride: 2, bias: false}, conv: {out: 4, kernel: 3, padding: 1}]", ["conv"]),
        # Padding comes first: then nothing is padded between.
        ("[pad: {padding: 2}, conv: {out: 32, kernel: 3}, conv: {out: 1, kernel: 3}]", ["conv"]),
        ("[pad: {padding: 1}, pad: {padding: [[0, 2], 1]}]", ["pad"]),
        ("[pad: {padding: 1, mode: reflect}, conv: {out: 4, kernel: 3}]", ["conv"]),
        # All that the first could make of the input's edge is there before the second pads.
        ("[conv: {out: 32, kernel: 3, padding: 2, bias: false}, conv: {out: 1, kernel: 3, padding: 1}]", ["conv"]),
        ("[conv: {out: 9, kernel: 3, padding: 1, padding_mode: circular}, conv: {out: 1, kernel: 3, padding: 1, "
         "padding_mode: circular}]", ["conv"]),
        # What does nothing at inference.
        ("[dropout, relu, identity, {dropout: {channels_only: true}}, stochastic_depth]", ["relu"]),
        ("[batch_norm, layer_scale, batch_norm]", ["batch_norm"]),
        ("[layer_scale, layer_scale]", ["layer_scale"]),
        ("[instance_norm: {track_running_stats: true}, relu, instance_norm, conv: {out: 1, kernel: 1}]",
         ["instance_norm", "relu", "instance_norm", "conv"]),
        ("[conv: {out: 8, kernel: 1}, instance_norm: {track_running_stats: true}]", ["conv"]),
        ("[layer_scale, conv_transpose: {out: 6, kernel: 3, stride: 2, groups: 2}, batch_norm]", ["conv_transpose"]),
        # Vectors and tokens.
        ("[flatten, linear: {out: 99}, batch_norm, linear: {out: 5}]", ["flatten", "linear"]),
        ("[tokens, linear: {out: 50}, dropout, linear: {out: 3}, layer_scale]", ["tokens", "linear"]),
        # Parallel branches: RepVGG, ACNet, identities, a difference, an average as a branch (Ding et al.: DBB).
        ("[add: {a: [conv: {out: 4, kernel: 3, padding: 1}], b: [conv: {out: 4, kernel: [1, 3], padding: half}], "
         "c: [conv: {out: 4, kernel: [3, 1], padding: half}]}]", ["conv"]),
        ("[add: {a: [conv: {out: 4, kernel: 3, padding: 1}, batch_norm], b: [], c: [batch_norm]}]", ["conv"]),
        ("[subtract: {a: [], b: [conv: {out: 4, kernel: 3, padding: 1, groups: 2}], c: [layer_scale]}]", ["conv"]),
        ("[add: {a: [conv: {out: 4, kernel: 3, padding: 1}], "
         "b: [conv: {out: 4, kernel: 1, bias: false}, avg_pool: {kernel: 3, stride: 1, padding: 1}]}]", ["conv"]),
        ("[add: {a: [conv: {out: 4, kernel: 3, padding: 1}], b: [conv: {out: 3, kernel: 1, bias: false}, "
         "conv: {out: 4, kernel: 3, padding: 1}]}]", ["conv"]),
        ("[add: {a: [conv: {out: 4, kernel: 3, padding: 2, dilation: 2}], "
         "b: [conv: {out: 4, kernel: 5, padding: 2}]}]", ["conv"]),
        # A sum of which some paths are linear.
        ("[add: {a: [conv: {out: 4, kernel: 3, padding: 1}], b: [relu], c: [conv: {out: 4, kernel: 1}]}]",
         ["relu", "conv", "add"]),
        ("[concat: {a: [conv: {out: 2, kernel: 3, padding: 1}], b: [conv: {out: 3, kernel: 3, padding: 1}]}]",
         ["conv"]),
        ("[concat: {a: [relu], b: [conv: {out: 2, kernel: 1}], c: [conv: {out: 3, kernel: 1}, batch_norm]}]",
         ["relu", "conv", "concat"]),
    ],
)  # fmt: skip
def test_what_folds(steps, left):
    folding = folded(steps)
    assert kinds(folding) == left
    assert folding.after.params + folding.after.statistics <= folding.before.params + folding.before.statistics
    assert folding.after.macs <= folding.before.macs


@pytest.mark.parametrize(
    ("steps", "rule"),
    [
        ("[batch_norm, conv: {out: 8, kernel: 3, padding: 1}]", "bias before padding"),
        ("[conv: {out: 32, kernel: 1}, conv: {out: 1, kernel: 3, padding: 1}]", "bias before padding"),
        ("[conv: {out: 32, kernel: 3, padding: 1, bias: false}, conv: {out: 1, kernel: 3, padding: 1}]", "border"),
        ("[conv: {out: 32, kernel: [1, 3], bias: false}, conv: {out: 1, kernel: [1, 3], padding: [0, [0, 1]]}]",
         "border"),
        ("[conv: {out: 4, kernel: 3, padding: 1, padding_mode: reflect, bias: false}, conv: {out: 1, kernel: 3, "
         "padding: 1}]", "padding modes"),
        ("[conv: {out: 4, kernel: 3, padding: 1}, conv: {out: 1, kernel: 3, padding: 1, padding_mode: replicate}]",
         "padding modes"),
        ("[conv: {out: 9, kernel: 1, stride: 2}, conv: {out: 1, kernel: 3, padding: 1, padding_mode: circular}]",
         "padding modes"),
        ("[conv: {out: 9, kernel: [25, 1], padding: [12, 0], padding_mode: circular}, conv: {out: 1, "
         "kernel: [3, 1], padding: [1, 0], padding_mode: circular}]", "wrapping"),
        ("[depthwise_conv: {kernel: 3, padding: 1}, conv: {out: 64, kernel: 1}]", "cost"),
        ("[conv: {out: 2, kernel: 1}, conv: {out: 64, kernel: 1}]", "cost"),
        ("[avg_pool: {kernel: 2}, conv: {out: 64, kernel: 1}]", "cost"),
        ("[add: {a: [conv: {out: 4, kernel: [1, 3], padding: half}], b: [conv: {out: 4, kernel: [3, 1], "
         "padding: half}]}]", "cost"),
        ("[add: {a: [conv: {out: 4, kernel: 3, padding: 1}], b: [conv: {out: 4, kernel: 3, padding: 1, "
         "padding_mode: circular}]}]", "padding modes"),
        ("[concat: {a: [conv: {out: 4, kernel: 3, padding: 1}], b: [conv: {out: 4, kernel: 1}]}]", "cost"),
        ("[conv: {out: 4, kernel: 1}, add: {a: [batch_norm, relu], b: []}]", "needed"),
        ("[batch_norm, conv_transpose: {out: 4, kernel: 2}]", "transposed"),
        ("[conv_transpose: {out: 4, kernel: 2}, conv: {out: 1, kernel: 1}]", "transposed"),
        ("[conv_transpose: {out: 4, kernel: 2}, conv_transpose: {out: 1, kernel: 1}]", "transposed"),
        ("[add: {a: [conv_transpose: {out: 4, kernel: 1}], b: [conv: {out: 4, kernel: 1}]}]", "transposed"),
    ],
)  # fmt: skip
def test_what_is_refused(steps, rule):
    folding = folded(steps)
    assert folding.folds == ()
    assert rules(folding) == {rule}


def test_a_pool_that_leaves_padding_out_is_no_convolution():
    for fields in ("kernel: 3, stride: 1, padding: 1, count_include_pad: false", "kernel: 2, ceil_mode: true"):
        folding = folded(f"[avg_pool: {{{fields}}}, conv: {{out: 1, kernel: 1}}]", "[4, 7, 7]", dense=True)
        assert kinds(folding) == ["avg_pool", "conv"]
    assert kinds(folded("[avg_pool: {kernel: 2, ceil_mode: true}, layer_scale]", "[4, 8, 8]", dense=True)) == ["conv"]


def test_dense_folds_what_costs_more():
    """Depthwise times pointwise is the dense kernel that it represents: 9 * 4 * 64 + 64 for 9 * 4 + 4 * 64 + 64."""
    steps = "[depthwise_conv: {kernel: 3, padding: 1, bias: false}, conv: {out: 64, kernel: 1}]"
    assert folded(steps).folds == ()
    folding = folded(steps, dense=True)
    assert kinds(folding) == ["conv"]
    assert (folding.before.params, folding.after.params) == (9 * 4 + 4 * 64 + 64, 9 * 4 * 64 + 64)


@pytest.mark.parametrize(
    ("first", "second", "kernel", "stride", "dilation", "padding"),
    [
        ("kernel: 3", "kernel: 3", 5, 1, 1, 0),
        ("kernel: 3, dilation: 2", "kernel: 3, dilation: 2", 5, 1, 2, 0),
        ("kernel: 3, stride: 2", "kernel: 2", 5, 2, 1, 0),  # taps 0..2 and 2..4
        ("kernel: 1, stride: 2", "kernel: 3", 3, 2, 2, 0),
        ("kernel: 3, dilation: 2", "kernel: 2", 6, 1, 1, 0),
        ("kernel: 3, padding: 2", "kernel: 1, stride: 2", 3, 2, 1, 2),
        ("kernel: 1", "kernel: 3, stride: 2, padding: 1", 3, 2, 1, 1),
        ("kernel: 3, padding: 2", "kernel: 3, padding: 1", 5, 1, 1, 3),
        ("kernel: 2, stride: 2", "kernel: 2, stride: 2", 4, 4, 1, 0),
    ],
)
def test_stacked_convolutions(first, second, kernel, stride, dilation, padding):
    """k1 + s1 d2 (k2 - 1) / d taps where the steps fit, the strides multiplied (of two that need not be dilated,
    k1 + k2 - 1)."""
    steps = f"[conv: {{out: 3, {first}, bias: false}}, conv: {{out: 2, {second}}}]"
    folding = folded(steps, "[4, 17, 16]", dense=True)
    (layer,) = folding.network.layers
    conv = layer.run.layer
    assert (conv.kernel, conv.stride, conv.dilation, conv.padding) == (kernel, stride, dilation, padding)


def test_what_others_need_stays():
    """Read twice, or an output in the middle: the batch norm behind it can't go into it."""
    folding = folded("[conv: {out: 4, kernel: 1}, add: {a: [batch_norm, relu], b: []}]")
    (refusal,) = folding.refused
    assert refusal.layers == ("conv", "add.a.batch_norm")
    assert "'add' reads it too" in refusal.reason
    text = "input: [4, 7, 8]\nlayers: [{conv: {out: 4, kernel: 1}, name: early}, batch_norm, {relu: , name: late}]\n"
    folding = fold(load(text + "outputs: [early, late]\n").flat())
    assert kinds(folding) == ["conv", "batch_norm", "relu"]
    assert "output of the network" in folding.refused[0].reason
    text = "input: [4, 7, 8]\nlayers: [{conv: {out: 4, kernel: 1}, name: a}, {dropout: , name: b}]\noutputs: [a, b]\n"
    assert kinds(fold(load(text).flat())) == ["conv", "dropout"]


SHARED = """
input: [4, 7, 8]
layers:
  - conv: {out: 4, kernel: 1}
    shares: w
  - batch_norm:%s
  - relu
  - conv: {out: 4, kernel: 1}
    shares: w
  - batch_norm:%s
"""


def test_shared_weights_fold_alike_or_not_at_all():
    """One layer can't hold what two batch norms make of it; where both share the batch norm too, it can."""
    apart = fold(load(SHARED % ("", "")).flat())
    assert apart.folds == ()
    assert rules(apart) == {"shared weights"}
    together = fold(load(SHARED % ("\n    shares: n", "\n    shares: n")).flat())
    assert kinds(together) == ["conv", "relu", "conv"]
    assert together.network.layers[2].weights == together.network.layers[0].name
    assert together.after.params == 4 * 4 + 4


def test_nothing_to_fold():
    folding = folded("[relu, {max_pool: {kernel: 2}}]")
    assert folding.folds == folding.refused == folding.gone == ()
    assert folding.before == folding.after
    assert kinds(folded("[dropout]")) == ["dropout"]  # an output is some layer's


# --- sizes that vary --------------------------------------------------------------------------------------------------


def traced(text: str, **sizes: int) -> Folding:
    """A spec with the vars c and n as symbols, folded."""
    design, trace = load(text), Trace()
    c, n = trace.symbol("c", 1, 512), trace.symbol("n", 16, 512)
    run = design.evaluate({"c": c, "n": n}, {"x": Shape(c, (n, n))}, trace)
    problems = [*trace.problems]
    folding = fold(flat_network(run, ("x",), turns=2))
    assert trace.problems == problems
    return folding


def test_plain_chains_fold_for_all_sizes():
    text = "input: [c, n, n]\nvars: {c: 8, n: 32}\nlayers: "
    block = "[conv: {out: 2 * c, kernel: 3, padding: 1, bias: false}, batch_norm, relu, conv: {out: c, kernel: 1}]"
    folding = traced(text + block)
    assert kinds(folding) == ["conv", "relu", "conv"]
    same = traced(text + "[add: {a: [conv: {out: c, kernel: 3, padding: 1}, batch_norm], b: [batch_norm]}]")
    assert kinds(same) == ["conv"]
    open_ = traced(text + "[conv: {out: 9, kernel: 1, bias: false}, conv: {out: c, kernel: 3, padding: 1}]")
    assert open_.folds == ()
    assert "varies with the design" in open_.refused[0].reason


def test_turns_of_a_repeat_are_not_folded_into_each_other():
    """The layer that stands for nine turns is followed by itself."""
    text = "input: [c, n, n]\nvars: {c: 8, n: 32}\nlayers: [{conv: {out: c, kernel: 1}, repeat: 10}]"
    folding = traced(text)
    assert not any(layer.tree and folding.network.layers[i].times != 1 for i, layer in enumerate(folding.layers))
    assert sum(layer.times for layer in folding.network.layers) == 10


def test_many_layers_are_folded_in_parts():
    """A layer is made of at most MOST_LAYERS, however they stand; what walks its tree never gets too deep."""
    chain = folded("[{linear: {out: 4}, repeat: 3000}]", "[4]")
    assert kinds(chain) == ["linear"] * -(-3000 // MOST_LAYERS)
    assert rules(chain) == {"length"}
    assert [len(layer.made) for layer in chain.layers][:-1] == [MOST_LAYERS] * (3000 // MOST_LAYERS)
    assert told(chain.folds[0].tree, kinds=True) == f"linear ({MOST_LAYERS} of them)"
    assert chain.steps[0].count(", then ") == MOST_LAYERS - 1
    one = folded(f"[{{linear: {{out: 4}}, repeat: {MOST_LAYERS}}}]", "[4]")
    assert kinds(one) == ["linear"]
    paths = ", ".join(f"p{number}: [{{conv: {{out: 4, kernel: 3, padding: half}}}}]" for number in range(300))
    added = folded(f"[add: {{{paths}}}]")
    assert max(len(layer.made) for layer in added.layers) == MOST_LAYERS
    assert rules(added) == {"length"}
    assert [told(layer.tree, kinds=True) for layer in added.folds] == [f"conv 3x3 ({MOST_LAYERS} of them)"]
