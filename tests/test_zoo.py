"""The shipped specs against the numbers that others publish (tests/published, each file with its source)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from archtool import load
from archtool.analysis.catalog import shipped
from archtool.spec.catalog import shipped_files, shipped_names

FOLDER = Path(__file__).parent / "published"
ASKED_FOR = {
    "lenet5", "alexnet", "nin", "vgg16", "resnet18", "resnet50", "resnet50_v1", "resnet101", "resnet152",
    "mobilenet_v1", "mobilenet_v2", "squeezenet1_0",
    "bottleneck", "basic", "depthwise_separable", "inverted_residual", "mlpconv",
}  # fmt: skip


def published(name: str) -> dict[str, Any]:
    return json.loads((FOLDER / name).read_text())


def params(rows: list[dict[str, Any]]) -> list:
    return [pytest.param(row, id=row["design"]) for row in rows]


def test_all_that_should_be_there_is():
    assert set(shipped_names()) >= ASKED_FOR


@pytest.mark.parametrize("path", shipped_files(), ids=lambda path: path.stem)
def test_every_spec_says_what_it_is_and_where_it_comes_from(path):
    spec = load(path).spec
    assert len(spec.about) > 40
    assert spec.source.startswith("https://")
    assert spec.name == path.stem


@pytest.mark.parametrize("row", [pytest.param(row, id=f"{row.file}-{row.name}") for row in shipped()])
def test_every_design_meets_its_totals(row):
    assert row.meets_expectations


def test_every_published_file_names_its_source():
    for path in FOLDER.glob("*.json"):
        assert '"source": ' in path.read_text()


@pytest.mark.parametrize("name", published("torchvision.json")["models"])
def test_totals_of_torchvision(name):
    stated = published("torchvision.json")["models"][name]
    totals = load(name).analyze().totals
    assert (totals.params, totals.macs) == (stated["params"], stated["macs"])
    assert round(totals.macs / 1e9, 3) == stated["gmacs"]


@pytest.mark.parametrize("row", published("mobilenet_v1.json")["rows"])
def test_the_sixteen_pairs_of_mobilenet(row):
    by_knobs = load("mobilenet_v1", width=row["width"], res=row["res"]).analyze().totals
    by_name = load(f"mobilenet_v1_{round(100 * row['width']):03}_{row['res']}").analyze().totals
    assert (by_knobs.params, by_knobs.macs) == (row["params"], row["macs"])
    assert by_knobs == by_name
    if "paper_million_macs" in row:
        assert round(by_knobs.macs / 1e6) == row["paper_million_macs"]


@pytest.mark.parametrize("name", published("pycls.json")["models"])
def test_totals_of_pycls(name):
    stated = published("pycls.json")["models"][name]
    report = load(name).analyze()
    operations = report.totals.operations
    assert report.totals.params == stated["params"]
    assert report.totals.macs + operations["linear.bias"] == stated["flops"]
    acts = sum(row.activations for row in report.rows if row.kind in ("conv", "linear", "max_pool"))
    assert acts == stated["acts"]


@pytest.mark.parametrize("row", params(published("whole_fields.json")["networks"]))
def test_receptive_fields_of_whole_networks(row):
    field = load(row["design"]).analyze().totals.receptive_field
    assert field.size == (row["size"], row["size"])
    assert field.stride == (row["stride"], row["stride"])
    assert row["padding"] in (None, -field.start[0])
    assert field.aligned


def test_lenet5_sees_exactly_its_input():
    field = load("lenet5").analyze().totals.receptive_field
    assert (field.size, field.start, field.is_global) == ((32, 32), (0, 0), False)


def test_the_two_forms_of_resnet_differ_in_operations_alone():
    for depth in ("50", "101", "152"):
        new, old = (load(f"resnet{depth}{form}").analyze().totals for form in ("", "_v1"))
        assert new.params == old.params
        assert new.macs > old.macs


@pytest.mark.parametrize("name", ["resnet", "resnet_v1"])
def test_resnets_have_their_knobs(name):
    totals = load(name, width=32, depths=[1, 1, 1, 1], res=64, classes=10).analyze().totals
    assert totals.params == load(name, width=32, depths=[1, 1, 1, 1], res=224, classes=10).analyze().totals.params
    assert totals.params < load(name).analyze().totals.params / 5
