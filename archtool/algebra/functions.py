"""Floors, extremes and conditions of polynomials, in the simplest form that is equal for all values."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction

from archtool.algebra.bounds import Lows, least
from archtool.algebra.polynomial import Atom, Exact, Monomial, Polynomial, contents, polynomial, single


def floor(part: Polynomial) -> Polynomial:
    """The greatest whole number that is not above; what is whole by its form leaves the floor."""
    whole: dict[Monomial, Exact] = {}
    rest: dict[Monomial, Exact] = {}
    for monomial, factor in part.terms.items():
        if not monomial:
            whole[monomial], rest[monomial] = math.floor(factor), factor % 1
        elif isinstance(factor, int) and all([power > 0 and atom.op != "over" for atom, power in monomial]):
            whole[monomial] = factor
        else:
            rest[monomial] = factor
    inside, outside = Polynomial(rest), Polynomial(whole)
    if inside.constant is not None:
        return outside
    tied = _merged(inside)
    if tied is not None:
        return outside + floor(tied)
    if _is_plain(inside) and all([factor < 0 for monomial, factor in inside.terms.items() if monomial]):
        return outside - floor(_turned(inside))
    if any([factor < 0 and all([power < 0 for _, power in monomial]) for monomial, factor in rest.items() if monomial]):
        inside, outside = inside + 1, outside - 1  # floor((n - 1) / s) + 1 is one atom: ceil(n / s)
    return outside + single(Atom("floor", inside))


def _merged(inside: Polynomial) -> Polynomial | None:
    """(floor(q) + e) / d as (q + e) / d, whose floor is the same, for whole e and d > 0; -floor(q) is a floor too."""
    floors = [atom for atom in inside.atoms() if atom.op == "floor"]
    if len(floors) != 1 or len([monomial for monomial in inside.terms if floors[0] in dict(monomial)]) != 1:
        return None
    factor = Fraction(inside.terms.get(((floors[0], 1),), 0))
    rest = inside - single(floors[0]) * factor
    of: Polynomial = floors[0].args[0]
    is_whole = all([Fraction(each * factor.denominator).denominator == 1 for each in rest.terms.values()])
    if abs(factor.numerator) != 1 or not is_whole or not (_is_plain(rest) and _is_plain(of)):
        return None
    turned = of if factor > 0 else _turned(of)
    return rest + turned * abs(factor)


def _turned(part: Polynomial) -> Polynomial:
    """The p for which floor(p) = -floor(part): -u / d and d - 1 more in the numerator."""
    below = Fraction(contents([part])).denominator
    return -part + Fraction(below - 1, below)


def _is_plain(part: Polynomial) -> bool:
    """Whether nothing in it is divided by, but numbers."""
    return all([power > 0 and atom.op != "over" for monomial in part.terms for atom, power in monomial])


def extreme(op: str, parts: Iterable[Polynomial], lows: Lows | None = None) -> Polynomial:
    """The max or min of some; those that are never it are left out."""
    flat: dict[Polynomial, None] = {}
    for part in parts:
        atom = part.atom
        flat.update(dict.fromkeys(atom.args if atom is not None and atom.op == op else (part,)))
    for part in [*flat]:
        if len(flat) > 1 and any([_wins(op, other, part, lows) for other in flat if other != part]):
            del flat[part]
    if len(flat) == 1:
        return next(iter(flat))
    first, *others = flat
    common = {
        monomial: factor
        for monomial, factor in first.terms.items()
        if monomial and all([each.terms.get(monomial) == factor for each in others])
    }
    if common:
        return Polynomial(common) + extreme(op, [each - Polynomial(common) for each in flat], lows)
    return single(Atom(op, *sorted(flat, key=lambda part: part.key)))


def _wins(op: str, one: Polynomial, other: Polynomial, lows: Lows | None) -> bool:
    return least(one - other if op == "max" else other - one, lows) >= 0


def positive(part: Polynomial, lows: Lows | None = None) -> Polynomial:
    """1 where a whole number is above 0, else 0."""
    if part.constant is not None:
        return polynomial(int(part.constant > 0))
    if least(part, lows) > 0:
        return polynomial(1)
    if least(-part, lows) >= 0:
        return polynomial(0)
    constant: Exact = part.terms.get((), 0)
    scale = contents([part - constant])
    if scale != 1 and _is_plain(part):  # 2 * n > 5 where n > 2
        return positive((part - constant).over(polynomial(scale)) - math.floor(-Fraction(constant) / scale), lows)
    atom = (part - constant).atom
    if atom is not None and atom.op == "floor":  # floor(p) >= k where p >= k
        (inside,) = atom.args
        steps = Fraction(contents([inside])).denominator
        if _is_plain(inside):
            return positive((inside + constant - 1) * steps + 1, lows)
    is_whole = not any([each.op == "over" for each in part.atoms()])
    if is_whole and _leading(part) < 0:  # x > 0 and its opposite, 1 - x > 0, are told by one atom
        return polynomial(1) - positive(polynomial(1) - part, lows)
    return single(Atom("positive", part))


def zero(part: Polynomial, lows: Lows | None = None) -> Polynomial:
    """1 where a number is 0, else 0."""
    if part.constant is not None:
        return polynomial(int(part.constant == 0))
    if least(part, lows) > 0 or least(-part, lows) > 0:
        return polynomial(0)
    if (part - part.terms.get((), 0)).atom is not None:  # n == 2 where n > 1 but not n > 2: told by these
        return positive(part + 1, lows) - positive(part, lows)
    scale = contents([part]) * (-1 if _leading(part) < 0 else 1)
    return single(Atom("zero", part * (Fraction(1) / scale)))


def _leading(part: Polynomial) -> Exact:
    """The coefficient of one term that the polynomial's opposite has too."""
    return part.terms[min([monomial for monomial in part.terms if monomial], key=str)]


def replaced(part: Polynomial, values: Mapping[Atom, Polynomial]) -> Polynomial:
    """A polynomial with others in the place of some atoms, everywhere in it."""
    return _replaced(part, dict(values)) if values else part


def _replaced(part: Polynomial, known: dict[Atom, Polynomial]) -> Polynomial:
    total = polynomial(0)
    for monomial, factor in part.terms.items():
        product = polynomial(factor)
        for atom, power in monomial:
            if atom not in known:
                known[atom] = _made(atom, known)
            base = known[atom]
            for _ in range(abs(power)):
                product = product * base if power > 0 else product.over(base)
        total = total + product
    return total


def _made(atom: Atom, known: dict[Atom, Polynomial]) -> Polynomial:
    """An atom with others in the place of those in it."""
    if atom.op == "symbol":
        return single(atom)
    parts = [_replaced(part, known) for part in atom.args]
    if all([new == old for new, old in zip(parts, atom.args, strict=True)]):
        return single(atom)
    if atom.op in ("max", "min"):
        return extreme(atom.op, parts)
    if atom.op == "over":
        return parts[0].over(parts[1])
    return {"floor": floor, "positive": positive, "zero": zero}[atom.op](parts[0])


def floors(part: Polynomial) -> list[Polynomial]:
    """What floors are taken of in a formula."""
    found = []
    for atom in part.atoms():
        if atom.op == "floor":
            found.append(atom.args[0])
        if atom.op != "symbol":
            found += [each for arg in atom.args for each in floors(arg)]
    return found
