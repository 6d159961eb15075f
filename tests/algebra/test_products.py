"""Matrix products in symbols: multiplied out and added up they are the formula of the multiply-accumulates."""

from __future__ import annotations

import pytest

from archtool import load
from archtool.algebra.polynomial import polynomial
from archtool.algebra.products import product_formulas
from archtool.analysis.gemm import gemm
from archtool.errors import SpecError


@pytest.mark.parametrize(
    ("name", "symbols"),
    [
        ("resnet50", "width, n, res=32*m"),
        ("mobilenet_v2", "h, w"),
        ("vit_b_16", "res=16*m"),
        ("bottleneck", "h, w, mid, channels"),
        ("unet", "h, w"),
        ("swin_t", "width=96*m"),
    ],
)
def test_multiplied_out_they_are_the_macs(name: str, symbols: str) -> None:
    design = load(name)
    found = product_formulas(design, symbols)
    total = polynomial(0)
    for row in found.rows:
        part = row.m.polynomial * row.n.polynomial * row.k.polynomial
        total = total + part * row.count.polynomial * row.times.polynomial
    assert total == design.formula("macs", symbols).total.polynomial


def test_at_the_usual_values_they_are_the_numbers() -> None:
    design = load("mobilenet_v2")
    numbers = [(row.m, row.n, row.k, row.count, row.left) for row in gemm(design).rows]
    found = []
    for row in product_formulas(design, "h, w").rows:
        sizes = [closed.at(h=224, w=224) for closed in (row.m, row.n, row.k, row.count)]
        found += [(*sizes, row.left)] * int(row.times.at(h=224, w=224))
    assert sorted(found) == sorted(numbers)


def test_of_a_block_by_itself() -> None:
    found = product_formulas(load("resnet50"), "mid", block="bottleneck")
    assert [(str(row.m), str(row.n), str(row.k), str(row.times), row.left) for row in found.rows] == [
        ("h*w", "mid", "c", "1", "input"),
        ("h*w", "mid", "9*mid", "1", "unfolded"),
        ("h*w", "4*mid", "mid", "1", "input"),
        ("h*w", "4*mid", "c", "(1 if c != 4*mid else 0)", "input"),
    ]
    assert found.assumptions == ("mid, c, h, w >= 1",)


def test_what_is_no_symbol_is_refused() -> None:
    with pytest.raises(SpecError, match="'foo' is neither a var of 'resnet50'"):
        product_formulas(load("resnet50"), "foo")
