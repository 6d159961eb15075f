"""Matrix products as text: aligned columns, Markdown, CSV."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.gemm import TILE_BYTES
from archtool.render.columns import aligned
from archtool.units import binary, si

if TYPE_CHECKING:
    from archtool.analysis.gemm import Gemm, GemmRow
    from archtool.realize.gemm import GemmCheck

TITLES: Final = ("layer", "kind", "M", "N", "K", "count", "MACs", "left", "copy", "strides", "FLOP/B", "waste")
NUMBERS: Final = (2, 3, 4, 5, 6, 8, 9, 10, 11)
CSV_COLUMNS: Final = (
    "name", "kind", "product", "term", "m", "n", "k", "count", "macs", "left", "copied", "row_stride", "column_stride",
    "streams", "moved", "intensity", "padded", "waste",
)  # fmt: skip


class Line(NamedTuple):
    """Equal products: the first of them, and how many layers have them."""

    row: GemmRow
    times: int


def text(found: Gemm, checked: GemmCheck | None = None, distinct: bool = False) -> str:
    """A line a product, the totals by family, and what the words mean."""
    titles, rows = _table(found, checked, distinct)
    parts = [_heading(found) + "\n"]
    if rows:
        parts += [aligned([titles, *rows], [*NUMBERS, *range(len(TITLES), len(titles))]), families(found)]
    said = list(_said(found, checked))
    return "\n".join([*parts, "\n".join(said) + "\n" if said else ""])


def families(found: Gemm) -> str:
    """A line a cost term."""
    rows = [("term", "products", "MACs", "", "copies", "waste")]
    rows += [
        (each.term, f"{each.products:,}", f"{each.macs:,}", si(each.macs), _bytes(each.copied), _share(each.waste))
        for each in found.families
    ]
    return aligned(rows, numbers=(1, 2, 3, 4, 5))


def to_markdown(found: Gemm, checked: GemmCheck | None = None, distinct: bool = False) -> str:
    """The table in Markdown, what is said of it below."""
    titles, rows = _table(found, checked, distinct)
    numbers = {*NUMBERS, *range(len(TITLES), len(titles))}
    lines = ["| " + " | ".join(titles) + " |"]
    lines.append("|" + "|".join("---:" if index in numbers else "---" for index in range(len(titles))) + "|")
    lines += ["| " + " | ".join((f"`{first}`", *cells)) + " |" for first, *cells in rows]
    return "\n".join([*lines, "", *(f"- {line}" for line in (_heading(found), *_said(found, checked)))]) + "\n"


def to_csv(found: Gemm, checked: GemmCheck | None = None) -> str:
    """A line a product, in whole numbers; with a check, each layer's error."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*CSV_COLUMNS, *(["error"] if checked else [])))
    for row in found.rows:
        values: dict[str, Any] = row.to_dict()
        values["row_stride"], values["column_stride"] = row.strides or ("", "")
        values["streams"] = "" if row.streams is None else str(row.streams).lower()
        error = [_error(checked, row)] if checked else []
        writer.writerow((*(values[column] for column in CSV_COLUMNS), *error))
    return out.getvalue()


def _lines(rows: Sequence[GemmRow], distinct: bool) -> Iterator[Line]:
    """The products one by one, or equal ones together where the first of them stands."""
    if not distinct:
        yield from (Line(row, 1) for row in rows)
        return
    found: dict[GemmRow, Line] = {}
    for row in rows:
        key = replace(row, name="")
        line = found.get(key, Line(row, 0))
        found[key] = line._replace(times=line.times + 1)
    yield from found.values()


def _table(found: Gemm, checked: GemmCheck | None, distinct: bool) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    titles = (*TITLES, *(["times"] if distinct else []), *(["error"] if checked else []))
    rows = []
    for row, times in _lines(found.rows, distinct):
        more = ([f"{times:,}"] if distinct else []) + ([_error(checked, row)] if checked else [])
        rows.append((*_cells(row), *more))
    return titles, rows


def _cells(row: GemmRow) -> tuple[str, ...]:
    return (
        row.name + (f" ({row.product})" if row.product else ""),
        row.kind,
        *(f"{size:,}" for size in (row.m, row.n, row.k, row.count)),
        si(row.macs),
        row.left,
        _bytes(row.copied),
        "" if row.strides is None else f"{row.strides.row}, {row.strides.column}",
        f"{float(row.intensity):.3g}",
        _share(row.waste),
    )


def _heading(found: Gemm) -> str:
    batch = f", batch {found.batch}" if found.batch > 1 else ""
    return f"{found.name}: {found.macs:,} MACs as matrix products, {found.layout}, {found.dtype}{batch}"


def _said(found: Gemm, checked: GemmCheck | None) -> Iterator[str]:
    largest = found.largest
    if largest is not None:
        yield f"largest copy: {binary(largest.copied)} ({largest.copied:,} bytes) at {largest.name}, {largest.left}"
    streaming = sum(row.macs for row in found.rows if row.streams)
    known = sum(row.macs for row in found.rows if row.streams is not None)
    if known:
        yield f"rows read element after element (column stride 1): {streaming / known:.1%} of the MACs on inputs"
    if found.rows:
        yield f"waste: M, N and K rounded up to multiples of {found.tile}, {TILE_BYTES} bytes of {found.dtype}"
    if checked is not None:
        yield from _outcome(checked)


def _outcome(checked: GemmCheck) -> Iterator[str]:
    ran = [row for row in checked.rows if not row.note]
    wrong = [row for row in ran if not row.ok]
    verdict = f"{len(wrong)} differ: {', '.join(row.name for row in wrong)}" if wrong else "all agree"
    found = f"{verdict}; largest error {checked.error:.1e} of the largest output" if ran else "nothing to compare"
    yield f"checked in torch, float64, seed {checked.seed}, layers that differ: {len(ran)}: {found}"
    for row in checked.rows:
        if row.note:
            yield f"note: {row.name}: {row.note}"


def _error(checked: GemmCheck | None, row: GemmRow) -> str:
    """A layer's error; nothing for those that equal one before them."""
    for each in checked.rows if checked else ():
        if each.name == row.name and not each.note:
            return f"{each.error:.1e}" if each.error else "0"
    return ""


def _bytes(size: int) -> str:
    return binary(size) if size else ""


def _share(part: Any) -> str:
    return f"{float(part):.1%}" if part else ""
