"""Where a target's numbers stand in a network's input and output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from archtool.algebra.targets import Row, Target
from archtool.errors import RuleError
from archtool.flatten import FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.expressions import output_shapes
from archtool.realize.fitting.chain import Position, positions_of
from archtool.shape import Shape, axis_name


class Place(NamedTuple):
    """A position of the output, and the input position that a target's own channels stand at."""

    output: Position
    own: Position
    is_tokens: bool = False

    def read(self, made: Tensor) -> Tensor:
        """The one channel of the output there, for each item."""
        channel_first = made.movedim(-1, 1) if self.is_tokens else made
        index: tuple[Any, ...] = (slice(None), 0, *self.output)
        return channel_first[index]


def checked(flat: FlatNetwork, target: Target) -> Shape:
    """The shape of the one input; raises RuleError for a network or a target that can't be held against each other."""
    if len(flat.inputs) != 1 or len(flat.outputs) != 1:
        raise RuleError("'fits' is about networks of one input and one output")
    (shape,), (output,) = flat.inputs.values(), output_shapes(flat)
    if as_int(output.channels) != 1:
        raise RuleError(f"the target '{target.text}' is one number, the output has {output.channels} channels")
    if target.channels > as_int(shape.channels):
        raise RuleError(f"the target '{target.text}' reads x{target.channels}, the input has {shape.channels} channels")
    if any(len(each.offset) not in (0, len(shape.spatial)) for each in target.inputs):
        raise RuleError(f"the target '{target.text}' has offsets, the input {shape} has {len(shape.spatial)} axes")
    for axis, size in enumerate(shape.spatial):
        along = [0, *(each.offset[axis] for each in target.inputs if each.offset)]
        if max(along) - min(along) >= as_int(size):
            name = axis_name(axis, len(shape.spatial))
            raise RuleError(
                f"the target '{target.text}' reaches over {max(along) - min(along) + 1} positions along the {name}, the"
                f" input has {size}"
            )
    return shape


def likely(flat: FlatNetwork, target: Target, shape: Shape) -> Place | None:
    """A place in the middle: where the output sees the target's own position in the middle of what it sees, and its
    other positions lie inside the input. None where there is none."""
    (output,) = output_shapes(flat)
    (number,) = flat.outputs.values()
    fields = next((layer.fields[0] for layer in flat.layers if layer.target == number), None)
    for at in positions_of(output):
        own = []
        for axis, size in enumerate(shape.spatial):
            low, high = 0, as_int(size) - 1
            if fields is not None and fields.axes and len(at) == len(fields.axes):
                turn, phase = divmod(at[axis], len(fields.axes[axis].phases))
                reach = fields.axes[axis].phases[phase]
                step = as_int(fields.axes[axis].stride) * turn
                low, high = step + as_int(reach.low), step + as_int(reach.high)
            elif fields is not None and not fields.axes and len(at) == len(shape.spatial):
                low = high = at[axis]
            own.append((low + high) // 2)
        place = Place(at, tuple(own), output.is_tokens)
        if all(_inside(shape, place, each.offset) for each in target.inputs):
            return place
    return None


def _inside(shape: Shape, place: Place, offset: Position) -> bool:
    shifts = offset or (0,) * len(place.own)
    axes = zip(place.own, shifts, shape.spatial, strict=True)
    return all(0 <= at + by < as_int(size) for at, by, size in axes)


def placed(flat: FlatNetwork, target: Target, rows: Sequence[Row], place: Place, seed: int) -> Tensor:
    """An input for each row, with whole numbers where the target reads nothing: they are of no account to it."""
    (shape,) = flat.inputs.values()
    generator = torch.Generator().manual_seed(seed)
    sizes = (len(rows), as_int(shape.channels), *map(as_int, shape.spatial))
    filled = torch.randint(-3, 4, sizes, generator=generator).double()
    for number, each in enumerate(target.inputs):
        offset = each.offset or (0,) * len(place.own)
        at = [here + by for here, by in zip(place.own, offset, strict=True)]
        values = torch.tensor([float(row.inputs[number]) for row in rows], dtype=torch.float64)
        index: tuple[Any, ...] = (slice(None), each.channel, *at)
        filled[index] = values
    return filled.movedim(1, -1).contiguous() if shape.is_tokens else filled
