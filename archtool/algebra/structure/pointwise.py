"""Whether each output position sees its own input position alone: from the fields of the layers, one by one.

A network is pointwise where every layer on the way from an input leaves positions in their places and reads nothing
beside them. Layers that together come to the same (a shift, and one back) are not counted: what leaves at a border may
come in again elsewhere.
"""

from __future__ import annotations

from itertools import zip_longest
from typing import Final

from archtool.algebra.finding import Basis, Finding, unknown
from archtool.algebra.structure.flow import AT_INFERENCE, called, carried, contributing, told
from archtool.algebra.structure.shapes import same, shapes_of
from archtool.field import LOCAL, AxisField, Field
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.shape import Shape
from archtool.size import Condition, Size, all_of, any_of, equal, less, negate

RULE: Final = "pointwise"


def pointwise(flat: FlatNetwork) -> Finding:
    """Whether no output position depends on another input position than its own, for all weights.

    False where the output has other positions than the one input that it depends on; unknown where a layer in general
    reads others. On symbols, for all their values; where that is open, `facts["sufficient"]` is a condition under which
    it is pointwise.
    """
    moving = dependent(flat)
    different = _other_positions(flat, moving)
    if different:
        return Finding(truth=False, basis=(Basis("structure", RULE),), steps=(different,), assumptions=(AT_INFERENCE,))
    layers = [layer for layer in contributing(flat) if moving[layer.target]]
    found = [(layer, _passes(layer, moving)) for layer in layers]
    for layer, condition in found:
        if condition is False:
            reason = f"{called(layer)} reads other positions than an output's own"
            return unknown(reason, objects=True, assumptions=(AT_INFERENCE,))
    for layer, condition in found:
        if condition is not True:
            return unknown(
                f"whether {called(layer)} reads other positions depends on the sizes",
                assumptions=(AT_INFERENCE,),
                facts={"sufficient": all_of(*[each for _, each in found])},
            )
    steps = told((layer, "an output position reads the same position alone") for layer in layers)
    return Finding(
        truth=True,
        basis=(Basis("structure", RULE),),
        steps=(*steps, "every path from the input leaves each position in its place: so does the network"),
        assumptions=(AT_INFERENCE,),
    )


def dependent(flat: FlatNetwork) -> dict[int, bool]:
    """Whether each tensor, by its number, depends on an input: learned tensors, and what is made of them, do not."""
    return carried(
        flat,
        [True] * len(flat.inputs),
        lambda layer, parts: not layer.run.layer.ignores_input and any(parts),
        lambda yes, no: yes or no,
    )


def _other_positions(flat: FlatNetwork, moving: dict[int, bool]) -> str:
    """Why the positions of an output can't be those of the one input; nothing where they may be."""
    if len(flat.inputs) != 1:
        return ""
    (x,) = flat.inputs.values()
    shapes = shapes_of(flat)
    for name, number in flat.outputs.items():
        y = shapes[number]
        if moving[number] and same(x.positions, y.positions) is False:
            return (
                f"the input ({x}) has {x.positions} positions, '{name}' ({y}) has {y.positions}: they are not its own"
            )
    return ""


def _passes(layer: FlatLayer, moving: dict[int, bool]) -> Condition:
    """Whether a layer's output positions see of its tensors that are `moving` their own positions alone, if it is
    there."""
    run = layer.run
    conditions: list[Condition] = []
    for index, (x, source) in enumerate(zip(run.inputs, layer.sources, strict=True)):
        if moving[source]:
            conditions.append(reads_itself(read_of(layer, index), x, run.output))
    return any_of(negate(layer.taken), all_of(*conditions))


def read_of(layer: FlatLayer, index: int) -> Field:
    """What a layer's output positions see of one of its tensors."""
    run = layer.run
    return run.field if index == 0 or run.layer.is_join else run.layer.side_field(run.inputs[0])


def reads_itself(field: Field, x: Shape, y: Shape) -> Condition:
    """Whether a tensor y with this field in x sees of x, at each position, that position alone."""
    alone = all_of(equal(x.positions, 1), equal(y.positions, 1))  # there is no other to see
    if len(x.axes) != len(y.axes) or len(field.axes) not in (0, len(x.axes)):
        return alone
    axes = [_along(axis, n, m) for axis, n, m in zip_longest(field.axes, x.axes, y.axes)]
    return any_of(alone, all_of(equal(field.state, LOCAL), same(x.lead, y.lead), *axes))


def _along(axis: AxisField | None, n: Size, m: Size) -> Condition:
    """Whether it does along one axis, of n positions and of m; without a field each position sees itself."""
    if axis is None:
        return same(n, m)
    period = len(axis.phases)
    each = [
        any_of(less(high, low), all_of(same(low, phase), same(high, phase)))
        for phase, (low, high, _, _) in enumerate(axis.phases)
    ]
    moved = all_of(same(axis.stride, period), *each)
    return all_of(same(n, m), any_of(equal(n, 1), moved))
