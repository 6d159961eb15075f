"""Folded networks against the originals, in float64 on random weights: the same function at every position, whatever
the windows, paddings, strides, groups and branches."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archtool import load
from archtool.algebra.folding import Folding, fold
from archtool.algebra.folding.trees import leaves
from archtool.errors import ArchtoolError
from archtool.realize.build import Network, realize
from archtool.realize.draws import Draw, draw_inputs, weighted
from archtool.realize.folding import check, weights
from archtool.realize.folding.checking import realized, relative
from archtool.realize.folding.files import renamed
from archtool.render.folding.spec import spec

flags = st.booleans()
sides = st.tuples(st.integers(0, 2), st.integers(0, 2)).map(list)


def one(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(fields).map(lambda values: {kind: values})


MODES = st.sampled_from(["zeros", "zeros", "zeros", "zeros", "reflect", "replicate", "circular"])
CONV = one(
    "conv",
    out=st.sampled_from([2, 4]),
    kernel=st.one_of(st.sampled_from([1, 1, 3]), st.tuples(st.integers(1, 3), st.integers(1, 3)).map(list)),
    stride=st.sampled_from([1, 1, 1, 2, [1, 2]]),
    padding=st.one_of(st.sampled_from(["half", "same", 0]), st.tuples(sides, sides).map(list)),
    dilation=st.sampled_from([1, 1, 2]),
    groups=st.integers(1, 2),
    bias=flags,
    padding_mode=MODES,
)
NORM = one("batch_norm", affine=flags)
MEAN = one(
    "avg_pool",
    kernel=st.integers(2, 3),
    stride=st.integers(1, 2),
    padding=st.integers(0, 1),
    count_include_pad=flags,
    ceil_mode=flags,
)
PAD = one("pad", padding=st.tuples(sides, sides).map(list), mode=MODES)
PLAIN = st.sampled_from(
    [
        "relu",
        "dropout",
        "layer_scale",
        "identity",
        "stochastic_depth",
        {"blur_pool": {"stride": 1}},
        {"depthwise_conv": {"kernel": 3, "padding": 1}},
        {"depthwise_conv": {"kernel": 1, "multiplier": 2, "bias": False}},
        {"pointwise_conv": {"out": 4, "bias": False}},
        {"conv_transpose": {"out": 4, "kernel": 3, "stride": 2, "dilation": 2, "padding": 1, "groups": 2}},
    ]
)
LAYER = st.one_of(CONV, NORM, NORM, MEAN, PAD, PLAIN)
BRANCH_CONV = st.builds(
    lambda kernel, bias, dilation, groups: {
        "conv": {
            "out": 4, "kernel": kernel, "padding": "half", "bias": bias, "dilation": dilation, "groups": groups,
        }
    },
    st.sampled_from([1, 3, [1, 3], [3, 1]]),
    flags,
    st.integers(1, 2),
    st.sampled_from([1, 2, 4]),
)  # fmt: skip
AVERAGE = st.just({"avg_pool": {"kernel": 3, "stride": 1, "padding": 1}})
PATH = st.lists(st.one_of(BRANCH_CONV, BRANCH_CONV, NORM, AVERAGE, st.just("relu")), max_size=3)


@st.composite
def joins(draw: st.DrawFn) -> Any:
    kind = draw(st.sampled_from(["add", "add", "subtract", "concat", "multiply"]))
    return {kind: {label: draw(PATH) for label in draw(st.sampled_from(["ab", "abc"]))}}


@st.composite
def networks(draw: st.DrawFn) -> list[Any]:
    """Layers and joins, one behind the other; some have no valid shape."""
    steps: list[Any] = []
    for _ in range(draw(st.integers(1, 5))):
        if draw(st.integers(0, 2)) == 0:
            steps += [{"conv": {"out": 4, "kernel": 1, "bias": draw(flags)}}] if draw(flags) else []
            steps.append(draw(joins()))
        else:
            steps.append(draw(LAYER))
    return steps


@settings(max_examples=300, deadline=None, suppress_health_check=[*HealthCheck])
@given(networks(), st.sampled_from([4, 7, 8]), flags)
def test_folded_equals_original(steps: list[Any], size: int, dense: bool) -> None:
    """Whatever the network; and it costs no more, and folding it again changes nothing."""
    try:
        flat = load(f"input: [4, {size}, {size + 1}]\nlayers: {json.dumps(steps)}\n").flat()
    except ArchtoolError:
        return
    folding = fold(flat, dense=dense)
    checked = check(flat, folding)
    assert checked.ok, (steps, folding.steps, checked)
    assert folding.after.layers <= folding.before.layers
    if not dense:
        numbers = [total.params + total.statistics for total in (folding.before, folding.after)]
        assert numbers[1] <= numbers[0]
        assert folding.after.macs <= folding.before.macs
        again = fold(folding.network)
        assert again.folds == ()
    _as_spec(folding)


def _as_spec(folding: Folding) -> None:
    """The spec of a folding, realized, takes the folded weights and gives the same output."""
    written = spec(folding, "folded", "a test")
    original = weighted(folding.original, Draw(kind="normal"), torch.float64, torch.device("cpu"))
    read = load(written.text).flat()
    network = realize(read).eval().to(torch.float64)
    network.load_state_dict(renamed(weights(folding, original, torch.float64), written.names))
    inputs = draw_inputs(folding.original, Draw(kind="normal"), torch.float64, torch.device("cpu"))
    with torch.no_grad():
        assert relative(network(*inputs), original(*inputs)) < 1e-9


DBB = """
input: [6, 9, 8]
layers:
  - add:
      dense: [conv: {out: 5, kernel: 3, padding: 1, bias: false}, batch_norm]
      point: [conv: {out: 5, kernel: 1, bias: false}, batch_norm]
      deep: [conv: {out: 3, kernel: 1, bias: false}, conv: {out: 5, kernel: 3, padding: 1, bias: false}, batch_norm]
      mean: [conv: {out: 5, kernel: 1, bias: false}, avg_pool: {kernel: 3, stride: 1, padding: 1}, batch_norm]
"""


def test_a_diverse_branch_block_is_one_convolution():
    """Ding et al. 2021, arXiv:2103.13425, their six transforms, without the batch norms before padding."""
    flat = load(DBB).flat()
    folding = fold(flat)
    assert [layer.run.kind for layer in folding.network.layers] == ["conv"]
    assert folding.after.params == 9 * 6 * 5 + 5
    assert check(flat, folding, draws=3).error < 1e-14


@pytest.mark.parametrize("name", ["repvgg_a0", "mobilenet_v2", "convnext_tiny", "googlenet"])
def test_of_the_zoo(name):
    design = load(name, res=64)
    flat = design.flat()
    checked = check(flat, fold(flat))
    assert checked.ok
    assert checked.compared == fold(flat).after.layers


def tough(network: Network) -> None:
    """Negative and tiny scales, variances down to 1e-12, means far off."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            count = module.num_features
            module.weight.copy_(
                torch.randn(count, generator=generator) * 10.0 ** torch.randint(-8, 1, (count,), generator=generator)
            )
            module.running_var.copy_(10.0 ** (-12 * torch.rand(count, generator=generator)))
            module.running_mean.copy_(100 * torch.randn(count, generator=generator))


def test_tough_running_statistics():
    flat = load("repvgg_a0", res=32, classes=3).flat()
    folding = fold(flat)
    original = weighted(flat, Draw(kind="normal"), torch.float64, torch.device("cpu"))
    tough(original)
    folded = realized(folding, original, torch.float64)
    (x,) = draw_inputs(flat, Draw(kind="normal"), torch.float64, torch.device("cpu"))
    with torch.no_grad():
        assert relative(folded(x), original(x)) < 1e-10


def test_weights_keep_their_dtype_and_what_is_not_folded_its_bits():
    flat = load("input: [3, 8, 8]\nlayers: [conv: {out: 4, kernel: 3}, batch_norm, relu, batch_norm]\n").flat()
    folding, module = fold(flat), realize(flat).eval()
    state = weights(folding, module)
    assert all(value.dtype in (torch.float32, torch.int64) for value in state.values())
    assert state.keys() == realize(folding.network).state_dict().keys()
    kept = [name for name in state if "batch_norm" in name]
    assert kept
    for name in kept:
        assert torch.equal(state[name], module.state_dict()[name])


def test_a_wrong_kernel_is_noticed(monkeypatch):
    """The check is one that can fail: with one weight off by 1e-9, it does."""
    flat = load("input: [3, 8, 8]\nlayers: [conv: {out: 4, kernel: 3, padding: 1}, batch_norm, relu]\n").flat()
    folding = fold(flat)
    assert check(flat, folding).ok

    def off(*arguments: Any) -> dict[str, torch.Tensor]:
        state = weights(*arguments)
        state["conv.weight"][0, 0, 0, 0] += 1e-9
        return state

    monkeypatch.setattr("archtool.realize.folding.checking.weights", off)
    assert not check(flat, folding).ok


def test_every_leaf_of_a_tree_is_an_original_layer():
    flat = load(DBB).flat()
    (layer,) = fold(flat).folds
    assert [leaf.name for leaf in leaves(layer.tree)] == [
        each.name for each in flat.layers if not each.run.layer.is_join
    ]
    assert set(layer.made) == {each.name for each in flat.layers if not each.run.layer.is_join}
