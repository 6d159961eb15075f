"""What rules say holds by other readings of the same network: exact sets of positions, costs of the better network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from archtool import Design, load
from archtool.algebra.folding import fold
from archtool.algebra.structure.channels import channels
from archtool.claims.lint.chains import Chains
from archtool.claims.lint.engine import asked, lint
from archtool.claims.lint.net import Net
from archtool.loading import source
from archtool.spec.reader import read_text

SPECS = Path(__file__).parent / "specs"


def facts(code: str) -> dict:
    path = SPECS / code / "bad.yaml"
    found = source(path)
    (only,) = lint(asked(found.document, found.folder, path))
    return dict(only.diagnostic.facts) | {"message": only.diagnostic.message}


def bad(code: str) -> Design:
    return load(SPECS / code / "bad.yaml")


@pytest.mark.parametrize("text", ["F304/bad", "F304/good"])
def test_chains_see_what_the_exact_support_has(text: str) -> None:
    design = load(SPECS / f"{text}.yaml")
    net, chains = Net(design), Chains()
    compared = 0
    for layer in net.layers:
        chain = chains.take(layer)
        if chain is None or chain.root != 0:
            continue
        flat = re.sub(r"(\d+)-\d+", r"\1", layer.name)
        support = design.support(flat, of="input", clipped=False)
        height, width = chain.offsets
        assert support.count == len(height) * len(width)
        assert support.map.shape == (max(height) - min(height) + 1, max(width) - min(width) + 1)
        compared += 1
    assert compared >= 3


def test_a_pyramid_in_which_branches_fill_holes_is_seen_whole() -> None:
    text = """\
input: [8, 33, 33]
layers:
  - conv: {out: 8, kernel: 3, dilation: 2, padding: half}
  - concat:
      wide: [conv: {out: 8, kernel: 3, dilation: 2, padding: half}]
      near: [conv: {out: 8, kernel: 3, padding: half}, conv: {out: 8, kernel: 3, padding: half}]
      all: [global_avg_pool, upsample: {size: 33}]
"""
    net, chains = Net(load(text)), Chains()
    made = {layer.name: chains.take(layer) for layer in net.layers}
    wide, near, both = (made[name] for name in ("concat.wide.conv", "concat.near.conv2", "concat"))
    assert wide is not None and any(wide.holes) and near is not None and not any(near.holes)
    assert both is not None and not any(both.holes)


def test_a_dead_branch_costs_what_the_network_without_it_does_not() -> None:
    text = (SPECS / "W501" / "bad.yaml").read_text()
    branch = text[text.index("  - conv: {out: 16") : text.index("  - identity:")]
    with_it, without = load(text).run.cost, load(text.replace(branch, "")).run.cost
    told = facts("W501")
    assert (told["params"], told["macs"]) == (with_it.params - without.params, with_it.macs - without.macs)


def test_the_folded_layer_costs_what_is_said() -> None:
    text = (SPECS / "W507" / "bad.yaml").read_text()
    text = text.replace(
        "  - conv: {out: 32, kernel: 1, bias: false}\n  - batch_norm\n", "", 1
    )  # its shift is a bias now
    folded = load(text.replace("kernel: 1, bias: false", "kernel: 1")).run.cost
    told, before = facts("W507"), bad("W507").run.cost
    assert (told["params"], told["macs"]) == (before.params - folded.params, before.macs - folded.macs)


PAIRS = [
    ("conv: {out: 8, kernel: 1, bias: false}", "conv: {out: 8, kernel: 3, padding: half}", "warning"),
    ("conv: {out: 8, kernel: 1}", "conv: {out: 8, kernel: 3, padding: half}", "note"),
    ("conv: {out: 8, kernel: 1}", "conv: {out: 8, kernel: 3}", "warning"),
    ("conv: {out: 8, kernel: 3, padding: half}", "conv: {out: 8, kernel: 1}", "warning"),
    ("conv: {out: 8, kernel: 3, stride: 2, padding: half}", "conv: {out: 8, kernel: 1}", "warning"),
    ("conv: {out: 2, kernel: 1}", "conv: {out: 64, kernel: 1}", None),
    ("conv: {out: 8, kernel: 3, bias: false}", "conv: {out: 8, kernel: 3, bias: false}", None),
    ("conv: {out: 8, kernel: 1, bias: false}, batch_norm", "conv: {out: 8, kernel: 3, padding: half}", "note"),
]


@pytest.mark.parametrize(("first", "second", "level"), PAIRS)
def test_a_pair_that_is_warned_of_is_one_that_folding_folds(first: str, second: str, level: str | None) -> None:
    text = f"input: [8, 16, 16]\nlayers: [{first}, {second}]\n"
    found = lint(asked(read_text(text, "net.yaml"), None, None), ["W507"])
    assert [each.diagnostic.level for each in found] == ([level] if level else [])
    folds = any({"conv1", "conv2"} <= set(layer.made) for layer in fold(load(text).flat()).folds)
    assert folds == (level == "warning")


def test_pooling_before_a_wide_layer_leaves_the_weights_that_are_named() -> None:
    good = load(SPECS / "C102" / "good.yaml").flat().layers
    (wide,) = [layer for layer in good if layer.name == "linear1"]
    assert f"it would have {wide.run.cost.params - 256:,} weights" in facts("C102")["message"]


def test_padded_channels_cost_what_wider_ones_do() -> None:
    """Between inner tensors alone: the first layer's output and the last one's input are not counted as padded."""
    text = (SPECS / "C101" / "bad.yaml").read_text()
    inner = [load(each).flat().layers for each in (text, text.replace("out: 20", "out: 24"))]
    work = [sum(layer.run.cost.macs for layer in layers if layer.name in ("conv2", "conv3")) for layers in inner]
    path = SPECS / "C101" / "bad.yaml"
    found = lint(asked(source(path).document, None, path))
    assert sum(each.diagnostic.facts["macs"] for each in found) == work[1] - work[0]


def test_unproductive_layers_are_those_of_the_field_command() -> None:
    told, idle = facts("F301"), bad("F301").unproductive()
    layers = [layer for layer in idle.layers if layer.why == "paths"]
    assert (told["layers"], told["params"]) == (len(layers), sum(layer.params for layer in layers))


@pytest.mark.parametrize("name", ["bad", "good"])
def test_groups_that_are_said_never_to_mix_are_apart_by_proof(name: str) -> None:
    """Up to the second grouped convolution, which output channels each input channel may reach."""
    text = (SPECS / "W506" / f"{name}.yaml").read_text()
    grouped = "  - conv: {out: 64, kernel: 1, groups: 4, bias: false}\n"
    flat = load(text[: text.rindex(grouped)] + grouped).flat()
    reached = {row.bit_count() for row in channels(flat).rows}
    assert reached == ({32 // 4} if name == "bad" else {32})
