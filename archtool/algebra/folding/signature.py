"""A normal form of a folded network: equal forms, the same set of functions."""

from __future__ import annotations

from collections.abc import Hashable
from hashlib import sha256

from archtool.algebra.folding.every import is_every
from archtool.algebra.folding.folding import Folding
from archtool.algebra.folding.graph import own_tree, stated_once
from archtool.algebra.folding.trees import Own, form
from archtool.flatten import FlatLayer
from archtool.shape import Shape
from archtool.size import equal
from archtool.stencil import LEARNED, AxisTaps, Stencil

COMMUTES = ("add", "multiply", "maximum", "minimum")


def signature(folding: Folding) -> tuple[Hashable, ...]:
    """The layers that the outputs need, each by what it can be and by the numbers of what it reads: numbered in the
    order in which the outputs reach them. Names, padding that nobody reads and the order of sums are left out; whose
    weights are shared is not."""
    with stated_once(folding.network):
        return _Numbering(folding).whole()


class _Numbering:
    def __init__(self, folding: Folding) -> None:
        network = folding.network
        self.inputs = tuple(network.inputs.values())
        self.outputs = tuple(network.outputs.values())
        self.merges = network.merges
        self.layers = {layer.target: layer for layer in network.layers}
        self.trees = {
            layer.target: told.tree or own_tree(layer)
            for layer, told in zip(network.layers, folding.layers, strict=True)
        }
        self.texts = {number: f"input {number}" for number in range(len(self.inputs))}
        self.numbers: dict[int, int] = {}
        self.rows: list[Hashable] = []
        self.owners: dict[str, int] = {}

    def whole(self) -> tuple[Hashable, ...]:
        """Inputs, layers and outputs."""
        for tensor in sorted([*self.layers, *self.merges]):
            self.texts[tensor] = self.text(tensor)
        ends = tuple([self.number(tensor) for tensor in self.outputs])
        return (self.inputs, tuple(self.rows), ends)

    def number(self, tensor: int) -> int:
        """The number of a tensor, those that it is made of before it; without recursion, for networks of any depth."""
        waiting = [tensor]
        while waiting:
            at = waiting[-1]
            if at in self.numbers or at < len(self.inputs):
                self.numbers.setdefault(at, -1 - at)
                waiting.pop()
                continue
            sources = self.sources(at)
            missing = [source for source in sources if source not in self.numbers]
            if missing:
                waiting += reversed(missing)
                continue
            waiting.pop()
            self.numbers[at] = len(self.rows)
            reads = tuple([self.numbers[source] for source in sources])
            if at in self.merges:
                self.rows.append(("either", self.merges[at].condition, reads))
            else:
                owner = self.owners.setdefault(self.layers[at].weights, len(self.rows))
                self.rows.append((self.row(self.layers[at]), reads, owner))
        return self.numbers[tensor]

    def sources(self, tensor: int) -> list[int]:
        """What a tensor is made of: a sum's in an order that does not depend on how it is written."""
        if tensor in self.merges:
            return [self.merges[tensor].yes, self.merges[tensor].no]
        layer = self.layers[tensor]
        if layer.run.kind not in COMMUTES:
            return [*layer.sources]
        return sorted(layer.sources, key=self.texts.__getitem__)

    def text(self, tensor: int) -> str:
        """A text of a tensor by all that it is made of."""
        below = [self.texts[source] for source in self.sources(tensor)]
        what = "either" if tensor in self.merges else self.row(self.layers[tensor])
        return sha256(repr((what, below)).encode()).hexdigest()

    def row(self, layer: FlatLayer) -> Hashable:
        """What a layer can be: of a linear one every kernel of its form, or how it is made."""
        tree = self.trees[layer.target]
        if tree is None or (isinstance(tree, Own) and tree.stencil.weights != LEARNED):
            return (layer.run.kind, layer.run.layer.key, layer.run.inputs, layer.run.output, layer.taken, layer.times)
        x, y = layer.run.inputs[0], layer.run.output
        kernel = _told(tree.stencil, x, y)
        return ("linear", x, y, kernel) if is_every(tree) else ("linear", x, y, kernel, form(tree))


def _told(stencil: Stencil, x: Shape, y: Shape) -> Hashable:
    """A stencil without what makes no difference: padding behind that the output's size tells, the distance between
    taps of which there is one, the mode of padding that is not there."""
    axes = tuple([_axis(axis) for axis in stencil.axes])
    padded = any(axis.before != 0 or axis.after != 0 for axis in stencil.axes)
    return (stencil.out, stencil.groups, axes, stencil.bias, stencil.mode if padded else "zeros")


def _axis(axis: AxisTaps) -> Hashable:
    one = equal(axis.kernel, 1) is True
    return (axis.kernel, axis.stride, 1 if one else axis.dilation, axis.before)
