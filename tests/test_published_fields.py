"""Receptive fields of published networks, from tests/published/receptive_fields.json, which names their sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from archtool import load
from archtool.field import AxisField

PUBLISHED = json.loads((Path(__file__).parent / "published" / "receptive_fields.json").read_text())

ALEXNET_V2 = """\
name: alexnet_v2, of TF-Slim
input: [3, 224, 224]
layers:
  - {conv: {out: 64, kernel: 11, stride: 4}, name: conv1}
  - {max_pool: {kernel: 3, stride: 2}, name: pool1}
  - {conv: {out: 192, kernel: 5, padding: half}, name: conv2}
  - {max_pool: {kernel: 3, stride: 2}, name: pool2}
  - {conv: {out: 384, kernel: 3, padding: half}, name: conv3}
  - {conv: {out: 384, kernel: 3, padding: half}, name: conv4}
  - {conv: {out: 256, kernel: 3, padding: half}, name: conv5}
  - {max_pool: {kernel: 3, stride: 2}, name: pool5}
"""


def fields_of(source: str, **knobs: object) -> dict[str, AxisField]:
    """What each layer sees along the height, by its name."""
    found = {}
    for layer in load(source, **knobs).flat().layers:
        (field,) = layer.fields
        assert field is not None
        found[layer.name] = field.axes[0]
    return found


def stated(field: AxisField) -> list[Any]:
    return [field.size, field.stride, -field.start]


def check_end_points(rows: list[list[Any]], fields: dict[str, AxisField], names: list[str]) -> None:
    assert [[row[0], *stated(fields[name])] for row, name in zip(rows, names, strict=True)] == rows
    assert all(field.misalignment == 0 for field in fields.values())


def test_alexnet_v2() -> None:
    rows = PUBLISHED["alexnet_v2"]
    check_end_points(rows, fields_of(ALEXNET_V2), [row[0] for row in rows])


def test_vgg_16_at_its_end_points() -> None:
    rows = PUBLISHED["vgg_16"]
    fields = fields_of("vgg16")
    names = []
    for end_point, *_ in rows:
        stage = int(end_point.split("/")[0][-1]) - 1
        turn = int(end_point[-1]) - 1
        names.append(f"stage.{stage}.max_pool" if "pool" in end_point else f"stage.{stage}.conv3.{turn}.conv")
    check_end_points(rows, fields, names)


def test_vgg_16_layer_by_layer() -> None:
    published = PUBLISHED["vgg16_per_layer"]["fields"]
    sizes = [field.size for name, field in fields_of("vgg16").items() if name.endswith((".conv", "max_pool"))]
    assert [1, *sizes] == published


@pytest.mark.parametrize("sizes", ["even sizes (224)", "odd sizes (225)"])
def test_mobilenet_v1_with_the_padding_of_its_resolution(sizes: str) -> None:
    fields = fields_of("mobilenet_v1", res=int(sizes[-4:-1]))
    names = [name for name in fields if name == "conv" or name.endswith("pointwise_conv")]
    check_end_points(PUBLISHED[f"mobilenet_v1 at {sizes}"], fields, names)


def test_resnet_50_v1_block_by_block() -> None:
    """TF-Slim has each stride in a block's last unit, so that the published strides within run ahead of the paper's."""
    fields = fields_of("resnet50_v1")
    rows = PUBLISHED["resnet_v1_50 at even sizes (224)"]
    for (_, size, stride, padding), stage, depth in zip(rows, range(4), (3, 4, 6, 3), strict=True):
        field = fields[f"stage.{stage}.bottleneck.{depth - 1}.add"]
        assert stated(field) == [size, stride if stage == 3 else stride // 2, padding]


@pytest.mark.parametrize(
    ("design", "size"),  # google-research/receptive_field, its table of networks
    [
        ("vgg16", 212),
        ("mobilenet_v1_100_224", 315),
        ("mobilenet_v1_075_224", 315),
        ("resnet50_v1", 483),
        ("resnet101_v1", 1027),
        ("resnet18", 435),
        ("resnet34", 899),
        ("resnet50", 427),
        ("resnet101", 971),
    ],
)
def test_whole_networks(design: str, size: int) -> None:
    (field,) = load(design).run.output.fields
    assert field is not None
    assert field.is_global
    assert field.is_aligned
    assert [axis.size for axis in field.axes] == [size, size]


# --- google-research/receptive_field, python/util/receptive_field_test.py: the tests' small graphs ----------------


def net(body: str, size: str = "17, 17") -> AxisField:
    (field,) = load(f"input: [3, {size}]\nlayers:\n{body}").run.output.fields
    assert field is not None
    return field.axes[0]


NET1 = """\
  - add:
      left: [conv: {out: 3, kernel: 1, stride: 4}]
      right: [pad: {padding: [[1, 0], [1, 0]]}, MIDDLE, conv: {out: 3, kernel: 1, stride: 2}]
"""
CONV1 = NET1.replace("MIDDLE", "conv: {out: 3, kernel: 3, stride: 2}")
POOL2 = NET1.replace("MIDDLE", "max_pool: {kernel: 3, stride: 2}")
NET4 = """\
  - add:
      left: [conv: {out: 1, kernel: 1, stride: 4}]
      right: [conv: {out: 1, kernel: 3, stride: 2, padding: same}, conv: {out: 1, kernel: 1, stride: 2}]
"""


@pytest.mark.parametrize("body", [CONV1, POOL2])
def test_google_1_and_2_aligned_paths(body: str) -> None:
    field = net(body, "16, 16")
    assert stated(field) == [3, 4, 1]
    assert field.misalignment == 0


def test_google_3_misaligned_paths_have_a_hull_here_and_none_there() -> None:
    """Theirs is a ValueError. Ours: paths of stride 2 and 1 drift apart over the positions of the output."""
    field = net(
        """\
  - add:
      left: [pad: {padding: [[2, 1], [2, 1]]}, conv: {out: 1, kernel: 5, stride: 2}]
      right: [conv: {out: 1, kernel: 3}, conv: {out: 1, kernel: 3}]
""",
        "8, 8",
    )
    assert field.misalignment > 0
    assert stated(field) == [8, 2, 3]  # at position 3 the second path begins 3 - 2 * 3 = -3 from where a stride of 2 is


def test_google_4_alignment_depends_on_the_size() -> None:
    assert stated(net(NET4, "9, 9")) == [3, 4, 1]
    assert net(NET4, "9, 9").misalignment == 0
    even = net(NET4, "8, 8")
    assert even.misalignment == 2  # twice the distance: 'same' pads nothing before, so the centres are one apart
    assert stated(even) == [3, 4, 0]


def test_google_5_axes_are_told_apart() -> None:
    body = "  - conv: {out: 1, kernel: [3, 5], stride: 2}\n  - conv: {out: 1, kernel: [3, 1], stride: 2}\n"
    (field,) = load(f"input: [3, 17, 17]\nlayers:\n{body}").run.output.fields
    assert field is not None
    assert [stated(axis) for axis in field.axes] == [[7, 4, 0], [5, 4, 0]]


def test_google_8_and_9_joins_behind_joins() -> None:
    second = """\
  - relu
  - add:
      left: [conv: {out: 3, kernel: 1, stride: 2}]
      right: [PADconv: {out: 3, kernel: 3, stride: 2PADDING}]
"""
    eight = second.replace("PADDING", "").replace("PAD", "pad: {padding: [[1, 0], [1, 0]]}, ")
    nine = second.replace("PADDING", ", padding: same").replace("PAD", "")
    assert stated(net(CONV1 + eight, "16, 16")) == [11, 8, 5]
    assert stated(net(NET4 + nine)) == [11, 8, 5]
