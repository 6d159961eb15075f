"""What a layer's positions see: laws between the field, its reverse and the exact set, and published facts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from archtool import load
from archtool.errors import ArchtoolError, RuleError

few = st.integers(0, 2)
CONV = st.builds(
    lambda kernel, stride, before, after, dilation: {
        "conv": {
            "out": 2,
            "kernel": kernel,
            "stride": stride,
            "padding": [[before, after]],
            "dilation": dilation,
        }
    },
    st.integers(1, 4),
    st.integers(1, 3),
    few,
    few,
    st.integers(1, 3),
)
SPREAD = st.builds(
    lambda kernel, stride, dilation: {
        "conv_transpose": {"out": 2, "kernel": kernel, "stride": stride, "dilation": dilation}
    },
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
)
ADAPTED = st.builds(lambda size: {"adaptive_avg_pool": {"size": size}}, st.integers(2, 7))
JOIN = st.builds(
    lambda kernel, dilation: {
        "add": {"a": [{"conv": {"out": 2, "kernel": kernel, "dilation": dilation, "padding": "half"}}], "b": []}
    },
    st.sampled_from([1, 3, 5]),
    st.integers(1, 3),
)
NETS = st.lists(st.one_of(CONV, CONV, SPREAD, ADAPTED, JOIN), min_size=1, max_size=4)


def net(layers, size):
    return load(f"archtool: 1\nname: net\ninput: [2, {size}]\nlayers: {json.dumps(layers)}\n")


def spans(design, field):
    """What each position of the last layer sees, by its field: a pair of ends."""
    return [(view.low, view.high) for p in range(field.dims[1]) for view in design.field(position=(p,)).view.spans]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(layers=NETS, size=st.integers(8, 16))
def test_the_projective_field_is_the_field_reversed(layers, size):
    """Position i is in the field of o if and only if o is in the projective field of i; and what a position sees
    exactly lies in its field, and reaches it exactly."""
    try:
        design = net(layers, size)
        field = design.field()
    except ArchtoolError:
        assume(False)
    assume(len(field.dims) == 2 and field.dims[1] < 40)
    seen = spans(design, field)
    exact = np.zeros((len(seen), size), bool)
    for o, (low, high) in enumerate(seen):
        support = design.support(position=(o,))
        exact[o, support.start[0] : support.start[0] + len(support.map)] = support.map
        assert not support.count or low <= support.start[0] <= support.start[0] + len(support.map) - 1 <= high
    for i in range(size):
        (reached,) = design.projective(position=(i,)).axes
        assert [o in reached for o in range(len(seen))] == [low <= i <= high for low, high in seen]
        support = design.support(position=(i,), projective=True)
        found = np.zeros(len(seen), bool)
        found[support.start[0] : support.start[0] + len(support.map)] = support.map
        assert (found == exact[:, i]).all()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(layers=NETS, size=st.integers(8, 16))
def test_the_worst_position_is_the_worst_of_all(layers, size):
    try:
        design = net(layers, size)
        field = design.field()
    except ArchtoolError:
        assume(False)
    assume(len(field.dims) == 2 and field.dims[1] < 40)
    shares = [design.field(position=(p,)).view.share for p in range(field.dims[1])]
    assert field.worst.share == pytest.approx(max(shares))
    assert shares[field.worst.position[0]] == field.worst.share


@settings(max_examples=60, deadline=None, derandomize=True)
@given(layers=st.lists(CONV, min_size=1, max_size=4))
def test_without_borders_the_exact_set_spans_the_field(layers):
    try:
        design = net(layers, 40)
        (span,) = design.field().view.spans
    except ArchtoolError:
        assume(False)
    support = design.support(clipped=False)
    assert (support.start[0], support.start[0] + len(support.map) - 1) == (span.low, span.high)


def dilated(*rates):
    layers = [{"conv": {"out": 2, "kernel": 3, "dilation": rate, "padding": "half"}} for rate in rates]
    return load(f"archtool: 1\nname: net\ninput: [2, 64, 64]\nlayers: {json.dumps(layers)}\n")


@pytest.mark.parametrize(
    ("rates", "size", "along"),
    [
        ((2, 2, 2), 13, 7),  # Wang et al. 2018, arXiv:1702.08502, figure 4 a: gridding
        ((1, 2, 3), 13, 13),  # figure 4 b: hybrid dilated convolution
        ((1, 2, 5), 17, 17),  # section 3.2: M2 = 2 is at most k = 3
        ((1, 2, 9), 25, 21),  # section 3.2: M2 = 5 is not; 3 taps 9 apart, each with its 7 neighbours
    ],
)
def test_gridding(rates, size, along):
    support = dilated(*rates).support()
    assert support.map.shape == (size, size)
    assert support.along == (along, along)
    assert support.count == along**2


def test_an_atrous_pyramid_reads_few_of_many():
    """Chen et al. 2017, arXiv:1706.05587: 1x1, and 3x3 at rates 12, 24 and 36, whose outer taps leave a map of 65."""
    design = load("deeplab_v3")
    wide = design.support("aspp.pyramid.concat", (32, 32), "stage.3", clipped=False)
    assert wide.map.shape == (73, 73)
    assert wide.count == 1 + 3 * 8
    assert design.support("aspp.pyramid.concat", (32, 32), "stage.3").count == 1 + 2 * 8
    field = design.field("aspp.pyramid.concat", (32, 32), "stage.3")
    assert field.sees == "local and global"
    assert field.worst.position == (0, 0)


@pytest.mark.parametrize(
    ("name", "at", "size", "stride", "start"),
    [
        ("vgg16", "stage.4", 212, 32, -90),
        ("resnet50", "stage.3", 427, 32, -213),
        ("alexnet", "max_pool2", 67, 16, None),
    ],
)
def test_the_field_is_that_of_the_report(name, at, size, stride, start):
    design = load(name)
    field = design.field(at)
    row = next(row for row in design.analyze().rows if row.name == field.at)
    assert tuple(axis.size for axis in field.axes) == row.receptive_field.size == (size, size)
    assert tuple(axis.stride for axis in field.axes) == row.receptive_field.stride == (stride, stride)
    assert tuple(axis.start for axis in field.axes) == row.receptive_field.start
    assert start is None or row.receptive_field.start == (start, start)


def test_padding_is_counted_in_positions_and_as_a_share():
    view = load("resnet50").field("stage.1").worst
    assert view.position == (0, 0)
    assert [(span.low, span.high, span.before, span.after) for span in view.spans] == [(-45, 45, 45, 0)] * 2
    assert view.outside == 91**2 - 46**2
    assert view.share == 1 - 46**2 / 91**2


def test_windows_with_shift_see_by_phase():
    """Swin's second block of a stage: windows of 7 shifted by 3, of patches of 4 pixels that saw their own window."""
    field = load("swin_t").field("stage.0")
    assert [len(axis.phases) for axis in field.axes] == [7, 7]
    assert {high - low + 1 for low, high in field.axes[0].phases} == {56}
    assert field.axes[0].misalignment == 28
    support = load("swin_t").support("stage.0", (0, 0))
    assert (support.start, support.map.shape, support.covered) == ((0, 0), (28, 28), 1)


def test_blocks_outputs_and_inputs_have_names():
    assert load("resnet50").field("stage.1").at == load("resnet50").field("stage.1.block.3").at == "stage.1.block.3.act"
    assert load("lenet5").field("c1", of="input").axes[0].size == 5
    assert load("siamese").field("other").of == "right"
    assert load("siamese").field("subtract").also == ("right",)
    assert load("siamese").field("subtract", of="right").also == ("left",)
    assert load("lenet5").field("c3", of="c1").axes == load("lenet5").field("c3", of="c1").axes


def test_what_one_layer_sees_of_another_composes():
    """Seen of the input = seen of a layer between, then that layer's own (stride 1: sizes add up)."""
    design = load("resnet50")
    whole, outer, inner = design.field("stage.1"), design.field("stage.1", of="stage.0"), design.field("stage.0")
    for a, b, c in zip(whole.axes, outer.axes, inner.axes, strict=True):
        assert a.size == c.size + (b.size - 1) * c.stride
        assert a.start == c.start + b.start * c.stride
        assert a.stride == c.stride * b.stride


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"at": "stage.9"}, "there is no layer or block 'stage.9'; did you mean 'stage."),
        ({"position": (9, 9)}, "position 9,9 is none of 'stage.3.block.2.act'; allowed: 0,0 to 6,6"),
        ({"position": (-1, 0)}, "allowed: 0,0 to 6,6"),
        ({"position": (3,)}, "position 3 names 1 of the axes, 'stage.3.block.2.act' has 2 axes (2048x7x7)"),
        ({"of": "imput"}, "there is no layer or block 'imput'; did you mean 'input'?"),
        ({"at": "stem", "of": "linear"}, "'stem' does not see 'linear'; it sees input"),
    ],
)
def test_what_is_not_there(arguments, said):
    with pytest.raises(RuleError) as error:
        load("resnet50").field(**arguments)
    assert said in str(error.value)


def test_a_set_that_is_too_large_is_refused():
    text = "input: [1, 9, 9]\nlayers:\n  - conv: {out: 1, kernel: 5, dilation: 2_000_000, padding: half}\n"
    with pytest.raises(RuleError, match="too large to be told exactly"):
        load(text).support(clipped=False)
