"""What folding a network gives: the folded network, what each of its layers is made of, and what was refused."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from archtool.algebra.folding.trees import Tree
from archtool.flatten import FlatNetwork
from archtool.size import Size


class FoldedLayer(NamedTuple):
    """A layer of the folded network: the original layers that it is `made` of, in their order, and how; `tree` is None
    where it is an original layer as it was. It `makes` the output of that original layer, or a part of a sum (none)."""

    name: str
    made: tuple[str, ...]
    tree: Tree | None
    makes: str | None


class Refusal(NamedTuple):
    """Linear layers next to each other that were not folded, and why not: by which rule of docs/folding.md."""

    layers: tuple[str, ...]
    rule: str
    reason: str


class Totals(NamedTuple):
    """What a network comes to; `statistics` are numbers that it stores beside its parameters (running means and
    variances)."""

    layers: int
    params: Size
    statistics: Size
    macs: Size


def totals(network: FlatNetwork) -> Totals:
    """The totals of a network whose sizes are numbers."""
    params: Size = 0
    statistics: Size = 0
    macs: Size = 0
    for layer in network.layers:
        macs = macs + layer.run.cost.macs
        if layer.owns_weights:
            params = params + layer.run.cost.params
            statistics = statistics + layer.run.layer.buffers(layer.run.inputs[0]).get("same", 0)
    return Totals(len(network.layers), params, statistics, macs)


@dataclass(frozen=True, kw_only=True)
class Folding:
    """A network with its linear layers composed into fewer.

    `layers` are those of `network`, in its order; `gone` the original layers that do nothing at inference, and are left
    out; `steps` tells each fold as a sentence.
    """

    original: FlatNetwork
    network: FlatNetwork
    layers: tuple[FoldedLayer, ...]
    gone: tuple[str, ...]
    refused: tuple[Refusal, ...]

    @cached_property
    def before(self) -> Totals:
        """What the original comes to."""
        return totals(self.original)

    @cached_property
    def after(self) -> Totals:
        """What the folded network comes to."""
        return totals(self.network)

    @property
    def folds(self) -> tuple[FoldedLayer, ...]:
        """The layers that are made of several, or in another way than they were."""
        return tuple(layer for layer in self.layers if layer.tree is not None)

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """Each fold as a sentence."""
        from archtool.algebra.folding.told import sentence

        return tuple(sentence(layer) for layer in self.folds)
