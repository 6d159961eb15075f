"""`archtool field`: golden texts, the documented JSON, drawings that fit, refusals."""

from __future__ import annotations

import json

import pytest

DILATED = """\
name: dilated
input: [3, 48, 64]
layers:
  - conv: {out: 8, kernel: 3, dilation: 2, padding: half}
    repeat: 3
  - add:
      up: [conv: {out: 8, kernel: 3, stride: 2, padding: 1}, conv_transpose: {out: 8, kernel: 2, stride: 2}]
      skip: []
"""


@pytest.fixture
def dilated(tmp_path):
    path = tmp_path / "dilated.yaml"
    path.write_text(DILATED)
    return str(path)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("field_resnet50.text", ("resnet50", "--at", "stage.1", "--position", "2,25")),
        ("field_head.text", ("resnet50", "--at", "linear")),
        ("field_gate.text", ("efficientnet_b0",)),
        ("field_unet.text", ("unet",)),
        ("field_audio.text", ("wavenet", "--support")),
        ("field_video.text", ("r3d_18", "--at", "stage.1")),
        ("field_unproductive.text", ("resnet18", "--set", "res=32", "--unproductive")),
        ("field_productive.text", ("resnet50", "--unproductive")),
        ("field_projective.text", ("resnet50", "--at", "stage.1", "--projective", "--position", "100,10")),
    ],
)
def test_golden(archtool, golden, name, arguments):
    called = archtool("field", *arguments)
    assert (called.code, called.err) == (0, "")
    golden(name, called.out)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("field_dilated.text", ("--at", "conv.2", "--support")),
        ("field_unclipped.text", ("--at", "conv.2", "--unclipped", "--position", "0,0")),
        ("field_reached.text", ("--projective", "--support", "--position", "9,9")),
        ("field.json", ("--at", "conv.0", "--support", "--format", "json", "--position", "0,0")),
    ],
)
def test_golden_of_a_file(archtool, golden, dilated, name, arguments):
    called = archtool("field", dilated, *arguments)
    assert (called.code, called.err) == (0, "")
    golden(name, called.out)


def test_the_effective_field(archtool, golden, dilated):
    """Three windows of 3 positions 2 apart: the variance is 3 * 4 * (3^2 - 1) / 12 (Luo et al. 2016)."""
    out = archtool("field", dilated, "--at", "conv.2", "--effective").out
    text, _, assumed = out.partition("assumes ")
    assert assumed
    golden("field_effective.text", text)
    found = json.loads(archtool("field", dilated, "--at", "conv.2", "--effective", "--format", "json").out)["effective"]
    assert found["widths"] == pytest.approx([8**0.5, 8**0.5])
    assert sum(map(sum, found["map"])) == pytest.approx(1)
    assert found["position"] == [24, 32]


def test_of_three_axes_the_middle_slice_is_drawn(archtool):
    out = archtool("field", "r3d_18", "--at", "stage.0", "--effective").out
    assert "\none character is 2 px wide and 4 px tall; the middle slice along the first axis\n" in out
    assert len([line for line in out.splitlines() if line.startswith("│")]) == 28


def test_json_of_the_others(archtool, dilated):
    found = json.loads(archtool("field", "vgg16", "--set", "res=32", "--unproductive", "--format", "json").out)
    assert found["unproductive"] == {"layers": 7, "params": 13569280, "macs": 160432128}
    assert [layer["why"] for layer in found["layers"]] == ["paths"] * 7
    words = ("--projective", "--support", "--position", "0,0", "--format", "json")
    found = json.loads(archtool("field", dilated, *words).out)
    assert [axis["axis"] for axis in found["axes"]] == ["height", "width"]
    assert found["support"]["projective"] is True
    assert found["support"]["count"] == sum(map(sum, found["support"]["map"]))


def test_a_picture_is_drawn_beside_the_text(archtool, dilated, tmp_path):
    called = archtool("field", dilated, "-o", str(tmp_path / "field.png"))
    assert called.code == 0
    assert called.out.startswith("dilated: add (add), 8x48x64, seen in input (3x48x64)\n")
    assert (tmp_path / "field.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--at", "conv.3"), "there is no layer or block 'conv.3'; did you mean 'conv.2'?"),
        (("--position", "48,0"), "position 48,0 is none of 'add'; allowed: 0,0 to 47,63"),
        (("--position", "4"), "position 4 names 1 of the axes, 'add' has 2 axes (8x48x64)"),
        (("--position", "4;4"), "'4;4' is no position; write one whole number an axis, as in 10,20"),
        (("--projective", "--position", "48,0"), "position 48,0 is none of 'input'; allowed: 0,0 to 47,63"),
        (("--input", "imput"), "there is no layer or block 'imput'; did you mean 'input'?"),
        (("--input", "imput", "--unproductive"), "there is no input 'imput'; did you mean 'input'?"),
        (("-o", "field.jpg"), "field.jpg: '.jpg' is no format of pictures; did you mean"),
        (("-o", "no/field.png"), "there is no folder 'no'"),
        (("-o", "field.png", "--image", "no.png"), "no.png: No such file or directory"),
        (("--image", "photo.png"), "--image is for a picture of what is seen"),
        (("--projective", "--effective"), "--effective is about what is seen: it does not go with --projective"),
        (("--projective", "--unclipped"), "--unclipped is about what is seen: it does not go with --projective"),
        (("--input", "conv.0", "--effective"), "there is no input 'conv.0'; allowed: input"),
        (("--unproductive", "--support"), "--unproductive is about the whole network"),
    ],
)
def test_refusals(archtool, dilated, tmp_path, monkeypatch, arguments, said):
    monkeypatch.chdir(tmp_path)
    called = archtool("field", dilated, *arguments)
    assert (called.code, called.out) == (2, "")
    assert said in called.err
    assert [path.name for path in tmp_path.iterdir()] == ["dilated.yaml"]
