"""A linear layer told as a convolution: where its taps lie, whatever their weights.

A kind tells it in `Layer.stencil`, at inference: batch norm by its running statistics.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from archtool.shape import Shape
from archtool.size import Size, product
from archtool.window import Window


class StencilAxis(NamedTuple):
    """The taps along one axis: output position p reads, by tap i, the input at stride * p + dilation * i - before."""

    kernel: Size = 1
    stride: Size = 1
    dilation: Size = 1
    before: Size = 0
    after: Size = 0

    @property
    def reach(self) -> Size:
        """How far the last tap lies behind the first."""
        return self.dilation * (self.kernel - 1)


class Stencil(NamedTuple):
    """y[p] = bias + the sum over taps of W[tap] x[...], by `groups` of channels.

    `axes` is empty for vectors and tokens, which it takes position by position. Outside of the input stands what `mode`
    says (zeros). W is learned, or, where `is_fixed`, the kind's own filter (its mixing tells it). Of a transposed
    convolution the axes tell the kernel and the dilation alone.
    """

    out: Size
    groups: Size = 1
    axes: tuple[StencilAxis, ...] = ()
    bias: bool = False
    mode: str = "zeros"
    is_fixed: bool = False
    is_transposed: bool = False

    @property
    def taps(self) -> Size:
        """The number of taps."""
        return product(axis.kernel for axis in self.axes)


def per_channel(x: Shape, bias: bool) -> Stencil:
    """The stencil of what scales (and shifts) each channel of x by itself."""
    return Stencil(x.channels, x.channels, () if x.is_tokens else (StencilAxis(),) * len(x.spatial), bias)


def own_filter(x: Shape, window: Window, kernels: Iterable[Size], mode: str = "zeros") -> Stencil:
    """The stencil of one filter, the kind's own, for each channel of x by itself."""
    axes = zip(kernels, window, strict=True)
    taps = tuple(StencilAxis(kernel, axis.stride, 1, axis.before, axis.after) for kernel, axis in axes)
    return Stencil(x.channels, x.channels, taps, mode=mode, is_fixed=True)
