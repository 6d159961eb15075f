"""Whether a network's output has the shape of its input: the sizes alone decide, for all their values."""

from __future__ import annotations

from typing import Final

from archtool.algebra.closed import Reader
from archtool.algebra.finding import Basis, Finding, unknown
from archtool.algebra.functions import zero
from archtool.algebra.polynomial import TooLong
from archtool.flatten import FlatNetwork
from archtool.merging import merge_shapes
from archtool.shape import Shape
from archtool.size import Condition, Size, all_of, equal
from archtool.trace import Expr

RULE: Final = "shape_preserving"


def shape_preserving(flat: FlatNetwork) -> Finding:
    """Whether each output has the shape of the one input.

    On symbols: for all their values, wherever the network's own rules hold. Where neither bounds nor algebra decide it,
    `facts["condition"]` is the condition under which it has.
    """
    if len(flat.inputs) != 1:
        return unknown(f"it has {len(flat.inputs)} inputs ({', '.join(flat.inputs)}): which shape is meant is open")
    (x,) = flat.inputs.values()
    shapes = shapes_of(flat)
    conditions = {name: same_shape(x, shapes[number]) for name, number in flat.outputs.items()}
    steps = tuple(f"the input is {x}, '{name}' is {shapes[number]}" for name, number in flat.outputs.items())
    kind = "identity" if _varies(x) or any(_varies(shapes[number]) for number in flat.outputs.values()) else "structure"
    basis = (Basis(kind, RULE if kind == "structure" else "sizes of the input and of the output"),)
    if False in conditions.values():
        return Finding(truth=False, basis=basis, steps=steps)
    holds = all_of(*conditions.values())
    if isinstance(holds, Expr):
        return unknown(f"it depends on the sizes: {'; '.join(steps)}", steps=steps, facts={"condition": holds})
    return Finding(truth=True, basis=basis, steps=steps)


def shapes_of(flat: FlatNetwork) -> dict[int, Shape]:
    """The shape of each tensor by its number; of one of two, told by `where`."""
    known = dict(enumerate(flat.inputs.values())) | {layer.target: layer.run.output for layer in flat.layers}
    for number, (condition, yes, no) in sorted(flat.merges.items()):
        known[number] = merge_shapes(condition, known[yes], known[no])
    return known


def same_shape(x: Shape, y: Shape) -> Condition:
    """Whether two shapes have the same layout and sizes."""
    if x.is_tokens != y.is_tokens or len(x.spatial) != len(y.spatial):
        return False
    return all_of(*[same(n, m) for n, m in zip(x.dims, y.dims, strict=True)])


def same_positions(x: Shape, y: Shape) -> bool:
    """Whether two tensors have the same positions, in the same layout, for certain."""
    alike = x.is_tokens == y.is_tokens and len(x.axes) == len(y.axes) and len(x.spatial) == len(y.spatial)
    return alike and all_of(*map(equal, x.axes, y.axes), *map(equal, x.spatial, y.spatial)) is True


def same(left: Size, right: Size) -> Condition:
    """Whether two sizes are equal: by bounds, else by algebra, for all values for which their rules hold."""
    found = equal(left, right)
    if not isinstance(found, Expr):
        return found
    reader = Reader()
    try:
        decided = zero(reader.of(left) - reader.of(right)).constant
    except TooLong:
        return found
    return found if decided is None else decided == 1


def _varies(shape: Shape) -> bool:
    return any(isinstance(size, Expr) for size in shape.dims)
