"""Which positions exactly a position reads, holes included, where a `Field` tells the first and the last alone.

Along an axis, output position P*q + r reads input positions S*q + t, for each of the offsets t of phase r.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from archtool.errors import RuleError
from archtool.field import AxisField, Field
from archtool.size import Size

MOST_TAPS: Final = 2**20  # of all phases


class AxisTaps(NamedTuple):
    """The taps along one axis: `stride` is S, `offsets` has those of each phase, in order."""

    stride: int
    offsets: tuple[tuple[int, ...], ...]

    def reads(self, position: int) -> tuple[int, ...]:
        """The input positions that an output position reads, those in padding included."""
        turn, phase = divmod(position, len(self.offsets))
        return tuple([self.stride * turn + offset for offset in self.offsets[phase]])


def taps_of(field: Field, spacing: Any) -> tuple[AxisTaps, ...]:
    """The taps of a field whose positions are read every `spacing`, one for all axes or one an axis.

    Raises RuleError for sizes that are no numbers, and for more than MOST_TAPS.
    """
    spacings = spacing if isinstance(spacing, tuple) else (spacing,) * len(field.axes)
    return tuple(_of_axis(axis, _number(step)) for axis, step in zip(field.axes, spacings, strict=True))


def _of_axis(axis: AxisField, step: int) -> AxisTaps:
    ends = [(_number(reach.low), _number(reach.high) + 1) for reach in axis.phases]
    check_taps(sum(max(0, stop - start) // step for start, stop in ends))
    return AxisTaps(_number(axis.stride), tuple(tuple(range(start, stop, step)) for start, stop in ends))


def check_taps(count: int) -> None:
    """Raises RuleError where an axis has too many taps to be told one by one."""
    if count > MOST_TAPS:
        raise RuleError(f"{count:,} taps along an axis are too many to be told one by one (most: {MOST_TAPS:,})")


def _number(size: Size) -> int:
    if not isinstance(size, int):
        raise RuleError(f"{size} is not a number: taps are told of numbers only")
    return size
