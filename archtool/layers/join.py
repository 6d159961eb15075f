"""Joins: several tensors in, one out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from archtool.errors import RuleError
from archtool.layer import Example, Join, layer
from archtool.mixing import Chosen, Concatenated, Mixing, Multiplied, Summed
from archtool.nature import (
    HOMOGENEOUS,
    LINEAR,
    MIRRORED,
    MOST_ROUTES,
    MULTILINEAR,
    Coupling,
    Groups,
    Nature,
    Positions,
    Symmetry,
    among,
)
from archtool.shape import Shape
from archtool.size import Size, all_of, any_of, equal, less, require, where

if TYPE_CHECKING:
    import torch

_EXAMPLE = (Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"), Example({}, Shape(4)))


def _same_layout(inputs: tuple[Shape, ...]) -> None:
    first = inputs[0]
    for other in inputs[1:]:
        if other.is_tokens != first.is_tokens or len(other.spatial) != len(first.spatial):
            raise RuleError(f"tensors of different layouts do not join: {first} and {other}")


class Elementwise(Join):
    """The base of the joins that work element by element; an axis of size 1 stretches to the others' size."""

    folds = True
    function: ClassVar[str]  # torch's, of two tensors
    examples = _EXAMPLE

    def couplings(self, inputs: tuple[Shape, ...], y: Shape) -> tuple[Coupling, ...]:
        """Each channel of each; one that stretches is in all."""
        return tuple([Groups(y.channels) if equal(x.channels, y.channels) is True else Groups(1) for x in inputs])

    def symmetry(self, x: Shape) -> Symmetry:
        return Symmetry(Positions.MIRRORED, channels=True)

    def joined(self, inputs: tuple[Shape, ...]) -> Shape:
        _same_layout(inputs)
        result = inputs[0]
        for other in inputs[1:]:
            if other != result:
                channels = _stretched(result.channels, other.channels, result, other)
                spatial = tuple(
                    _stretched(a, b, result, other) for a, b in zip(result.spatial, other.spatial, strict=True)
                )
                result = Shape(channels, spatial, result.is_tokens, _one_grid(result, other))
        return result

    def joining(self, inputs: tuple[Shape, ...], y: Shape) -> dict[str, Size]:
        return {f"elementwise.{self.kind}": (len(inputs) - 1) * y.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules import Combine

        return Combine(self.function)


def _one_grid(left: Shape, right: Shape) -> tuple[Size, ...]:
    """The grid of joined tokens; those without one (a positional parameter) take the others'."""
    if left.grid and right.grid:
        same = len(left.grid) == len(right.grid)
        rule = "tokens of different grids do not join: {} and {}"
        require(same and all_of(*map(equal, left.grid, right.grid)), rule, left.grid, right.grid)
    return left.grid or right.grid


def _stretched(a: Size, b: Size, left: Shape, right: Shape) -> Size:
    first_stretches, second_stretches = equal(a, 1), equal(b, 1)
    joins = any_of(equal(a, b), first_stretches, second_stretches)
    require(joins, "shapes do not join element by element: {} and {}", left, right)
    return where(first_stretches, b, a)  # type: ignore[no-any-return]  # where of sizes


@layer
class Add(Elementwise):
    """The sum."""

    passes = "all"
    function = "add"

    def mixing(self, x: Shape) -> Mixing:
        return Summed()

    def nature(self, x: Shape) -> Nature:
        return LINEAR


@layer
class Subtract(Elementwise):
    """The first less the others."""

    passes = "first"
    function = "sub"

    def mixing(self, x: Shape) -> Mixing:
        return Summed(others=-1)

    def nature(self, x: Shape) -> Nature:
        return LINEAR


@layer
class Multiply(Elementwise):
    """The product, element by element (a gate)."""

    keeps = ("input",)
    function = "mul"

    def mixing(self, x: Shape) -> Mixing:
        return Multiplied()

    def nature(self, x: Shape) -> Nature:
        return MULTILINEAR


class Extreme(Elementwise):
    """The base of the joins that choose one of their tensors, element by element."""

    keeps = ("input",)

    def nature(self, x: Shape) -> Nature:
        return HOMOGENEOUS

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """Half the gradient, for where both are the same; which is smaller, and whether they are the same."""
        return {"same": y.elements, "bool": 2 * y.elements}


@layer
class Maximum(Extreme):
    """The greatest, element by element (maxout)."""

    function = "maximum"

    def mixing(self, x: Shape) -> Mixing:
        return Chosen()


@layer
class Minimum(Extreme):
    """The least, element by element."""

    function = "minimum"

    def mixing(self, x: Shape) -> Mixing:
        return Chosen(least=True)


@layer
class Concat(Join):
    """The tensors' channels behind each other, in the order of the paths."""

    passes = "parts"
    examples = _EXAMPLE

    def mixing(self, x: Shape) -> Mixing:
        return Concatenated()

    def nature(self, x: Shape) -> Nature:
        return LINEAR

    def couplings(self, inputs: tuple[Shape, ...], y: Shape) -> tuple[Coupling, ...]:
        """Each in its place, behind those before it; of more than can be told one by one, all of all."""
        sizes = [x.channels for x in inputs]
        if less(MOST_ROUTES, len(sizes) * y.channels) is True:
            return super().couplings(inputs, y)
        return tuple([among(sum(sizes[:at]), own, sum(sizes[at + 1 :])) for at, own in enumerate(sizes)])

    def symmetry(self, x: Shape) -> Symmetry:
        return MIRRORED

    def joined(self, inputs: tuple[Shape, ...]) -> Shape:
        _same_layout(inputs)
        first = inputs[0]
        channels, grid = first.channels, first.grid
        for other in inputs[1:]:
            for a, b in zip(first.spatial, other.spatial, strict=True):
                require(equal(a, b), "shapes do not join by their channels: {} and {}", first, other)
            channels = channels + other.channels
            grid = grid or _one_grid(first, other)
        return Shape(channels, first.spatial, first.is_tokens, grid)

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool.modules import Concatenate

        return Concatenate(2 if x.is_tokens else 1)
