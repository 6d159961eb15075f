"""The torch module of a network: its names, shared weights, inputs and outputs."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from archtool import load
from archtool.errors import RuleError
from archtool.realize.build import execute


def spec(layers: str, head: str = "input: [3, 12, 10]") -> str:
    return f"archtool: 1\nname: net\n{head}\nlayers:\n{layers}"


def test_names_are_archtools():
    design = load("resnet50")
    net = design.torch()
    assert [name for name, _ in net.named_children()][:4] == ["stem", "batch_norm", "relu", "max_pool"]
    state = net.state_dict()
    assert state["stage.2.block.1.add.main.conv1.weight"].shape == (256, 1024, 1, 1)
    join = net.get_submodule("stage.2.block.0.add")
    assert type(join).__name__ == "Combine"
    assert [name for name, _ in join.named_children()] == ["main", "shortcut"]
    owners = {layer.name for layer in design.flat().layers if layer.run.cost.params}
    assert {name.rpartition(".")[0] for name, _ in net.named_parameters()} == owners
    assert isinstance(net, nn.Module)
    assert net.training
    assert {p.dtype for p in net.parameters()} == {torch.float32}


def test_it_computes_what_the_same_layers_by_hand_compute():
    net = load(spec("  - conv: {out: 3, kernel: 3, padding: 1}\n  - add: {a: [relu], b: []}\n")).torch()
    x = torch.randn(2, 3, 12, 10)
    y = net.conv(x)
    torch.testing.assert_close(net(x), torch.relu(y) + y)


def test_uneven_padding_keeps_the_plain_names():
    net = load(spec("  - conv: {out: 4, kernel: 3, stride: 2, padding: same}\n")).torch()
    assert list(net.state_dict()) == ["conv.weight", "conv.bias"]
    x = torch.randn(1, 3, 12, 10)
    padded = nn.functional.pad(x, (0, 1, 0, 1))
    torch.testing.assert_close(net(x), nn.functional.conv2d(padded, net.conv.weight, net.conv.bias, stride=2))


def test_a_layer_that_is_replaced_is_replaced():
    net = load("lenet5").torch()
    last = list(net.named_children())[-1][0]
    setattr(net, last, nn.Identity())
    assert net(torch.zeros(1, 1, 32, 32)).shape == (1, 84)


def test_copies_have_their_own_weights():
    net = load("lenet5").torch().eval()
    other = copy.deepcopy(net)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    x = torch.randn(1, 1, 32, 32)
    assert not torch.equal(net(x), other(x))


def test_shared_layers_are_one_module():
    text = spec(
        "  - conv: {out: 3, kernel: 3, padding: 1}\n    shares: a\n"
        "  - relu\n"
        "  - conv: {out: 3, kernel: 3, padding: 1}\n    shares: a\n"
    )
    net = load(text).torch()
    assert net.conv1 is net.conv2
    assert sum(p.numel() for p in net.parameters()) == load(text).analyze().totals.params == 84
    assert load(text).verify("cpu").ok


def test_shared_layers_at_other_sizes_have_the_same_weights():
    text = spec(
        "  - conv: {out: 3, kernel: 3, stride: 2, padding: same}\n    shares: a\n"
        "  - conv: {out: 3, kernel: 3, stride: 2, padding: same}\n    shares: a\n",
        "input: [3, 14, 11]",
    )
    net = load(text).torch()
    assert net.conv1 is not net.conv2  # 14 positions are padded by 0 and 1, 7 by 1 and 1
    assert net.conv1.weight is net.conv2.weight
    assert load(text).verify("cpu").ok


def test_a_shared_block_is_counted_once():
    text = spec(
        "  - unit: {}\n    shares: u\n  - relu\n  - unit: {}\n    shares: u\n",
        "input: [3, 12, 10]\nblocks: {unit: {body: [conv: {out: 3, kernel: 1}, add: {a: [batch_norm], b: []}]}}",
    )
    net = load(text).torch()
    assert net.unit1.conv is net.unit2.conv
    assert load(text).verify("cpu").ok


def test_several_inputs_and_named_outputs():
    text = """\
archtool: 1
name: two
inputs: {left: [3, 16, 16], right: [3, 32, 32]}
layers:
  - conv: {out: 8, kernel: 3, padding: 1}
    at: left
    name: a
  - conv: {out: 8, kernel: 5, stride: 2, padding: 2}
    at: right
    name: b
  - add:
    at: [a, b]
    name: both
outputs: [a, both]
"""
    design = load(text)
    net = design.torch()
    found = net(torch.zeros(2, 3, 16, 16), torch.zeros(2, 3, 32, 32))
    assert {name: tuple(y.shape) for name, y in found.items()} == {"a": (2, 8, 16, 16), "both": (2, 8, 16, 16)}
    with pytest.raises(TypeError, match=r"takes 2 tensors \(left, right\), not 1"):
        net(torch.zeros(2, 3, 16, 16))
    verification = design.verify("cpu")
    assert verification.differences == ()
    assert verification.notes == ()
    found = {row.what: row.measured for row in verification.rows if row.name == "both"}
    assert found["height of left"] == (1, -1, 1)
    assert found["height of right"] == (2, -2, 2)
    assert {row.measured for row in verification.rows if row.name == "a" and row.what == "sees of right"} == {"nothing"}


def test_labels_may_be_attributes_of_modules():
    text = spec("  - add: {forward: [relu], train: [conv: {out: 3, kernel: 1}], weight: []}\n    name: parameters\n")
    net = load(text).torch()
    assert net(torch.zeros(1, 3, 12, 10)).shape == (1, 3, 12, 10)
    assert list(net.state_dict()) == ["parameters.train.conv.weight", "parameters.train.conv.bias"]


def test_meta_takes_no_memory():
    with torch.device("meta"):
        net = load(spec("  - conv: {out: 200_000, kernel: 1}\n  - conv: {out: 200_000, kernel: 1}\n")).torch()
    assert {p.device.type for p in net.parameters()} == {"meta"}
    assert sum(p.numel() for p in net.parameters()) > 4 * 10**10


def test_dead_tensors_are_freed():
    net = load(spec("  - relu: {}\n    repeat: 50\n")).torch()
    alive: list[torch.Tensor] = []
    tensors = {0: torch.zeros(1, 3, 12, 10)}
    for y in execute(net.steps, net.layers(), tensors):
        alive.append(y)
        assert len(tensors) <= 3
    assert len(alive) == 50


def test_too_many_layers_are_refused_by_name():
    with pytest.raises(RuleError, match="layers; written out one by one"):
        load(spec("  - relu: {}\n    repeat: 10**12\n")).torch()


def test_it_can_be_exported():
    net = load("lenet5").torch().eval()
    x = torch.randn(1, 1, 32, 32)
    exported = torch.export.export(net, (x,))
    torch.testing.assert_close(exported.module()(x), net(x))


def test_an_input_too_large_for_torch_is_refused_by_name_though_nobody_reads_it():
    with pytest.raises(RuleError, match="'b' is too large for torch"):
        load("inputs: {a: [3, 8], b: [4, 10**30]}\nlayers: [relu]\n").verify("meta")
