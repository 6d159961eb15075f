"""Transposed convolutions, in one, two or three dimensions by the input's rank."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any

from archtool.axes import spatial_rank, spread
from archtool.errors import RuleError, Untraceable
from archtool.field import LARGEST_PERIOD, AxisField, Field, Reach
from archtool.fields import channels, flag, per_axis
from archtool.layer import Example, Layer, layer
from archtool.layers.conv import grouped
from archtool.mixing import Mixing, Weighted
from archtool.nature import AFFINE, LINEAR, SHIFTED, Coupling, Groups, Nature, Symmetry
from archtool.product import SCATTERED, Product
from archtool.shape import Shape, axis_name
from archtool.size import Size, ceil_div, equal, less, maximum, product, require, select
from archtool.stencil import Stencil, StencilAxis
from archtool.taps import AxisTaps, check_taps
from archtool.window import Window

if TYPE_CHECKING:
    import torch


@layer
class ConvTranspose(Layer):
    """A transposed convolution (torch.nn.ConvTranspose1d, 2d, 3d; Zeiler et al. 2010, Deconvolutional networks):
    input i adds to the outputs stride*i - padding + dilation*t, one for each of the kernel's taps t."""

    is_conv = True
    keeps = ("input",)
    out: Size = channels()
    kernel: Any = per_axis()
    stride: Any = per_axis(default=1)
    padding: Any = per_axis(default=0, least=0)
    output_padding: Any = per_axis(default=0, least=0)
    dilation: Any = per_axis(default=1)
    groups: Size = channels(default=1)
    bias: bool = flag(default=True)

    examples = (
        Example(
            {"out": 32, "kernel": 4, "stride": 2, "padding": 1, "bias": False},
            Shape(64, (28, 28)),
            32768,
            25690112,
            "each of 64 x 28 x 28 inputs meets 32 x 4 x 4 weights",
        ),
        Example({"out": 6, "kernel": [3, 2], "stride": 2, "padding": [1, 0], "output_padding": 1}, Shape(4, (5, 7))),
        Example({"out": 4, "kernel": 3, "stride": 3, "dilation": 2, "groups": 2}, Shape(8, (6,))),
        Example({"out": 2, "kernel": 2, "stride": 3, "padding": 1}, Shape(3, (6, 5))),
        Example({"out": 2, "kernel": 3, "stride": 2, "dilation": 4, "output_padding": 3}, Shape(3, (9,))),
        Example({"out": 4, "kernel": 2, "stride": 2}, Shape(2, (3, 4, 5))),
    )

    def _axes(self, x: Shape) -> list[tuple[Size, Size, Size, Size, Size]]:
        """(kernel, stride, padding, output_padding, dilation) for each axis."""
        rank = spatial_rank(x, self.kind)
        names = ("kernel", "stride", "padding", "output_padding", "dilation")
        columns = [spread(getattr(self, name), rank, name) for name in names]
        return list(zip(*columns, strict=True))

    def field(self, x: Shape, window: Window | None) -> Field:
        return Field(tuple(_axis_field(kernel, stride, pad, step) for kernel, stride, pad, _, step in self._axes(x)))

    def taps(self, x: Shape, field: Field) -> tuple[AxisTaps, ...]:
        return tuple(
            AxisTaps(1, _offsets(kernel, stride, pad, step))  # type: ignore[arg-type]  # numbers
            for kernel, stride, pad, _, step in self._axes(x)
        )

    def mixing(self, x: Shape) -> Mixing:
        return Weighted()

    def stencil(self, x: Shape) -> Stencil:
        axes = tuple(StencilAxis(kernel, dilation=step) for kernel, _, _, _, step in self._axes(x))
        return Stencil(self.out, self.groups, axes, self.bias, is_transposed=True)

    def nature(self, x: Shape) -> Nature:
        return AFFINE if self.bias else LINEAR

    def coupling(self, x: Shape) -> Coupling:
        return Groups(self.groups)

    def symmetry(self, x: Shape) -> Symmetry:
        return SHIFTED

    def channels(self, x: Shape) -> Size:
        return grouped(self.out, self.groups, x)

    def output(self, x: Shape, window: Window | None) -> Shape:
        sizes = []
        for axis, (n, (kernel, stride, pad, more, step)) in enumerate(zip(x.spatial, self._axes(x), strict=True)):
            rule = "output_padding (={}) must be smaller than the stride (={}) or the dilation (={})"
            require(less(more, maximum(stride, step)), rule, more, stride, step)
            size = (n - 1) * stride - 2 * pad + step * (kernel - 1) + 1 + more
            rule = "padding (={}) leaves nothing of the output along the {}"
            require(less(0, size), rule, pad, axis_name(axis, len(x.spatial)))
            sizes.append(size)
        return Shape(self.channels(x), tuple(sizes))

    def _weights(self, x: Shape) -> Size:
        taps = product(spread(self.kernel, len(x.spatial), "kernel"))
        return x.channels * (self.out // self.groups) * taps

    def params(self, x: Shape) -> Size:
        return self._weights(x) + (self.out if self.bias else 0)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        operations = {"conv_transpose.macs": self._weights(x) * x.positions}
        if self.bias:
            operations["conv_transpose.bias"] = y.elements
        return operations

    def products(self, x: Shape, y: Shape) -> tuple[Product, ...]:
        """What each input adds to the outputs that it reaches."""
        taps = product(spread(self.kernel, len(x.spatial), "kernel"))
        n, k = self.out // self.groups * taps, x.channels // self.groups
        return (Product("conv_transpose.macs", x.positions, n, k, self.groups, left=SCATTERED),)

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        kernel, stride, padding, output_padding, dilation = zip(*self._axes(x), strict=True)
        return getattr(nn, f"ConvTranspose{len(kernel)}d")(  # type: ignore[no-any-return]  # getattr
            x.channels,
            self.out,
            kernel,
            stride,
            padding,
            output_padding,
            self.groups,
            self.bias,
            dilation,
        )


def _axis_field(kernel: Size, stride: Size, padding: Size, dilation: Size) -> AxisField:
    if not isinstance(stride, int) or not isinstance(dilation, int):
        raise Untraceable("the stride or the dilation of a transposed convolution varies", stride, dilation)
    if stride > LARGEST_PERIOD:
        raise RuleError(f"a transposed convolution of stride {stride} has more than {LARGEST_PERIOD} kinds of outputs")
    phases = tuple(_reach(kernel, stride, padding, dilation, phase) for phase in range(stride))
    step = dilation // gcd(stride, dilation)  # from one input to the next that an output reads
    taps = stride // gcd(stride, dilation)  # of the kernel, from the one that it reads it with to the other's
    narrow, wide = maximum(kernel // taps, 1), ceil_div(kernel, taps)
    return AxisField(1, phases, (narrow - 1) * step + 1, (wide - 1) * step + 1)


def _reach(kernel: Size, stride: int, padding: Size, dilation: int, phase: int) -> Reach:
    """Output `phase` reads the inputs (phase + padding - dilation*t) / stride that are whole. These t lie stride / g
    apart, g the common divisor of stride and dilation; from the first of them the highest input follows, from the last
    one the lowest. Where the first is no tap of the kernel, the last lies before it, and so the high before the low:
    nothing is read."""
    place = phase + padding
    high = place // stride
    rest = place - high * stride
    common = gcd(stride, dilation)
    apart = stride // common
    first_taps = {dilation * t % stride: t for t in reversed(range(apart))}  # by the rest that they leave

    def reach(rest: int) -> tuple[Size, Size]:
        first = first_taps.get(rest)
        if first is None:
            return high + 1, high
        last = first + (kernel - 1 - first) // apart * apart
        return high - (dilation * last - rest) // stride, high - (dilation * first - rest) // stride

    ends = [reach(rest)] if isinstance(rest, int) else [reach(each) for each in range(stride)]
    lows, highs = zip(*ends, strict=True)
    conditions = [equal(rest, each) for each in range(len(ends) - 1)]
    low = select(zip(conditions, lows, strict=False), lows[-1])
    high = select(zip(conditions, highs, strict=False), highs[-1])
    return Reach(low, high, low + high, low + high)


def _offsets(kernel: int, stride: int, padding: int, dilation: int) -> tuple[tuple[int, ...], ...]:
    """The inputs that outputs of each phase read, in order: by tap t, stride*i - padding + dilation*t reads i."""
    check_taps(kernel)
    offsets: list[list[int]] = [[] for _ in range(stride)]
    for tap in reversed(range(kernel)):
        turn, phase = divmod(dilation * tap - padding, stride)
        offsets[phase].append(-turn)
    return tuple(map(tuple, offsets))
