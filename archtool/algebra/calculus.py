"""Derivatives and limits of closed forms, exact; refused by name where a formula has none."""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from archtool.algebra.polynomial import Atom, Monomial, Polynomial, polynomial, single, symbol
from archtool.errors import RuleError


def derivative(part: Polynomial, name: str) -> Polynomial:
    """How fast a formula grows with a symbol; raises RuleError where it jumps (floors, extremes, conditions of it)."""
    total = polynomial(0)
    for monomial, factor in part.terms.items():
        for place, (atom, power) in enumerate(monomial):
            rest: Monomial = (*monomial[:place], *monomial[place + 1 :])
            inner = _slope(atom, name)
            if inner.terms:
                lowered = ((atom, power - 1),) if power != 1 else ()
                total = total + Polynomial({rest: factor * power}) * Polynomial({lowered: 1}) * inner
    return total


def _slope(atom: Atom, name: str) -> Polynomial:
    if atom.op == "symbol":
        return polynomial(int(atom.args[0] == name))
    if not any([name in part.symbols() for part in atom.args]):
        return polynomial(0)
    if atom.op == "over":
        above: Polynomial = atom.args[0]
        below: Polynomial = atom.args[1]
        return (derivative(above, name) * below - above * derivative(below, name)).over(below * below)
    raise RuleError(f"there is no derivative by '{name}': {_said(atom)} of it jumps{_hint(atom, name)}")


def _said(atom: Atom) -> str:
    return {"floor": "a floor", "max": "a max", "min": "a min"}.get(atom.op, "a condition")


def _hint(atom: Atom, name: str) -> str:
    return f"; make it a multiple, as --in {name}=32*m, so that floors go" if atom.op == "floor" else ""


class Growth(NamedTuple):
    """What a formula is like where a symbol is large: `factor` * symbol**degree, and less."""

    degree: float  # a whole number, or -inf for 0
    factor: Polynomial


def limit(part: Polynomial, name: str) -> Polynomial | float:
    """What a formula comes to as a symbol grows without end: a formula of the others, or +-inf; raises RuleError where
    that is not told."""
    growth = grows(part, name)
    if growth.degree < 0:
        return polynomial(0)
    if growth.degree == 0:
        return growth.factor
    sign = sign_of(growth.factor)
    if sign == 0:
        raise RuleError(f"the sign of what grows with '{name}' depends on the other symbols")
    return sign * inf


def leading(part: Polynomial, name: str) -> Polynomial:
    """The term of a formula that grows most with a symbol; raises RuleError where that is not told."""
    growth = grows(part, name)
    return growth.factor * _power(symbol(name), int(growth.degree)) if growth.factor.terms else growth.factor


def grows(part: Polynomial, name: str) -> Growth:
    """How a formula grows with a symbol; a floor is what it is of, less something below 1.

    Raises RuleError where that matters.
    """
    by_degree: dict[int, Polynomial] = {}
    for monomial, factor in part.terms.items():
        degree, product = 0, polynomial(factor)
        for atom, power in monomial:
            own = _growth(atom, name)
            if not own.factor.terms:
                break
            degree += int(own.degree) * power
            product = product * _power(own.factor, power)
        else:
            by_degree[degree] = by_degree.get(degree, polynomial(0)) + product
    if not by_degree:
        return Growth(-inf, polynomial(0))
    top = max(by_degree)
    if by_degree[top].terms:
        return Growth(top, by_degree[top])
    if any([atom.op != "symbol" and any([name in arg.symbols() for arg in atom.args]) for atom in part.atoms()]):
        raise RuleError(f"what grows most with '{name}' cancels but for floors: its limit is not told")
    atom = Atom("symbol", name)
    rest = {monomial: factor for monomial, factor in part.terms.items() if dict(monomial).get(atom, 0) < top}
    return grows(Polynomial(rest), name)


def _growth(atom: Atom, name: str) -> Growth:
    if atom.op == "symbol":
        return Growth(1, polynomial(1)) if atom.args[0] == name else Growth(0, single(atom))
    if not any([name in part.symbols() for part in atom.args]):
        return Growth(0, single(atom))
    if atom.op == "over":
        above, below = (grows(arg, name) for arg in atom.args)
        return Growth(above.degree - below.degree, above.factor.over(below.factor))
    if atom.op == "floor":
        inside = grows(atom.args[0], name)
        if inside.degree > 0:
            return inside
    elif atom.is_truth:
        inside = grows(atom.args[0], name)
        sign = sign_of(inside.factor)
        if inside.degree > 0 and sign:
            return Growth(0, polynomial(int(atom.op == "positive" and sign > 0)))
    raise RuleError(f"the limit of {_said(atom)} of '{name}' is not told")


def _power(part: Polynomial, power: int) -> Polynomial:
    product = polynomial(1)
    for _ in range(abs(power)):
        product = product * part
    return product if power >= 0 else polynomial(1).over(product)


def sign_of(part: Polynomial) -> int:
    """The sign of a formula whose symbols are positive; 0 where it depends on them."""
    plain = all([_is_positive(atom) for atom in part.atoms()])
    found: set[bool] = {factor > 0 for factor in part.terms.values()}
    if not plain or len(found) != 1:
        return 0
    return 1 if found.pop() else -1


def _is_positive(atom: Atom) -> bool:
    """Whether an atom is above 0 wherever the symbols are at least 1: a symbol, or ceil(n / 32), which rises from 1."""
    if atom.op != "floor":
        return atom.op == "symbol"
    inside: Polynomial = atom.args[0]
    rises = all(
        [
            factor > 0 and all([power > 0 and _is_positive(each) for each, power in monomial])
            for monomial, factor in inside.terms.items()
            if monomial
        ]
    )
    return rises and sum(inside.terms.values()) >= 1
