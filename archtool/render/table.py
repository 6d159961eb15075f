"""Reports as text: a table for a terminal or a pipe, Markdown, CSV, JSON, and HTML for a notebook."""

from __future__ import annotations

import json
import re
from html import escape
from textwrap import fill
from typing import TYPE_CHECKING, Final

from archtool.render.columns import aligned
from archtool.render.lines import Line, by_axis, columns, lines, ordered_rows
from archtool.units import binary, si

if TYPE_CHECKING:
    from rich.console import Console

    from archtool.analysis.report import Report

HEAVY: Final = 0.05  # the share of MACs from which a row is worth an eye
CSV_COLUMNS: Final = (
    "name", "kind", "input", "output", "params", "macs", "flops", "activations",
    "field_size", "field_stride", "field_start", "field_global", "field_aligned",
)  # fmt: skip


def print_table(report: Report, console: Console, depth: int | None, sort: str | None) -> None:
    """Print the table, the totals and the notes; in a narrow terminal with fewer columns."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    every = columns(report)
    shown = [i for i, column in enumerate(every) if not console.is_terminal or console.width >= column.from_width]
    table = Table(box=box.SIMPLE_HEAD if console.is_terminal else None, pad_edge=False, padding=(0, 2, 0, 0))
    for i in shown:
        column = every[i]
        table.add_column(
            column.title, justify="right" if column.is_number else "left", no_wrap=True, overflow="ellipsis"
        )
    for line in lines(report, depth, sort):
        style = "" if line.is_layer else "bold"
        if line.is_layer and line.share >= HEAVY:
            style = "yellow"
        indented = ("  " * line.level + line.cells[0], *line.cells[1:])
        table.add_row(*(Text(indented[i]) for i in shown), style=style)
    console.print(table)
    for text in summary(report):
        console.print(Text(_folded(text, console.width)))


def _folded(text: str, width: int) -> str:
    """A line broken at spaces, but between a number and its unit, into lines of at most `width` columns."""
    together = re.sub(r"(?<=\d) (?=[kKMGTPE]i?B?\b)", "\N{NO-BREAK SPACE}", text)
    return fill(together, width, subsequent_indent="    ", break_on_hyphens=False).replace("\N{NO-BREAK SPACE}", " ")


def plain_table(report: Report, depth: int | None, sort: str | None) -> str:
    """The same without a terminal: aligned columns, no colour, no boxes."""
    every = columns(report)
    rows = [tuple(column.title for column in every)]
    rows += [("  " * line.level + line.cells[0], *line.cells[1:]) for line in lines(report, depth, sort)]
    numbers = [index for index, column in enumerate(every) if column.is_number]
    return aligned(rows, numbers) + "\n" + "\n".join(summary(report)) + "\n"


def summary(report: Report) -> list[str]:
    """The totals and the notes, a line each."""
    totals = report.totals
    inputs = ", ".join(
        by_axis(dims, always=True) if name == "input" else f"{name} {by_axis(dims, always=True)}"
        for name, dims in report.inputs.items()
    )
    batch = f", batch {report.batch}" if report.batch > 1 else ""
    acts = " of convolutions and linear layers" if report.acts == "conv" else ""
    convention = report.convention
    flops = ", two a MAC" if convention is None else f" {convention.unit} by '{convention.name}'"
    rows = [
        ("params", totals.params, f"{si(totals.params)}, {binary(totals.bytes['params'])} in {report.dtype}"),
        ("MACs", totals.macs, si(totals.macs)),
        ("FLOPs", totals.flops, f"{si(totals.flops)}{flops}"),
        (
            "activations",
            totals.activations,
            f"{si(totals.activations)}{acts}, {binary(totals.bytes['activations'])} in {report.dtype}",
        ),
    ]
    width = max(len(f"{number:,}") for _, number, _ in rows)
    text = [f"{report.name}: {inputs} -> {by_axis(report.output, always=True)}{batch}"]
    text += [f"  {name:<12} {number:>{width},}  ({said})" for name, number, said in rows]
    field = totals.receptive_field
    if field is not None and field.size:
        kept = "" if field.is_local else ", then everything"
        text.append(
            f"  {'field':<12} {by_axis(field.size, always=True)}, stride {by_axis(field.stride)},"
            f" start {by_axis(field.start)}{kept}"
        )
    return text + [f"note: {note}" for note in report.notes]


def to_markdown(report: Report, depth: int | None = None, sort: str | None = None) -> str:
    """The table in Markdown, the totals and notes below."""
    every = columns(report)
    text = ["| " + " | ".join(column.title for column in every) + " |"]
    text.append("|" + "|".join("---:" if column.is_number else "---" for column in every) + "|")
    for line in lines(report, depth, sort):
        first = "&nbsp;&nbsp;" * line.level + f"`{line.cells[0]}`"
        text.append("| " + " | ".join((first, *line.cells[1:])) + " |")
    return "\n".join([*text, "", *(f"- {row.strip()}" for row in summary(report))]) + "\n"


def to_csv(report: Report, depth: int | None = None, sort: str | None = None) -> str:
    """One line a layer, the keys of the JSON as columns; lists are joined by x."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for row in ordered_rows(report, depth, sort):
        inputs = " ".join(by_axis(dims, always=True) for dims in row.inputs)
        field = row.receptive_field
        seen: tuple[object, ...] = ("", "", "", "", "")
        if field is not None:
            spans = (by_axis(part, always=True) for part in (field.size, field.stride, field.start))
            seen = (*spans, str(field.is_global).lower(), str(field.aligned).lower())
        numbers = (row.params, row.macs, row.flops, row.activations)
        writer.writerow((row.name, row.kind, inputs, by_axis(row.output, always=True), *numbers, *seen))
    return out.getvalue()


def to_json(report: Report, depth: int | None = None, sort: str | None = None) -> str:
    """The documented JSON."""
    head = json.dumps(report.summary_dict(), indent=1)[:-2]
    layers = ",\n".join("  " + json.dumps(row.to_dict()) for row in ordered_rows(report, depth, sort))
    return f'{head},\n "layers": [\n{layers}\n ],\n "notes": {json.dumps(report.notes)}\n}}\n'


def to_html(report: Report) -> str:
    """A table for a notebook."""
    head = "".join(f"<th>{escape(column.title)}</th>" for column in columns(report))
    body = "".join(_html_row(line) for line in lines(report))
    below = "<br>".join(escape(row) for row in summary(report))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table><p>{below}</p>"


def _html_row(line: Line) -> str:
    cells = [f'<td style="text-align:left;padding-left:{1 + line.level}em">{escape(line.cells[0])}</td>']
    cells += [f"<td>{escape(cell)}</td>" for cell in line.cells[1:]]
    return f"<tr>{''.join(cells)}</tr>"
