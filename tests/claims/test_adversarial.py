"""Claims that look proved and are false, and some that look false and are true: none is told wrong."""

from __future__ import annotations

import pytest

from archtool.algebra.settings import Settings
from archtool.claims.check import check
from archtool.spec.reader import read_text
from archtool.spec.spec import Spec

NETWORKS = """
archtool: 1
name: tricky
input: [c, h, w]
vars: {c: 64, h: 8, w: 8, n: 3}
designs:
  flat: [conv: {out: c, kernel: 1, bias: false}]
  strided: [conv: {out: c, kernel: 1, stride: 2, bias: false}]
  nothing: [subtract: {a: [], b: []}]
  rectified: [relu]
  only_padding: [conv: {out: c, kernel: 1, stride: 2, padding: 1}]
  never_negative: [relu, prelu: {}]
  passed_by: {vars: {c: 2}, layers: [concat: {a: [conv: {out: 2, kernel: 1}], b: []}, slice: {start: 2, stop: 4}]}
  repeated: {vars: {c: 2, h: 1, w: 5}, layers: [add: {a: [], b: [global_max_pool]}]}
  stepped_over: {vars: {h: 6, w: 6}, layers: [max_pool: {kernel: 2, padding: 1, dilation: 7}]}
  stack: [{conv: {out: c, kernel: 3, padding: 1, bias: false}, repeat: n}]
  two: [conv: {out: c, kernel: 1}, conv: {out: c, kernel: 3, padding: 1}]
  outs: [conv: {out: 2 * c, kernel: 1, groups: input.channels}, conv: {out: c, kernel: 1, groups: input.channels}]
  branches:
    vars: {c: 2, h: 8, w: 8}
    layers:
      - conv: {out: 2, kernel: 1, bias: false}
      - add:
          a: [conv: {out: 2, kernel: 3, padding: 1, bias: false}, depthwise_conv: {kernel: 3, padding: 1, bias: false}]
          b: [conv: {out: 2, kernel: 1, bias: false}]
given: {c: 1.., h: 8.., w: 8.., n: 0..}
claims:
"""


def judged(claim: str, when: str = "", settings: Settings | None = None) -> tuple[str, str]:
    """The status of one claim, and where it is refuted or why it is not decided."""
    text = f"{NETWORKS}  - {{that: '{claim}'{f', when: {when!r}' if when else ''}}}\n"
    (verdict,) = check(Spec(read_text(text, "tricky.yaml")), settings).verdicts
    witness = verdict.finding.witness
    return verdict.status, verdict.finding.reason if witness is None else str(dict(witness.sizes))


@pytest.mark.parametrize(
    "claim",
    [
        "not (linear(flat) and c <= 5)",  # false for c <= 5 alone, and 64 is the usual c
        "not (linear(flat) and params(flat) <= 100)",
        "not (pointwise(strided) or c <= 5)",
        "not linear(flat) or c >= 7",
    ],
)
def test_false_at_some_sizes_is_not_false_at_all(claim):
    status, where = judged(claim)
    assert status == "refuted"
    assert "'c': 1" in where


@pytest.mark.parametrize(
    "claim",
    [
        "lipschitz(rectified) <= lipschitz(nothing)",  # 1 <= 0; the bound of x - x is 2
        "lipschitz(nothing) >= 2",
        "lipschitz(nothing) >= 2 or linear(rectified)",
        "not (lipschitz(nothing) < 2) or linear(rectified)",
        "lipschitz(rectified) <= lipschitz(rectified) * lipschitz(nothing) - 1",
    ],
)
def test_a_bound_is_not_what_it_bounds(claim):
    assert judged(claim)[0] == "undecided"


def test_a_bound_from_above_proves():
    assert judged("lipschitz(nothing) <= 2")[0] == "proved"


def test_a_bound_of_freedom_from_below_proves_none_from_above():
    """56 by the derivatives at one point; the weights, less the directions that change nothing, are 60."""
    assert judged("freedom(branches) <= 57")[0] == "undecided"
    assert judged("freedom(branches) <= 60")[0] == "proved"


@pytest.mark.parametrize(
    "claim",
    [
        "lipschitz(only_padding(h=1, w=1)) <= 1",  # each output reads padding: it is constant
        "lipschitz(never_negative) <= 1",  # the slope below 0 is never met
        "lipschitz(passed_by) <= 1",  # what the convolution makes is dropped
    ],
)
def test_weights_that_nothing_meets_are_no_slope(claim):
    assert judged(claim)[0] != "refuted"


def test_what_a_join_repeats_counts_each_time():
    """x + max(x) on five positions, at their greatest: (1 + 5 e) has a norm of 2.92 > 2."""
    assert judged("lipschitz(repeated) <= 2")[0] != "proved"
    assert judged("lipschitz(repeated) <= 3.25")[0] == "proved"  # 1 + sqrt(5)


def test_a_window_of_padding_alone_is_not_homogeneous():
    assert judged("positively_homogeneous(stepped_over)")[0] == "undecided"


@pytest.mark.parametrize("claim", ["linear(flat)", "params(flat) == c**2", "params(flat) == 7"])
def test_nothing_is_claimed_of_nothing(claim):
    status, reason = judged(claim, when="c < 0")
    assert status == "undecided"
    assert "no values were found" in reason


def test_what_is_proved_of_more_layers_than_can_be_run_stays_proved():
    assert judged("linear(stack(n=10**12))", settings=Settings(draws=3))[0] == "proved"


@pytest.mark.parametrize("claim", ["freedom(stack(n=0)) == 0", "freedom(outs) >= 1", "lipschitz(two) <= 1"])
def test_bounds_of_odd_networks_end_in_a_verdict(claim):
    """Without weights; grouped layers of a varying number of channels; weights whose number varies."""
    assert judged(claim)[0] in ("proved", "refuted", "undecided")
