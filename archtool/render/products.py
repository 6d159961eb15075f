"""Matrix products in symbols as text: aligned columns, Markdown, CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from archtool.fields import describe
from archtool.render.columns import aligned

if TYPE_CHECKING:
    from archtool.algebra.products import ProductFormula, ProductFormulas

CSV_COLUMNS: Final = ("name", "kind", "product", "m", "n", "k", "count", "times", "left")
TITLES: Final = ("layer", "kind", "M", "N", "K", "count", "times", "left")


def text(found: ProductFormulas) -> str:
    """A line a product, and what is assumed."""
    parts = [f"{found.name}: M, N and K in {', '.join(found.symbols)}\n"]
    if found.fixed:
        parts[0] += "with " + ", ".join(f"{name} {describe(value)}" for name, value in found.fixed.items()) + "\n"
    if found.rows:
        parts.append(aligned([TITLES, *map(_cells, found.rows)]))
    if found.assumptions:
        parts.append("assumed:\n" + "".join(f"  {each}\n" for each in found.assumptions))
    return "\n".join(parts)


def to_markdown(found: ProductFormulas) -> str:
    """The table in Markdown, what is assumed below."""
    lines = ["| " + " | ".join(TITLES) + " |", "|" + "---|" * len(TITLES)]
    for name, kind, *sizes, left in map(_cells, found.rows):
        formulas = [f"`{size}`" if size else "" for size in sizes]
        lines.append("| " + " | ".join((f"`{name}`", kind, *formulas, left)) + " |")
    return "\n".join([*lines, "", *(f"- `{each}`" for each in found.assumptions)]) + "\n"


def to_csv(found: ProductFormulas) -> str:
    """A line a product."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    writer.writerows([str(getattr(row, column)) for column in CSV_COLUMNS] for row in found.rows)
    return out.getvalue()


def _cells(row: ProductFormula) -> tuple[str, ...]:
    """Counts of one are left out."""
    name = row.name + (f" ({row.product})" if row.product else "")
    often = ["" if str(each) == "1" else str(each) for each in (row.count, row.times)]
    return (name, row.kind, str(row.m), str(row.n), str(row.k), *often, row.left)
