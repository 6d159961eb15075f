"""Fields told once for all axes or one by one, spread over the axes of an input."""

from __future__ import annotations

from typing import Any

from archtool.errors import RuleError
from archtool.shape import Shape, axis_name
from archtool.size import Size, all_of, ceil_div, decided, equal, less, maximum, require, where
from archtool.window import AxisWindow, Window

MAX_RANK = 3  # torch's convolutions and poolings go up to three axes


def spatial_rank(x: Shape, kind: str) -> int:
    """The number of spatial axes, at least one; raises RuleError for vectors and tokens."""
    rank = len(x.spatial)
    if x.is_tokens:
        raise RuleError(f"'{kind}' needs (channels, spatial), the input is (tokens, channels) = {x}")
    if not 1 <= rank <= MAX_RANK:
        raise RuleError(f"'{kind}' needs 1 to {MAX_RANK} spatial axes, the input {x} has {rank}")
    return rank


def spread(value: Any, rank: int, name: str) -> tuple[Any, ...]:
    """One value for each axis."""
    if not isinstance(value, tuple):
        return (value,) * rank
    if len(value) != rank:
        raise RuleError(f"{name} has {len(value)} values, the input has {rank} spatial axes")
    return value


def windows(x: Shape, kind: str, kernel: Any, stride: Any, padding: Any, dilation: Any = 1) -> Window:
    """The window of a kernel slid over an input; `half` is d(k-1)//2 on both sides, `same` gives ceil(n / stride).

    Raises RuleError where a list does not have one value an axis.
    """
    rank = spatial_rank(x, kind)
    if padding != "same" and tuple not in (type(kernel), type(stride), type(padding), type(dilation)):
        return Window((_axis(x.spatial[0], kernel, stride, padding, dilation),) * rank)
    kernels, strides, dilations = (
        spread(kernel, rank, "kernel"),
        spread(stride, rank, "stride"),
        spread(dilation, rank, "dilation"),
    )
    pads = spread(padding, rank, "padding")
    return Window([_axis(n, *fields) for n, *fields in zip(x.spatial, kernels, strides, pads, dilations, strict=True)])


def _axis(n: Size, kernel: Size, stride: Size, padding: Any, dilation: Size) -> AxisWindow:
    size = dilation * (kernel - 1) + 1
    if padding == "half":
        padding = dilation * (kernel - 1) // 2
    elif padding == "same":
        total = maximum((ceil_div(n, stride) - 1) * stride + size - n, 0)
        return AxisWindow(size, stride, total // 2, total - total // 2)
    before, after = padding if isinstance(padding, tuple) else (padding, padding)
    return AxisWindow(size, stride, before, after)


def is_symmetric(window: Window) -> bool:
    """Whether padding is the same before and after, along every axis; Untraceable where that varies."""
    same = all_of(*[equal(axis.before, axis.after) for axis in window])
    return decided(same, "whether padding is the same on both sides")


def in_ceil_mode(window: Window, spatial: tuple[Size, ...]) -> Window:
    """The window with torch's ceil mode folded into `after`: one more output where it starts inside the input or the
    padding before it (torch.nn.MaxPool2d, note on ceil_mode)."""
    return Window([_ceil_axis(axis, n) for axis, n in zip(window, spatial, strict=True)])


def _ceil_axis(window: AxisWindow, n: Size) -> AxisWindow:
    size, stride, before, after = window
    room = n + before + after - size
    short = -(-room // stride) * stride - room  # positions that the last, partial step lacks
    return window._replace(after=after + where(less(room + short, n + before), short, 0))


def check_wrap(window: Window, x: Shape, mode: str) -> None:
    """Reflection needs padding below the input's size, wrapping at most that size (torch.nn.functional.pad)."""
    spare = {"reflect": 0, "circular": 1}.get(mode)
    if spare is None:
        return
    for axis, (side, n) in enumerate(zip(window, x.spatial, strict=True)):
        for end in (side.before, side.after):
            rule = "padding {} is too large for {} mode along the {} ({})"
            require(less(end, n + spare), rule, end, mode, axis_name(axis, len(window)), n)
