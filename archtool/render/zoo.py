"""The shipped specs as a listing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from textwrap import fill
from typing import TYPE_CHECKING

from archtool.analysis.catalog import Shipped
from archtool.errors import MOST_NAMES
from archtool.render.columns import aligned
from archtool.units import si

if TYPE_CHECKING:
    from archtool.realize.zoo import Verified

EXPECTED = {None: "", True: "met", False: "DIFFERS"}


def listing(rows: Sequence[Shipped], width: int | None = None) -> str:
    """The specs file by file: what each is and where it comes from, then its designs with their totals.

    Prose is broken at `width` columns; without one it stays on its line, as a pipe wants it.
    """
    titles = ("name", "params", "MACs", "expect")
    cells = [(f"  {row.name}", si(row.params), si(row.macs), EXPECTED[row.meets_expectations]) for row in rows]
    head, *lines = aligned([titles, *cells], numbers=(1, 2)).splitlines()
    text = [head]
    for _, group in groupby(zip(rows, lines, strict=True), key=lambda pair: pair[0].file):
        (first, line), *others = group
        prose = [f"{first.file}: {first.about}", f"  from {first.source}"]
        if width is not None:
            prose = [fill(part, width, subsequent_indent="    ", break_on_hyphens=False) for part in prose]
        text += ["", *prose, line, *(line for _, line in others)]
    return "\n".join(text) + "\n"


def verification(rows: Sequence[Verified]) -> str:
    """The shipped designs held against torch: a line each, then the differences and what could not be measured."""
    titles = ("design", "params", "MACs", "expect", "layers", "compared", "differences", "seconds")
    cells = [
        (
            row.name,
            f"{row.params:,}",
            f"{row.macs:,}",
            EXPECTED[row.meets_expectations],
            str(row.layers),
            f"{len(row.verification.rows):,}",
            str(len(row.verification.differences)),
            f"{row.seconds:.1f}",
        )
        for row in rows
    ]
    text = [aligned([titles, *cells], numbers=(1, 2, 4, 5, 6, 7)).rstrip("\n")]
    for row in rows:
        text += [
            f"{row.name}: {each.name}: {each.what}: predicted {each.predicted}, measured {each.measured}"
            for each in row.verification.differences
        ]
    text += _notes(rows)
    good = sum(row.ok for row in rows)
    compared = sum(len(row.verification.rows) for row in rows)
    differences = sum(len(row.verification.differences) for row in rows)
    text.append(f"{good} of {len(rows)} designs agree: {compared:,} quantities compared, {differences} differences")
    return "\n".join(text) + "\n"


def _notes(rows: Sequence[Verified]) -> list[str]:
    """Each note once, with the designs that it is said of."""
    said: dict[str, list[str]] = {}
    for row in rows:
        for note in row.verification.notes:
            said.setdefault(note, []).append(row.name)
    return [
        f"note: {', '.join(names) if len(names) <= MOST_NAMES else f'{len(names)} designs'}: {note}"
        for note, names in said.items()
    ]
