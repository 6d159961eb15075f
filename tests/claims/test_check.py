"""Claims of whole specs: every concept stands, every false one falls, and no block fools the tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from archtool import SpecError, load
from archtool.algebra.settings import Settings
from archtool.claims.check import Checked, check
from archtool.claims.facts import is_of_second
from archtool.claims.language import read
from archtool.claims.parts import Fact, leaves
from archtool.claims.roster import Roster
from archtool.claims.verdict import HOLDS, PROVED, REFUTED, UNDECIDED
from archtool.loading import source
from archtool.render.claims import counterexample
from archtool.spec.catalog import shipped_folder
from archtool.spec.library import FILES
from archtool.spec.reader import read_text
from archtool.spec.spec import Spec

FALSE = Path(__file__).with_name("false_claims.yaml")
CONCEPTS = sorted((shipped_folder() / "concepts").glob("*.yaml"))
SETTINGS = Settings()


def spec_of(where: Path | str) -> Spec:
    found = source(where)
    return Spec(found.document, None, found.folder)


def checked(claims: str, head: str) -> dict[str, str]:
    """The verdicts on claims about the networks of a spec, by claim."""
    spec = Spec(read_text(f"{head}\nclaims:\n{claims}", "<text>"))
    return {verdict.that: verdict.status for verdict in check(spec, SETTINGS).verdicts}


@pytest.mark.parametrize("path", CONCEPTS, ids=lambda path: path.stem)
def test_each_claim_of_a_concept_stands(path: Path) -> None:
    found = check(spec_of(path), SETTINGS)
    assert found.verdicts, "a concept claims something"
    assert {verdict.title: verdict.status for verdict in found.verdicts if not verdict.ok} == {}


@pytest.fixture(scope="module")
def false() -> Checked:
    return check(spec_of(FALSE), SETTINGS)


def test_each_false_claim_is_refuted(false: Checked) -> None:
    assert {verdict.title: verdict.status for verdict in false.verdicts if verdict.status != REFUTED} == {}
    assert len(false.verdicts) > 30


def test_counterexamples_in_sizes_are_ones(false: Checked) -> None:
    """Where numbers were compared, the sizes of the counterexample make the claim false."""
    from archtool.claims.comparing import Compared

    roster = Roster(spec_of(FALSE), FILES)
    seen = 0
    for verdict in false.verdicts:
        part = read(verdict.that, roster.names)
        witness = verdict.finding.witness
        assert witness is not None
        if not isinstance(part, Fact):
            assert Compared(part, roster).at(witness.sizes) is False  # type: ignore[arg-type]  # a comparison
            seen += 1
    assert seen > 8


def test_counterexamples_in_torch_differ_when_replayed(false: Checked) -> None:
    from archtool.realize.replay import replay

    roster = Roster(spec_of(FALSE), FILES)
    seen = 0
    for verdict in false.verdicts:
        witness = verdict.finding.witness
        assert witness is not None
        if not witness.recipe:
            continue
        reading = roster.reading(witness.sizes)
        (fact,) = leaves(read(verdict.that, roster.names))
        assert isinstance(fact, Fact)
        flats = [reading.placed(subject).flat() for subject in fact.subjects]
        broken = flats[-1 if is_of_second(verdict.finding) else 0]
        left, right = replay(broken, witness)
        assert left != right, verdict.title
        assert (left, right) == (witness.left, witness.right), verdict.title
        seen += 1
    assert seen > 15


# --- blocks built to fool a sampler ------------------------------------------------------------------------------

FOOLS = """
input: [2, 6, 6]
vars: {k: 3}
designs:
  dead: [conv: {out: 2, kernel: 1}, threshold: {threshold: -100000, value: -100000}]
  border: [conv: {out: 2, kernel: 3, padding: 1, bias: false}, conv: {out: 2, kernel: 1, bias: false}]
  one_channel:
    - concat:
        straight: [slice: {stop: 1}]
        bent: [slice: {start: 1}, relu]
  phase: [pad: {padding: [[0, 1], [0, 1]]}, conv: {out: 2, kernel: 1, stride: 2}]
  clipped: [hardtanh: {min_val: -1000000, max_val: 1000000}]
  shrunk: [hardshrink: {lambd: 0.000001}]
  mirrored: [conv: {out: 2, kernel: 3, padding: 1, padding_mode: reflect, bias: false}]
  zeros: [conv: {out: 2, kernel: 3, padding: 1, bias: false}]
  circular: [conv: {out: 2, kernel: 3, padding: 1, padding_mode: circular, bias: false}]
  faint: [conv: {out: 2, kernel: 1, bias: false}, layer_scale: {init: 1e-12}, relu]
"""


def test_no_fool_is_taken_for_what_it_is_not() -> None:
    found = checked(
        """
  - linear(dead)
  - affine(dead)
  - linear(one_channel)
  - affine(clipped)
  - linear(shrunk)
  - linear(faint)
  - equivalent(mirrored, zeros)
  - equivalent(circular, zeros)
  - pointwise(zeros)
  - shape_preserving(phase)
  - mixes_channels(one_channel) == full
""",
        FOOLS,
    )
    assert not {claim: status for claim, status in found.items() if status in (PROVED, HOLDS)}


def test_what_is_true_of_fools_is_not_refuted() -> None:
    found = checked(
        """
  - linear(border)
  - positively_homogeneous(one_channel)
  - mixes_channels(one_channel) == none
  - positively_homogeneous(faint)
  - translation_equivariant(circular)
  - receptive_field(zeros) == receptive_field(mirrored)
""",
        FOOLS,
    )
    assert set(found.values()) <= {PROVED, HOLDS}, found


def test_a_claim_false_by_one_parameter() -> None:
    head = "input: [c, 4, 4]\nvars: {c: 8}\ngiven: {c: 1..}\ndesigns: {a: [conv: {out: 8, kernel: 3}]}"
    found = checked("  - params(a) == 72 * c + 8\n  - params(a) == 72 * c + 9\n  - params(a) >= 73 + c", head)
    assert list(found.values()) == [PROVED, REFUTED, PROVED]


def test_a_claim_false_at_one_far_value() -> None:
    head = "input: [c, 4, 4]\nvars: {c: 8}\ngiven: {c: 1..}\ndesigns: {a: [conv: {out: 1, kernel: 1, bias: false}]}"
    found = checked("  - params(a) != 1000003\n  - params(a) < 123456789\n  - params(a) < 123456789 or c > 5", head)
    assert list(found.values()) == [REFUTED, REFUTED, PROVED]


def test_a_hypothesis_that_nothing_fulfils_proves_nothing() -> None:
    head = "input: [c, 4, 4]\nvars: {c: 8}\ngiven: {c: 1..}\ndesigns: {a: [conv: {out: 1, kernel: 1}]}"
    found = checked("  - {that: params(a) == 0, when: c < 1}", head)
    assert list(found.values()) == [UNDECIDED]


def test_each_refuted_claim_shows_why() -> None:
    head = "input: [3, 8, 8]\nlayers: [conv: {out: 4, kernel: 3}]"
    claims = (
        "  - equivalent(this, conv(out=3, kernel=3))\n  - pointwise()\n  - not linear(relu)\n  - shape_preserving()"
    )
    spec = Spec(read_text(f"{head}\nclaims:\n{claims}", "<text>"))
    for verdict in check(spec, SETTINGS).verdicts:
        assert verdict.status == REFUTED or verdict.that == "not linear(relu)"
        assert counterexample(verdict) or verdict.ok


def test_a_network_that_is_too_large_for_torch_is_not_built() -> None:
    found = checked(
        "  - not linear(conv(out=10**9, kernel=3))\n  - linear(conv(out=10**9, kernel=3, bias=false))", FOOLS
    )
    assert list(found.values()) == [UNDECIDED, PROVED]


def test_samples_are_never_a_proof() -> None:
    """gelu is no linear function, and close to one far from 0."""
    head = "input: [1, 2, 2]\ndesigns: {a: [gelu], b: [tanh]}"
    found = checked("  - linear(a)\n  - affine(b)\n  - not linear(a)", head)
    assert [found["linear(a)"], found["affine(b)"]] == [REFUTED, REFUTED]


# --- errors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim", "reason"),
    [
        ("params(Q) == 1", "'Q' names no network here"),
        ("params(a(width=2)) == 1", "'a' has no var 'width'"),
        ("params(resnet5) == 1", "'resnet5' names no network here"),
        ("params(block) == 1", "needs the argument 'mid'"),
        ("linear(a) == 2", "true or false"),
        ("params(a(c=rellu)) == 1", "rellu"),
        ("params(conv(out=3)) == 1", "needs the field 'kernel'"),
        ("unknown > 1", "unknown name 'unknown'"),
        ("{that: params(a) == 1, when: linear(a)}", "a property can't stand there"),
    ],
)
def test_a_claim_that_names_nothing_is_an_error_with_its_place(claim: str, reason: str) -> None:
    head = (
        "input: [c, 4, 4]\nvars: {c: 8}\n"
        "blocks: {block: {args: {mid: required}, body: [conv: {out: mid, kernel: 1}]}}\n"
        "designs: {a: [conv: {out: 1, kernel: 1}]}"
    )
    text = claim if claim.startswith("{") else f"{{that: '{claim}'}}"
    with pytest.raises(SpecError) as error:
        checked(f"  - {text}", head)
    assert reason in str(error.value)
    assert "<text>:6:" in str(error.value)


def test_a_design_is_asked_for_the_claims_of_its_spec() -> None:
    assert load("order", "P").check().counts[PROVED] > 8
