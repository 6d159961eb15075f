"""Multiply-adds of the forward and the backward pass against torch's FlopCounterMode, on the meta device."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from archtool import load
from archtool.analysis.operations.reconciliation import Flops

UNGROUPED = """
input: [3, 21, 18]
layers:
  - conv: {out: 8, kernel: [3, 5], stride: 2, padding: 1}
  - add:
      a: [{conv: {out: 8, kernel: 3, padding: half, dilation: 1}}, relu]
      b: []
      c: [{conv: {out: 8, kernel: 1}}, batch_norm]
  - multiply:
      x: []
      gate: [global_avg_pool, conv: {out: 8, kernel: 1}, sigmoid]
  - max_pool: {kernel: 2}
  - flatten
  - linear: {out: 12}
  - relu
  - linear: {out: 12}
    repeat: 3
"""
GROUPED = "input: [16, 9, 9]\nlayers:\n" + "  - conv: {{out: 16, kernel: 3, groups: {0}}}\n" * 2
# FlopCounterMode on transposed convolutions of one group, and their place behind something learned.
TRANSPOSED = (
    "input: [4, 7, 5]\nlayers:\n  - conv: {out: 6, kernel: 3, padding: half}\n"
    "  - conv_transpose: {out: 3, kernel: 4, stride: 2, padding: 1}\n"
)
ATTENDING = """
input: [3, 8, 12]
blocks:
  encoder:
    body:
      - add: {x: [], attend: [layer_norm, attention: {heads: 2}]}
      - add: {x: [], mlp: [layer_norm, {linear: {out: 32}}, gelu, linear: {out: 16}]}
layers:
  - conv: {out: 16, kernel: 2, stride: 2}
  - add: {x: [], window: [layer_norm, window_attention: {heads: 2, window: 2, shift: 1}]}
  - tokens
  - class_token
  - add: {x: [], position: [parameter: {shape: [x.tokens, x.channels]}]}
  - encoder:
    repeat: 3
  - take: {tokens: 0}
  - linear: {out: 10}
"""
RECURRENT = """
input: {tokens: 6, channels: 5}
layers:
  - lstm: {hidden: 7, layers: 2, bidirectional: true}
  - gru: {hidden: 4, bias: false}
  - rnn: {hidden: 3, layers: 3}
"""
PRODUCTS = """
input: {tokens: 6, channels: 6}
layers:
  - linear: {out: 8}
    name: b
  - matmul: {by: b}                     # one factor is the input, which needs no gradient
    at: input
  - linear: {out: 4}
    at: b
    name: c
  - cross_attention: {heads: 2, context: b}
    at: c
  - matmul: {by: c, transposed: true}
"""
UNLEARNED = """
input: {tokens: 6, channels: 8}
layers:
  - attention: {heads: 4, kv_heads: 2}
    name: a
  - cross_attention: {heads: 2, context: a}         # queries of what needs no gradient
    at: input
    name: b
  - cross_attention: {heads: 2, context: input}     # keys and values of it
    at: b
"""


def measured(design) -> int:
    """Multiply-adds of one image, forward and backward; in a batch of two, since batch norm refuses one value."""
    (shape,) = design.inputs.values()
    with torch.device("meta"):
        network, x = design.torch().train(), torch.empty(2, *shape.dims)
    with FlopCounterMode(display=False) as counter:
        network(x).sum().backward()
    return counter.get_total_flops() // 4


def predicted(design) -> Flops:
    return design.flops("torch", "macs", mode="training")


@pytest.mark.parametrize(
    "name",
    [
        UNGROUPED,
        TRANSPOSED,
        ATTENDING,
        RECURRENT,
        PRODUCTS,
        UNLEARNED,
        "lenet5",
        "resnet50",
        "vgg16",
        "squeezenet1_0",
        "nin",
    ],
)
def test_multiply_adds_are_those_of_torch(name):
    design = load(name)
    found = predicted(design)
    assert found.faults == ()
    assert found.total("macs") == sum(found.passes.macs) == measured(design)


@pytest.mark.parametrize("name", [GROUPED.format(2), GROUPED.format(16), "mobilenet_v2"])
def test_grouped_convolutions_are_overpriced_by_what_the_fault_says(name):
    """FlopCounterMode's weight gradient ignores groups; nothing else differs."""
    design = load(name)
    found = predicted(design)
    (fault,) = found.faults
    assert fault.convention == "torch"
    assert found.total("torch") + fault.amount == 2 * measured(design)
    assert fault.amount > 0


def test_a_depthwise_convolution_of_64_channels_is_priced_66_times():
    """Forward, input gradient and 64 times the weight gradient, where three passes are true."""
    layer = nn.Conv2d(64, 64, 3, padding=1, groups=64, bias=False, device="meta")
    x = torch.empty(1, 64, 56, 56, device="meta", requires_grad=True)
    with FlopCounterMode(display=False) as counter:
        layer(x).sum().backward()
    assert counter.get_total_flops() == 66 * 2 * 1_806_336
