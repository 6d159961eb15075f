"""FLOPs under several conventions as text: totals, the reconciliation term by term, the passes of training."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from textwrap import fill
from typing import TYPE_CHECKING

from archtool.cost import TERMS
from archtool.render.columns import aligned
from archtool.units import si

if TYPE_CHECKING:
    from archtool.analysis.operations.convention import Number
    from archtool.analysis.operations.reconciliation import Flops, Passes


def text(flops: Flops, explain: bool, width: int | None = None) -> str:
    """The whole answer for a terminal `width` columns wide, or without bounds for a pipe."""
    parts = [_heading(flops)]
    if flops.passes is not None:
        parts.append(passes(flops.passes, width))
    parts.append(explained(flops, width) if explain else totals(flops))
    notes = [fill(note, width, subsequent_indent="    ") if width else note for note in _notes(flops)]
    if notes:
        parts.append("\n".join(notes) + "\n")
    return "\n".join(parts)


def totals(flops: Flops) -> str:
    """A line a convention."""
    rows = [("convention", "total", "", "unit")]
    rows += [
        (each.name, _exact(total), _brief(total), each.unit)
        for each, total in zip(flops.conventions, flops.totals, strict=True)
    ]
    return aligned(rows, numbers=(1, 2))


def explained(flops: Flops, width: int | None = None) -> str:
    """A row a term, a column a convention; columns that do not fit into `width` follow in further tables."""
    table = [["term", "events", *(each.name for each in flops.conventions)]]
    table += [[row.term, f"{row.count:,}", *map(_exact, row.amounts)] for row in flops.rows]
    table.append(["total", "", *(_exact(total) or "0" for total in flops.totals)])
    table.append(["", "", *map(_brief, flops.totals)])
    table.append(["unit", "", *(each.unit for each in flops.conventions)])
    return _in_panels(table, 2, width)


def _in_panels(table: Sequence[Sequence[str]], lead: int, width: int | None) -> str:
    """A table broken into several where it is too wide, each with the leading columns and as many as fit."""
    widths = [max(map(len, column)) + 2 for column in zip(*table, strict=True)]
    panels: list[list[int]] = [[]]
    used = sum(widths[:lead])
    for column in range(lead, len(widths)):
        if width is not None and panels[-1] and used + widths[column] - 2 > width:
            panels.append([])
            used = sum(widths[:lead])
        panels[-1].append(column)
        used += widths[column]
    parts = ([[row[i] for i in (*range(lead), *panel)] for row in table] for panel in panels)
    return "\n".join(aligned(part, range(1, len(part[0]))) for part in parts)


def passes(found: Passes, width: int | None = None) -> str:
    """The events of the forward and the backward pass, a row a term."""
    rows: list[tuple[str, ...]] = [("term", "forward", "gradient of inputs", "gradient of weights", "all")]
    rows += [(term, *map(_exact, found.of(term)), f"{sum(found.of(term)):,}") for term in TERMS if any(found.of(term))]
    macs = found.macs
    rows.append(("multiply-adds", *map(_exact, macs), f"{sum(macs):,}"))
    if macs[0]:
        rows.append(
            (
                "times the forward",
                "1.000",
                *(f"{part / macs[0]:.3f}" for part in macs[1:]),
                f"{sum(macs) / macs[0]:.3f}",
            )
        )
    return _in_panels(rows, 1, width)


def to_csv(flops: Flops) -> str:
    """A line a term, a column a convention, the totals last."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("term", "events", *(each.name for each in flops.conventions)))
    for row in flops.rows:
        writer.writerow((row.term, row.count, *row.amounts))
    writer.writerow(("total", "", *flops.totals))
    return out.getvalue()


def _heading(flops: Flops) -> str:
    said = [f"{flops.name}: {flops.mode}"]
    if flops.batch > 1:
        said.append(f"batch {flops.batch}")
    if flops.exact_padding:
        said.append("products with padding left out")
    return ", ".join(said) + "\n"


def _notes(flops: Flops) -> list[str]:
    notes = []
    for found in flops.faults:
        more = "too many" if found.amount > 0 else "too few"
        amount = f"{_exact(max(found.amount, -found.amount))} {found.unit} {more}"
        notes.append(f"note: {found.convention}: {found.fault.name}: {amount}; {found.fault.about}")
    if flops.passes is not None:
        notes.append("note: a backward event is priced as its forward term is; optimizer and dropout count as nothing")
    return notes


def _exact(number: Number) -> str:
    if isinstance(number, Fraction):
        return f"{float(number):,.2f}"
    return f"{number:,}" if number else ""


def _brief(number: Number) -> str:
    return si(number if isinstance(number, int) else float(number))
