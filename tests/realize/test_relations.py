"""Relations between networks on numbers: what is proved is measured, what is refuted is replayed, and nothing is said
of pairs made to fool either."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archtool import load
from archtool.algebra import relations as structural
from archtool.algebra.settings import Settings
from archtool.flatten import FlatNetwork
from archtool.realize.draws import Draw
from archtool.realize.properties.laws import Judge
from archtool.realize.relations import equivalent, expressible
from archtool.realize.relations.decide import corresponding
from archtool.realize.relations.measured import EQUAL, measured
from archtool.realize.relations.unreached import kept
from archtool.realize.replay import replay
from tests.algebra.test_relations import DEPTHWISE, conv, net, order

SETTINGS = Settings()
SMALL = {"c_in": 3, "mid": 2, "c_out": 3, "h": 5, "w": 4, "act": "relu"}
Pair = tuple[FlatNetwork, FlatNetwork]

SAME: dict[str, Callable[[], Pair]] = {
    "the same": lambda: (order("P", **SMALL), order("P", **SMALL)),
    "1x1 and linear on tokens": lambda: (net(conv(6, bias=True)), net("tokens", "linear: {out: 6}", "spatial")),
    "an MLP at each position": lambda: (
        net(conv(6, bias=True), "relu", conv(3)),
        net("tokens", "linear: {out: 6}", "relu", "linear: {out: 3, bias: false}", "spatial"),
    ),
    "vectors": lambda: (
        net("linear: {out: 6}", x="[5]"), net("dropout", "linear: {out: 5}", "linear: {out: 6}", x="[5]")
    ),
    "RepVGG": lambda: (
        net(f"add: {{a: [{conv(4, 3)}, batch_norm], b: [{conv(4)}, batch_norm], c: [batch_norm]}}", "relu"),
        net(conv(4, 3, bias=True), "relu"),
    ),
    "a shortcut": lambda: (net(f"add: {{a: [], b: [{conv(4, 3)}]}}"), net(conv(4, 3))),
    "asymmetric branches (ACNet)": lambda: (
        net(
            f"add: {{a: [{conv(5, 3)}], b: [conv: {{out: 5, kernel: [1, 3], padding: [0, 1]}}],"
            " c: [conv: {out: 5, kernel: [3, 1], padding: [1, 0]}]}"
        ),
        net(conv(5, 3, bias=True)),
    ),
    "norms without weights of their own": lambda: (
        net(f"add: {{a: [batch_norm: {{affine: false}}], b: [{conv(4, 3)}]}}"), net(conv(4, 3, bias=True))
    ),
    "paths in another order": lambda: (
        net(f"multiply: {{a: [{conv(4)}, sigmoid], b: [{conv(4, 3)}, tanh], c: []}}"),
        net(f"multiply: {{a: [], b: [{conv(4, 3)}, tanh], c: [{conv(4)}, sigmoid]}}"),
    ),
    "one position": lambda: (order("P", **{**SMALL, "h": 1, "w": 1}), order("Q", **{**SMALL, "h": 1, "w": 1})),
    "taps in the padding alone": lambda: (net(conv(3, 7), x="[2, 2, 2]"), net(conv(3, 3), x="[2, 2, 2]")),
    "k = 1": lambda: (order("P", **SMALL, k=1), order("Q", **SMALL, k=1)),
    "no rank is lost": lambda: (net(conv(4, 3, padding=0), conv(9), conv(4)), net(conv(6), conv(4, 3, padding=0))),
    "a bias through a wide layer": lambda: (
        net(conv(6, 3, bias=True), conv(5)), net(conv(5, 3, bias=True), "layer_scale")
    ),
}  # fmt: skip

OTHERS: dict[str, Callable[[], Pair]] = {
    "relu breaks the order": lambda: (order("P", **SMALL), order("Q", **SMALL)),
    "of rank 2 and 3": lambda: (net(conv(2), conv(5, 3)), net(conv(3), conv(5, 3))),
    "by inputs and by outputs": lambda: (net(conv(2), conv(5, 3)), net(conv(2, 3), conv(5))),
    "at the border alone: a bias": lambda: (net(conv(5, bias=True), conv(4, 3, bias=True)), net(conv(4, 3, bias=True))),
    "at the border alone: padding": lambda: (net(conv(4, 3)), net(conv(4, 3, more=", padding_mode: replicate"))),
    "at the border alone: a stack": lambda: (net(conv(4, 3), conv(5, 3)), net(conv(5, 5))),
    "one tap": lambda: (
        net("conv: {out: 4, kernel: [3, 3], padding: 1}", "relu"),
        net("conv: {out: 4, kernel: [3, 1], padding: [1, 0]}", "relu"),
    ),
    "one stride phase": lambda: (
        net("conv: {out: 4, kernel: 2, stride: 2}", "relu", x="[3, 8, 8]"),
        net("conv: {out: 4, kernel: [2, 1], stride: 2}", "relu", x="[3, 8, 8]"),
    ),
    "one channel": lambda: (
        net(f"concat: {{a: [{conv(3)}], b: [chunk: {{parts: 4, index: 0}}]}}", "relu"),
        net(f"concat: {{a: [{conv(3)}], b: [chunk: {{parts: 4, index: 1}}]}}", "relu"),
    ),
    "groups": lambda: (net(conv(4, more=", groups: 2"), "relu"), net(conv(4), "relu")),
    "slices of rank 1": lambda: (net(DEPTHWISE, conv(5)), net(conv(5, 3))),
    "a relu that is dead on small inputs": lambda: (
        net("add: {a: [], b: [threshold: {threshold: 1000, value: 0}]}"), net("layer_scale")
    ),
    "a maximum": lambda: (net("max_pool: {kernel: 3, stride: 1, padding: 1}"), net(conv(4, 3))),
}  # fmt: skip

WITHIN: dict[str, Callable[[], Pair]] = {
    "narrower": lambda: (net(conv(3, 3), "relu", conv(2)), net(conv(7, 5, bias=True), "relu", conv(2, 3))),
    "linear through relu": lambda: (net(conv(3, 3)), net(conv(8), "relu", conv(3, 3))),
    "linear through relu, behind": lambda: (net(conv(3, 3, bias=True)), net(conv(7, 3), "relu", conv(3, bias=True))),
    "shallower": lambda: (net(conv(4, 3), "relu"), net(conv(4, 3), "relu", conv(4, 3), "relu")),
    "a branch": lambda: (
        net(conv(4), "relu", conv(4)), net(f"add: {{a: [{conv(4)}, relu, {conv(4)}], b: [relu, {conv(4, 3)}]}}")
    ),
    "of lower rank": lambda: (net(conv(2), conv(5, 3)), net(conv(3), conv(6, 3), conv(5))),
    "depthwise separable": lambda: (net(DEPTHWISE, "batch_norm", conv(5)), net(conv(5, 3, bias=True))),
    "a stack without padding": lambda: (
        net(conv(3, 3, padding=0), "conv: {out: 4, kernel: 3, stride: 2}"), net("conv: {out: 4, kernel: 5, stride: 2}")
    ),
    "a ghost module": lambda: (
        net(f"add: {{a: [{conv(4)}, {DEPTHWISE}], b: [{conv(4)}]}}"), net(conv(4, 3))
    ),
    "groups in a dense layer": lambda: (net(conv(6, 3, more=", groups: 2")), net(conv(6, 3))),
    "depthwise in groups": lambda: (net(DEPTHWISE), net(conv(4, 3, more=", groups: 2"))),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
def test_the_same_functions(name: str) -> None:
    left, right = SAME[name]()
    found = equivalent(left, right, SETTINGS)
    assert found.truth is True and found.is_proof, found.reason
    assert found.facts["error"] <= EQUAL
    assert found.steps and found.facts["pairs"] is not None


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", OTHERS)
def test_other_functions(name: str, turned: bool) -> None:
    pair = OTHERS[name]()
    left, right = pair[::-1] if turned else pair
    found = equivalent(left, right, SETTINGS)
    assert found.truth is False, found.reason
    if found.witness is not None and found.witness.recipe:
        values = replay(right if found.facts["of"] == "right" else left, found.witness)
        assert values == (found.witness.left, found.witness.right) and values[0] != values[1]
    else:
        assert found.is_proof and found.basis[0].text in ("relations-normal-form", "relations-rank")


@pytest.mark.parametrize("name", WITHIN)
def test_functions_among_others(name: str) -> None:
    left, right = WITHIN[name]()
    found = expressible(left, right, SETTINGS)
    assert found.truth is True and found.is_proof, found.reason
    assert found.facts["error"] <= EQUAL
    assert equivalent(left, right, SETTINGS).truth is not True
    assert expressible(right, left, SETTINGS).truth is not True


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([conv(4, 3), conv(5, 3)], [conv(5, 5)]),  # at the border the stack is no kernel
        ([conv(4, bias=True), conv(5, 3)], [conv(5, 3, bias=True)]),
        ([DEPTHWISE, conv(4, 3), conv(5)], [conv(5, 5)]),
        ([conv(5, bias=True)], [conv(5)]),
        ([conv(5, 3)], ["conv: {out: 5, kernel: 3, padding: 2, dilation: 2}"]),
        ([conv(4, 3)], [conv(4), "relu", conv(4)]),
        ([conv(4, 3)], [conv(4, 3), "relu"]),
        ([conv(5, 21)], ["depthwise_conv: {kernel: 21, padding: half}", conv(5)]),  # no position clear of the border
        (["relu"], [conv(4, 3)]),
        ([conv(4, 5)], [conv(4, 3), conv(4, 3)]),
        ([conv(4, 3)], [f"add: {{a: [{conv(4)}], b: [{DEPTHWISE}]}}"]),  # 36 + 16 numbers, 144 dimensions
    ],
)
def test_functions_that_the_other_can_not_be(left: list[str], right: list[str]) -> None:
    found = expressible(net(*left), net(*right), SETTINGS)
    assert found.truth is False, found.reason
    assert equivalent(net(*left), net(*right), SETTINGS).truth is False


@pytest.mark.parametrize("name", [*SAME, *OTHERS, *WITHIN])
def test_laws_that_a_network_is_said_to_keep_are_kept(name: str) -> None:
    left, right = {**SAME, **OTHERS, **WITHIN}[name]()
    if left.inputs != right.inputs or structural.equivalent(left, right).facts.get("invariant") == "shape":
        return
    for one, other in ((left, right), (right, left)):
        for each in kept(one, other):
            for seed in range(2):
                broken = Judge(one, SETTINGS.allowed).violation(Draw(kind="integers", seed=seed), each.laws)
                assert broken is None, (each.name, broken)


LAYERS = st.sampled_from(
    [
        conv(3), conv(3, bias=True), conv(2), conv(3, 3), conv(3, 3, bias=True), conv(3, 3, padding=0), conv(3, 5),
        conv(3, more=", stride: 2"), "relu", "batch_norm", "batch_norm: {affine: false}", "layer_scale", "identity",
        "depthwise_conv: {kernel: 3, padding: half}", f"add: {{a: [{conv(3)}], b: [{conv(3, 3)}]}}",
        f"add: {{a: [{conv(3, 3)}, batch_norm], b: [{conv(3)}]}}", "tanh", "dropout",
        conv(3, 3, more=", padding_mode: circular"),
    ]
)  # fmt: skip


@given(st.lists(LAYERS, min_size=1, max_size=4), st.lists(LAYERS, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_two_networks(layers: list[str], others: list[str]) -> None:
    """What is proved is measured; what one way is expressible and the other way too is not told apart."""
    left, right = (net(*each, conv(3), x="[3, 7, 6]") for each in (layers, others))
    quick = Settings(draws=3)
    same = equivalent(left, right, quick)
    there, back = expressible(left, right, quick), expressible(right, left, quick)
    assert not any("disagree" in each.reason for each in (same, there, back)), (same, there, back)
    assert equivalent(right, left, quick).truth is same.truth
    if same.truth is True:
        assert there.truth is not False and back.truth is not False
    if there.truth is True and back.truth is True:
        assert same.truth is not False
    if same.truth is False and same.witness is not None and same.witness.recipe:
        values = replay(right if same.facts["of"] == "right" else left, same.witness)
        assert values[0] != values[1]


def test_weights_that_are_made_are_the_only_ones_that_fit() -> None:
    """The measure would show a wrong construction: with other weights the outputs differ."""
    left, right = WITHIN["linear through relu"]()
    found = corresponding(left, right, within=True)
    assert found is not None
    right_way = measured(left, right, found, SETTINGS)
    wrong_way = measured(left, right, found._replace(pairs=()), SETTINGS)
    assert right_way is not None and right_way.error == 0
    assert wrong_way is not None and wrong_way.error > 0.1


def test_what_is_too_large_is_not_run() -> None:
    flat = net(conv(64, 3), "relu", conv(3, 3), x="[64, 2000, 2000]")
    found = equivalent(flat, flat, SETTINGS)
    assert found.truth is True and "error" not in found.facts


def test_a_network_and_its_deployed_form() -> None:
    """RepVGG A0 (Ding et al. 2021, arXiv:2101.03697): every function of the one is one of the other."""
    names = load("repvgg_a0").designs
    train, deploy = (load("repvgg_a0", name).flat() for name in names[:2])
    found = structural.equivalent(train, deploy)
    assert found.truth is True and len(found.facts["pairs"]) == 23
    assert torch.get_default_dtype() == torch.float32  # left as it was
