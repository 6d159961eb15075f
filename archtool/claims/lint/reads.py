"""Which positions of its input a layer with a kernel reads along an axis, and which of its taps ever meet one."""

from __future__ import annotations

from typing import Final, NamedTuple

from archtool.analysis.numbers import whole
from archtool.axes import spread
from archtool.field import GLOBAL
from archtool.flatten import FlatLayer
from archtool.shape import axis_name

LONGEST_AXIS: Final = 2**16  # positions, taps


class AxisReads(NamedTuple):
    """A kernel along one axis: tap t of output position q reads position stride * q + spacing * t - before, of n; there
    are `m` output positions."""

    name: str
    kernel: int
    stride: int
    spacing: int
    before: int
    n: int
    m: int

    def read(self) -> set[int]:
        """The positions that some output position reads."""
        inside = range(self.n)
        starts = range(-self.before, -self.before + self.stride * self.m, self.stride)
        return {place for start in starts for place in self._taps(start) if place in inside}

    def _taps(self, start: int) -> range:
        return range(start, start + self.spacing * self.kernel, self.spacing)

    def live_taps(self) -> int:
        """How many taps ever meet a position of the input, not padding alone."""
        return sum(self._lives(tap) for tap in range(self.kernel))

    def _lives(self, tap: int) -> bool:
        offset = self.spacing * tap - self.before
        first = max(0, _ceil_div(-offset, self.stride))
        return first < self.m and self.stride * first + offset < self.n

    def last_read(self) -> int:
        """The last position that some output position reads; -1 where there is none."""
        offsets = [self.spacing * tap - self.before for tap in range(self.kernel)]
        turns = [min(self.m - 1, (self.n - 1 - offset) // self.stride) for offset in offsets]
        places = [self.stride * q + offset for q, offset in zip(turns, offsets, strict=True) if q >= 0]
        return max([-1, *places])

    def blind(self) -> int:
        """How many output positions read nothing but padding."""
        size = self.spacing * (self.kernel - 1) + 1
        early = range(min(self.m, _ceil_div(self.before, self.stride)))
        late = range(max(len(early), (self.n - size + self.before) // self.stride), self.m)
        starts = (self.stride * q - self.before for q in (*early, *late))
        return sum(not any(0 <= place < self.n for place in self._taps(start)) for start in starts)


def reads(layer: FlatLayer) -> tuple[AxisReads, ...]:
    """How a convolution or pooling reads its input, axis by axis; empty for a layer that has no kernel,
    and where an axis is too long to be told position by position."""
    own, x = layer.run.layer, layer.run.inputs[0]
    window = own.window(x)
    if window is None or not hasattr(own, "kernel") or layer.run.field.state == GLOBAL:
        return ()
    rank = len(x.spatial)
    kernels, spacings = spread(own.kernel, rank, "kernel"), spread(own.spacing(), rank, "dilation")
    found = []
    for axis, (part, kernel, spacing) in enumerate(zip(window, kernels, spacings, strict=True)):
        n, m = whole(x.spatial[axis]), whole(layer.run.output.spatial[axis])
        sizes = (whole(kernel), whole(part.stride), whole(spacing), whole(part.before), n, m)
        if max(sizes) > LONGEST_AXIS:
            return ()
        found.append(AxisReads(axis_name(axis, rank), *sizes))
    return tuple(found)


def _ceil_div(a: int, b: int) -> int:
    return -(-a // b)
