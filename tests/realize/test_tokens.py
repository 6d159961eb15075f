"""Receptive fields of tokens, measured: their grid, windows that move, what sees all before it, several inputs."""

from __future__ import annotations

import pytest
import torch

from archtool import load
from archtool.realize.fields import Fields, measure
from archtool.realize.result import Row


def measured(text: str) -> Fields:
    """What is measured where everything agrees."""
    fields = measure(load(f"archtool: 1\nname: net\n{text}").flat(), torch.device("cpu"))
    assert [row for row in fields.rows if not row.agrees] == []
    return fields


def row(fields: Fields, name: str, what: str = "height") -> Row:
    return next(row for row in fields.rows if (row.name, row.what) == (name, what))


def test_tokens_see_along_their_grid_whatever_stands_before_them():
    text = """\
input: [3, 32, 24]
layers:
  - conv: {out: 4, kernel: 4, stride: 4}
  - tokens
  - class_token
  - add: {x: [], position: [parameter: {shape: [x.tokens, x.channels]}]}
  - layer_norm
  - add: {x: [], attend: [layer_norm, attention: {heads: 2}]}
  - linear: {out: 6}
  - take: {tokens: 0}
"""
    fields = measured(text)
    assert fields.notes == []
    assert row(fields, "layer_norm").measured == (4, 0, 3)
    assert row(fields, "add1.position.parameter", "sees").measured == "nothing"
    assert row(fields, "add2", "sees").measured == "local and global"
    assert row(fields, "take", "sees").measured == "everything"


def test_tokens_are_positions_again_inside_a_block():
    text = """\
input: [3, 16, 12]
blocks:
  locally:
    body:
      - spatial
      - depthwise_conv: {kernel: 3, padding: half}
      - tokens
layers:
  - conv: {out: 4, kernel: 3, padding: half, stride: 2}
  - tokens
  - locally:
    repeat: 3
  - spatial: {size: [8, 6]}
  - conv: {out: 2, kernel: 3, padding: half}
"""
    fields = measured(text)
    assert fields.notes == []
    assert row(fields, "conv2").measured == row(fields, "conv2", "width").measured == (2, -9, 9)


def test_tokens_may_be_the_input():
    text = """\
input: {tokens: 24, channels: 6}
layers:
  - linear: {out: 8}
  - class_token
  - take: {tokens: 5}
"""
    fields = measured(text)
    assert fields.notes == []
    assert row(fields, "take", "tokens").measured == (0, 4, 4)


def test_a_grid_of_ones_own_is_told_as_everything():
    text = """\
input: {tokens: 12, channels: 6}
layers:
  - spatial: {size: [3, 4]}
  - conv: {out: 4, kernel: 3, padding: half}
"""
    assert row(measured(text), "conv", "sees").measured == "everything"


@pytest.mark.parametrize(("window", "shift"), [(2, 1), (3, 1), (4, 2)])
def test_windows_that_move_see_what_they_say(window, shift):
    """Between convolutions, so that each phase of a window's positions has its own field."""
    text = f"""\
input: [2, 24, {4 * window}]
layers:
  - conv: {{out: 4, kernel: 2, stride: 2}}
  - window_attention: {{heads: 2, window: {window}}}
  - window_attention: {{heads: 2, window: {window}, shift: {shift}}}
  - conv: {{out: 4, kernel: 3, padding: half}}
  - window_attention: {{heads: 2, window: {window}, shift: {shift}}}
"""
    fields = measured(text)
    assert fields.notes == []
    after_one = row(fields, "window_attention1").measured
    assert after_one == (2 * window, *(0, 2 * window - 1) * window)
    moved = row(fields, "window_attention2").measured
    before = (2 * (shift - window) // (2 * window) * 2 * window, 2 * window - 1)  # the windows that its window meets
    assert moved[1:3] == before


def test_swins_windows_are_measured():
    """In four stages, the last of one window alone."""
    design = load("swin_t", window=2, res=64)
    fields = measure(design.flat(), torch.device("cpu"))
    assert [row for row in fields.rows if not row.agrees] == []
    assert fields.notes == []


@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_a_recurrent_layer_sees_all_tokens_before(kind):
    fields = measured(f"input: {{tokens: 9, channels: 3}}\nlayers: [linear: {{out: 4}}, {kind}: {{hidden: 5}}]")
    assert fields.notes == []
    assert row(fields, kind, "tokens").measured == (1, -8, 0)


def test_over_a_grid_it_sees_the_rows_before():
    text = "input: [2, 6, 8]\nlayers: [conv: {out: 3, kernel: 1}, tokens, lstm: {hidden: 4}]"
    assert row(measured(text), "lstm").measured == (1, -5, 0)


def test_both_directions_see_everything():
    text = "input: {tokens: 9, channels: 3}\nlayers: [lstm: {hidden: 4, bidirectional: true}]"
    assert row(measured(text), "lstm", "sees").measured == "everything"


def test_what_mixes_tokens_by_their_channels_sees_everything():
    fields = measure(load("mixer_b16", depth=1, width=32, res=64).flat(), torch.device("cpu"))
    assert [row for row in fields.rows if not row.agrees] == []
    assert fields.notes == []
    assert row(fields, "mixer.0.add1", "sees").measured == "local and global"


# --- several inputs -----------------------------------------------------------------------------------------------


def test_queries_see_their_position_and_the_whole_context():
    text = """\
inputs: {image: [3, 16, 12], text: {tokens: 7, channels: 5}}
layers:
  - conv: {out: 8, kernel: 3, padding: half, stride: 2}
    at: image
  - tokens
  - cross_attention: {heads: 2, context: text}
"""
    fields = measured(text)
    assert fields.notes == []
    assert row(fields, "cross_attention", "sees of image").measured == "local"
    assert row(fields, "cross_attention", "height of image").measured == (2, -1, 1)
    assert row(fields, "cross_attention", "sees of text").measured == "everything"


@pytest.mark.parametrize("name", ["siamese", "transformer_base", "attention_written_out", "cbam", "eca"])
def test_shipped_designs_agree_in_everything(name):
    small = {
        "transformer_base": {"width": 32, "depth": 2},
        "siamese": {"res": 12},
        "attention_written_out": {"tokens": 9},
    }
    verification = load(name, **small.get(name, {})).verify("cpu")
    assert verification.ok
    assert verification.notes == ()


@pytest.mark.parametrize(
    "spec",
    [
        "inputs: {a: [2, 16], b: [4, 6, 5, 7]}\nlayers: [relu, tokens]",  # another input has more axes than the grid
        "input: {tokens: 4, channels: 6}\nlayers: [take: {tokens: 1}, group_norm: {groups: 2}]",  # no positions to mix
        "input: [3, 16]\nlayers: [crop: {size: 1}]",  # the only position of many, far from the ends
    ],
)
def test_what_is_seen_of_single_positions_and_other_ranks(spec: str) -> None:
    verification = load(spec + "\n").verify("cpu")
    assert [row for row in verification.rows if not row.agrees] == []
