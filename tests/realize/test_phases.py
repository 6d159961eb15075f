"""Receptive fields by phase, measured: transposed and upsampled paths, their joins, broadcasts, crops and shuffles."""

from __future__ import annotations

import pytest
import torch

from archtool import load
from archtool.realize.fields import Fields, measure
from archtool.realize.result import Row

UPS = {
    "transposed": "conv_transpose: {out: 4, kernel: 2, stride: 2}",
    "overlapping": "conv_transpose: {out: 4, kernel: 4, stride: 2, padding: 1}",
    "odd": "conv_transpose: {out: 4, kernel: 3, stride: 2, padding: 1, output_padding: 1}",
    "gaps": "conv_transpose: {out: 4, kernel: 1, stride: 2, output_padding: 1}",
    "dilated": "conv_transpose: {out: 4, kernel: 2, stride: 2, dilation: 3, padding: 1}",
    "nearest": "upsample: {scale: 2}",
    "bilinear": "upsample: {scale: 2, mode: bilinear}",
    "bicubic": "upsample: {scale: 2, mode: bicubic}",
    "sized": "upsample: {size: input.size, mode: bilinear}",
    "corners": "upsample: {size: input.size, mode: bilinear, align_corners: true}",
    "shuffled": "pixel_shuffle: {factor: 2}",
}


def measured(text: str) -> Fields:
    """What is measured where everything agrees, and nothing is left out."""
    fields = measure(load(f"archtool: 1\nname: net\n{text}").flat(), torch.device("cpu"))
    assert [row for row in fields.rows if not row.agrees] == []
    assert fields.notes == []
    return fields


def row(fields: Fields, name: str, what: str = "height") -> Row:
    return next(row for row in fields.rows if (row.name, row.what) == (name, what))


def unet(up: str, padding: int) -> str:
    """A small U-Net: two levels, its convolutions padded or not; then the way up is cropped from."""
    crop = "" if padding else "crop: {size: up.size}"
    return f"""\
input: [4, 36, 44]
blocks:
  double: {{args: {{out: required}}, body: [conv: {{out: out, kernel: 3, padding: {padding}}}, relu]}}
  up: {{body: [{up}]}}
layers:
  - for: i
    in: range(2)
    do:
      - double: {{out: 4}}
        name: skip
      - max_pool: {{kernel: 2}}
  - double: {{out: 4}}
  - for: i
    in: [1, 0]
    do:
      - up:
        name: up
      - concat:
          skip: [{{identity: {{}}, at: "skip[i]"}}, {crop}]
          up: []
      - double: {{out: 4}}
"""


@pytest.mark.parametrize("up", [name for name in UPS if name not in ("sized", "corners", "shuffled", "dilated")])
def test_a_u_net_keeps_its_phases(up):
    fields = measured(unet(UPS[up], padding=1))
    stride, *ends = row(fields, "loop2.1.concat").measured
    assert stride == 4  # two levels: four kinds of positions
    assert len(ends) == 8


@pytest.mark.parametrize("up", ["transposed", "nearest"])
def test_a_u_net_that_crops(up):
    measured(unet(UPS[up], padding=0))


@pytest.mark.parametrize("up", UPS)
def test_a_convolution_behind_every_way_up(up):
    text = f"""\
input: [4, 20, 18]
layers:
  - conv: {{out: 4, kernel: 3, stride: 2, padding: 1}}
  - {UPS[up]}
  - conv: {{out: 2, kernel: 3, padding: half}}
  - max_pool: {{kernel: 3, stride: 2}}
"""
    measured(text)


@pytest.mark.parametrize("up", ["transposed", "odd", "gaps", "nearest", "bilinear", "sized"])
def test_paths_that_do_not_lie_above_each_other(up):
    """Beside the input itself, a path down and up again: its centre lies between positions, by another half a phase."""
    text = f"""\
input: [4, 20, 18]
layers:
  - add:
      down: [conv: {{out: 4, kernel: 3, stride: 2, padding: 1}}, {UPS[up]}]
      near: [conv: {{out: 4, kernel: 2, padding: [[1, 0], [0, 1]]}}]
  - conv: {{out: 2, kernel: 3}}
"""
    fields = measured(text)
    assert len(row(fields, "add").measured) == 5


def test_positions_between_the_taps_see_nothing():
    fields = measured("input: [4, 9, 9]\nlayers: [conv_transpose: {out: 4, kernel: 1, stride: 3}]\n")
    assert row(fields, "conv_transpose").measured == (1, 0, 0, 1, 0, 1, 0)
    fields = measured(
        "input: [4, 9, 9]\nlayers: [conv_transpose: {out: 4, kernel: 1, stride: 3}, conv: {out: 1, kernel: 2}]\n"
    )
    assert row(fields, "conv").measured == (1, 0, 0, 1, 0, 1, 1)


def test_a_size_that_is_no_multiple():
    fields = measured("input: [4, 8, 6]\nlayers: [upsample: {size: [12, 10]}, conv: {out: 2, kernel: 3, stride: 2}]\n")
    assert row(fields, "upsample").measured == (2, 0, 0, 0, 0, 1, 1)


def test_what_was_pooled_over_everything_is_spread_again():
    """As in the image branch of atrous spatial pyramid pooling: it joins what is as large as the network's input."""
    text = """\
input: [4, 12, 14]
layers:
  - conv: {out: 4, kernel: 3, stride: 2, padding: 1}
    name: c
  - concat:
      near: [conv: {out: 2, kernel: 3, padding: half}]
      image: [global_avg_pool, conv: {out: 2, kernel: 1}, upsample: {size: c.size, mode: bilinear}]
  - conv: {out: 4, kernel: 1}
  - upsample: {size: input.size, mode: bilinear}
"""
    fields = measured(text)
    assert row(fields, "concat", "sees").measured == "local and global"
    assert row(fields, "upsample").measured == (2, -5, 3, -3, 5)


def test_a_roll_and_its_return():
    fields = measured("input: [4, 12, 14]\nlayers: [roll: {shift: [3, -2]}, roll: {shift: [-3, 2]}]\n")
    assert row(fields, "roll1", "width").measured == (1, 2, 2)
    assert row(fields, "roll2").measured == (1, 0, 0)


def test_parts_of_the_channels_keep_one_channel_networks_measurable():
    text = """\
input: [8, 12, 14]
layers:
  - concat:
      kept: [chunk: {parts: 2, index: 0}]
      other: [chunk: {parts: 2, index: 1}, conv: {out: 4, kernel: 3, padding: 1}]
  - channel_shuffle: {groups: 2}
  - slice: {start: 2, stop: 6}
  - glu
  - pixel_unshuffle: {factor: 2}
  - pixel_shuffle: {factor: 2}
"""
    fields = measured(text)
    assert row(fields, "glu").measured == (1, -1, 1)
    assert row(fields, "pixel_shuffle").measured == (2, -1, 2, -1, 2)
