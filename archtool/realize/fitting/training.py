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
SECONDS: Final = 1.0
STEPS: Final = 200
MOST_ROWS: Final = 128  # that are trained on, spread over all of them
MOST_NUMBERS: Final = 10_000_000  # of the table of derivatives
GREATEST_DAMPING: Final = 1e12


class Trained(NamedTuple):
    """The best of some trials: its largest error on all rows, the seed, and the weights by name."""

    error: float
    seed: int
    values: dict[str, Any]


def trained(
    flat: FlatNetwork, target: Target, rows: Sequence[Row], place: Place, settings: Settings, enough: float
) -> Trained:
    """Train from several seeds, by least squares, until the largest error on the rows is small enough."""
    until = time.monotonic() + SECONDS
    wanted = torch.tensor([float(row.output) for row in rows], dtype=torch.float64)
    some = slice(None, None, -(-len(rows) // MOST_ROWS))
    best = Trained(float("inf"), settings.seed, {})
    for seed in range(settings.seed, settings.seed + RESTARTS):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = realize(flat).eval().double()
        seen, unseen = (placed(flat, target, rows, place, 2 * seed + more) for more in range(2))
        _descend(network, seen[some], wanted[some], place, enough / 10, until)
        with torch.no_grad():  # what the target does not read has other numbers in `unseen`
            error = max(float((place.read(network(inputs)) - wanted).abs().max()) for inputs in (seen, unseen))
        if error < best.error:
            numbers = [*network.named_parameters(), *network.named_buffers()]
            best = Trained(error, seed, {name: each.detach().tolist() for name, each in numbers})
        if best.error <= enough or time.monotonic() > until:
            break
    return best


@torch.enable_grad()
def _descend(network: nn.Module, inputs: Tensor, wanted: Tensor, place: Place, enough: float, until: float) -> None:
    """Levenberg and Marquardt's method: a step solves the least squares of the outputs' first derivatives J, damped by
    d. With fewer rows than weights it is J^T (J J^T + d)^-1 of what is missing. Torch's optimizers take longer to
    import than this takes."""
    parameters = [each for each in network.parameters() if each.requires_grad]
    count = sum(each.numel() for each in parameters)
    if not count or count * len(wanted) > MOST_NUMBERS:
        return
    damping = 1.0
    for _ in range(STEPS):
        outputs = place.read(network(inputs))
        missing = (wanted - outputs).detach()
        if not bool(missing.abs().max() > enough) or time.monotonic() > until:  # small enough, or no number
            return
        slopes = torch.stack([_gradient(output, parameters) for output in outputs])
        products = slopes @ slopes.t()
        before = nn.utils.parameters_to_vector(parameters).detach()
        while True:
            damped = products + damping * torch.eye(len(wanted), dtype=torch.float64)
            step = slopes.t() @ torch.linalg.solve(damped, missing)
            nn.utils.vector_to_parameters(before + step, parameters)
            with torch.no_grad():
                left = wanted - place.read(network(inputs))
            if bool(left.square().sum() < missing.square().sum()):
                damping /= 3
                break
            damping *= 4
            if damping > GREATEST_DAMPING:
                nn.utils.vector_to_parameters(before, parameters)
                return


def _gradient(output: Tensor, parameters: Sequence[Tensor]) -> Tensor:
    """The derivatives of one output, behind each other."""
    found = torch.autograd.grad(output, parameters, retain_graph=True, allow_unused=True)
    pairs = zip(found, parameters, strict=True)
    return torch.cat([(torch.zeros_like(each) if slope is None else slope).flatten() for slope, each in pairs])
