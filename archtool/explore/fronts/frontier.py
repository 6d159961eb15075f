"""The exact Pareto front of points that come in batches.

Memory holds the front and a batch, whatever the number of points. Most points are dropped by a few comparisons with
strong points of the front so far; what is left goes, with the front, through moocore's dimension sweep (Kung, Luccio
and Preparata 1975). That works on float64: where this can't hold the values exactly, they are replaced by their ranks,
whose order is the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from archtool.errors import RuleError, missing_extra
from archtool.trace import INT64

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

EXACT: Final = 2**53  # up to here float64 holds every whole number
FIRST: Final = 4_096  # points that the first front is made of
PENDING: Final = 131_072  # points that wait for the next front
STRONG: Final = 12  # points of the front that a batch is compared with
CANDIDATES, WITNESSES = 256, 1_024  # points of the front and of a batch among which strong ones are sought
MOST_OBJECTIVES: Final = 16


class Frontier:
    """The points so far that no other one dominates: as good in every objective, better in one.

    Points with the same objectives are one point; the first is remembered, and how many there are.
    """

    def __init__(self, maximize: Sequence[bool]) -> None:
        if len(maximize) > MOST_OBJECTIVES:
            raise RuleError(f"a front has at most {MOST_OBJECTIVES} objectives, not {len(maximize)}")
        self.maximize = tuple(maximize)
        self._front: _Points | None = None
        self._strong: list[int] = []
        self._pending: list[_Points] = []

    def add(self, columns: Sequence[Array], position: Array) -> None:
        """Take points in: for each objective a column of int64, float64 or Python's numbers (no NaN), and where each
        point stands (int64, growing from batch to batch)."""
        import numpy as np

        keys = [_smaller_is_better(column, most) for column, most in zip(columns, self.maximize, strict=True)]
        points = _Points(keys, position, np.ones(len(position), dtype=np.int64))
        if self._front is None and points.size > FIRST:
            self._take(points.only(slice(None, FIRST)))
            points = points.only(slice(FIRST, None))
        self._take(points)

    def found(self) -> tuple[list[Array], Array, Array]:
        """The front's objectives, a column each; where the first point with them stands; how many have them. The best
        by the first objective come first, then by the second, and so on."""
        import numpy as np

        self._merge()
        none = np.empty(0, dtype=np.int64)
        front = self._front or _Points([none for _ in self.maximize], none, none)
        columns = [_smaller_is_better(key, most) for key, most in zip(front.keys, self.maximize, strict=True)]
        return columns, front.position, front.count

    def _take(self, points: _Points) -> None:
        if not points.size:
            return
        if self._front is not None:
            if not self._strong:
                self._strong = _strongest(self._front, points)
            before = points.size
            for index in self._strong:
                points = _without_dominated(self._front, index, points)
            if points.size > before // 16:  # these points no longer tell this part of the space well
                self._strong = []
        self._pending.append(points)
        waiting = sum(pending.size for pending in self._pending)
        if self._front is None or waiting >= max(PENDING, self._front.size):  # so that a large front is rarely sorted
            self._merge()

    def _merge(self) -> None:
        parts = [part for part in ([self._front] if self._front else []) + self._pending if part.size]
        if self._pending and parts:
            self._front = _reduced(_joined(parts))
            self._strong = []
        self._pending = []


class _Points:
    """Some points: a key for each objective (the smaller the better), their position, how many share it."""

    __slots__ = ("count", "keys", "position")

    def __init__(self, keys: list[Array], position: Array, count: Array) -> None:
        self.keys = keys
        self.position = position
        self.count = count

    @property
    def size(self) -> int:
        return len(self.position)

    def only(self, rows: Any) -> _Points:
        return _Points([key[rows] for key in self.keys], self.position[rows], self.count[rows])


def _smaller_is_better(column: Array, is_maximized: bool) -> Array:
    """Its own inverse. Of all columns, of whatever type, the same: they may be joined."""
    if not is_maximized:
        return column
    if column.dtype.kind == "i" and len(column) and column.min() == -INT64:  # of int64, this alone has no opposite
        return -column.astype(object)
    return -column


def _without_dominated(front: _Points, index: int, points: _Points) -> _Points:
    """The points that are better than one of the front in some objective; those that equal it are counted with it."""
    import numpy as np

    best = [key[index] for key in front.keys]
    better = points.keys[0] < best[0]
    for key, bound in zip(points.keys[1:], best[1:], strict=True):
        better |= key < bound
    if better.all():
        return points
    same = np.flatnonzero(points.keys[0] == best[0])
    for key, bound in zip(points.keys[1:], best[1:], strict=True):
        same = same[key[same] == bound]
    front.count[index] += points.count[same].sum()
    return points.only(better)


def _strongest(front: _Points, points: _Points) -> list[int]:
    """Points of the front that together dominate most of the others, the one that dominates most first."""
    import numpy as np

    candidates = np.unique(np.linspace(0, front.size - 1, min(front.size, CANDIDATES)).astype(np.int64))
    witnesses = np.linspace(0, points.size - 1, min(points.size, WITNESSES)).astype(np.int64)
    dominates = np.ones((len(candidates), len(witnesses)), dtype=bool)
    for best, key in zip(front.keys, points.keys, strict=True):
        dominates &= (best[candidates][:, None] <= key[witnesses][None, :]).astype(bool)
    strong: list[int] = []
    least = len(witnesses) // 256
    while len(strong) < STRONG:
        won = dominates.sum(axis=1)
        best_of = int(won.argmax())
        if won[best_of] <= least:
            break
        strong.append(int(candidates[best_of]))
        dominates = dominates[:, ~dominates[best_of]]
    return strong


def _joined(parts: Sequence[_Points]) -> _Points:
    import numpy as np

    keys = []
    for columns in zip(*(part.keys for part in parts), strict=True):
        kinds = {column.dtype for column in columns}  # int64 beside float64 would become float64
        keys.append(np.concatenate(columns if len(kinds) == 1 else [column.astype(object) for column in columns]))
    position, count = (np.concatenate([getattr(part, name) for part in parts]) for name in ("position", "count"))
    return _Points(keys, position, count)


def _reduced(points: _Points) -> _Points:
    """The front of some points, each point once, the best by the first objective first."""
    import numpy as np

    ranks = [_as_float64(key) for key in points.keys]
    kept = np.flatnonzero(_nondominated(np.stack(ranks, axis=1)))
    ranks = [rank[kept] for rank in ranks]
    order = np.lexsort(ranks[::-1])  # stable: of equal points the first stays so
    ranks = [rank[order] for rank in ranks]
    new = np.ones(len(order), dtype=bool)
    new[1:] = np.any([rank[1:] != rank[:-1] for rank in ranks], axis=0)
    first = np.flatnonzero(new)
    points = points.only(kept[order])
    count = np.add.reduceat(points.count, first)
    return _Points([key[first] for key in points.keys], points.position[first], count)


def _as_float64(key: Array) -> Array:
    """Numbers of float64 in the same order, equal where the key is equal; none infinite, which moocore can't have."""
    import numpy as np

    if key.dtype != object and key.min() >= -EXACT and key.max() <= EXACT:
        return key.astype(np.float64)
    return np.unique(key, return_inverse=True)[1].astype(np.float64)


def _nondominated(points: Array) -> Array:
    try:
        from moocore import is_nondominated
    except ImportError as error:
        raise missing_extra("a front", "moocore", "sweep", error) from None
    kept: Array = is_nondominated(points, keep_weakly=True)
    return kept
