"""What the linter says of positions, taps and biases, held against torch."""

from __future__ import annotations

from math import prod
from pathlib import Path

import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from archtool import load
from archtool.claims.lint.net import Net, kind
from archtool.claims.lint.reads import reads
from archtool.claims.lint.rule import rules

SPECS = Path(__file__).parents[1] / "lint" / "specs"


@st.composite
def convolutions(draw: st.DrawFn) -> str:
    axes = [
        {
            "kernel": draw(st.integers(1, 4)),
            "stride": draw(st.integers(1, 4)),
            "padding": draw(st.integers(0, 3)),
            "dilation": draw(st.integers(1, 4)),
            "n": draw(st.integers(1, 9)),
        }
        for _ in range(2)
    ]
    for axis in axes:
        assume(axis["dilation"] * (axis["kernel"] - 1) < axis["n"] + 2 * axis["padding"])
    fields = {name: [axis[name] for axis in axes] for name in ("kernel", "stride", "padding", "dilation")}
    written = ", ".join(f"{name}: {value}" for name, value in fields.items())
    return f"input: [1, {axes[0]['n']}, {axes[1]['n']}]\nlayers: [conv: {{out: 1, {written}}}]\n"


@settings(max_examples=100, deadline=None)
@given(convolutions())
def test_positions_taps_and_blind_outputs_are_those_of_torch(text: str) -> None:
    """With positive weights and inputs nothing cancels: a gradient is 0 only where there is no path."""
    design = load(text)
    (layer,) = Net(design).layers
    axes = reads(layer)
    module = design.torch().double()
    x = torch.rand(1, *layer.run.inputs[0].dims, dtype=torch.float64).add(0.5).requires_grad_()
    (weight,) = [value for name, value in module.named_parameters() if name.endswith("weight")]
    with torch.no_grad():
        weight.copy_(torch.rand_like(weight) + 0.5)
        biases = {name: value for name, value in module.named_parameters() if name.endswith("bias")}
        for bias in biases.values():
            bias.zero_()
    y = module(x)
    y.sum().backward()
    assert x.grad is not None and weight.grad is not None
    read = x.grad[0, 0] != 0
    assert {index for index, row in enumerate(read.any(1)) if row} == (axes[0].read() if axes[1].read() else set())
    assert int(read.sum()) == prod(len(axis.read()) for axis in axes)
    assert int((weight.grad[0, 0] != 0).sum()) == prod(axis.live_taps() for axis in axes)
    assert int((y[0, 0] != 0).sum()) == prod(axis.m - axis.blind() for axis in axes)
    for axis in axes:
        assert axis.last_read() == max(axis.read(), default=-1)


def test_biases_before_a_norm_change_nothing_while_training() -> None:
    design = load(SPECS / "N401" / "bad.yaml")
    hits = {hit.layer.name for hit in rules()["N401"].network(Net(design)) if hit.layer}  # type: ignore[misc]  # it has one
    module = design.torch().double().train()
    x = torch.rand(4, 3, 32, 32, dtype=torch.float64)
    before = module(x)
    changed = 0
    with torch.no_grad():
        for name, value in module.named_parameters():
            if name.removesuffix(".bias") in hits:
                value += torch.randn_like(value)
                changed += 1
    assert changed == len(hits) == 5
    assert torch.allclose(module(x), before, rtol=0, atol=1e-9)


def test_an_idle_rectifier_meets_nothing_negative() -> None:
    design = load(SPECS / "W503" / "bad.yaml")
    module = design.torch().eval()
    (hit,) = rules()["W503"].network(Net(design))  # type: ignore[misc]  # it has one
    assert hit.layer is not None and kind(hit.layer) == "relu"
    met: list[torch.Tensor] = []
    module.get_submodule(hit.layer.name).register_forward_hook(lambda _, inputs, output: met.append(inputs[0]))
    for scale in (1.0, 1e3):
        module(scale * torch.randn(2, 8, 32, 32))
    assert len(met) == 2 and all((tensor >= 0).all() for tensor in met)


def test_a_checkerboard_is_there_and_a_multiple_has_none() -> None:
    """Of ones, by a kernel of ones, inner outputs count the inputs that they sum up."""
    for name, counts in (("bad", {1, 2, 4}), ("good", {4})):
        design = load(SPECS / "F203" / f"{name}.yaml")
        (layer,) = [each for each in Net(design).layers if kind(each) == "conv_transpose"]
        module = layer.run.layer.torch(layer.run.inputs[0])
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.fill_(1.0 if parameter.dim() > 1 else 0.0)
            found = module(torch.ones(1, 16, 8, 8))[0, 0, 2:-2, 2:-2] / 16
        assert set(found.unique().tolist()) == counts


def test_a_rectified_residual_never_falls() -> None:
    design = load(SPECS / "W502" / "bad.yaml")
    module = design.torch().eval()
    sums: list[tuple[torch.Tensor, torch.Tensor]] = []
    module.get_submodule("add").register_forward_hook(lambda _, inputs, output: sums.append((inputs[0], output)))
    module(torch.randn(2, 16, 32, 32))
    ((x, y),) = sums
    assert (y >= x).all() and (y > x).any()
