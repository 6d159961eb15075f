"""How findings on parts make one on a claim: `not`, `and`, `or`, at points, under a hypothesis."""

import pytest

from archtool.algebra.finding import Basis, Finding, Witness, unknown
from archtool.algebra.settings import Settings
from archtool.claims.check import check
from archtool.claims.logic import POINTS, all_of, opposite, some_of, together
from archtool.claims.verdict import HOLDS, PROVED, REFUTED, UNDECIDED, Verdict
from archtool.errors import SpecError
from archtool.spec.reader import read_text
from archtool.spec.spec import Spec

PROOF = Finding(truth=True, basis=(Basis("structure", "rule"),), steps=("it follows",))
SAMPLED = Finding(truth=True, basis=(Basis("samples", "20 draws"),))
FALSE = Finding(truth=False, basis=(Basis("witness", "exact"),), witness=Witness(text="1 is not 2"))
OPEN = unknown("nobody knows")


def verdicts(head: str, *claims: str, settings: Settings | None = None) -> dict[str, Verdict]:
    """The verdicts on claims, by claim; nothing is tested in torch unless settings say how."""
    text = head + "claims:\n" + "".join(f"  - {{that: '{claim}'}}\n" for claim in claims)
    found = check(Spec(read_text(text, "<text>")), settings).verdicts
    return {verdict.that: verdict for verdict in found}


def under(head: str, claim: str, when: str, settings: Settings | None = None) -> Verdict:
    """The verdict on a claim under a hypothesis."""
    text = f"{head}claims:\n  - {{that: '{claim}', when: '{when}'}}\n"
    (found,) = check(Spec(read_text(text, "<text>")), settings).verdicts
    return found


# --- logic -------------------------------------------------------------------------------------------------------


def test_the_opposite_of_samples_is_not_known():
    assert opposite(SAMPLED, "linear(a)").truth is None
    assert opposite(PROOF, "linear(a)").truth is False
    assert opposite(FALSE, "linear(a)").truth is True
    assert opposite(OPEN, "linear(a)").truth is None


def test_what_rests_on_nothing_is_no_proof():
    assert not Finding(truth=True).is_proof
    assert opposite(Finding(truth=True), "linear(a)").truth is None


@pytest.mark.parametrize(
    ("parts", "conjunction", "disjunction"),
    [
        ((PROOF, FALSE), False, True),
        ((PROOF, OPEN), None, True),
        ((OPEN, FALSE), False, None),
        ((FALSE, FALSE), False, False),
        ((PROOF, SAMPLED), True, True),
        ((OPEN, OPEN), None, None),
    ],
)
def test_joined_parts_in_either_order(parts, conjunction, disjunction):
    for each in (parts, parts[::-1]):
        assert all_of(each).truth is conjunction
        assert some_of(each).truth is disjunction


def test_a_conjunction_is_as_weak_as_its_weakest_part_and_a_disjunction_as_strong_as_its_strongest():
    assert not all_of([PROOF, SAMPLED]).is_proof
    assert some_of([SAMPLED, PROOF]).is_proof


def test_points_of_several_findings_are_all_told():
    first, second = PROOF.but(at={POINTS: ({"c": 1}, {"c": 2})}), PROOF.but(at={POINTS: ({"c": 2}, {"k": 3})})
    assert together([first, PROOF.but(at={"c": "1..9"}), second]).at == {
        POINTS: ({"c": 1}, {"c": 2}, {"k": 3}), "c": "1..9",
    }  # fmt: skip


# --- hypotheses --------------------------------------------------------------------------------------------------

FIXED = "input: [3, 4, 4]\nvars: {c: 8}\ndesigns: {a: [conv: {out: 8, kernel: 1}, relu], b: [flatten]}\n"
FREE = (
    "input: [c, 4, 4]\nvars: {c: 8}\ngiven: {c: 1..}\n"
    "designs: {a: [conv: {out: 4, kernel: 1, bias: false}], b: [conv: {out: 6, kernel: 1, groups: 3, bias: false}]}\n"
)


@pytest.mark.parametrize(
    "claim", ["shape_preserving(a)", "not shape_preserving(a)", "params(a) == 0", "params(a) == 32"]
)
def test_nothing_is_true_or_false_of_nothing_where_no_size_is_free(claim):
    assert under(FIXED, claim, "c < 8").status == UNDECIDED
    assert under(FIXED, claim, "c == 8").status in (PROVED, REFUTED)


@pytest.mark.parametrize("claim", ["linear(a)", "not linear(a)", "linear(a) or c > 3"])
def test_nor_where_it_is(claim):
    assert under(FREE, claim, "c < 1").status == UNDECIDED
    assert under(FREE, claim, "c**3 == 20").status == UNDECIDED


def test_a_hypothesis_that_only_far_sizes_meet_is_met():
    assert under(FREE, "linear(a)", "c > 1000").status == PROVED


def test_a_network_that_is_valid_nowhere_under_the_hypothesis_proves_nothing():
    assert under(FREE, "linear(b)", "c % 3 == 1").status == UNDECIDED
    assert under(FREE, "linear(b)", "c % 3 == 0").status == PROVED


def test_a_network_that_is_invalid_with_the_values_of_the_spec_is_an_error_with_and_without_torch():
    for settings in (None, Settings()):
        with pytest.raises(SpecError, match="<text>:4"):
            verdicts(FREE, "linear(b)", settings=settings)


# --- parts on symbols --------------------------------------------------------------------------------------------


def test_false_for_some_sizes_is_not_false_for_all():
    found = verdicts(FREE, "not (linear(a) and c > 5)", "not (linear(a) or c > 5)", "linear(a) or c > 5")
    assert [each.status for each in found.values()] == [REFUTED, REFUTED, PROVED]
    assert found["not (linear(a) and c > 5)"].finding.witness.sizes == {"c": 8}


def test_some_part_everywhere_is_found_at_points_alone():
    head = "input: [2, 4, 4]\nvars: {act: relu}\ngiven: {act: [relu, identity]}\ndesigns: {a: [act]}\n"
    found = verdicts(head, "linear(a) or not linear(a)", "linear(a)", "not linear(a)", settings=Settings())
    assert [each.status for each in found.values()] == [PROVED, REFUTED, REFUTED]
    assert {basis.kind for basis in found["linear(a) or not linear(a)"].finding.basis} >= {"exhaustion"}


def test_listed_values_without_a_valid_network_do_not_count():
    head = (
        "input: [2, 4, 4]\nvars: {d: 1}\ngiven: {d: [1, 3]}\n"
        "designs: {a: [conv: {out: 2, kernel: 3, padding: 1, dilation: d, bias: false}]}\n"
    )
    found = verdicts(head, "linear(a)", "rank(a) == 2", "params(a) == 36")
    assert [each.status for each in found.values()] == [PROVED] * 3
    with pytest.raises(SpecError, match="<text>:4"):
        verdicts(head.replace("[1, 3]", "[3, 4]"), "linear(a)")


# --- exhaustion --------------------------------------------------------------------------------------------------


def test_a_point_that_is_too_large_to_be_looked_at_is_not_left_out():
    """The third claim is false at the value that can't be looked at."""
    head = (
        "input: [4, 8, 8]\nvars: {n: 1}\ngiven: {n: [1, 30000]}\n"
        "designs: {a: [{conv: {out: 4, kernel: 3, padding: same, bias: true}, repeat: n}]}\n"
    )
    found = verdicts(head, "freedom(a) <= 200", "rank(a) <= 4", "seen(a) <= 9")
    assert not {claim: each.status for claim, each in found.items() if each.status == PROVED}
    assert found["seen(a) <= 9"].scope == "at n = 1..1"


def test_points_without_a_valid_network_are_told():
    head = "input: [4, 4, 4]\nvars: {k: 1}\ngiven: {k: 1..8}\ndesigns: {a: [conv: {out: 2, kernel: k}, relu]}\n"
    (found,) = verdicts(head, "not (pointwise(a) and k > 1)").values()
    assert found.status == PROVED
    assert [each for each in found.finding.assumptions if each.startswith("left out: ") and "k = 5" in each]
    assert Basis("exhaustion", "at each of 4 values") in found.finding.basis


def test_what_is_proved_of_more_layers_than_can_be_run_stays_proved():
    head = (
        "input: [4, 8, 8]\nvars: {n: 60000}\ngiven: {n: 1..}\n"
        "designs: {a: [{conv: {out: 4, kernel: 1, bias: false}, repeat: n}]}\n"
    )
    (found,) = verdicts(head, "linear(a)", settings=Settings()).values()
    assert found.status == PROVED
    assert "not tested in torch" in found.finding.steps[-1]


def test_properties_of_more_layers_than_can_be_run_are_told_by_the_turns_of_a_repeat():
    head = "input: [4, 8, 8]\ndesigns: {a: [{do: [conv: {out: 4, kernel: 1}, relu], repeat: 60000}]}\n"
    found = verdicts(head, "pointwise(a)", "affine(a)", "equivalent(a, a)", settings=Settings())
    assert [each.status for each in found.values()][:2] == [PROVED, UNDECIDED]
    assert "not tested in torch" in found["pointwise(a)"].finding.steps[-1]
    assert "60,000 layers" not in found["pointwise(a)"].finding.reason


def test_a_bound_for_too_many_listed_values_to_be_told_on_symbols_proves_no_equality():
    values = ", ".join(map(str, range(1, 71)))
    head = (
        f"input: [4, 8, 8]\nvars: {{d: 1}}\ngiven: {{d: [{values}]}}\n"
        "designs: {a: [conv: {out: d, kernel: 1, bias: false}]}\n"
    )
    found = verdicts(head, "rank(a) <= 4", "rank(a) == min(4, d)", "rank(a) == 4")
    assert [each.status for each in found.values()] == [PROVED, UNDECIDED, REFUTED]


# --- rounding ----------------------------------------------------------------------------------------------------


def test_rounding_alone_refutes_nothing():
    head = "input: [2, 4, 4]\ndesigns: {a: [relu]}\n"
    found = verdicts(head, "sqrt(2) ** 2 == 2", "sqrt(2) ** 2 > 2", "sqrt(4) == 2", "sqrt(5) < 10**1200", "sqrt(5) > 3")
    assert [each.status for each in found.values()] == [UNDECIDED, UNDECIDED, HOLDS, HOLDS, REFUTED]


def test_a_root_in_a_var_is_as_rounded_as_one_in_the_claim():
    head = "input: [c, 4, 4]\nvars: {c: 4, r: sqrt(c)}\ngiven: {c: [1, 4, 9]}\ndesigns: {a: [relu]}\n"
    found = verdicts(head, "r * r == c", "sqrt(c) ** 2 == c", "channels(a) == c")
    assert [each.status for each in found.values()] == [HOLDS, HOLDS, PROVED]


def test_the_sizes_that_are_named_are_those_that_were_tried():
    head = "input: [c, 4, 4]\nvars: {c: 8}\ngiven: {c: 2..}\ndesigns: {a: [softmax, relu]}\n"
    found = under(head, "not linear(a)", "c < 4", Settings())
    assert (found.status, found.scope) == (HOLDS, "at c = 2; c = 3 where c < 4")
