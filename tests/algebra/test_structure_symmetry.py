"""Reordered, mirrored and turned inputs: what is proved, and which layer objects, by name."""

from __future__ import annotations

import pytest

from archtool import load
from archtool.algebra.finding import Finding
from archtool.algebra.naming import Asked
from archtool.algebra.structure.permutation import permutation_equivariant
from archtool.algebra.structure.symmetry import flip_equivariant, rotation_equivariant
from archtool.algebra.subject import of_design
from archtool.errors import RuleError
from archtool.flatten import FlatNetwork, flat_network
from tests.algebra.rearranging import network


def net(*layers: str, input: str = "[4, 8, 8]") -> FlatNetwork:
    return network(f"input: {input}\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers))


def findings(*layers: str, input: str = "[4, 8, 8]") -> dict[str, Finding]:
    flat = net(*layers, input=input)
    return {
        "pixels": permutation_equivariant(flat, "pixels"),
        "channels": permutation_equivariant(flat, "channels"),
        "flip": flip_equivariant(flat),
        "rotation": rotation_equivariant(flat),
    }


def proved(*layers: str, input: str = "[4, 8, 8]") -> set[str]:
    found = findings(*layers, input=input)
    assert all(finding.is_proof for finding in found.values() if finding.truth)
    assert not any(finding.truth is False for finding in found.values())
    return {word for word, finding in found.items() if finding.truth}


ATTENDED = {"pixels", "flip", "rotation"}
ALL = {"pixels", "channels", "flip", "rotation"}


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["conv: {out: 3, kernel: 1}", "relu", "batch_norm"], {"pixels", "flip", "rotation"}),
        (["relu", "layer_norm: {affine: false}"], {"pixels", "channels", "flip", "rotation"}),
        (["avg_pool: {kernel: 2}"], {"channels", "flip", "rotation"}),
        (["max_pool: {kernel: 3, stride: 2, padding: 1}"], {"channels"}),  # 8 positions: 0 to 7 are not met evenly
        (["blur_pool: {stride: 1}"], {"channels", "flip", "rotation"}),
        (["upsample: {scale: 2, mode: bilinear}"], {"channels", "flip", "rotation"}),
        (["conv: {out: 3, kernel: 3, padding: 1}"], set()),
        (["conv: {out: 3, kernel: [3, 1], padding: half}"], {"flip"}),  # left and right: each row by itself
        (["conv_transpose: {out: 3, kernel: 2, stride: 2}"], set()),
        (["pixel_shuffle: {factor: 2}"], set()),
        (["roll: {shift: 1}"], {"channels"}),
        (["crop: {size: 6}"], {"channels", "flip", "rotation"}),
        (["crop: {size: 6, before: 0}"], {"channels"}),
        (["multiply: {x: [], gate: [global_avg_pool, {conv: {out: 4, kernel: 1}}]}"], {"pixels", "flip", "rotation"}),
        (["multiply: {x: [], gate: [{mean: {over: channels}}, sigmoid]}"], {"pixels", "channels", "flip", "rotation"}),
        (["tokens", "attention: {heads: 2}", "linear: {out: 3}"], {"pixels", "flip", "rotation"}),
        (["tokens", "attention: {heads: 2, causal: true}"], set()),
        (["add: {x: [], where: [parameter: {shape: [4, 8, 8]}]}"], set()),
        (["add: {x: [], bias: [parameter: {shape: [4, 1, 1]}]}"], {"pixels", "flip", "rotation"}),
        (["global_avg_pool", "flatten", "linear: {out: 2}"], {"pixels", "flip", "rotation"}),
        (["channel_shuffle: {groups: 2}"], {"pixels", "flip", "rotation"}),
        (["concat: {a: [], b: [relu]}"], {"pixels", "flip", "rotation"}),
        (["layer_norm"], {"pixels", "flip", "rotation"}),
        (["concat: {a: [{mean: {over: channels}}], b: [{mean: {over: channels}}]}"], ALL),
        (["group_norm: {groups: 1, affine: false}"], {"pixels", "channels", "flip", "rotation"}),
        (["group_norm: {groups: 2, affine: false}"], {"pixels", "flip", "rotation"}),
        (["locally_connected: {out: 2, kernel: 1}"], set()),
        (["{do: [tokens], name: t}", "parameter: {shape: [5, 64]}", "matmul: {by: t}"], set()),
        (
            ["{do: [tokens], name: t}", "parameter: {shape: [5, 4]}", "cross_attention: {heads: 1, context: t}"],
            ATTENDED,
        ),
        (["window_attention: {heads: 1, window: 4}"], set()),
        (["window_attention: {heads: 1, window: 4, position_bias: false}"], {"flip", "rotation"}),
    ],
)
def test_what_follows_for_all_weights(layers: list[str], expected: set[str]) -> None:
    assert proved(*layers) == expected


def test_the_layer_that_objects_is_named() -> None:
    found = findings("conv: {out: 4, kernel: 1}", "conv: {out: 3, kernel: 3, padding: 1}", "relu")
    assert all(finding.objects for finding in found.values())
    assert found["flip"].reason == "conv2 (conv) has weights that need not be symmetric"
    assert found["pixels"].reason == "conv2 (conv) reads a position's neighbours, or moves it"
    assert found["channels"].reason == "conv1 (conv) treats channels by their numbers"


def test_a_kernel_of_varying_size_objects_too() -> None:
    design = load("input: [4, h, h]\nvars: {k: 3, h: 8}\nlayers: [conv: {out: 2, kernel: k}]\n")
    run = of_design(design).evaluate([Asked(name, None, "") for name in ("k", "h")]).run
    finding = flip_equivariant(flat_network(run, tuple(design.inputs)))
    assert finding.objects
    assert finding.reason == "conv (conv) has weights that need not be symmetric"


def test_what_loses_its_positions_stays_the_same_and_says_so() -> None:
    finding = findings("conv: {out: 3, kernel: 1}", "global_max_pool")["pixels"]
    assert finding.facts["stays"] == ("output",)
    assert finding.steps[-1] == "the input reordered by pixels, 'output' stays the same"
    assert findings("relu")["pixels"].facts["stays"] == ()


def test_the_axis_of_a_mirroring_is_told() -> None:
    flat = net("conv: {out: 3, kernel: [1, 3], padding: half}")
    assert flip_equivariant(flat).truth is None
    up_down = flip_equivariant(flat, axis=0)
    assert up_down.truth is True
    assert up_down.facts["axis"] == "height"
    with pytest.raises(RuleError, match="has 2 axes"):
        flip_equivariant(flat, axis=2)
    with pytest.raises(RuleError, match="has 0 axes"):
        flip_equivariant(net("linear: {out: 2}", input="[5]"))


def test_only_squares_are_turned() -> None:
    finding = rotation_equivariant(net("relu", input="[4, 8, 6]"))
    assert finding.truth is None
    assert "no square" in finding.reason
    assert rotation_equivariant(net("avg_pool: {kernel: [2, 4]}")).truth is None


def test_an_input_without_positions_has_nothing_to_reorder() -> None:
    finding = permutation_equivariant(net("linear: {out: 3}", input="[5]"), "pixels")
    assert finding.truth is None
    assert "nothing that could be reordered" in finding.reason
    with pytest.raises(RuleError, match="one of pixels, channels, not pixel"):
        permutation_equivariant(net("relu"), "pixel")


@pytest.mark.parametrize(("layers", "expected"), [
    ("[conv: {out: c, kernel: 1}, relu, {repeat: n, do: [conv: {out: c, kernel: 1}]}]", {"pixels", "flip"}),
    ("[{if: c != 4, then: [conv: {out: c, kernel: 1}]}, relu]", {"pixels", "flip"}),
    ("[{if: c != 4, then: [conv: {out: c, kernel: 3, padding: 1}]}, relu]", set()),
    ("[avg_pool: {kernel: 3, stride: 1, padding: 1}]", {"channels", "flip"}),
    ("[avg_pool: {kernel: 3, stride: 1, padding: [[1, 0], [1, 0]]}]", {"channels"}),
    ("[upsample: {scale: 2}]", {"channels"}),  # of several phases what is read is told of numbers
])  # fmt: skip
def test_sizes_conditions_and_depths_may_vary(layers: str, expected: set[str]) -> None:
    text = f"input: [4, h, h]\nvars: {{c: 4, h: 8, n: 2}}\nlayers: {layers}\n"
    design = load(text.replace("{repeat: n, do: [", "{do: [").replace("kernel: 1}]}]", "kernel: 1}], repeat: n}]"))
    subject = of_design(design)
    run = subject.evaluate([Asked(name, None, "") for name in ("c", "h", "n")]).run
    flat = flat_network(run, tuple(design.inputs), turns=2)
    found = {
        "pixels": permutation_equivariant(flat, "pixels"),
        "channels": permutation_equivariant(flat, "channels"),
        "flip": flip_equivariant(flat),
    }
    assert {word for word, finding in found.items() if finding.truth} == expected
