"""Exact padding: the products that touch the input, against counting them one by one."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archtool import SpecError, load
from archtool.analysis.operations.touching import touching
from archtool.analysis.tally import tally
from archtool.layer import find, kinds
from archtool.runs import layer_run
from archtool.shape import Shape
from archtool.spec.spec import python_value

SMALL = st.integers(1, 4)


def one_layer(kind: str, n: int, fields: dict[str, object], channels: int = 2):
    words = ", ".join(f"{name}: {value}" for name, value in fields.items())
    design = load(f"input: [{channels}, {n}, 3]\nlayers: [{kind}: {{out: 4, {words}}}]\n")
    ((run, _),) = tally(design.run)
    return run


@given(
    n=st.integers(1, 9),
    kernel=SMALL,
    stride=SMALL,
    padding=st.integers(0, 5),
    dilation=SMALL,
    groups=st.sampled_from([1, 2]),
)
def test_a_convolution(n, kernel, stride, padding, dilation, groups):
    fields = {
        "kernel": [kernel, 2],
        "stride": [stride, 1],
        "padding": [padding, 1],
        "dilation": [dilation, 1],
        "groups": groups,
    }
    try:
        run = one_layer("conv", n, fields)
    except SpecError:
        return  # larger than its padded input
    height, width = run.output.spatial
    touched = sum(
        0 <= stride * p - padding + dilation * t < n and 0 <= q - 1 + u < 3
        for p, q, t, u in product(range(height), range(width), range(kernel), range(2))
    )
    assert touching(run)["conv.macs"] == 4 * 2 // groups * touched


@given(
    n=st.integers(1, 9), kernel=SMALL, stride=SMALL, padding=st.integers(0, 3), dilation=SMALL, more=st.integers(0, 2)
)
def test_a_transposed_convolution(n, kernel, stride, padding, dilation, more):
    fields = {
        "kernel": [kernel, 2],
        "stride": [stride, 1],
        "padding": [padding, 0],
        "dilation": [dilation, 1],
        "output_padding": [more, 0],
    }
    try:
        run = one_layer("conv_transpose", n, fields)
    except SpecError:
        return  # nothing left of the output, or more padding than a stride
    height = run.output.spatial[0]
    touched = sum(0 <= stride * i - padding + dilation * t < height for i, t in product(range(n), range(kernel)))
    assert touching(run)["conv_transpose.macs"] == 4 * 2 * touched * 3 * 2


@pytest.mark.parametrize(("kernel", "overstated"), [(3, "1.22"), (7, "1.75")])
def test_what_the_usual_formula_overstates(kernel, overstated):
    """A half-padded convolution on 7x7: shared facts on FLOP counters."""
    spec = f"input: [16, 7, 7]\nlayers: [conv: {{out: 16, kernel: {kernel}, padding: half, bias: false}}]\n"
    usual, exact = (load(spec).analyze(exact_padding=each).totals for each in (False, True))
    assert f"{usual.macs / exact.macs:.2f}" == overstated
    assert exact.flops == 2 * exact.macs
    assert exact.params == usual.params


def test_padding_that_repeats_the_input_is_input():
    run = one_layer("conv", 5, {"kernel": 3, "padding": 1, "padding_mode": "reflect"})
    assert touching(run) == run.cost.operations


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_every_kind_has_at_most_the_products_of_the_usual_formula(kind):
    for example in find(kind).examples:
        layer = find(kind).read(
            {n: v if isinstance(v, Shape | str) else python_value(v) for n, v in example.fields.items()}
        )
        if layer.is_join:
            continue
        run = layer_run(layer, example.input)
        exact = touching(run)
        assert list(exact) == list(run.cost.operations)
        assert all(count <= run.cost.operations[term] for term, count in exact.items())


def test_what_has_no_padding_loses_nothing():
    assert load("lenet5").analyze(exact_padding=True).totals == load("lenet5").analyze().totals


def test_the_reports_and_the_reconciliation_agree():
    report = load("resnet50").analyze(exact_padding=True, convention="macs")
    found = load("resnet50").flops("macs", exact_padding=True)
    assert found.totals == (report.totals.flops,) == (report.totals.macs,)
    assert sum(row.macs for row in report.rows) == report.totals.macs < 4_089_184_256
    assert report.to_dict()["exact_padding"] is True


def test_a_window_of_any_length_is_counted_at_once():
    report = load(f"input: [1, {10**15}]\nlayers: [conv: {{out: 1, kernel: 5, padding: half}}]\n").analyze(
        exact_padding=True
    )
    assert report.totals.macs == 5 * 10**15 - 6
