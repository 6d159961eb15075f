"""Networks that nobody designed: whatever the windows, paddings and joins, prediction and measurement agree."""

from __future__ import annotations

import json
from typing import Any

import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from archtool import load
from archtool.errors import ArchtoolError
from archtool.realize.counts import count
from archtool.realize.fields import measure

small = st.integers(0, 3)
sides = st.tuples(small, small).map(list)
flags = st.booleans()


def one(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(fields).map(lambda values: {kind: values})


CONV = one(
    "conv",
    out=st.sampled_from([2, 4]),
    kernel=st.tuples(st.integers(1, 5), st.integers(1, 5)).map(list),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 3)).map(list),
    padding=st.one_of(st.sampled_from(["half", "same"]), st.tuples(sides, sides).map(list)),
    dilation=st.integers(1, 2),
    groups=st.integers(1, 2),
    padding_mode=st.sampled_from(["zeros", "zeros", "circular"]),
)
POOL = one("max_pool", kernel=st.integers(2, 4), stride=st.integers(1, 2), padding=st.integers(0, 1), ceil_mode=flags)
MEAN = one("avg_pool", kernel=st.integers(2, 3), padding=st.integers(0, 1), count_include_pad=flags, ceil_mode=flags)
ADAPTED = one("adaptive_avg_pool", size=st.sampled_from([2, 3, 4, 6]))
SPREAD = st.builds(  # no gaps between the taps: windows with holes behind gaps are told by their hulls
    lambda stride, more, padding, out: {
        "conv_transpose": {"out": out, "kernel": stride + more, "stride": stride, "padding": padding}
    },
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(0, 1),
    st.sampled_from([2, 4]),
)
RESIZED = one("upsample", scale=st.sampled_from([2, 3, 1.5, [2, 1]]), mode=st.sampled_from(["nearest", "bilinear"]))
SIZED = one(
    "upsample",
    size=st.sampled_from([6, 8, 12, [9, 10]]),
    mode=st.sampled_from(["bilinear", "bicubic"]),
    align_corners=flags,
)
MOVED = st.sampled_from(
    [
        {"roll": {"shift": [1, -2]}},
        {"crop": {"size": 5}},
        {"pixel_unshuffle": {"factor": 2}},
        {"pixel_shuffle": {"factor": 2}},
        {"blur_pool": {}},
        {"lp_pool": {"kernel": 2}},
        {"channel_shuffle": {"groups": 2}},
        "glu",
    ]
)
PADDED = {"pad": {"padding": [[0, 2], 1]}}
PLAIN = st.sampled_from(["relu", "batch_norm", "dropout", {"group_norm": {"groups": 2}}, PADDED])
LAYER = st.one_of(CONV, POOL, MEAN, PLAIN)


@st.composite
def joins(draw: st.DrawFn) -> Any:
    """Paths of one shape with different windows, gates among them."""
    gate = [{"multiply": {"it": [], "gate": ["global_avg_pool", {"conv": {"out": 4, "kernel": 1}}, "sigmoid"]}}]
    paths = {}
    for label in draw(st.sampled_from(["ab", "abc"])):
        kernel, dilation = draw(st.sampled_from([1, 3, 5])), draw(st.integers(1, 2))
        fields = {"out": 4, "kernel": kernel, "dilation": dilation, "padding": "half", "stride": 1}
        paths[label] = [{"conv": fields}, *(gate if draw(st.integers(0, 4)) == 0 else [])]
    return {draw(st.sampled_from(["add", "concat", "maximum"])): paths}


NETS = st.lists(st.one_of(LAYER, LAYER, joins(), ADAPTED), min_size=1, max_size=6)
HEAD = ["flatten", {"linear": {"out": 3}}]
TAILS = st.sampled_from([[], HEAD, ["global_max_pool", *HEAD]])


@given(layers=NETS, tail=TAILS, size=st.tuples(st.integers(4, 40), st.integers(4, 24)))
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much])
def test_torch_agrees(layers, tail, size):
    check(layers, tail, size)


PHASES = st.one_of(SPREAD, RESIZED, SIZED, MOVED)


@given(
    layers=st.lists(st.one_of(LAYER, PHASES, PHASES, joins()), min_size=1, max_size=5),
    tail=TAILS,
    size=st.tuples(st.integers(4, 20), st.integers(4, 24)),
)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much])
def test_torch_agrees_by_phase(layers, tail, size):
    check(layers, tail, size)


WINDOWED = one(
    "window_attention",
    heads=st.integers(1, 2),
    window=st.sampled_from([2, 3, [2, 4]]),
    shift=st.integers(0, 1),
    position_bias=flags,
)
TOKENS = st.sampled_from(
    [
        {"attention": {"heads": 2}},
        {"cross_attention": {"heads": 1, "context": "input"}},
        {"linear": {"out": 4}},
        {"lstm": {"hidden": 4}},
        {"softmax": {"over": "positions"}},
        {"add": {"kept": [], "mixed": [{"attention": {"heads": 1, "causal": True}}]}},
        "layer_norm",
        "class_token",
        "gelu",
    ]
)
READ = st.sampled_from([[], ["mean"], [{"max": {"over": "channels"}}], [{"take": {"tokens": 1}}], ["spatial", PADDED]])


@given(
    layers=st.lists(st.one_of(CONV, POOL, PHASES, WINDOWED), max_size=3),
    tokens=st.lists(TOKENS, min_size=1, max_size=3),
    tail=READ,
    size=st.tuples(st.integers(4, 12), st.integers(4, 12)),
)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much])
def test_torch_agrees_on_tokens(layers, tokens, tail, size):
    check([*layers, "tokens", *tokens], tail, size)


def check(layers: list[Any], tail: list[Any], size: tuple[int, int]) -> None:
    text = f"archtool: 1\nname: net\ninput: [2, {size[0]}, {size[1]}]\nlayers: {json.dumps([*layers, *tail])}\n"
    try:
        design = load(text)
        flat = design.flat()
    except ArchtoolError:
        assume(False)
    counts = count(flat, design.run.cost)
    rows = [*counts.totals, *counts.rows, *measure(flat, torch.device("cpu")).rows]
    assert [row for row in rows if not row.agrees] == []
