"""Facts about tensors, carried from a network's inputs to its outputs, layer by layer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from heapq import merge
from typing import Final, TypeVar

from archtool.flatten import FlatLayer, FlatNetwork

AT_INFERENCE: Final = (
    "at inference: batch norm uses its running statistics, whatever they are, and dropout passes everything on"
)
MOST_NAMES: Final = 8  # of layers that a derivation's step names one by one

T = TypeVar("T")


def carried(
    flat: FlatNetwork,
    inputs: Sequence[T],
    through: Callable[[FlatLayer, tuple[T, ...]], T],
    either: Callable[[T, T], T],
) -> dict[int, T]:
    """What is known of each tensor, by its number: of the `inputs` as given, of a layer's output `through` the layer
    from what its tensors are, of a tensor that is one of two what `either` says of both.

    Where a layer stands for several turns of a repeat, what is known of its output has to be what is known after any
    number of these turns: `through` the repeated body, a second time changes nothing.
    """
    known = dict(enumerate(inputs))
    made: Iterable[tuple[int, FlatLayer | None]] = ((layer.target, layer) for layer in flat.layers)
    merged: Iterable[tuple[int, FlatLayer | None]] = ((number, None) for number in sorted(flat.merges))
    for number, layer in merge(made, merged, key=lambda each: each[0]):
        if layer is not None:
            known[number] = through(layer, tuple([known[source] for source in layer.sources]))
        else:
            _, yes, no = flat.merges[number]
            known[number] = either(known[yes], known[no])
    return known


def contributing(flat: FlatNetwork) -> list[FlatLayer]:
    """The layers that the outputs are made by, in the order of execution."""
    needed = set(flat.outputs.values())
    makers = {layer.target: layer for layer in flat.layers}
    for number in sorted({*makers, *flat.merges}, reverse=True):
        if number in needed:
            needed.update(makers[number].sources if number in makers else flat.merges[number][1:])
    return [layer for layer in flat.layers if layer.target in needed]


def called(layer: FlatLayer) -> str:
    """A layer as a sentence names it: with its kind, where its name does not say that."""
    kind = layer.run.kind
    return layer.name if layer.name.rpartition(".")[2].startswith(kind) else f"{layer.name} ({kind})"


def told(lines: Iterable[tuple[FlatLayer, str]]) -> list[str]:
    """A derivation's steps, `names: what` for the layers of which the same is said; counted by kind where they are
    many."""
    alike: dict[str, list[FlatLayer]] = {}
    for layer, what in lines:
        alike.setdefault(what, []).append(layer)
    return [f"{_names(layers)}: {what}" for what, layers in alike.items()]


def _names(layers: list[FlatLayer]) -> str:
    if len(layers) <= MOST_NAMES:
        return ", ".join([called(layer) for layer in layers])
    kinds = Counter([layer.run.kind for layer in layers])
    return ", ".join([f"{count} times {kind}" for kind, count in kinds.items()])
