"""Shifted inputs: for which shifts, at which positions, with which contents; and what breaks it, by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from archtool import load
from archtool.algebra.finding import Finding
from archtool.algebra.naming import Asked
from archtool.algebra.structure.invariance import translation_invariant
from archtool.algebra.structure.translation import translation_equivariant
from archtool.algebra.subject import of_design
from archtool.flatten import FlatNetwork, flat_network
from archtool.formula import write
from archtool.spec.domains import parse_range
from tests.algebra.rearranging import Torch, close, network


def net(*layers: str, input: str = "[2, 16, 16]") -> str:
    return f"input: {input}\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)


def equivariance(*layers: str, input: str = "[2, 16, 16]") -> Finding:
    return translation_equivariant(network(net(*layers, input=input)))


def invariance(*layers: str, input: str = "[2, 16, 16]") -> Finding:
    return translation_invariant(network(net(*layers, input=input)))


def moves(finding: Finding) -> list[tuple[Any, ...]]:
    """What is told along each axis: shifts of input and output, positions, whether circular shifts do."""
    assert finding.truth is True, finding.reason
    assert finding.is_proof
    words = ("input_shift", "output_shift", "low", "high", "circular")
    return [tuple(fact[word] for word in words) for fact in finding.facts["axes"]]


# --- equivariance ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        ("conv: {out: 3, kernel: 1}", (1, 1, 0, 16, True)),
        ("conv: {out: 3, kernel: 3, padding: 1}", (1, 1, 1, 15, False)),
        ("conv: {out: 3, kernel: 3}", (1, 1, 0, 14, False)),
        ("conv: {out: 3, kernel: 3, padding: 1, padding_mode: circular}", (1, 1, 1, 15, True)),
        ("conv: {out: 3, kernel: 3, padding: 1, padding_mode: circular, stride: 2}", (2, 1, 1, 8, True)),
        ("conv: {out: 3, kernel: 3, padding: 1, padding_mode: circular, stride: 3}", (3, 1, 1, 5, False)),
        ("conv: {out: 3, kernel: 3, stride: 2, padding: same}", (2, 1, 0, 7, False)),
        ("conv: {out: 3, kernel: 5, dilation: 2, padding: half}", (1, 1, 4, 12, False)),
        ("conv: {out: 3, kernel: 1, stride: 4}", (4, 1, 0, 4, True)),
        ("max_pool: {kernel: 3, stride: 2, padding: 1}", (2, 1, 1, 8, False)),
        ("max_pool: {kernel: 3, ceil_mode: true}", (3, 1, 0, 5, False)),
        ("adaptive_avg_pool: {size: 8}", (2, 1, 0, 8, True)),
        ("adaptive_avg_pool: {size: 12}", (4, 3, 0, 12, True)),
        ("conv_transpose: {out: 3, kernel: 4, stride: 2, padding: 1}", (1, 2, 1, 31, False)),
        ("conv_transpose: {out: 3, kernel: 2, stride: 2}", (1, 2, 0, 32, True)),
        ("upsample: {scale: 2}", (1, 2, 0, 32, True)),
        ("upsample: {scale: 2, mode: bilinear}", (1, 2, 1, 31, False)),
        ("pixel_shuffle: {factor: 1}", (1, 1, 0, 16, True)),
        ("pixel_unshuffle: {factor: 4}", (4, 1, 0, 4, True)),
        ("pad: {padding: 3}", (1, 1, 3, 19, False)),
        ("crop: {size: 10}", (1, 1, 0, 10, False)),
        ("roll: {shift: 3}", (1, 1, 3, 16, True)),
        ("batch_norm", (1, 1, 0, 16, True)),
        ("layer_norm", (1, 1, 0, 16, True)),
        ("window_attention: {heads: 1, window: 4}", (4, 4, 0, 16, True)),
        ("window_attention: {heads: 1, window: 4, shift: 2}", (4, 4, 2, 14, False)),
    ],
)
def test_a_layer_moves_by_its_stride_where_it_sees_no_border(layer: str, expected: tuple[Any, ...]) -> None:
    assert moves(equivariance(layer)) == [expected] * 2


def test_strides_multiply_and_borders_add_up() -> None:
    stem = ["conv: {out: 4, kernel: 3, stride: 2, padding: 1}", "relu", "conv: {out: 4, kernel: 3, padding: 1}"]
    finding = equivariance(*stem, "max_pool: {kernel: 2}", input="[3, 32, 64]")
    assert moves(finding) == [(4, 1, 1, 7, False), (4, 1, 1, 15, False)]
    assert [fact["axis"] for fact in finding.facts["axes"]] == ["height", "width"]
    assert "height, an input shifted by 4 shifts the output by 1, at positions 1 to 6 of 0 to 7" in finding.steps[-2]


def test_positions_that_see_a_border_do_not_move_along() -> None:
    """What is told is tight: one position farther out, and torch shows the difference."""
    flat = network(net("conv: {out: 2, kernel: 3, padding: 1}", "conv: {out: 2, kernel: 3, padding: 1}"))
    ((_, _, low, high, _), _) = moves(translation_equivariant(flat))
    made = Torch(flat)
    (x,) = made.inputs()
    (before,), (after,) = made.outputs([x]), made.outputs([torch.cat([torch.randn_like(x[:, :, :1]), x[:, :, :-1]], 2)])
    assert close(before[:, :, low : high - 1], after[:, :, low + 1 : high])
    assert not close(before[:, :, low - 1 : high - 1], after[:, :, low:high])
    assert not close(before[:, :, low:high], after[:, :, low + 1 : high + 1])


def test_a_position_between_the_strides_is_not_promised() -> None:
    """A network that is wrong at stride phase 1 alone: shifted by 1 its output is another, and 2 is what is told."""
    flat = network(net("max_pool: {kernel: 1, stride: 2}"))
    assert moves(translation_equivariant(flat))[0][:2] == (2, 1)
    made = Torch(flat)
    (x,) = made.inputs()
    assert not close(made.outputs([x.roll(1, 2)])[0], made.outputs([x])[0].roll(1, 2))


def test_what_was_cut_off_and_padded_again_is_a_border() -> None:
    """The field of position 0 lies within the input, though it sees the zeros that took the place of what was cut."""
    finding = equivariance("crop: {size: 8}", "conv: {out: 2, kernel: 3, padding: 1}")
    assert moves(finding) == [(1, 1, 1, 7, False)] * 2


def test_paths_move_alike_or_not_at_all() -> None:
    same = equivariance("add: {a: [], b: [conv: {out: 2, kernel: 5, padding: 2}], c: [conv: {out: 2, kernel: 1}]}")
    assert moves(same) == [(1, 1, 2, 14, False)] * 2
    scales = "[max_pool: {kernel: 2}, upsample: {scale: 2}]"
    assert moves(equivariance(f"concat: {{a: [], b: {scales}}}")) == [(2, 2, 0, 16, True)] * 2
    other = "[max_pool: {kernel: 2}, pad: {padding: 4}]"
    finding = equivariance(f"add: {{a: [], b: {other}}}")
    assert finding.truth is None
    assert finding.objects
    assert finding.reason == "add (add) joins tensors that move by different steps"


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        (["locally_connected: {out: 2, kernel: 3}"], "locally_connected"),
        (["add: {x: [], where: [parameter: {shape: [2, 16, 16]}]}"], "own numbers at each position"),
        (["concat: {x: [], rows: [parameter: {shape: [1, 16, 16]}]}"], "own numbers at each position"),
        (["tokens", "add: {x: [], where: [parameter: {shape: [256, 2]}]}"], "own numbers at each position"),
        (["tokens", "attention: {heads: 1, causal: true}"], "attention"),
        (["tokens", "lstm: {hidden: 2}"], "lstm"),
        (["tokens", "transpose", "linear: {out: 256}", "transpose"], "transpose"),
        (["tokens", "spatial: {size: [8, 32]}"], "spatial"),
        (["flatten", "linear: {out: 4}"], "flatten"),
        (["instance_norm"], "instance_norm looks at all positions, the borders among them: only circular shifts"),
        (["multiply: {x: [], gate: [global_avg_pool, sigmoid]}"], "looks at all positions"),
        (["adaptive_avg_pool: {size: 15}"], "no output position is clear of the borders"),
        (["conv: {out: 2, kernel: 31, padding: 15}"], "no output position is clear of the borders"),
        (["global_avg_pool"], "no positions that move with the input"),
    ],
)
def test_what_is_not_the_same_everywhere_is_named(layers: list[str], named: str) -> None:
    finding = equivariance(*layers)
    assert finding.truth is None
    assert finding.objects
    assert named in finding.reason


def test_numbers_that_are_the_same_everywhere_break_nothing() -> None:
    finding = equivariance("add: {x: [], bias: [parameter: {shape: [2, 1, 1]}]}")
    assert moves(finding) == [(1, 1, 0, 16, True)] * 2
    rows = equivariance("add: {x: [], rows: [parameter: {shape: [2, 16, 1]}]}")
    assert rows.truth is None
    spread = equivariance("add: {x: [], all: [{parameter: {shape: [2, 1, 1]}}, {upsample: {size: 16}}]}")
    assert moves(spread) == [(1, 1, 0, 16, True)] * 2
    bordered = "[{parameter: {shape: [2, 1, 1]}}, {upsample: {size: 16}}, {conv: {out: 2, kernel: 3, padding: 1}}]"
    assert equivariance(f"add: {{x: [], all: {bordered}}}").truth is None


def test_an_axis_of_one_position_is_not_asked_for() -> None:
    finding = equivariance("conv: {out: 2, kernel: [1, 3], padding: half}", input="[2, 1, 9]")
    assert [fact["axis"] for fact in finding.facts["axes"]] == ["width"]
    assert equivariance("linear: {out: 3}", input="[7]").truth is None


# --- invariance --------------------------------------------------------------------------------------------------

HEAD = ("global_avg_pool", "flatten", "linear: {out: 3}")


def test_global_pooling_behind_borderless_layers_forgets_circular_shifts() -> None:
    finding = invariance("conv: {out: 3, kernel: 3, padding: 1, padding_mode: circular}", "relu", *HEAD)
    assert finding.truth is True
    assert finding.is_proof
    assert all(fact["circular"] and fact["input_shift"] == 1 for fact in finding.facts["axes"])


def test_behind_padding_contents_on_zeros_may_move_clear_of_the_borders() -> None:
    finding = invariance(
        "conv: {out: 3, kernel: 3, padding: 1}", "relu", "conv: {out: 3, kernel: 3, padding: 1}", *HEAD
    )
    assert finding.truth is True
    assert [(fact["circular"], fact["begin"], fact["end"]) for fact in finding.facts["axes"]] == [(False, 4, 11)] * 2
    assert any("contents on zeros within positions 4 to 11 of the height" in each for each in finding.assumptions)


def test_of_joined_paths_the_farthest_view_counts() -> None:
    paths = (
        "{a: [], b: [conv: {out: 2, kernel: [5, 1], padding: [2, 0]}], c: [crop: {size: [14, 16], before: [2, 0]}, %s]}"
    )
    finding = invariance(f"add: {paths % 'pad: {padding: [[2, 0], 0]}'}", *HEAD)
    assert [(fact["begin"], fact["end"]) for fact in finding.facts["axes"]] == [(4, 11), (0, 15)]


def test_strides_allow_their_multiples() -> None:
    layers = ("conv: {out: 3, kernel: 3, stride: 2, padding: 1}", "relu", "max_pool: {kernel: 2}")
    finding = invariance(*layers, *HEAD, input="[3, 32, 32]")
    assert [fact["input_shift"] for fact in finding.facts["axes"]] == [4, 4]
    assert "by multiples of 4" in finding.assumptions[-1]


def test_contents_on_zeros_as_told_move_and_one_position_farther_they_do_not() -> None:
    """Tight: a content that begins one position earlier meets the border, and torch shows it."""
    layers = (
        "conv: {out: 3, kernel: 3, padding: 1}",
        "relu",
        "conv: {out: 3, kernel: 3, padding: 1}",
        "global_max_pool",
    )
    flat = network(net(*layers))
    begin = translation_invariant(flat).facts["axes"][0]["begin"]
    made = Torch(flat, seed=1)

    def output(at: int) -> torch.Tensor:
        torch.manual_seed(5)
        x = torch.zeros(1, 2, 16, 16, dtype=torch.float64)
        x[:, :, at : at + 3] = 3 * torch.randn(1, 2, 3, 16, dtype=torch.float64)
        return made.outputs([x])[0]

    assert close(output(begin), output(begin + 3))
    assert not close(output(0), output(begin + 3))


def test_a_field_as_large_as_the_input_leaves_nothing_to_promise() -> None:
    finding = translation_invariant(
        network(
            "input: [3, 64, 64]\nlayers:\n"
            + 6 * "  - conv: {out: 3, kernel: 13, padding: 6}\n"
            + "  - global_avg_pool\n"
        )
    )
    assert finding.truth is None
    assert finding.objects
    assert "the field is too large" in finding.reason


@pytest.mark.parametrize(
    ("layers", "named"),
    [
        (["relu"], "the output has positions along the height"),
        (["flatten", "linear: {out: 3}"], "flatten"),
        (["roll: {shift: 1}", "conv: {out: 2, kernel: 3}", *HEAD], "roll shows at its border what lies elsewhere"),
        (["add: {x: [], where: [parameter: {shape: [2, 16, 16]}]}", *HEAD], "own numbers at each position"),
        (["tokens", "take: {tokens: 3}"], "take"),
    ],
)
def test_what_does_not_forget_where_things_are_is_named(layers: list[str], named: str) -> None:
    finding = invariance(*layers)
    assert finding.truth is None
    assert finding.objects
    assert named in finding.reason


def test_a_class_token_of_attention_without_positions_forgets_them() -> None:
    block = "add: {x: [], attended: [layer_norm, attention: {heads: 2}]}"
    patches = "conv: {out: 4, kernel: 4, stride: 4}"
    finding = invariance(patches, "tokens", "class_token", block, block, "take: {tokens: 0}", "linear: {out: 3}")
    assert finding.truth is True
    assert [(fact["circular"], fact["input_shift"]) for fact in finding.facts["axes"]] == [(True, 4)] * 2
    with_positions = "add: {x: [], where: [parameter: {shape: [17, 4]}]}"
    assert invariance(patches, "tokens", "class_token", with_positions, block, "take: {tokens: 0}").truth is None


def test_gates_keep_what_is_told_of_contents_on_zeros() -> None:
    gate = "multiply: {x: [], gate: [global_avg_pool, {conv: {out: 2, kernel: 1}}, sigmoid]}"
    finding = invariance("conv: {out: 2, kernel: 3, padding: 1}", gate, *HEAD)
    assert finding.truth is True
    assert [(fact["begin"], fact["end"]) for fact in finding.facts["axes"]] == [(2, 13)] * 2


def test_a_gate_that_sees_farther_than_what_it_gates_keeps_contents_farther_off() -> None:
    gate = "[{conv: {out: 2, kernel: 7, padding: 3}}, global_avg_pool, sigmoid]"
    finding = invariance(f"multiply: {{x: [], gate: {gate}}}", *HEAD)
    assert [(fact["begin"], fact["end"]) for fact in finding.facts["axes"]] == [(6, 9)] * 2


def test_a_tensor_that_is_taken_in_its_order_objects() -> None:
    """Weights for each token times the tokens: they stand still, the tokens move."""
    product = ("{do: [tokens], name: t}", "parameter: {shape: [5, 256]}", "matmul: {by: t}", "mean")
    finding = invariance(*product)
    assert finding.truth is None
    assert finding.reason == "matmul (matmul) is not the same at each position"
    asked = ("{do: [tokens], name: t}", "parameter: {shape: [5, 2]}", "cross_attention: {heads: 1, context: t}", "mean")
    assert invariance(*asked).truth is True


# --- expressions -------------------------------------------------------------------------------------------------


def traced(text: str, *names: str, of: Callable[[FlatNetwork], Finding] = translation_equivariant) -> Finding:
    """What is told where the vars of these names vary; `k` is odd."""
    design = load(text)
    odd = parse_range("odd 1..11")
    run = of_design(design).evaluate([Asked(name, odd if name == "k" else None, "") for name in names]).run
    return of(flat_network(run, tuple(design.inputs), turns=2))


def test_sizes_may_vary() -> None:
    layers = "[conv: {out: c, kernel: 3, padding: 1}, relu, conv: {out: c, kernel: 3, stride: 2, padding: 1}]"
    finding = traced(f"input: [c, h, h]\nvars: {{c: 3, h: 16}}\nlayers: {layers}\n", "c", "h")
    assert finding.truth is True
    for fact in finding.facts["axes"]:
        assert (fact["input_shift"], fact["output_shift"], fact["low"]) == (2, 1, 1)
        assert write(fact["high"])
    assert "sizes are such that some position sees no border" in finding.assumptions[-1]


def test_a_kernel_may_vary() -> None:
    layers = "[conv: {out: 4, kernel: 2 * k + 1, padding: half}, batch_norm]"
    finding = traced(f"input: [3, 32, 32]\nvars: {{k: 1}}\nlayers: {layers}\n", "k")
    assert finding.truth is True
    assert {write(fact["low"]) for fact in finding.facts["axes"]} == {"k"}


def test_an_odd_circular_kernel_forgets_circular_shifts_whatever_its_size() -> None:
    conv = "conv: {out: c, kernel: k, padding: half, padding_mode: circular}"
    head = "global_avg_pool, flatten, linear: {out: 5}"
    text = f"input: [c, h, h]\nvars: {{k: 3, c: 2, h: 8}}\nlayers: [{conv}, relu, {head}]\n"
    finding = traced(text, "k", "c", "h", of=translation_invariant)
    assert finding.truth is True
    assert [(fact["circular"], fact["begin"]) for fact in finding.facts["axes"]] == [(True, None)] * 2
    zeros = traced(text.replace(", padding_mode: circular", ""), "k", "c", "h", of=translation_invariant)
    assert zeros.truth is None


def test_a_depth_may_vary_where_no_turn_sees_farther() -> None:
    text = "input: [4, h, 9]\nvars: {{h: 8, n: 2}}\nlayers: [{}, {{do: [{}, relu], repeat: n}}]\n"
    dense, point = "conv: {out: 4, kernel: 3, padding: 1}", "conv: {out: 4, kernel: 1}"
    assert [row[2] for row in moves(traced(text.format(dense, point), "h", "n"))] == [1, 1]
    finding = traced(text.format(point, dense), "h", "n")
    assert finding.truth is None
    assert "stands for several turns, of which each sees farther" in finding.reason


def test_a_varying_stride_is_refused_by_name() -> None:
    finding = traced("input: [3, 32, 32]\nvars: {s: 1}\nlayers: [conv: {out: 4, kernel: 3, stride: s}]\n", "s")
    assert finding.truth is None
    assert "stride of conv varies" in finding.reason
