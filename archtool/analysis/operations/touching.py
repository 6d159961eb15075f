"""Exact padding: the products of convolutions that touch the input, without those with the zeros around it."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from archtool.analysis.numbers import whole
from archtool.analysis.operations.recost import recosted
from archtool.errors import RuleError
from archtool.runs import BlockRun, LayerRun
from archtool.size import Size
from archtool.taps import AxisTaps

OUTPUT_PLACED = "conv.macs"  # each output position meets the whole kernel
INPUT_PLACED = "conv_transpose.macs"  # each input position meets the whole kernel


def touching(run: LayerRun) -> Mapping[str, Size]:
    """A layer's operations, of a convolution's multiply-accumulates only those whose input is none of the padding's.

    A window slides along each axis by itself, so that the pairs of positions and taps that touch the input are the
    product of those along each axis. Padding that repeats the input (`reflect`, `replicate`, `circular`) is input too.
    """
    operations = run.cost.operations
    term = next((term for term in (OUTPUT_PLACED, INPUT_PLACED) if term in operations), None)
    layer, (x, *_) = run.layer, run.inputs
    if term is None or getattr(layer, "padding_mode", "zeros") != "zeros":
        return operations
    axes = layer.taps(x, layer.field(x, layer.window(x)))
    ends = run.output.spatial if term == OUTPUT_PLACED else x.spatial
    counted = prod(map(whole, ends)) * prod(_kernel(axis) for axis in axes)
    pairs = prod(
        pairs_inside(axis, whole(n), whole(m)) for axis, n, m in zip(axes, x.spatial, run.output.spatial, strict=True)
    )
    products, rest = divmod(whole(operations[term]) * pairs, counted)
    if rest:
        raise RuleError(f"the window of '{run.kind}' does not slide along each axis by itself")
    return {**operations, term: products}


def touching_network(network: BlockRun) -> BlockRun:
    """A network whose convolutions count only the products that touch their input."""
    return recosted(network, lambda run: run.cost._replace(operations=touching(run)))


def _kernel(axis: AxisTaps) -> int:
    return sum(map(len, axis.offsets))


def pairs_inside(axis: AxisTaps, n: int, m: int) -> int:
    """How many of the input positions that the m output positions read lie inside an input of n.

    >>> pairs_inside(AxisTaps(1, ((-1, 0, 1),)), 7, 7)
    19
    """
    phases = len(axis.offsets)
    return sum(
        _turns(-(-(m - phase) // phases), axis.stride, offset, n)
        for phase, offsets in enumerate(axis.offsets)
        for offset in offsets
    )


def _turns(turns: int, stride: int, offset: int, n: int) -> int:
    """How many q < turns have 0 <= stride * q + offset < n."""
    first = max(0, -(offset // stride))  # ceil(-offset / stride)
    last = min(turns - 1, (n - 1 - offset) // stride)
    return max(0, last - first + 1)
