"""Fronts as text: a table for a terminal or a pipe, JSON, CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.render.columns import aligned, cut, grouped, listed, shown

if TYPE_CHECKING:
    from rich.console import Console

    from archtool.explore.fronts.front import Front

SHOWN: Final = 20  # points that a table shows unless it is told
FOLDED: Final = 16  # what a narrow terminal leaves of a list
GAP: Final = 3  # between two columns on a terminal


class Column(NamedTuple):
    """A column of a table of points: its title, whether it holds numbers, its cells; whether a narrow terminal goes
    without it."""

    title: str
    is_number: bool
    cells: list[str]
    is_extra: bool = False

    @property
    def width(self) -> int:
        """Characters of its widest cell."""
        return max(map(len, (self.title, *self.cells)))


def columns(front: Front, limit: int | None) -> list[Column]:
    """Numbers, objectives, other metrics and knobs of the first `limit` points; the items of a list are one column."""
    rows = front.first(limit)
    found = [Column("#", True, [f"{number:,}" for number in range(1, len(rows) + 1)])]
    for name, goal in [*((name, "min") for name in front.minimize), *((name, "max") for name in front.maximize)]:
        found.append(_column(f"{name} {goal}", [row[name] for row in rows]))
    for name in front.metrics:
        if name not in front.objectives:
            found.append(_column(name, [row[name] for row in rows])._replace(is_extra=True))
    for title, names in grouped([name for name in front.knobs if name not in front.objectives]):
        if len(names) == 1:
            found.append(_column(title, [row[names[0]] for row in rows], is_knob=True))
        else:
            found.append(Column(title, False, [listed([row[name] for name in names]) for row in rows]))
    if front.designs > len(front):
        found.append(Column("designs", True, [f"{count:,}" for count in front.sharing[: len(rows)]]))
    return found


def _column(title: str, values: Sequence[Any], is_knob: bool = False) -> Column:
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return Column(title, is_number, [cut(shown(value, plain=is_knob)) for value in values])


def plain(front: Front, limit: int | None = SHOWN, told: Iterable[str] | None = None) -> str:
    """The points in aligned columns, and the lines that are `told` of them: what they are the front of."""
    found = columns(front, limit)
    rows = [tuple(column.title for column in found), *zip(*(column.cells for column in found), strict=True)]
    numbers = [index for index, column in enumerate(found) if column.is_number]
    return aligned(rows, numbers) + "\n" + "\n".join(summary(front, limit) if told is None else told) + "\n"


def print_table(front: Front, console: Console, limit: int | None = SHOWN, told: Iterable[str] | None = None) -> None:
    """Print the same on a terminal: the objectives stand out."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    found = columns(front, limit)
    while sum(column.width + GAP for column in found) > console.width and any(column.is_extra for column in found):
        found.remove([column for column in found if column.is_extra][-1])
    least = sum((column.width if column.is_number else min(column.width, FOLDED)) + GAP for column in found)
    width = least if least > console.width else None  # a number is never cut: the terminal breaks the lines instead
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0), width=width)
    for index, column in enumerate(found):
        is_objective = 1 <= index <= len(front.objectives)
        table.add_column(
            column.title,
            justify="right" if column.is_number else "left",
            style="yellow" if is_objective else "",
            no_wrap=column.is_number,
            overflow="fold",
        )
    for cells in zip(*(column.cells for column in found), strict=True):
        table.add_row(*map(Text, cells))
    console.print(table, crop=width is None)
    for text in summary(front, limit) if told is None else told:
        console.print(Text(fill(text, console.width, subsequent_indent="    ", break_on_hyphens=False)))


def summary(front: Front, limit: int | None = None) -> list[str]:
    """What the points are the front of, a line each."""
    lines = [f"{front.path.name}: {counted(front)} on the front of {front.read:,} designs"]
    if front.minimize:
        lines.append(f"  minimized: {', '.join(front.minimize)}")
    if front.maximize:
        lines.append(f"  maximized: {', '.join(front.maximize)}")
    if front.where:
        lines.append(f"  where {' and '.join(front.where)}: {front.excluded:,} left out")
    if front.invalid:
        lines.append(f"  {front.invalid:,} invalid, without a value")
    done, size = front.about.get("next"), front.about.get("size")
    if isinstance(done, int) and isinstance(size, int) and done < size:
        lines.append(
            f"note: the sweep is not complete: {done:,} of {size:,} designs; `archtool sweep --resume` goes on"
        )
    if limit is not None and limit < len(front):
        lines.append(f"note: the first {limit:,} of {len(front):,} points; --limit shows more")
    return lines


def counted(front: Front) -> str:
    """How many points there are, and designs where several share a point."""
    points = "1 point" if len(front) == 1 else f"{len(front):,} points"
    return points if front.designs == len(front) else f"{points} ({front.designs:,} designs)"


def to_dict(front: Front, limit: int | None = None) -> dict[str, Any]:
    """The documented JSON."""
    return {
        "result": str(front.path),
        "minimize": list(front.minimize),
        "maximize": list(front.maximize),
        "where": list(front.where),
        "read": front.read,
        "invalid": front.invalid,
        "left_out": front.excluded,
        "points": len(front),
        "designs": front.designs,
        "front": points(front, limit),
    }


def points(front: Front, limit: int | None = None) -> list[dict[str, Any]]:
    """The points as JSON."""
    return [
        {
            "point": index + 1,
            "design": row.get("design"),
            "designs": front.sharing[index],
            "knobs": {name: row[name] for name in front.knobs},
            "metrics": {name: row[name] for name in (*front.metrics, *_others(front))},
        }
        for index, row in enumerate(front.first(limit))
    ]


def to_csv(front: Front, limit: int | None = None) -> str:
    """A line a point: its number, how many designs share it, and the columns of the first of them."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = front.table.column_names
    writer.writerow(("point", "designs", *names))
    for index, row in enumerate(front.first(limit)):
        cells = [str(row[name]).lower() if isinstance(row[name], bool) else row[name] for name in names]
        writer.writerow((index + 1, front.sharing[index], *cells))
    return out.getvalue()


def _others(front: Front) -> list[str]:
    """Objectives that are neither a metric nor a knob, by what the result says."""
    return [name for name in front.objectives if name not in front.metrics and name not in front.knobs]
