"""Layers that take a part of a tensor, or turn it round: of its channels, of its positions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from archtool.axes import spatial_rank, spread
from archtool.fields import channels, per_axis
from archtool.layer import Example, Layer, PerChannel, layer
from archtool.mixing import Copied, Mixing
from archtool.nature import LINEAR, MIRRORED, Coupling, Nature, Symmetry, routed
from archtool.shape import Shape, axis_name
from archtool.size import Size, at_most, exact_div, less, require, require_divisible
from archtool.window import AxisWindow, Window

if TYPE_CHECKING:
    import torch


def _run(start: int, stop: int) -> Iterator[tuple[int]]:
    return ((index,) for index in range(start, stop))


def _channel_axis(x: Shape) -> int:
    """The axis of the channels in a batched torch tensor."""
    return 2 if x.is_tokens else 1


@layer
class Chunk(Layer):
    """One of `parts` equal parts of the channels (torch.chunk), the first at index 0; what each part sees is told as of
    all channels together."""

    is_view = True
    parts: Size = channels()
    index: Size = channels(least=0, thin=0)

    examples = (
        Example({"parts": 2, "index": 1}, Shape(6, (5, 6)), 0, 0, "no learned parameters"),
        Example({"parts": 3, "index": 0}, Shape(6, (5,), True)),
        Example({"parts": 2, "index": 0}, Shape(8)),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Copied(in_place=False)

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def coupling(self, x: Shape) -> Coupling:
        length = x.channels // self.parts
        return routed(_run, self.index * length, (self.index + 1) * length)

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def channels(self, x: Shape) -> Size:
        require(less(self.index, self.parts), "index (={}) must be below parts (={})", self.index, self.parts)
        require_divisible("channels", x.channels, "parts", self.parts)
        return exact_div(x.channels, self.parts)

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_parts import Part

        length = self.channels(x)
        return Part(_channel_axis(x), self.index * length, length)  # type: ignore[arg-type]  # ints when realized


@layer
class Slice(Layer):
    """The channels from `start` up to, without, `stop` (all the rest where it is not given); what they see is told as
    of all channels together."""

    is_view = True
    start: Size = channels(default=0, least=0, thin=0)
    stop: Any = channels(default=None, thin=None)

    examples = (
        Example({"start": 1, "stop": 4}, Shape(6, (5, 6)), 0, 0, "no learned parameters"),
        Example({"start": 2}, Shape(6, (5,), True)),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Copied(in_place=False)

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def coupling(self, x: Shape) -> Coupling:
        stop = x.channels if self.stop is None else self.stop
        return routed(_run, self.start, stop)

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def channels(self, x: Shape) -> Size:
        stop = x.channels if self.stop is None else self.stop
        require(at_most(stop, x.channels), "stop (={}) must be at most the channels (={})", stop, x.channels)
        require(less(self.start, stop), "start (={}) must be below stop (={})", self.start, stop)
        return stop - self.start

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_parts import Part

        return Part(_channel_axis(x), self.start, self.channels(x))  # type: ignore[arg-type]  # ints when realized


@layer
class Crop(PerChannel):
    """`size` positions an axis: from the middle (U-Net's, Ronneberger et al. 2015, arXiv:1505.04597), or from the
    position `before` on."""

    is_view = True
    size: Any = per_axis()
    before: Any = per_axis(default=None, least=0)

    examples = (
        Example({"size": [3, 4]}, Shape(4, (5, 7)), 0, 0, "no learned parameters"),
        Example({"size": 2, "before": [1, 3]}, Shape(4, (4, 5))),
        Example({"size": 3}, Shape(4, (3,))),
    )

    def window(self, x: Shape) -> Window:
        rank = spatial_rank(x, self.kind)
        sizes, befores = spread(self.size, rank, "size"), spread(self.before, rank, "before")
        axes = []
        for axis, (n, m, before) in enumerate(zip(x.spatial, sizes, befores, strict=True)):
            name = axis_name(axis, rank)
            require(at_most(m, n), "size (={}) must be at most the {} (={})", m, name, n)
            if before is None:
                before = (n - m) // 2
            rule = "before + size (={}) must be at most the {} (={})"
            require(at_most(before + m, n), rule, before + m, name, n)
            axes.append(AxisWindow(1, 1, -before, m + before - n))
        return Window(axes)

    def mixing(self, x: Shape) -> Mixing:
        return Copied()

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_parts import Cropped

        window = self.window(x)
        starts = [-axis.before for axis in window]
        return Cropped(starts, list(window.out(x.spatial)))  # type: ignore[arg-type]  # ints when realized


@layer
class Roll(PerChannel):
    """Positions moved by `shift`, those that leave at one end coming back at the other (torch.roll; the cyclic shift of
    Liu et al. 2021, arXiv:2103.14030). What wraps round counts as padding in a field."""

    shift: Any = per_axis(least=None)

    examples = (
        Example({"shift": -2}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),
        Example({"shift": [1, 0]}, Shape(4, (5, 6))),
        Example({"shift": 3}, Shape(2, (7,))),
    )

    def window(self, x: Shape) -> Window:
        rank = spatial_rank(x, self.kind)
        axes = []
        for axis, (n, shift) in enumerate(zip(x.spatial, spread(self.shift, rank, "shift"), strict=True)):
            rule = "shift (={}) must be smaller than the {} (={})"
            require(less(shift, n), rule, shift, axis_name(axis, rank), n)
            require(less(-shift, n), rule, shift, axis_name(axis, rank), n)
            axes.append(AxisWindow(1, 1, shift, -shift))
        return Window(axes)

    def mixing(self, x: Shape) -> Mixing:
        return Copied("circular")

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_parts import Rolled

        return Rolled(spread(self.shift, len(x.spatial), "shift"))
