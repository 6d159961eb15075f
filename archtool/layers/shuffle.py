"""Layers that move elements between channels and positions, or among the channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from archtool.axes import spatial_rank
from archtool.errors import RuleError, Untraceable
from archtool.field import LARGEST_PERIOD, AxisField, Field, Reach
from archtool.fields import channels, size
from archtool.layer import Example, Layer, layer
from archtool.layers.upsample import Upsample
from archtool.mixing import Copied, Mixing
from archtool.nature import LINEAR, MIRRORED, SHIFTED, Coupling, Groups, Nature, Symmetry, routed
from archtool.shape import Shape, axis_name
from archtool.size import Size, divides, divisors, exact_div, require, require_divisible
from archtool.window import AxisWindow, Window

if TYPE_CHECKING:
    import torch


def _two_axes(x: Shape, kind: str) -> None:
    if spatial_rank(x, kind) != 2:
        raise RuleError(f"'{kind}' needs 2 spatial axes, the input {x} has {len(x.spatial)}")


@layer
class PixelShuffle(Layer):
    """Each factor^2 channels as factor x factor positions of one (Shi et al. 2016, arXiv:1609.05158;
    torch.nn.PixelShuffle)."""

    factor: Size = size()

    examples = (
        Example({"factor": 2}, Shape(12, (5, 6)), 0, 0, "no learned parameters"),
        Example({"factor": 3}, Shape(9, (4, 2))),
    )

    def field(self, x: Shape, window: Window | None) -> Field:
        factor = self.factor
        if not isinstance(factor, int):
            raise Untraceable("the factor of a pixel shuffle varies", factor)
        if factor > LARGEST_PERIOD:
            raise RuleError(f"factor (={factor}) is larger than {LARGEST_PERIOD}")
        return Field((AxisField(1, (Reach(0, 0, 0, 0),) * factor, 1, 1),) * len(x.spatial))

    def mixing(self, x: Shape) -> Mixing:
        return Copied(in_place=False)

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def coupling(self, x: Shape) -> Coupling:
        return Groups(exact_div(x.channels, self.factor * self.factor))

    def symmetry(self, x: Shape) -> Symmetry:
        return SHIFTED

    def thin(self) -> Layer:
        return Upsample(scale=self.factor)

    def output(self, x: Shape, window: Window | None) -> Shape:
        _two_axes(x, self.kind)
        square = self.factor * self.factor
        fits = divides(square, x.channels)
        known = fits is False and isinstance(x.channels, int)
        allowed = f"; factors {divisors(x.channels, self.factor, 2)} do" if known else ""  # type: ignore[arg-type]  # an int
        require(fits, "channels (={}) must be divisible by factor^2 (={}){}", x.channels, square, allowed)
        return Shape(exact_div(x.channels, square), tuple(self.factor * n for n in x.spatial))

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.PixelShuffle(self.factor)  # type: ignore[arg-type]  # an int, when realized


@layer
class PixelUnshuffle(Layer):
    """Each factor x factor positions as factor^2 channels of one (torch.nn.PixelUnshuffle; Swin's patch merging, YOLO's
    focus, space to depth)."""

    factor: Size = size()

    examples = (
        Example({"factor": 2}, Shape(3, (6, 8)), 0, 0, "no learned parameters"),
        Example({"factor": 3}, Shape(2, (6, 3))),
    )

    def window(self, x: Shape) -> Window:
        _two_axes(x, self.kind)
        for axis, n in enumerate(x.spatial):
            require_divisible(f"the {axis_name(axis, 2)}", n, "factor", self.factor)
        return Window((AxisWindow(self.factor, self.factor),) * 2)

    def mixing(self, x: Shape) -> Mixing:
        return Copied(in_place=False)

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def coupling(self, x: Shape) -> Coupling:
        return Groups(x.channels)

    def symmetry(self, x: Shape) -> Symmetry:
        return SHIFTED

    def channels(self, x: Shape) -> Size:
        return self.factor * self.factor * x.channels

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.PixelUnshuffle(self.factor)  # type: ignore[arg-type]  # an int, when realized


@layer
class ChannelShuffle(Layer):
    """The channels of `groups` groups in turns, one of each (Zhang et al. 2017, arXiv:1707.01083;
    torch.nn.ChannelShuffle)."""

    groups: Size = channels()

    examples = (
        Example({"groups": 2}, Shape(6, (5, 6)), 0, 0, "no learned parameters"),
        Example({"groups": 3}, Shape(6, (5,))),
    )

    def mixing(self, x: Shape) -> Mixing:
        return Copied(in_place=False)

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def coupling(self, x: Shape) -> Coupling:
        def sources(each: int, groups: int) -> Iterator[tuple[int]]:
            return ((group * each + index,) for index in range(each) for group in range(groups))

        return routed(sources, x.channels // self.groups, self.groups)

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def channels(self, x: Shape) -> Size:
        spatial_rank(x, self.kind)
        require_divisible("channels", x.channels, "groups", self.groups)
        return x.channels

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.ChannelShuffle(self.groups)  # type: ignore[arg-type]  # an int, when realized
