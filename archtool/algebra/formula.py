"""A design's formula: what it costs, or sees, or makes, in closed form, by block and in total."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.algebra.polynomial import Exact, Polynomial
from archtool.algebra.shown import Layout
from archtool.algebra.text import write
from archtool.errors import RuleError, nearest
from archtool.fields import describe
from archtool.spec.domains import Range

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

    def derivative(self, name: str) -> Closed:
        """How fast it grows with a symbol; raises RuleError where it jumps with it.

        >>> from archtool import load
        >>> print(load("vgg16").formula("macs", "res=32*m").total.derivative("m"))
        626393088*m
        """
        from archtool.algebra.calculus import derivative

        return Closed(derivative(self.polynomial, self._known(name)), self.layout)

    def limit(self, name: str) -> Closed | float:
        """What it comes to as a symbol grows without end, +-inf too; raises RuleError where that is not told."""
        from archtool.algebra.calculus import limit

        found = limit(self.polynomial, self._known(name))
        return found if isinstance(found, float) else Closed(found, self.layout)

    def leading(self, name: str) -> Closed:
        """The term that grows most with a symbol: the quotient of the two comes to 1 as it grows without end; raises
        RuleError where that is not told.

        >>> from archtool import load
        >>> print(load("resnet50").formula("macs", "width").total.leading("width"))
        969024*width**2
        """
        from archtool.algebra.calculus import leading

        return Closed(leading(self.polynomial, self._known(name)), self.layout)

    def _known(self, name: str) -> str:
        if name not in self.layout.order:
            raise RuleError(f"'{name}' is no symbol here" + nearest(name, self.layout.order))
        return name

    def to_sympy(self) -> sympy.Expr:
        """The same as an expression of sympy, whose symbols are whole numbers; raises MissingExtra without sympy."""
        from archtool.algebra.symbolic import to_sympy

        return to_sympy(self.polynomial, self.layout)

    def to_latex(self) -> str:
        """The same as LaTeX."""
        from archtool.algebra.symbolic import to_latex

        return to_latex(self.polynomial, self.layout)


class Row(NamedTuple):
    """A block or layer of a network: `turns` times each of `forms` is its part of a total.

    Of what does not add up (what is seen, sizes) the forms are what it is behind the block.
    """

    name: str
    kind: str
    turns: Closed
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
    `blocks` its parts. `domains` are the values that the symbols may take, `usual` those that they have in the spec,
    `rules` is 1 each where the network is valid; `conditions` says that in words. `fixed` are the vars that are no
    symbols; `special` says what the totals become where a condition holds that takes floors away.
    """

    name: str
    of: str
    totals: Mapping[str, Closed]
    blocks: tuple[Row, ...]
    layout: Layout
    domains: Mapping[str, Range]
    usual: Mapping[str, Any]
    rules: tuple[Polynomial, ...]
    conditions: tuple[str, ...]
    fixed: Mapping[str, Any]
    special: Mapping[str, Mapping[str, Closed]]

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols' names, in the order in which they were asked for."""
        return tuple(self.domains)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """All that has to hold, in words."""
        return (*said(self.domains), *self.conditions)

    @property
    def total(self) -> Closed:
        """The whole network's closed form; raises RuleError where there are several."""
        if len(self.totals) > 1:
            raise RuleError(f"'{self.of}' has several totals: {', '.join(self.totals)}")
        return next(iter(self.totals.values()))

    def at(self, **values: Exact) -> Exact:
        """The total where each symbol has a value; raises RuleError for values for which the formula does not hold."""
        for name, value in values.items():
            domain = self.domains.get(name)
            if domain is None:
                raise RuleError(f"'{name}' is no symbol here" + nearest(name, self.domains))
            if (
                value < domain.low
                or (domain.high is not None and value > domain.high)
                or (value - domain.low) % domain.step
            ):
                raise RuleError(f"{name} (={value}) is not a value that the formula is for: {_said(name, domain)}")
        try:
            if all([rule.at(values) == 1 for rule in self.rules if rule.symbols() <= values.keys()]):
                return self.total.at(**values)
        except ZeroDivisionError:  # no valid network divides by 0
            pass
        raise RuleError("no valid network has these values: " + "; ".join(self.conditions))

    def to_sympy(self) -> sympy.Expr:
        """The total as an expression of sympy."""
        return self.total.to_sympy()

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
                {"name": row.name, "kind": row.kind, "turns": str(row.turns), **_texts(row.forms)}
                for row in self.blocks
            ],
            "assumptions": list(self.assumptions),
        }


def _texts(forms: Mapping[str, Closed]) -> dict[str, str]:
    return {name: str(closed) for name, closed in forms.items()}


def said(domains: Mapping[str, Range]) -> list[str]:
    """The domains of some symbols in words."""
    by_domain: dict[Range, list[str]] = {}
    for name, domain in domains.items():
        by_domain.setdefault(domain, []).append(name)
    return [_said(", ".join(names), domain) for domain, names in by_domain.items()]


def _said(names: str, domain: Range) -> str:
    text = f"{names} >= {domain.low}" if domain.high is None else f"{domain.low} <= {names} <= {domain.high}"
    if domain.step == 1:
        return text
    if domain.step == 2:
        return f"{text}, {'odd' if domain.low % 2 else 'even'}"
    if domain.low % domain.step == 0:
        return f"{text}, a multiple of {domain.step}"
    return f"{text}, {domain.low % domain.step} more than a multiple of {domain.step}"
