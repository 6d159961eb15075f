"""Floors, extremes and conditions of polynomials, in the simplest form that is equal for all values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction

from archtool.algebra.polynomial import Atom, Exact, Monomial, Polynomial, contents, polynomial, single


def floor(part: Polynomial) -> Polynomial:
    """The greatest whole number that is not above; what is whole by its form leaves the floor."""
    whole: dict[Monomial, Exact] = {}
    rest: dict[Monomial, Exact] = {}
    for monomial, factor in part.terms.items():
        if not monomial:
            whole[monomial], rest[monomial] = math.floor(factor), factor % 1
        elif isinstance(factor, int) and all([power > 0 for _, power in monomial]):
            whole[monomial] = factor
        else:
            rest[monomial] = factor
    inside, outside = Polynomial(rest), Polynomial(whole)
    if inside.constant is not None:
        return outside
    if any([factor < 0 and all([power < 0 for _, power in monomial]) for monomial, factor in rest.items() if monomial]):
        inside, outside = inside + 1, outside - 1  # floor((n - 1) / s) + 1 is one atom: ceil(n / s)
    return outside + single(Atom("floor", inside))


def extreme(op: str, parts: Iterable[Polynomial]) -> Polynomial:
    """The max or min of some."""
    flat: dict[Polynomial, None] = {}
    for part in parts:
        atom = part.atom
        flat.update(dict.fromkeys(atom.args if atom is not None and atom.op == op else (part,)))
    if len(flat) == 1:
        return next(iter(flat))
    return single(Atom(op, *sorted(flat, key=lambda part: part.key)))


def positive(part: Polynomial) -> Polynomial:
    """1 where a whole number is above 0, else 0."""
    if part.constant is not None:
        return polynomial(int(part.constant > 0))
    constant: Exact = part.terms.get((), 0)
    atom = (part - constant).atom
    if atom is not None and atom.op == "floor":  # floor(p) >= k where p >= k
        (inside,) = atom.args
        steps = Fraction(contents([inside])).denominator
        if all([power > 0 for monomial in inside.terms for _, power in monomial]):
            return positive((inside + constant - 1) * steps + 1)
    is_whole = not any([each.op == "over" for each in part.atoms()])
    if is_whole and _leading(part) < 0:  # x > 0 and its opposite, 1 - x > 0, are told by one atom
        return polynomial(1) - positive(polynomial(1) - part)
    return single(Atom("positive", part))


def zero(part: Polynomial) -> Polynomial:
    """1 where a number is 0, else 0."""
    if part.constant is not None:
        return polynomial(int(part.constant == 0))
    scale = contents([part]) * (-1 if _leading(part) < 0 else 1)
    return single(Atom("zero", part * (Fraction(1) / scale)))


def _leading(part: Polynomial) -> Exact:
    """The coefficient of one term that the polynomial's opposite has too."""
    return part.terms[min([monomial for monomial in part.terms if monomial], key=str)]


def replaced(part: Polynomial, values: Mapping[Atom, Polynomial]) -> Polynomial:
    """A polynomial with others in the place of some atoms, everywhere in it."""
    known = {atom: _replaced(atom, values) for atom in part.atoms()}
    total = polynomial(0)
    for monomial, factor in part.terms.items():
        product = polynomial(factor)
        for atom, power in monomial:
            base = known[atom]
            for _ in range(abs(power)):
                product = product * base if power > 0 else product.over(base)
        total = total + product
    return total


def _replaced(atom: Atom, values: Mapping[Atom, Polynomial]) -> Polynomial:
    if atom in values:
        return values[atom]
    if atom.op == "symbol":
        return single(atom)
    parts = [replaced(part, values) for part in atom.args]
    if all([new == old for new, old in zip(parts, atom.args, strict=True)]):
        return single(atom)
    if atom.op in ("max", "min"):
        return extreme(atom.op, parts)
    if atom.op == "over":
        return parts[0].over(parts[1])
    return {"floor": floor, "positive": positive, "zero": zero}[atom.op](parts[0])
