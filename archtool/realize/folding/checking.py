"""How equal a folded network is to the original: both run in float64 on the same random weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from archtool.algebra.folding.folding import Folding
from archtool.flatten import FlatNetwork
from archtool.realize.build import Network, realize
from archtool.realize.draws import Draw, draw_inputs, weighted
from archtool.realize.folding.weights import weights

TOLERANCE: Final = 1e-12  # of one layer
CARRIED: Final = 1e-6  # of the outputs, behind all layers: each may enlarge the rounding of those before it


@dataclass(frozen=True, kw_only=True)
class Checked:
    """How much two networks differ, relative to the largest element of a tensor.

    `error` is the most that a layer of the folded network differs by from what the original makes there, both given the
    original's tensors; `at` the original layer that makes it. `outputs` is the like for the outputs, each network by
    itself from its inputs. `compared` is the number of tensors.
    """

    error: float
    at: str
    outputs: float
    compared: int
    draws: int
    device: str

    @property
    def ok(self) -> bool:
        """Whether they are equal, but for rounding."""
        return self.error <= TOLERANCE and self.outputs <= CARRIED


def check(
    flat: FlatNetwork, folding: Folding, *, seed: int = 0, draws: int = 1, device: torch.device | str = "cpu"
) -> Checked:
    """Run both networks on random weights, running statistics (negative scales among them) and inputs, and compare
    every tensor that both make.

    Raises RuleError where a network is too large for torch or has sizes that vary.
    """
    place = torch.device(device)
    worst, at, outputs, compared = 0.0, "", 0.0, 0
    for number in range(draws):
        draw = Draw(kind="normal", seed=seed + number)
        original = weighted(flat, draw, torch.float64, place)
        inputs = draw_inputs(flat, draw, torch.float64, place)
        folded = realized(folding, original, torch.float64).to(place)
        for name, error in differences(flat, folding, original, folded, inputs):
            compared += 1
            worst, at = (worst, at) if error <= worst else (error, name)  # nan is worse than any
        apart = apart_at_the_end(original, folded, inputs)
        outputs = outputs if apart <= outputs else apart
    return Checked(error=worst, at=at, outputs=outputs, compared=compared, draws=draws, device=str(place))


def realized(folding: Folding, original: Network, dtype: torch.dtype) -> Network:
    """The folded network at inference, of a dtype, its weights made of the original's."""
    folded = realize(folding.network).eval().requires_grad_(False).to(dtype)
    folded.load_state_dict(weights(folding, original, dtype))
    return folded


def differences(
    flat: FlatNetwork, folding: Folding, original: Network, folded: Network, inputs: list[Tensor]
) -> Iterator[tuple[str, float]]:
    """The relative difference of each tensor that both make, by the original layer's name: each layer of the folded
    network takes the original's tensors, where that makes them."""
    tensors = dict(enumerate(inputs))
    with torch.no_grad():
        walk = iter(zip(flat.layers, original.walk(*inputs), strict=True))
        for told, step, module in zip(folding.layers, folded.steps, folded.layers(), strict=True):
            made = module(*[tensors[number] for number in step.sources])
            if told.makes is not None:
                expected = next(tensor for layer, tensor in walk if layer.name == told.makes)
                yield told.makes, relative(made, expected)
                made = expected
            tensors[step.target] = made
            for number in step.dead:
                del tensors[number]


def apart_at_the_end(original: Network, folded: Network, inputs: list[Tensor]) -> float:
    """The greatest relative difference of the outputs."""
    with torch.no_grad():
        left, right = original(*inputs), folded(*inputs)
    if isinstance(left, Tensor):
        return relative(right, left)
    return max(relative(right[name], left[name]) for name in left)


def relative(left: Tensor, right: Tensor) -> float:
    """The largest difference of two tensors, relative to the largest element of the second."""
    difference = float((left - right).abs().max())
    scale = float(right.abs().max())
    return difference if scale == 0 else difference / scale
