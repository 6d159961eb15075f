"""Alternatives under a condition that stays open, merged by value: shapes and fields by `where`.

Where two alternatives can't be one (another rank, other phases) the design space has to be split: Untraceable.
"""

from __future__ import annotations

from typing import Final

from archtool.errors import Untraceable
from archtool.field import AxisField, Field, Reach
from archtool.shape import Shape
from archtool.size import Size, at_most, where
from archtool.trace import Expr, bounds

MOST_POWERS: Final = 64  # of a field whose number of turns varies, where each is told by itself


def merge_shapes(condition: Expr, yes: Shape, no: Shape) -> Shape:
    """One shape for both alternatives."""
    if yes.is_tokens != no.is_tokens or len(yes.spatial) != len(no.spatial) or len(yes.grid) != len(no.grid):
        raise Untraceable(f"the layout varies with the design ({yes} or {no})", condition)
    spatial = tuple(where(condition, a, b) for a, b in zip(yes.spatial, no.spatial, strict=True))
    grid = tuple(where(condition, a, b) for a, b in zip(yes.grid, no.grid, strict=True))
    return Shape(where(condition, yes.channels, no.channels), spatial, yes.is_tokens, grid)


def merge_fields(condition: Expr, yes: Field | None, no: Field | None) -> Field | None:
    """One field for both alternatives."""
    if yes is no:
        return yes
    if yes is None or no is None or len(yes.axes) != len(no.axes):
        raise Untraceable("what a tensor comes from varies with the design", condition)
    axes = tuple(_merge_axes(condition, a, b) for a, b in zip(yes.axes, no.axes, strict=True))
    return Field(axes, where(condition, yes.state, no.state))


def then_power(field: Field, later: Field, turns: Size) -> Field:
    """The field of a tensor that sees, by n >= 1 turns of `later`, the tensor with this field: in closed form, or where
    there is none as one of a few."""
    try:
        return field.then(later.power(turns))
    except Untraceable:
        least, most = bounds(turns)
        if most - least >= MOST_POWERS:
            raise
    found = field.then(later.power(int(most)))
    for fewer in reversed(range(max(int(least), 1), int(most))):
        found = merge_fields(at_most(turns, fewer), field.then(later.power(fewer)), found)  # type: ignore[arg-type,assignment]  # open
    return found


def _merge_axes(condition: Expr, yes: AxisField, no: AxisField) -> AxisField:
    if len(yes.phases) != len(no.phases):
        raise Untraceable("the phases of a field vary with the design", condition)
    phases = tuple(
        Reach(*(where(condition, a, b) for a, b in zip(left, right, strict=True)))
        for left, right in zip(yes.phases, no.phases, strict=True)
    )
    return AxisField(
        where(condition, yes.stride, no.stride),
        phases,
        where(condition, yes.narrow, no.narrow),
        where(condition, yes.wide, no.wide),
    )
