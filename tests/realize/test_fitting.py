"""Whether networks fit small functions: built weights are exact in torch, refutations hold for drawn weights, and what
is not known is not claimed."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool import load
from archtool.algebra.finding import SAMPLES, Finding
from archtool.algebra.hinges import Sum, constant
from archtool.algebra.settings import Settings
from archtool.algebra.targets import Row, Target, points_around, target
from archtool.errors import RuleError
from archtool.flatten import FlatNetwork
from archtool.realize import fitting
from archtool.realize.draws import Draw, weighted
from archtool.realize.fitting import fits
from archtool.realize.fitting.building import build
from archtool.realize.fitting.tables import hinge_sums

SETTINGS = Settings()
CPU = torch.device("cpu")


def network(given: str, *layers: str) -> FlatNetwork:
    return load(f"input: {given}\nlayers:\n" + "".join(f"  - {layer}\n" for layer in layers)).flat()


def mlp(inputs: int, *widths: int, bias: bool = True, norm: bool = False) -> FlatNetwork:
    end = "" if bias else ", bias: false"
    hidden = [
        line
        for width in widths
        for line in (f"linear: {{out: {width}{end}}}", *(["batch_norm"] if norm else []), "relu")
    ]
    return network(f"[{inputs}]", *hidden, f"linear: {{out: 1{end}}}")


def run(flat: FlatNetwork, found: Finding, of: Target, rows: Any) -> list[float]:
    """What torch makes of the finding's weights, on a vector or at the positions that it names, zeros elsewhere."""
    net = weighted(flat, Draw(kind="given", values=found.facts["weights"]), torch.float64, CPU)
    (shape,) = flat.inputs.values()
    x = torch.zeros(len(rows), *shape.dims, dtype=torch.float64)
    own, output = found.facts["input_position"], found.facts["output_position"]
    for number, row in enumerate(rows):
        for each, value in zip(of.inputs, row.inputs, strict=True):
            at = [here + by for here, by in zip(own, each.offset or [0] * len(own), strict=True)]
            x[(number, *at, each.channel) if shape.is_tokens else (number, each.channel, *at)] = float(value)
    y = net(x)
    return y[(slice(None), *output, 0) if shape.is_tokens else (slice(None), 0, *output)].tolist()


def assert_built(flat: FlatNetwork, written: Any, on: Any = None) -> Finding:
    of = target(written, on)
    found = fits(flat, of, SETTINGS)
    assert found.truth is True, found.reason
    assert found.is_proof
    assert [basis.kind for basis in found.basis] == ["construction"]
    rows = of.rows or [Row(point, of.value(point)) for point in points_around(of)]
    assert [Fraction(y) for y in run(flat, found, of, rows)] == [row.output for row in rows]
    return found


# --- built -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["xor", "and", "or", "nand", "nor", "xnor", "abs(x1 - x2)", "x1 - 2*x2"])
def test_two_hidden_units_are_enough(written: str) -> None:
    assert_built(mlp(2, 2), written)


def test_the_weights_are_small_whole_numbers_that_can_be_read() -> None:
    found = assert_built(mlp(2, 2), "abs(x1 - x2)")
    assert found.facts["weights"] == {
        "linear1.weight": [[-1, 1], [1, -1]],
        "linear1.bias": [0, 0],
        "linear2.weight": [[1, 1]],
        "linear2.bias": [0],
    }
    assert "hidden layer 1: relu(-x1 + x2), relu(x1 - x2)" in found.steps


@pytest.mark.parametrize("widths", [(2, 2), (4, 1), (3, 2, 2), (8, 8, 8, 8)])
def test_deeper_networks_pass_values_on(widths: tuple[int, ...]) -> None:
    assert_built(mlp(2, *widths), "xor")
    assert_built(mlp(2, *widths, norm=True), "abs(x1 - x2)")


def test_signed_values_take_two_units_to_pass() -> None:
    assert_built(mlp(2, 2, 2), "x1 - 3*x2 + 1")
    assert fits(mlp(2, 2, 1), target("x1 - 3*x2"), SETTINGS).truth is None
    assert_built(mlp(2, 1, 1), "x1 + 3*x2", on=[0, 1])  # nonnegative there: one is enough


@pytest.mark.parametrize(
    "written", ["max(x1, x2)", "min(x1, x2)", "max(x1, min(x2, 1))", "relu(x1 - relu(x2))", "abs(abs(x1) - abs(x2))"]
)
def test_hinges_inside_each_other_take_a_layer_each(written: str) -> None:
    of = target(written)
    assert of.pieces is not None
    assert_built(mlp(2, *[8] * of.pieces.depth), written)
    assert_built(mlp(2, *[8] * (of.pieces.depth + 2)), written)
    if of.pieces.depth > 1:
        found = fits(mlp(2, *[8] * (of.pieces.depth - 1)), of, SETTINGS)
        assert found.truth is None
        assert f"hidden layers of ReLUs needed by this construction: {of.pieces.depth}, " in found.reason


@given(st.lists(st.integers(-3, 3), min_size=8, max_size=8))
@settings(max_examples=30, deadline=None)
def test_every_table_of_three_bits_is_built_on_eight_units(values: list[int]) -> None:
    rows = [[*bits, value] for bits, value in zip(product((0, 1), repeat=3), values, strict=True)]
    assert_built(mlp(3, 8), rows)
    assert_built(mlp(3, 8, 3), rows)


@given(st.lists(st.integers(-3, 3), min_size=6, max_size=6), st.booleans())
@settings(max_examples=30, deadline=None)
def test_the_sums_of_a_table_have_its_values(values: list[int], wide: bool) -> None:
    points = [(0, 2), (1, -1), (2, 2), (-3, 0), (0, 0), (5 if wide else 1, 1)]
    of = target([[*point, value] for point, value in zip(points, values, strict=True)])
    assert of.rows is not None
    for each in hinge_sums(of.inputs, of.rows):
        for row in of.rows:
            assert each.value(dict(zip(of.inputs, row.inputs, strict=True))) == row.output


def test_a_pointwise_network_computes_it_at_each_position() -> None:
    flat = network("[2, 3, 4]", "conv: {out: 2, kernel: 1}", "relu", "conv: {out: 1, kernel: 1}")
    found = assert_built(flat, "xor")
    net = weighted(flat, Draw(kind="given", values=found.facts["weights"]), torch.float64, CPU)
    x = torch.randint(0, 2, (1, 2, 3, 4)).double()
    assert torch.equal(net(x)[0, 0], (x[0, 0] != x[0, 1]).double())


def test_layers_without_a_relu_between_pass_on() -> None:
    assert_built(network("[3]", "linear: {out: 3}", "linear: {out: 2}", "relu", "linear: {out: 1}"), "abs(x1 - x3)")
    assert_built(network("[2]", "linear: {out: 2, bias: false}", "linear: {out: 2}", "relu", "linear: {out: 1}"), "and")
    assert_built(network("{tokens: 3, channels: 2}", "linear: {out: 2}", "dropout", "relu", "linear: {out: 1}"), "xor")
    assert_built(network("[2, 1, 1]", "conv: {out: 2, kernel: 1}", "relu", "flatten", "linear: {out: 1}"), "xor")


@pytest.mark.parametrize("conv", ["kernel: 3, padding: 1", "kernel: 3", "kernel: [1, 2]", "kernel: 3, stride: 2"])
def test_a_convolution_takes_differences(conv: str) -> None:
    flat = network("[1, 6, 6]", f"conv: {{out: 1, {conv}}}")
    assert_built(flat, "x[0, 1] - x[0, 0]")


def test_a_convolution_detects_edges_of_both_signs() -> None:
    flat = network("[2, 9, 9]", "conv: {out: 2, kernel: 3, dilation: 2}", "relu", "conv: {out: 1, kernel: 3}")
    assert_built(flat, "abs(x2[0, 2] - x2[0, -2])")
    assert fits(flat, target("abs(x2[0, 1] - x2[0, 0])"), SETTINGS).truth is None  # between its taps
    assert fits(flat, target("x[0, 3] - x[0, -3]"), SETTINGS).truth is None


def test_a_relu_at_the_end_passes_what_is_positive() -> None:
    flat = network("[2]", "linear: {out: 2}", "relu", "linear: {out: 1}", "relu")
    for written in ("xor", "abs(x1 - x2)"):
        assert_built(flat, written)
    assert_built(network("[2]", "linear: {out: 1}", "relu"), "2*relu(x1 - 3*x2)")
    found = fits(flat, target("x1"), SETTINGS)
    assert found.truth is False
    assert found.witness is not None
    assert found.witness.text == "every nonnegative f has f(-1) >= 0; the target 'x1' has -1"


def test_fractions_are_exact_and_torch_rounds() -> None:
    found = fits(mlp(2, 2), target("x1/3 - x2"), SETTINGS)
    assert found.truth is True
    assert "of rounding" in found.basis[0].text


# --- refuted -----------------------------------------------------------------------------------------------------


def test_no_affine_network_is_xor() -> None:
    found = fits(network("[2]", "linear: {out: 7}", "linear: {out: 1}"), target("xor"), SETTINGS)
    assert found.truth is False
    assert found.is_proof
    assert [basis.kind for basis in found.basis] == ["structure", "witness"]
    assert found.witness is not None
    assert found.witness.text == (
        "every affine f has f(0, 0) + f(1, 1) = f(0, 1) + f(1, 0); the target 'xor' has 0 there and 2"
    )
    assert (found.witness.left, found.witness.right) == (0, 2)


def test_a_network_without_bias_can_not_be_what_grows_otherwise() -> None:
    flat = mlp(2, 9, bias=False)
    for written, says in (
        ("x1*x2", "f(2, 2) = 2 * f(1, 1); the target 'x1*x2' has 4 and 2"),
        ("nor", "f(0, 0) = 0; the target 'nor' has 1 and 0"),
    ):
        found = fits(flat, target(written), SETTINGS)
        assert found.truth is False
        assert found.witness is not None
        assert says in found.witness.text
    assert_built(flat, "xor")  # of 0 and 1 it is |x1 - x2|


def test_a_pointwise_network_sees_no_edge() -> None:
    flat = network("[1, 5, 5]", "conv: {out: 64, kernel: 1}", "relu", "conv: {out: 1, kernel: 1}")
    found = fits(flat, target("x[0, 1] - x[0, 0]"), SETTINGS)
    assert found.truth is False
    assert found.witness is not None
    assert found.witness.text.startswith("with (x1, x1[0, 1]) = (0, 0) and (0, 1), equal at its own position, ")


NARROW = ["linear: {out: 3}", "linear: {out: 1}"]
PLAIN = ["linear: {out: 5, bias: false}", "relu", "linear: {out: 1, bias: false}"]
POINTWISE = ["conv: {out: 5, kernel: 1}", "relu", "conv: {out: 1, kernel: 1}"]


@pytest.mark.parametrize(
    ("given", "layers", "written"),
    [
        ("[2]", NARROW, "xor"),
        ("[2]", NARROW, "abs(x1)"),
        ("[2]", NARROW, "max(x1, x2)"),
        ("[2]", NARROW, "x1*x2"),
        ("[2]", PLAIN, "nor"),
        ("[2]", PLAIN, "x1*x2"),
        ("[2]", PLAIN, "x1 + 1"),
        ("[2]", PLAIN, "abs(x1) - min(x2, 5)"),
        ("[1, 3, 3]", POINTWISE, "x[0, 1] - x[0, 0]"),
        ("[2, 3, 3]", POINTWISE, "abs(x1 - x2[1, 1])"),
        ("[2]", ["linear: {out: 1}", "relu"], "x1 - x2"),
    ],
)
def test_what_refutes_holds_in_torch_for_all_weights(given: str, layers: list[str], written: str) -> None:
    """A sum of outputs that is 0 (or not negative) with any weights, exactly, and the target's is not."""
    flat, of = network(given, *layers), target(written)
    found = fits(flat, of, SETTINGS)
    assert found.truth is False
    factors = [Fraction(factor) for factor, _ in found.facts["sum"]]
    points = [[Fraction(value) for value in point] for _, point in found.facts["sum"]]
    ends_bent = layers[-1] == "relu"
    targets = sum(factor * of.value(point) for factor, point in zip(factors, points, strict=True))
    assert targets < 0 if ends_bent else targets != 0
    (shape,) = flat.inputs.values()
    x = torch.zeros(len(points), *shape.dims, dtype=torch.float64)
    own = [1] * len(shape.spatial)
    for number, point in enumerate(points):
        for each, value in zip(of.inputs, point, strict=True):
            at = [here + by for here, by in zip(own, each.offset or [0] * len(own), strict=True)]
            x[(number, each.channel, *at)] = float(value)
    alive = 0
    for seed in range(8):
        net = weighted(flat, Draw(kind="integers", seed=seed), torch.float64, CPU)
        outputs = [Fraction(y) for y in net(x)[(slice(None), 0, *own)].tolist()]
        total = sum(factor * y for factor, y in zip(factors, outputs, strict=True))
        assert total >= 0 if ends_bent else total == 0
        alive += any(outputs)
    assert alive or written in ("nor", "x1 + 1")  # of 0 they are asked


def test_what_is_affine_on_its_rows_is_not_refuted() -> None:
    assert_built(network("[2]", "linear: {out: 1}"), [[0, 0, 1], [1, 1, 4], [2, 3, 8]])
    assert_built(network("[2]", "linear: {out: 1}"), "x1*x2", on=[1])


# --- not known ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flat", "written", "reason"),
    [
        (mlp(2, 1), "xor", "channels of 'linear1' needed by this construction: 2, there: 1"),
        (mlp(2, 2), "max(x1, x2)", "needed by this construction: 3, there: 2"),
        (mlp(2, 64), "x1*x2", "not piecewise linear by its form"),
        (mlp(2, 1), "x1 - x2", "needed by this construction: 2, there: 1"),
        (network("[2]", "linear: {out: 8}", "gelu", "linear: {out: 1}"), "xor", "'gelu' (gelu) is neither affine"),
        (network("[4, 1, 1]", "conv: {out: 4, kernel: 1, groups: 2}", "conv: {out: 1, kernel: 1}"), "x1", "in groups"),
        (network("[2]", "add: {a: [linear: {out: 2}], b: []}", "linear: {out: 1}"), "x1", "stands beside others"),
        (network("[2]", "relu", "linear: {out: 1}"), "xor", "bends the input itself"),
    ],
)  # fmt: skip
def test_what_was_not_found_is_not_known(flat: FlatNetwork, written: str, reason: str) -> None:
    found = fits(flat, target(written), SETTINGS)
    assert found.truth is None
    assert reason in found.reason


def test_shared_weights_are_not_built() -> None:
    flat = load(
        "input: [1]\nlayers:\n  - linear: {out: 1}\n    shares: w\n  - relu\n  - linear: {out: 1}\n    shares: w\n"
    ).flat()
    found = fits(flat, target("relu(2*x1)"), SETTINGS)
    assert found.truth is None
    assert "shares its weights" in found.reason


# --- trained -----------------------------------------------------------------------------------------------------


def test_training_holds_and_proves_nothing() -> None:
    flat, of = network("[2]", "linear: {out: 8}", "gelu", "linear: {out: 1}"), target("xor")
    found = fits(flat, of, SETTINGS, error=1e-3)
    assert found.truth is True
    assert not found.is_proof
    assert [basis.kind for basis in found.basis] == [SAMPLES]
    assert f"seed {found.facts['seed']}" in found.basis[0].text
    net = weighted(flat, Draw(kind="given", values=found.facts["weights"]), torch.float64, CPU)
    assert of.rows is not None
    y = net(torch.tensor([[float(v) for v in row.inputs] for row in of.rows], dtype=torch.float64))[:, 0]
    errors = [abs(a - float(row.output)) for a, row in zip(y.tolist(), of.rows, strict=True)]
    assert max(errors) == pytest.approx(found.facts["error"])
    assert max(errors) <= 1e-3


def test_training_that_fails_is_no_refutation() -> None:
    found = fits(mlp(2, 1), target("xor"), SETTINGS, error=1e-6)
    assert found.truth is None
    assert "no proof that there are none" in found.reason


def test_training_is_not_asked_where_the_structure_decides() -> None:
    assert fits(network("[2]", "linear: {out: 1}"), target("xor"), SETTINGS, error=10.0).truth is False
    assert fits(mlp(2, 2), target("xor"), SETTINGS, error=10.0).is_proof


def test_a_network_is_not_trained_to_remember_what_the_target_does_not_read() -> None:
    """Other channels tell its 7 rows apart, so that it can learn them by heart; with other numbers there it errs."""
    flat = network("[9]", "linear: {out: 12, bias: false}", "tanh", "linear: {out: 1, bias: false}")
    assert fits(flat, target("x1*x1", on=[-3, -2, -1, 0, 1, 2, 3]), SETTINGS, error=1e-3).truth is None


def test_a_network_is_not_trained_for_values_that_it_is_not_shown() -> None:
    """No network of ReLUs is within 0.001 of a square everywhere, though one can be at some points."""
    flat, of = mlp(1, 16), "x1*x1"
    assert fits(flat, target(of, on=[-1, 0, 2]), SETTINGS, error=1e-3).truth is True
    found = fits(flat, target(of), SETTINGS, error=1e-3)
    assert found.truth is None
    assert "on=[0, 1]" in found.reason


def test_a_spatial_network_is_trained_at_a_position() -> None:
    flat = network("[1, 5, 5]", "conv: {out: 4, kernel: 3}", "tanh", "conv: {out: 1, kernel: 1}")
    found = fits(flat, target("x[0, 1]*x[0, 0]", on=[-1, 1]), SETTINGS, error=0.3)
    assert found.truth is not False
    assert found.truth is None or not found.is_proof


# --- refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flat", "written", "message"),
    [
        (mlp(2, 2), "x3", "reads x3, the input has 2 channels"),
        (network("[2]", "linear: {out: 2}"), "x1", "is one number, the output has 2 channels"),
        (mlp(2, 2), "x1[1]", "has offsets, the input 2 has 0 axes"),
        (network("[2, 4, 4]", "conv: {out: 1, kernel: 1}"), "x1[1]", "has offsets, the input 2x4x4 has 2 axes"),
        (network("[2, 4, 1]", "conv: {out: 1, kernel: 1}"), "x1[0, 1] - x1", "2 positions along the width, the input"),
    ],
)
def test_what_does_not_go_together_is_refused(flat: FlatNetwork, written: str, message: str) -> None:
    with pytest.raises(RuleError, match=message):
        fits(flat, target(written), SETTINGS)


def test_an_error_is_positive() -> None:
    with pytest.raises(RuleError, match="must be more than 0"):
        fits(mlp(2, 2), target("xor"), SETTINGS, error=0.0)


# --- what is proved is about the weights themselves --------------------------------------------------------------


@pytest.mark.parametrize("written", ["xor", "abs(x1 - x2)"])
def test_wrong_weights_are_never_claimed(written: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built for another target, they compute that one, which the proof sees."""

    def wrong(of: Sum, *rest: Any) -> Any:
        return build(of + constant(1), *rest)

    monkeypatch.setattr(fitting, "build", wrong)
    found = fits(mlp(2, 4), target(written), SETTINGS)
    assert found.truth is None
    assert "weights were built, that they are right was not proved" in found.reason


def test_what_is_worked_out_of_weights_is_what_torch_makes_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in working it out would be seen in torch's run."""
    monkeypatch.setattr(fitting, "computed", lambda built, chain, known: target("abs(x1)").pieces)
    monkeypatch.setattr(fitting, "build", lambda of, *rest: build(of + constant(1), *rest))
    with pytest.raises(AssertionError, match="torch's output for 'abs\\(x1\\)' differs by 1"):
        fits(mlp(2, 4), target("abs(x1)"), SETTINGS)
