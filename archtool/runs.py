"""What an evaluated network consists of: runs of layers and blocks, each computed once and placed by entries.

A run knows nothing of where it stands: its fields are relative to its own input, so that every place that uses the
same block, with the same arguments and input, shares one run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from archtool.cost import Cost, without_params
from archtool.errors import RuleError
from archtool.field import Field
from archtool.layer import Join, Layer
from archtool.shape import Shape
from archtool.size import Condition, Size
from archtool.spec.numbers import MAX_BITS
from archtool.spec.reader import Node
from archtool.spec.values import Tensor
from archtool.trace import Expr

LARGEST_TENSOR: Final = 2**256


class Problem(NamedTuple):
    """A condition that must hold for a design to be valid, and the rule that it states, located."""

    holds: Condition
    rule: str


class LayerRun(NamedTuple):
    """A layer at its input (of each path, for a join): `kind` as written, `layer` what it is."""

    kind: str
    layer: Layer
    inputs: tuple[Shape, ...]
    output: Shape
    cost: Cost
    field: Field
    problems: tuple[Problem, ...] = ()

    @property
    def seen(self) -> Field | None:
        """What the output sees of the input; None where it depends on nothing."""
        return None if self.layer.ignores_input else self.field


class Entry(NamedTuple):
    """A run at its place in a body: its name there, the numbers of the tensors that it takes and makes.

    `times` is how often the run counts (0 or 1 where a condition stays open); `shares` names weights that
    several entries have in common; `turns` is the number of turns of a repeat that this entry stands for, of which it
    is the one with the number `turn`.
    """

    name: str
    run: LayerRun | BlockRun
    sources: tuple[int, ...]
    target: int
    node: Node
    times: Size = 1
    shares: str | None = None
    owns_weights: bool = True
    turn: int | None = None
    turns: Size = 1


class Merged(NamedTuple):
    """A tensor that is one of two, by their numbers, as a condition is open: expressions alone have such."""

    condition: Expr
    yes: int
    no: int


class BlockRun(NamedTuple):
    """A body at its input: `tensors` are the places in it, the first of them its input (or inputs); `merges` tells of
    those that no entry makes, by their numbers, what they are."""

    kind: str
    inputs: tuple[Shape, ...]
    output: Tensor
    outputs: dict[str, Tensor]
    cost: Cost
    entries: tuple[Entry, ...]
    tensors: tuple[Tensor, ...]
    problems: tuple[Problem, ...] = ()
    merges: Mapping[int, Merged] = MappingProxyType({})


Run = LayerRun | BlockRun


@lru_cache(maxsize=4096)
def read_layer(cls: type[Layer], names: tuple[str, ...], values: tuple[Any, ...], types: tuple[type, ...]) -> Layer:
    """A layer with these fields; layers are immutable values, so one serves everywhere. The values' types are named
    because 1 and true are equal, and not the same."""
    return cls.read(dict(zip(names, values, strict=True)))


def _bounded(elements: Size) -> Size:
    """A tensor's number of elements, refused where it grows (turn by turn, say) beyond all bounds."""
    if type(elements) is int and elements > LARGEST_TENSOR:
        raise RuleError("the output has more than 2**256 elements")
    return elements


def layer_run(written: Layer, x: Shape) -> LayerRun:
    """Everything about a layer at an input."""
    layer = written.resolve(x)
    window = layer.window(x)
    y = layer.output(x, window)
    field = layer.field(x, window)
    if field.axes:
        field = field.settled(y.axes)
    elements = _bounded(y.elements)
    sides = tuple([side for name in layer.sides if (side := getattr(layer, name)) is not None])
    read = elements if y is x else x.elements
    for side in sides:
        read = read + side.elements
    cost = Cost(
        params=layer.params(x),
        operations=layer.operations(x, y),
        activations=elements,
        conv_activations=elements if layer.is_conv else 0,
        read=read,
    )
    return LayerRun(written.kind, layer, (x, *sides), y, cost, field)


def join_run(layer: Join, inputs: tuple[Shape, ...]) -> LayerRun:
    """Everything about a join at its inputs; its field is the hull of its paths', which the body knows."""
    y = layer.joined(inputs)
    read: Size = 0
    for x in inputs:
        read = read + x.elements
    cost = Cost(operations=layer.joining(inputs, y), activations=_bounded(y.elements), read=read)
    return LayerRun(layer.kind, layer, inputs, y, cost, Field(()))


class Count(NamedTuple):
    """How often something runs in a network, and how often its weights count."""

    runs: Size = 1
    weights: Size = 1


ONCE: Final = Count()


def count_of(entry: Entry, around: Count = ONCE) -> Count:
    """How often an entry's run counts, where the body around counts so often: its weights once where all turns share
    them, and not at all where they are counted elsewhere."""
    runs = around.runs * entry.times * entry.turns
    if entry.shares is None:
        return Count(runs, around.weights * entry.times * entry.turns)
    return Count(runs, around.weights * entry.times if entry.owns_weights else 0)


def entry_costs(entry: Entry, around: Count = ONCE) -> Iterator[tuple[Cost, Size]]:
    """An entry's costs and how often each counts, where the body around counts so often."""
    cost = entry.run.cost
    runs, weights = count_of(entry, around)
    if runs is weights or runs == weights:
        yield cost, runs
    else:
        yield without_params(cost), runs
        yield Cost(params=cost.params), weights


def check_growth(cost: Cost, turns: int) -> None:
    """Repeats in repeats multiply: their costs stay numbers that can be written out."""
    counts = (cost.params, cost.activations, cost.read, *cost.operations.values())
    if any([type(count) is int and count.bit_length() + turns.bit_length() > MAX_BITS for count in counts]):
        raise RuleError(f"the costs of these turns have more than {MAX_BITS} bits")
