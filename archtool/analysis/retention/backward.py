"""The backward pass as torch's autograd runs it: the recorded operations, the last one first.

A tensor's gradient is the sum of what each of its uses sends back. Autograd adds in place where nobody else has the sum
so far, and where it lies densely in its memory (torch/csrc/autograd/input_buffer.cpp).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from archtool.analysis.retention.execution import Operation, Units
from archtool.analysis.retention.forward import TEMPORARY, Forward, Recorded, is_shared_memory
from archtool.flatten import FlatNetwork
from archtool.layer import Join, Layer
from archtool.shape import Shape
from archtool.size import Size, all_of, decided, equal, negate, product

GRADIENT: Final = "gradient"
VIEW: Final = "whether a view is of all of a tensor"
PARAMETER_GRADIENT: Final = "gradients of parameters"


class Gradient(NamedTuple):
    """A gradient's storage, its own bytes, and whether these lie side by side, without holes."""

    storage: int
    bytes: Size
    is_dense: bool


class Backward:
    """Runs the way back of a forward pass; `peaks` are the most bytes alive while a layer's gradients are made."""

    def __init__(self, flat: FlatNetwork, forward: Forward) -> None:
        self.forward, self.heap, self.units = forward, forward.heap, forward.units
        self.gradients: dict[int, Gradient] = {}
        self.peaks: dict[str, int] = {}
        self._known: set[tuple[str, int]] = set()  # weights that have a gradient, of each operation of their layer
        makers = {layer.target: layer for layer in flat.layers}
        asked = [(makers[number], number) for number in flat.outputs.values() if number in forward.asks]
        made = [self._new(maker.name, maker.run.output) for maker, _ in asked]
        for (maker, number), gradient in zip(asked, made, strict=True):
            self._send(maker.name, number, gradient)

    def run(self) -> None:
        """Run it."""
        for recorded in reversed(self.forward.recorded):
            if recorded.operation.target in self.gradients:
                self._operate(recorded)

    def _new(self, name: str, shape: Shape) -> Gradient:
        size = self.units.of(shape)
        return Gradient(self.heap.take(name, GRADIENT, size), size, True)

    def _operate(self, recorded: Recorded) -> None:
        heap, units, operation = self.heap, self.units, recorded.operation
        flat, layer, x = recorded.execution.flat, operation.layer, operation.inputs[0]
        heap.begin(True)
        own = self.gradients.pop(operation.target)
        asked = [index for index, number in enumerate(operation.sources) if number in self.forward.asks]
        if layer.ignores_input:
            asked = []
        made = {index: self._made(flat.name, operation, index, own) for index in asked}
        weights = layer.params(x) * units.itemsize
        if weights != 0:
            gradient = heap.take(flat.name, PARAMETER_GRADIENT, weights)
            if (flat.weights, recorded.part) in self._known:
                heap.drop(gradient)  # added to that of the weights' later use
            self._known.add((flat.weights, recorded.part))
        scratch = units.each(layer.gradient_scratch(x, operation.output))
        if scratch != 0:
            heap.drop(heap.take(flat.name, TEMPORARY, scratch))
        if isinstance(layer, Join) and layer.folds:
            for index in asked:
                made[index] = self._summed(flat.name, made[index], operation.inputs[index], operation.output)
        heap.drop(own.storage)
        for storage in recorded.kept:
            heap.drop(storage)
        for index in asked:
            self._send(flat.name, operation.sources[index], made[index])
        self.peaks[flat.name] = max(self.peaks.get(flat.name, 0), heap.high)

    def _made(self, name: str, operation: Operation, index: int, own: Gradient) -> Gradient:
        """What an operation sends back to one of its inputs: its own gradient, a part of that, or a new tensor."""
        layer, shape, y = operation.layer, operation.inputs[index], operation.output
        if layer.passes == "all" or (layer.passes == "first" and index == 0):
            return own._replace(storage=self.heap.hold(own.storage))
        if layer.passes == "parts":
            one_piece = equal(_pieces(layer, y, self.units), 1)
            is_dense = own.is_dense and decided(one_piece, "whether a gradient is in one piece")
            return Gradient(self.heap.hold(own.storage), self.units.of(shape), is_dense)
        if isinstance(layer, Join) and layer.folds:
            return self._new(name, y)
        if is_shared_memory(layer, operation, True) and decided(equal(shape.elements, y.elements), VIEW):
            return own._replace(storage=self.heap.hold(own.storage))
        return self._new(name, shape)

    def _summed(self, name: str, gradient: Gradient, shape: Shape, y: Shape) -> Gradient:
        """The gradient of an input that may have been stretched: it is first as large as the output, then summed up."""
        same = len(shape.dims) == len(y.dims) and all_of(*map(equal, shape.dims, y.dims))
        if same is True:
            return gradient
        if same is False:
            small = self._new(name, shape)
            self.heap.drop(gradient.storage)
            return small
        self.heap.begin(negate(same))
        small = self._new(name, shape)
        self.heap.begin(True)
        either = self.heap.hold(self.heap.either(same, gradient.storage, small.storage))
        for storage in (gradient.storage, small.storage):
            self.heap.drop(storage)
        return small._replace(storage=either)

    def _send(self, name: str, number: int, gradient: Gradient) -> None:
        """Add a gradient to what a tensor has been sent so far."""
        before = self.gradients.get(number)
        if before is None:
            self.gradients[number] = gradient
            return
        if not before.is_dense or self.heap.is_shared(before.storage):
            total = self.heap.take(name, GRADIENT, before.bytes)
            self.heap.drop(before.storage)
            self.gradients[number] = Gradient(total, before.bytes, True)
        self.heap.drop(gradient.storage)


def _pieces(layer: Layer, y: Shape, units: Units) -> Size:
    """In how many pieces a part of a tensor lies: a join's are channels, of each token, others' are tokens."""
    return units.batch * (product(y.spatial) if y.is_tokens and isinstance(layer, Join) else 1)
