"""Where some designs of a space stand: a box of it, evaluated as an open grid, or scattered."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    from archtool.explore.plan import Plan

    Array = np.ndarray[Any, Any]


class Box(NamedTuple):
    """All designs within one slice of each axis, in the order of their numbers, the first of which is `start`."""

    slices: tuple[slice, ...]
    lengths: tuple[int, ...]
    start: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of places on each axis."""
        return tuple([part.stop - part.start for part in self.slices])

    @property
    def size(self) -> int:
        """The number of designs."""
        return prod(self.shape)

    def evaluate(self, plan: Plan) -> list[Array]:
        """A plan's columns here; each broadcasts to `shape`."""
        return plan.box(self.slices)

    def digits(self) -> list[Array]:
        """Where each design stands on each axis, in the smallest integers."""
        import numpy as np

        rank = len(self.slices)
        columns = []
        for axis, (part, length) in enumerate(zip(self.slices, self.lengths, strict=True)):
            along = np.arange(part.start, part.stop, dtype=np.min_scalar_type(length - 1))
            along = along.reshape([-1 if other == axis else 1 for other in range(rank)])
            columns.append(np.broadcast_to(along, self.shape).reshape(-1))
        return columns

    def divided(self, axes: Sequence[int]) -> Iterator[tuple[tuple[int, ...], Any, Box]]:
        """The parts that have one place on these axes: the places, an index of `shape`, and the part."""
        ranges = [range(part.start, part.stop) for part in self.slices]
        for places in product(*(ranges[axis] for axis in axes)):
            at = dict(zip(axes, places, strict=True))
            slices = tuple(
                slice(at[axis], at[axis] + 1) if axis in at else part for axis, part in enumerate(self.slices)
            )
            rows = tuple(
                slice(part.start - whole.start, part.stop - whole.start)
                for part, whole in zip(slices, self.slices, strict=True)
            )
            yield places, rows, Box(slices, self.lengths, 0)


class Scattered(NamedTuple):
    """Designs anywhere: their places on each axis; the first has the number `start`."""

    columns: Sequence[Array]
    start: int

    @property
    def shape(self) -> tuple[int, ...]:
        """The number of designs."""
        return (self.size,)

    @property
    def size(self) -> int:
        """The number of designs."""
        return len(self.columns[0])

    def evaluate(self, plan: Plan) -> list[Array]:
        """A plan's columns here; each broadcasts to `shape`."""
        return plan.at(self.columns)

    def digits(self) -> list[Array]:
        """Where each design stands on each axis."""
        return list(self.columns)

    def divided(self, axes: Sequence[int]) -> Iterator[tuple[tuple[int, ...], Any, Scattered]]:
        """The parts that have one place on these axes: the places, an index of `shape`, and the part."""
        import numpy as np

        groups, group = np.unique(np.stack([self.columns[axis] for axis in axes]), axis=1, return_inverse=True)
        order = np.argsort(group, kind="stable")
        ends = np.cumsum(np.bincount(group, minlength=groups.shape[1]))
        for places, rows in zip(groups.T, np.split(order, ends[:-1]), strict=True):
            yield tuple(map(int, places)), rows, Scattered([column[rows] for column in self.columns], 0)


Places = Box | Scattered


def boxes(lengths: Sequence[int], start: int, stop: int) -> Iterator[Box]:
    """The designs with the numbers from `start` up to `stop` as the fewest boxes, in order."""
    while start < stop:
        inner = 1  # designs in a turn of the axes behind `axis`
        axis = len(lengths) - 1
        while axis > 0 and start % (inner * lengths[axis]) == 0 and start + inner * lengths[axis] <= stop:
            inner *= lengths[axis]
            axis -= 1
        digit = start // inner % lengths[axis]
        turns = min(lengths[axis] - digit, (stop - start) // inner)
        slices = []
        rest = start // inner // lengths[axis]
        for length in reversed(lengths[:axis]):
            rest, place = divmod(rest, length)
            slices.append(slice(place, place + 1))
        slices.reverse()
        slices += [slice(digit, digit + turns), *(slice(0, length) for length in lengths[axis + 1 :])]
        yield Box(tuple(slices), tuple(lengths), start)
        start += turns * inner
