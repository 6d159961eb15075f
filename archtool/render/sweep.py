"""Sweeps as text: what has become of the designs, and a few of them as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archtool.explore.storing.run import Ended, Ending
from archtool.explore.storing.table import DESIGN, PROBLEM
from archtool.render.columns import aligned, grouped, listed
from archtool.units import binary, si

if TYPE_CHECKING:
    import pyarrow as pa

MOST_RULES: Final = 10  # that are told


def summary(ended: Ended, where: Sequence[str], path: Path | None = None, split: Sequence[str] = ()) -> str:
    """What has become of the designs: valid, invalid by rule, removed by condition; where they are; and why the space
    had to be divided to be traced (`split`)."""
    tally = ended.tally
    rows = [("designs", f"{tally.next:,}", _rate(ended)), ("  valid", f"{tally.valid:,}", "")]
    if tally.invalid:
        rows.append(("  invalid", f"{tally.invalid.total():,}", ""))
        rows += [("", f"{count:,}", rule) for rule, count in tally.invalid.most_common(MOST_RULES)]
        rest = len(tally.invalid) - MOST_RULES
        if rest > 0:
            count = tally.invalid.total() - sum(count for _, count in tally.invalid.most_common(MOST_RULES))
            rows.append(("", f"{count:,}", f"{rest:,} other rules"))
    if where:
        rows.append(("  removed", f"{sum(tally.removed):,}", ""))
        rows += [("", f"{count:,}", text) for text, count in zip(where, tally.removed, strict=True)]
    none = "" if tally.valid or not tally.next else "no design is valid\n"
    divided = "".join([f"note: slower, the space was divided: {why}\n" for why in split])
    return aligned(rows, numbers=(1,)) + none + "".join(_ends(ended, path)) + divided


def _rate(ended: Ended) -> str:
    done = ended.tally.next - ended.begun
    told = f"in {ended.seconds:.1f} s, {si(round(done / ended.seconds))} a second" if done and ended.seconds else ""
    return f"{done:,} of them {told}" if done and ended.begun else told


def _ends(ended: Ended, path: Path | None) -> Iterator[str]:
    if path is not None:
        whole = "complete" if ended.ending is Ending.COMPLETE else "incomplete"
        files = path.iterdir() if path.is_dir() else (path,)
        yield f"{path}  {binary(sum(file.stat().st_size for file in files))}, {whole}\n"
    if ended.ending in (Ending.LIMIT, Ending.INTERRUPTED):
        goes_on = "" if path is None else "; --resume goes on from here"
        yield f"{ended.ending.value}: {ended.tally.next:,} of {ended.size:,} designs are evaluated{goes_on}\n"


def rows(table: pa.Table) -> str:
    """All rows of a small table of designs, the items of a list in one column; without the column of problems where
    there is none."""
    names = [name for name in table.column_names if name != PROBLEM or table[name].null_count < table.num_rows]
    titles: list[str] = []
    columns, numbers = [], []
    for title, members in grouped(names):
        values = [table[name].to_pylist() for name in members]
        if len(members) > 1:
            columns.append([listed(items) for items in zip(*values, strict=True)])
        else:
            columns.append(_cells(title, values[0]))
            if any(isinstance(value, int | float) and not isinstance(value, bool) for value in values[0]):
                numbers.append(len(titles))
        titles.append(title)
    return aligned([titles, *zip(*columns, strict=True)], numbers)


def _cells(name: str, values: Sequence[Any]) -> list[str]:
    if name == DESIGN:
        return [str(value) for value in values]
    return [_cell(value) for value in values]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() and abs(value) < 2**53 else f"{value:.6g}"
    return value if isinstance(value, str) else f"{value:,}"
