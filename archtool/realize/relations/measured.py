"""A network that is made the same function as another one: its weights by construction, the difference measured."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isfinite
from typing import Any, Final, NamedTuple

import numpy as np
import torch

from archtool.algebra.relations.graphs import Other
from archtool.algebra.relations.matching import Match, Pair
from archtool.algebra.relations.parts import Part, layers_of
from archtool.algebra.settings import Settings
from archtool.flatten import FlatNetwork
from archtool.realize.build import Network
from archtool.realize.draws import Draw, draw_inputs, weighted
from archtool.realize.properties.plan import operations
from archtool.realize.relations.composed import composed, nothing, unchanged, whole
from archtool.realize.relations.installed import Weights, install

CPU: Final = torch.device("cpu")
EQUAL: Final = 1e-12  # of the largest number: what float64 may round
OPERATIONS: Final = 2 * 10**9  # of all draws together
MOST_OPERATIONS: Final = 10**10  # of one run; larger networks are not run


class Measured(NamedTuple):
    """The largest difference of two outputs, by the largest number in them, over so many draws."""

    error: float
    draws: int

    @property
    def text(self) -> str:
        """As a person reads it."""
        draws = f"{self.draws} draw{'s' if self.draws != 1 else ''}"
        if not self.error:
            return f"in float64 on integers the two are equal, without any difference, in {draws} of weights and inputs"
        return f"in float64 the two differ by at most {self.error:.1e} of the largest number, in {draws}"


def measured(left: FlatNetwork, right: FlatNetwork, found: Match, settings: Settings) -> Measured | None:
    """Draw weights of the left network, give the right one the weights that make it the same, and compare; None for
    networks too large to be run."""
    cost = operations(left) + operations(right)
    if cost > MOST_OPERATIONS:
        return None
    draws = max(1, min(settings.draws, 4, OPERATIONS // cost))
    error = 0.0
    for draw in range(draws):
        weights = Draw(kind="integers", low=-2, high=2, seed=settings.seed + draw)
        inputs = replace(weights, seed=weights.seed + 1)
        one = weighted(left, weights, torch.float64, CPU)
        two = weighted(right, Draw(kind="integers", seed=weights.seed + 2), torch.float64, CPU)
        transfer(found, one, two)
        x = draw_inputs(left, inputs, torch.float64, CPU)
        error = max(error, _difference(one, two, x))
    return Measured(error, draws)


def transfer(found: Match, left: Network, right: Network) -> None:
    """Give the right network the weights for which it is the left one; other weights of it stay."""
    own = {name: tensor.detach().cpu().numpy() for name, tensor in left.state_dict().items()}
    weights: Weights = {}
    for pair in found.pairs:
        if pair.same_layers:
            for one, two in zip(layers_of(pair.left), layers_of(pair.right), strict=True):
                weights.update(_copied(own, one.weights, two.weights))
        else:
            _installed(pair, own, weights)
    for part in found.zeros:
        install(part, nothing(*_sizes(part)), weights)
    for part in found.identities:
        install(part, unchanged(whole(part.reach.inputs)), weights)
    for x, y in found.twins:
        weights.update(_twin(own, x, y))
    state = right.state_dict()
    right.load_state_dict(
        state | {name: torch.from_numpy(np.array(each)).reshape(state[name].shape) for name, each in weights.items()}
    )


def _installed(pair: Pair, own: dict[str, Any], weights: Weights) -> None:
    kernel = composed(pair.left, own).widened(*_sizes(pair.right))
    install(pair.right, kernel, weights)


def _sizes(part: Part) -> tuple[int, int]:
    return whole(part.reach.outputs), whole(part.reach.inputs)


def _twin(own: dict[str, Any], x: Other, y: Other) -> Weights:
    return _copied(own, x.weights, y.weights)


def _copied(own: dict[str, Any], name: str, other: str) -> Weights:
    """A layer's own weights under another one's name."""
    start = f"{name}."
    return {other + key[len(name) :]: each for key, each in own.items() if key.startswith(start)}


def _difference(left: Network, right: Network, x: list[torch.Tensor]) -> float:
    with torch.no_grad():
        one, two = left(*x), right(*x)
    ones, others = ([*each.values()] if isinstance(each, dict) else [each] for each in (one, two))
    found = 0.0
    for a, b in zip(ones, others, strict=True):
        largest = float(a.abs().max()) if a.numel() else 0.0
        difference = float((a - b).abs().max()) if a.numel() else 0.0
        relative = difference / largest if largest else difference
        found = max(found, relative if isfinite(relative) else inf)
    return found
