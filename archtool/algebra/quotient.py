"""The quotient of two formulas, cancelled: what it says is an identity, checked by multiplying out."""

from __future__ import annotations

from importlib.util import find_spec

from archtool.algebra.polynomial import Atom, Monomial, Polynomial, polynomial, shared

MOST_STEPS = 500  # of a division
MOST_CANCELLED = 60  # terms of a sum that is searched for factors


def quotient(above: Polynomial, below: Polynomial) -> Polynomial:
    """above / below, where below is never 0: a sum of terms where that is possible, else one formula over another.

    With sympy installed, factors that are sums and stand in both are cancelled too.
    """
    if not above.terms or len(below.terms) == 1:
        return above.over(below)
    for left, right, turned in ((above, below, False), (below, above, True)):
        whole = divided(left, right)
        if whole is not None:
            return polynomial(1).over(whole) if turned else whole
    if max(len(above.terms), len(below.terms)) <= MOST_CANCELLED and find_spec("sympy") is not None:
        from archtool.algebra.symbolic import cancelled

        left, right = cancelled(above, below)
        if left * below == above * right:  # truth values are their own squares: what sympy does not know
            return left.over(right)
    return above.over(below)


def divided(above: Polynomial, below: Polynomial) -> Polynomial | None:
    """above / below where that is a sum of terms; None where it is not."""
    if not below.terms:
        return None
    common, other = Polynomial({shared(above): 1}), Polynomial({shared(below): 1})
    rest, divisor = above.over(common), below.over(other)
    order = sorted([*rest.atoms(), *divisor.atoms()], key=lambda atom: atom.key)
    head = _head(divisor, order)
    found = polynomial(0)
    for _ in range(MOST_STEPS):
        if not rest.terms:
            scale = common.over(other)
            whole = found * scale
            return whole if whole * below == above else None
        own = _head(rest, order)
        term = Polynomial({own: rest.terms[own]}).over(Polynomial({head: divisor.terms[head]}))
        if any([power < 0 for monomial in term.terms for _, power in monomial]):
            return None
        found = found + term
        rest = rest - term * divisor
    return None


def _head(part: Polynomial, order: list[Atom]) -> Monomial:
    """The monomial that stands first in the order of dictionaries."""
    return max(part.terms, key=lambda monomial: [dict(monomial).get(atom, 0) for atom in order])
