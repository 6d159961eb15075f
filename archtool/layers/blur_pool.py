"""Pooling without aliasing: a fixed low-pass filter before the stride."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import comb
from typing import TYPE_CHECKING, Any, Final

from archtool.axes import check_wrap, windows
from archtool.fields import choice, padding, per_axis, size
from archtool.layer import Example, Layer, PerChannel, layer
from archtool.layers.plain import Pad
from archtool.mixing import Blended, Mixing
from archtool.nature import LINEAR, Nature
from archtool.product import UNFOLDED, Product
from archtool.shape import Shape
from archtool.size import Size, at_most, decided, equal, product, require
from archtool.stencil import Stencil, own_filter
from archtool.trace import Expr
from archtool.window import Window

if TYPE_CHECKING:
    import torch

LARGEST_KERNEL: Final = 1023  # the least of its weights, 2**-1022, is the least normal double


@layer
class BlurPool(PerChannel):
    """Each channel by itself through a fixed binomial filter, 1 2 1 for a kernel of 3 (Zhang 2019, arXiv:1904.11486;
    timm's BlurPool2d). It has no weights to learn; its multiply-adds are a depthwise convolution's."""

    keeps = ("input",)
    kernel: Size = size(default=3)
    stride: Any = per_axis(default=2)
    padding: Any = padding(default="half", words=("half", "same"))
    padding_mode: str = choice(default="reflect", others=("zeros", "replicate", "circular"))

    examples = (
        Example({}, Shape(8, (12, 13)), 0, 3024, "3 x 3 products for each of 8 x 6 x 7 outputs"),
        Example({"kernel": 4, "padding": [[1, 2], 1], "padding_mode": "zeros"}, Shape(2, (9, 8))),
        Example({"kernel": 5, "stride": 1}, Shape(3, (7,))),
        Example({"padding": 0}, Shape(2, (5, 4, 3))),
    )

    def window(self, x: Shape) -> Window:
        rule = "kernel (={}) must be at most {}: beyond it the ends of the filter are too small for a number"
        require(at_most(self.kernel, LARGEST_KERNEL), rule, self.kernel, LARGEST_KERNEL)
        window = windows(x, self.kind, self.kernel, self.stride, self.padding)
        check_wrap(window, x, self.padding_mode)
        return window

    def mixing(self, x: Shape) -> Mixing:
        row = self._row()
        return Blended(lambda axis, position, reads: row, self.padding_mode)

    def stencil(self, x: Shape) -> Stencil:
        return own_filter(x, self.window(x), (self.kernel,) * len(x.spatial), self.padding_mode)

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def _row(self) -> list[float]:
        """The filter along one axis; its sum is 1."""
        last: Any = self.kernel - 1
        return [comb(last, tap) / 2**last for tap in range(last + 1)]

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        taps: Size = 1
        for _ in x.spatial:
            taps = taps * self.kernel
        return {"conv.macs": taps * y.elements}

    def products(self, x: Shape, y: Shape) -> tuple[Product, ...]:
        taps = product(self.kernel for _ in x.spatial)
        return (Product("conv.macs", y.positions, 1, taps, x.channels, left=UNFOLDED),)

    def stages(self, x: Shape) -> tuple[Layer, ...]:
        padding = self.padding if isinstance(self.padding, int | Expr) else 1
        if self.padding_mode == "zeros" and decided(equal(padding, 0), "whether there is padding"):
            return (self,)
        pads = tuple((axis.before, axis.after) for axis in self.window(x))
        return Pad(padding=pads, mode=self.padding_mode), replace(self, padding=0, padding_mode="zeros")

    def buffers(self, x: Shape) -> Mapping[str, Size]:
        """The filter, once for each channel."""
        return {"same": x.channels * product(self.kernel for _ in x.spatial)}

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_parts import BlurPool as Module

        window = self.window(x)
        pads = tuple(end for axis in reversed(window) for end in (axis.before, axis.after))
        strides = tuple(axis.stride for axis in window)
        return Module(x.channels, self._row(), strides, pads, self.padding_mode)  # type: ignore[arg-type]  # ints when realized
