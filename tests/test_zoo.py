"""The shipped specs against the numbers that others publish (tests/published, each file with its source)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from archtool import load
from archtool.analysis.catalog import shipped, shipped_designs
from archtool.spec.catalog import shipped_files, shipped_names
from archtool.spec.reader import read_file
from archtool.spec.spec import Spec

FOLDER = Path(__file__).parent / "published"
ASKED_FOR = {
    "lenet5", "alexnet", "nin", "vgg16", "resnet18", "resnet50", "resnet50_v1", "resnet101", "resnet152",
    "mobilenet_v1", "mobilenet_v2", "squeezenet1_0", "squeezenet1_1", "googlenet", "inception_v3", "xception",
    "resnext50_32x4d", "resnext101_32x8d", "wide_resnet50_2", "wide_resnet101_2",
    "densenet121", "densenet161", "densenet169", "densenet201", "mobilenet_v3_large", "mobilenet_v3_small",
    "mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3", *(f"efficientnet_b{i}" for i in range(8)),
    "regnet_x_400mf", "regnet_x_32gf", "regnet_y_400mf", "regnet_y_128gf", "repvgg_a0", "repvgg_a0_deploy",
    "r3d_18", "wavenet", "resnet20", "resnet110", "resnet1202", "order",
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
    spec = Spec(read_file(path), None, path.parent)
    assert len(spec.about) > 40
    assert spec.source.startswith("https://")
    assert spec.name == path.stem


def test_in_the_zoo_a_name_is_that_of_one_design():
    """So that `archtool analyze efficientnet_b3` needs no file."""
    names = [design.name for file, design in shipped_designs() if file.startswith("zoo/")]
    assert len(set(names)) == len(names)
    for name in names:
        assert load(name).name == name


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
    if "gmacs_at" in stated:
        totals = load(name, res=stated["gmacs_at"]).analyze().totals
    assert round(totals.macs / 1e9, 3) == stated["gmacs"]


@pytest.mark.parametrize("name", published("timm.json")["models"])
def test_totals_of_timm(name):
    stated = published("timm.json")["models"][name]
    totals = load(name).analyze().totals
    assert (totals.params, totals.macs) == (stated["params"], stated["macs"])


@pytest.mark.parametrize("name", published("torchvision_dense.json")["models"])
def test_totals_and_outputs_of_torchvisions_dense_predictors(name):
    stated = published("torchvision_dense.json")["models"][name]
    design = load(name)
    totals = design.analyze().totals
    assert (totals.params, totals.macs) == (stated["params"], stated["macs"])
    flat = design.flat()
    shapes = {layer.target: layer.run.output.dims for layer in flat.layers}
    assert {name: list(shapes[number]) for name, number in flat.outputs.items()} == stated["outputs"]


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
    assert report.totals.macs + operations["linear.bias"] + operations.get("conv.bias", 0) == stated["flops"]
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


@pytest.mark.parametrize(
    ("name", "size"),  # Radosavovic et al. 2020, arXiv:2003.13678: widths and depths follow from the four numbers
    [
        ("regnet_x_1_6gf", {"widths": (72, 168, 408, 912), "depths": (2, 4, 10, 2)}),
        ("regnet_x_3_2gf", {"widths": (96, 192, 432, 1008), "depths": (2, 6, 15, 2)}),
        ("regnet_y_8gf", {"widths": (224, 448, 896, 2016), "depths": (2, 4, 10, 1)}),
    ],
)
def test_regnets_stages_are_the_published_ones(name, size):
    stages = [row for row in load(name).analyze().rows if row.kind == "conv" and row.name.endswith("add.main.cb1.conv")]
    widths = tuple(row.output[0] for row in stages)
    assert tuple(dict.fromkeys(widths)) == size["widths"]
    assert tuple(widths.count(width) for width in size["widths"]) == size["depths"]


@pytest.mark.parametrize(
    ("n", "millions", "digits"),  # He et al. 2015, arXiv:1512.03385, Table 6
    [(3, 0.27, 2), (5, 0.46, 2), (7, 0.66, 2), (9, 0.85, 2), (18, 1.7, 1), (200, 19.4, 1)],
)
def test_residual_networks_for_cifar(n, millions, digits):
    design = load("resnet_cifar", n=n)
    totals = design.analyze().totals
    assert round(totals.params / 1e6, digits) == millions
    weighted = [row for row in design.analyze().rows if row.kind in ("conv", "linear")]
    assert len(weighted) == 6 * n + 2
    assert totals == load(f"resnet{6 * n + 2}").analyze().totals


@pytest.mark.parametrize("stacks", [1, 2, 3])
def test_a_stack_of_wavenet_sees_1024_samples(stacks):
    """van den Oord et al. 2016, arXiv:1609.03499, section 2.1; another stack sees 1023 more, and nothing ahead."""
    field = load("wavenet", stacks=stacks, front=1).analyze().totals.receptive_field
    assert (field.size, field.start) == ((1023 * stacks + 1,), (-1023 * stacks,))


@pytest.mark.parametrize("size", ["a0", "a1", "a2", "b0", "b1", "b1g4", "b2", "b3", "d2se"])
def test_what_deployment_saves_of_repvgg(size):
    """Each block's 1 x 1 and all batch norms go, and a bias comes (Ding et al. 2021, arXiv:2101.03697)."""
    trained, deployed = load(f"repvgg_{size}"), load(f"repvgg_{size}_deploy")
    rows = trained.analyze().rows
    points = [row for row in rows if row.name.endswith("add.one.conv")]
    norms = [row for row in rows if row.kind == "batch_norm"]
    convs = [row for row in rows if row.name.endswith("add.three.conv")]
    saved = sum(row.params for row in (*points, *norms)) - sum(row.output[0] for row in convs)
    assert trained.analyze().totals.params - deployed.analyze().totals.params == saved
    assert trained.analyze().totals.macs - deployed.analyze().totals.macs == sum(row.macs for row in points)
