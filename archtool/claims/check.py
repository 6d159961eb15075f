"""The claims of a spec, each with its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.algebra.formula import said
from archtool.claims.deciding.points import listed, place_of, placed, value
from archtool.claims.judging import Judge
from archtool.claims.language import read, read_condition
from archtool.claims.logic import POINTS
from archtool.claims.parts import Comparison, Part, leaves, subjects_of
from archtool.claims.roster import Roster, domains
from archtool.claims.verdict import STATUSES, Verdict
from archtool.errors import ArchtoolError, SpecError
from archtool.network import Evaluation
from archtool.spec.domains import Claim, Range
from archtool.spec.library import FILES, Library
from archtool.spec.spec import Spec

if TYPE_CHECKING:
    from archtool.algebra.finding import Finding
    from archtool.algebra.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Checked:
    """A spec whose claims were checked."""

    name: str
    file: str
    verdicts: tuple[Verdict, ...]

    @property
    def ok(self) -> bool:
        """Whether every claim stands."""
        return all([verdict.ok for verdict in self.verdicts])

    @property
    def counts(self) -> dict[str, int]:
        """How many claims there are of each status."""
        found = [verdict.status for verdict in self.verdicts]
        return {status: found.count(status) for status in STATUSES if status in found}

    def to_dict(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return {
            "name": self.name,
            "file": self.file,
            "ok": self.ok,
            "counts": self.counts,
            "claims": [verdict.to_dict() for verdict in self.verdicts],
        }


class _Read(NamedTuple):
    """A claim, its parts, and its hypothesis."""

    claim: Claim
    part: Part
    when: Comparison | None


def check(
    spec: Spec, settings: Settings | None = None, *, claims: Sequence[str] = (), library: Library = FILES
) -> Checked:
    """Check a spec's claims, or those of some names or texts; with `settings` they are tested in torch too.

    Raises SpecError, before anything is decided, for a claim that can't be read, and for one whose networks are
    invalid.
    """
    roster = Roster(spec, library)
    try:
        read_claims = [_read(spec, roster, claim) for claim in spec.claims]
        ranges = domains(spec)
        judge = Judge(roster, ranges, _usual(roster, ranges), settings)
    except RecursionError:
        raise SpecError("a claim is too deeply nested", spec.document.at(spec.document.root)) from None
    verdicts = tuple([_verdict(spec, judge, each) for each in read_claims if _is_asked(each.claim, claims)])
    return Checked(name=spec.name, file=spec.document.name, verdicts=verdicts)


def _is_asked(claim: Claim, claims: Sequence[str]) -> bool:
    return not claims or claim.name in claims or claim.that in claims


def _read(spec: Spec, roster: Roster, claim: Claim) -> _Read:
    try:
        part = read(claim.that, roster.names)
        when = read_condition(claim.when, roster.names) if claim.when else None
        for each in (part, when):
            for leaf in leaves(each) if each is not None else ():
                for subject in subjects_of(leaf):
                    roster.check(subject)
    except ArchtoolError as error:
        raise _located(spec, claim, error) from None
    return _Read(claim, part, when)


def _verdict(spec: Spec, judge: Judge, read_claim: _Read) -> Verdict:
    claim, part, when = read_claim
    try:
        found = judge.judge(part, when)
    except SpecError as error:
        if error.position is None:
            raise _located(spec, claim, error) from None
        raise
    except ArchtoolError as error:
        raise _located(spec, claim, error) from None
    free = judge.used(part, when)
    return Verdict(
        that=claim.that, name=claim.name, why=claim.why, when=claim.when, position=spec.document.at(claim.node),
        scope=_scope(found, free, claim.when), finding=found,
    )  # fmt: skip


def _located(spec: Spec, claim: Claim, error: Exception) -> SpecError:
    title = claim.name or claim.that
    return SpecError(f"{error}", spec.document.at(claim.node), (f"claim '{title}'",))


def _usual(roster: Roster, ranges: Mapping[str, Any]) -> dict[str, Any]:
    """The values that free sizes have in the spec; the first ones of their domains where they have none."""
    values = Evaluation().vars(roster.base.block, {})
    found: dict[str, Any] = {}
    for name, domain in ranges.items():
        own = values.get(name)
        found[name] = value(domain, 0) if place_of(domain, own) is None else own
    return found


def _scope(found: Finding, free: Mapping[str, Any], when: str) -> str:
    """For which values of free sizes a finding is, in words."""
    if not free or found.truth is False:
        return ""
    under = f" where {when}" if when else ""
    if found.at:
        ranges = {name: each for name, each in found.at.items() if name != POINTS}
        return f"at {'; '.join(map(placed, [*([ranges] if ranges else []), *found.at.get(POINTS, ())]))}{under}"
    ranges = {name: domain for name, domain in free.items() if isinstance(domain, Range)}
    lists = [f"{name} in {listed(domain)}" for name, domain in free.items() if name not in ranges]
    return f"for all {'; '.join([*said(ranges), *lists])}{under}"
