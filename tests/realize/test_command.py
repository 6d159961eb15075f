"""`archtool verify`: its table, its JSON, its exit codes, and what it says where torch or a device is missing."""

from __future__ import annotations

import json
import sys

import pytest

from archtool.layers.conv import Conv

LENET = """\
lenet5 on cpu, float32

        kind     quantity       predicted  measured  difference
total   network  params            61,706    61,706           0
total   network  macs             416,520   416,520           0
output  network  output                10        10           0
output  network  output on cpu         10        10           0
output  network  sees               local     local           0
output  network  height           0 .. 31   0 .. 31           0
output  network  width            0 .. 31   0 .. 31           0

params: all 12 layers agree
macs: all 12 layers agree
output: all 12 layers agree
output on cpu: all 12 layers agree
sees: all 12 layers agree
height: all 12 layers agree
width: all 12 layers agree
"""


def test_a_network_that_agrees(archtool):
    assert archtool("verify", "lenet5", "--device", "cpu") == (0, LENET, "")


def test_every_layer(archtool):
    called = archtool("verify", "lenet5", "--device", "cpu", "--all-layers")
    assert called.code == 0
    lines = [line.split() for line in called.out.splitlines()]
    assert ["c1", "conv", "output", "6x28x28", "6x28x28", "0"] in lines
    assert "q+0 .. q+4" in called.out
    assert len(lines) > 12 * 7


def test_differences_are_listed_and_end_in_exit_code_1(archtool, monkeypatch):
    weights = Conv._weights
    monkeypatch.setattr(Conv, "_weights", lambda self, x: weights(self, x) + 1)
    called = archtool("verify", "lenet5", "--device", "meta")
    assert (called.code, called.err) == (1, "")
    lines = [line.split() for line in called.out.splitlines()]
    assert ["c1", "conv", "params", "157", "156", "-1"] in lines
    assert "params: 9 of 12 layers agree, 3 differ" in called.out or "differ" in called.out


def test_json(archtool):
    called = archtool("verify", "lenet5", "--device", "cpu", "--format", "json")
    assert called.code == 0
    found = json.loads(called.out)
    assert list(found) == ["name", "device", "dtype", "ok", "totals", "layers", "notes"]
    assert found["ok"] is True
    assert found["totals"][0] == {
        "name": "total", "kind": "network", "what": "params", "predicted": 61706, "measured": 61706, "difference": 0,
    }  # fmt: skip
    assert found["layers"][6]["predicted"] == found["layers"][6]["measured"] == [1, 0, 4]


def test_knobs_and_designs(archtool):
    assert archtool("verify", "basic", "--design", "plain", "--set", "res=14", "--device", "meta").code == 0


@pytest.mark.parametrize("option", [["--device", "gpu"], ["--dtype", "int8"], ["--format", "csv"]])
def test_a_wrong_option_is_refused(archtool, option):
    called = archtool("verify", "lenet5", *option)
    assert called.code == 2
    assert option[1] in called.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--batch", "2"], "--mode, --optimizer, --batch and --in-place go with --memory"),
        (["--effective", "--mode", "training"], "--mode, --optimizer, --batch and --in-place go with --memory"),
        (["--at", "conv1"], "--at and --draws go with --effective"),
        (["--memory", "--draws", "9"], "--at and --draws go with --effective"),
        (["--memory", "--effective"], "--memory and --effective are two comparisons: choose one"),
    ],
)
def test_an_option_of_another_comparison_is_refused(archtool, options, said):
    called = archtool("verify", "lenet5", *options)
    assert (called.code, called.out) == (2, "")
    assert said in called.err


def test_cuda_where_there_is_none(archtool, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    called = archtool("verify", "lenet5", "--device", "cuda")
    assert (called.code, called.out) == (2, "")
    assert called.err == "device: torch finds no CUDA device here; 'cpu' and 'meta' are always there\n"


def test_without_torch_one_line_says_how_to_install_it(archtool, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "torch" or name.startswith("archtool.realize")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    called = archtool("verify", "lenet5")
    assert (called.code, called.out) == (2, "")
    assert called.err.count("\n") == 1
    assert "pip install 'archtool[torch]'" in called.err


def test_too_many_layers_are_refused_by_name(archtool):
    text = b"archtool: 1\nname: deep\ninput: [3, 8, 8]\nlayers:\n  - relu: {}\n    repeat: 10**12\n"
    called = archtool("verify", "-", "--device", "meta", stdin=text)
    assert called.code == 2
    assert "'deep' has 1,000,000,000,000 layers" in called.err


def test_a_network_beyond_torch_s_sizes_is_refused(archtool, tmp_path):
    spec = tmp_path / "huge.yaml"
    spec.write_text("input: [3, 8, 8]\nlayers:\n  - conv: {out: 10**30, kernel: 1}\n")
    said = "'conv' is too large for torch, which counts elements up to 2**62\n"
    assert archtool("verify", str(spec), "--device", "meta") == (2, "", said)
