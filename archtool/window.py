"""A layer's window, per axis: how its output's size and its receptive field follow from its input.

For one axis, output position p covers input positions [stride * p - before, stride * p - before + size - 1].
Output size and composition are those of Dumoulin and Visin 2016 (arXiv:1603.07285, relationship 6) and of Araujo,
Norris and Sim 2019 (Computing Receptive Fields of Convolutional Neural Networks, eq. 2).
"""

from __future__ import annotations

from typing import NamedTuple

from archtool.errors import RuleError
from archtool.shape import axis_name
from archtool.size import Size, at_most, require


class AxisWindow(NamedTuple):
    """The window of one axis in elements: `size` (dilation folded in), `stride`, padding `before` and `after`."""

    size: Size = 1
    stride: Size = 1
    before: Size = 0
    after: Size = 0

    def out(self, n: Size) -> Size:
        """The output size for an input of n positions, floor mode ('same' and ceil mode are folded into `after`)."""
        return (n + self.before + self.after - self.size) // self.stride + 1

    def then(self, later: AxisWindow) -> AxisWindow:
        """The window of this one followed by `later`; then(later).out(n) == later.out(self.out(n))."""
        return AxisWindow(
            self.size + (later.size - 1) * self.stride,
            self.stride * later.stride,
            self.before + later.before * self.stride,
            self.after + later.after * self.stride,
        )


class Window(tuple[AxisWindow, ...]):
    """One `AxisWindow` an axis."""

    __slots__ = ()

    def out(self, spatial: tuple[Size, ...]) -> tuple[Size, ...]:
        """The output sizes; raises RuleError where the window is larger than the padded input."""
        sizes = []
        for axis, (window, n) in enumerate(zip(self, spatial, strict=True)):
            room = n + window.before + window.after
            if type(room) is not int or type(window.size) is not int or window.size > room:
                name = axis_name(axis, len(spatial))
                rule = "the window ({} wide along the {}) is larger than its padded input ({})"
                require(at_most(window.size, room), rule, window.size, name, room)
            sizes.append((room - window.size) // window.stride + 1)
        return tuple(sizes)

    def then(self, later: Window) -> Window:
        """The window of this one followed by `later`, axis by axis; raises RuleError where the ranks differ."""
        if len(self) != len(later):
            raise RuleError(f"a window over {len(self)} axes can't be followed by one over {len(later)}")
        return Window(a.then(b) for a, b in zip(self, later, strict=True))
