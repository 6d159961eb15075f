"""Polynomials with exact coefficients, in symbols and in what is no polynomial itself (floors, maxima, conditions).

Exponents may be negative: c / groups, where groups divides c. Two polynomials with the same terms are equal for all
values of their symbols; a truth value is its own square, so that alternatives are terms like others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any, Final
from weakref import WeakValueDictionary

from archtool.errors import RuleError

Exact = int | Fraction
Monomial = tuple[tuple["Atom", int], ...]  # atoms and their exponents, in the order of their keys
MOST_TERMS: Final = 1000  # more than anybody reads
LONGEST_KEY: Final = 20_000  # characters of a floor, an extreme or a condition, whatever stands in it
MOST_PRODUCTS: Final = 20_000  # of terms, in one product: more are not multiplied in a moment
TRUTHS: Final = ("positive", "zero")


class TooLong(RuleError):
    """A formula that nobody could read."""

    def __init__(self) -> None:
        super().__init__(f"the formula has more than {MOST_TERMS:,} terms; make fewer names symbols, or multiples")


class Atom:
    """What polynomials are made of; equal atoms are one object.

    `op` is one of symbol (args: its name), floor (of a polynomial), max, min (of some), over (one polynomial by another
    that is not a single term), positive and zero (whether a polynomial is; 1 or 0). All have whole values.
    """

    __slots__ = ("__weakref__", "args", "key", "op")
    _all: Final[WeakValueDictionary[str, Atom]] = WeakValueDictionary()

    op: str
    args: tuple[Any, ...]
    key: str

    def __new__(cls, op: str, *args: Any) -> Atom:
        key = args[0] if op == "symbol" else f"{op}({'; '.join([arg.key for arg in args])})"
        found = cls._all.get(key)
        if len(key) > LONGEST_KEY:
            raise TooLong
        if found is None:
            found = object.__new__(cls)
            found.op, found.args, found.key = op, args, key
            cls._all[key] = found
        return found

    @property
    def is_truth(self) -> bool:
        """Whether its values are 0 and 1 alone."""
        return self.op in TRUTHS

    def __repr__(self) -> str:
        return self.key


class Polynomial:
    """A sum of monomials with their coefficients, none of which is 0. Never changed."""

    __slots__ = ("_key", "terms")

    def __init__(self, terms: Mapping[Monomial, Exact]) -> None:
        self.terms = {monomial: _plain(factor) for monomial, factor in terms.items() if factor}
        if len(self.terms) > MOST_TERMS:
            raise TooLong
        self._key: str | None = None

    @property
    def key(self) -> str:
        """A text that is the same for equal polynomials alone."""
        if self._key is None:
            parts = [
                f"{factor}*" + "*".join([f"{atom.key}^{power}" for atom, power in monomial])
                for monomial, factor in self.terms.items()
            ]
            self._key = " + ".join(sorted(parts))
        return self._key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polynomial) and self.terms == other.terms

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return self.key or "0"

    def __add__(self, other: Polynomial | Exact) -> Polynomial:
        return total([(self, 1), (polynomial(other), 1)])

    def __sub__(self, other: Polynomial | Exact) -> Polynomial:
        return total([(self, 1), (polynomial(other), -1)])

    def __mul__(self, other: Polynomial | Exact) -> Polynomial:
        found: dict[Monomial, Exact] = {}
        others = polynomial(other).terms
        if len(self.terms) * len(others) > MOST_PRODUCTS:
            raise TooLong
        for left, factor in self.terms.items():
            for right, more in others.items():
                both = _product(left, right)
                found[both] = found.get(both, 0) + factor * more
        return Polynomial(found)

    def __neg__(self) -> Polynomial:
        return self * -1

    @property
    def constant(self) -> Exact | None:
        """The number that this is, where it is one."""
        if not self.terms:
            return 0
        return self.terms[()] if len(self.terms) == 1 and () in self.terms else None

    @property
    def atom(self) -> Atom | None:
        """The atom that this is, where it is one."""
        if len(self.terms) == 1:
            ((monomial, factor),) = self.terms.items()
            if factor == 1 and len(monomial) == 1 and monomial[0][1] == 1:
                return monomial[0][0]
        return None

    def over(self, divisor: Polynomial) -> Polynomial:
        """This, divided by what is never 0."""
        if len(divisor.terms) == 1:
            ((monomial, factor),) = divisor.terms.items()
            inverse = tuple([(atom, -power) for atom, power in monomial])
            return self * Polynomial({inverse: Fraction(1) / factor})
        content, common = contents([self]), shared(self)
        own, others = contents([divisor]), shared(divisor)
        left, right = _without(self, content, common), _without(divisor, own, others)
        rest = single(Atom("over", left, right)) if left != right else polynomial(1)
        scale = Polynomial({common: content}).over(Polynomial({others: own}))
        return scale * rest

    def atoms(self) -> Iterable[Atom]:
        """The atoms that stand in it, each once."""
        return dict.fromkeys([atom for monomial in self.terms for atom, _ in monomial])

    def symbols(self) -> set[str]:
        """The names of all symbols in it, inside functions too."""
        found: dict[Atom, None] = {}
        todo = list(self.atoms())
        while todo:
            atom = todo.pop()
            if atom not in found:
                found[atom] = None
                todo += [inner for part in atom.args if atom.op != "symbol" for inner in part.atoms()]
        return {atom.args[0] for atom in found if atom.op == "symbol"}

    def at(self, values: Mapping[str, Exact]) -> Exact:
        """The value where every symbol has one; raises KeyError for a symbol that has none, ZeroDivisionError where
        something is divided by 0."""
        return self._at(values, {})

    def _at(self, values: Mapping[str, Exact], known: dict[Atom, Exact]) -> Exact:
        parts = [factor * _product_at(monomial, values, known) for monomial, factor in self.terms.items()]
        return _plain(sum(parts, Fraction(0)))


def polynomial(value: Polynomial | Exact) -> Polynomial:
    """A number as a polynomial."""
    return value if isinstance(value, Polynomial) else Polynomial({(): value})


def single(atom: Atom) -> Polynomial:
    """An atom as a polynomial."""
    return Polynomial({((atom, 1),): 1})


def symbol(name: str) -> Polynomial:
    """A symbol as a polynomial."""
    return single(Atom("symbol", name))


def total(parts: Iterable[tuple[Polynomial, Exact]]) -> Polynomial:
    """The sum of some polynomials, each times a number."""
    found: dict[Monomial, Exact] = {}
    for part, times in parts:
        for monomial, factor in part.terms.items():
            found[monomial] = found.get(monomial, 0) + factor * times
    return Polynomial(found)


def contents(parts: Iterable[Polynomial]) -> Exact:
    """The greatest number that divides all coefficients of some polynomials to whole ones without a common divisor."""
    factors = [Fraction(factor) for part in parts for factor in part.terms.values()]
    if not factors:
        return 1
    return _plain(Fraction(gcd(*[each.numerator for each in factors]), lcm(*[each.denominator for each in factors])))


def shared(part: Polynomial) -> Monomial:
    """The monomial that all terms have in common: each atom's least exponent."""
    powers = [dict(monomial) for monomial in part.terms]
    found = []
    for atom in part.atoms():
        least = min([each.get(atom, 0) for each in powers])
        if least:
            found.append((atom, least))
    return tuple(sorted(found, key=lambda item: item[0].key))


def _without(part: Polynomial, content: Exact, common: Monomial) -> Polynomial:
    return part.over(Polynomial({common: content}))


def _product(left: Monomial, right: Monomial) -> Monomial:
    if not left or not right:
        return left or right
    powers = dict(left)
    for atom, power in right:
        powers[atom] = 1 if atom.is_truth else powers.get(atom, 0) + power
    truths = [atom for atom in powers if atom.is_truth]
    if len(truths) > 1:
        for atom in implied(truths):
            del powers[atom]
    return tuple(sorted([item for item in powers.items() if item[1]], key=lambda item: item[0].key))


def implied(truths: Sequence[Atom]) -> set[Atom]:
    """The conditions that others imply: p > 0 wherever p - c > 0, or p - c = 0, for some c > 0."""
    alike: dict[frozenset[tuple[Monomial, Exact]], list[tuple[Exact, Atom]]] = {}  # but for their constants
    for atom in truths:
        terms = dict(atom.args[0].terms)
        constant = terms.pop((), 0)
        alike.setdefault(frozenset(terms.items()), []).append((constant, atom))
    found: set[Atom] = set()
    for group in alike.values():
        least = min([constant for constant, _ in group])
        found.update([atom for constant, atom in group if atom.op == "positive" and constant > least])
    return found


def _plain(value: Exact) -> Exact:
    if isinstance(value, Fraction) and value.denominator == 1:
        return value.numerator
    return value


def _product_at(monomial: Monomial, values: Mapping[str, Exact], known: dict[Atom, Exact]) -> Fraction:
    """The value of a monomial: 0 where a condition in it does not hold, though another part is then divided by 0."""
    product = Fraction(1)
    for atom, power in sorted(monomial, key=lambda item: not item[0].is_truth):
        if atom not in known:
            known[atom] = _value(atom, values, known)
        if atom.is_truth and not known[atom]:
            return Fraction(0)
        product *= Fraction(known[atom]) ** power
    return product


def _value(atom: Atom, values: Mapping[str, Exact], known: dict[Atom, Exact]) -> Exact:
    if atom.op == "symbol":
        return values[atom.args[0]]
    inside: list[Exact] = [part._at(values, known) for part in atom.args]
    if atom.op == "floor":
        return math.floor(inside[0])
    if atom.op == "over":
        return _plain(Fraction(inside[0]) / inside[1])
    if atom.op in TRUTHS:
        return int(inside[0] > 0 if atom.op == "positive" else inside[0] == 0)
    return max(inside) if atom.op == "max" else min(inside)
