"""The exact set of positions that a position sees, against NaN that reaches it in torch."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from archtool import load
from archtool.errors import ArchtoolError


def one(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(fields).map(lambda values: {kind: values})


few, flags = st.integers(0, 2), st.booleans()
CONV = one(
    "conv",
    out=st.just(4),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)).map(list),
    stride=st.tuples(st.integers(1, 2), st.integers(1, 3)).map(list),
    padding=st.tuples(few, few).map(list),
    dilation=st.tuples(st.integers(1, 3), st.integers(1, 2)).map(list),
    padding_mode=st.sampled_from(["zeros", "zeros", "circular", "reflect", "replicate"]),
)
SPREAD = one(
    "conv_transpose",
    out=st.just(4),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    padding=st.integers(0, 1),
    dilation=st.integers(1, 2),
)
RESIZED = one("upsample", scale=st.sampled_from([2, 1.5, [2, 1]]), mode=st.sampled_from(["nearest", "bilinear"]))
POOL = one("max_pool", kernel=st.integers(2, 3), stride=st.integers(1, 2), padding=st.integers(0, 1), ceil_mode=flags)
OTHERS = st.sampled_from(
    [
        {"adaptive_avg_pool": {"size": [3, 4]}},
        {"pixel_unshuffle": {"factor": 2}},
        {"pixel_shuffle": {"factor": 2}},
        {"roll": {"shift": [1, -2]}},
        {"crop": {"size": 5}},
        {"pad": {"padding": [[0, 2], 1], "mode": "reflect"}},
        "relu",
    ]
)
JOIN = st.builds(
    lambda kind, dilation, kernel: {
        kind: {
            "a": [{"conv": {"out": 4, "kernel": 3, "dilation": dilation, "padding": "half"}}],
            "b": [{"conv": {"out": 4, "kernel": kernel, "padding": "half"}}],
            "c": [],
        }
    },
    st.sampled_from(["add", "concat", "maximum"]),
    st.integers(1, 3),
    st.sampled_from([1, 3]),
)
DOWN_AND_UP = {
    "add": {
        "down": [
            {"conv": {"out": 4, "kernel": 3, "stride": 2, "padding": 1}},
            {"conv_transpose": {"out": 4, "kernel": 2, "stride": 2}},
            {"crop": {"size": "input.size"}},
        ],
        "here": [{"conv": {"out": 4, "kernel": 1}}],
    }
}
# a gate whose only position sees its whole input by one window: locally
SPREAD_OUT = {"multiply": {"it": [], "gate": [{"conv": {"out": 4, "kernel": "x.size"}}]}}
LAYERS = st.lists(
    st.one_of(CONV, SPREAD, RESIZED, POOL, OTHERS, JOIN, st.sampled_from([DOWN_AND_UP, SPREAD_OUT])),
    min_size=1,
    max_size=4,
)


def dependence(design: Any, size: tuple[int, int]) -> np.ndarray:
    """[*input position, *output position]: whether a NaN at the one reaches the other."""
    module = design.torch().to(torch.float64).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            torch.nn.init.constant_(parameter, 2.0**-9)
        x = torch.zeros(size[0] * size[1], 4, *size, dtype=torch.float64)
        for item, (row, column) in enumerate(product(*map(range, size))):
            x[item, :, row, column] = torch.nan
        tainted = torch.isnan(module(x)).any(1)
    return tainted.reshape(*size, *tainted.shape[1:]).numpy()


def filled(support: Any, sizes: tuple[int, ...]) -> np.ndarray:
    whole = np.zeros(sizes, bool)
    whole[tuple(slice(a, a + n) for a, n in zip(support.start, support.map.shape, strict=True))] = support.map
    return whole


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.filter_too_much])
@given(layers=LAYERS, size=st.tuples(st.integers(6, 12), st.integers(6, 12)), data=st.data())
def test_support_is_what_nan_reaches(layers, size, data):
    text = f"archtool: 1\nname: net\ninput: [4, {size[0]}, {size[1]}]\nlayers: {json.dumps(layers)}\n"
    try:
        design = load(text)
        field = design.field()
    except ArchtoolError:
        assume(False)
    assume(field.sees == "local" and len(field.dims) == 3 and max(field.dims) < 60)
    found = dependence(design, size)
    position = tuple(data.draw(st.integers(0, n - 1)) for n in field.dims[1:])
    support = design.support(position=position)
    assert (filled(support, size) == found[:, :, *position]).all()
    source = tuple(data.draw(st.integers(0, n - 1)) for n in size)
    reached = design.support(position=source, projective=True)
    assert (filled(reached, field.dims[1:]) == found[source]).all()


@pytest.mark.parametrize(("dilations", "along"), [([2, 2, 2], 7), ([1, 2, 3], 13)])
def test_gridding_is_what_nan_shows(dilations, along):
    """Wang et al. 2018, arXiv:1702.08502, figure 4: rates 2, 2, 2 leave holes, the hybrid 1, 2, 3 none."""
    layers = [{"conv": {"out": 4, "kernel": 3, "dilation": d, "padding": "half"}} for d in dilations]
    design = load(f"archtool: 1\nname: net\ninput: [4, 17, 17]\nlayers: {json.dumps(layers)}\n")
    support = design.support()
    assert support.map.shape == (13, 13)
    assert support.along == (along, along)
    assert support.count == along**2
    assert (filled(support, (17, 17)) == dependence(design, (17, 17))[:, :, 8, 8]).all()
