"""What a formula, or a quotient of two, comes to as a symbol grows without end; how fast it grows with one."""

from __future__ import annotations

from collections.abc import Mapping
from math import isinf
from types import MappingProxyType
from typing import Any, NamedTuple

from archtool.algebra.comparison import Comparison
from archtool.algebra.formula import Closed, Formula
from archtool.errors import SpecError


class Changed(NamedTuple):
    """Closed forms made of others: `word` says how, `totals` are their names and what they are; `leading` is, of an
    infinite limit, the term that grows most: what is told, divided by it, comes to 1."""

    word: str
    totals: Mapping[str, Closed | float]
    assumptions: tuple[str, ...]
    leading: Mapping[str, Closed] = MappingProxyType({})

    def to_dict(self) -> dict[str, Any]:
        """The same as JSON."""
        totals = {name: said(closed) for name, closed in self.totals.items()}
        leading = {name: str(closed) for name, closed in self.leading.items()}
        more = {"leading": leading} if leading else {}
        return {"what": self.word, "totals": totals, **more, "assumptions": list(self.assumptions)}


def said(found: Closed | float) -> str:
    """A closed form as text, an infinite limit as oo."""
    return ("oo" if found > 0 else "-oo") if isinstance(found, float) and isinf(found) else str(found)


def derivative(of: Formula | Comparison, name: str) -> Changed:
    """The derivatives by a symbol."""
    totals = {f"d({word})/d({name})": closed.derivative(name) for word, closed in of.totals.items()}
    return Changed(f"derivative by {name}", totals, of.assumptions)


def limit(of: Formula | Comparison, text: str) -> Changed:
    """The limits as a symbol grows, given as NAME=oo; raises SpecError for another text."""
    name, equals, end = (part.strip() for part in text.partition("="))
    if not equals or end not in ("oo", "inf"):
        raise SpecError(f"--limit takes NAME=oo, not '{text}'")
    totals = {f"limit of {word}": closed.limit(name) for word, closed in of.totals.items()}
    infinite = [word for word, found in zip(of.totals, totals.values(), strict=True) if isinstance(found, float)]
    leading = {word: of.totals[word].leading(name) for word in infinite}
    return Changed(f"limit as {name} grows without end", totals, of.assumptions, leading)
