"""`archtool analyze` in its four formats: golden texts, the documented JSON, the same totals everywhere."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest

SMALL = str(Path(__file__).parents[1] / "golden" / "small.yaml")
COSTS = ("params", "macs", "flops", "activations")
FIELD = {"size": list, "stride": list, "start": list, "global": bool, "aligned": bool}
ROW = {"name": str, "kind": str, "input": list, "output": list, **dict.fromkeys(COSTS, int), "receptive_field": dict}


def assert_has(value: dict, types: dict[str, type]) -> None:
    """Exactly these keys in this order; integers are integers, not truth values or floats."""
    assert list(value) == list(types)
    for key, of in types.items():
        assert type(value[key]) is of, key


def assert_integers(values: list) -> None:
    for value in values:
        assert_integers(value) if isinstance(value, list) else None
        assert isinstance(value, list) or type(value) is int


@pytest.mark.parametrize("form", ["table", "json", "csv", "markdown"])
def test_small_golden(archtool, golden, form):
    golden(f"small.{form}", archtool("analyze", SMALL, "--format", form).out)


def test_block_golden(archtool, golden):
    golden("bottleneck.table", archtool("analyze", "bottleneck", "--set", "stride=2").out)


def test_json_is_as_documented(archtool):
    report = json.loads(archtool("analyze", SMALL, "--format", "json").out)
    assert_has(
        report,
        {"name": str, "input": list, "batch": int, "dtype": str, "totals": dict, "layers": list, "notes": list},
    )
    assert_has(report["totals"], {**dict.fromkeys(COSTS, int), "receptive_field": dict, "bytes": dict})
    assert_has(report["totals"]["bytes"], {"params": int, "activations": int})
    for field in (report["totals"]["receptive_field"], *(row["receptive_field"] for row in report["layers"])):
        assert_has(field, FIELD)
        assert_integers([*field["size"], *field["stride"], *field["start"]])
    for row in report["layers"]:
        assert_has(row, ROW)
        assert_integers([*row["input"], *row["output"]])
    assert all(type(note) is str for note in report["notes"])
    assert report["input"] == [3, 32, 32]


def test_json_of_a_join_has_a_list_of_inputs(archtool):
    layers = json.loads(archtool("analyze", SMALL, "--format", "json").out)["layers"]
    (gate,) = (row for row in layers if row["kind"] == "multiply")
    assert gate["input"] == [[32, 8, 8], [32, 1, 1]]
    assert gate["receptive_field"]["global"]


def test_json_of_several_inputs_names_them(archtool):
    spec = b"inputs: {left: [4, 8, 8], right: [4, 8, 8]}\nlayers: [add: , relu]\n"
    spec = spec.replace(b"add: ", b"{add: , at: [left, right]}")
    report = json.loads(archtool("analyze", "-", "--format", "json", stdin=spec).out)
    assert report["input"] == {"left": [4, 8, 8], "right": [4, 8, 8]}
    assert report["layers"][0]["input"] == [[4, 8, 8], [4, 8, 8]]


def test_fields_of_vectors_have_no_axes(archtool):
    spec = b"input: [8]\nlayers: [linear: {out: 4}]\n"
    field = json.loads(archtool("analyze", "-", "--format", "json", stdin=spec).out)["totals"]["receptive_field"]
    assert field == {"size": [], "stride": [], "start": [], "global": False, "aligned": True}


@pytest.mark.parametrize("spec", [SMALL, "resnet50", "squeezenet", "depthwise_separable"])
def test_totals_agree_across_formats(archtool, spec):
    def shown(form: str) -> str:
        called = archtool("analyze", spec, "--format", form)
        assert (called.code, called.err) == (0, "")
        return called.out

    report = json.loads(shown("json"))
    totals = {cost: report["totals"][cost] for cost in COSTS}
    rows = list(csv.DictReader(io.StringIO(shown("csv"))))
    assert {cost: sum(int(row[cost]) for row in rows) for cost in COSTS} == totals
    assert {cost: sum(row[cost] for row in report["layers"]) for cost in COSTS} == totals
    for form in ("table", "markdown"):
        found = re.findall(r"^(?:- |  )(params|MACs|FLOPs|activations) +([\d,]+)  ", shown(form), re.MULTILINE)
        assert {name.lower(): int(number.replace(",", "")) for name, number in found} == totals


def test_csv_and_json_say_the_same(archtool):
    layers = json.loads(archtool("analyze", SMALL, "--format", "json").out)["layers"]
    rows = list(csv.DictReader(io.StringIO(archtool("analyze", SMALL, "--format", "csv").out)))
    assert [row["name"] for row in rows] == [row["name"] for row in layers]
    for row, layer in zip(rows, layers, strict=True):
        inputs = layer["input"] if isinstance(layer["input"][0], list) else [layer["input"]]
        assert row["input"] == " ".join("x".join(map(str, one)) for one in inputs)
        field = layer["receptive_field"]
        assert row["field_start"] == "x".join(map(str, field["start"]))
        assert row["field_global"] == str(field["global"]).lower()


def test_markdown_table_is_one(archtool):
    lines = archtool("analyze", SMALL, "--format", "markdown").out.splitlines()
    table = lines[: lines.index("")]
    assert {line.count("|") for line in table} == {10}
    assert set(table[1]) == set("|-:")
