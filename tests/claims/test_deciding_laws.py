"""The laws of deciding: whatever is claimed, no way to prove says what is false at a point."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool.algebra.finding import Finding
from archtool.claims.deciding import points
from archtool.claims.deciding.exact import by_integers
from archtool.claims.deciding.identity import by_identity
from archtool.claims.deciding.narrowing import narrowed
from archtool.claims.deciding.proofs import Prover
from archtool.claims.deciding.question import asked
from archtool.claims.deciding.residues import classes, excluded
from archtool.claims.deciding.solver import by_solver
from archtool.errors import ArchtoolError, RuleError
from archtool.spec.domains import Range
from tests.claims.spoken import FREE, Spoken, decided, domain, truth_of


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


# --- remainders ---------------------------------------------------------------------------------------------------

MODULI = st.tuples(st.sampled_from(FREE), st.integers(2, 6), st.sampled_from(["==", "!=", "<"]), st.integers(0, 5)).map(
    lambda t: f"{t[0]} % {t[1]} {t[2]} {t[3]}"
)
FLOORED = st.one_of(
    st.tuples(st.sampled_from(["a*b", "a*a", "a + 2*b", "a*b + a", "(a // 2)*b"]), st.integers(2, 6)).map(
        lambda t: f"({t[0]}) // {t[1]} * {t[1]}"
    ),
    st.tuples(st.sampled_from(["a*b", "a*a", "3*a + b", "a*(a + 1)"]), st.integers(2, 6)).map(
        lambda t: f"({t[0]}) % {t[1]}"
    ),
)
ROUNDED = st.tuples(FLOORED, st.sampled_from(["==", "<=", ">", "!="]), st.one_of(FLOORED, NUMBERS)).map(" ".join)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(ROUNDED, CLAIMS), st.one_of(st.just(""), MODULI, CLAIMS), st.one_of(SMALL, ENDLESS),
    st.one_of(SMALL, ENDLESS),
)  # fmt: skip
def test_classes_have_each_value_and_leave_out_none_that_counts(text: str, when: str, a: str, b: str) -> None:
    domains = {"a": domain(a), "b": domain(b)}
    hypothesis = Spoken(when, FREE) if when else None
    try:
        question = asked(Spoken(text, FREE), hypothesis, domains)
        every = classes(question)
        out = [excluded(question, each) for each in every]
    except ArchtoolError:
        return
    for point in islice(points.small_first(domains), 150):
        inside = [
            gone
            for each, gone in zip(every, out, strict=True)
            if all(points.place_of(values, point[name]) is not None for name, values in each.ranges.items())
        ]
        assert len(inside) == (1 if every else 0)
        assert not any(inside) or not truth_of(text, when, [point])


@settings(max_examples=120, deadline=None)
@given(ROUNDED, st.one_of(st.just(""), MODULI), st.one_of(SMALL, ENDLESS), st.one_of(SMALL, ENDLESS))
def test_proofs_by_remainders_are_right_by_themselves(text: str, when: str, a: str, b: str) -> None:
    """Without the points that are tried before."""
    domains = {"a": domain(a), "b": domain(b)}
    hypothesis = Spoken(when, FREE) if when else None
    told = truth_of(text, when, islice(points.small_first(domains), 300))
    answer = Prover(Spoken(text, FREE), hypothesis).answer(domains)
    assert answer.finding is None or (answer.finding.truth and all(told))
    assert all(
        points.place_of(domains[n], each) is not None for point in answer.candidates for n, each in point.items()
    )
    if told and all(told):
        assert False not in truth_of(text, when, answer.candidates)


@settings(max_examples=40, deadline=None)
@given(ROUNDED, st.one_of(st.just(""), MODULI), SMALL, SMALL)
def test_with_remainders_it_is_what_trying_all_says(text: str, when: str, a: str, b: str) -> None:
    found = decided(text, when=when, a=a, b=b)
    told = truth_of(text, when, points.everywhere({"a": domain(a), "b": domain(b)}))
    assert found.truth == (all(told) if told else None)


PARTS = st.sampled_from(
    [
        "a - b",
        "b - a",
        "a - 2",
        "a*b - 3",
        "a + b - 4",
        "2*a - b",
        "a",
        "b",
        "a*a - b",
        "min(a, b) - 1",
        "max(a, b) - a",
    ]
)


@settings(max_examples=200, deadline=None)
@given(
    PARTS, st.one_of(PARTS, st.sampled_from(["1", "-1", "a*a + 1"])), st.sampled_from([">", ">=", "<", "<="]),
    st.sampled_from(["0", "1", "a", "-1"]),
    st.sampled_from(["{} > 0", "{} >= 1", "{} > 0 and b > 1", "not {} <= 0", "{} < 0"]),
    st.one_of(ENDLESS, st.just("-3..4")), ENDLESS,
)  # fmt: skip
def test_multiples_of_conditions_have_no_other_sign(
    one: str, other: str, sign: str, end: str, when: str, a: str, b: str
) -> None:
    text, domains = f"({one})*({other}) {sign} {end}", {"a": domain(a), "b": domain(b)}
    hypothesis = when.format(f"({one})")
    if by_identity(asked(Spoken(text, FREE), Spoken(hypothesis, FREE), domains)) is not None:
        assert all(truth_of(text, hypothesis, islice(points.small_first(domains), 100)))
