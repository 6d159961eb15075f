"""Whether two networks take and make tensors of the same shapes."""

from __future__ import annotations

from archtool.algebra.finding import Basis, Finding
from archtool.algebra.structure.shapes import shapes_of
from archtool.flatten import FlatNetwork
from archtool.shape import Shape
from archtool.size import equal

BY_SHAPE = Basis("structure", "relations-shapes")


def output_shapes(flat: FlatNetwork) -> dict[str, Shape]:
    """The shapes of a network's outputs by name."""
    made = shapes_of(flat)
    return {name: made[number] for name, number in flat.outputs.items()}


def shapes_differ(left: FlatNetwork, right: FlatNetwork) -> Finding | None:
    """False where the inputs or outputs of two networks are never of one shape; None where they are, or may be."""
    pairs = [
        ("inputs", list(left.inputs.values()), list(right.inputs.values())),
        ("outputs", list(output_shapes(left).values()), list(output_shapes(right).values())),
    ]
    for what, ones, others in pairs:
        if len(ones) != len(others):
            return _different(f"one has {len(ones)} {what}, the other {len(others)}")
        for one, other in zip(ones, others, strict=True):
            if _never_same(one, other):
                return _different(f"their {what} are {one} and {other}")
    return None


def _different(step: str) -> Finding:
    return Finding(truth=False, basis=(BY_SHAPE,), steps=(step,), facts={"invariant": "shape"})


def _never_same(one: Shape, other: Shape) -> bool:
    if one.is_tokens != other.is_tokens or len(one.spatial) != len(other.spatial):
        return True
    return any([equal(a, b) is False for a, b in zip(one.dims, other.dims, strict=True)])
