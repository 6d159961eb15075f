"""Receptive fields measured where it is not plain: other skeletons, small inputs, phases, kernels that mix."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from archtool import load
from archtool.errors import RuleError
from archtool.realize import forward, probe
from archtool.realize.fields import measure
from archtool.realize.skeleton import skeleton

CPU = torch.device("cpu")


def spec(layers: str, size: str = "[8, 32, 30]") -> str:
    return f"archtool: 1\nname: net\ninput: {size}\nlayers:\n{layers}"


def measured(text: str, name: str, what: str = "height") -> object:
    """What is measured of a layer, in a network where everything agrees and nothing is left out."""
    fields = measure(load(text).flat(), CPU)
    assert [row for row in fields.rows if not row.agrees] == []
    assert fields.notes == []
    return next(row.measured for row in fields.rows if (row.name, row.what) == (name, what))


def test_channels_that_one_channel_each_does_not_fit():
    """With one channel a path, 2 channels meet 3: the skeleton falls back on all channels."""
    text = spec("""\
  - add:
      x: [concat: {a: [conv: {out: 4, kernel: 3, padding: 1}], b: [conv: {out: 4, kernel: 1}]}]
      y: [concat: {a: [conv: {out: 4, kernel: 5, padding: 2}], b: [narrow], c: [narrow]}]
blocks: {narrow: {body: [conv: {out: 2, kernel: 1}]}}
""")
    assert measured(text, "add") == (1, -2, 2)
    flat = load(text).flat()
    assert len(skeleton(flat, tuple(flat.inputs.values()), set(), thin=True).layers) < len(flat.layers)


def test_phases_of_an_adaptive_pool():
    assert measured(spec("  - adaptive_avg_pool: {size: [12, 10]}\n"), "adaptive_avg_pool") == (8, 0, 2, 2, 5, 5, 7)


def test_gates_are_local_and_global():
    text = spec("  - multiply: {it: [], gate: [global_avg_pool, conv: {out: 8, kernel: 1}, sigmoid]}\n")
    assert measured(text, "multiply", "sees") == "local and global"
    assert measured(text, "multiply") == (1, 0, 0)
    assert measured(text, "multiply.gate.sigmoid", "sees") == "everything"


def test_tokens():
    text = spec("  - layer_norm\n  - linear: {out: 4}\n", "{tokens: 9, channels: 8}")
    assert measured(text, "linear", "tokens") == (1, 0, 0)


def test_a_last_position_that_strides_leave_out_is_no_lack_of_global():
    text = spec("  - conv: {out: 2, kernel: 1, stride: 4}\n  - global_avg_pool\n")
    assert measured(text, "global_avg_pool", "sees") == "everything"


def test_wrapping_belongs_to_padding():
    text = spec("  - conv: {out: 2, kernel: 5, padding: 2, padding_mode: circular}\n    repeat: 3\n")
    assert measured(text, "conv.2") == (1, -6, 6)


def test_what_a_small_input_hides_is_named():
    """Where one position is left, its neighbours are padding: what is seen past the input can't be measured."""
    verification = load("resnet18", res=32).verify("cpu")
    assert verification.ok
    (note,) = verification.notes
    assert note == (
        "receptive fields that reach past the input, not measured there: "
        "14 layers, 'stage.3.block.0.add.main.conv2' the first"
    )


def test_a_network_that_ends_in_one_position_is_measured_whole():
    text = spec("  - conv: {out: 2, kernel: 5}\n  - flatten\n  - linear: {out: 3}\n", "[1, 5, 5]")
    assert measured(text, "linear") == (0, 0, 4)


def test_a_kernel_that_mixes_more_than_its_window_is_not_trusted(monkeypatch):
    """As Winograd's does: the NaN spreads over the tile."""
    plain = nn.Conv2d.forward
    monkeypatch.setattr(nn.Conv2d, "forward", lambda self, x: plain(self, x) + 0 * x.sum())
    verification = load("basic", design="direct", res=14).verify("cpu")
    assert verification.notes == (
        "receptive fields not measured: on 'cpu' a convolution mixes more than its windows: "
        "no receptive field can be measured",
    )


def test_a_layer_that_hides_nan_is_named(monkeypatch):
    monkeypatch.setattr(nn.ReLU, "forward", lambda self, x: (x > 0).to(x.dtype))
    fields = measure(load(spec("  - relu\n")).flat(), CPU)
    assert fields.rows == []
    assert fields.notes == ["receptive fields not measured, since no skeleton shows them: 'relu'"]


def test_a_layer_that_makes_nan_is_refused(monkeypatch):
    monkeypatch.setattr(nn.ReLU, "forward", lambda self, x: x / 0)
    with pytest.raises(RuleError, match="'relu' makes NaN of finite numbers"):
        measure(load(spec("  - relu\n")).flat(), CPU)


def test_probing_uses_little_memory(monkeypatch):
    """However small the batches, the same is found."""
    monkeypatch.setattr(probe, "BATCH_ELEMENTS", 1)
    text = spec("  - conv: {out: 2, kernel: 3, stride: 2}\n  - max_pool: {kernel: 2}\n")
    assert measured(text, "max_pool") == (4, 0, 4)


def test_a_run_that_memory_does_not_hold_is_left_out(monkeypatch):
    monkeypatch.setattr(forward, "free_bytes", lambda device: 1000)
    verification = load("lenet5").verify("cpu")
    assert verification.ok
    assert verification.notes[0].startswith("not run on cpu: it takes about ")
    assert "output on cpu" not in {row.what for row in verification.rows}


def test_a_dtype_that_the_device_lacks_is_named(monkeypatch):
    def lacking(self: nn.Module, x: torch.Tensor) -> torch.Tensor:
        if x.device.type == "meta" or x.dtype == torch.float64:
            return x
        raise RuntimeError("\"tanh\" not implemented for 'Half'")

    monkeypatch.setattr(nn.Tanh, "forward", lacking)
    verification = load("lenet5").verify("cpu", "float16")
    assert verification.ok
    assert verification.notes == ("not run on cpu in float16: it fails: \"tanh\" not implemented for 'Half'",)


@pytest.mark.parametrize(("option", "value"), [("device", "tpu"), ("dtype", "int8")])
def test_unknown_names_are_refused(option, value):
    with pytest.raises(RuleError, match=f"^{option}: '{value}' is not one of "):
        load("lenet5").verify(**{option: value})


def test_a_path_that_sees_only_padding_along_the_other_axis():
    """Of the tensor's two rows the first is all padding; the wide path skips the other one, where the signal is."""
    text = spec("""\
  - conv: {out: 2, kernel: [2, 1], stride: [3, 1], padding: [[2, 0], 0]}
  - add:
      wide: [conv: {out: 2, kernel: 5, dilation: 2, padding: half, stride: [2, 1]}]
      near: [conv: {out: 2, kernel: 3, padding: half, stride: [2, 1]}]
""", "[2, 3, 16]")  # fmt: skip
    fields = measure(load(text).flat(), CPU)
    assert [row for row in fields.rows if not row.agrees] == []
    assert next(row.measured for row in fields.rows if (row.name, row.what) == ("add", "width")) == (1, -4, 4)
