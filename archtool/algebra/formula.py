"""A design's formula: what it costs, or sees, or makes, in closed form, by block and in total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.algebra.polynomial import Exact, Polynomial
from archtool.algebra.shown import Layout
from archtool.algebra.text import write
from archtool.errors import RuleError
from archtool.fields import describe

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True, slots=True)
class Closed:
    """A closed form; its text is an expression of the spec language."""

    polynomial: Polynomial
    layout: Layout

    def __str__(self) -> str:
        return write(self.polynomial, self.layout)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of its symbols."""
        found = self.polynomial.symbols()
        return (*[name for name in self.layout.order if name in found], *sorted(found - self.layout.order.keys()))

    def at(self, **values: Exact) -> Exact:
        """Its value where each symbol has one; raises RuleError where one is missing.

        >>> from archtool import load
        >>> load("resnet50").formula("macs", "width").total.at(width=64)
        4089184256
        """
        missing = [name for name in self.symbols if name not in values]
        if missing:
            raise RuleError(f"{', '.join(missing)} needs a value")
        return self.polynomial.at(values)

    def to_sympy(self) -> sympy.Expr:
        """The same as an expression of sympy, whose symbols are whole numbers; raises MissingExtra without sympy."""
        from archtool.algebra.symbolic import to_sympy

        return to_sympy(self.polynomial, self.layout)

    def to_latex(self) -> str:
        """The same as LaTeX."""
        from archtool.algebra.symbolic import to_latex

        return to_latex(self.polynomial, self.layout)


class Row(NamedTuple):
    """A block or layer of a network: `count` times each of `forms` is its part of a total.

    Of what does not add up (what is seen, sizes) the forms are what it is behind the block.
    """

    name: str
    kind: str
    count: Closed
    forms: Mapping[str, Closed]

    @property
    def each(self) -> Closed:
        """The one form."""
        (form,) = self.forms.values()
        return form


@dataclass(frozen=True, kw_only=True, slots=True)
class Formula:
    """A closed form of a network, made by `Design.formula`.

    `of` is what it tells, `totals` its closed forms (one, but of `output` one for each of the output's sizes, named),
    `blocks` its parts; `assumptions` are texts of what has to hold; `fixed` are the vars that are no symbols; `special`
    says what the totals become where a condition holds that takes floors away.
    """

    name: str
    of: str
    totals: Mapping[str, Closed]
    blocks: tuple[Row, ...]
    symbols: tuple[str, ...]
    assumptions: tuple[str, ...]
    fixed: Mapping[str, Any]
    special: Mapping[str, Mapping[str, Closed]]

    @property
    def total(self) -> Closed:
        """The whole network's closed form; raises RuleError where there are several."""
        if len(self.totals) > 1:
            raise RuleError(f"'{self.of}' has several totals: {', '.join(self.totals)}")
        return next(iter(self.totals.values()))

    def at(self, **values: Exact) -> Exact:
        """The total where each symbol has a value."""
        return self.total.at(**values)

    def to_sympy(self) -> sympy.Expr:
        """The total as an expression of sympy."""
        return self.total.to_sympy()

    def __str__(self) -> str:
        from archtool.render.formula import text

        return text(self)

    def to_dict(self) -> dict[str, Any]:
        """The formula as JSON: its closed forms are texts."""
        return {
            "name": self.name,
            "of": self.of,
            "symbols": list(self.symbols),
            "fixed": {name: describe(value) for name, value in self.fixed.items()},
            "totals": _texts(self.totals),
            "special": {condition: _texts(totals) for condition, totals in self.special.items()},
            "blocks": [
                {"name": row.name, "kind": row.kind, "count": str(row.count), **_texts(row.forms)}
                for row in self.blocks
            ],
            "assumptions": list(self.assumptions),
        }


def _texts(forms: Mapping[str, Closed]) -> dict[str, str]:
    return {name: str(closed) for name, closed in forms.items()}
