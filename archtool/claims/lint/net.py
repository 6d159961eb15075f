"""A network as the rules look at it: its layers one by one with who reads what, a long repeat by two of its turns."""

from __future__ import annotations

from functools import cached_property
from typing import Final

from archtool.analysis.numbers import whole
from archtool.design import Design
from archtool.flatten import Fields, FlatLayer, flat_network, layer_count
from archtool.layer import Join, Layer
from archtool.mixing import Copied
from archtool.shape import Shape
from archtool.taps import AxisTaps

STEADY_TURNS: Final = 2  # of a repeat: the first, and one for all others, so that neighbours across turns are seen
MOST_TAPS: Final = 2**14  # positions from the first to the last that an output position reads along an axis
MOST_LAYERS: Final = 50_000  # that are looked at one by one


class Net:
    """One design on numbers. Tensors are numbered as in a FlatNetwork; of a repeat's turns two are there.

    `maker` is the layer that makes a tensor, `readers` those that read it; `outputs` are the network's own.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        run = design.run
        turns = STEADY_TURNS if layer_count(run, STEADY_TURNS) <= MOST_LAYERS else 1
        self.flat = flat_network(run, tuple(design.spec.inputs), MOST_LAYERS, turns)
        self.layers = self.flat.layers
        self.outputs = frozenset(self.flat.outputs.values())
        self.inputs = dict(enumerate(self.flat.inputs.values()))
        self.maker = {layer.target: layer for layer in self.layers}
        self.readers: dict[int, list[FlatLayer]] = {number: [] for number in (*self.inputs, *self.maker)}
        for layer in self.layers:
            for number in dict.fromkeys(layer.sources):
                self.readers[number].append(layer)
        self.params, self.macs = whole(run.cost.params), whole(run.cost.macs)
        self.elements = whole(run.cost.activations)

    def shape(self, number: int) -> Shape:
        """The shape of a tensor."""
        return self.inputs[number] if number in self.inputs else self.maker[number].run.output

    def fields(self, number: int) -> Fields:
        """What a tensor sees of each input."""
        if number in self.maker:
            return self.maker[number].fields
        return self._seen_by_inputs[number]

    @cached_property
    def _seen_by_inputs(self) -> list[Fields]:
        return [tensor.fields for tensor in self.design.run.tensors[: len(self.inputs)]]

    def only_reader(self, number: int) -> FlatLayer | None:
        """The layer that alone reads a tensor; None where there are none or several, or the network puts it out."""
        readers = self.readers[number]
        return readers[0] if len(readers) == 1 and number not in self.outputs else None

    def made_by(self, number: int) -> FlatLayer | None:
        """The layer that makes a tensor, but for layers that do nothing; None for an input of the network."""
        return self._origins.get(number)

    @cached_property
    def _origins(self) -> dict[int, FlatLayer | None]:
        found: dict[int, FlatLayer | None] = {}
        for layer in self.layers:
            found[layer.target] = found.get(layer.sources[0]) if does_nothing(layer) else layer
        return found

    @cached_property
    def final(self) -> frozenset[int]:
        """The tensors of which only norms, activations, pooling and the like make what the network puts out."""
        found = set(self.outputs)
        for layer in reversed(self.layers):
            readers = self.readers[layer.target]
            if len(readers) == 1 and not macs(readers[0]) and readers[0].target in found:
                found.add(layer.target)
        return frozenset(found)

    def before(self, number: int, least: int = 0) -> set[int]:
        """Every tensor that a tensor depends on, itself among them; of those that were made before `least` none is
        followed farther back."""
        found, waiting = {number}, [number]
        while waiting:
            each = waiting.pop()
            layer = self.maker.get(each) if each >= least else None
            new = set(layer.sources) - found if layer is not None else set()
            found |= new
            waiting += new
        return found


def does_nothing(layer: FlatLayer) -> bool:
    """Whether a layer passes its input on as it is at inference (dropout, identity)."""
    own, x = layer.run.layer, layer.run.inputs[0]
    mixing = None if isinstance(own, Join) else own.mixing(x)
    is_copy = isinstance(mixing, Copied) and mixing.in_place
    return is_copy and own.window(x) is None and own.is_view and layer.run.output == x


def kind(layer: FlatLayer) -> str:
    """The kind that a layer is at its input: a `depthwise_conv` is a conv."""
    return layer.run.layer.kind


def owned_params(layer: FlatLayer) -> int:
    """The parameters that are counted at a layer."""
    return whole(layer.run.cost.params) if layer.owns_weights else 0


def macs(layer: FlatLayer) -> int:
    """The multiply-accumulates of one such layer."""
    return whole(layer.run.cost.macs)


def elements(shape: Shape) -> int:
    """How many elements a tensor has."""
    return whole(shape.elements)


def taps(layer: FlatLayer) -> tuple[AxisTaps, ...] | None:
    """The positions that a layer reads, hole by hole; None where they span too much to be told one by one."""
    field = layer.run.field
    spans = [reach.high - reach.low + 1 for axis in field.axes for reach in axis.phases]
    if any(whole(span) > MOST_TAPS for span in spans):
        return None
    return layer.run.layer.taps(layer.run.inputs[0], field)


def groups_of(own: Layer) -> int:
    """The groups of a convolution; 1 for everything else."""
    groups = getattr(own, "groups", 1)
    return groups if isinstance(groups, int) else 1
