"""A network as what torch runs, one operation after the other: a join of many tensors two at a time, padding of its own
before a convolution."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Final, NamedTuple

from archtool.analysis.retention.cases import ALWAYS, NEVER, Cases, both, cases, either, one_holds
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layer import Join, Layer
from archtool.shape import Shape
from archtool.size import Condition, Size, negate

BYTES: Final[Mapping[str, int]] = {"float32": 4, "int64": 8, "bool": 1}  # of what layers save in a dtype of its own


class Operation(NamedTuple):
    """One function of torch: the layer that it is, and the numbers of the tensors that it takes and makes."""

    layer: Layer
    inputs: tuple[Shape, ...]
    output: Shape
    sources: tuple[int, ...]
    target: int


class Execution(NamedTuple):
    """A layer of the network: its operations, the numbers of the tensors that nobody takes any more after it, and of
    those that are taken in some designs alone, with the condition of these."""

    flat: FlatLayer
    operations: tuple[Operation, ...]
    dead: tuple[int, ...]
    fading: tuple[tuple[int, Condition], ...] = ()


class Units(NamedTuple):
    """What sizes are in bytes: of `batch` items, `itemsize` bytes an element."""

    batch: int
    itemsize: int

    def of(self, shape: Shape) -> Size:
        """The bytes of a tensor."""
        return self.batch * self.itemsize * shape.elements

    def each(self, elements: Mapping[str, Size]) -> Size:
        """The bytes of elements by dtype, for each item."""
        return self.batch * self.once(elements)

    def once(self, elements: Mapping[str, Size]) -> Size:
        """The bytes of elements by dtype, for all items together."""
        return sum(number * BYTES.get(dtype, self.itemsize) for dtype, number in elements.items())


def executions(flat: FlatNetwork) -> list[Execution]:
    """The network's layers in the order of their execution. Outputs never die, nor do inputs, which the caller has."""
    if flat.merges:
        return _varying_executions(flat)
    needed = {*flat.outputs.values(), *range(len(flat.inputs))}
    dead: list[tuple[int, ...]] = []
    for layer in reversed(flat.layers):
        touched = dict.fromkeys((*layer.sources, layer.target))
        dead.append(tuple(number for number in touched if number not in needed))
        needed |= touched.keys()
    numbers = _numbers_behind(flat)
    return [
        Execution(layer, tuple(_operations(layer, numbers)), last)
        for layer, last in zip(flat.layers, reversed(dead), strict=True)
    ]


def _varying_executions(flat: FlatNetwork) -> list[Execution]:
    """The same where some tensors are one of two: each of these is needed in the designs that take it."""
    needed: dict[int, Cases] = {}

    def need(number: int, where: Cases) -> Iterator[int]:
        merged = flat.merges.get(number)
        if where == NEVER:
            return
        if merged is None:
            needed[number] = either(needed.get(number, NEVER), where)
            yield number
            return
        yield from need(merged.yes, both(where, cases(merged.condition)))
        yield from need(merged.no, both(where, cases(negate(merged.condition))))

    for number in (*flat.outputs.values(), *range(len(flat.inputs))):
        deque(need(number, ALWAYS), 0)
    ends: list[dict[int, Cases]] = []
    for layer in reversed(flat.layers):
        before, taken = dict(needed), cases(layer.taken)
        touched = [made for number in (*layer.sources, layer.target) for made in need(number, taken)]
        ends.append({number: before.get(number, NEVER) for number in touched})
    numbers = _numbers_behind(flat)
    return [
        Execution(
            layer,
            tuple(_operations(layer, numbers)),
            tuple(number for number, kept in end.items() if kept == NEVER),
            tuple((number, one_holds(kept)) for number, kept in end.items() if kept not in (NEVER, ALWAYS)),
        )
        for layer, end in zip(flat.layers, reversed(ends), strict=True)
    ]


def _numbers_behind(flat: FlatNetwork) -> count[int]:
    """Numbers for tensors that lie between two operations of one layer."""
    return count(max((*(layer.target for layer in flat.layers), *flat.merges), default=0) + 1)


def _operations(flat: FlatLayer, numbers: count[int]) -> Iterator[Operation]:
    """A layer's operations; the tensors between them have numbers of their own."""
    run = flat.run
    layer, inputs, sources = run.layer, run.inputs, flat.sources
    if isinstance(layer, Join) and layer.folds:
        x, number = inputs[0], sources[0]
        for index in range(1, len(inputs)):
            pair = (x, inputs[index])
            x, source = layer.joined(pair), number
            number = flat.target if index == len(inputs) - 1 else next(numbers)
            yield Operation(layer, pair, x, (source, sources[index]), number)
        return
    stages = layer.stages(inputs[0])
    for stage in stages[:-1]:
        y = stage.output(inputs[0], stage.window(inputs[0]))
        number = next(numbers)
        yield Operation(stage, inputs, y, sources, number)
        inputs, sources = (y, *inputs[1:]), (number, *sources[1:])
    yield Operation(stages[-1], inputs, run.output, sources, flat.target)
