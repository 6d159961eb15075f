"""When two kernels are one, exactly and everywhere, and which one: compositions, sums and stacks of stencils.

The rules are those of docs/folding.md. Each gives the stencil, or raises Refused with the reason why there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import gcd

from archtool.shape import Shape, axis_name
from archtool.size import Condition, Size, all_of, at_most, ceil_div, equal, less, maximum
from archtool.stencil import Stencil, StencilAxis
from archtool.trace import Expr

Ends = tuple[Size | None, Size | None]  # the nearest positions outside that are read, before the input and behind it


class Refused(Exception):
    """No single kernel does the same everywhere, or none is wanted: `rule` is a heading of docs/folding.md."""

    def __init__(self, rule: str, why: str) -> None:
        super().__init__(why)
        self.rule = rule


def holds(condition: Condition) -> bool:
    """Whether a condition is certain: one that is open is taken for broken."""
    return condition is True


def composed(first: Stencil, x: Shape, middle: Shape, second: Stencil, y: Shape) -> Stencil:
    """The stencil of `second` behind `first`, where x is what the first reads, y what the second makes."""
    if len(first.axes) != len(second.axes):
        raise Refused("layout", "the first and the second work on different layouts")
    if first.is_transposed or second.is_transposed:
        return _scaled(first, x, middle, second)
    sides = [
        _outside(axis, n, m)
        for axis, n, m in zip(second.axes, _spatial(middle, second), _spatial(y, second), strict=True)
    ]
    mode = first.mode
    if any(side is not None for ends in sides for side in ends):
        mode = second.mode if second.mode == "zeros" else _wrapped(first, x, middle, second)
        if mode == "zeros":
            _check_zeros(first, x, middle, sides)
    elif mode != "zeros":  # what its padding would allow more is not read: it need not be there
        second = second._replace(axes=tuple(axis._replace(after=0) for axis in second.axes))
    axes = tuple(_along(a, b) for a, b in zip(first.axes, second.axes, strict=True))
    groups = common(first.groups, second.groups)
    stencil = Stencil(second.out, groups, axes, first.bias or second.bias, mode)
    if mode == "circular":
        _check_circular(stencil, x)
    return stencil


def _scaled(first: Stencil, x: Shape, middle: Shape, second: Stencil) -> Stencil:
    """A transposed convolution with scales of its channels before it, or scales and shifts behind it."""
    transposed, scales, inputs = (first, second, middle) if first.is_transposed else (second, first, x)
    own = all_of(equal(scales.groups, scales.out), equal(scales.groups, inputs.channels))
    plain = all_of(own, *[_is_plain(axis) for axis in scales.axes])
    if scales.is_transposed or not holds(plain) or (scales is first and first.bias):
        raise Refused("transposed", "a transposed convolution takes up factors of its channels, and what is behind it")
    return transposed._replace(bias=first.bias or second.bias)


def _spatial(shape: Shape, stencil: Stencil) -> tuple[Size, ...]:
    return shape.spatial if stencil.axes else ()


def _along(a: StencilAxis, b: StencilAxis) -> StencilAxis:
    """Output p reads, by taps i and j, the input at s_a (s_b p + d_b j - b_b) + d_a i - b_a: steps of their common
    divisor."""
    if holds(equal(b.kernel, 1)):
        step = a.dilation
    elif holds(equal(a.kernel, 1)):
        step = a.stride * b.dilation
    else:
        step = common(a.stride * b.dilation, a.dilation)
    reach = a.stride * b.reach + a.reach
    kernel = reach // step + 1
    return StencilAxis(
        kernel,
        a.stride * b.stride,
        1 if holds(equal(kernel, 1)) else step,
        a.before + b.before * a.stride,
        a.after + b.after * a.stride,
    )


def common(left: Size, right: Size) -> Size:
    """The greatest common divisor of two sizes; Refused where it varies."""
    if isinstance(left, int) and isinstance(right, int):
        return gcd(left, right)
    if holds(equal(left, right)):
        return left
    if 1 in (left, right):
        return 1
    raise Refused("open", "whether the taps or groups of the first and the second fit varies with the design")


def _outside(axis: StencilAxis, n: Size, m: Size) -> Ends:
    """The positions outside of n inputs that are read by m outputs and lie nearest, before and behind; None where none
    are. Where sizes vary, those next to the input, unless none are for certain."""
    numbers = (n, m, *axis)
    if any(isinstance(size, Expr) for size in numbers):
        last = axis.stride * (m - 1) + axis.reach - axis.before
        return None if holds(at_most(axis.before, 0)) else -1, None if holds(less(last, n)) else n
    before, behind = [], []
    for tap in range(axis.kernel):
        shift = axis.dilation * tap - axis.before
        first_inside = ceil_div(-shift, axis.stride)  # the output whose read is the first not before the input
        if first_inside > 0:
            before.append(axis.stride * (min(first_inside, m) - 1) + shift)
        first_behind = max(ceil_div(n - shift, axis.stride), 0)
        if first_behind < m:
            behind.append(axis.stride * first_behind + shift)
    return max(before, default=None), min(behind, default=None)


def reads_padding(stencil: Stencil, x: Shape, y: Shape) -> bool:
    """Whether any output position reads outside of the input."""
    sizes = zip(stencil.axes, _spatial(x, stencil), _spatial(y, stencil), strict=True)
    return any(side is not None for axis, n, m in sizes for side in _outside(axis, n, m))


def _check_zeros(first: Stencil, x: Shape, middle: Shape, sides: Sequence[Ends]) -> None:
    """The second reads zeros outside of what the first makes. The first would make the same there, out of the zeros
    around x, only where it adds nothing to them and where no tap of it reaches back into x."""
    if first.bias:
        raise Refused(
            "bias before padding",
            "the first adds a bias, and the second pads with zeros that have none: they differ at the border",
        )
    if first.mode != "zeros" and reads_padding(first, x, middle):
        raise Refused("padding modes", "the first pads by mode " + first.mode + ", the second with zeros")
    rank = len(x.spatial)
    for axis, (taps, n, (before, behind)) in enumerate(zip(first.axes, x.spatial, sides, strict=True)):
        clear_before = before is None or less(taps.stride * before + taps.reach - taps.before, 0)  # its last tap
        clear_behind = behind is None or at_most(n, taps.stride * behind - taps.before)  # its first tap
        if not holds(all_of(clear_before, clear_behind)):
            name = axis_name(axis, rank)
            raise Refused(
                "border",
                "the second pads what the first makes with zeros, where the first itself would make other numbers of "
                f"the input's edge (along the {name}): equal only away from the border",
            )


def _wrapped(first: Stencil, x: Shape, middle: Shape, second: Stencil) -> str:
    """The mode of both where the second pads with what lies in its input."""
    if holds(all_of(*[_is_plain(axis) for axis in first.axes])):
        return second.mode  # positions keep their places: padding before or behind it is the same
    circular = second.mode == "circular" and (first.mode == "circular" or not reads_padding(first, x, middle))
    still = all_of(*[equal(axis.stride, 1) for axis in first.axes], *map(equal, x.spatial, middle.spatial))
    if circular and holds(still):
        return "circular"
    raise Refused(
        "padding modes",
        "the second pads by mode "
        + second.mode
        + " what the first makes, which is not what the first makes of a padded input",
    )


def _is_plain(axis: StencilAxis) -> Condition:
    return all_of(equal(axis.kernel, 1), equal(axis.stride, 1), equal(axis.before, 0), equal(axis.after, 0))


def _check_circular(stencil: Stencil, x: Shape) -> None:
    for axis, n in zip(stencil.axes, x.spatial, strict=True):
        if not holds(all_of(at_most(axis.before, n), at_most(axis.after, n))):
            raise Refused("wrapping", "the first and the second together would wrap round more than once")


def added(parts: Sequence[Stencil], x: Shape, y: Shape) -> Stencil:
    """The stencil that holds the sum of several of one input."""
    _check_none_transposed(parts)
    first = parts[0]
    if any(not holds(equal(part.out, first.out)) or len(part.axes) != len(first.axes) for part in parts):
        raise Refused("layout", "they make different numbers of channels")
    return Stencil(
        first.out,
        reduce(common, [part.groups for part in parts]),
        _aligned(parts, y),
        any(part.bias for part in parts),
        _one_mode(parts, x, y),
    )


def stacked(parts: Sequence[Stencil], x: Shape, y: Shape) -> Stencil:
    """The stencil whose output channels are those of several of one input, behind each other."""
    _check_none_transposed(parts)
    out: Size = 0
    for part in parts:
        out = out + part.out
    if any(len(part.axes) != len(parts[0].axes) for part in parts):
        raise Refused("layout", "they work on different layouts")
    bias = any(part.bias for part in parts)
    return Stencil(out, 1, _aligned(parts, y), bias, _one_mode(parts, x, y))


def _check_none_transposed(parts: Sequence[Stencil]) -> None:
    if any(part.is_transposed for part in parts):
        raise Refused("transposed", "transposed convolutions are not added up or put behind each other")


def _one_mode(parts: Sequence[Stencil], x: Shape, y: Shape) -> str:
    modes = {part.mode for part in parts if reads_padding(part, x, y)}
    if len(modes) > 1:
        raise Refused("padding modes", f"they pad by different modes ({', '.join(sorted(modes))})")
    return modes.pop() if modes else "zeros"


def _aligned(parts: Sequence[Stencil], y: Shape) -> tuple[StencilAxis, ...]:
    return tuple(
        _hull([part.axes[axis] for part in parts], y.spatial[axis], axis_name(axis, len(y.spatial)))
        for axis in range(len(parts[0].axes))
    )


def _hull(parts: Sequence[StencilAxis], m: Size, name: str) -> StencilAxis:
    """The taps of all parts, which stride alike, counted from the earliest; the one that reaches furthest says how many
    positions there are. Where there is one alone, strides say nothing."""
    first = parts[0]
    if not all(holds(equal(part.stride, first.stride)) for part in parts) and not holds(equal(m, 1)):
        raise Refused("strides", f"their strides differ along the {name}")
    if all(part == first for part in parts):
        return first
    steps = [part.dilation for part in parts if not holds(equal(part.kernel, 1))]
    shifts = [abs_difference(part.before, first.before) for part in parts]
    steps += [shift for shift in shifts if not holds(equal(shift, 0))]
    step = reduce(common, steps) if steps else 1
    before = maximum(*[part.before for part in parts])
    end = maximum(*[part.reach - part.before for part in parts])
    last = next((part for part in parts if holds(equal(part.reach - part.before, end))), None)
    if last is None:
        raise Refused("open", f"which of them reaches furthest along the {name} varies with the design")
    return StencilAxis((end + before) // step + 1, last.stride, step, before, last.after)


def abs_difference(left: Size, right: Size) -> Size:
    """|left - right|; of sizes that vary their difference, whose sign is of no account to a divisor."""
    difference = left - right
    return abs(difference) if isinstance(difference, int) else difference
