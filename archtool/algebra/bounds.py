"""Bounds of formulas, so that conditions and extremes which always come out the same way leave them.

A floor is tied to what it is of: d * floor(u / d) is u less one of 0 .. d - 1; where u cancels, that is all that is
left. A symbol of at least `low` is low + t, t >= 0: a sum whose other coefficients are then not negative is at least
its constant. A term under a condition is there or not. A min is at most each of its parts, a max at least.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import inf

from archtool.algebra.polynomial import Atom, Exact, Monomial, Polynomial, contents, single

MOST_TERMS = 60  # of a formula whose bounds are looked for
MOST_SHIFTED = 2000  # terms of one product, shifted
MOST_CHOICES = 64  # of parts that extremes are replaced by


class Lows:
    """The least values of symbols, where they are known; those of what is made of them are found once."""

    def __init__(self, symbols: Mapping[str, int] | None = None) -> None:
        self.symbols = symbols or {}
        self.found: dict[Atom, Exact | float] = {}


def least(part: Polynomial, lows: Lows | None = None) -> Exact | float:
    """A number that a formula is never below; -inf where none is found."""
    lows = lows or Lows()
    if len(part.terms) > MOST_TERMS:
        return -inf
    found = _without_extremes(part, lows)
    return found if found > -inf else max([low for _, low in freed(part, lows)], default=found)


def freed(part: Polynomial, lows: Lows, most: int = MOST_CHOICES) -> Iterator[tuple[Polynomial, Exact | float]]:
    """Formulas that another is never below, with bounds of them: a part in the place of a max that only adds to it, or
    of a min that only takes from it."""
    for atom in part.atoms():
        if atom.op not in ("max", "min") or len(atom.args) > most:
            continue
        held = {monomial: factor for monomial, factor in part.terms.items() if atom in dict(monomial)}
        if not all([_only(atom, monomial, factor, lows) for monomial, factor in held.items()]):
            continue
        times = Polynomial({tuple([item for item in each if item[0] is not atom]): by for each, by in held.items()})
        for arg in atom.args:
            rest = part - Polynomial(held) + times * arg
            if len(rest.terms) <= MOST_TERMS:
                low = _without_extremes(rest, lows)
                further = freed(rest, lows, most // len(atom.args))
                yield rest, low if low > -inf else max([bound for _, bound in further], default=low)
        return  # the order of atoms does not matter: each has to go


def _only(atom: Atom, monomial: Monomial, factor: Exact, lows: Lows) -> bool:
    """Whether a term only gets less when a part is in an extreme's place."""
    others = [each for each, _ in monomial if each is not atom]
    once = (atom, 1) in monomial and (factor > 0) == (atom.op == "max")
    return once and all([_least_of(each, lows) >= 0 for each in others])


def _without_extremes(part: Polynomial, lows: Lows) -> Exact | float:
    """The bound of a formula in which extremes are no more than their own bounds."""
    return max(_shifted(part, lows), _untied(part, lows))


def _untied(part: Polynomial, lows: Lows) -> Exact | float:
    """The bound after linear floors, the outermost first, are replaced by what they are of."""
    linear = [atom for atom in part.atoms() if atom.op == "floor" and part.terms.get(((atom, 1),)) is not None]
    if not linear:
        return -inf
    atom = max(linear, key=lambda each: len(each.key))
    inside: Polynomial = atom.args[0]
    if any([power < 0 or each.op == "over" for monomial in inside.terms for each, power in monomial]):
        return -inf
    factor = part.terms[((atom, 1),)]
    lost = 1 - Fraction(1, Fraction(contents([inside])).denominator)  # at most, by the floor
    rest = part - single(atom) * factor + inside * factor - max(factor, 0) * lost
    return rest.constant if rest.constant is not None else max(_shifted(rest, lows), _untied(rest, lows))


def _shifted(part: Polynomial, lows: Lows) -> Exact | float:
    """The bound where each atom is its least value and something more."""
    if part.constant is not None:
        return part.constant
    found: dict[Monomial, Exact] = {}
    known: dict[Atom, Exact] = {}
    for monomial, factor in part.terms.items():
        terms: dict[Monomial, Exact] = {(): factor}
        plain = [item for item in monomial if not item[0].is_truth]
        signs = [_least_of(atom, lows) >= 0 for atom, _ in plain] if len(plain) < len(monomial) else []
        if not all(signs):
            return -inf
        if len(plain) < len(monomial) and factor > 0:  # under a condition: not there, if that is less
            continue
        for atom, power in plain:
            if atom not in known:
                low = _least_of(atom, lows)
                if isinstance(low, float):
                    return -inf
                known[atom] = low
            if power < 0 and not known[atom] >= 0:
                return -inf
            if power < 0:  # something of its own that is not negative
                terms = {(*shifted, (atom, power)): value for shifted, value in terms.items()}
            for _ in range(power):
                if len(terms) > MOST_SHIFTED:
                    return -inf
                terms = _times(terms, atom, known[atom])
        for shifted, value in terms.items():
            found[shifted] = found.get(shifted, 0) + value
    constant = found.pop((), 0)
    return constant if all([factor >= 0 for factor in found.values()]) else -inf


def _times(terms: Mapping[Monomial, Exact], atom: Atom, low: Exact) -> dict[Monomial, Exact]:
    """Some terms times (low + what the atom is more)."""
    found: dict[Monomial, Exact] = {}
    for monomial, factor in terms.items():
        if low:
            found[monomial] = found.get(monomial, 0) + factor * low
        more = (*monomial, (atom, 1))
        found[more] = found.get(more, 0) + factor
    return found


def _least_of(atom: Atom, lows: Lows) -> Exact | float:
    if atom not in lows.found:
        lows.found[atom] = _looked_for(atom, lows)
    return lows.found[atom]


def _looked_for(atom: Atom, lows: Lows) -> Exact | float:
    if atom.op == "symbol":
        return lows.symbols.get(atom.args[0], -inf)
    if atom.is_truth:
        return 0
    if atom.op == "over":
        return 0 if all([least(part, lows) >= 0 for part in atom.args]) else -inf
    parts = [least(part, lows) for part in atom.args]
    found = min(parts) if atom.op == "min" else max(parts)
    return found if isinstance(found, float) else math.floor(found)
