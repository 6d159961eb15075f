"""Whether a network treats all its pixels, or all its channels, alike: reordered inputs give reordered outputs."""

from __future__ import annotations

from typing import Final

from archtool.algebra.finding import Finding
from archtool.algebra.structure.rearranged import ALIKE, STAYS, Rearrangement, equivariant
from archtool.algebra.structure.shapes import same_positions
from archtool.errors import RuleError, nearest
from archtool.field import AxisField
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.nature import WINDOWED, Positions
from archtool.shape import Shape
from archtool.size import all_of, equal

RULE: Final = "permutation_equivariant"


def permutation_equivariant(flat: FlatNetwork, axis: str) -> Finding:
    """Whether any reordering of the input's `pixels` (positions or tokens), or of its `channels`, reorders the output's
    alike, for all weights; or leaves it as it is, where it has none left (`facts["stays"]` names these outputs).

    Tokens that stand before those of a grid (a class token) stay in their places. Of several inputs, all are reordered
    alike. Raises RuleError for another `axis`.
    """
    if axis not in _WAYS:
        allowed = ", ".join(_WAYS)
        raise RuleError(f"permutation_equivariant is asked for one of {allowed}, not {axis}" + nearest(axis, [*_WAYS]))
    return equivariant(flat, _WAYS[axis], {"axis": axis})


def same_axes(x: Shape, y: Shape) -> bool:
    """Whether two tensors have the same axes of positions."""
    return len(x.axes) == len(y.axes) and all_of(*map(equal, x.axes, y.axes)) is True


def has_positions(x: Shape) -> bool:
    """Whether a tensor may have several positions."""
    return all_of(*[equal(n, 1) for n in x.axes]) is not True


def one_position(x: Shape) -> bool:
    """Whether a tensor has one position, for certain."""
    return all_of(*[equal(n, 1) for n in x.spatial]) is True


def axis_reads_itself(along: AxisField) -> bool:
    """Whether each position reads its own alone."""
    if len(along.phases) != 1:
        return False
    reach = along.phases[0]
    return all_of(equal(along.stride, 1), equal(reach.low, 0), equal(reach.high, 0)) is True


def joins_positions(x: Shape, y: Shape, layer: FlatLayer) -> bool:
    """Whether a join takes a tensor like x position by position."""
    return same_positions(x, y) and layer.run.layer.symmetry(layer.run.inputs[0]).positions in WINDOWED


def takes_sets(layer: FlatLayer) -> bool:
    """Whether the positions of a layer's further tensors may stand in any order."""
    return layer.run.layer.symmetry(layer.run.inputs[0]).positions is Positions.ALIKE


def _passes_pixels(layer: FlatLayer) -> str:
    run = layer.run
    x, name = run.inputs[0], f"{layer.name} ({run.kind})"
    positions = run.layer.symmetry(x).positions
    if positions is Positions.POOLED:
        return STAYS
    if positions is Positions.ALIKE:
        return ALIKE
    if positions is Positions.APART:
        return f"{name} is not the same at each position"
    field = run.layer.field(x, run.layer.window(x))
    in_place = not field.is_global and same_axes(x, run.output) and all(map(axis_reads_itself, field.axes))
    return ALIKE if in_place else f"{name} reads a position's neighbours, or moves it"


def _passes_channels(layer: FlatLayer) -> str:
    run = layer.run
    x, y = run.inputs[0], run.output
    if run.layer.symmetry(x).channels:
        if equal(x.channels, y.channels) is True:
            return ALIKE
        if equal(y.channels, 1) is True:
            return STAYS
    return f"{layer.name} ({run.kind}) treats channels by their numbers"


def _joins_channels(x: Shape, y: Shape, layer: FlatLayer) -> bool:
    return layer.run.layer.symmetry(layer.run.inputs[0]).channels and equal(x.channels, y.channels) is True


_WAYS: Final = {
    "pixels": Rearrangement(
        rule=RULE,
        what="reordered by pixels",
        acts=has_positions,
        passes=_passes_pixels,
        joins=joins_positions,
        takes_sets=takes_sets,
        is_even=one_position,
    ),
    "channels": Rearrangement(
        rule=RULE,
        what="reordered by channels",
        acts=lambda x: equal(x.channels, 1) is not True,
        passes=_passes_channels,
        joins=_joins_channels,
        takes_sets=lambda layer: False,
        is_even=lambda y: equal(y.channels, 1) is True,
    ),
}
