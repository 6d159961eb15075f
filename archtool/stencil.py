"""A linear layer told as a convolution: where its taps lie, whatever their weights.

A kind tells it in `Layer.stencil`, at inference: batch norm by its running statistics.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from archtool.size import Size, product

LEARNED: Final = "learned"  # any numbers
POSITIVE: Final = "positive"  # any numbers above 0: one over a deviation
FIXED: Final = "fixed"  # the kind's own numbers


class AxisTaps(NamedTuple):
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
    says (zeros). `weights` says what the numbers of W may be.
    """

    out: Size
    groups: Size = 1
    axes: tuple[AxisTaps, ...] = ()
    bias: bool = False
    mode: str = "zeros"
    weights: str = LEARNED

    @property
    def taps(self) -> Size:
        """The number of taps."""
        return product(axis.kernel for axis in self.axes)


def per_channel(x: Any, bias: bool, weights: str = LEARNED) -> Stencil:
    """The stencil of what scales (and shifts) each channel of x by itself."""
    return Stencil(x.channels, x.channels, () if x.is_tokens else (AxisTaps(),) * len(x.spatial), bias, weights=weights)
