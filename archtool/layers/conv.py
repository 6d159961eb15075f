"""Convolutions, in one, two or three dimensions by the input's rank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archtool.axes import check_wrap, is_symmetric, spread, windows
from archtool.fields import channels, choice, flag, padding, per_axis
from archtool.layer import Example, Layer, layer
from archtool.layers.plain import Pad
from archtool.mixing import Mixing, Weighted
from archtool.nature import AFFINE, LINEAR, SHIFTED, Coupling, Groups, Nature, Symmetry
from archtool.product import GATHERED, INPUT, ROWS, UNFOLDED, Product
from archtool.shape import Shape
from archtool.size import Size, equal, product, require_divisible
from archtool.stencil import Stencil, StencilAxis
from archtool.window import Window

if TYPE_CHECKING:
    import torch

PADDING_WORDS = ("half", "same")


def grouped(out: Size, groups: Size, x: Shape) -> Size:
    """The output channels `out`; a rule is broken where groups divide them, or the input's channels, not evenly."""
    if groups != 1:
        require_divisible("in channels", x.channels, "groups", groups)
        require_divisible("out", out, "groups", groups)
    return out


@layer
class Conv(Layer):
    """A convolution (torch.nn.Conv1d, Conv2d, Conv3d): params = out * in / groups * k^n + out."""

    keeps = ("input",)
    is_conv = True
    out: Size = channels()
    kernel: Any = per_axis()
    stride: Any = per_axis(default=1)
    padding: Any = padding(default=0, words=PADDING_WORDS)
    dilation: Any = per_axis(default=1)
    groups: Size = channels(default=1)
    bias: bool = flag(default=True)
    padding_mode: str = choice(
        default="zeros",
        others=(
            "reflect",
            "replicate",
            "circular",
        ),
    )

    examples = (
        Example(
            {"out": 64, "kernel": 7, "stride": 2, "padding": "half", "bias": False},
            Shape(3, (224, 224)),
            9408,
            118013952,
            "He et al. 2015, arXiv:1512.03385, conv1",
        ),
        Example(
            {"out": 12, "kernel": [3, 5], "padding": [1, [2, 1]], "dilation": [2, 1], "groups": 4}, Shape(8, (17, 19))
        ),
        Example({"out": 6, "kernel": 4, "stride": 3, "padding": "same"}, Shape(4, (25,))),
        Example({"out": 6, "kernel": 3, "padding": "half", "padding_mode": "reflect"}, Shape(2, (9, 8, 7))),
        Example({"out": 5, "kernel": 3, "padding": 1, "padding_mode": "circular", "stride": 2}, Shape(2, (9, 8))),
    )

    def window(self, x: Shape) -> Window:
        window = windows(x, "conv", self.kernel, self.stride, self.padding, self.dilation)
        if self.padding_mode != "zeros":
            check_wrap(window, x, self.padding_mode)
        return window

    def spacing(self) -> Any:
        return self.dilation

    def mixing(self, x: Shape) -> Mixing:
        return Weighted(self.padding_mode)

    def stencil(self, x: Shape) -> Stencil:
        window, rank = self.window(x), len(x.spatial)
        taps = zip(spread(self.kernel, rank, "kernel"), spread(self.dilation, rank, "dilation"), window, strict=True)
        axes = tuple(StencilAxis(k, axis.stride, d, axis.before, axis.after) for k, d, axis in taps)
        return Stencil(self.out, self.groups, axes, self.bias, self.padding_mode)

    def nature(self, x: Shape) -> Nature:
        return AFFINE if self.bias else LINEAR

    def coupling(self, x: Shape) -> Coupling:
        return Groups(self.groups)

    def symmetry(self, x: Shape) -> Symmetry:
        return SHIFTED

    def channels(self, x: Shape) -> Size:
        return grouped(self.out, self.groups, x)

    def _weights(self, x: Shape) -> Size:
        taps = product(spread(self.kernel, len(x.spatial), "kernel"))
        return self.out * (x.channels // self.groups) * taps

    def params(self, x: Shape) -> Size:
        return self._weights(x) + (self.out if self.bias else 0)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        operations = {"conv.macs": self._weights(x) * y.positions}
        if self.bias:
            operations["conv.bias"] = y.elements
        return operations

    def products(self, x: Shape, y: Shape) -> tuple[Product, ...]:
        taps = product(spread(self.kernel, len(x.spatial), "kernel"))
        n, k = self.out // self.groups, x.channels // self.groups * taps
        return (Product("conv.macs", y.positions, n, k, self.groups, left=self._left(x)),)

    def _left(self, x: Shape) -> str:
        """Where the matrix of what the windows read comes from: a window of one position, or of all, is no copy."""
        window = self.window(x)
        if any(equal(end, 0) is not True for axis in window for end in (axis.before, axis.after)):
            return UNFOLDED
        kernel = spread(self.kernel, len(x.spatial), "kernel")
        covers = all(equal(taps, n) is True for taps, n in zip(kernel, x.spatial, strict=True))
        if covers and equal(self.groups, 1) is True:
            return INPUT
        if any(equal(axis.size, 1) is not True for axis in window):
            return UNFOLDED
        return INPUT if all(equal(axis.stride, 1) is True for axis in window) else GATHERED

    def stages(self, x: Shape) -> tuple[Layer, ...]:
        window = self.window(x)
        if self.padding_mode == "zeros" and is_symmetric(window):
            return (self,)
        pads = tuple((axis.before, axis.after) for axis in window)
        return Pad(padding=pads, mode=self.padding_mode), replace(self, padding=0, padding_mode="zeros")

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        from archtool import modules

        rank = len(x.spatial)
        fields = {
            "in_channels": x.channels,
            "out_channels": self.out,
            "kernel_size": spread(self.kernel, rank, "kernel"),
            "stride": spread(self.stride, rank, "stride"),
            "dilation": spread(self.dilation, rank, "dilation"),
            "groups": self.groups,
            "bias": self.bias,
        }
        window = self.window(x)
        if is_symmetric(window):
            own = tuple(axis.before for axis in window)
            return getattr(nn, f"Conv{rank}d")(**fields, padding=own, padding_mode=self.padding_mode)  # type: ignore[no-any-return]
        pads = tuple(end for axis in reversed(window) for end in (axis.before, axis.after))
        return getattr(modules, f"PaddedConv{rank}d")(pads, self.padding_mode, **fields)  # type: ignore[no-any-return]


@layer
class DepthwiseConv(Layer):
    """A convolution with one group a channel; `multiplier` outputs for each input channel."""

    kernel: Any = per_axis()
    stride: Any = per_axis(default=1)
    padding: Any = padding(default=0, words=PADDING_WORDS)
    dilation: Any = per_axis(default=1)
    multiplier: Size = channels(default=1)
    bias: bool = flag(default=True)

    examples = (
        Example({"kernel": 3, "padding": "half", "bias": False}, Shape(64, (56, 56)), 576, 1806336, "k^2 c h w"),
        Example({"kernel": [5, 3], "stride": 2, "multiplier": 2}, Shape(6, (15, 16))),
    )

    def resolve(self, x: Shape) -> Layer:
        return Conv(
            out=self.multiplier * x.channels,
            kernel=self.kernel,
            stride=self.stride,
            padding=self.padding,
            dilation=self.dilation,
            groups=x.channels,
            bias=self.bias,
        )


@layer
class PointwiseConv(Layer):
    """A 1 x 1 convolution: the same linear map at each position."""

    out: Size = channels()
    stride: Any = per_axis(default=1)
    groups: Size = channels(default=1)
    bias: bool = flag(default=True)

    examples = (Example({"out": 256, "bias": False}, Shape(64, (56, 56)), 16384, 51380224, "c_in c_out h w"),)

    def resolve(self, x: Shape) -> Layer:
        return Conv(out=self.out, kernel=1, stride=self.stride, groups=self.groups, bias=self.bias)


@layer
class LocallyConnected(Layer):
    """A convolution whose weights and biases are not shared between positions (LeCun 1989; Keras's
    LocallyConnected2D)."""

    holds_more = True
    is_conv = True
    out: Size = channels()
    kernel: Any = per_axis()
    stride: Any = per_axis(default=1)
    padding: Any = padding(default=0, words=PADDING_WORDS)
    bias: bool = flag(default=True)

    examples = (
        Example({"out": 4, "kernel": 3, "padding": 1}, Shape(2, (6, 5)), 2280, 2160, "h w (k^2 c_in c_out + c_out)"),
        Example(
            {"out": 3, "kernel": [2, 3], "stride": [2, 1], "padding": [0, [1, 0]], "bias": False}, Shape(4, (9, 7))
        ),
        Example({"out": 3, "kernel": 3}, Shape(2, (11,))),
    )

    def window(self, x: Shape) -> Window:
        return windows(x, "locally_connected", self.kernel, self.stride, self.padding)

    def mixing(self, x: Shape) -> Mixing:
        return Weighted()

    def nature(self, x: Shape) -> Nature:
        return AFFINE if self.bias else LINEAR

    def channels(self, x: Shape) -> Size:
        return self.out

    def _weights(self, x: Shape) -> Size:
        taps = product(spread(self.kernel, len(x.spatial), "kernel"))
        return self.out * x.channels * taps * self.output(x, self.window(x)).positions

    def params(self, x: Shape) -> Size:
        biases = self.output(x, self.window(x)).elements if self.bias else 0
        return self._weights(x) + biases

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        operations = {"conv.macs": self._weights(x)}
        if self.bias:
            operations["conv.bias"] = y.elements
        return operations

    def products(self, x: Shape, y: Shape) -> tuple[Product, ...]:
        """One with one row at each position, whose weights are its own."""
        taps = product(spread(self.kernel, len(x.spatial), "kernel"))
        return (Product("conv.macs", 1, self.out, x.channels * taps, y.positions, left=UNFOLDED, items=ROWS),)

    def _columns(self, x: Shape, y: Shape) -> Size:
        taps = product(spread(self.kernel, len(x.spatial), "kernel"))
        return x.channels * taps * y.positions

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """What each position reads."""
        return {"same": self._columns(x, y)}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        ends = zip(self.window(x), x.spatial, strict=True)
        padded = x.channels * product(n + axis.before + axis.after for axis, n in ends)
        return {"same": padded + self._columns(x, y) + (y.elements if self.bias else 0)}

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        return {"same": self._columns(x, y) - x.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules import LocallyConnected as Module

        window = self.window(x)
        rank = len(x.spatial)
        return Module(
            channels=x.channels,  # type: ignore[arg-type]  # numbers, when realized
            out=self.out,  # type: ignore[arg-type]
            positions=window.out(x.spatial),  # type: ignore[arg-type]
            kernel=spread(self.kernel, rank, "kernel"),
            stride=spread(self.stride, rank, "stride"),
            padding=tuple((axis.before, axis.after) for axis in window),  # type: ignore[misc]
            bias=self.bias,
        )
