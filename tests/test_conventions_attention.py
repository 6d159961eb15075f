"""ViT-B/16 and Swin-T under the presets: what each tool prints, or the difference named term by term."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archtool import Design, load
from archtool.analysis.tally import tally
from archtool.cost import MACS

PRINTED = json.loads((Path(__file__).parent / "published" / "flop_tools.json").read_text())["transformers"]


def linear_biases(design: Design) -> int:
    """calflops counts the biases of convolutions, not of linear layers; the spec writes Swin's MLPs as convolutions."""
    return sum(times * run.output.elements for run, times in pointwise(design) if run.layer.bias)


def linear_positions(design: Design) -> int:
    """torchinfo counts a linear layer's parameters once, a convolution's at each position."""
    biases = linear_biases(design)
    return biases + sum(times * (run.cost.macs - run.cost.params) for run, times in pointwise(design))


def pointwise(design: Design):
    return [(run, times) for run, times in tally(design.run) if run.kind == "conv" and run.layer.kernel == 1]


def masked_by_swin(design: Design) -> int:
    """torchlens counts dropout in the MLPs, the mask that shifted windows add to their scores, and five steps that make
    a mask: a difference, two comparisons, two fillings."""
    dropped = masks = masked = 0
    for run, times in tally(design.run):
        if run.kind == "gelu":
            dropped += times * (run.output.elements + run.output.elements // 4)
        elif run.kind == "window_attention" and run.layer.shift not in (0, (0, 0)):
            scores = run.cost.operations["attention.softmax"]
            masked += times * scores
            masks += times * scores // run.layer.heads
    return -(2 * dropped + masked + 5 * masks)


EXPLAINED = {
    ("swin_t", "calflops-flops"): linear_biases,
    ("swin_t", "torchinfo"): linear_positions,
    ("swin_t", "torchlens"): masked_by_swin,
}


@pytest.mark.parametrize(("name", "tool"), [(name, tool) for name, printed in PRINTED.items() for tool in printed])
def test_a_tool_prints_this_but_for_what_is_named(name, tool):
    design = load(name)
    explained = EXPLAINED.get((name, tool), lambda design: 0)(design)
    assert design.flops(tool).totals[0] - explained == PRINTED[name][tool]


MISSED = {
    "torch": (),
    "macs": (),
    "fvcore": ("attention.macs",),
    "ptflops-aten": ("attention.macs",),
    "calflops": ("attention.macs",),
    "thop": ("attention.linear.macs", "attention.macs"),
    "torchinfo": ("attention.linear.macs", "attention.macs"),
}


@pytest.mark.parametrize("tool", MISSED)
def test_what_is_missed_of_vits_attention_is_said(tool):
    """On the same network the counters print from 0.17 G to 35 G."""
    design = load("vit_b_16")
    found = design.flops(tool)
    assert design.run.cost.macs == sum(design.run.cost.operations.get(term, 0) for term in MACS) == 17_563_828_224
    missed = sum(design.run.cost.operations[term] for term in MISSED[tool])
    amounts = [fault.amount for fault in found.faults if "attention" in fault.fault.name]
    assert amounts == ([-missed] if missed else [])
    for row in found.rows:
        if row.term in MISSED[tool]:
            assert row.amounts == (0,)
