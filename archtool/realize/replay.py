"""A witness made again in torch, from its recipe alone.

The recipe of a comparison is JSON: `weights` (a draw), `left` and `right` (expressions, see expressions.py), `at` (the
name of an output, and an index in it), `dtype`, and `training` where the network is not at inference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from archtool.algebra.finding import Witness
from archtool.flatten import FlatNetwork
from archtool.realize.build import Network
from archtool.realize.draws import Draw, weighted
from archtool.realize.expressions import Bundle, Tensors, read
from archtool.realize.forward import chosen_dtype


class Replayed(NamedTuple):
    """Both sides of a comparison: all of them, and at the place that the witness names."""

    left: Bundle
    right: Bundle
    output: int
    place: tuple[int, ...]

    @property
    def values(self) -> tuple[float, float]:
        """What stands at the place on either side."""
        left, right = (side.tensors[self.output][(0, *self.place)].item() for side in (self.left, self.right))
        return float(left), float(right)


def replay(flat: FlatNetwork, witness: Witness, other: FlatNetwork | None = None) -> tuple[float, float]:
    """The two values that a witness says differ, computed anew on the CPU.

    `other` is the second network where two were compared; its weights are drawn by `weights_of_other`, else by the same
    draw.
    """
    return replayed(flat, witness.recipe, other).values


def replayed(flat: FlatNetwork, recipe: Mapping[str, Any], other: FlatNetwork | None = None) -> Replayed:
    """Both sides of the comparison that a recipe tells of."""
    cpu, dtype = torch.device("cpu"), chosen_dtype(recipe["dtype"])
    networks = {"": weighted(flat, Draw.of(recipe["weights"]), dtype, cpu)}
    if other is not None:
        networks["other"] = weighted(other, Draw.of(recipe.get("weights_of_other", recipe["weights"])), dtype, cpu)
    calls: dict[str, Callable[..., Any]] = dict(networks)
    if recipe.get("training"):
        calls[""] = in_training(networks[""])
    meaning = Tensors(flat, calls, dtype, cpu)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.get("training_seed", 0))
        left, right = (read(recipe[side], meaning) for side in ("left", "right"))
    at = recipe["at"]
    return Replayed(left, right, list(flat.outputs).index(at["output"]), tuple(at["index"]))


def in_training(network: Network) -> Callable[..., Any]:
    """The network while training, of one item: beside another one in its batch, so that norms have statistics."""
    network.train()

    def run(*inputs: Tensor) -> Any:
        made = network(*[torch.cat([x, 0.5 - 2 * x]) for x in inputs])
        return {name: y[:1] for name, y in made.items()} if isinstance(made, dict) else made[:1]

    return run
