"""The shipped specs as a listing."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from textwrap import fill

from archtool.analysis.catalog import Shipped
from archtool.render.columns import aligned
from archtool.units import si

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
