"""What folding a network gives: the folded network, what each of its layers is made of, and what was refused."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from archtool.algebra.folding.trees import Tree
from archtool.flatten import FlatNetwork


class FoldedLayer(NamedTuple):
    """A layer of the folded network: the original layers that it is `made` of, in their order, and how; `tree` is None
    where it is an original layer as it was. It `makes` the output of that original layer, or a part of a sum (none)."""

    name: str
    made: tuple[str, ...]
    tree: Tree | None
    makes: str | None


class Refusal(NamedTuple):
    """Linear layers next to each other that were not folded, and why not."""

    layers: tuple[str, ...]
    reason: str


@dataclass(frozen=True, kw_only=True)
class Folding:
    """A network with its linear layers composed into fewer.

    `layers` are those of `network`, in its order; `gone` the original layers that do nothing at inference, and are left
    out; `steps` tells each fold as a sentence.
    """

    network: FlatNetwork
    layers: tuple[FoldedLayer, ...]
    gone: tuple[str, ...]
    refused: tuple[Refusal, ...]

    @property
    def folds(self) -> tuple[FoldedLayer, ...]:
        """The layers that are made of several, or in another way than they were."""
        return tuple(layer for layer in self.layers if layer.tree is not None)

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """Each fold as a sentence."""
        from archtool.algebra.folding.told import sentence

        return tuple(sentence(layer) for layer in self.folds)

    @cached_property
    def signature(self) -> tuple[Hashable, ...]:
        """A normal form: networks with equal ones compute the same set of functions, over all weights and running
        statistics, of their inputs in order (sufficient, not necessary)."""
        from archtool.algebra.folding.signature import signature

        return signature(self)
