"""Which positions exactly a position reads, holes included, where a `Field` tells the first and the last alone.

Along an axis, output position P*q + r reads input positions S*q + t, for each of the offsets t of phase r.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from archtool.errors import RuleError
from archtool.field import Field
from archtool.size import Size


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

    Raises RuleError for sizes that are no numbers.
    """
    spacings = spacing if isinstance(spacing, tuple) else (spacing,) * len(field.axes)
    return tuple(
        AxisTaps(_number(axis.stride), tuple(_every(reach.low, reach.high, step) for reach in axis.phases))
        for axis, step in zip(field.axes, spacings, strict=True)
    )


def _every(low: Size, high: Size, step: Size) -> tuple[int, ...]:
    return tuple(range(_number(low), _number(high) + 1, _number(step)))


def _number(size: Size) -> int:
    if not isinstance(size, int):
        raise RuleError(f"{size} is not a number: taps are told of numbers only")
    return size
