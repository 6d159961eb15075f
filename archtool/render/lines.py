"""A report as lines of cells, before anyone decides how a table looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

from archtool.analysis.numbers import whole
from archtool.analysis.report import ReceptiveField, Row, receptive_field, sizes
from archtool.analysis.tree import Branch
from archtool.errors import RuleError, nearest
from archtool.units import si

if TYPE_CHECKING:
    from archtool.analysis.report import Report


class Line(NamedTuple):
    """One row of the table: how deep it stands, what share of the MACs it has, and its cells by column."""

    level: int
    share: float
    is_layer: bool
    cells: tuple[str, ...]


class Column(NamedTuple):
    """A column: its title, whether numbers stand in it, and how narrow a terminal may be that still shows it."""

    title: str
    is_number: bool
    from_width: int


COLUMNS: Final = (
    Column("layer", False, 0),
    Column("kind", False, 100),
    Column("output", False, 60),
    Column("params", True, 0),
    Column("MACs", True, 0),
    Column("share", True, 72),
    Column("field", True, 50),
    Column("stride", True, 86),
    Column("start", True, 92),
)
PRICED: Final = Column("FLOPs", True, 64)  # behind the MACs, where a convention was asked for
SORTS: Final[dict[str, Callable[[Row], int]]] = {
    "params": lambda row: row.params,
    "macs": lambda row: row.macs,
    "activations": lambda row: row.activations,
    "field": lambda row: max(row.receptive_field.size, default=0) if row.receptive_field else 0,
}


def columns(report: Report) -> tuple[Column, ...]:
    """The columns of a report's table."""
    if report.convention is None:
        return COLUMNS
    behind = 1 + [column.title for column in COLUMNS].index("MACs")
    return (*COLUMNS[:behind], PRICED, *COLUMNS[behind:])


def lines(report: Report, depth: int | None = None, sort: str | None = None) -> list[Line]:
    """The lines of a report: nested as written and cut below `depth`, or single layers, the greatest first."""
    if sort is not None:
        return [_line(report, 0, row.name, row, True) for row in ordered_rows(report, depth, sort)]
    return [
        _line(report, level, _label(branch), row_of(report, branch), branch.layer is not None)
        for level, branch in _nested(report.tree(depth), depth)
    ]


def ordered_rows(report: Report, depth: int | None = None, sort: str | None = None) -> tuple[Row, ...]:
    """The rows of a report: every layer, or the tree's leaves where it is cut below `depth`; in the order of their
    execution, or the greatest first."""
    rows = report.rows if depth is None else tuple(_leaves(report, report.tree(depth), depth))
    if sort is None:
        return rows
    if sort not in SORTS:
        raise RuleError(f"can't sort by '{sort}'" + nearest(sort, list(SORTS)))
    return tuple(sorted(rows, key=SORTS[sort], reverse=True))


def row_of(report: Report, branch: Branch) -> Row:
    """A branch of the tree as a row: all its turns together."""
    macs = report.batch * whole(branch.cost.macs)
    assert branch.output is not None
    return Row(
        name=branch.name,
        kind=branch.kind,
        inputs=tuple(sizes(shape) for shape in branch.inputs),
        output=sizes(branch.output),
        params=whole(branch.cost.params),
        macs=macs,
        flops=report.flops(branch.cost),
        activations=report.activations(branch.cost),
        receptive_field=receptive_field(branch.fields),
    )


def _nested(branch: Branch, depth: int | None, level: int = 0) -> Iterator[tuple[int, Branch]]:
    for child in branch.children:
        yield level, child
        if depth is None or level + 1 < depth:
            yield from _nested(child, depth, level + 1)


def _leaves(report: Report, branch: Branch, depth: int) -> Iterator[Row]:
    for child in branch.children:
        row = row_of(report, child)
        if not child.children or depth == 1:
            yield row
            continue
        yield from _leaves(report, child, depth - 1)
        if child.layer is not None:  # a join, behind its paths: what is its own
            yield _without(row, [row_of(report, path) for path in child.children])


def _without(row: Row, parts: list[Row]) -> Row:
    costs = ("params", "macs", "flops", "activations")
    return row._replace(**{cost: getattr(row, cost) - sum(getattr(part, cost) for part in parts) for cost in costs})


def _label(branch: Branch) -> str:
    return f"{branch.label} x{branch.turns}" if branch.turns > 1 else branch.label


def _line(report: Report, level: int, label: str, row: Row, is_layer: bool) -> Line:
    total = report.totals.macs
    share = row.macs / total if total else 0.0
    field = row.receptive_field
    priced = () if report.convention is None else (si(row.flops) if row.flops else "",)
    cells = (
        label,
        row.kind,
        by_axis(row.output, always=True),
        si(row.params) if row.params else "",
        si(row.macs) if row.macs else "",
        *priced,
        percent(share) if row.macs else "",
        seen(field),
        by_axis(field.stride) if field and field.is_local else "",
        by_axis(field.start) if field and field.is_local else "",
    )
    return Line(level, share, is_layer, cells)


def seen(field: ReceptiveField | None) -> str:
    """A field's size; 'all' where everything is seen, after a plus where something local is seen beside it."""
    if field is None:
        return ""
    if not field.is_global:
        return by_axis(field.size)
    return f"{by_axis(field.size)} + all" if field.is_local else "all"


def by_axis(values: tuple[object, ...], always: bool = False) -> str:
    """Sizes by axis, one for all where they agree.

    >>> by_axis((3, 3)), by_axis((1, 7)), by_axis((64, 64), always=True)
    ('3', '1x7', '64x64')
    """
    if not always and len(set(values)) == 1:
        return str(values[0])
    return "x".join(map(str, values))


def percent(share: float) -> str:
    """A share of one.

    >>> percent(0.0289), percent(0.0002)
    ('2.9%', '<0.1%')
    """
    return f"{100 * share:.1f}%" if share >= 0.0005 else "<0.1%"
