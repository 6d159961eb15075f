"""`archtool gemm`: golden tables, JSON and CSV that agree with the report, refusals."""

from __future__ import annotations

import csv
import io
import json
from fractions import Fraction

import pytest

from archtool import load
from archtool.analysis.catalog import shipped_designs
from archtool.analysis.gemm import CHANNELS_FIRST, CHANNELS_LAST, GemmRow, Strides, gemm
from archtool.errors import RuleError

ATTENTION = "input: {tokens: 5, channels: 8}\nlayers:\n  - attention: {heads: 2}\n"
NOTHING = "input: [3, 4, 4]\nlayers:\n  - relu\n"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("gemm.text", ("lenet5",)),
        ("gemm_distinct.text", ("resnet50", "--distinct", "--layout", "channels_last", "--dtype", "float16")),
        ("gemm.csv", ("lenet5", "--format", "csv", "--batch", "2")),
        ("gemm.json", ("lenet5", "--format", "json", "--set", "classes=3")),
        ("gemm.md", ("lenet5", "--format", "md")),
    ],
)
def test_golden(archtool, golden, name, arguments):
    called = archtool("gemm", *arguments)
    assert (called.code, called.err) == (0, "")
    golden(name, called.out)


def test_the_macs_are_those_of_every_reading():
    for _, design in shipped_designs():
        assert gemm(design, batch=3).macs == 3 * design.run.cost.macs


def rows(text: str, **asked: object) -> dict[str, GemmRow]:
    return {row.name + row.product: row for row in gemm(load(text), **asked).rows}  # type: ignore[arg-type]


def sizes(row: GemmRow) -> tuple[int, int, int, int]:
    return row.m, row.n, row.k, row.count


def test_a_batch_is_more_rows_or_more_products():
    """Images that lie channels first can't be one matrix: the rows of one end where its next channel begins."""
    text = "input: [8, 3, 3]\nlayers:\n  - conv: {out: 4, kernel: 1}\n  - flatten\n  - linear: {out: 5}\n"
    first, last = (rows(text, batch=7, layout=layout) for layout in (CHANNELS_FIRST, CHANNELS_LAST))
    assert [first["conv"].m, first["conv"].count] == [9, 7]
    assert [last["conv"].m, last["conv"].count] == [63, 1]
    assert sizes(first["linear"]) == sizes(last["linear"]) == (7, 5, 36, 1)
    assert (first["conv"].strides, last["conv"].strides) == (Strides(1, 9), Strides(8, 1))
    assert (first["conv"].streams, last["conv"].streams) == (False, True)


def test_scores_are_each_items_own():
    found = rows(ATTENTION, batch=3)
    assert sizes(found["attentionscores"]) == (5, 5, 4, 6)
    assert sizes(found["attentionqueries"]) == (15, 8, 8, 1)
    assert found["attentionqueries"].strides == Strides(8, 1)
    assert found["attentionscores"].strides is found["attentionscores"].streams is None


def test_intensity_and_waste():
    """A 1 x 1 convolution from 6 to 5 channels at 9 positions: 270 multiply-adds; 54 + 30 + 45 elements; in half
    precision rounded up to 16 x 8 x 8."""
    (row,) = rows("input: [6, 3, 3]\nlayers:\n  - conv: {out: 5, kernel: 1}\n", dtype="float16").values()
    assert row.macs == 270
    assert row.intensity == Fraction(540, 2 * 129)
    assert row.waste == 1 - Fraction(270, 1024)
    (row,) = rows("input: [6, 3, 3]\nlayers:\n  - conv: {out: 5, kernel: 1}\n", batch=2, dtype="int8").values()
    assert row.moved == 2 * (54 + 45) + 30  # the weights once
    assert row.padded == 2 * 16**3


def test_the_largest_copy():
    found = gemm(load("resnet50"))
    assert found.largest is not None
    assert (found.largest.name, found.largest.copied) == ("stem", 112 * 112 * 147 * 4)
    assert gemm(load(NOTHING)).largest is None


def test_a_network_without_products(archtool):
    called = archtool("gemm", "-", stdin=NOTHING.encode())
    assert (called.code, called.err) == (0, "")
    assert "0 MACs" in called.out


def test_json_and_csv_say_the_same(archtool):
    found = json.loads(archtool("gemm", "mobilenet_v2", "--format", "json").out)
    lines = list(csv.DictReader(io.StringIO(archtool("gemm", "mobilenet_v2", "--format", "csv").out)))
    assert len(found["products"]) == len(lines)
    for row, line in zip(found["products"], lines, strict=True):
        assert [str(row[key]) for key in ("name", "m", "n", "k", "count", "macs", "copied")] == [
            line[key] for key in ("name", "m", "n", "k", "count", "macs", "copied")
        ]
    assert sum(each["macs"] for each in found["families"]) == found["macs"]


def test_a_check_that_differs_ends_with_1(archtool, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr("archtool.realize.gemm.TOLERANCE", -1.0)
    called = archtool("gemm", "lenet5", "--check")
    assert called.code == 1
    assert "5 differ: c1, c3, c5, f6, linear" in called.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("resnet5",), "did you mean 'resnet"),
        (("lenet5", "--dtype", "half"), "unknown dtype 'half'"),
        (("lenet5", "--layout", "nhwc"), "'channels_first', 'channels_last'"),
    ],
)
def test_refusals(archtool, arguments, message):
    called = archtool("gemm", *arguments)
    assert called.code == 2
    assert message in called.err
    assert called.out == ""


def test_an_unknown_layout():
    with pytest.raises(RuleError, match="unknown layout 'channel_last'; did you mean 'channels_last'"):
        gemm(load("lenet5"), layout="channel_last")


def test_a_check_tells_each_layers_error(archtool):
    pytest.importorskip("torch")
    called = archtool("gemm", "lenet5", "--check", "--format", "json")
    assert called.code == 0
    checks = json.loads(called.out)["checks"]
    assert checks["ok"]
    assert [each["name"] for each in checks["layers"]] == ["c1", "c3", "c5", "f6", "linear"]
    assert all(each["error"] < 1e-12 for each in checks["layers"])
    text = archtool("gemm", "lenet5", "--check").out
    assert "checked in torch, float64, seed 0, layers that differ: 5: all agree; largest error" in text
    assert archtool("gemm", "lenet5", "--check", "--format", "csv").out.splitlines()[0].endswith(",error")


def test_in_symbols(archtool):
    asked = ("gemm", "bottleneck", "--in", "h, w, mid")
    text = archtool(*asked)
    assert (text.code, text.err) == (0, "")
    lines = [line.split() for line in text.out.splitlines()]
    assert ["add.main.conv2", "conv", "h*w", "mid", "9*mid", "unfolded"] in lines
    found = json.loads(archtool(*asked, "--format", "json").out)
    assert found["symbols"] == ["h", "w", "mid"]
    assert [row["k"] for row in found["products"]] == ["256", "9*mid", "mid", "256"]
    rows = list(csv.DictReader(io.StringIO(archtool(*asked, "--format", "csv").out)))
    assert [row["k"] for row in rows] == ["256", "9*mid", "mid", "256"]
    assert "| `add.main.conv2` | conv | `h*w` | `mid` | `9*mid` |" in archtool(*asked, "--format", "md").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--in", "foo"), "'foo' is neither a var"),
        (("--in", "mid", "--check"), "--check is of numbers, --in of formulas"),
        (("--in", "mid", "--batch", "2"), "--batch is of numbers"),
        (("--block", "bottleneck"), "--block goes with --in"),
    ],
)
def test_refusals_in_symbols(archtool, arguments, message):
    called = archtool("gemm", "bottleneck", *arguments)
    assert called.code == 2
    assert message in called.err
    assert called.out == ""
