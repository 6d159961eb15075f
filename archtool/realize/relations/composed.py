"""The kernels that linear parts are with given weights: as matrices by the position of each tap."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from archtool.algebra.relations.kernels import POINT, offsets
from archtool.algebra.relations.parts import Chain, Doubled, Leaf, Part, Pass, Stack, Sum
from archtool.axes import spread
from archtool.flatten import FlatLayer
from archtool.layers.conv import Conv
from archtool.layers.linear import Linear
from archtool.layers.norm import BatchNorm

Array = np.ndarray[Any, np.dtype[np.float64]]
State = Mapping[str, Array]  # parameters and running statistics, by their names in torch
Offset = tuple[int, ...]  # of a tap, from the output position's own place in the input; none: pointwise


class Affine(NamedTuple):
    """A kernel, (outputs, inputs) for each tap, and a constant for each output channel."""

    taps: dict[Offset, Array]
    constant: Array

    @property
    def shape(self) -> tuple[int, int]:
        """How many output and input channels it has."""
        rows, columns = next(iter(self.taps.values())).shape
        return rows, columns

    def then(self, later: Affine, stride: Offset = ()) -> Affine:
        """This, of a stride along each axis, followed by another one."""
        taps: dict[Offset, Array] = {}
        for a, before in self.taps.items():
            for b, after in later.taps.items():
                at = tuple([i + s * j for i, s, j in zip(a, stride, b, strict=True)]) if a and b else a or b
                taps[at] = taps.get(at, np.zeros((len(after), before.shape[1]))) + after @ before
        return Affine(taps, later.constant + sum(after @ self.constant for after in later.taps.values()))

    def plus(self, other: Affine, factor: float = 1.0) -> Affine:
        """The sum with another one, times a factor."""
        rank = max(len(offset) for offset in (*self.taps, *other.taps))
        taps = {_full(offset, rank): matrix.copy() for offset, matrix in self.taps.items()}
        for offset, matrix in other.taps.items():
            full = _full(offset, rank)
            taps[full] = taps.get(full, np.zeros(self.shape)) + factor * matrix
        return Affine(taps, self.constant + factor * other.constant)

    def widened(self, outputs: int, inputs: int) -> Affine:
        """The same with more channels, which are 0 and make no difference."""
        rows, columns = self.shape
        pads = ((0, outputs - rows), (0, inputs - columns))
        return Affine({at: np.pad(each, pads) for at, each in self.taps.items()}, np.pad(self.constant, pads[0]))


def _full(offset: Offset, rank: int) -> Offset:
    return offset or (0,) * rank


def nothing(outputs: int, inputs: int) -> Affine:
    """The kernel of zeros."""
    return Affine({(): np.zeros((outputs, inputs))}, np.zeros(outputs))


def unchanged(channels: int) -> Affine:
    """The kernel that passes everything."""
    return Affine({(): np.eye(channels)}, np.zeros(channels))


def composed(part: Part, state: State) -> Affine:
    """What a part is with these weights."""
    if isinstance(part, Leaf):
        return of_layer(part, state)
    if isinstance(part, Pass):
        return unchanged(whole(part.reach.inputs))
    if isinstance(part, Chain):
        stride = tuple([whole(axis.stride) for axis in part.first.reach.taps])
        return composed(part.first, state).then(composed(part.then, state), stride)
    if isinstance(part, Sum):
        return reduce(Affine.plus, [composed(each, state) for each in part.parts])
    if isinstance(part, Stack):
        return _stacked([composed(each, state) for each in part.parts])
    assert isinstance(part, Doubled)
    first, then = composed(part.first, state), composed(part.then, state)
    return first.then(then)


def _stacked(parts: list[Affine]) -> Affine:
    """The channels of several behind each other."""
    rank = max(len(offset) for part in parts for offset in part.taps)
    full = [{_full(at, rank): matrix for at, matrix in part.taps.items()} for part in parts]
    places = dict.fromkeys([at for taps in full for at in taps])
    taps = {
        at: np.concatenate([own.get(at, np.zeros(part.shape)) for own, part in zip(full, parts, strict=True)])
        for at in places
    }
    return Affine(taps, np.concatenate([part.constant for part in parts]))


def of_layer(leaf: Leaf, state: State) -> Affine:
    """What one layer is."""
    name, kind = leaf.layer.weights, leaf.layer.run.layer
    outputs = whole(leaf.reach.outputs)
    if isinstance(kind, Conv):
        weight = state[f"{name}.weight"]
        constant = state[f"{name}.bias"] if kind.bias else np.zeros(outputs)
        taps = {
            at: _ungrouped(weight[(slice(None), slice(None), *place)], whole(kind.groups)) for at, place in places(leaf)
        }
        return Affine(taps, constant)
    if isinstance(kind, Linear):
        constant = state[f"{name}.bias"] if kind.bias else np.zeros(outputs)
        return Affine({(): state[f"{name}.weight"]}, constant)
    if isinstance(kind, BatchNorm):
        factor = 1 / np.sqrt(state[f"{name}.running_var"] + float(kind.eps))
        if kind.affine:
            factor = factor * state[f"{name}.weight"]
        shift = state[f"{name}.bias"] if kind.affine else 0.0
        return Affine({(): np.diag(factor)}, shift - factor * state[f"{name}.running_mean"])
    return Affine({(): np.diag(state[f"{name}.gamma"].ravel())}, np.zeros(outputs))


def places(leaf: Leaf) -> list[tuple[Offset, Any]]:
    """The taps of a convolution that ever read its input: where they lie, and their places in its weight."""
    layer: FlatLayer = leaf.layer
    kind, x = layer.run.layer, layer.run.inputs[0]
    assert isinstance(kind, Conv)
    rank = len(x.spatial)
    dilations = spread(kind.dilation, rank, "dilation")
    axes = leaf.reach.taps or (POINT,) * rank
    befores = [axis.before for axis in kind.window(x)]
    along = []
    for axis, dilation, before in zip(axes, dilations, befores, strict=True):
        along.append([(at, (at + whole(before)) // whole(dilation)) for at in offsets(axis)])
    pairs = [tuple(zip(*chosen, strict=True)) for chosen in product(*along)]
    return [(tuple(at) if leaf.reach.taps else (), tuple(place)) for at, place in pairs]


def _ungrouped(matrix: Array, groups: int) -> Array:
    """(outputs, inputs / groups) with zeros between the groups."""
    if groups == 1:
        return matrix
    rows, columns = matrix.shape[0] // groups, matrix.shape[1]
    found = np.zeros((matrix.shape[0], columns * groups))
    for group in range(groups):
        own = slice(group * rows, (group + 1) * rows)
        found[own, group * columns : (group + 1) * columns] = matrix[own]
    return found


def whole(size: Any) -> int:
    """A size of a network on numbers."""
    assert isinstance(size, int)
    return size
