"""The matrix products that layers are, against the multiply-accumulates that they cost: every kind, the whole zoo."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from archtool.analysis.catalog import shipped_designs
from archtool.cost import MACS
from archtool.layer import Join, find, kinds
from archtool.product import GATHERED, INPUT, MADE, SCATTERED, UNFOLDED, Product
from archtool.runs import LayerRun, layer_run
from archtool.shape import Shape
from archtool.spec.spec import python_value


def assert_products_cost_what_the_layer_costs(run: LayerRun) -> None:
    """By cost term and in every number a whole one."""
    products = run.layer.products(run.inputs[0], run.output)
    found: Counter[str] = Counter()
    for each in products:
        found[each.term] += each.macs
    assert +found == {term: count for term, count in run.cost.operations.items() if term in MACS and count}
    for each in products:
        assert all(type(size) is int and size >= 0 for size in (each.m, each.n, each.k, each.count))


EXAMPLES = [
    pytest.param(kind, example, id=f"{kind}-{index}")
    for kind in sorted(kinds())
    if not issubclass(find(kind), Join)
    for index, example in enumerate(find(kind).examples)
]


@pytest.mark.parametrize(("kind", "example"), EXAMPLES)
def test_the_products_of_a_kind(kind: str, example: Any) -> None:
    fields = {
        name: value if isinstance(value, str | Shape) else python_value(value) for name, value in example.fields.items()
    }
    assert_products_cost_what_the_layer_costs(layer_run(find(kind).read(fields), example.input))


@pytest.mark.parametrize("flag", ["bidirectional"])
def test_the_products_of_both_directions(flag: str) -> None:
    for kind in ("lstm", "gru", "rnn"):
        layer = find(kind).read({"hidden": 5, "layers": 3, flag: True})
        assert_products_cost_what_the_layer_costs(layer_run(layer, Shape(4, (6,), True)))


def test_the_products_of_the_whole_zoo() -> None:
    seen: set[int] = set()
    kinds_of_products = set()
    for _, design in shipped_designs():
        for layer in design.flat().layers:
            if id(layer.run) not in seen and not layer.run.layer.is_join:
                seen.add(id(layer.run))
                assert_products_cost_what_the_layer_costs(layer.run)
                products = layer.run.layer.products(layer.run.inputs[0], layer.run.output)
                kinds_of_products |= {each.left for each in products}
    assert kinds_of_products == {INPUT, GATHERED, UNFOLDED, SCATTERED, MADE}


def product_of(fields: dict[str, Any], x: Shape, kind: str = "conv") -> Product:
    (found,) = run_of(kind, fields, x)
    return found


def run_of(kind: str, fields: dict[str, Any], x: Shape) -> tuple[Product, ...]:
    run = layer_run(find(kind).read({name: python_value(value) for name, value in fields.items()}), x)
    return run.layer.products(x, run.output)


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"kernel": 1}, INPUT),
        ({"kernel": 1, "groups": 4}, INPUT),
        ({"kernel": 1, "stride": 2}, GATHERED),
        ({"kernel": 1, "stride": [1, 2]}, GATHERED),
        ({"kernel": 1, "padding": [[0, 1], 0]}, UNFOLDED),
        ({"kernel": 3, "padding": 1}, UNFOLDED),
        ({"kernel": [1, 3]}, UNFOLDED),
        ({"kernel": [6, 5]}, INPUT),  # one window, over all there is
        ({"kernel": [6, 5], "groups": 2}, UNFOLDED),
        ({"kernel": [3, 3], "dilation": [2, 2]}, UNFOLDED),
    ],
)
def test_what_a_convolution_copies(fields: dict[str, Any], left: str) -> None:
    found = product_of({"out": 8, **fields}, Shape(4, (6, 5)))
    assert found.left == left
    assert bool(found.copied) == (left in (GATHERED, UNFOLDED))


def test_the_products_of_published_layers() -> None:
    """ResNet-50's stem (He et al. 2015): 112 x 112 windows of 7 x 7 x 3, 64 filters; MobileNet's first depthwise layer
    (Howard et al. 2017): a product a channel, of one column."""
    stem = product_of({"out": 64, "kernel": 7, "stride": 2, "padding": 3, "bias": False}, Shape(3, (224, 224)))
    assert (stem.m, stem.n, stem.k, stem.count, stem.copied) == (12544, 64, 147, 1, 12544 * 147)
    depthwise = product_of({"kernel": 3, "padding": 1}, Shape(32, (112, 112)), "depthwise_conv")
    assert (depthwise.m, depthwise.n, depthwise.k, depthwise.count) == (12544, 1, 9, 32)
    up = product_of({"out": 32, "kernel": 4, "stride": 2, "padding": 1}, Shape(64, (28, 28)), "conv_transpose")
    assert (up.m, up.n, up.k, up.left, up.copied) == (784, 512, 64, SCATTERED, 784 * 512)


def test_the_products_of_attention() -> None:
    """ViT-B/16 (Dosovitskiy et al. 2020): 197 tokens, 12 heads of 64 channels."""
    found = {
        each.name: (each.m, each.n, each.k, each.count)
        for each in run_of("attention", {"heads": 12}, Shape(768, (197,), True))
    }
    assert found == {
        "queries": (197, 768, 768, 1),
        "keys, values": (197, 768, 768, 2),
        "scores": (197, 197, 64, 12),
        "mixing": (197, 64, 197, 12),
        "output": (197, 768, 768, 1),
    }
