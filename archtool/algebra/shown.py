"""How a formula is laid out for a person: which terms stand together, in which order; text is written from that.

Terms under a condition stand together in one `... if condition else ...`. Symbols that are items of one list, each
linear (the depths of stages), stand in one bracket: 1088*width**2*(n_0 + n_1). The highest powers come first.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from archtool.algebra.polynomial import Atom, Exact, Monomial, Polynomial, contents, polynomial, shared, single

FEW_TERMS = 3  # of which what all have in common stands in front


class Term(NamedTuple):
    """factor * the product of `powers` * the sum `bracket` (where there is one)."""

    factor: Exact
    powers: tuple[tuple[Atom, int], ...]
    bracket: Sum | None = None


class Literal(NamedTuple):
    """A condition, or its opposite."""

    atom: Atom
    holds: bool = True


class Cases(NamedTuple):
    """`yes` where any (else all) of some conditions hold, else `no`."""

    conditions: tuple[Literal, ...]
    any: bool
    yes: Sum
    no: Sum

    def flipped(self) -> Cases:
        """The same with its alternatives exchanged."""
        opposite = tuple([Literal(atom, not holds) for atom, holds in self.conditions])
        return Cases(opposite, not self.any, self.no, self.yes)


class Sum(NamedTuple):
    """Some terms added up."""

    parts: tuple[Term | Cases, ...]


class Layout:
    """Lays formulas out: `order` are the symbols' names, the first to stand first; `families` those of one list."""

    def __init__(self, order: Sequence[str] = (), families: Iterable[Sequence[str]] = ()) -> None:
        self.order = {name: place for place, name in enumerate(order)}
        self.families = tuple([tuple(names) for names in families])
        self.family: Mapping[str, int] = {name: number for number, names in enumerate(self.families) for name in names}

    def of(self, part: Polynomial) -> Sum:
        """The layout of a formula."""
        part = _equalities(part)
        conditions = Counter(atom for monomial in part.terms for atom, _ in monomial if atom.is_truth)
        if not conditions:
            return self._plain(part)
        condition = max(conditions, key=lambda atom: (conditions[atom], atom.key))
        with_it: dict[Monomial, Exact] = {}
        without: dict[Monomial, Exact] = {}
        for monomial, factor in part.terms.items():
            rest = tuple([item for item in monomial if item[0] is not condition])
            (without if len(rest) == len(monomial) else with_it)[rest] = factor
        beside = {monomial: factor for monomial, factor in without.items() if monomial not in with_it}
        no = Polynomial({monomial: without.get(monomial, 0) for monomial in with_it})
        cases = merged(Literal(condition), self.of(Polynomial(with_it) + no), self.of(no))
        return Sum((*self.of(Polynomial(beside)).parts, cases))

    def _plain(self, part: Polynomial) -> Sum:
        """The layout of a formula without conditions."""
        if 1 < len(part.terms) <= FEW_TERMS:
            factor, common = contents([part]), shared(part)
            rest = part.over(Polynomial({common: factor}))
            if common and all([power > 0 for _, power in common]):
                return Sum((Term(factor, self._powers(common), Sum(tuple(self._collected(rest)))),))
        return Sum(tuple(self._collected(part)))

    def _collected(self, part: Polynomial) -> list[Term]:
        """Terms of symbols of one family, each linear, in one bracket; a single one's with what it is added to."""
        groups: dict[Monomial, list[tuple[Atom, Exact]]] = {}
        families: dict[Monomial, int] = {}
        alone: dict[Monomial, Exact] = {}
        for monomial, factor in part.terms.items():
            own = [item for item in monomial if item[0].key in self.family]
            rest = tuple([item for item in monomial if item[0].key not in self.family])
            if len(own) == 1 and own[0][1] == 1:
                family = self.family[own[0][0].key]
                if families.setdefault(rest, family) == family:
                    groups.setdefault(rest, []).append((own[0][0], factor))
                    continue
            alone[monomial] = factor
        found: list[Term] = []
        for rest, linear in groups.items():
            inside = Polynomial({((atom, 1),): factor for atom, factor in linear})
            if len(linear) == 1 and rest:
                inside = inside + alone.pop(rest, 0)
            if len(inside.terms) == 1:
                alone[_sorted((*rest, (linear[0][0], 1)))] = linear[0][1]
                continue
            factor = contents([inside])
            members = inside.over(polynomial(factor)).terms
            bracket = Sum(tuple([Term(members[each], each) for each in sorted(members, key=self._member)]))
            found.append(Term(factor, self._powers(rest), bracket))
        found += [Term(factor, self._powers(monomial)) for monomial, factor in alone.items()]
        return sorted(found, key=self._rank)

    def _powers(self, monomial: Monomial) -> tuple[tuple[Atom, int], ...]:
        return tuple(sorted(monomial, key=lambda item: self._place(item[0])))

    def _place(self, atom: Atom) -> tuple[object, ...]:
        """Where an atom stands in a product: symbols in the order of their names, then the others."""
        behind = len(self.order)
        numbers = [int(part) if part.isdigit() else 0 for part in re.split(r"(\d+)", atom.key)]  # 4 before 16
        return self.order.get(atom.key, behind + (atom.op != "symbol")), numbers, atom.key

    def _member(self, monomial: Monomial) -> tuple[object, ...]:
        """Where a term of a bracket stands: what is added to the symbols, last."""
        return self._place(monomial[0][0]) if monomial else (len(self.order) + 2,)

    def _rank(self, term: Term) -> tuple[object, ...]:
        """Where a term stands in a sum: high powers first, then by its symbols."""
        degree = sum(power for _, power in term.powers) + (term.bracket is not None)
        return (
            -degree,
            tuple([(*self._place(atom), -power) for atom, power in term.powers]),
            -abs(Fraction(term.factor)),
        )


def _equalities(part: Polynomial) -> Polynomial:
    """A formula with n == 2 in the place of n > 1 less n > 2."""
    truths = {atom.args[0]: atom for atom in part.atoms() if atom.op == "positive"}
    for inside, wide in truths.items():
        narrow = truths.get(inside - 1)
        if narrow is not None:
            first, second = _beside(part, wide), _beside(part, narrow)
            if first.terms and first == -second:
                others = part - first * single(wide) - second * single(narrow)
                return _equalities(others + first * single(Atom("zero", narrow.args[0])))
    return part


def _beside(part: Polynomial, atom: Atom) -> Polynomial:
    """What a truth value is multiplied by."""
    return Polynomial(
        {
            tuple([item for item in monomial if item[0] is not atom]): factor
            for monomial, factor in part.terms.items()
            if atom in dict(monomial)
        }
    )


def merged(condition: Literal, yes: Sum, no: Sum) -> Cases:
    """Alternatives, with those inside them where one of their ends is the same: `if this or that`."""
    cases = Cases((condition,), True, yes, no)
    for whole in (cases, cases.flipped()):
        if len(whole.yes.parts) != 1 or not isinstance(whole.yes.parts[0], Cases):
            continue
        for part in (whole.yes.parts[0], whole.yes.parts[0].flipped()):
            if part.no == whole.no and (len(part.conditions) == 1 or not part.any):
                return _positive(Cases((*whole.conditions, *part.conditions), False, part.yes, part.no))
    return _positive(cases)


def _positive(cases: Cases) -> Cases:
    """The same with nothing, where there is nothing, in the second place."""
    return cases if cases.yes.parts else cases.flipped()


def _sorted(monomial: Monomial) -> Monomial:
    return tuple(sorted(monomial, key=lambda item: item[0].key))
