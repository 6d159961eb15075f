"""All designs of a front, also those that share a point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from archtool.explore.fronts.candidates import candidates
from archtool.explore.fronts.conditions import Condition
from archtool.explore.fronts.results import POINT, results

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from archtool.explore.fronts.front import Front

    Array = np.ndarray[Any, Any]

AT_ONCE: Final = 1_000_000  # designs that are read at once


def members(front: Front) -> Iterator[pa.Table]:
    """All designs of a front, in the order of its result, each with the number of its point: tables of its columns."""
    import numpy as np
    import pyarrow as pa

    source = results(front.path)
    names = [name for name in source.columns if name != POINT]
    places = _Places([front.values(name) for name in front.objectives])
    conditions = [Condition(text, source.columns) for text in front.where]
    waiting: list[tuple[Array, Array]] = []
    size = 0

    def taken() -> pa.Table:
        rows, points = (np.concatenate(parts) for parts in zip(*waiting, strict=True))
        return source.take(rows, names).add_column(0, POINT, pa.array(points + 1))

    for batch in candidates(source, front.objectives, conditions):
        points = places.of(batch.objectives)
        on = np.flatnonzero(points >= 0)
        waiting.append((batch.position[on], points[on]))
        size += len(on)
        if size >= AT_ONCE:
            yield taken()
            waiting, size = [], 0
    if size:
        yield taken()


class _Places:
    """Finds points by all their coordinates, exactly."""

    def __init__(self, columns: Sequence[Array]) -> None:
        """`columns`: the coordinates of different points."""
        import numpy as np

        self._known: list[tuple[Array, Array]] = []
        code = np.zeros(len(columns[0]), dtype=np.int64)
        for column in columns:  # a code for the coordinates so far; there are never more codes than points
            values, rank = np.unique(column, return_inverse=True)
            codes, code = np.unique(code * len(values) + rank, return_inverse=True)
            self._known.append((values, codes))
        self._point = np.empty_like(code)
        self._point[code] = np.arange(len(code))

    def of(self, columns: Sequence[Array]) -> Array:
        """Which point each row is, -1 where it is none."""
        import numpy as np

        found = np.full(len(columns[0]), -1, dtype=np.int64)
        rows = np.arange(len(found))
        code = np.zeros(len(found), dtype=np.int64)
        for (values, codes), column in zip(self._known, columns, strict=True):
            rank, there = _found(values, column[rows])
            rows, code = rows[there], code[there] * len(values) + rank[there]
            code, there = _found(codes, code)
            rows, code = rows[there], code[there]
        found[rows] = self._point[code]
        return found


def _found(known: Array, asked: Array) -> tuple[Array, Array]:
    """Where values stand among known ones, which grow; whether they are there."""
    import numpy as np

    place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
    return place, np.asarray(known[place] == asked, dtype=bool)
