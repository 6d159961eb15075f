"""Statements over whole numbers: proved for all values, refuted at one, or neither; never wrongly."""

from __future__ import annotations

import ast
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool.algebra.finding import Finding
from archtool.claims.deciding import points
from archtool.claims.deciding.decide import decide
from archtool.claims.deciding.exact import by_integers
from archtool.claims.deciding.identity import by_identity
from archtool.claims.deciding.narrowing import narrowed
from archtool.claims.deciding.question import asked
from archtool.claims.deciding.solver import by_solver
from archtool.claims.deciding.statement import Traced
from archtool.errors import ArchtoolError, RuleError
from archtool.runs import Problem
from archtool.spec.domains import Range, parse_range
from archtool.spec.expressions import compile_expression
from archtool.spec.values import WORK, Allowance
from archtool.trace import Trace

SIGNS = {ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}


@dataclass
class Spoken:
    """A statement in the expressions of specs; `rules` are texts that have to be true for it to be about something."""

    text: str
    names: tuple[str, ...]
    rules: tuple[str, ...] = ()
    rounds: bool = False
    calls: list[Mapping[str, Any]] = field(default_factory=list)

    def value(self, text: str, values: Mapping[str, Any]) -> Any:
        return compile_expression(text, self.names, ()).evaluate({**values, WORK: Allowance(10_000)})

    def at(self, point: Mapping[str, Any]) -> bool:
        self.calls.append(point)
        for rule in self.rules:
            if not self.value(rule, point):
                raise RuleError(f"conv1: {rule} is broken")
        return self.value(self.text, point)

    def compared(self) -> tuple[list[str], list[str]]:
        tree = ast.parse(self.text, mode="eval").body
        if not isinstance(tree, ast.Compare):
            return [], []
        sides = [ast.get_source_segment(self.text, each) or "" for each in (tree.left, *tree.comparators)]
        return sides, [SIGNS[type(op)] for op in tree.ops]

    def sides(self, point: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
        return tuple((side, self.value(side, point)) for side in self.compared()[0])

    def traced(self, trace: Trace, values: Mapping[str, Any]) -> Traced:
        problems = [Problem(self.value(rule, values), f"conv1: {rule}") for rule in self.rules]
        sides, signs = self.compared()
        told = tuple((side, self.value(side, values)) for side in sides)
        return Traced(self.value(self.text, values), tuple(problems), told, tuple(signs))


def domain(written: Any) -> Range | tuple[Any, ...]:
    if isinstance(written, str):
        found = parse_range(written)
        assert found is not None
        return found
    return tuple(written)


def decided(text: str, when: str = "", rules: tuple[str, ...] = (), rounds: bool = False, **given: Any) -> Finding:
    domains = {name: domain(written) for name, written in given.items()}
    names = tuple(domains)
    hypothesis = Spoken(when, names) if when else None
    start = time.monotonic()
    found = decide(Spoken(text, names, rules, rounds), hypothesis, domains, {})
    assert time.monotonic() - start < 12
    assert found.truth is not False or found.witness is not None
    return found


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
    assert "g divides c" in found.assumptions
    assert decided("c // g * g == c", c="1..", g="1..").truth is False


def test_lists_are_tried_value_by_value() -> None:
    found = decided("c * n >= c", n=[1, 2, 5], c="1..")
    assert found.is_proof and found.truth
    assert "n is one of 1, 2, 5" in found.assumptions


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


# --- the laws ---------------------------------------------------------------------------------------------------------

FREE = ("a", "b")


def expressions(leaves: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def larger(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.one_of(
            st.tuples(inner, st.sampled_from([" + ", " - ", " * "]), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
            st.tuples(inner, st.integers(1, 4)).map(lambda t: f"({t[0]} // {t[1]})"),
            st.tuples(inner, st.integers(2, 4)).map(lambda t: f"({t[0]} % {t[1]})"),
            st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda t: f"{t[0]}({t[1]}, {t[2]})"),
            st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} > 2 else {t[2]})"),
        )

    return st.recursive(leaves, larger, max_leaves=5)


NUMBERS = expressions(st.one_of(st.sampled_from(FREE), st.integers(0, 4).map(str)))
CLAIMS = st.tuples(NUMBERS, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), NUMBERS).map(" ".join)
QUOTIENTS = st.tuples(
    NUMBERS, st.sampled_from(FREE), st.sampled_from(["==", "<", ">="]), NUMBERS, st.integers(1, 5)
).map(lambda t: f"{t[0]} / (1 + {t[1]}) {t[2]} {t[3]} / {t[4]}")
SMALL = st.sampled_from(["0..3", "2..2", "-3..2", "1..5", "odd 1..7", "2..8:3", "even 0..6"])
ENDLESS = st.sampled_from(["0..", "1..", "odd 1..", "3..:4"])


def truth_of(text: str, when: str, places: Iterable[Mapping[str, Any]]) -> list[bool]:
    """What the statement is at the points that it is about; where something is divided by 0 there is none."""
    found = []
    for point in places:
        try:
            if not when or Spoken(when, FREE).at(point):
                found.append(Spoken(text, FREE).at(point))
        except RuleError:
            continue
    return found


@settings(max_examples=60, deadline=None)
@given(st.one_of(CLAIMS, QUOTIENTS), st.one_of(st.just(""), CLAIMS), SMALL, SMALL)
def test_over_small_domains_it_is_what_trying_all_says(text: str, when: str, a: str, b: str) -> None:
    found = decided(text, when=when, a=a, b=b)
    told = truth_of(text, when, points.everywhere({"a": domain(a), "b": domain(b)}))
    assert found.truth == (all(told) if told else None)
    assert found.truth is None or found.is_proof


@settings(max_examples=60, deadline=None)
@given(st.one_of(CLAIMS, QUOTIENTS), st.one_of(st.just(""), CLAIMS), ENDLESS, st.one_of(SMALL, ENDLESS))
def test_over_endless_domains_nothing_wrong_is_said(text: str, when: str, a: str, b: str) -> None:
    found = decided(text, when=when, a=a, b=b)
    told = truth_of(text, when, islice(points.small_first({"a": domain(a), "b": domain(b)}), 500))
    if not all(told):
        assert found.truth is False
    if found.truth is False:
        assert found.witness is not None
        assert truth_of(text, when, [found.witness.sizes]) == [False]


@settings(max_examples=80, deadline=None)
@given(
    st.one_of(CLAIMS, QUOTIENTS), st.one_of(st.just(""), CLAIMS), st.one_of(SMALL, ENDLESS), st.one_of(SMALL, ENDLESS)
)
def test_each_way_to_prove_is_right_by_itself(text: str, when: str, a: str, b: str) -> None:
    """Without the points that are tried before: no way proves what is false at one of them."""
    domains = {"a": domain(a), "b": domain(b)}
    hypothesis = Spoken(when, FREE) if when else None
    told = truth_of(text, when, islice(points.small_first(domains), 400))
    try:
        question = asked(Spoken(text, FREE), hypothesis, domains)
    except ArchtoolError:
        return
    for way in (by_identity, by_integers, by_solver):
        try:
            found = way(question)
        except RuleError:
            continue
        if isinstance(found, Finding):
            assert found.truth and all(told)
        if isinstance(found, dict) and way is not by_solver:
            point = {name: each.low if isinstance(each, Range) else each for name, each in domains.items()} | found
            assert truth_of(text, when, [point]) == [False]


@pytest.mark.parametrize(
    ("when", "left"),
    [
        ("a > 3", ["4..90", "odd 1..9"]),
        ("a >= 3 and b > 3", ["3..90", "odd 5..9"]),
        ("a < 30 and b <= 6", ["0..29", "odd 1..5"]),
        ("2 * a < 31 and 3 * b < 20", ["0..15", "odd 1..5"]),
        ("a == 7 and b == 5", ["7..7", "5..5:2"]),
        ("a + b > 5", ["0..90", "odd 1..9"]),
        ("a > 3 or b > 3", ["0..90", "odd 1..9"]),
        ("a > 90", ["0..90", "odd 1..9"]),
    ],
)
def test_a_hypothesis_narrows_ranges(when: str, left: list[str]) -> None:
    found = narrowed(Spoken(when, FREE), {"a": domain("0..90"), "b": domain("odd 1..9")})
    assert found == {"a": domain(left[0]), "b": domain(left[1])}


@settings(max_examples=100, deadline=None)
@given(CLAIMS, CLAIMS, SMALL, SMALL)
def test_narrow_ranges_keep_all_that_fulfils_the_hypothesis(one: str, other: str, a: str, b: str) -> None:
    when, domains = f"{one} and {other}", {"a": domain(a), "b": domain(b)}
    narrow = narrowed(Spoken(when, FREE), domains)
    for point in points.everywhere(domains):
        if truth_of(when, "", [point]) == [True]:
            assert all(points.place_of(narrow[name], each) is not None for name, each in point.items())


@pytest.mark.parametrize(
    "written", [{"a": "1..3", "b": "odd 1..", "c": [4, 9]}, {"a": "1..2"}, {"w": ["x", "y"], "a": "0.."}]
)
def test_points_come_by_their_size_and_each_once(written: dict[str, Any]) -> None:
    domains = {name: domain(each) for name, each in written.items()}
    found = list(islice(points.small_first(domains), 60))
    keys = [tuple(point.values()) for point in found]
    assert len(set(keys)) == len(keys)
    sums = [
        sum(points.place_of(domains[n], v) or 0 for n, v in point.items() if not points.words(domains[n]))
        for point in found
    ]
    assert sums == sorted(sums)
    total = points.size(domains)
    assert total is None or len(found) == min(total, 60)
