"""Linear parts of a network as trees of layers: each knows the set of kernels that it can be."""

from __future__ import annotations

from functools import partial
from typing import Final, NamedTuple

from archtool.algebra.relations.kernels import (
    INSIDE,
    POINT,
    ZEROS,
    Kernels,
    Taps,
    bounded,
    composed,
    dense,
    diagonal,
    grouped,
    offsets,
    summed,
    united,
)  # fmt: skip
from archtool.axes import spread
from archtool.field import POINTWISE
from archtool.flatten import FlatLayer
from archtool.layers.conv import Conv
from archtool.layers.linear import Linear
from archtool.layers.norm import BatchNorm
from archtool.layers.residual import LayerScale
from archtool.mixing import Copied
from archtool.runs import LayerRun
from archtool.shape import Shape
from archtool.size import Size, all_of, at_most, equal

MOST_LAYERS: Final = 200  # of a part, which is as deep


class Leaf(NamedTuple):
    """A layer with weights of its own: a kernel, or a factor a channel."""

    layer: FlatLayer
    reach: Kernels


class Pass(NamedTuple):
    """What changes nothing."""

    reach: Kernels


class Chain(NamedTuple):
    """A part behind another."""

    first: Part
    then: Part
    reach: Kernels


class Sum(NamedTuple):
    """Parallel parts, of which the one numbered `leading` can be any of their sums; None where none can."""

    parts: tuple[Part, ...]
    leading: int | None
    reach: Kernels


class Stack(NamedTuple):
    """Parallel parts, their channels behind each other."""

    parts: tuple[Part, ...]
    reach: Kernels


class Doubled(NamedTuple):
    """A part, relu, and a part again, as far as they are linear: z = relu(z) - relu(-z), each channel between twice."""

    first: Part
    then: Part
    reach: Kernels


Part = Leaf | Pass | Chain | Sum | Stack | Doubled


def layers_of(part: Part) -> tuple[FlatLayer, ...]:
    """The layers of a part, in order."""
    found: list[FlatLayer] = []
    left = [part]
    while left:
        match left.pop():
            case Leaf(layer=layer):
                found.append(layer)
            case Sum(parts=parts) | Stack(parts=parts):
                left += reversed(parts)
            case Chain(first=first, then=then) | Doubled(first=first, then=then):
                left += (then, first)
    return tuple(found)


def leaf(layer: FlatLayer, *, whole: bool = False) -> Leaf | None:
    """A layer as a part, its taps that never read the input left out, or the `whole` kernel: None for a layer that is
    none."""
    run = layer.run
    kind, x = run.layer, run.inputs[0]
    if isinstance(kind, Conv):
        axes = _axes(kind, run, whole)
        border = kind.padding_mode if _reads_outside(kind, run, axes) else INSIDE
        taps = () if all([axis == POINT for axis in axes]) else axes
        if kind.groups == 1 if isinstance(kind.groups, int) else False:
            return Leaf(layer, dense(taps, x.channels, kind.out, border, kind.bias))
        return Leaf(layer, grouped(taps, x.channels, kind.out, kind.groups, border, kind.bias))
    if isinstance(kind, Linear):
        return Leaf(layer, dense((), x.channels, kind.out, INSIDE, kind.bias))
    if isinstance(kind, BatchNorm):
        return Leaf(layer, diagonal(x.channels, bias=True, onto=kind.affine))
    if isinstance(kind, LayerScale):
        return Leaf(layer, diagonal(x.channels, bias=False, onto=True))
    return None


def _axes(kind: Conv, run: LayerRun, whole: bool) -> tuple[Taps, ...]:
    """The taps along each axis, all of the `whole` kernel, or without those that never read the input."""
    x, y = run.inputs[0], run.output
    rank = len(x.spatial)
    window = kind.window(x)
    kernels, dilations = spread(kind.kernel, rank, "kernel"), spread(kind.dilation, rank, "dilation")
    found = []
    for count, dilation, axis, n, m in zip(kernels, dilations, window, x.spatial, y.spatial, strict=True):
        taps = Taps(count, dilation, axis.before, axis.stride)
        if kind.padding_mode == ZEROS:
            taps = taps if whole else _live(taps, n, m)
            taps = taps._replace(dilation=1) if equal(taps.number, 1) is True else taps
        found.append(taps)
    return tuple(found)


def _live(taps: Taps, n: Size, m: Size) -> Taps:
    """Without the taps that lie in zeros at each of m output positions, of n of the input, all being numbers."""
    if equal(m, 1) is True:
        taps = taps._replace(stride=1)
    if all(isinstance(value, int) for value in (*taps, n, m)):
        taps = read_at_all(taps, n, m)  # type: ignore[arg-type]  # numbers
    return taps


def read_at_all(taps: Taps, n: int, m: int) -> Taps:
    """Without the taps at either end that never read the input; as they are where none does."""
    places = offsets(taps)
    behind = -(-(taps.before - taps.stride * (m - 1)) // taps.dilation)  # the first that is not too far to the left
    near = places[max(0, behind) : max(0, (taps.before + n - 1) // taps.dilation + 1)]
    is_read = partial(_is_read, stride=taps.stride, n=n, m=m)  # type: ignore[arg-type]  # a number
    first, last = next(filter(is_read, near), None), next(filter(is_read, reversed(near)), None)
    if first is None or last is None:
        return taps
    return taps._replace(number=(last - first) // places.step + 1, before=-first)


def _is_read(at: int, stride: int, n: int, m: int) -> bool:
    """Whether stride * p + at lies in 0 .. n - 1 for some p < m."""
    first = max(0, -(at // stride))  # the first p for which stride * p >= -at
    return first < m and stride * first + at < n


def _reads_outside(kind: Conv, run: LayerRun, axes: tuple[Taps, ...]) -> bool:
    """Whether some tap that reads the input at one position lies outside of it at another; True where that varies."""
    x, y = run.inputs[0], run.output
    inside = []
    for taps, axis, n, m in zip(axes, kind.window(x), x.spatial, y.spatial, strict=True):
        unpadded = all_of(equal(axis.before, 0), equal(axis.after, 0)) is True
        last = taps.stride * (m - 1) + taps.dilation * (taps.number - 1) - taps.before
        inside.append(unpadded or all_of(at_most(taps.before, 0), at_most(last, n - 1)) is True)
    return not all(inside)


def passes(run: LayerRun) -> bool:
    """Whether a layer's output is its input, perhaps in another layout, position by position, at inference."""
    x, y, mixing = run.inputs[0], run.output, run.layer.mixing(run.inputs[0])
    if not run.layer.is_view or len(run.inputs) > 1 or not isinstance(mixing, Copied) or run.field != POINTWISE:
        return False
    stays = equal(x.channels, y.channels) is True
    return stays and (mixing.in_place or equal(x.positions, 1) is True) and equal(x.positions, y.positions) is True


def identity(shape: Shape) -> Pass:
    """Nothing, of a tensor of this shape."""
    return Pass(diagonal(shape.channels, bias=False, onto=False))


def chained(first: Part, then: Part, *, loosely: bool = False) -> Part | None:
    """A part behind another as one, where the set of its kernels is known exactly, `loosely` where one is known that
    holds them all; None of more than MOST_LAYERS layers."""
    if isinstance(first, Pass):
        return then
    if isinstance(then, Pass):
        return first
    if len(layers_of(first)) + len(layers_of(then)) > MOST_LAYERS:
        return None
    reach = composed(first.reach, then.reach)
    if reach is None and loosely:
        reach = bounded(first.reach, then.reach)
    return None if reach is None else Chain(first, then, reach)


def added(parts: tuple[Part, ...], *, loosely: bool = False) -> Part | None:
    """The sum of parallel parts as one, as `chained` has it."""
    reaches = tuple([part.reach for part in parts])
    found = summed(reaches)
    if found is not None:
        return Sum(parts, found[1], found[0])
    reach = united(reaches, stacked=False) if loosely else None
    return None if reach is None else Sum(parts, None, reach)


def stacked(parts: tuple[Part, ...]) -> Part | None:
    """The channels of parallel parts behind each other as one part, where a set is known that holds its kernels."""
    reach = united(tuple([part.reach for part in parts]), stacked=True)
    return None if reach is None else Stack(parts, reach)
