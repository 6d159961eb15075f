"""The forward pass as torch runs it: which memory it takes, shares and lets go, and what it keeps for the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archtool.analysis.retention.cases import NEVER, Cases, among, both, cases, either
from archtool.analysis.retention.execution import Execution, Operation, Units
from archtool.analysis.retention.heap import Heap
from archtool.analysis.retention.varying import VaryingHeap
from archtool.flatten import FlatNetwork
from archtool.layer import Layer
from archtool.shape import Shape
from archtool.size import Condition, Size, all_of, any_of, less, maximum, negate, where

ACTIVATION, SAVED, TEMPORARY, INPUT = "activation", "saved", "temporary", "input"


class Recorded(NamedTuple):
    """An operation whose gradient is asked for, which part of its layer it is, and the storages it keeps until then."""

    execution: Execution
    operation: Operation
    part: int
    kept: tuple[int, ...]


class Moment(NamedTuple):
    """A layer in the order of execution: the most bytes alive while it runs, and those alive after it."""

    name: str
    kind: str
    output: tuple[int, ...]
    peak: int
    after: int


class Forward:
    """Runs a network's layers on a heap.

    `tensors` are the storages of the tensors alive, by number; `moments` one for each layer; `recorded` the operations
    that the backward pass runs, `in_place` the names of the layers that wrote over their input.
    """

    def __init__(
        self, flat: FlatNetwork, units: Units, heap: Heap | VaryingHeap, *, training: bool, in_place: bool
    ) -> None:
        self.units, self.heap = units, heap
        self.training, self.writes_in_place = training, in_place
        self.merges = flat.merges
        self.outputs = frozenset(flat.outputs.values())
        self.tensors = {
            number: heap.take(name, INPUT, units.of(shape)) for number, (name, shape) in enumerate(flat.inputs.items())
        }
        self.asks: set[int] = set()  # the tensors whose gradient is asked for
        self.moments: list[Moment] = []
        self.recorded: list[Recorded] = []
        self.in_place: list[str] = []

    def run(self, layers: Sequence[Execution]) -> None:
        """Run them, in order."""
        reaching = self._reaching(layers) if self.training else frozenset()
        for execution in layers:
            self.heap.begin(execution.flat.taken)
            for index, operation in enumerate(execution.operations):
                self._operate(execution, operation, index, operation.target in reaching)
            for number in execution.dead:
                self.heap.drop(self.tensors.pop(number))
            for number, kept in execution.fading:
                self.heap.narrow(self.tensors[number], kept)
            flat = execution.flat
            dims: tuple[int, ...] = flat.run.output.dims  # type: ignore[assignment]  # numbers
            self.moments.append(Moment(flat.name, flat.run.kind, dims, self.heap.high, self.heap.live))

    def _reaching(self, layers: Sequence[Execution]) -> frozenset[int]:
        """The tensors that some output depends on."""
        reaching = set(self.outputs)
        for execution in reversed(layers):
            for operation in reversed(execution.operations):
                if operation.target in reaching and not operation.layer.ignores_input:
                    reaching.update(operation.sources)
        return frozenset(reaching)

    def _operate(self, execution: Execution, operation: Operation, index: int, reaches: bool) -> None:
        heap, units, layer = self.heap, self.units, operation.layer
        name, x, y = execution.flat.name, operation.inputs[0], operation.output
        taken = cases(execution.flat.taken)
        sources = [self._storage(number, taken) for number in operation.sources]
        gradient = self.training and (_learns(layer, x) or any(number in self.asks for number in operation.sources))
        saves = gradient and reaches
        saved = units.each(layer.saved(x, y)) + units.once(layer.saved_once(x)) if saves else 0
        kept = layer.kept(x)
        temporary: Size = 0
        if is_shared_memory(layer, operation, self.training):
            target = heap.hold(sources[0])
        elif (over := self._may_write_over(execution, operation, saves)) is True:
            target = heap.hold(sources[0])
            kept = layer.keeps_in_place
            self.in_place.append(name)
        else:
            target = self._made(execution, operation, sources[0], over)
            temporary = where(over, 0, maximum(0, units.each(layer.scratch(x, y, self.training)) - saved))
        self.tensors[operation.target] = target
        holders = [heap.take(name, SAVED, saved)] if saved != 0 else []
        if temporary != 0:
            heap.drop(heap.take(name, TEMPORARY, temporary))
        if gradient:
            self.asks.add(operation.target)
        if saves:
            holders += [heap.hold(source) for source in sources if "input" in kept]
            holders += [heap.hold(target)] if "output" in kept else []
            self.recorded.append(Recorded(execution, operation, index, tuple(holders)))
        for number in operation.sources:  # what lies between two operations of one layer
            if number not in execution.flat.sources:
                heap.drop(self.tensors.pop(number))

    def _made(self, execution: Execution, operation: Operation, source: int, over: Condition) -> int:
        """The storage of an operation's output: a new one but where it is written over its input."""
        heap, size = self.heap, self.units.of(operation.output)
        if over is False:
            return heap.take(execution.flat.name, ACTIVATION, size)
        heap.begin(all_of(execution.flat.taken, negate(over)))
        new = heap.take(execution.flat.name, ACTIVATION, size)
        heap.begin(execution.flat.taken)
        target = heap.hold(heap.either(over, source, new))
        heap.drop(new)
        return target

    def _may_write_over(self, execution: Execution, operation: Operation, saves: bool) -> Condition:
        """Whether the output can take the input's place: nobody else has it, nor will."""
        layer, number = operation.layer, operation.sources[0]
        if not self.writes_in_place or not layer.in_place or (saves and "input" in layer.keeps_in_place):
            return False
        if not self.merges:
            return number in execution.dead and negate(self.heap.is_shared(self.tensors[number]))
        taken = cases(execution.flat.taken)
        later = self._taken_later(dict(execution.fading), execution.dead, number, taken)
        return negate(any_of(among(later, taken), self.heap.is_shared(self._storage(number, taken))))

    def _storage(self, number: int, taken: Cases) -> int:
        """The storage of a tensor, which may be one of two, in the designs that count."""
        merged = self.merges.get(number)
        if merged is None:
            return self.tensors[number]
        yes, no = both(taken, cases(merged.condition)), both(taken, cases(negate(merged.condition)))
        if NEVER in (yes, no):
            return self._storage(merged.yes if no == NEVER else merged.no, taken)
        return self.heap.either(merged.condition, self._storage(merged.yes, yes), self._storage(merged.no, no))

    def _taken_later(self, fading: Mapping[int, Condition], dead: tuple[int, ...], number: int, taken: Cases) -> Cases:
        """The designs in which a tensor is taken again."""
        merged = self.merges.get(number)
        if merged is None:
            return NEVER if number in dead else both(taken, cases(fading.get(number, True)))
        yes, no = both(taken, cases(merged.condition)), both(taken, cases(negate(merged.condition)))
        return either(self._taken_later(fading, dead, merged.yes, yes), self._taken_later(fading, dead, merged.no, no))


def _learns(layer: Layer, x: Shape) -> bool:
    """Whether a layer has params; a number of these that varies is made of sizes, none of which is 0 in any design."""
    return less(0, layer.params(x)) is not False


def is_shared_memory(layer: Layer, operation: Operation, training: bool) -> bool:
    """Whether the output is the input's memory, told otherwise."""
    if not layer.is_view:
        return False
    return not (training and layer.saved(operation.inputs[0], operation.output))
