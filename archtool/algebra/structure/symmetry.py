"""Whether a mirrored, or turned, input gives an output that is mirrored, or turned."""

from __future__ import annotations

from functools import partial
from typing import Final

from archtool.algebra.finding import Finding, unknown
from archtool.algebra.structure.permutation import (
    axis_reads_itself,
    has_positions,
    joins_positions,
    one_position,
    takes_sets,
)
from archtool.algebra.structure.rearranged import ALIKE, STAYS, Rearrangement, equivariant
from archtool.errors import RuleError
from archtool.field import AxisField
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.nature import WINDOWED, Positions
from archtool.shape import axis_name
from archtool.size import Size, equal
from archtool.taps import AxisTaps

FLIP: Final = "flip_equivariant"
ROTATION: Final = "rotation_equivariant"


def flip_equivariant(flat: FlatNetwork, axis: int = -1) -> Finding:
    """Whether a mirrored input mirrors the output, for all weights, or leaves it as it is (`facts["stays"]` names these
    outputs): along an axis of the input, by default the last (left and right); `facts["axis"]` is its name.

    A learned kernel of several positions objects, since it need not be symmetric. Raises RuleError where an input has
    no such axis.
    """
    ranks = {len(x.axes) for x in flat.inputs.values() if x.axes}
    if len(ranks) > 1:
        return unknown("the inputs have different numbers of axes")
    rank = ranks.pop() if ranks else 0
    if not -rank <= axis < rank:
        raise RuleError(f"the input has {rank} axes to mirror it along, none of number {axis}")
    name = axis_name(axis % rank, rank)
    way = _way(FLIP, f"mirrored along the {name}", partial(_passes, (axis % rank,)))
    return equivariant(flat, way, {"axis": name})


def rotation_equivariant(flat: FlatNetwork) -> Finding:
    """Whether an input turned by 90 degrees turns the output, for all weights, or leaves it as it is
    (`facts["stays"]` names these outputs). Inputs have two axes of the same size.

    A learned kernel of several positions objects, since it need not be symmetric.
    """
    for name, x in flat.inputs.items():
        if x.axes and (len(x.axes) != 2 or equal(*x.axes) is not True):
            return unknown(f"'{name}' ({x}) is no square that could be turned by 90 degrees", facts={"degrees": 90})
    way = _way(ROTATION, "turned by 90 degrees", partial(_passes, (0, 1)))
    return equivariant(flat, way, {"degrees": 90})


def _way(rule: str, what: str, passes: partial[str]) -> Rearrangement:
    return Rearrangement(
        rule=rule,
        what=what,
        acts=has_positions,
        passes=passes,
        joins=joins_positions,
        takes_sets=takes_sets,
        is_even=one_position,
    )


def _passes(axes: tuple[int, ...], layer: FlatLayer) -> str:
    """Whether a layer passes on that these axes are mirrored, and, of two, exchanged."""
    run = layer.run
    x, y, name = run.inputs[0], run.output, f"{layer.name} ({run.kind})"
    positions = run.layer.symmetry(x).positions
    if positions is Positions.POOLED:
        return STAYS
    if positions is Positions.ALIKE:
        return ALIKE
    if positions not in WINDOWED or len(x.axes) != len(y.axes):
        return f"{name} is not the same at each position"
    if len(axes) > 1 and (equal(*x.axes) is not True or equal(*y.axes) is not True):
        return f"{name} does not leave a square"
    field = run.layer.field(x, run.layer.window(x))
    if field.is_global:
        return f"{name} is not the same at each position"
    itself = [
        axis_reads_itself(field.axes[axis]) and equal(x.axes[axis], y.axes[axis]) is True for axis in axes if field.axes
    ]
    if all(itself):
        return ALIKE
    if positions is not Positions.MIRRORED and not all([_single(field.axes[axis]) for axis in axes]):
        return f"{name} has weights that need not be symmetric"
    taps = run.layer.taps(x, field)
    if len(axes) > 1 and taps[0] != taps[1]:
        return f"{name} reads along one axis what it does not along the other"
    for axis in axes:
        if not _mirrored(taps[axis], x.axes[axis], y.axes[axis]):
            return f"{name} does not read from one end what it reads from the other"
    return ALIKE


def _single(along: AxisField) -> bool:
    """Whether each position reads a single one, all in the same way."""
    return len(along.phases) == 1 and equal(along.phases[0].low, along.phases[0].high) is True


def _mirrored(taps: AxisTaps, n: Size, m: Size) -> bool:
    """Whether output m-1-p reads, mirrored, what output p reads: of one period, since all others follow."""
    if len(taps.offsets) == 1:  # n - 1 - (S p + low ... S p + high) = S (m-1-p) + low ... S (m-1-p) + high
        offsets = sorted(taps.offsets[0])
        ends = offsets[0] + offsets[-1]
        even = [ends - offset for offset in reversed(offsets)] == offsets
        return even and equal(taps.stride * (m - 1) + ends, n - 1) is True
    if not isinstance(n, int) or not isinstance(m, int):
        raise RuleError(f"what is read from either end is told of numbers only, sizes are {n} and {m}")
    period = min(len(taps.offsets), m)
    return all([sorted(n - 1 - at for at in taps.reads(p)) == sorted(taps.reads(m - 1 - p)) for p in range(period)])
