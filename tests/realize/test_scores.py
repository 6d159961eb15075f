"""Training-free scores against closed forms on tiny networks, and against the published Zen-scores."""

from __future__ import annotations

from math import inf, log, pi, sqrt

import pytest
import torch

from archtool import load
from archtool.errors import RuleError
from archtool.realize.build import realize
from archtool.realize.scores import SCORES, Subject, grad_norm, measure, naswot


def spec(layers: str, head: str = "input: [6]") -> str:
    return f"archtool: 1\nname: net\n{head}\nlayers:\n{layers}"


def linear(*widths: int, between: str = "") -> str:
    steps = [f"  - linear: {{out: {width}, bias: false}}\n" for width in widths]
    return spec(between.join(steps))


def score(name: str, text: str, **options) -> float:
    return measure(load(text), [name], device="cpu", **options)[name].value


def weights(text: str, seed: int) -> list[torch.Tensor]:
    torch.manual_seed(seed)
    return [parameter.detach().double() for parameter in load(text).torch().parameters()]


@pytest.mark.parametrize("between", ["", "  - relu\n", "  - batch_norm\n", "  - dropout: {p: 0.5}\n"])
def test_synflow_of_a_chain_is_its_length_times_the_product_of_absolute_matrices(between):
    """R is linear in each of the three matrices, so that each sum of w dR/dw is R; rectifiers pass what is positive."""
    text = linear(5, 7, 3, between=between)
    flow = torch.ones(6, dtype=torch.float64)
    for matrix in weights(text, 4):
        if matrix.dim() == 2:
            flow = matrix.abs() @ flow
    assert score("synflow", text, seed=4) == pytest.approx(3 * float(flow.sum()), rel=1e-6)


def test_synflow_does_not_sum_over_biases_but_lets_them_flow():
    text = spec("  - linear: {out: 4}\n  - linear: {out: 2, bias: false}\n")
    first, bias, second = weights(text, 0)
    through = second.abs() @ first.abs() @ torch.ones(6, dtype=torch.float64)
    expected = 2 * float(through.sum()) + float((second.abs() @ bias.abs()).sum())
    assert score("synflow", text) == pytest.approx(expected, rel=1e-6)


def subject(text: str, inputs: torch.Tensor) -> Subject:
    flat = load(text).flat()
    return Subject(flat, realize(flat), [inputs])


def test_naswot_is_the_determinant_of_how_many_units_agree():
    text = spec("  - linear: {out: 9}\n  - relu\n  - linear: {out: 5}\n  - gelu\n")
    asked = subject(text, torch.randn(4, 6))
    net, x = asked.network, asked.inputs[0]
    first = net.linear1(x)
    units = torch.cat([first > 0, net.linear2(first.relu()) > 0], dim=1)
    agreeing = torch.tensor([[float((a == b).sum()) for b in units] for a in units], dtype=torch.float64)
    assert naswot(asked) == pytest.approx(float(torch.linalg.det(agreeing).log()), rel=1e-9)


def test_naswot_of_inputs_that_look_the_same_is_minus_infinity():
    text = spec("  - linear: {out: 9}\n  - relu\n")
    x = torch.randn(3, 6)
    assert naswot(subject(text, torch.cat([x, x[1:2]]))) == -inf


def test_grad_norm_of_one_matrix_is_that_of_its_softmax_regression():
    """dL/dW of the mean cross-entropy is (p - y)^T x / n."""
    asked = subject(linear(5), torch.randn(8, 6))
    torch.manual_seed(3)
    labels = torch.randint(5, (8,))
    (x,) = asked.inputs
    errors = (x @ asked.network.linear.weight.detach().T).softmax(1) - torch.nn.functional.one_hot(labels, 5)
    torch.manual_seed(3)
    assert grad_norm(asked) == pytest.approx(float((errors.T @ x / 8).norm()), rel=1e-5)


def test_grad_norm_takes_classes_from_where_the_layout_has_them():
    tokens = spec("  - linear: {out: 3}\n", "input: {tokens: 4, channels: 6}")
    image = spec("  - conv: {out: 3, kernel: 1}\n", "input: [6, 2, 2]")
    assert score("grad_norm", tokens) > 0
    assert score("grad_norm", image) > 0


@pytest.mark.parametrize("norm", ["", "  - batch_norm\n"])
def test_zen_of_one_linear_layer(norm):
    """Each of 64 x 25 differences is normal with deviation 0.01 sqrt(300), and batch norms do not change the sum."""
    text = spec(f"  - conv: {{out: 64, kernel: 1, bias: false}}\n{norm}", "input: [300, 5, 5]")
    expected = log(0.01 * 64 * 25 * sqrt(300) * sqrt(2 / pi))
    assert score("zen", text, batch=32) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize("link_first", [False, True])
def test_zen_leaves_residual_links_and_what_is_behind_the_pooling_out(link_first):
    head = "input: [8, 6, 6]"
    body = "          - conv: {out: 8, kernel: 3, padding: 1, bias: false}\n          - batch_norm\n          - relu\n"
    paths = [f"        main:\n{body}", "        shortcut: []\n"]
    linked = spec("  - add:\n" + "".join(reversed(paths) if link_first else paths), head)
    tail = "  - global_avg_pool\n  - flatten\n  - linear: {out: 10}\n"
    alone = spec(body.replace(" " * 10, "  "), head)
    assert score("zen", linked) == score("zen", alone) == pytest.approx(score("zen", alone + tail), rel=0.01)


@pytest.mark.parametrize(("name", "remembered"), [("resnet18", 59.53), ("resnet34", 112.32)])
def test_zen_of_resnets_is_near_what_its_authors_print(name, remembered):
    """Lin et al. 2021, arXiv:2102.01063; the figures are from memory of the paper, and were not looked up again."""
    assert score("zen", name, batch=2) == pytest.approx(remembered, abs=0.2)


@pytest.mark.parametrize("name", SCORES)
def test_a_score_is_a_number_of_the_design_and_of_the_seed(name):
    text = linear(8, 4, between="  - batch_norm\n  - relu\n")
    state = torch.random.get_rng_state()
    first = measure(load(text), [name], batch=8, draws=2, seed=1, device="cpu")[name]
    assert torch.equal(state, torch.random.get_rng_state()), "a score draws from a state of its own"
    assert first == measure(load(text), [name], batch=8, draws=2, seed=1, device="cpu")[name]
    assert first.value == sum(first.values) / 2
    assert first.values[0] != first.values[1] == score(name, text, batch=8, seed=2)
    assert first.to_dict() | {"values": first.values} == {
        "name": name, "value": first.value, "values": first.values, "batch": 8, "seed": 1, "device": "cpu",
        "dtype": "float64" if name == "synflow" else "float32",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("sinflow", linear(3), "did you mean 'synflow'"),
        ("naswot", linear(3), "this network has none"),
        ("grad_norm", linear(1), "two classes or more"),
        ("zen", spec("  - global_avg_pool\n", "input: [3, 4, 4]"), "in front of the network's pooling"),
    ],
)
def test_what_has_no_score_is_told(name, text, reason):
    with pytest.raises(RuleError, match=reason):
        score(name, text)


def test_the_meta_device_has_no_scores():
    with pytest.raises(RuleError, match="meta"):
        measure(load("lenet5"), ["zen"], device="meta")
