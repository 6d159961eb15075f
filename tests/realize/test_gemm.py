"""Every kind's layers as the matrix products that they are said to be, against torch."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from archtool import load
from archtool.flatten import FlatLayer
from archtool.layer import Join, find, kinds
from archtool.product import GATHERED, UNFOLDED
from archtool.realize import gemm
from archtool.realize.gemm import Checked, check, check_products
from archtool.realize.products import Products, _windows, multiplied
from archtool.runs import LayerRun, layer_run
from archtool.shape import Shape
from archtool.spec.spec import python_value


def read(kind: str, fields: dict[str, Any], x: Shape) -> LayerRun:
    values = {name: value if isinstance(value, str | Shape) else python_value(value) for name, value in fields.items()}
    return layer_run(find(kind).read(values), x)


def examples() -> list[Any]:
    """Every example of every kind that multiplies matrices."""
    found = []
    for kind in sorted(kinds()):
        for number, example in enumerate(() if issubclass(find(kind), Join) else find(kind).examples):
            run = read(kind, dict(example.fields), example.input)
            if run.cost.macs:
                found.append(pytest.param(run, id=f"{kind}-{number}"))
    return found


def checked(run: LayerRun) -> Checked:
    found = check(FlatLayer("layer", run, tuple(range(len(run.inputs))), len(run.inputs), (), "layer"))
    assert found is not None
    return found


@pytest.mark.parametrize("run", examples())
def test_a_kind_is_the_products_that_it_tells(run: LayerRun) -> None:
    found = checked(run)
    assert found.note == ""
    assert found.told == found.ran
    assert found.error <= gemm.TOLERANCE


@pytest.mark.parametrize(
    ("kind", "fields", "x"),
    [
        ("gru", {"hidden": 3, "layers": 2, "bidirectional": True}, Shape(4, (5,), True)),
        ("rnn", {"hidden": 3, "layers": 2, "bidirectional": True, "bias": False}, Shape(4, (5,), True)),
        ("conv", {"out": 4, "kernel": 1, "stride": 2, "groups": 2}, Shape(6, (5, 4))),
        ("conv", {"out": 4, "kernel": [5, 4]}, Shape(6, (5, 4))),
        ("conv", {"out": 4, "kernel": 3, "dilation": 2, "padding": [[0, 3], 2]}, Shape(2, (7, 8))),
        ("conv", {"out": 4, "kernel": 3, "padding": 1, "padding_mode": "circular"}, Shape(2, (7, 8))),
        ("conv_transpose", {"out": 4, "kernel": 3, "stride": 2, "padding": 1, "output_padding": 1}, Shape(6, (5, 4))),
        ("attention", {"heads": 4, "kv_heads": 2, "causal": True}, Shape(8, (3, 2))),
    ],
)  # fmt: skip
def test_more_layers(kind: str, fields: dict[str, Any], x: Shape) -> None:
    assert checked(read(kind, fields, x)).ok


@pytest.mark.parametrize("fields", [{"kernel": 3, "padding": 1}, {"kernel": 1, "stride": 2}, {"kernel": [2, 3]}])
def test_a_copy_has_as_many_elements_as_is_told(fields: dict[str, Any]) -> None:
    run = read("conv", {"out": 4, **fields}, Shape(2, (6, 5)))
    (product,) = run.layer.products(run.inputs[0], run.output)
    module = run.layer.torch(run.inputs[0])
    pads = [end for pad in reversed(module.padding) for end in (pad, pad)]
    x = torch.nn.functional.pad(torch.randn(1, 2, 6, 5), pads)
    assert product.left in (GATHERED, UNFOLDED)
    assert _windows(x, module.kernel_size, module.stride, module.dilation).numel() == product.copied


def test_a_pointwise_convolution_is_the_product_of_the_input_as_it_lies() -> None:
    """Channels last, the input's own memory is the matrix; channels first, it is the transposed one."""
    from archtool.analysis.gemm import gemm as view

    text = "input: [5, 3, 4]\nlayers:\n  - conv: {out: 7, kernel: 1, bias: false}\n"
    design = load(text)
    module = design.torch().double()
    x = torch.randn(1, 5, 3, 4, dtype=torch.float64)
    for layout, laid in (
        ("channels_first", x.contiguous()),
        ("channels_last", x.contiguous(memory_format=torch.channels_last)),
    ):
        (row,) = view(design, layout=layout).rows
        matrix = torch.as_strided(laid, (row.m, row.k), row.strides)
        weight = next(module.parameters())
        y = matrix @ weight.reshape(row.n, row.k).t()
        torch.testing.assert_close(module(x), y.t().reshape(1, 7, 3, 4), rtol=1e-14, atol=1e-14)
        assert row.streams == (layout == "channels_last")
        assert row.copied == 0


def test_a_whole_network() -> None:
    found = check_products(load("lenet5"))
    assert found.ok
    assert [row.kind for row in found.rows] == ["conv", "conv", "conv", "linear", "linear"]
    assert 0 < found.error <= gemm.TOLERANCE


def test_what_is_too_large_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gemm, "LARGEST", 100_000)
    found = check_products(load("lenet5"))
    assert found.ok
    assert [row.note.partition(":")[0] for row in found.rows if row.note] == ["not run"] * 3


def test_wrong_products_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archtool.realize.gemm.multiplied", lambda *given: multiplied(*given) * (1 + 1e-11))
    assert not check_products(load("lenet5")).ok


def test_a_module_without_a_rule_is_an_error() -> None:
    with pytest.raises(TypeError, match="no rule for Softmax"):
        multiplied(torch.nn.Softmax(), [torch.zeros(1, 2)], Products())
