"""Exact padding: the products of convolutions that touch the input, without those with the zeros around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from archtool.analysis.operations.recost import recosted
from archtool.axes import spread
from archtool.errors import RuleError, Untraceable
from archtool.runs import BlockRun, LayerRun
from archtool.size import Size, ceil_div, less, maximum, minimum, product, where
from archtool.taps import check_taps

OUTPUT_PLACED: Final = "conv.macs"  # each output position meets the whole kernel
INPUT_PLACED: Final = "conv_transpose.macs"  # each input position meets the whole kernel
LARGEST_VARYING: Final = 256  # taps of a kernel whose size varies


class Slide(NamedTuple):
    """A kernel that slides along one axis: at turn q its tap t lies at position stride * q + spacing * t - before; it
    makes `turns`, over `end` positions."""

    kernel: Size
    spacing: Size
    stride: Size
    before: Size
    turns: Size
    end: Size


def touching(run: LayerRun) -> Mapping[str, Size]:
    """A layer's operations, of a convolution's multiply-accumulates only those whose input is none of the padding's.

    A window slides along each axis by itself, so that the pairs of positions and taps that touch the input are the
    product of those along each axis. Padding that repeats the input (`reflect`, `replicate`, `circular`) is input too.
    Raises Untraceable for a kernel whose size varies without bounds.
    """
    operations = run.cost.operations
    term = next((term for term in (OUTPUT_PLACED, INPUT_PLACED) if term in operations), None)
    if term is None or getattr(run.layer, "padding_mode", "zeros") != "zeros":
        return operations
    slides = list(_slides(run, term))
    counted = product(slide.turns * slide.kernel for slide in slides)
    each = operations[term] // counted
    if isinstance(counted, int) and each * counted != operations[term]:
        raise RuleError(f"the window of '{run.kind}' does not slide along each axis by itself")
    return {**operations, term: each * product(map(pairs_inside, slides))}


def touching_network(network: BlockRun) -> BlockRun:
    """A network whose convolutions count only the products that touch their input."""
    return recosted(network, lambda run: run.cost._replace(operations=touching(run)))


def _slides(run: LayerRun, term: str) -> Iterator[Slide]:
    """How a convolution's kernel slides over its input, or a transposed one's over its output."""
    layer: Any = run.layer
    x, y = run.inputs[0], run.output
    kernels = spread(layer.kernel, len(x.spatial), "kernel")
    if term == OUTPUT_PLACED:
        spacings = spread(layer.spacing(), len(x.spatial), "dilation")
        places = [(axis.stride, axis.before) for axis in layer.window(x)]
        ends = zip(y.spatial, x.spatial, strict=True)
    else:
        spacings = spread(layer.dilation, len(x.spatial), "dilation")
        places = list(zip(*(spread(each, len(x.spatial), "") for each in (layer.stride, layer.padding)), strict=True))
        ends = zip(x.spatial, y.spatial, strict=True)
    for kernel, spacing, place, end in zip(kernels, spacings, places, ends, strict=True):
        yield Slide(kernel, spacing, *place, *end)


def pairs_inside(slide: Slide) -> Size:
    """How many of the positions that the taps of all turns meet lie inside.

    >>> pairs_inside(Slide(kernel=3, stride=1, before=1, spacing=1, turns=7, end=7))
    19
    """
    kernel = slide.kernel
    if isinstance(kernel, int):
        check_taps(kernel)
        return sum(_turns_inside(slide, tap) for tap in range(kernel))
    if kernel.high > LARGEST_VARYING:
        raise Untraceable("the products with padding of a kernel that may be of any size can't be told apart", kernel)
    inside: Size = 0
    for tap in range(int(kernel.high)):
        inside = inside + where(less(tap, kernel), _turns_inside(slide, tap), 0)
    return inside


def _turns_inside(slide: Slide, tap: int) -> Size:
    """At how many turns q the tap meets a position inside: 0 <= stride * q + offset < end."""
    offset = slide.spacing * tap - slide.before
    first = maximum(0, ceil_div(-offset, slide.stride))
    last = minimum(slide.turns - 1, (slide.end - 1 - offset) // slide.stride)
    return maximum(0, last - first + 1)
