"""What a convention may weigh besides the cost terms: measures of the layers of one kind, as `relu.outputs`.

A cost term is a count that archtool makes itself. Other counters have their own ideas of what a layer costs; a
measure says such an idea exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from archtool.layer import Layer
from archtool.runs import LayerRun
from archtool.size import Size, product


class Measure(NamedTuple):
    """A number that every layer has whose kind has the fields that it `needs`; a count for one input."""

    about: str
    of: Callable[[LayerRun], Size]
    needs: tuple[str, ...] = ()

    def fits(self, kind: type[Layer]) -> bool:
        """Whether layers of that kind have it."""
        return set(self.needs) <= set(kind.field_kinds())


def _weights_at_outputs(run: LayerRun) -> Size:
    layer: Any = run.layer
    biases = run.output.channels if layer.bias else 0
    return (run.cost.params - biases) * run.output.positions


def _kernel_as_written(run: LayerRun) -> Size:
    layer: Any = run.layer
    width = product(layer.kernel) if isinstance(layer.kernel, tuple) else layer.kernel
    return run.output.elements * width


def _macs(run: LayerRun) -> Size:
    return run.cost.macs


def _biases(run: LayerRun) -> Size:
    return sum(count for term, count in run.cost.operations.items() if term.endswith(".bias"))


def _states(run: LayerRun) -> Size:
    layer: Any = run.layer
    size: Size = layer.layers * run.output.elements  # which has both directions
    return size


def _ungrouped(run: LayerRun) -> Size:
    layer: Any = run.layer
    size: Size = _macs(run) * layer.groups
    return size


def _grouped_twice(run: LayerRun) -> Size:
    layer: Any = run.layer
    filters = run.output.channels // layer.groups
    size: Size = _macs(run) // filters * (filters // layer.groups)
    return size


def _rows(run: LayerRun) -> Size:
    layer: Any = run.layer
    if layer.over == "positions":
        return run.output.channels
    size: Size = layer.groups * run.output.positions
    return size


MEASURES: Final[Mapping[str, Measure]] = {
    "outputs": Measure("elements of the output", lambda run: run.output.elements),
    "inputs": Measure("elements of the input (of the first path, for a join)", lambda run: run.inputs[0].elements),
    "params": Measure("learned numbers", lambda run: run.cost.params),
    "rows": Measure(
        "rows that share out 1: a softmax's groups of channels at each position", _rows, ("groups", "over")
    ),
    "weights_at_outputs": Measure(
        "weights (without biases) times positions of the output", _weights_at_outputs, ("kernel", "bias")
    ),
    "kernel_as_written": Measure(
        "elements of the output times the kernel as the spec has it: a single number once, whatever the axes",
        _kernel_as_written,
        ("kernel",),
    ),
    "products": Measure("multiply-accumulates of this kind alone, whatever their term", _macs),
    "additions": Measure("bias additions of this kind alone, whatever their term", _biases),
    "states": Measure("elements of a recurrent layer's hidden states, at all steps", _states, ("hidden", "layers")),
    "ungrouped": Measure("multiply-accumulates as if there were one group", _ungrouped, ("groups",)),
    "grouped_twice": Measure(
        "multiply-accumulates as if each group's outputs were divided into groups again, rounded down",
        _grouped_twice,
        ("groups",),
    ),
}
