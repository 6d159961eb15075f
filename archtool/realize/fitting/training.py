"""A network trained to be a target: never a proof, and only as good as its largest error."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from archtool.algebra.settings import Settings
from archtool.algebra.targets import Row, Target
from archtool.flatten import FlatNetwork
from archtool.realize.build import realize
from archtool.realize.fitting.placing import Place, placed

RESTARTS: Final = 8
SECONDS: Final = 1.5
STEPS: Final = 40  # of L-BFGS, 20 inner ones each


class Trained(NamedTuple):
    """The best of some trials: its largest error, the seed, and the weights by name."""

    error: float
    seed: int
    values: dict[str, Any]


def trained(
    flat: FlatNetwork, target: Target, rows: Sequence[Row], place: Place, settings: Settings, enough: float
) -> Trained:
    """Train from several seeds, by least squares with L-BFGS, until the largest error on the rows is small enough."""
    started = time.monotonic()
    wanted = torch.tensor([float(row.output) for row in rows], dtype=torch.float64)
    best: Trained | None = None
    for seed in range(settings.seed, settings.seed + RESTARTS):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = realize(flat).eval().double()
            inputs = placed(flat, target, rows, place, seed)
            with torch.enable_grad():
                _descend(network, inputs, wanted, place, Until(enough, started + SECONDS))
        with torch.no_grad():
            error = float((_outputs(network, inputs, place) - wanted).abs().max())
        values = {name: each.detach().tolist() for name, each in network.named_parameters()}
        if best is None or error < best.error:
            best = Trained(error, seed, values)
        if best.error <= enough or time.monotonic() > started + SECONDS:
            break
    assert best is not None  # at least one seed was tried
    return best


class Until(NamedTuple):
    """When training ends: at a largest error, or at a time."""

    error: float
    time: float


def _descend(network: nn.Module, inputs: Tensor, wanted: Tensor, place: Place, until: Until) -> None:
    parameters = list(network.parameters())
    if not parameters:
        return
    optimizer: Any = torch.optim.LBFGS(parameters, max_iter=20, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = (_outputs(network, inputs, place) - wanted).square().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    for _ in range(STEPS):
        loss = float(optimizer.step(closure).detach())
        largest = (loss * len(wanted)) ** 0.5  # at most: the root of the sum of squares
        if not largest > until.error / 10 or time.monotonic() > until.time:  # small enough, or no number
            return


def _outputs(network: nn.Module, inputs: Tensor, place: Place) -> Tensor:
    return place.read(network(inputs))
