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
from archtool.spec.domains import Range

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


def roots(part: Polynomial, name: str, layout: Layout, domain: Range | None = None) -> list[str]:
    """The real values of a symbol for which a formula is 0, as texts, the greatest first, without those that can be
    told to lie outside of the symbol's domain, where it is given; raises RuleError above the second degree."""
    powers = by_degree(part, name)
    while domain is not None and domain.low > 0 and len(powers) > 1 and not powers[0].terms:
        del powers[0]  # 0 is no value of the symbol
    degree = len(powers) - 1
    if degree == 0 and powers[0].terms and name in part.symbols():
        return []
    if degree < 1 or degree > HIGHEST_DEGREE:
        raise RuleError(f"it is of degree {degree} in '{name}'; set the other symbols to numbers")
    may_be_below = domain is None or domain.low < 0
    if degree == 1:
        constant, linear = powers
        root = quotient(-constant, linear)
        is_below = not may_be_below and sign_of(constant) * sign_of(linear) > 0
        return (
            [] if is_below or not _is_within(root, 0, polynomial(0), polynomial(1), domain) else [write(root, layout)]
        )
    constant, linear, square = powers
    if sign_of(square) < 0:
        constant, linear, square = -constant, -linear, -square
    inside = linear * linear - square * constant * 4
    if sign_of(inside) < 0 or (not may_be_below and sign_of(square) == sign_of(linear) == sign_of(constant) == 1):
        return []
    outside, inside = _square_root(inside)
    below = square * 2
    scale = Polynomial({_common([linear, outside, below]): contents([linear, outside, below])})
    linear, outside, below = linear.over(scale), outside.over(scale), below.over(scale)
    one_is_positive = (domain is None or domain.low >= 0) and sign_of(square) > 0 and sign_of(constant) < 0
    return [
        _text(-linear, sign, outside, inside, below, layout)
        for sign in ((1,) if one_is_positive else (1, -1))
        if _is_within(-linear, sign, outside * outside * inside, below, domain)
    ]


def _is_within(middle: Polynomial, sign: int, square: Polynomial, below: Polynomial, domain: Range | None) -> bool:
    """Whether (middle + sign * sqrt(square)) / below lies between a domain's ends; True where that is not told."""
    if domain is None:
        return True
    numbers = [part.constant for part in (middle, square, below)]
    if None in numbers:
        return True
    centre, inside, scale = (Fraction(number or 0) for number in numbers)
    centre, inside = centre / scale, inside / scale**2
    sign = sign if scale > 0 else -sign

    def reaches(end: int) -> int:
        """The sign of the root less `end`."""
        far = centre - end
        if far * sign >= 0:
            return 1 if far + sign * inside > 0 else -1 if far + sign * inside < 0 else 0
        beyond = far * far - inside
        return 0 if not beyond else (1 if far > 0 else -1) * (1 if beyond > 0 else -1)

    return reaches(domain.low) >= 0 and (domain.high is None or reaches(domain.high) <= 0)


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
