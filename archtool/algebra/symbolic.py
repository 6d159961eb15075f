"""The door to sympy, and LaTeX through it. Everything else is done without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from archtool.algebra.polynomial import Atom, Exact, Monomial, Polynomial
from archtool.algebra.shown import Cases, Layout, Literal, Sum, Term
from archtool.algebra.text import divisor
from archtool.errors import MissingExtra

if TYPE_CHECKING:
    import sympy


def _sympy() -> Any:
    try:
        import sympy
    except ImportError:
        raise MissingExtra("this needs sympy: pip install 'archtool[symbols]'") from None
    return sympy


def to_sympy(part: Polynomial, layout: Layout) -> sympy.Expr:
    """A formula as sympy has it: symbols are whole numbers, conditions are Piecewise. Raises MissingExtra."""
    return _Writer(layout).formula(part)


def to_latex(part: Polynomial, layout: Layout) -> str:
    """A formula as LaTeX; raises MissingExtra."""
    found = to_sympy(part, layout)
    names = {symbol: _name(symbol.name) for symbol in found.free_symbols}
    return str(_sympy().latex(found, symbol_names=names))


def _name(name: str) -> str:
    """A symbol's name: upright where it has several letters, numbers at its end below."""
    word, *places = name.split("_")
    if places and not all([place.isdigit() for place in places]):
        word, places = name.replace("_", r"\_"), []
    shown = word if len(word) == 1 else rf"\mathrm{{{word}}}"
    return f"{shown}_{{{','.join(places)}}}" if places else shown


def cancelled(above: Polynomial, below: Polynomial) -> tuple[Polynomial, Polynomial]:
    """Two formulas without their common factors; what is no polynomial counts as a symbol."""
    sympy = _sympy()
    atoms = list(dict.fromkeys([*above.atoms(), *below.atoms()]))
    symbols = [sympy.Dummy() for _ in atoms]
    place = dict(zip(atoms, symbols, strict=True))

    def there(part: Polynomial) -> Any:
        return sympy.Add(
            *[
                sympy.Rational(factor) * sympy.Mul(*[place[atom] ** power for atom, power in monomial])
                for monomial, factor in part.terms.items()
            ]
        )

    def back(expression: Any) -> Polynomial:
        terms: dict[Monomial, Exact] = {}
        for powers, factor in sympy.Poly(expression, *symbols).terms():
            monomial = tuple(sorted([(a, int(p)) for a, p in zip(atoms, powers, strict=True) if p], key=_key))
            terms[monomial] = _exact(factor)
        return Polynomial(terms)

    left, right = sympy.fraction(sympy.cancel(there(above) / there(below)))
    return back(left), back(right)


def _key(item: tuple[Atom, int]) -> str:
    return item[0].key


def _exact(number: Any) -> Exact:
    from fractions import Fraction

    return Fraction(int(number.p), int(number.q))


class _Writer:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.sympy = _sympy()

    def formula(self, part: Polynomial) -> Any:
        return self.sum(self.layout.of(part))

    def sum(self, shown: Sum) -> Any:
        return self.sympy.Add(*[self.part(part) for part in shown.parts])

    def part(self, part: Term | Cases) -> Any:
        sympy = self.sympy
        if isinstance(part, Cases):
            combine = sympy.Or if part.any else sympy.And
            test = combine(*[self.condition(each) for each in part.conditions])
            return sympy.Piecewise((self.sum(part.yes), test), (self.sum(part.no), True))
        factors = [self.atom(atom) ** power for atom, power in part.powers]
        if part.bracket is not None:
            factors.append(self.sum(part.bracket))
        return sympy.Mul(sympy.Rational(part.factor), *factors)

    def condition(self, literal: Literal) -> Any:
        inside = self.formula(literal.atom.args[0])
        if literal.atom.op == "positive":
            return inside > 0 if literal.holds else inside <= 0
        return self.sympy.Eq(inside, 0) if literal.holds else self.sympy.Ne(inside, 0)

    def atom(self, atom: Atom) -> Any:
        sympy = self.sympy
        if atom.op == "symbol":
            return sympy.Symbol(atom.args[0], integer=True)
        if atom.op == "floor":
            below = divisor(atom.args[0])
            above = atom.args[0] * below
            up = above - below + 1
            if below.constant != 1 and not up.terms.get((), 0):
                return sympy.ceiling(self.formula(up) / self.formula(below))
            return sympy.floor(self.formula(above) / self.formula(below))
        parts = [self.formula(part) for part in atom.args]
        if atom.op == "over":
            return parts[0] / parts[1]
        if atom.is_truth:
            return sympy.Piecewise((1, self.condition(Literal(atom))), (0, True))
        return (sympy.Max if atom.op == "max" else sympy.Min)(*parts)
