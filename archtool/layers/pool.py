"""Pooling: by windows, to a given size, and over everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from archtool.axes import in_ceil_mode, is_symmetric, spatial_rank, spread, windows
from archtool.errors import RuleError, Untraceable
from archtool.field import EVERYTHING, LARGEST_PERIOD, AxisField, Field, Reach
from archtool.fields import flag, number, padding, per_axis
from archtool.layer import Example, Layer, PerChannel, layer
from archtool.layers.plain import Pad
from archtool.mixing import Blended, Chosen, Mixing, equal_weights
from archtool.nature import HOMOGENEOUS, LINEAR, OTHER, Nature, Positions, Symmetry
from archtool.shape import Shape
from archtool.size import (
    Size,
    all_of,
    at_most,
    ceil_div,
    decided,
    divides,
    equal,
    exact_div,
    fixed_ratio,
    less,
    maximum,
    minimum,
    product,
    require,
    where,
)
from archtool.stencil import Stencil, own_filter
from archtool.trace import Expr
from archtool.window import Window

if TYPE_CHECKING:
    import torch

PADDING_WORDS: Final = ("half", "same")


def _pool_window(pool: Any, x: Shape, dilation: Any = 1) -> Window:
    """The window of a pool whose stride is its kernel's size where none is given."""
    stride = pool.kernel if pool.stride is None else pool.stride
    window = windows(x, pool.kind, pool.kernel, stride, pool.padding, dilation)
    for axis, kernel in zip(window, spread(pool.kernel, len(window), "kernel"), strict=True):
        for end in (axis.before, axis.after):
            require(at_most(2 * end, kernel), "padding (={}) must be at most half of the kernel (={})", end, kernel)
    require(not pool.ceil_mode or is_symmetric(window), "ceil_mode needs the same padding before and after")
    return in_ceil_mode(window, x.spatial) if pool.ceil_mode else window


def _taps(pool: Any, x: Shape, y: Shape) -> Size:
    return product(spread(pool.kernel, len(x.spatial), "kernel")) * y.elements


def _torch_pool(pool: Any, x: Shape, name: str, filler: float, **more: Any) -> torch.nn.Module:
    """torch's pool, after a module that pads where its own padding can't say it."""
    from torch import nn

    rank = len(x.spatial)
    kernel = spread(pool.kernel, rank, "kernel")
    stride = kernel if pool.stride is None else spread(pool.stride, rank, "stride")
    pads = windows(x, pool.kind, pool.kernel, stride, pool.padding, more.get("dilation", 1))
    symmetric = is_symmetric(pads)
    own = tuple(axis.before for axis in pads) if symmetric else 0
    module = getattr(nn, f"{name}{rank}d")(kernel, stride, own, ceil_mode=pool.ceil_mode, **more)
    if symmetric:
        return module  # type: ignore[no-any-return]  # getattr
    ends = tuple(end for axis in reversed(pads) for end in (axis.before, axis.after))
    return nn.Sequential(getattr(nn, f"ConstantPad{rank}d")(ends, filler), module)


def _padded_apart(pool: Any, x: Shape) -> tuple[Layer, ...]:
    """A pool's stages: padding first, where its own can't say it."""
    stride = pool.kernel if pool.stride is None else pool.stride
    pads = windows(x, pool.kind, pool.kernel, stride, pool.padding, getattr(pool, "dilation", 1))
    if is_symmetric(pads):
        return (pool,)
    return Pad(padding=tuple((axis.before, axis.after) for axis in pads)), replace(pool, padding=0)


@layer
class MaxPool(PerChannel):
    """The greatest element under each window (torch.nn.MaxPool1d, 2d, 3d)."""

    keeps = ("input",)
    kernel: Any = per_axis()
    stride: Any = per_axis(default=None)
    padding: Any = padding(default=0, words=PADDING_WORDS)
    dilation: Any = per_axis(default=1)
    ceil_mode: bool = flag(default=False)

    examples = (
        Example({"kernel": 3, "stride": 2, "padding": 1}, Shape(4, (12, 13)), 0, 0, "no learned parameters"),
        Example({"kernel": [3, 2], "ceil_mode": True}, Shape(4, (11, 13))),
        Example({"kernel": 3, "stride": 3, "padding": 1, "ceil_mode": True}, Shape(4, (8, 10))),
        Example({"kernel": 3, "stride": 2, "padding": "same"}, Shape(4, (12,))),
        Example({"kernel": 2, "dilation": 2, "stride": 1}, Shape(2, (5, 6, 7))),
    )

    def window(self, x: Shape) -> Window:
        return _pool_window(self, x, self.dilation)

    def spacing(self) -> Any:
        return self.dilation

    def mixing(self, x: Shape) -> Mixing:
        return Chosen()

    def nature(self, x: Shape) -> Nature:
        """Linear, where each window has one position. What a window reads of padding alone, over the input, is -inf."""
        ones = all_of(*[equal(size, 1) for size in spread(self.kernel, len(x.spatial), "kernel")])
        inside = all_of(*map(at_most, spread(self.dilation, len(x.spatial), "dilation"), x.spatial))
        return LINEAR if ones is True else HOMOGENEOUS if inside is True else OTHER

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {"pool.max": _taps(self, x, y)}

    def stages(self, x: Shape) -> tuple[Layer, ...]:
        return _padded_apart(self, x)

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """Where each maximum was found."""
        return {"int64": y.elements}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return self.saved(x, y)

    def torch(self, x: Shape) -> torch.nn.Module:
        dilation = spread(self.dilation, len(x.spatial), "dilation")
        return _torch_pool(self, x, "MaxPool", float("-inf"), dilation=dilation)


@layer
class AvgPool(PerChannel):
    """The mean under each window (torch.nn.AvgPool1d, 2d, 3d); padding counts as zeros unless left out."""

    keeps = ("input",)
    kernel: Any = per_axis()
    stride: Any = per_axis(default=None)
    padding: Any = padding(default=0, words=PADDING_WORDS)
    ceil_mode: bool = flag(default=False)
    count_include_pad: bool = flag(default=True)

    examples = (
        Example({"kernel": 2}, Shape(4, (12, 13)), 0, 0, "no learned parameters"),
        Example(
            {"kernel": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}, Shape(3, (8, 10))
        ),
        Example({"kernel": 3, "stride": 2, "padding": "same"}, Shape(3, (8, 10))),
        Example({"kernel": 2}, Shape(2, (5, 6, 7))),
    )

    def window(self, x: Shape) -> Window:
        window = _pool_window(self, x)
        told = self.count_include_pad or self.ceil_mode or is_symmetric(window)
        require(told, "count_include_pad: false needs the same padding before and after")
        return window

    def mixing(self, x: Shape) -> Mixing:
        pads = windows(x, self.kind, self.kernel, 1, self.padding)

        def weights(axis: int, position: int, reads: tuple[int, ...]) -> list[float]:
            """torch divides by how much of the window lies in the input, with its padding or without."""
            before, after = (pads[axis].before, pads[axis].after) if self.count_include_pad else (0, 0)
            counted = sum(-before <= read < x.spatial[axis] + after for read in reads)
            return [1 / counted] * len(reads)

        return Blended(weights)

    def stencil(self, x: Shape) -> Stencil | None:
        """Where windows are not cut off and no padding is left out: else it divides by other numbers at the border."""
        window = self.window(x)
        cut = self.ceil_mode and window != _pool_window(replace(self, ceil_mode=False), x)
        whole = self.count_include_pad or all([axis[2:] == (0, 0) for axis in window])
        return own_filter(x, window, spread(self.kernel, len(window), "kernel")) if whole and not cut else None

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {"pool.average": _taps(self, x, y)}

    def stages(self, x: Shape) -> tuple[Layer, ...]:
        return _padded_apart(self, x)

    def torch(self, x: Shape) -> torch.nn.Module:
        return _torch_pool(self, x, "AvgPool", 0.0, count_include_pad=self.count_include_pad)


@layer
class LpPool(PerChannel):
    """The norm of what is under each window, the sum for norm 1 (torch.nn.LPPool1d, 2d, 3d; Sermanet et al. 2012,
    arXiv:1204.3968)."""

    holds_more = True
    keeps = ("input",)
    kernel: Any = per_axis()
    norm: Any = number(default=2)
    stride: Any = per_axis(default=None)
    ceil_mode: bool = flag(default=False)

    examples = (
        Example({"kernel": 2}, Shape(4, (12, 13)), 0, 0, "no learned parameters"),
        Example({"kernel": [3, 2], "norm": 1, "stride": 2, "ceil_mode": True}, Shape(3, (8, 10))),
        Example({"kernel": 3}, Shape(2, (7,))),
        Example({"kernel": 2, "stride": 1}, Shape(2, (3, 4, 5))),
    )

    def window(self, x: Shape) -> Window:
        require(less(0, self.norm), "norm (={}) must be above 0", self.norm)
        window = windows(x, self.kind, self.kernel, self.kernel if self.stride is None else self.stride, 0)
        return in_ceil_mode(window, x.spatial) if self.ceil_mode else window

    def nature(self, x: Shape) -> Nature:
        """Of norm 1 the sum, signs included; else the root of a sum of powers, which odd ones of negative elements may
        not have."""
        if equal(self.norm, 1) is True:
            return LINEAR
        is_even = isinstance(self.norm, int | Expr) and divides(2, self.norm) is True
        return HOMOGENEOUS if is_even else OTHER

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {"pool.lp": _taps(self, x, y)}

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """The powers, and the steps from their mean to the root of their sum."""
        return {"same": x.elements + 4 * y.elements}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return self.saved(x, y) if training else {"same": maximum(x.elements, 3 * y.elements)}

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        return {"same": x.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        rank = len(x.spatial)
        kernel = spread(self.kernel, rank, "kernel")
        stride = kernel if self.stride is None else spread(self.stride, rank, "stride")
        one = (kernel[0], stride[0]) if rank == 1 else (kernel, stride)  # LPPool1d takes no tuples
        return getattr(nn, f"LPPool{rank}d")(float(self.norm), *one, self.ceil_mode)  # type: ignore[no-any-return]


def _is_one(sizes: tuple[Size, ...]) -> bool:
    return decided(all_of(*[equal(size, 1) for size in sizes]), "whether a pool leaves more than one position")


def _adaptive_shape(x: Shape, size: Any, kind: str) -> Shape:
    return Shape(x.channels, spread(size, spatial_rank(x, kind), "size"))


def _adaptive_field(x: Shape, size: Any, kind: str) -> Field:
    """Output p of m averages inputs floor(p n / m) to ceil((p + 1) n / m) - 1 (torch's AdaptiveAvgPool)."""
    sizes = _adaptive_shape(x, size, kind).spatial
    if _is_one(sizes):
        return EVERYTHING
    return Field(tuple(_adaptive_axis(n, m) for n, m in zip(x.spatial, sizes, strict=True)))


def _adaptive_axis(n: Size, m: Size) -> AxisField:
    fixed = fixed_ratio(n, m)
    period, stride = (m, n) if fixed is None else (fixed.denominator, fixed.numerator)
    if not isinstance(period, int):
        raise Untraceable("the size of an adaptive pool varies", n, m)
    if period > LARGEST_PERIOD:
        raise RuleError(f"an adaptive pool from {n} to {m} has windows of more than {LARGEST_PERIOD} kinds")
    phases = []
    for r in range(period):
        low, high = r * stride // period, ceil_div((r + 1) * stride, period) - 1
        phases.append(Reach(low, high, low + high, low + high))
    sizes = [reach.high - reach.low + 1 for reach in phases]
    return AxisField(stride, tuple(phases), minimum(*sizes), maximum(*sizes))


def _adaptive_taps(x: Shape, y: Shape) -> Size:
    """Elements under all windows: along an axis n + m - (the p in 1..m for which p n / m is whole)."""
    return x.channels * product(_covered(n, m) for n, m in zip(x.spatial, y.spatial, strict=True))


def _covered(n: Size, m: Size) -> Size:
    fixed = fixed_ratio(n, m)
    if fixed is not None:
        return n + m - exact_div(m, fixed.denominator)  # n = a g and m = b g with no more in common
    if not isinstance(m, int) or m > LARGEST_PERIOD:
        raise Untraceable("the size of an adaptive pool varies", n, m)
    whole: Size = 0
    for p in range(1, m + 1):
        whole = whole + where(divides(m, p * n), 1, 0)
    return n + m - whole


class SizedPool(PerChannel):
    """The base of the pools whose output has a given size: `function` is torch's word, `term` the cost's."""

    function: ClassVar[str]
    term: ClassVar[str]

    def output_size(self) -> Any:
        """The output's positions, for all axes or one by one."""
        raise NotImplementedError

    def field(self, x: Shape, window: Window | None) -> Field:
        return _adaptive_field(x, self.output_size(), self.kind)

    def mixing(self, x: Shape) -> Mixing:
        return Chosen() if self.function == "Max" else Blended(equal_weights)

    def nature(self, x: Shape) -> Nature:
        return HOMOGENEOUS if self.function == "Max" else LINEAR

    def symmetry(self, x: Shape) -> Symmetry:
        pooled = self.field(x, None).is_global
        return Symmetry(Positions.POOLED if pooled else Positions.MIRRORED, channels=True)

    def output(self, x: Shape, window: Window | None) -> Shape:
        return _adaptive_shape(x, self.output_size(), self.kind)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {self.term: _adaptive_taps(x, y)}

    def kept(self, x: Shape) -> tuple[str, ...]:
        """The input; a mean over all positions needs none of it."""
        sizes = spread(self.output_size(), len(x.spatial), "size")
        return () if self.function == "Avg" and _is_one(sizes) else ("input",)

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """Where each maximum was found."""
        return {"int64": y.elements} if self.function == "Max" else {}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return self.saved(x, y)

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        sizes = self.output(x, None).spatial
        return getattr(nn, f"Adaptive{self.function}Pool{len(sizes)}d")(sizes)  # type: ignore[no-any-return]  # getattr


class AdaptivePool(SizedPool):
    """The base of the pools to a size that the spec gives."""

    size: Any

    def output_size(self) -> Any:
        return self.size


class GlobalPool(SizedPool):
    """The base of the pools over all positions, which leave one."""

    def output_size(self) -> Any:
        return 1


@layer
class AdaptiveAvgPool(AdaptivePool):
    """The mean over as many windows as the output has positions (torch.nn.AdaptiveAvgPool1d, 2d, 3d)."""

    function, term = "Avg", "pool.adaptive_average"
    size: Any = per_axis()

    examples = (
        Example({"size": 6}, Shape(3, (13, 15)), 0, 0, "no learned parameters"),
        Example({"size": [4, 1]}, Shape(3, (8, 5))),
    )


@layer
class AdaptiveMaxPool(AdaptivePool):
    """The maximum over as many windows as the output has positions (torch.nn.AdaptiveMaxPool1d, 2d, 3d)."""

    function, term = "Max", "pool.adaptive_max"
    size: Any = per_axis()

    examples = (Example({"size": 5}, Shape(3, (13, 7)), 0, 0, "no learned parameters"),)


@layer
class GlobalAvgPool(GlobalPool):
    """The mean of each channel over all positions, kept as one position (Lin et al. 2013, arXiv:1312.4400)."""

    function, term = "Avg", "pool.adaptive_average"
    examples = (Example({}, Shape(5, (7, 8)), 0, 0, "no learned parameters"), Example({}, Shape(5, (9,))))


@layer
class GlobalMaxPool(GlobalPool):
    """The maximum of each channel over all positions, kept as one position."""

    function, term = "Max", "pool.adaptive_max"
    examples = (Example({}, Shape(5, (7, 8)), 0, 0, "no learned parameters"),)
