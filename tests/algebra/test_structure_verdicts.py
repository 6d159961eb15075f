"""What structure says of networks that are known by name: on numbers and on symbols, and what it must not say."""

from __future__ import annotations

from math import inf

import pytest

from archtool import load
from archtool.algebra.finding import Finding
from archtool.algebra.structure.additive import additive_over_channels, additive_over_positions
from archtool.algebra.structure.degree import affine, linear, positively_homogeneous
from archtool.algebra.structure.pointwise import pointwise
from archtool.algebra.structure.shapes import shape_preserving
from archtool.flatten import FlatNetwork, flat_network
from archtool.network import Evaluation
from archtool.trace import Expr, Trace

RULES = (linear, affine, positively_homogeneous, pointwise, additive_over_positions, additive_over_channels)
POINT = "{conv: {out: 4, kernel: 1, bias: false}}"
DENSE = "{conv: {out: 4, kernel: 3, padding: half, bias: false}}"
DEPTHWISE = "{depthwise_conv: {kernel: 3, padding: half, bias: false}}"


def network(layers: str, size: str = "[4, 6, 5]") -> FlatNetwork:
    design = load(f"input: {size}\nlayers: [{layers}]")
    return flat_network(design.run, tuple(design.inputs))


def on_symbols(text: str, **least: int | tuple[int, int, int]) -> FlatNetwork:
    """A spec's network with some vars as symbols: of at least so much, or (start, most, step)."""
    design, trace = load(text), Trace()
    evaluation = Evaluation(trace)
    symbols = {
        name: trace.symbol(name, *low) if isinstance(low, tuple) else trace.symbol(name, low, inf)
        for name, low in least.items()
    }
    environment = evaluation.vars(design.block, symbols)
    run = evaluation.network(design.block, environment, design.spec.shapes(environment))
    return flat_network(run, tuple(design.spec.inputs), turns=2)


def proved(flat: FlatNetwork) -> set[str]:
    found = {rule.__name__: rule(flat) for rule in RULES}
    for name, finding in found.items():
        assert_well_formed(name, finding)
    return {name for name, finding in found.items() if finding.truth}


def assert_well_formed(name: str, finding: Finding) -> None:
    if finding.truth is None:
        assert finding.reason
    else:
        assert finding.is_proof
        assert finding.basis[0].text == name  # the section of docs/proofs.md
        assert finding.steps


SUMS = {"additive_over_positions", "additive_over_channels"}
LINEAR = {"linear", "affine", "positively_homogeneous", *SUMS}
PROVED = {
    POINT: {*LINEAR, "pointwise"},
    DENSE: LINEAR,
    "batch_norm": {"affine", "pointwise", *SUMS},
    "relu": {"positively_homogeneous", "pointwise", *SUMS},
    "gelu": {"pointwise", *SUMS},
    f"{POINT}, relu, {DENSE}": {"positively_homogeneous", "additive_over_positions"},
    f"{DENSE}, relu, {POINT}": {"positively_homogeneous"},
    f"{POINT}, relu, {POINT}": {"positively_homogeneous", "pointwise", "additive_over_positions"},
    f"{DEPTHWISE}, gelu, {POINT}": {"additive_over_channels"},
    f"{POINT}, gelu, {DEPTHWISE}": {"additive_over_positions"},
    "{add: {main: [], gate: [global_avg_pool]}}": LINEAR,
    "{multiply: {a: [], b: [global_avg_pool]}}": {"additive_over_channels"},
    "{multiply: {a: [], b: []}}": {"pointwise", *SUMS},  # squares
    "{multiply: {a: [], b: [{roll: {shift: 1}}]}}": {"additive_over_channels"},
    "{multiply: {a: [], b: [{channel_shuffle: {groups: 2}}]}}": {"pointwise", "additive_over_positions"},
    "{multiply: {a: [], b: [{parameter: {shape: [4, 1, 1]}}, sigmoid]}}": {*LINEAR, "pointwise"},
    "{multiply: {a: [relu], b: [{parameter: {shape: [4, 1, 1]}}]}}": {"positively_homogeneous", "pointwise", *SUMS},
    "{add: {a: [], b: [{parameter: {shape: [4, 1, 1]}}]}}": {"affine", "pointwise", *SUMS},
    "{maximum: {a: [], b: [{parameter: {shape: [4, 1, 1]}}]}}": {"pointwise", *SUMS},
    "{parameter: {shape: [4, 6, 5]}}": {"affine", "pointwise", *SUMS},
    "{group_norm: {groups: 2}}": set(),
    "instance_norm": {"additive_over_channels"},
    "tokens, {linear: {out: 4}}, gelu, spatial": {"pointwise", "additive_over_positions"},
    "tokens, {attention: {heads: 2}}, spatial": set(),
    "{roll: {shift: 1}}, relu, {roll: {shift: -1}}": {"positively_homogeneous", *SUMS},
    "{pad: {padding: 1}}, {crop: {size: [6, 5]}}": LINEAR,
    # Crop and then wrap round: the fields of the two say that each position sees itself, and the border does not.
    "{crop: {size: [4, 3]}}, {pad: {padding: 1, mode: circular}}": LINEAR,
    "{crop: {size: [4, 3], before: 0}}, {pad: {padding: [[0, 2], [0, 2]], mode: circular}}": LINEAR,
    "{conv: {out: 4, kernel: 1, stride: 2, padding: [[0, 5], [0, 4]], bias: false}}": LINEAR,  # to 6 x 5 again
    "{conv: {out: 4, kernel: 2, padding: [[0, 1], [0, 1]], bias: false}}": LINEAR,  # each its own and the next
    "{pixel_unshuffle: {factor: 1}}, relu": {"positively_homogeneous", "pointwise", *SUMS},
    "{conv: {out: 4, kernel: 1, stride: 2}}": {"affine", *SUMS},
    "{conv: {out: 4, kernel: 1, stride: 2}}, gelu": {"additive_over_positions"},
    "flatten, {linear: {out: 8, bias: false}}": LINEAR,
}


@pytest.mark.parametrize("layers", PROVED)
def test_what_is_proved_of_a_network(layers: str) -> None:
    assert proved(network(layers)) == PROVED[layers]


@pytest.mark.parametrize(
    ("layers", "rule", "reason"),
    [
        (f"{POINT}, relu, relu", linear, "relu1 is not affine"),
        ("{conv: {out: 4, kernel: 1}}, batch_norm", linear, "conv is not positively homogeneous (it has a bias)"),
        ("{multiply: {a: [], b: []}}", affine, "multiply multiplies tensors that depend on the input"),
        ("{parameter: {shape: [4, 6, 5]}}", linear, "parameter depends on no input, so nothing scales it"),
        (f"relu, {DENSE}, {DENSE}", pointwise, "conv1 reads other positions than an output's own"),
        (f"{DENSE}, gelu", additive_over_positions, "gelu is not affine, and may see several positions of the input"),
        (f"{POINT}, gelu", additive_over_channels, "gelu is not affine, and may see several channels of the input"),
        ("{add: {a: [], b: [gelu]}}, {multiply: {c: [], d: [tanh]}}", affine, "add.b.gelu is not affine"),
    ],
)
def test_the_first_layer_that_objects_is_named(layers: str, rule: object, reason: str) -> None:
    finding = rule(network(layers))
    assert (finding.truth, finding.objects) == (None, True)
    assert finding.reason.startswith(reason)


def test_layers_that_no_output_is_made_of_do_not_object() -> None:
    design = load("input: [4, 6, 5]\nlayers: [{conv: {out: 4, kernel: 1, bias: false}, name: it}, relu]\noutputs: [it]")
    assert proved(flat_network(design.run, tuple(design.inputs))) == {*LINEAR, "pointwise"}


def test_many_layers_are_counted_by_kind() -> None:
    layers = ", ".join([f"{POINT}, relu"] * 9)
    steps = positively_homogeneous(network(layers)).steps
    assert steps[:2] == ("9 times conv: linear (no bias)", "9 times relu: positively homogeneous")
    assert linear(network(f"{POINT}, {DENSE}")).steps[0] == "conv1, conv2: linear (no bias)"


def test_other_numbers_of_positions_are_none_of_its_own() -> None:
    for layers in (
        "{max_pool: {kernel: 2}}",
        "global_avg_pool",
        "flatten",
        "tokens, class_token",
        "{pad: {padding: 1}}",
    ):
        finding = pointwise(network(layers))
        assert finding.truth is False
        assert finding.is_proof
        assert "positions" in finding.steps[0]
    assert pointwise(network("{parameter: {shape: [4, 1, 1]}}")).truth is True  # which sees nothing at all
    design = load("inputs: {x: [4, 2, 2], y: [4, 2, 2]}\nlayers: [{tokens: {}, at: x}, class_token]")
    assert pointwise(flat_network(design.run, tuple(design.inputs))).truth is None


# --- sizes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "truth"),
    [
        (DENSE, True),
        ("{conv: {out: 4, kernel: 2, padding: same}}", True),
        ("{conv: {out: 5, kernel: 1}}", False),
        ("{conv: {out: 4, kernel: 3}}", False),
        ("tokens", False),
        ("tokens, spatial", True),
        ("{max_pool: {kernel: 2}}, {upsample: {size: [6, 5]}}", True),
    ],
)
def test_a_shape_is_kept_or_not(layers: str, truth: bool) -> None:
    finding = shape_preserving(network(layers))
    assert finding.truth is truth
    assert_well_formed("shape_preserving", finding)


def test_tokens_are_no_channels() -> None:
    assert shape_preserving(network("tokens", "[5, 5]")).truth is False  # 5 x 5 as before, in the other order


def test_of_several_inputs_no_shape_is_meant() -> None:
    design = load("inputs: {a: [4, 6, 5], b: [4, 6, 5]}\nlayers: [{add: {}, at: [a, b]}]")
    flat = flat_network(design.run, tuple(design.inputs))
    assert shape_preserving(flat).truth is None
    assert proved(flat) == {*LINEAR, "pointwise"}


SIZES = "input: [c, n, n]\nvars: {c: 4, n: 6, k: 3, mid: 4, s: 1, t: 2}\nlayers: "


def test_on_symbols_all_values_are_meant() -> None:
    """The order of 1 x 1 and k x k: of P a sum over positions is proved, of Q it is not."""
    odd = (1, 11, 2)
    conv = "{{conv: {{out: {}, kernel: {}, padding: half, bias: false}}}}"
    p = on_symbols(f"{SIZES}[{conv.format('mid', 1)}, relu, {conv.format('c', 'k')}]", c=1, n=1, k=odd, mid=1)
    q = on_symbols(f"{SIZES}[{conv.format('mid', 'k')}, relu, {conv.format('c', 1)}]", c=1, n=1, k=odd, mid=1)
    assert proved(p) == {"positively_homogeneous", "additive_over_positions"}
    assert proved(q) == {"positively_homogeneous"}
    for flat in (p, q):
        assert shape_preserving(flat).truth is True
        finding = pointwise(flat)
        assert (finding.truth, finding.objects) == (None, False)  # where k = 1, it is
        assert isinstance(finding.facts["sufficient"], Expr)
    assert pointwise(on_symbols(f"{SIZES}[{DENSE}]", c=4, n=2)).objects


def test_a_shape_that_is_kept_by_some_values_is_told_when() -> None:
    finding = shape_preserving(on_symbols(f"{SIZES}[{{max_pool: {{kernel: 2}}}}, {{upsample: {{scale: 2}}}}]", n=2))
    assert finding.truth is None
    condition = finding.facts["condition"]
    assert isinstance(condition, Expr)
    assert [condition.trace is not None, finding.objects] == [True, False]
    kept = shape_preserving(
        on_symbols(f"{SIZES}[{{max_pool: {{kernel: 2}}}}, {{upsample: {{scale: 2}}}}]", n=(2, 64, 2))
    )
    assert kept.truth is True
    assert kept.basis[0].kind == "identity"
    wider = shape_preserving(on_symbols(f"{SIZES}[{{conv: {{out: c + 1, kernel: 1}}}}]", c=1))
    assert wider.truth is False


def test_turns_that_are_not_shown_are_meant_too() -> None:
    """Of relu and then a 3 x 3 convolution one turn is a sum over positions; two are not."""
    turn = f"[{{repeat: t, do: [relu, {DENSE}]}}]"
    assert "additive_over_positions" not in proved(on_symbols(SIZES + turn, t=0))
    assert "additive_over_positions" not in proved(on_symbols(SIZES + turn.replace("t,", "5,"), n=1))
    assert "additive_over_positions" in proved(on_symbols(SIZES + turn.replace("t,", "1,"), n=1))
    assert (
        proved(on_symbols(f"{SIZES}[{{repeat: t, do: [{POINT}, relu]}}]", t=0, n=1))
        == PROVED[f"{POINT}, relu, {POINT}"]
    )


def test_of_an_open_condition_both_alternatives_are_meant() -> None:
    text = "[{{if: s == 1, then: [{}], else: [{}]}}]"
    assert proved(on_symbols(SIZES + text.format(POINT, "relu"), s=1)) == {"positively_homogeneous", "pointwise", *SUMS}
    assert proved(on_symbols(SIZES + text.format("batch_norm", POINT), s=1)) == {"affine", "pointwise", *SUMS}
    for one, other in (("identity", "{roll: {shift: -1}}"), ("{roll: {shift: 1}}", "identity")):
        joined = f"[{{multiply: {{a: [], b: {text.format(one, other)}}}}}]"
        assert proved(on_symbols(SIZES + joined, s=1, n=6)) == {"additive_over_channels"}
    finding = pointwise(on_symbols(SIZES + text.format(POINT, DENSE), s=1, n=2))
    assert (finding.truth, finding.objects) == (None, False)  # where s = 1, it is
