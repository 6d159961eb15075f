"""Two networks compared in the same symbols: their quotient, their difference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archtool.algebra.calculus import sign_of
from archtool.algebra.formula import Closed, Formula, said
from archtool.algebra.inequality import truth_of
from archtool.algebra.integers import NotExact, Run, holds
from archtool.algebra.naming import asked, is_known
from archtool.algebra.polynomial import Exact, Polynomial
from archtool.algebra.quotient import quotient
from archtool.algebra.reading import read
from archtool.algebra.roots import HIGHEST_DEGREE, by_degree, roots
from archtool.algebra.shown import Layout
from archtool.algebra.subject import Subject, of_block, of_design
from archtool.analysis.options import Options
from archtool.errors import RuleError, SpecError, nearest
from archtool.spec.catalog import find_shipped, shipped_names
from archtool.spec.domains import Range

if TYPE_CHECKING:
    from archtool.design import Design


def named(design: Design, name: str) -> Subject:
    """A design of a design's spec, a block of it, or another shipped spec or design; raises SpecError."""
    from archtool.design import Design as Made
    from archtool.design import load

    if name == design.name:
        return of_design(design)
    if name in design.designs:
        return of_design(Made(design.spec.document, name, design.knobs, design.spec.folder))
    if name in design.spec.blocks:
        return of_block(design, design.spec.blocks[name])
    if find_shipped(name) is not None:
        return of_design(load(name))
    known = [design.name, *design.designs, *design.spec.blocks]
    raise SpecError(
        f"'{name}' is neither a design nor a block of '{design.spec.name}', nor a shipped spec"
        + nearest(name, [*known, *shipped_names()], known)
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Comparison:
    """Two formulas in the same symbols."""

    left: Formula
    right: Formula
    layout: Layout

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What has to hold for both to be right."""
        domains = {**self.left.domains, **self.right.domains}
        return (*said(domains), *dict.fromkeys([*self.left.conditions, *self.right.conditions]))

    @property
    def ratio(self) -> Closed:
        """left / right, cancelled; equal for all values of the symbols."""
        below = self.right.total.polynomial
        if not below.terms:
            raise RuleError(f"{self.right.of} of '{self.right.name}' is 0: there is no quotient")
        return Closed(quotient(self.left.total.polynomial, below), self.layout)

    @property
    def totals(self) -> dict[str, Closed]:
        """The ratio, named."""
        return {f"{self.left.of}({self.left.name}) / {self.right.of}({self.right.name})": self.ratio}

    @property
    def usual(self) -> Exact | None:
        """The ratio at the values that the symbols have in the spec; None where some have none."""
        values = {**self.right.usual, **self.left.usual}
        return self.ratio.at(**values) if set(self.ratio.symbols) <= values.keys() else None

    def to_dict(self) -> dict[str, Any]:
        """The comparison as JSON."""
        return {
            "left": self.left.to_dict(),
            "right": self.right.to_dict(),
            "ratio": str(self.ratio),
            "usual": None if self.usual is None else str(self.usual),
            "assumptions": list(self.assumptions),
        }

    @property
    def difference(self) -> Polynomial:
        """left - right."""
        return self.left.total.polynomial - self.right.total.polynomial


def compared(
    design: Design, left: str, right: str, of: str = "macs", symbols: str | None = None, **options: Any
) -> Comparison:
    """Two networks, named as for `named`, in the same symbols; one that only one of them has the other does without.

    >>> from archtool import load
    >>> design = load("depthwise_separable")
    >>> print(compared(design, "depthwise_separable", "direct", "macs", "channels, out, kernel=odd 1.., res").ratio)
    1/out + 1/kernel**2
    """
    subjects = named(design, left), named(design, right)
    parts = None if symbols is None else tuple(asked(symbols))
    for part in parts or ():
        if not any([is_known(subject, part) for subject in subjects]):
            subjects[0].evaluate(parts or ())  # raises: neither has it
    formulas = [
        read(subject, of, parts and [part for part in parts if is_known(subject, part)], Options(**options))
        for subject in subjects
    ]
    order = dict.fromkeys([*formulas[0].symbols, *formulas[1].symbols])
    families = [family for formula in formulas for family in formula.layout.families]
    return Comparison(left=formulas[0], right=formulas[1], layout=Layout(tuple(order), families))


@dataclass(frozen=True, kw_only=True, slots=True)
class Crossover:
    """Where two networks come to the same, along one symbol.

    `roots` are the real values where they do, as texts, where there is a closed form, those outside of
    the domain left out where that can be told; `less`, `equal` and `more` the whole numbers for which the left one
    comes to less, the same and more: all of them in the domain, exactly. With more symbols than one there are only
    roots, unless the same one comes to less whatever they are.
    """

    comparison: Comparison
    symbol: str
    domain: Range
    roots: tuple[str, ...]
    less: tuple[Run, ...] = ()
    equal: tuple[Run, ...] = ()
    more: tuple[Run, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The crossover as JSON."""
        found = {"less": self.less, "equal": self.equal, "more": self.more}
        return {
            "left": self.comparison.left.to_dict(),
            "right": self.comparison.right.to_dict(),
            "for": self.symbol,
            "domain": self.domain._asdict(),
            "roots": list(self.roots),
            **{word: [run._asdict() for run in runs] for word, runs in found.items()},
            "assumptions": list(self.comparison.assumptions),
        }


def crossover(comparison: Comparison, name: str) -> Crossover:
    """Where the two come to the same as a symbol varies; raises RuleError for what can't be solved."""
    left, right = comparison.left, comparison.right
    if name not in comparison.layout.order:
        raise RuleError(f"'{name}' is no symbol here" + nearest(name, comparison.layout.order))
    difference = comparison.difference
    domain = {**right.domains, **left.domains}[name]
    if difference.symbols() - {name}:
        found = tuple(roots(difference, name, comparison.layout, domain))
        less, more = always(comparison, Run(*domain))
        return Crossover(comparison=comparison, symbol=name, domain=domain, roots=found, less=less, more=more)
    valid = [rule for rule in {*left.rules, *right.rules} if rule.symbols() <= {name}]
    parts = []
    for sign in ("<", "==", ">"):
        truth = truth_of(difference, sign)
        for rule in valid:
            truth = truth * rule
        try:
            parts.append(tuple(holds(truth, name, domain)))
        except NotExact:
            reason = f"{left.of} has too many floors of '{name}'"
            raise RuleError(f"{reason}; write it as a multiple, --in {name}=32*m") from None
    found = _closed_roots(difference, name, domain, comparison.layout)
    return Crossover(
        comparison=comparison, symbol=name, domain=domain, roots=found, less=parts[0], equal=parts[1], more=parts[2]
    )  # fmt: skip


def always(comparison: Comparison, run: Run) -> tuple[tuple[Run, ...], tuple[Run, ...]]:
    """Where the left one comes to less, and to more: everywhere or nowhere, as far as signs tell."""
    domains = {**comparison.right.domains, **comparison.left.domains}
    sign = sign_of(comparison.difference) if all([domain.low >= 1 for domain in domains.values()]) else 0
    return ((run,) if sign < 0 else ()), ((run,) if sign > 0 else ())


def _closed_roots(difference: Polynomial, name: str, domain: Range, layout: Layout) -> tuple[str, ...]:
    """The real roots within a domain of a formula in one symbol, where there is a closed form."""
    if any([atom.op != "symbol" for atom in difference.atoms()]):
        return ()
    degree = len(by_degree(difference, name)) - 1
    return tuple(roots(difference, name, layout, domain)) if 1 <= degree <= HIGHEST_DEGREE else ()
