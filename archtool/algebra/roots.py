"""Where a formula is zero, solved for one symbol of it in the others: in closed form up to the second degree."""

from __future__ import annotations

from fractions import Fraction
from math import isqrt

from archtool.algebra.calculus import sign_of
from archtool.algebra.polynomial import Atom, Monomial, Polynomial, contents, polynomial, shared
from archtool.algebra.quotient import quotient
from archtool.algebra.shown import Layout
from archtool.algebra.text import write
from archtool.errors import RuleError

HIGHEST_DEGREE = 2
LARGEST_SQUARE = 1000  # that is taken out of a square root


def by_degree(part: Polynomial, name: str) -> list[Polynomial]:
    """A formula as a polynomial in one symbol, its coefficients formulas of the others, the constant first; raises
    RuleError where the symbol stands in a floor, an extreme or a condition."""
    atom = Atom("symbol", name)
    lowest = min([0, *[dict(monomial).get(atom, 0) for monomial in part.terms]])
    found: dict[int, Polynomial] = {}
    for monomial, factor in part.terms.items():
        rest = tuple([item for item in monomial if item[0] is not atom])
        if any([each.op != "symbol" and any([name in arg.symbols() for arg in each.args]) for each, _ in rest]):
            raise RuleError(f"'{name}' stands in a floor, an extreme or a condition; set the other symbols to numbers")
        degree = dict(monomial).get(atom, 0) - lowest
        found[degree] = found.get(degree, polynomial(0)) + Polynomial({rest: factor})
    return [found.get(degree, polynomial(0)) for degree in range(max(found, default=0) + 1)]


def roots(part: Polynomial, name: str, layout: Layout) -> list[str]:
    """The values of a symbol, above 0 if that can be told, for which a formula is 0, as texts, the greatest first;
    raises RuleError above the second degree."""
    powers = by_degree(part, name)
    degree = len(powers) - 1
    if degree < 1 or degree > HIGHEST_DEGREE:
        raise RuleError(f"it is of degree {degree} in '{name}'; set the other symbols to numbers")
    if degree == 1:
        return [write(quotient(-powers[0], powers[1]), layout)]
    constant, linear, square = powers
    if sign_of(square) < 0:
        constant, linear, square = -constant, -linear, -square
    inside = linear * linear - square * constant * 4
    if sign_of(inside) < 0:
        return []
    outside, inside = _square_root(inside)
    below = square * 2
    scale = Polynomial({_common([linear, outside, below]): contents([linear, outside, below])})
    linear, outside, below = linear.over(scale), outside.over(scale), below.over(scale)
    one_is_positive = sign_of(square) > 0 and sign_of(constant) < 0
    return [_text(-linear, sign, outside, inside, below, layout) for sign in ((1,) if one_is_positive else (1, -1))]


def bound(part: Polynomial, sign: str, name: str, layout: Layout) -> str:
    """`part sign 0` solved for a symbol that is above 0; raises RuleError where its side depends on the others."""
    powers = by_degree(part, name)
    found = roots(part, name, layout)
    top, linear = sign_of(powers[-1]), len(powers) == HIGHEST_DEGREE
    rises = linear or not powers[1].terms or sign_of(powers[1]) == top or sign_of(powers[0]) == -top
    if sign == "==":
        return " or ".join([f"{name} == {root}" for root in found])
    if not top or not rises or not found:
        raise RuleError(
            f"which values of '{name}' are meant depends on the other symbols; give them numbers, with --set"
        )
    turned = {"<=": ">=", "<": ">", ">=": "<=", ">": "<"}
    return f"{name} {sign if top > 0 else turned[sign]} {found[0]}"


def _common(parts: list[Polynomial]) -> Monomial:
    """The monomial that all terms of some polynomials have in common."""
    total: dict[Monomial, int] = {}
    for part in parts:
        total.update(dict.fromkeys(part.terms, 1))
    return shared(Polynomial(total))


def _square_root(part: Polynomial) -> tuple[Polynomial, Polynomial]:
    """A polynomial as outside**2 * inside."""
    content = Fraction(contents([part]))
    number = content.numerator * content.denominator
    root, rest = 1, number
    whole = isqrt(number)
    if whole * whole == number:
        root, rest = whole, 1
    else:
        for each in range(LARGEST_SQUARE, 1, -1):
            if rest % (each * each) == 0:
                root, rest = root * each, rest // (each * each)
    even = tuple([(atom, power // 2) for atom, power in shared(part) if power // 2])
    outside = Polynomial({even: Fraction(root, content.denominator)})
    return outside, part.over(outside * outside)


def _text(
    middle: Polynomial, sign: int, outside: Polynomial, inside: Polynomial, below: Polynomial, layout: Layout
) -> str:
    if inside.constant is not None and inside.constant in (0, 1):
        return write(quotient(middle + outside * (sign * int(inside.constant)), below), layout)
    factor = write(outside, layout)
    root = f"sqrt({write(inside, layout)})"
    above = root if factor == "1" else f"{factor}*{root}"
    if middle.terms or sign < 0:
        above = f"{write(middle, layout)} {'+' if sign > 0 else '-'} {above}" if middle.terms else f"-{above}"
    if below.constant == 1:
        return above
    under = write(below, layout)
    above = above if not middle.terms else f"({above})"
    return f"{above}/({under})" if not under.isalnum() else f"{above}/{under}"
