"""Claims about numbers of networks, decided through a spec: for all sizes, at the smallest counterexample, or not."""

from __future__ import annotations

import time

import pytest

from archtool.algebra.finding import Finding
from archtool.claims.check import check
from archtool.spec.reader import read_text
from archtool.spec.spec import Spec

SPEC = """
archtool: 1
name: blocks
input: [c_in, h, w]
vars: {c_in: 16, mid: 16, c_out: 32, k: 3, h: 14, w: 14, n: 2, g: 2, act: relu}
blocks:
  point: {args: {out: required}, body: [conv: {out: out, kernel: 1, bias: false}]}
  dense: {args: {out: required, k: required}, body: [conv: {out: out, kernel: k, padding: half, bias: false}]}
designs:
  P: [point: {out: mid}, act, dense: {out: c_out, k: k}]
  Q: [dense: {out: mid, k: k}, act, point: {out: c_out}]
  direct: [dense: {out: c_out, k: k}]
  sep: [depthwise_conv: {kernel: k, padding: half, bias: false}, point: {out: c_out}]
  grouped: [conv: {out: c_out, kernel: k, padding: half, groups: g, bias: false}]
  deep: [{conv: {out: c_in, kernel: 3, padding: 1, bias: false}, repeat: n}]
  strided: [conv: {out: c_out, kernel: k, stride: 2, padding: half, bias: false}]
  valid: [conv: {out: c_out, kernel: 5, bias: false}]
given: {c_in: 1.., c_out: 1.., mid: 1.., k: odd 1..11, h: 1.., w: 1.., n: 1.., g: 1.., act: %s}
claims:
  - {that: %s, when: %s}
"""


def judged(that: str, when: str = "true", act: str = "[relu, identity, gelu]") -> Finding:
    start = time.monotonic()
    (verdict,) = check(Spec(read_text(SPEC % (act, f'"{that}"', f'"{when}"'), "blocks.yaml"))).verdicts
    assert time.monotonic() - start < 8
    return verdict.finding


PROVED = [
    ("params(P) == c_in * mid + k**2 * mid * c_out", "true"),
    ("params(P) / params(Q) == (c_in + k**2 * c_out) / (k**2 * c_in + c_out)", "true"),
    ("params(sep) / params(direct) == 1/c_out + 1/k**2", "true"),
    ("macs(sep) < macs(direct)", "c_out > 1 and k > 1"),
    ("params(P) < params(Q)", "c_in > c_out and k > 1"),
    ("params(grouped) * g == params(direct)", "true"),
    ("params(grouped) <= params(direct)", "true"),
    ("depth(deep) == n and macs(deep) == 9 * n * c_in**2 * h * w", "true"),
    ("receptive_field(deep) == 2 * n + 1", "h > 1"),
    ("4 * macs(strided) == macs(direct)", "h % 2 == 0 and w % 2 == 0"),
    ("4 * macs(strided) >= macs(direct)", "true"),
    ("intensity(direct) < k**2 * c_out", "true"),
    ("macs(valid) == 25 * c_in * c_out * (h - 4) * (w - 4)", "true"),
    ("peak_memory(P) >= 4 * h * w * (c_in + mid)", "true"),
]


@pytest.mark.parametrize(("that", "when"), PROVED)
def test_it_is_proved_for_all_sizes(that: str, when: str) -> None:
    found = judged(that, when)
    assert found.truth and found.is_proof and not found.at
    assert {each.kind for each in found.basis} <= {"identity", "solver"}
    assert found.steps


FALSE: list[tuple[str, str, dict[str, int]]] = [
    ("params(P) == c_in * mid + k**2 * mid * c_out + 1", "true", {}),
    ("params(sep) < params(direct)", "true", {"c_out": 1, "k": 1}),
    ("params(sep) < params(direct)", "k > 1", {"c_out": 1, "k": 3}),
    ("params(P) <= params(Q)", "c_in < c_out", {"k": 3}),
    ("params(grouped) < params(direct)", "true", {"g": 1}),
    ("receptive_field(deep) == 2 * n + 1", "true", {"h": 1, "w": 1}),
    ("4 * macs(strided) == macs(direct)", "true", {"h": 1, "w": 1}),
    ("4 * macs(strided) == macs(direct)", "h % 2 == 0", {"h": 2, "w": 1}),
    ("macs(valid) == 25 * c_in * c_out * (h - 4) * (w - 4) + h // 1000", "true", {"h": 1000, "w": 5}),
    ("c_in * 7 != 7_000_021", "true", {"c_in": 1_000_003}),
    ("depth(deep) < 5000", "true", {"n": 5000}),
    ("macs(direct) != 1_000_003", "true", {}),
]


@pytest.mark.parametrize(("that", "when", "sizes"), FALSE)
def test_it_is_refuted_at_small_sizes(that: str, when: str, sizes: dict[str, int]) -> None:
    found = judged(that, when)
    assert found.truth is False and found.is_proof
    assert found.witness is not None
    assert sizes.items() <= found.witness.sizes.items()


def test_a_rule_of_a_layer_is_assumed_and_told() -> None:
    found = judged("params(grouped) * g == params(direct)")
    assert "where the networks are valid: g divides c_in, g divides c_out" in found.assumptions
    (left_out,) = [each for each in found.assumptions if each.startswith("left out: points where a network is invalid")]
    assert "g = 2" in left_out and "must be divisible" in left_out
    found = judged("macs(valid) == 25 * c_in * c_out * (h - 4) * (w - 4)")
    assert "where the networks are valid: h > 4, w > 4" in found.assumptions


def test_what_is_false_for_the_last_word_alone() -> None:
    words = "[relu, identity, gelu, prelu]"
    assert judged("params(P) == c_in * mid + k**2 * mid * c_out").is_proof
    found = judged("params(P) == c_in * mid + k**2 * mid * c_out", act=words)
    assert found.truth is False and found.witness is not None
    assert getattr(found.witness.sizes["act"], "word", "") == "prelu"


def test_no_network_and_no_values_prove_nothing() -> None:
    found = judged("macs(valid) == 1", when="h < 5")
    assert found.truth is None and "no valid network was found" in found.reason
    found = judged("macs(direct) == 1", when="c_in < c_in")
    assert found.truth is None and "'c_in < c_in'" in found.reason
