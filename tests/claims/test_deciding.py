"""Statements over whole numbers: proved for all values, refuted at one, or neither; never wrongly."""

from __future__ import annotations

import sys
import threading
from typing import Any

import pytest

from archtool.claims.deciding.decide import decide
from tests.claims.spoken import Spoken, decided

# --- proved -----------------------------------------------------------------------------------------------------------

SEPARABLE = "(k**2*c + c*m) / (k**2*c*m) == 1/m + 1/k**2"
IDENTITIES = [
    ("(a + b)**2 == a**2 + 2*a*b + b**2", {"a": "1..", "b": "1.."}),
    (SEPARABLE, {"c": "1..", "m": "1..", "k": "odd 1..11"}),
    ("(c*m + k**2*m*o) / (k**2*c*m + m*o) == (c + k**2*o) / (k**2*c + o)", dict.fromkeys("cmok", "1..")),
    ("n // 2 + (n + 1) // 2 == n", {"n": "0.."}),
    ("n % 2 == 1", {"n": "odd 1.."}),
    ("(k - 1) // 2 * 2 + 1 == k", {"k": "odd 1.."}),
    ("ceil(n / 2) == (n + 1) // 2", {"n": "1.."}),
    ("a + b >= 2", {"a": "1..", "b": "1.."}),
    ("a*b + 1 >= a + b", {"a": "1..", "b": "1.."}),  # (a - 1) (b - 1) >= 0
    ("w % 8 == 0", {"w": "8..:8"}),
    ("n*n >= n", {"n": "0.."}),
    ("n**3 - n >= 6*(n - 1)", {"n": "1.."}),
    ("2*n != 7", {"n": "1.."}),
]
SOLVED = [
    ("min(a, b) <= a and max(a, b) >= b", {"a": "1..", "b": "1.."}),
    ("a <= max(a, b)", {"a": "1..", "b": "1.."}),
    ("a*a + b*b >= 2*a*b", {"a": "0..", "b": "0.."}),
    ("a*c*9 > a*c*4 + a", {"a": "1..", "c": "1.."}),
    ("abs(a - b) <= max(a, b)", {"a": "0..", "b": "0.."}),
    ("(a + b)//3 <= a + b", {"a": "0..100", "b": "0..100"}),
]


@pytest.mark.parametrize(("text", "given"), IDENTITIES)
def test_it_is_proved_by_its_closed_form(text: str, given: dict[str, str]) -> None:
    found = decided(text, **given)
    assert found.truth and found.is_proof
    assert {each.kind for each in found.basis} == {"identity"}
    assert found.steps


@pytest.mark.parametrize(("text", "given"), SOLVED)
def test_it_is_proved_by_one_way_or_another(text: str, given: dict[str, str]) -> None:
    found = decided(text, **given)
    assert found.truth and found.is_proof
    assert not found.at


def test_what_follows_from_a_hypothesis_alone() -> None:
    free = {"mid": "1..", "c": "1.."}
    assert decided("min(mid, c) == c", when="mid >= c", **free).is_proof
    found = decided("min(mid, c) == c", **free)
    assert found.truth is False
    assert found.witness is not None and found.witness.sizes == {"mid": 1, "c": 2}


def test_the_rules_of_networks_are_assumed_and_told() -> None:
    found = decided("c // g * g == c", rules=("c % g == 0",), c="1..", g="1..")
    assert found.is_proof and found.truth
    assert "where the networks are valid: g divides c" in found.assumptions
    assert any(
        "left out" in each and "at c = 1, g = 2: conv1: c % g == 0 is broken" in each for each in found.assumptions
    )
    assert decided("c // g * g == c", c="1..", g="1..").truth is False


def test_lists_are_tried_value_by_value() -> None:
    found = decided("c * n >= c", n=[1, 2, 5], c="1..")
    assert found.is_proof and found.truth
    assert "n is one of 1, 2, 5" in found.assumptions


def test_points_where_a_claim_is_undefined_are_told() -> None:
    for given in ({"a": "1..", "b": "0.."}, {"a": "1..6", "b": "0..6"}):
        found = decided("a / b * b == a", **given)
        assert found.truth
        assert any("the claim undefined; the first is at a = 1, b = 0: " in each for each in found.assumptions)
    assert not any("left out" in each for each in decided("a / b * b == a", a="1..", b="1..").assumptions)


EXTREMES = [
    ("min(a, b, m) <= m", {"a": "1..", "b": "1..", "m": "1.."}),
    ("max(a, b) >= a", {"a": "1..", "b": "1.."}),
    ("min(9*a, b, m) + a*b <= m + a*b", {"a": "1..", "b": "1..", "m": "1.."}),
    ("a * min(b, m) <= a * m", {"a": "0..", "b": "1..", "m": "1.."}),
    ("max(a, min(b, m)) + 1 > min(b, a)", {"a": "1..", "b": "1..", "m": "1.."}),
]


@pytest.mark.parametrize(("text", "given"), EXTREMES)
def test_an_extreme_is_bounded_by_each_of_its_parts(text: str, given: dict[str, str]) -> None:
    found = decided(text, **given)
    assert found.truth and {each.kind for each in found.basis} == {"identity"}


def test_a_multiple_of_a_condition_is_above_0() -> None:
    free = {"a": "1..", "b": "1..", "m": "1..", "k": "odd 1..11"}
    found = decided("m*(a + k**2*b) < m*(k**2*a + b)", when="a > b and k > 1", **free)
    assert found.truth and {each.kind for each in found.basis} == {"identity"}
    assert "times a - b, which is so by the conditions" in found.steps[-1]
    assert decided("m*(a + k**2*b) < m*(k**2*a + b)", when="a > b", **free).truth is False
    assert decided("a*a + b <= b*b + a", when="not b >= a", **free).truth is False


def test_an_extreme_is_not_bounded_the_other_way() -> None:
    assert "a min is at most each of its parts" in decided("min(a, b) <= b", a="1..", b="1..").steps[-1]
    assert decided("min(a, b) >= b", a="1..", b="1..").truth is False
    assert decided("max(a, b) <= b", a="1..", b="1..").truth is False
    assert decided("(a - 5) * min(b, 9) <= (a - 5) * 9", a="1..", b="1..").truth is False


# --- refuted ----------------------------------------------------------------------------------------------------------

FALSE = [
    ("9*a*b == 9*a*b + 1", {"a": "1..", "b": "1.."}, {"a": 1, "b": 1}),
    ("k*k > k", {"k": "1.."}, {"k": 1}),
    ("k % 2 == 0", {"k": "2.."}, {"k": 3}),
    ("x != 1_000_003", {"x": "1.."}, {"x": 1_000_003}),
    ("x != 1_000_003 + y", {"x": "1..", "y": "1.."}, None),
    ("n / 2 == n // 2", {"n": "2.."}, {"n": 3}),
    ("act == 0", {"act": [0, 0, 0, 7]}, {"act": 7}),
    ("c + act < 100_000 or act != 3", {"act": [1, 2, 3], "c": "1.."}, {"act": 3, "c": 99_997}),
    ("a*b < 10_000", {"a": "1..100", "b": "1..100"}, {"a": 100, "b": 100}),
    ("n*n < 500*n", {"n": "1.."}, {"n": 500}),
    ("n*n - 14*n + 49 > 0", {"n": "1.."}, {"n": 7}),
    ("a*a != 2*b*b + 1", {"a": "2..", "b": "1.."}, {"a": 3, "b": 2}),
    ("3*a/7 + b/5 < 10**9", {"a": "1..", "b": "1.."}, None),
    ("1/c + 1/k**2 < 1/2 + 1/c", {"c": "1..", "k": "odd 1..11"}, {"c": 1, "k": 1}),
]


@pytest.mark.parametrize(("text", "given", "smallest"), FALSE)
def test_it_is_refuted_at_the_smallest_values(
    text: str, given: dict[str, Any], smallest: dict[str, int] | None
) -> None:
    found = decided(text, **given)
    assert found.truth is False and found.is_proof
    assert found.witness is not None
    assert smallest is None or found.witness.sizes == smallest
    assert not Spoken(text, tuple(given)).value(text, found.witness.sizes)


def test_a_counterexample_tells_both_sides() -> None:
    found = decided("9*a*b == 8*a*b + 2", a="1..", b="1..")
    assert found.witness is not None
    assert (found.witness.left, found.witness.right) == (9, 10)
    assert found.witness.text == "9*a*b = 9, 8*a*b + 2 = 10"
    assert found.steps == ("at a = 1, b = 1: 9*a*b = 9, 8*a*b + 2 = 10",)


# --- neither ----------------------------------------------------------------------------------------------------------


def test_a_hypothesis_that_never_holds_proves_nothing() -> None:
    for when in ("a > a", "a*a == 2", "a < 0", "a*a == 2*b*b"):
        found = decided("a == b", when=when, a="1..", b="1..")
        assert found.truth is None
        assert f"'{when}'" in found.reason
    found = decided("a == b", when="a > b", a="1..4", b="7..9")
    assert found.truth is None


def test_networks_that_are_never_valid_prove_nothing() -> None:
    found = decided("a == a + 1", rules=("a > 9",), a="1..9")
    assert found.truth is None
    assert "no valid network was found in the given ranges" in found.reason
    assert "a > 9 is broken" in found.reason


def test_a_hypothesis_that_holds_far_away_is_found() -> None:
    assert decided("a > 99", when="a >= 100_000", a="1..", b="1..").is_proof
    found = decided("a < 200_000", when="a >= 100_000", a="1..", b="1..")
    assert found.truth is False
    found = decided("b == 2*a", when="b == 2*a and a > 77_777", a="1..", b="1..")
    assert found.truth and found.is_proof


def test_rounded_numbers_are_no_proof() -> None:
    found = decided("sqrt(n*n) >= n - 0.001", rounds=True, n="1..")
    assert found.truth and not found.is_proof
    assert found.at and "64-bit" in found.basis[0].text
    found = decided("sqrt(n*n) >= n - 0.001", rounds=True, n="1..50")
    assert found.truth and not found.is_proof
    found = decided("sqrt(n) < 10", rounds=True, n="1..")
    assert found.truth is False and not found.is_proof
    assert found.witness is not None and found.witness.sizes == {"n": 100}


def test_what_has_no_closed_form_is_sampled() -> None:
    found = decided("2**n >= n", n="1..")
    assert found.truth and not found.is_proof
    assert found.basis[0].kind == "samples" and "points of the given ranges" in found.basis[0].text
    assert found.at == {"n": found.at["n"]}
    found = decided("2**n >= n", n="1..50")
    assert found.is_proof and found.basis[0].kind == "exhaustion"


def test_what_is_open_in_mathematics_stays_open() -> None:
    """That no three of these numbers make a**3 + b**3 == c**3: true, by Euler, and beyond all ways here."""
    found = decided("a**3 + b**3 != c**3", a="1..", b="1..", c="1..")
    assert found.truth is None
    assert "no counterexample at" in found.reason


def test_one_point() -> None:
    found = decided("3**2 * 64 == 576")
    assert found.truth and found.basis[0].kind == "arithmetic"
    assert decided("3**2 * 64 == 577").truth is False
    assert decide(Spoken("1 == 1", ()), None, {}, {"k": 3}).at == {"k": 3}


def test_work_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where z3's steps are long ones its backstop ends it."""
    monkeypatch.setattr("archtool.claims.deciding.solver.SECONDS", 1)
    powers = "*".join(f"{name}**64" for name in "abcdefgh")
    free = dict.fromkeys("abcdefgh", "1..")
    assert decided(f"{powers} != 5 + a", **free).truth is not None or True
    big = " + ".join(f"(a + {i})**20 // (b + {i})" for i in range(1, 12))
    decided(f"{big} >= 0", **free)
    decided(f"{big} != 77777", **free)


def test_without_z3_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archtool.claims.deciding.solver.find_spec", lambda name: None)
    found = decided("a*a + b*b >= 2*a*b", a="0..", b="0..")
    assert found.truth is None
    assert "pip install 'archtool[solve]'" in found.reason


def test_importing_it_loads_no_solver() -> None:
    import subprocess

    code = (
        "import archtool.claims.deciding.decide, sys; print([m for m in ('z3', 'sympy', 'torch') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


# --- remainders ---------------------------------------------------------------------------------------------------

EVEN = "h % 2 == 0 and w % 2 == 0"
QUARTER = "4 * ceil(h/2) * ceil(w/2) * c * k**2 == h * w * c * k**2"
SIZES = {"h": "1..", "w": "1..", "c": "1..", "k": "odd 1..99"}


def test_floors_are_told_apart_by_remainders() -> None:
    found = decided(QUARTER, when=EVEN, **SIZES)
    assert found.truth and {each.kind for each in found.basis} == {"identity"}
    assert found.steps[0] == "by remainders, 4 classes, of which the conditions exclude 3: h = 2t, w = 2s"
    assert found.steps[-1] == "both are 4*c*k**2*t*s"
    for when in ("", "h % 2 == 0", "h % 2 == 0 or w % 2 == 0"):
        assert decided(QUARTER, when=when, **SIZES).truth is False


BY_REMAINDERS = [
    ("h * w // 2 * 2 * c >= h * w * c - c", "", 4),
    ("(h*h) % 4 * c < 2 * c and (h*h*c*c) % 3 != 2", "", 36),
    ("h * (h + 1) * (h + 2) // 6 * 6 * c == h * (h + 1) * (h + 2) * c", "", 6),
    ("(h // 4 * w) % 3 * c <= 2 * c", "", 36),
    ("h * w % 4 * c == c", "h % 4 == 3 and w % 4 == 3", 16),
]


@pytest.mark.parametrize(("text", "when", "number"), BY_REMAINDERS)
def test_it_is_proved_without_a_solver(text: str, when: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("archtool.claims.deciding.solver.find_spec", lambda name: None)
    found = decided(text, when=when, h="1..", w="1..", c="1..")
    assert found.truth and {each.kind for each in found.basis} == {"identity"}
    assert f"by remainders, {number} classes" in found.steps[0]


def test_a_class_where_it_is_false_is_not_missed() -> None:
    """Far beyond the small points: one remainder of many, of a symbol among others."""
    found = decided("h * c % 30 != 29 or h < 10_000", h="1..", c="7..:30")
    assert found.truth is False
    found = decided("(c + h % 16) * w != (c + 15) * w", h="1..", w="50..", c="90..")
    assert found.truth is False and found.witness is not None and found.witness.sizes["h"] == 15


def test_what_remainders_leave_open_goes_to_z3() -> None:
    text = "h % 2 * (a*a + b*b - 2*a*b) * c >= 0"
    found = decided(text, h="1..", a="1..", b="1..", c="1..")
    assert found.truth and {each.kind for each in found.basis} == {"identity", "solver"}


def test_a_busy_process_decides_the_same() -> None:
    """z3 counts its own steps, in a context of its own, whatever it was asked before."""
    claims = [("(a + b + c)**3 >= 27*a*b*c", ""), ("a*a*b % (c + 1) <= c", ""), ("a**3 + b**3 != c**3", "a > 2")]
    free = dict.fromkeys("abc", "1..")
    first = [decided(text, when=when, **free) for text, when in claims]
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            sum(range(10_000))

    busy = [threading.Thread(target=work) for _ in range(3)]
    for each in busy:
        each.start()
    try:
        again = [decided(text, when=when, **free) for text, when in reversed(claims)]
    finally:
        stop.set()
    assert [(each.truth, each.basis) for each in first] == [(each.truth, each.basis) for each in reversed(again)]
    assert first[0].truth and "of its steps" in first[0].basis[0].text
