"""`archtool analyze --expect`: published totals, checked."""

from __future__ import annotations

import pytest

SPEC = "name: net\ninput: [3, 16, 16]\nlayers: [conv: {{out: 8, kernel: 3}}]\nexpect: {{{}}}\n"


def spec(expect: str) -> bytes:
    return SPEC.format(expect).encode()


def test_met(archtool):
    called = archtool("analyze", "resnet50", "--expect")
    assert called == (
        0,
        "resnet50: params: 25,557,032 as expected\nresnet50: macs: 4,089,184,256 as expected\n",
        "",
    )


def test_missed_prints_both_numbers_and_the_difference(archtool):
    called = archtool("analyze", "resnet50", "--expect", "--set", "width=65")
    assert called.code == 1
    assert called.out.splitlines() == [
        "resnet50: params: expected 25,557,032, counted 26,328,405, difference +771,373",
        "resnet50: macs: expected 4,089,184,256, counted 4,216,064,320, difference +126,880,064",
    ]


def test_one_miss_is_enough(archtool):
    called = archtool("analyze", "-", "--expect", stdin=spec("params: 224, macs: 42_337"))
    assert called.code == 1
    assert called.out.splitlines() == [
        "net: params: 224 as expected",
        "net: macs: expected 42,337, counted 42,336, difference -1",
    ]


@pytest.mark.parametrize(
    "expect",
    [
        "params: 224",
        "flops: 84_672",
        "activations: 1568",
        "output: [8, 14, 14]",
        "receptive_field: 3",
        "receptive_field: [3, 3]",
        "params: {value: 225, rel: 0.005}",
        "params: 14 * 16",
    ],
)
def test_metrics_and_tolerances(archtool, expect):
    assert archtool("analyze", "-", "--expect", stdin=spec(expect)).code == 0


@pytest.mark.parametrize(
    "expect", ["params: {value: 226, rel: 0.005}", "output: [8, 14, 15]", "receptive_field: [3, 5]"]
)
def test_missed(archtool, expect):
    called = archtool("analyze", "-", "--expect", stdin=spec(expect))
    assert (called.code, called.err) == (1, "")
    assert "expected" in called.out


def test_nothing_stated(archtool):
    called = archtool("analyze", "-", "--expect", stdin=b"name: net\ninput: [3, 4, 4]\nlayers: [relu]\n")
    assert called == (0, "net: the spec states no totals\n", "")


def test_unknown_metric(archtool):
    called = archtool("analyze", "-", "--expect", stdin=spec("param: 224"))
    assert (called.code, called.out) == (2, "")
    assert called.err == "<stdin>:4:10: 'param' is not a metric; did you mean 'params'?\n"
