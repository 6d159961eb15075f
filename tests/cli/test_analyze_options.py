"""The options of `archtool analyze`, and what SPEC may be."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

SMALL = str(Path(__file__).parents[1] / "golden" / "small.yaml")
BYTES = {"float64": 8, "float32": 4, "bfloat16": 2, "float16": 2, "float8": 1, "int8": 1}
COSTS = ("params", "macs", "flops", "activations")
PUBLISHED = Path(__file__).parents[1] / "published"
DEEP = b"input: [8, 16, 16]\nlayers:\n  - conv: {out: 8, kernel: 3, padding: half}\n    repeat: 10**12\n"


@pytest.fixture
def report(archtool):
    """The JSON of an analysis."""

    def analyzed(*arguments: str, stdin: bytes = b"") -> dict:
        called = archtool("analyze", *arguments, "--format", "json", stdin=stdin)
        assert (called.code, called.err) == (0, "")
        return json.loads(called.out)

    return analyzed


@pytest.mark.parametrize("depth", range(1, 8))
@pytest.mark.parametrize("spec", [SMALL, "resnet50", "squeezenet"])
def test_rows_at_any_depth_add_up(report, spec, depth):
    analysis = report(spec, "--depth", str(depth))
    assert {cost: sum(row[cost] for row in analysis["layers"]) for cost in COSTS} == {
        cost: analysis["totals"][cost] for cost in COSTS
    }


def test_depth_of_one_shows_the_steps_of_layers(report):
    names = [row["name"] for row in report(SMALL, "--depth", "1")["layers"]]
    assert names == ["stem", "stage.0", "stage.1", "multiply", "global_avg_pool", "flatten", "linear"]


def test_depth_folds_what_cannot_be_written_out(archtool, report):
    called = archtool("analyze", "-", "--format", "json", stdin=DEEP)
    assert (called.code, called.out) == (2, "")
    assert "1,000,000,000,000 layers" in called.err
    (row,) = report("-", "--depth", "1", stdin=DEEP)["layers"]
    assert row["params"] == 584 * 10**12
    assert row["receptive_field"]["size"] == [2 * 10**12 + 1] * 2
    assert "x1000000000000" in archtool("analyze", "-", stdin=DEEP).out


@pytest.mark.parametrize("by", ["params", "macs", "activations"])
def test_sort_puts_the_greatest_first(archtool, by):
    rows = list(csv.DictReader(io.StringIO(archtool("analyze", "resnet50", "--sort", by, "--format", "csv").out)))
    values = [int(row[by]) for row in rows]
    assert len(values) == 175
    assert values == sorted(values, reverse=True)


def test_sort_by_field(report):
    sizes = [max(row["receptive_field"]["size"]) for row in report("vgg16", "--sort", "field")["layers"]]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == 212


def test_sorted_table_has_full_names(archtool):
    first = archtool("analyze", "vgg16", "--sort", "params").out.splitlines()[1]
    assert first.split()[:2] == ["dense.0.linear", "linear"]


def test_set_overrides_vars(report):
    assert report(SMALL, "--set", "width=64") | {"name": "wide"} == report(SMALL, "--design", "wide")
    assert report("resnet", "--set", "depths=[3, 4, 23, 3]")["totals"] == report("resnet101")["totals"]
    assert report("resnet", "--set", "block=basic")["totals"] == report("resnet34")["totals"]
    assert report("resnet", "--set", "width=2 * 16")["totals"] == report("resnet", "--set", "width=32")["totals"]


def test_the_last_of_several_values_holds(report):
    assert report(SMALL, "--set", "width=8", "--set", "width=64") == report(SMALL, "--set", "width=64")


def test_vars_that_depend_on_a_var_follow_it(report):
    wide = report("bottleneck", "--set", "mid=32", "--set", "channels=128")
    assert wide["layers"][-1]["output"] == [128, 56, 56]


def test_batch_multiplies_operations_and_activations(report):
    one, eight = report(SMALL), report(SMALL, "--batch", "8")
    assert eight["totals"]["params"] == one["totals"]["params"]
    for cost in ("macs", "flops", "activations"):
        assert eight["totals"][cost] == 8 * one["totals"][cost]
    assert eight["batch"] == 8
    assert eight["layers"][0]["output"] == one["layers"][0]["output"]


@pytest.mark.parametrize(("dtype", "size"), BYTES.items())
def test_dtype_is_that_of_the_bytes(report, dtype, size):
    totals = report(SMALL, "--dtype", dtype)["totals"]
    assert totals["bytes"] == {"params": size * totals["params"], "activations": size * totals["activations"]}


@pytest.mark.parametrize("name", ["resnet50", "resnet101"])
def test_conv_activations_are_those_of_pycls(report, name):
    # pycls counts the outputs of max pooling too: one, of 64 x 56 x 56
    published = json.loads((PUBLISHED / "pycls.json").read_text())["models"][name]
    analysis = report(name, "--acts", "conv")
    assert analysis["totals"]["activations"] == published["acts"] - 64 * 56 * 56
    assert {row["kind"] for row in analysis["layers"] if row["activations"]} == {"conv", "linear"}


def test_conv_activations_of_resnet50(report):
    assert report("resnet50", "--acts", "conv")["totals"]["activations"] == 11_113_984 + 1000


def test_standard_input(archtool, report):
    text = Path(SMALL).read_bytes()
    assert report("-", stdin=text) == report(SMALL)
    assert archtool("analyze", "-", stdin=b"layers: [relu]\ninput: [1, 4, 4]\n").code == 0


@pytest.mark.parametrize(
    ("spec", "name"), [("resnet50", "resnet50"), ("resnet", "resnet"), ("vgg11", "vgg11"), ("bottleneck", "bottleneck")]
)
def test_shipped_names(report, spec, name):
    assert report(spec)["name"] == name


def test_a_file_is_preferred_to_a_shipped_name(report, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resnet50").write_text("input: [1, 4, 4]\nlayers: [relu]\n")
    assert report("resnet50")["totals"]["params"] == 0


def test_a_design_in_several_files_needs_its_file(archtool, report):
    called = archtool("analyze", "direct")
    assert (called.code, called.out) == (2, "")
    assert "'direct' is a design of basic, bottleneck" in called.err
    assert "basic --design direct" in called.err
    assert report("bottleneck", "--design", "direct")["totals"]["params"] == 590_336
