"""A formula as text: what is fixed, block by block, the total, what was assumed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from archtool.analysis.measures import METRICS
from archtool.fields import describe
from archtool.render.columns import aligned

if TYPE_CHECKING:
    from archtool.algebra.formula import Closed, Formula, Row

MOST_ROWS: Final = 40  # else they are folded


def text(formula: Formula) -> str:
    """A formula as a person reads it."""
    unit = f" ({METRICS[formula.of].unit})" if formula.of in METRICS else ""
    lines = [f"{formula.name}: {formula.of}{unit}" + (f" in {', '.join(formula.symbols)}" if formula.symbols else "")]
    if formula.fixed:
        lines.append("with " + ", ".join([f"{name} {describe(value)}" for name, value in formula.fixed.items()]))
    parts = ["\n".join(lines) + "\n"]
    if formula.blocks:
        parts.append(table(formula.blocks))
    parts.append("".join([f"{name} = {closed}\n" for name, closed in formula.totals.items()]))
    for condition, totals in formula.special.items():
        parts.append(f"where {condition}:\n" + "".join([f"{name} = {closed}\n" for name, closed in totals.items()]))
    if formula.assumptions:
        parts.append("assumed:\n" + "".join([f"  {each}\n" for each in formula.assumptions]))
    return "\n".join(parts)


def table(rows: Sequence[Row]) -> str:
    """Blocks and layers, a line each."""
    return aligned([(f"  {row.name}", *_turns(row.count), " x ".join(map(str, row.forms.values()))) for row in rows])


def _turns(count: Closed) -> tuple[str, str]:
    said = str(count)
    if said == "1":
        return "", ""
    return (said if said.isalnum() or said[0] == "(" else f"({said})"), "x"
