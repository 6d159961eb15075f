"""Weights and inputs drawn from a recipe, the same wherever it is drawn again.

Numbers come from numpy's generator, seeded by the recipe's seed and the parameter's (or input's) name, so that equal
names have equal numbers in two networks; torch's own initialisation alone comes from torch's generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final
from zlib import crc32

import numpy as np
import torch
from torch import Tensor, nn

from archtool.errors import RuleError, nearest
from archtool.flatten import FlatNetwork
from archtool.realize.build import Network, as_int, realize
from archtool.shape import Shape

KINDS: Final = ("integers", "normal", "mixed_scales", "init", "given")
Numbers = np.ndarray[Any, np.dtype[np.float64]]
DECADES: Final = 6  # mixed scales are of 10**-6 to 10**6


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """How numbers are drawn.

    integers: each from `low` to `high`, a share of `density` of them, the others 0; float64 is exact on them.
    normal: standard normal, weights divided by the root of their number of inputs.
    mixed_scales: the like, each row (channel) by its own power of ten.
    init: torch's own initial weights.
    given: the numbers in `values`, nested lists by a parameter's (an input's) name; what is not named is 0.
    All are multiplied by `scale`; what is named in `zeroed`, parameters and inputs, is 0 (a factor of a norm is 1, a
    variance stays).
    """

    kind: str
    seed: int = 0
    low: int = -3
    high: int = 3
    density: float = 1.0
    scale: float = 1.0
    zeroed: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise RuleError(f"'{self.kind}' is no kind of draw" + nearest(self.kind, list(KINDS)))

    def recipe(self) -> dict[str, Any]:
        """The draw as JSON, without what is as it is by default."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        said["zeroed"] = list(self.zeroed)
        defaults = {"seed": 0, "low": -3, "high": 3, "density": 1.0, "scale": 1.0, "zeroed": [], "values": {}}
        if self.kind == "integers":
            del defaults["low"], defaults["high"]
        return {name: value for name, value in said.items() if name not in defaults or value != defaults[name]}

    @classmethod
    def of(cls, recipe: Mapping[str, Any]) -> Draw:
        """The draw of a recipe."""
        return cls(**{**recipe, "zeroed": tuple(recipe.get("zeroed", ()))})

    def numbers(self, name: str, sizes: Sequence[int], inputs: int = 1) -> Numbers:
        """The numbers of one tensor, each a sum's weight of so many `inputs`."""
        if self.kind == "given":
            given: Numbers = np.asarray(self.values.get(name, np.zeros(sizes)), dtype=np.float64)
            return given.reshape(sizes) * self.scale
        generator = np.random.default_rng([self.seed, crc32(name.encode())])
        if self.kind == "integers":
            numbers: Numbers = generator.integers(self.low, self.high, sizes, endpoint=True).astype(np.float64)
            if self.density < 1:
                numbers *= generator.random(sizes) < self.density
            return numbers * self.scale
        numbers = generator.standard_normal(sizes) * (self.scale / inputs**0.5)
        if self.kind == "mixed_scales":
            rows = (*sizes[:1], *[1] * (len(sizes) - 1))
            numbers *= 10.0 ** generator.uniform(-DECADES, DECADES, rows)
        return numbers


def weighted(flat: FlatNetwork, draw: Draw, dtype: torch.dtype, device: torch.device) -> Network:
    """A network at inference with the weights of a draw."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(draw.seed)
        network = realize(flat)
    network = network.eval().requires_grad_(False).to(device, dtype)
    draw_weights(network, draw)
    return network


def draw_weights(network: nn.Module, draw: Draw) -> None:
    """Set all parameters and running statistics of a network that has some already.

    Integers leave the running variances of norms at 1 - eps, so that their division is by exactly 1; others are drawn
    positive. Of torch's own initial weights only what is `zeroed` changes.
    """
    with torch.no_grad():
        for prefix, module in network.named_modules():
            for name, parameter in module.named_parameters(prefix, recurse=False):
                _set(parameter, _parameter(module, name, parameter, draw))
            if getattr(module, "running_var", None) is not None:
                norm: Any = module
                mean, variance = (f"{prefix}.running_{word}".removeprefix(".") for word in ("mean", "var"))
                _set(norm.running_mean, _mean(mean, norm, draw))
                _set(norm.running_var, _variance(variance, norm, draw))


def _set(tensor: Tensor, numbers: Numbers | None) -> None:
    if numbers is not None:
        tensor.copy_(torch.from_numpy(numbers))


def _parameter(module: nn.Module, name: str, parameter: Tensor, draw: Draw) -> Numbers | None:
    sizes = tuple(parameter.shape)
    if name in draw.zeroed:
        scales = hasattr(module, "eps") and name.rpartition(".")[2] == "weight"
        return np.full(sizes, 1.0 if scales else 0.0)
    if draw.kind == "init":
        return None
    return draw.numbers(name, sizes, int(np.prod(sizes[1:])) if len(sizes) > 1 else 1)


def _mean(name: str, norm: Any, draw: Draw) -> Numbers | None:
    sizes = tuple(norm.running_mean.shape)
    if draw.kind == "init":
        return None
    return np.zeros(sizes) if name in draw.zeroed else draw.numbers(name, sizes)


def _variance(name: str, norm: Any, draw: Draw) -> Numbers | None:
    sizes = tuple(norm.running_var.shape)
    if draw.kind == "init":
        return None
    if draw.kind == "given" and name in draw.values:
        return draw.numbers(name, sizes)
    if draw.kind in ("integers", "given"):
        return np.full(sizes, 1.0 - float(norm.eps))
    variance: Numbers = np.abs(draw.numbers(name, sizes)) + 1e-3
    return variance


def draw_inputs(flat: FlatNetwork, draw: Draw, dtype: torch.dtype, device: torch.device) -> list[Tensor]:
    """A batch of one, (1, *dims), for each of a network's inputs."""
    return [draw_input(name, shape, draw).to(device, dtype) for name, shape in flat.inputs.items()]


def draw_input(name: str, shape: Shape, draw: Draw) -> Tensor:
    """The numbers of one input, (1, *dims) in float64; of mixed scales each channel has its own."""
    if name in draw.zeroed:
        return torch.zeros(1, *map(as_int, shape.dims), dtype=torch.float64)
    if draw.kind == "given":
        return torch.from_numpy(draw.numbers(name, tuple(map(as_int, shape.dims)))).unsqueeze(0)
    sizes = tuple(as_int(size) for size in (shape.channels, *shape.spatial))
    tensor = torch.from_numpy(draw.numbers(name, sizes))
    return (tensor.movedim(0, -1) if shape.is_tokens else tensor).unsqueeze(0)
