"""Attention within windows."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from archtool.axes import spatial_rank, spread
from archtool.errors import RuleError, Untraceable
from archtool.field import LARGEST_PERIOD, AxisField, Field, Reach
from archtool.fields import channels, flag, per_axis
from archtool.layer import Example, Layer, layer
from archtool.layers.attention import Widths, attended
from archtool.layers.linear import Linear
from archtool.mixing import Attended, Mixing
from archtool.nature import MIRRORED, SHIFTED, Symmetry
from archtool.product import GATHERED, ROWS, Product
from archtool.shape import Shape, axis_name
from archtool.size import Size, equal, exact_div, less, maximum, product, require, require_divisible, where
from archtool.stage import Stage
from archtool.window import Window

if TYPE_CHECKING:
    import torch


@layer
class WindowAttention(Layer):
    """Multi-head attention within windows that tile the input, moved by `shift`, what they cut apart masked apart (Liu
    et al. 2021, arXiv:2103.14030; torchvision's Swin). `position_bias` adds to the scores a learned number for each
    head and offset within a window. An axis that one window covers is not shifted."""

    heads: Size = channels()
    window_: Any = per_axis()
    shift: Any = per_axis(default=0, least=0)
    qkv_bias: bool = flag(default=True)
    bias: bool = flag(default=True)
    position_bias: bool = flag(default=True)

    examples = (
        Example(
            {"heads": 3, "window": 7, "shift": 3},
            Shape(96, (56, 56)),
            37755,
            145108992,
            "Liu et al. 2021, equation 2 and table 7, Swin-T: 4 c^2 + 4 c + 13^2 heads; 4 n c^2 + 2 w^2 n c",
        ),
        Example({"heads": 2, "window": [2, 3], "shift": 1}, Shape(8, (4, 6))),
        Example({"heads": 2, "window": 4, "shift": [0, 2], "position_bias": False}, Shape(8, (4, 8))),
        Example({"heads": 1, "window": 3, "shift": 1}, Shape(4, (9,))),
    )

    def resolve(self, x: Shape) -> Layer:
        """Not shifted along an axis that one window covers."""
        sizes, shifts = self._along(x)
        moved = tuple(where(equal(n, size), 0, shift) for n, size, shift in zip(x.spatial, sizes, shifts, strict=True))
        return self if moved == shifts else replace(self, shift=moved)

    def _along(self, x: Shape) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The window's size and its shift, one of each an axis."""
        rank = spatial_rank(x, self.kind)
        return spread(self.window_, rank, "window"), spread(self.shift, rank, "shift")

    def narrowed(self, x: Shape, kept: Set[int]) -> Layer:
        """Windows of one position along the axes that are not kept."""
        sizes, shifts = self._along(x)
        window = tuple(size if axis in kept else 1 for axis, size in enumerate(sizes))
        return replace(self, window_=window, shift=tuple(s if axis in kept else 0 for axis, s in enumerate(shifts)))

    def field(self, x: Shape, window: Window | None) -> Field:
        """Each position sees its window. Of windows of w positions, the first begin s positions in; before them is what
        was cut off: positions w q + r see [w q + s, w q + s + w - 1] for r >= s, and w less for r < s."""
        return Field(tuple(_of_axis(*sizes) for sizes in zip(*self._along(x), strict=True)))

    def mixing(self, x: Shape) -> Mixing:
        each = exact_div(x.channels, self.heads)
        return Attended(x.channels, x.channels, each)  # type: ignore[arg-type]  # numbers

    def symmetry(self, x: Shape) -> Symmetry:
        return SHIFTED if self.position_bias else MIRRORED

    def channels(self, x: Shape) -> Size:
        sizes, shifts = self._along(x)
        for axis, (n, size, shift) in enumerate(zip(x.spatial, sizes, shifts, strict=True)):
            require_divisible(f"the {axis_name(axis, len(x.spatial))}", n, "window", size)
            require(less(shift, size), "shift (={}) must be smaller than window (={})", shift, size)
        require_divisible("channels", x.channels, "heads", self.heads)
        return x.channels

    def params(self, x: Shape) -> Size:
        c = x.channels
        offsets = product(2 * size - 1 for size in self._along(x)[0])
        biases = (3 * c if self.qkv_bias else 0) + (c if self.bias else 0)
        return 4 * c * c + biases + (offsets * self.heads if self.position_bias else 0)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        pairs = x.positions * product(self._along(x)[0])
        operations = {
            "attention.linear.macs": 4 * x.elements * x.channels,
            "attention.macs": 2 * pairs * x.channels,
            "attention.softmax": self.heads * pairs,
        }
        if self.qkv_bias or self.bias:
            biases = (3 * x.elements if self.qkv_bias else 0) + (y.elements if self.bias else 0)
            operations["attention.linear.bias"] = biases
        if self.position_bias:
            operations["attention.bias"] = self.heads * pairs
        return operations

    def products(self, x: Shape, y: Shape) -> tuple[Product, ...]:
        """The input is copied window by window, once for queries, keys and values."""
        size, c = product(self._along(x)[0]), x.channels
        inward = Product("attention.linear.macs", x.positions, 3 * c, c, 1, "queries, keys, values", GATHERED, ROWS)
        return (inward, *attended(Widths(c, c), self.heads, x, (size, size), exact_div(x.positions, size)))

    def buffers(self, x: Shape) -> Mapping[str, Size]:
        """Which bias each pair of a window's positions has, and which pairs are masked, window by window."""
        sizes, shifts = self._along(x)
        pairs = product(sizes) * product(sizes)
        windows = exact_div(x.positions, product(sizes)) if any(shift != 0 for shift in shifts) else 0
        return {"int64": pairs if self.position_bias else 0, "same": windows * pairs}

    def stages(self, x: Shape) -> tuple[Layer, ...]:
        """The input moved, copied window by window, projected; attention written out: its weights, and copies of
        queries, keys and values, are kept; then projected, put together and moved back."""
        sizes, shifts = self._along(x)
        pairs = self.heads * x.positions * product(sizes)
        offsets = product(2 * size - 1 for size in sizes) * self.heads if self.position_bias else 0
        windows = Shape(x.channels, (x.positions,), True)
        middle = Stage(
            makes=windows,
            weights=offsets,
            saving={"same": 3 * x.elements + pairs},
            at_inference={"same": maximum(2 * x.elements + pairs, x.elements + 2 * pairs)},
            in_training={"same": 4 * x.elements + 2 * pairs},
        )
        moved = (Stage(makes=x),) if any(shift != 0 for shift in shifts) else ()
        inward, outward = Linear(out=3 * x.channels, bias=self.qkv_bias), Linear(out=x.channels, bias=self.bias)
        return (*moved, Stage(makes=windows), inward, middle, outward, Stage(makes=x), *moved)

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules_attention import WindowAttention as Module

        sizes, shifts = self._along(x)
        return Module(
            x.channels,  # type: ignore[arg-type]  # ints when realized, here and below
            self.heads,  # type: ignore[arg-type]
            x.spatial,  # type: ignore[arg-type]
            sizes,
            shifts,
            qkv_bias=self.qkv_bias,
            bias=self.bias,
            position_bias=self.position_bias,
        )


def _of_axis(size: Size, shift: Size) -> AxisField:
    if not isinstance(size, int):
        raise Untraceable("the size of attention's windows varies", size)
    if size > LARGEST_PERIOD:
        raise RuleError(f"window (={size}) is larger than {LARGEST_PERIOD}")
    phases = []
    for r in range(size):
        low = where(less(r, shift), shift - size, shift)
        high = low + size - 1
        phases.append(Reach(low, high, low + high, low + high))
    return AxisField(size, tuple(phases), size, size)
