"""Properties tested in torch: what breaks is found, however well it hides; what can't be told stays open."""

from __future__ import annotations

import pytest

from archtool.algebra.finding import Finding, unknown
from archtool.algebra.settings import Settings
from archtool.errors import RuleError
from archtool.realize.draws import Draw
from archtool.realize.properties import test
from archtool.realize.properties.laws import Judge, Law, place_of
from archtool.realize.replay import replayed
from tests.realize.properties import flat, found

# Each of these agrees with the property for almost all small random inputs.
SLEEPING = {
    "a cut far away": "  - conv: {out: 4, kernel: 1, bias: false}\n  - hardtanh: {min_val: -1000, max_val: 1000}",
    "a cut very far away": "  - hardtanh: {min_val: -1e9, max_val: 1e9}",
    "a cut beyond all scales but its own": "  - hardtanh: {min_val: -1e30, max_val: 1e30}",
    "a rectifier that is always on": "  - threshold: {threshold: -1000, value: -1000}",
    "a rectifier that is always off": "  - threshold: {threshold: 1000, value: 0}",
    "a tiny bend": "  - softshrink: {lambd: 1e-9}",
    "slopes almost alike": "  - leaky_relu: {negative_slope: 0.9999999}",
    "behind a layer": "  - conv: {out: 4, kernel: 3, padding: 1, bias: false}\n  - hardshrink: {lambd: 1e-7}\n"
    "  - conv: {out: 4, kernel: 1, bias: false}",
    "in one channel": "  - concat: {a: [slice: {stop: 3}], b: [slice: {start: 3}, relu]}",
    "at the corner": "  - add: {a: [], b: [crop: {size: 1, before: 5}, relu, pad: {padding: [[5, 0], [5, 0]]}]}",
    "in one phase": "  - pixel_unshuffle: {factor: 2}\n"
    "  - concat: {a: [slice: {stop: 15}], b: [slice: {start: 15}, relu]}\n"
    "  - pixel_shuffle: {factor: 2}",
    "a product with a cut": "  - multiply: {a: [], b: [hardtanh: {min_val: -1, max_val: 1}]}",
}


@pytest.mark.parametrize("layers", SLEEPING.values(), ids=SLEEPING)
def test_what_only_seems_linear_is_refuted(layers):
    network = flat(layers)
    for name in ("linear", "affine"):
        assert found(name, network).truth is False


@pytest.mark.parametrize("name", ["a cut far away", "a rectifier that is always off", "a tiny bend"])
def test_what_only_seems_homogeneous_is_refuted(name):
    assert found("positively_homogeneous", flat(SLEEPING[name])).truth is False


def test_slopes_nearer_than_the_tolerance_are_not_told_to_be_linear():
    finding = found("linear", flat("  - leaky_relu: {negative_slope: 0.999999999999}"))
    assert finding.truth is None
    assert "no counterexample in 24 draws" in finding.reason


def test_a_bias_is_seen():
    finding = found("linear", flat("  - conv: {out: 2, kernel: 1}"))
    assert finding.truth is False
    assert finding.basis[0].kind == "witness"
    assert "f(0) = " in finding.witness.text
    assert found("affine", flat("  - conv: {out: 2, kernel: 1}")).truth is True


def test_a_counterexample_is_small():
    """One position, numbers of one digit: what a person can follow."""
    network = flat("  - conv: {out: 4, kernel: 3, padding: 1, bias: false}\n  - relu")
    finding = found("linear", network)
    made = replayed(network, finding.witness.recipe)
    assert abs(finding.witness.left) < 10
    assert finding.basis[0].kind == "witness"
    assert made.left.tensors[0].count_nonzero() <= 36


POINTWISE = {
    "one channel": "  - concat: {a: [slice: {stop: 3}], b: [slice: {start: 3}, conv: {out: 1, kernel: 3, padding: 1}]}",
    "from corner to corner": "  - add: {a: [], b: [crop: {size: 1, before: 0}, pad: {padding: [[5, 0], [5, 0]]}]}",
    "one phase": "  - pixel_unshuffle: {factor: 2}\n  - concat:\n"
    "      a: [slice: {stop: 15}]\n      b: [slice: {start: 15}, conv: {out: 1, kernel: [1, 3], padding: [0, 1]}]\n"
    "  - pixel_shuffle: {factor: 2}",
    "a global gate": "  - multiply: {a: [], b: [global_max_pool, hardtanh: {min_val: -1000, max_val: 1000}]}",
    "behind a threshold": "  - add: {a: [], b: [threshold: {threshold: 5000, value: 0}, roll: {shift: [0, 1]}]}",
    "a roll": "  - roll: {shift: 1}",
}


@pytest.mark.parametrize("layers", POINTWISE.values(), ids=POINTWISE)
def test_what_only_seems_pointwise_is_refuted(layers):
    finding = found("pointwise", flat(layers))
    assert finding.truth is False
    assert "with x changed in position" in finding.witness.text


@pytest.mark.parametrize("layers", ["  - conv: {out: 3, kernel: 1}\n  - gelu", "  - batch_norm\n  - prelu"])
def test_what_is_pointwise_stays_proved(layers):
    finding = found("pointwise", flat(layers))
    assert finding.is_proof
    assert "draws" in finding.facts["tested"]


SUMS = {
    "additive_over_positions": "  - conv: {out: 4, kernel: [1, 2], bias: false}\n  - relu",
    "additive_over_channels": "  - conv: {out: 4, kernel: 1}\n  - hardtanh: {min_val: -1000, max_val: 1000}",
}


@pytest.mark.parametrize(("name", "layers"), SUMS.items())
def test_what_is_no_sum_is_refuted(name, layers):
    assert found(name, flat(layers)).truth is False


def test_sums_hold():
    network = flat("  - conv: {out: 5, kernel: 1}\n  - gelu\n  - conv: {out: 2, kernel: 3, padding: 1}")
    assert found("additive_over_positions", network).truth is True
    assert found("additive_over_channels", network).truth is False


MIXED = "  - conv: {out: 4, kernel: 1, groups: 2}\n"


def test_groups_and_shuffles():
    apart, shuffled = flat(MIXED + "  - relu\n" + MIXED), flat(MIXED + "  - channel_shuffle: {groups: 2}\n" + MIXED)
    assert found("mixes_channels", apart, how="groups").truth is True
    assert found("mixes_channels", apart, how="full").truth is False
    full = found("mixes_channels", shuffled, how="full")
    assert full.is_proof
    assert full.basis[0].kind == "witness"
    assert full.facts["reached"] == [[1] * 4] * 4
    refuted = found("mixes_channels", shuffled, how="groups")
    assert refuted.truth is False
    assert refuted.witness.recipe["and"]["left"]
    assert found("mixes_channels", shuffled, how="none").truth is False


def test_a_channel_that_leaks_at_large_values_alone_is_caught():
    leak = "  - add: {a: [], b: [threshold: {threshold: 1e5, value: 0}, conv: {out: 4, kernel: 1, bias: false}]}"
    for how in ("none", "groups"):
        assert found("mixes_channels", flat(leak), how=how).truth is False


def test_channels_that_never_meet_are_not_told_to_mix():
    """What the structure lets through cancels, whatever the weights."""
    conv = "  - conv: {out: 2, kernel: 1, bias: false}\n"
    finding = found("mixes_channels", flat(conv + "  - subtract: {a: [], b: []}\n", "input: [2, 3, 3]"), how="full")
    assert finding.truth is None
    assert "in none of" in finding.reason


def test_inputs_by_themselves():
    two = flat("  - add:\n    at: [a, b]\n", "inputs: {a: [2, 3, 3], b: [2, 3, 3]}")
    finding = found("mixes_channels", two, how="none")
    assert finding.truth is False
    assert len(finding.facts["reached"][0]) == 4


SHIFTS = {
    "locally connected": "  - locally_connected: {out: 2, kernel: 3, padding: 1}",
    "a positional embedding": "  - add: {a: [], b: [parameter: {shape: [4, 6, 6]}]}",
    "the last row is another": "  - add: {a: [], b: [parameter: {shape: [1, 6, 1]}, relu]}",
}


@pytest.mark.parametrize("layers", SHIFTS.values(), ids=SHIFTS)
def test_what_is_not_the_same_everywhere_is_refuted(layers):
    finding = found("translation_equivariant", flat(layers))
    assert finding.truth is False
    assert "shifted by 1 along" in finding.witness.text


@pytest.mark.parametrize(
    "layers",
    [
        "  - conv: {out: 3, kernel: 3, padding: 1}\n  - relu",
        "  - conv: {out: 3, kernel: 3, stride: 2}\n  - max_pool: {kernel: 2, stride: 1}",
        "  - max_pool: {kernel: 2}\n  - upsample: {scale: 2}",
        "  - conv: {out: 3, kernel: 3, padding: 1, padding_mode: circular}\n  - group_norm: {groups: 1}",
    ],
)
def test_shifts_that_are_proved_hold_in_torch(layers):
    finding = found("translation_equivariant", flat(layers, "input: [4, 12, 12]"))
    assert finding.truth is not False
    assert finding.truth is True or "circular" in finding.reason


def test_pooled_outputs_stay():
    pooled = "  - conv: {out: 3, kernel: 3, padding: 1}\n  - relu\n  - global_avg_pool\n"
    assert found("translation_invariant", flat(pooled, "input: [2, 9, 9]")).is_proof
    classifier = flat("  - flatten\n  - linear: {out: 3}\n")
    assert found("translation_invariant", classifier).truth is False
    assert found("translation_invariant", flat("  - conv: {out: 3, kernel: 1}")).truth is False


def test_reorderings_and_mirrors():
    conv, point = flat("  - conv: {out: 4, kernel: 3, padding: 1}"), flat("  - conv: {out: 4, kernel: 1}\n  - relu")
    for name in ("flip_equivariant", "rotation_equivariant"):
        assert found(name, conv).truth is False
        assert found(name, point).is_proof
    assert found("permutation_equivariant", point, axis="pixels").is_proof
    assert found("permutation_equivariant", point, axis="channels").truth is False
    assert found("permutation_equivariant", conv, axis="pixels").truth is False
    column = "conv: {out: 1, kernel: [6, 1], padding: [[5, 0], 0]}"
    pair = f"  - concat: {{a: [slice: {{stop: 3}}], b: [slice: {{start: 3}}, {column}]}}"
    assert found("permutation_equivariant", flat(pair), axis="pixels").truth is False
    fewer = flat("  - conv: {out: 4, kernel: 2, stride: 2}")
    assert found("permutation_equivariant", fewer, axis="pixels").truth is False


RESIDUAL = "  - add: {a: [], b: [conv: {out: 4, kernel: 1}, batch_norm, layer_scale: {init: INIT}]}\n"


def test_identity_at_init():
    finding = found("identity_at_init", flat(RESIDUAL.replace("INIT", "0") * 2))
    assert finding.is_proof
    assert "48 draws" in finding.facts["tested"]
    refuted = found("identity_at_init", flat(RESIDUAL.replace("INIT", "1e-6")))
    assert refuted.truth is False
    assert "x = " in refuted.witness.text
    assert found("identity_at_init", flat(RESIDUAL.replace("INIT", "1e-25"))).truth is not True
    dropped = found("identity_at_init", flat(RESIDUAL.replace("INIT", "0") + "  - dropout\n"))
    assert dropped.truth is False
    assert dropped.witness.recipe["training"] is True
    biased = RESIDUAL.replace("layer_scale: {init: INIT}", "layer_scale: {init: 0}, conv: {out: 4, kernel: 1}")
    assert found("identity_at_init", flat(biased)).truth is False
    zeros_dropped = RESIDUAL.replace("layer_scale: {init: INIT}", "layer_scale: {init: 0}, dropout")
    assert found("identity_at_init", flat(zeros_dropped)).is_proof


def test_a_wrong_proof_is_never_believed():
    """Where torch breaks what structure proved, one of the two is wrong: nothing is known, and it is said."""
    network = flat("  - conv: {out: 4, kernel: 1}\n  - relu")
    for name in ("linear", "affine", "pointwise", "flip_equivariant"):
        wrong = (
            flat("  - conv: {out: 4, kernel: 3, padding: 1}") if name in ("pointwise", "flip_equivariant") else network
        )
        finding = test(name, wrong, Finding(truth=True), Settings())
        assert finding.truth is None
        assert "structure and torch disagree" in finding.reason
        assert finding.witness is not None
    finding = test("mixes_channels", network, Finding(truth=True), Settings(), how="none")
    assert "disagree" in finding.reason


def test_where_the_structure_is_silent_draws_hold_and_say_so():
    finding = test("linear", flat("  - avg_pool: {kernel: 3}"), unknown("silent"), Settings(draws=10))
    assert finding.truth is True
    assert not finding.is_proof
    assert finding.basis[0].kind == "samples"
    assert finding.basis[0].text.startswith("10 draws, float64, cpu, largest error ")
    assert "tolerance 1e-09" in finding.basis[0].text


def test_rounding_in_float32_is_no_counterexample():
    network = flat("  - conv: {out: 4, kernel: 3, bias: false}\n  - avg_pool: {kernel: 3}\n")
    holds = test("linear", network, unknown("silent"), Settings(dtype="float32"))
    assert holds.truth is True
    assert "float32" in holds.basis[0].text
    strict = test("linear", network, unknown("silent"), Settings(dtype="float32", tolerance=1e-12))
    assert strict.truth is None
    assert "which is rounding" in strict.reason


def test_a_difference_is_judged_in_float64_whatever_was_asked():
    """1e-7 is within what float32 rounds; in float64 it differs."""
    network = flat("  - leaky_relu: {negative_slope: 0.999}")
    finding = found("linear", network, Settings(dtype="float32"))
    assert finding.truth is False
    assert finding.witness.recipe["dtype"] == "float64"


def test_a_difference_that_is_rounding_breaks_no_law():
    """(x + 1e16) - 1e16 is 0 or 2 for x = 1, whatever the tolerance."""
    far = "hardtanh: {min_val: 1e16, max_val: 2e16}"  # 1e16 for all small inputs
    network = flat(f"  - subtract: {{a: [add: {{a: [], b: [{far}]}}], b: [{far}]}}\n", "input: [2, 3]")
    x, y = (["draw", Draw(kind="integers", seed=seed).recipe()] for seed in (1, 2))
    both = ["output", ["sum", [1, x], [1, y]]]
    law = Law(both, ["sum", [1, ["output", x]], [1, ["output", y]]], ("f(x + y)", "f(x) + f(y)"))
    judge = Judge(network, 1e-9)
    weights = Draw(kind="integers")
    place = place_of(*judge.sides(weights).of(law), None)
    assert place is not None
    assert place.relative > 0.1
    assert judge.violation(weights, [law]) is None


def test_settings_are_kept():
    assert len(found("linear", flat("  - avg_pool: {kernel: 3}"), Settings(draws=5)).facts["tested"].split(" ")) > 5
    with pytest.raises(RuleError, match="meta device"):
        found("linear", flat("  - relu"), Settings(device="meta"))
