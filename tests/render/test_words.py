"""A layer in a few words."""

import pytest

from archtool.layer import find
from archtool.network import layer_run
from archtool.render.words import family, full, short
from archtool.shape import Shape

IMAGE = Shape(8, (32, 32))


@pytest.mark.parametrize(
    ("kind", "fields", "x", "words"),
    [
        ("conv", {"out": 64, "kernel": 7, "stride": 2, "padding": "half", "bias": False}, IMAGE, "conv 7x7 /2, 64"),
        ("conv", {"out": 8, "kernel": (1, 7), "padding": (0, 3), "groups": 4}, IMAGE, "conv 1x7, 8, groups 4"),
        ("conv", {"out": 8, "kernel": 3, "stride": (1, 2)}, IMAGE, "conv 3x3 /1x2, 8"),
        ("conv", {"out": 8, "kernel": 3}, Shape(8, (32,)), "conv 3, 8"),
        ("max_pool", {"kernel": 2, "ceil_mode": True}, IMAGE, "max_pool 2x2"),
        ("adaptive_avg_pool", {"size": 7}, IMAGE, "adaptive_avg_pool, size 7x7"),
        ("pad", {"padding": ((1, 2), 3), "mode": "reflect"}, IMAGE, "pad, padding [[1, 2], 3], mode reflect"),
        ("leaky_relu", {"negative_slope": 0.1}, IMAGE, "leaky_relu, negative_slope 0.1"),
        ("dropout", {}, IMAGE, "dropout"),
        ("linear", {"out": 10}, Shape(84), "linear, 10"),
    ],
)
def test_short(kind, fields, x, words):
    assert short(layer_run(find(kind).read(fields), x)) == words


def test_full_names_every_field_that_is_not_at_its_default():
    run = layer_run(find("conv").read({"out": 4, "kernel": 3, "padding": "half", "bias": False}), IMAGE)
    assert full(run) == "conv, out 4, kernel 3, padding half, bias false"


def test_a_special_case_is_shown_as_the_layer_that_it_is():
    run = layer_run(find("depthwise_conv").read({"kernel": 3}), IMAGE)
    assert short(run) == "depthwise_conv 3x3, 8, groups 8"
    assert family(run.layer) == "conv"
