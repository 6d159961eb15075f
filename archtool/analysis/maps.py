"""Sets of positions as boolean maps, and what they read and are read by along one axis, exactly, holes included."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.errors import RuleError
from archtool.taps import AxisTaps

if TYPE_CHECKING:
    import numpy as np

    Bools = np.ndarray[Any, np.dtype[np.bool_]]

LARGEST_MAP: Final = 2**26  # positions
Fold = Callable[[int], int]


class Map(NamedTuple):
    """A set of positions: those of `seen` that are true, its first being position `start`."""

    start: tuple[int, ...]
    seen: Bools

    def cropped(self, axis: int, n: int, fold: Fold | None = None) -> Map:
        """The positions from 0 to n - 1 along an axis; those outside are left out, or folded back."""
        import numpy as np

        start, size = self.start[axis], self.seen.shape[axis]
        first, last = max(start, 0), min(start + size, n)
        if (first, last) == (start, start + size):
            return self
        if fold is None:
            kept = np.moveaxis(self.seen, axis, 0)[max(0, first - start) : max(0, last - start)]
            return self._with(axis, first, np.moveaxis(kept, 0, axis))
        moved = np.moveaxis(self.seen, axis, 0)
        checked_size((n, *moved.shape[1:]))
        inside = np.zeros((n, *moved.shape[1:]), bool)
        for index, row in enumerate(moved):
            at = start + index
            inside[at if 0 <= at < n else fold(at)] |= row
        return self._with(axis, 0, np.moveaxis(inside, 0, axis))

    def extended(self, axis: int, low: int, high: int, n: int, fold: Fold) -> Map:
        """A map of n positions with those from low to high, of which those outside are what they are folded to."""
        import numpy as np

        moved = np.moveaxis(self.seen, axis, 0)
        start, size = self.start[axis], self.seen.shape[axis]
        checked_size((high - low + 1, *moved.shape[1:]))
        rows = np.zeros((high - low + 1, *moved.shape[1:]), bool)
        first, last = max(0, low, start), min(n, high + 1, start + size)
        if first < last:
            rows[first - low : last - low] = moved[first - start : last - start]
        for at in (*range(low, min(0, high + 1)), *range(max(n, low), high + 1)):
            inner = fold(at) - start
            if 0 <= inner < size:
                rows[at - low] = moved[inner]
        return self._with(axis, low, np.moveaxis(rows, 0, axis))

    def read(self, axis: int, taps: AxisTaps) -> Map:
        """What these output positions read along an axis."""
        import numpy as np

        moved = np.moveaxis(self.seen, axis, 0)
        start, period, stride = self.start[axis], len(taps.offsets), taps.stride
        pieces = []
        for phase, offsets in enumerate(taps.offsets):
            turn = -((phase - start) // period)  # the first that is not before the map
            rows = moved[period * turn + phase - start :: period]
            pieces += [(stride * turn + offset, rows) for offset in offsets if len(rows)]
        if not pieces:
            return self._with(axis, 0, np.moveaxis(moved[:0], 0, axis))
        low = min(begin for begin, _ in pieces)
        high = max(begin + stride * (len(rows) - 1) for begin, rows in pieces)
        checked_size((high - low + 1, *moved.shape[1:]))
        found = np.zeros((high - low + 1, *moved.shape[1:]), bool)
        for begin, rows in pieces:
            if stride:
                found[begin - low : begin - low + stride * (len(rows) - 1) + 1 : stride] |= rows
            else:
                found[begin - low] |= rows.any(0)
        return self._with(axis, low, np.moveaxis(found, 0, axis))

    def readers(self, axis: int, taps: AxisTaps, positions: int) -> Map:
        """The output positions, of so many, that read some of these along an axis."""
        import numpy as np

        moved = np.moveaxis(self.seen, axis, 0)
        start, size, period, stride = self.start[axis], len(moved), len(taps.offsets), taps.stride
        checked_size((positions, *moved.shape[1:]))
        found = np.zeros((positions, *moved.shape[1:]), bool)
        for phase, offsets in enumerate(taps.offsets):
            turns = len(range(phase, positions, period))
            for offset in offsets:
                if not stride:
                    if 0 <= offset - start < size:
                        found[phase::period] |= moved[offset - start]
                    continue
                first = max(0, -((offset - start) // stride))
                last = min(turns - 1, (start + size - 1 - offset) // stride)
                if first <= last:
                    inner = stride * first + offset - start
                    rows = moved[inner : inner + stride * (last - first) + 1 : stride]
                    found[period * first + phase : period * last + phase + 1 : period] |= rows
        return self._with(axis, 0, np.moveaxis(found, 0, axis))

    def union(self, other: Map | None) -> Map:
        """The positions of either."""
        import numpy as np

        if other is None or not other.seen.size:
            return self
        if not self.seen.size:
            return other
        start = tuple(map(min, self.start, other.start))
        ends = [
            max(a + n, b + m)
            for a, n, b, m in zip(self.start, self.seen.shape, other.start, other.seen.shape, strict=True)
        ]
        sizes = [end - first for end, first in zip(ends, start, strict=True)]
        checked_size(sizes)
        seen = np.zeros(sizes, bool)
        for each in (self, other):
            box = tuple(
                slice(a - first, a - first + n) for a, first, n in zip(each.start, start, each.seen.shape, strict=True)
            )
            seen[box] |= each.seen
        return Map(start, seen)

    def trimmed(self) -> Map:
        """The same without empty rims."""
        import numpy as np

        start, seen = [], self.seen
        for axis in range(seen.ndim):
            others = tuple(other for other in range(seen.ndim) if other != axis)
            rows = np.flatnonzero(seen.any(others))
            first, last = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
            start.append(self.start[axis] + first)
            seen = np.moveaxis(np.moveaxis(seen, axis, 0)[first:last], 0, axis)
        return Map(tuple(start), seen)

    def _with(self, axis: int, start: int, seen: Bools) -> Map:
        return Map((*self.start[:axis], start, *self.start[axis + 1 :]), seen)


def everything(sizes: tuple[int, ...]) -> Map:
    """All positions of a tensor of these sizes."""
    import numpy as np

    checked_size(sizes)
    return Map((0,) * len(sizes), np.ones(sizes, bool))


def checked_size(sizes: Sequence[int]) -> None:
    """Raises RuleError where a map of these sizes would be too large."""
    positions = prod(sizes)
    if positions > LARGEST_MAP:
        raise RuleError(f"a set among {positions:,} positions is too large to be told exactly (most: {LARGEST_MAP:,})")
