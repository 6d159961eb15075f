"""A claim decided: for all values of its free sizes where that can be, else at some of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain, product
from math import prod
from typing import TYPE_CHECKING, Any, Final

from archtool.algebra.bounded import BoundedTrace
from archtool.algebra.finding import Basis, Finding, Witness, unknown
from archtool.claims.comparing import Compared
from archtool.claims.conditional import CONDITION, Conditional, Valid
from archtool.claims.deciding.decide import decide
from archtool.claims.deciding.points import count, everywhere, placed, size, value
from archtool.claims.deciding.statement import Untold
from archtool.claims.deciding.symbols import symbols
from archtool.claims.facts import UNTESTED, decided, structural
from archtool.claims.logic import POINTS, all_of, opposite, some_of, together
from archtool.claims.parts import All, Comparison, Fact, Not, Part, leaves, subjects_of
from archtool.claims.roster import Reading, Roster
from archtool.errors import ArchtoolError, RuleError, SpecError, Untraceable
from archtool.spec.domains import Range

if TYPE_CHECKING:
    from archtool.algebra.settings import Settings

MOST_LISTED: Final = 64  # combinations of listed values for each of which the rest is decided on symbols
MOST_POINTS: Final = 8  # at which facts are tested
FIRSTS: Final = 3  # values of a range that are tried


class Judge:
    """Decides the claims of one spec. `domains` are the values of free sizes, `usual` the ones that they have in it;
    with no settings nothing is tested in torch."""

    def __init__(
        self, roster: Roster, domains: Mapping[str, Any], usual: Mapping[str, Any], settings: Settings | None
    ) -> None:
        self.roster = roster
        self.domains = domains
        self.usual = usual
        self.settings = settings

    def judge(self, part: Part, when: Comparison | None) -> Finding:
        """Whether a claim is true for all free sizes for which `when` holds."""
        if isinstance(part, Comparison):
            return self.comparison(part, when)
        if isinstance(part, All):
            return all_of([self.judge(each, when) for each in part.parts])
        free = self.used(part, when)
        if not free:
            return self.here(part, when)
        try:
            return self.somehow(part, when, free)
        except Untold as error:  # the hypothesis at some point
            return unknown(str(error))

    def somehow(self, part: Part, when: Comparison | None, free: Mapping[str, Any]) -> Finding:
        """Whether facts, or parts with facts, are true: from structure for all sizes, else from tests at some."""
        found = self.everywhere(part, free)
        if found.truth:
            return self.confirmed(part, found, when, free)
        if isinstance(part, Fact) and CONDITION in found.facts:
            found = self.conditional(part, when, free)
            if found.truth is not None:
                return found
        return self.somewhere(part, when, free)

    def here(self, part: Part, when: Comparison | None) -> Finding:
        """Whether a claim is true that depends on no free size."""
        if when is not None and not (met := self.comparison(when, None)).truth:
            return unknown(met.reason or f"'{when.text}' does not hold here")
        reading = self.roster.reading({})
        place(part, reading)
        try:
            return self.at(part, reading)
        except RuleError as error:  # a network with more layers than can be told apart, say
            return unknown(str(error))

    def confirmed(self, part: Part, proved: Finding, when: Comparison | None, free: Mapping[str, Any]) -> Finding:
        """What is proved, where there is something that it is about; tested in torch too, at one point."""
        points = [self.usual_of(free)] if self.is_met(when, self.usual_of(free)) else []
        for point in chain(points, self.points(when, free)):
            reading = self.roster.reading(point)
            if not self.broken(part, reading, point == self.usual_of(free)):
                return self.tested(part, proved, reading)
        hypothesis = None if when is None else Compared(when, self.roster)
        met = decide(Valid(part, self.roster), hypothesis, free, self.usual_of(free))
        return proved if met.truth else met

    def tested(self, part: Part, proved: Finding, reading: Reading) -> Finding:
        """What is proved for all sizes, tested in torch with some of them."""
        if self.settings is None:
            return proved
        tested = self.at(part, reading)
        if tested.truth is False:
            return unknown(f"it is false at {placed(reading.values)}, though structure proves it: please report this")
        untested = [step for step in tested.steps if step.startswith(UNTESTED)]
        return together([proved, tested]).but(steps=(*proved.steps, *untested)) if tested.truth else tested

    def used(self, *parts: Part | None) -> dict[str, Any]:
        """The domains of the free sizes that parts of a claim depend on."""
        names: set[str] = set()
        for part in parts:
            for leaf in leaves(part) if part is not None else ():
                names |= frozenset().union(*(self.roster.used(subject) for subject in subjects_of(leaf)))
                if isinstance(leaf, Comparison):
                    names |= self.roster.reached(leaf.truth.uses)
        return {name: domain for name, domain in self.domains.items() if name in names}

    def usual_of(self, free: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.usual[name] for name in free}

    # --- numbers --------------------------------------------------------------------------------------------------

    def comparison(self, part: Comparison, when: Comparison | None) -> Finding:
        compared = Compared(part, self.roster)
        free = self.used(part, when)
        usual = self.usual_of(free)
        found = decide(compared, None if when is None else Compared(when, self.roster), free, usual)
        point = found.witness.sizes if found.truth is False and found.witness is not None else usual
        return self.reached(part, found, self.roster.reading(point), free)

    def reached(self, part: Comparison, found: Finding, reading: Reading, free: Mapping[str, Any]) -> Finding:
        """What a finding about bounds says about what they bound: at the sizes of a reading, and if it is a proof, for
        all values of the free sizes."""
        compared = Compared(part, self.roster)
        if not compared.bounded_numbers or found.truth is None:
            return found
        bounds = list(compared.bounds(reading))
        found = found.but(steps=(*[f"{text}: {step}" for text, bound in bounds for step in bound.steps], *found.steps))
        loose = [text for text, bound in bounds if not bound.exact]
        if found.truth:
            harmless = from_above(part)
            if any([text != harmless for text, _ in bounds]):
                loose += self.loose(compared, free)
            loose = [text for text in loose if text != harmless]
        if loose:
            names = ", ".join(dict.fromkeys(loose))
            return unknown(f"of {names} an upper bound is known, and not whether it is reached", steps=found.steps)
        return found

    def loose(self, compared: Compared, free: Mapping[str, Any]) -> list[str]:
        """Those of its numbers for which structure has no more than a bound, for some values of the free sizes."""
        found: list[str] = []
        try:
            for reading in self.readings(compared.comparison, free):
                found += [text for text, bound in compared.bounds(reading) if not bound.exact]
        except (Untraceable, RuleError):  # it is not known of any
            return compared.bounded_numbers
        return found

    def readings(self, part: Part, free: Mapping[str, Any]) -> Iterator[Reading]:
        """A part's networks on symbols, once for each combination of listed values for which they are valid; raises
        RuleError for too many, SpecError where there is none."""
        listed = {name: domain for name, domain in free.items() if not isinstance(domain, Range)}
        if prod(map(len, listed.values())) > MOST_LISTED:
            raise RuleError("too many listed values")
        invalid: list[SpecError] = []
        combinations = list(product(*listed.values()))
        for chosen in combinations:
            trace = BoundedTrace()
            try:
                reading = self.roster.reading(symbols(trace, free, dict(zip(listed, chosen, strict=True))), trace)
                place(part, reading)
            except SpecError as error:
                invalid.append(error)
                continue
            yield reading
        if len(invalid) == len(combinations):
            raise invalid[0]

    # --- facts ----------------------------------------------------------------------------------------------------

    def at(self, part: Part, reading: Reading) -> Finding:
        """Whether a part is true with these values of its free sizes."""
        if isinstance(part, Fact):
            return decided(part, reading, self.settings)
        if isinstance(part, Comparison):
            return self.reached(part, decide(Compared(part, self.roster, reading.values), None, {}, {}), reading, {})
        if isinstance(part, Not):
            return opposite(self.at(part.part, reading), part.part.text)
        parts = [self.at(each, reading) for each in part.parts]
        return all_of(parts) if isinstance(part, All) else some_of(parts)

    def everywhere(self, part: Part, free: Mapping[str, Any]) -> Finding:
        """Whether a part is true for all values of its free sizes, from structure alone."""
        findings = []
        try:
            for reading in self.readings(part, free):
                findings.append(self.on(part, reading))
                if not findings[-1].truth:
                    return findings[-1] if findings[-1].truth is None else unknown("it does not hold everywhere")
        except (Untraceable, RuleError) as error:
            return unknown(f"on symbols: {error}")
        return together(findings)

    def on(self, part: Part, reading: Reading) -> Finding:
        """Whether a part is true, or false, for all values of the symbols of a reading."""
        if isinstance(part, Fact):
            return structural(part, reading)
        if isinstance(part, Comparison):
            found = self.comparison(part, None)
            return unknown("it is false for some sizes") if found.truth is False and self.used(part) else found
        if isinstance(part, Not):
            return opposite(self.on(part.part, reading), part.part.text)
        parts = [self.on(each, reading) for each in part.parts]
        return all_of(parts) if isinstance(part, All) else some_of(parts)

    def conditional(self, part: Fact, when: Comparison | None, free: Mapping[str, Any]) -> Finding:
        """Whether the condition on sizes under which structure proves a fact holds for all of them."""
        hypothesis = None if when is None else Compared(when, self.roster)
        found = decide(Conditional(part, self.roster), hypothesis, free, self.usual_of(free))
        if found.truth is False and found.witness is not None:  # not proved there: that is not refuted yet
            there = self.at(part, self.roster.reading(found.witness.sizes))
            if there.truth is False:
                return _placed_at(there, found.witness.sizes)
            return unknown(f"at {placed(found.witness.sizes)}: {there.reason}")
        return found

    def somewhere(self, part: Part, when: Comparison | None, free: Mapping[str, Any]) -> Finding:
        """Whether a part is true at the usual values of its free sizes, and at the ends of their domains."""
        findings, left_out = [], ""
        for point in self.points(when, free):
            reading = self.roster.reading(point)
            broken = self.broken(part, reading, point == self.usual_of(free))
            if broken:
                left_out = left_out or f"left out: points where a network is invalid; the first is {broken}"
                continue
            try:
                found = self.at(part, reading)
            except RuleError as error:  # a network with more layers than can be told apart, say
                found = unknown(str(error))
            if found.truth is False:
                return _placed_at(found, point)
            findings.append((point, found))
        if not findings:
            where = "" if when is None else f", and for which '{when.text}' holds"
            return unknown(f"no valid network was found among the sizes that were tried{where}")
        for point, found in findings:
            if found.truth is None:
                return found.but(reason=f"at {placed(point)}: {found.reason}")
        joint = together([found for _, found in findings]).but(steps=findings[-1][1].steps)
        if is_small(free):
            basis = (*joint.basis, Basis("exhaustion", f"at each of {len(findings)} values"))
            return joint.but(basis=basis, assumptions=(*joint.assumptions, *([left_out] if left_out else [])))
        return joint.but(at={POINTS: tuple([point for point, _ in findings])})

    def broken(self, part: Part, reading: Reading, is_usual: bool) -> str:
        """Why some network of a part is invalid, if one is; raises ArchtoolError where it is so at the usual sizes."""
        try:
            place(part, reading)
        except ArchtoolError as error:
            if is_usual:
                raise
            return f"at {placed(reading.values)}: {str(error).splitlines()[0]}"
        return ""

    def points(self, when: Comparison | None, free: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """All values of small domains, else the usual ones and the first ones of the domains, the smallest first, where
        the hypothesis holds."""
        usual = self.usual_of(free)
        if is_small(free):
            tried = list(everywhere(free))
        else:
            firsts = {name: _firsts(domain) for name, domain in free.items()}
            lows = {name: values[0] for name, values in firsts.items()}
            tried = [usual, lows]
            tried += [{**base, name: v} for name, values in firsts.items() for v in values for base in (usual, lows)]
        unique = {tuple([(type(v), v) for v in point.values()]): point for point in tried}  # true is not 1
        ordered = sorted(unique.values(), key=lambda point: sum([v for v in point.values() if type(v) is int]))
        kept = 0
        for point in ordered:
            if kept == MOST_POINTS and point != usual:
                continue
            if self.is_met(when, point):
                kept += 1
                yield point

    def is_met(self, when: Comparison | None, point: Mapping[str, Any]) -> bool:
        """Whether a hypothesis holds at a point; not where its networks are invalid."""
        if when is None:
            return True
        try:
            return Compared(when, self.roster).at(point)
        except Untold:
            raise
        except ArchtoolError:
            return False


def place(part: Part, reading: Reading) -> None:
    """Evaluates the networks of a part; raises ArchtoolError where one is invalid."""
    for leaf in leaves(part):
        for subject in subjects_of(leaf):
            reading.placed(subject)


def _placed_at(refuted: Finding, point: Mapping[str, Any]) -> Finding:
    """What is refuted, with the values of the free sizes where it is."""
    witness = refuted.witness or Witness(text=refuted.reason or "; ".join(refuted.steps[-1:]))
    return refuted.but(witness=replace(witness, sizes={**point, **witness.sizes}))


def is_small(free: Mapping[str, Any]) -> bool:
    """Whether free sizes have so few values together that each is tried."""
    many = size(free)
    return many is not None and many <= MOST_POINTS


def _firsts(domain: Any) -> tuple[Any, ...]:
    """The values of a domain that are tried: the first ones of a range, each of a list."""
    if not isinstance(domain, Range):
        return tuple(domain)
    many = count(domain)
    return tuple([value(domain, place) for place in range(FIRSTS if many is None else min(FIRSTS, many))])


def from_above(part: Comparison) -> str:
    """The bounded number that a comparison bounds from above, if it does no more: it stands by itself on the first
    side, and not on the other. So the claim is true of it if it is of its bound."""
    if part.signs not in (("<",), ("<=",)):
        return ""
    names = [name for name, number in part.numbers.items() if number.text == part.sides[0].text]
    return part.sides[0].text if names and not part.sides[1].value.uses & {*names} else ""
