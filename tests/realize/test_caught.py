"""A wrong prediction is found: each sort of mistake, made on purpose, shows as a difference where it was made."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from archtool import load
from archtool.cost import Cost
from archtool.field import GLOBAL, LOCAL, LOCAL_AND_GLOBAL, Field
from archtool.flatten import FlatNetwork
from archtool.layers.activation import ReLU
from archtool.layers.conv import Conv
from archtool.layers.norm import GroupNorm
from archtool.layers.pool import MaxPool
from archtool.realize.counts import count
from archtool.realize.fields import measure
from archtool.realize.result import Row

NET = """\
archtool: 1
name: net
input: [3, 40, 36]
layers:
  - conv: {out: 8, kernel: 5, stride: 2, padding: 2}
  - group_norm: {groups: 2}
  - relu
  - max_pool: {kernel: 3, stride: 2}
  - conv: {out: 8, kernel: 3, padding: 1, dilation: 2}
  - global_avg_pool
  - flatten
  - linear: {out: 10}
"""
LOCALLY = NET.replace("  - group_norm: {groups: 2}\n", "")


def changed(flat: FlatNetwork, name: str, change: Callable[[Field], Field]) -> FlatNetwork:
    """The network with another prediction of what one layer sees."""
    index = [layer.name for layer in flat.layers].index(name)
    layers = list(flat.layers)
    layers[index] = layers[index]._replace(fields=tuple(map(change, layers[index].fields)))
    return flat._replace(layers=layers)


def with_ends(field: Field, **ends: int) -> Field:
    """The field with another stride, low or high end along its height."""
    height, *others = field.axes
    stride = ends.pop("stride", height.stride)
    height = height._replace(stride=stride, phases=(height.phases[0]._replace(**ends),))
    return field._replace(axes=(height, *others))


def nothing_seen(field: Field) -> Field:
    """The field whose positions see one position each."""
    axes = [axis._replace(phases=(axis.phases[0]._replace(low=0, high=0),)) for axis in field.axes]
    return field._replace(axes=tuple(axes))


def differences(flat: FlatNetwork) -> list[Row]:
    return [row for row in measure(flat, torch.device("cpu")).rows if not row.agrees]


@pytest.mark.parametrize("text", [NET, LOCALLY])
def test_the_right_prediction_is_not_blamed(text):
    assert load(text).verify("cpu").differences == ()


@pytest.mark.parametrize(
    ("end", "value", "difference"),
    [
        ("low", -3, (0, 1, 0)),
        ("low", -1, (0, -1, 0)),
        ("low", -300, (0, 298, 0)),
        ("high", 5, (0, 0, 1)),
        ("high", 7, (0, 0, -1)),
        ("stride", 8, (-4, 0, 0)),
    ],
)
def test_a_wrong_edge_or_stride_is_measured_right(end, value, difference):
    flat = changed(load(LOCALLY).flat(), "max_pool", lambda field: with_ends(field, **{end: value}))
    (row,) = differences(flat)
    assert (row.name, row.what, row.measured) == ("max_pool", "height", (4, -2, 6))
    assert row.difference == difference


def test_a_wrong_field_of_every_size_is_found():
    """Far wrong in all layers, so that nothing of the prediction helps to find the truth."""
    flat = load(LOCALLY).flat()
    layers = [layer._replace(fields=tuple(map(nothing_seen, layer.fields))) for layer in flat.layers]
    rows = measure(flat._replace(layers=layers), torch.device("cpu")).rows
    truth = {(row.name, row.what): row.predicted for row in measure(flat, torch.device("cpu")).rows}
    assert {(row.name, row.what): row.measured for row in rows} == truth
    assert not all(row.agrees for row in rows)


@pytest.mark.parametrize(
    ("text", "name", "state"),
    [
        (NET, "group_norm", LOCAL),
        (NET, "relu", GLOBAL),
        (LOCALLY, "relu", LOCAL_AND_GLOBAL),
        (LOCALLY, "global_avg_pool", LOCAL),
        (LOCALLY, "linear", LOCAL_AND_GLOBAL),
    ],
)
def test_a_wrong_state_is_found(text, name, state):
    flat = changed(load(text).flat(), name, lambda field: field._replace(state=state))
    assert ("sees", name) in {(row.what, row.name) for row in differences(flat)}


def test_a_layer_that_mixes_more_than_it_says_is_found(monkeypatch):
    """Not only the field of the whole network is wrong, but the rule that it and the skeleton are made of."""
    monkeypatch.setattr(GroupNorm, "field", lambda self, x, window: Field((), LOCAL))
    rows = [row for row in load(NET).verify("cpu").differences if row.name == "group_norm"]
    assert rows
    assert all("no edge found" in str(row.measured) for row in rows)


def test_a_wrong_window_is_found(monkeypatch):
    window = Conv.window
    monkeypatch.setattr(
        Conv, "window", lambda self, x: type(w := window(self, x))(axis._replace(size=axis.size - 1) for axis in w)
    )
    differing = {row.what for row in load(LOCALLY).verify("cpu").differences}
    assert {"output", "macs"} & differing


def test_wrong_counts_are_found(monkeypatch):
    weights = Conv._weights
    monkeypatch.setattr(Conv, "_weights", lambda self, x: weights(self, x) + 1)
    verification = load(LOCALLY).verify("meta")
    assert {row.what for row in verification.differences} == {"params", "macs"}
    assert {row.name for row in verification.differences} == {"total", "conv1", "conv2"}
    assert [row.difference for row in verification.totals if row.what == "params"] == [-2]


def test_a_wrong_total_is_found():
    design = load(LOCALLY)
    counts = count(design.flat(), Cost(params=1, operations={"conv.macs": 2}))
    assert [row.predicted for row in counts.totals if not row.agrees] == [1, 2]


def test_a_wrong_shape_is_told_with_what_torch_says(monkeypatch):
    output = MaxPool.output
    monkeypatch.setattr(MaxPool, "output", lambda self, x, window: output(self, x, window)._replace(channels=9))
    verification = load(LOCALLY).verify("cpu")
    first, second = (row for row in verification.differences if row.what == "output")
    assert (first.name, first.predicted, first.measured) == ("max_pool", (9, 9, 8), (8, 9, 8))
    assert second.name == "conv2"
    assert str(second.measured).startswith("fails: ")
    assert "torch can't run 'conv2'" in verification.notes[0]


def test_a_layer_that_does_nothing_in_torch_is_found(monkeypatch):
    monkeypatch.setattr(ReLU, "torch", lambda self, x: torch.nn.Flatten())
    assert not load(LOCALLY).verify("meta").ok
