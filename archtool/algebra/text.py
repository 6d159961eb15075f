"""Formulas as text in the language of specs, so that what is printed can be read again: `9*width**2*ceil(res/4)**2`."""

from __future__ import annotations

from fractions import Fraction

from archtool.algebra.polynomial import Atom, Monomial, Polynomial, contents
from archtool.algebra.shown import Cases, Layout, Literal, Sum, Term


def write(part: Polynomial, layout: Layout) -> str:
    """A formula as text."""
    return _sum(layout.of(part), layout)


def condition(literal: Literal, layout: Layout) -> str:
    """A condition, or its opposite, as text: what is subtracted stands on the other side."""
    part: Polynomial = literal.atom.args[0]
    left = Polynomial({monomial: factor for monomial, factor in part.terms.items() if monomial and factor > 0})
    right = left - part
    sign = (">" if literal.holds else "<=") if literal.atom.op == "positive" else ("==" if literal.holds else "!=")
    if not left.terms:
        left, right, sign = right, left, {">": "<", "<=": ">="}.get(sign, sign)
    return f"{write(left, layout)} {sign} {write(right, layout)}"


def test(shown: Sum, layout: Layout) -> str:
    """The condition that a formula is 1 for, else 0; empty for another formula."""
    first = shown.parts[0] if len(shown.parts) == 1 else None
    if isinstance(first, Cases) and not first.no.parts and _sum(first.yes, layout) == "1":
        return _test(first, layout)
    return ""


def _test(cases: Cases, layout: Layout) -> str:
    return (" or " if cases.any else " and ").join([condition(each, layout) for each in cases.conditions])


def _sum(shown: Sum, layout: Layout) -> str:
    if not shown.parts:
        return "0"
    text = ""
    for part in shown.parts:
        written = _cases(part, layout) if isinstance(part, Cases) else _term(part, layout)
        if not text:
            text = written
        else:
            text += f" - {written[1:]}" if written.startswith("-") else f" + {written}"
    return text


def _cases(cases: Cases, layout: Layout) -> str:
    return f"({_sum(cases.yes, layout)} if {_test(cases, layout)} else {_sum(cases.no, layout)})"


def _term(term: Term, layout: Layout) -> str:
    factor = Fraction(term.factor)
    above: list[str] = []
    below: list[str] = []
    for atom, power in term.powers:
        sides = (above, below) if power > 0 else (below, above)
        if atom.op == "over":
            for side, part in zip(sides, atom.args, strict=True):
                if part.constant != 1:
                    side.append(_raised(f"({write(part, layout)})", abs(power)))
        else:
            sides[0].append(_raised(_atom(atom, layout), abs(power)))
    if term.bracket is not None:
        above.append(f"({_sum(term.bracket, layout)})")
    if factor.denominator > 1:
        below.insert(0, str(factor.denominator))
    if abs(factor.numerator) != 1 or not above:
        above.insert(0, str(abs(factor.numerator)))
    sign = "-" if factor < 0 else ""
    divisor = "*".join(below)
    behind = f"/({divisor})" if len(below) > 1 else f"/{divisor}" if below else ""
    return sign + "*".join(above) + behind


def _raised(base: str, power: int) -> str:
    return base if power == 1 else f"{base}**{power}"


def _atom(atom: Atom, layout: Layout) -> str:
    if atom.op == "symbol":
        return str(atom.args[0])
    if atom.op == "floor":
        return _floor(atom.args[0], layout)
    return f"{atom.op}({', '.join([write(part, layout) for part in atom.args])})"


def _floor(part: Polynomial, layout: Layout) -> str:
    """floor((n + d - 1) / d) is ceil(n / d)."""
    below = divisor(part)
    above = part * below
    up = above - below + 1
    if below.constant != 1 and not up.terms.get((), 0):
        return f"ceil({_fraction(up, below, layout)})"
    return f"floor({_fraction(above, below, layout)})"


def divisor(part: Polynomial) -> Polynomial:
    """The common denominator of a polynomial's terms."""
    powers: dict[Atom, int] = {}
    for monomial in part.terms:
        for atom, power in monomial:
            powers[atom] = max(powers.get(atom, 0), -power)
    below = tuple(sorted([item for item in powers.items() if item[1]], key=lambda item: item[0].key))
    return Polynomial({below: Fraction(contents([part])).denominator})


def _fraction(above: Polynomial, below: Polynomial, layout: Layout) -> str:
    text, under = write(above, layout), write(below, layout)
    if below.constant == 1:
        return text
    text = text if _is_product(above) else f"({text})"
    return f"{text}/({under})" if "*" in under else f"{text}/{under}"


def _is_product(part: Polynomial) -> bool:
    monomials: list[Monomial] = list(part.terms)
    return len(monomials) == 1 and all([power > 0 and not atom.is_truth for atom, power in monomials[0]])
