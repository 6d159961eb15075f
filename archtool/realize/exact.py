"""Whether a run in float64 was exact: no rounding anywhere, so that what differs really differs.

Numbers that are whole multiples of a power of two (the grid) add and multiply exactly while they stay below 2**53 of
its steps. So each tensor has a bound (the run of absolute values: weights, biases and inputs without their signs) and a
grid, and layers that are made of sums, products and choices alone carry both on. On the CPU, where torch computes
convolutions in float64 by sums of products; other devices may take other ways.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from math import inf
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from archtool.flatten import FlatLayer, FlatNetwork
from archtool.mixing import (
    Applied,
    Blended,
    Chosen,
    Collapsed,
    Concatenated,
    Copied,
    Framed,
    Multiplied,
    Normalised,
    Picked,
    Preceded,
    Standing,
    Summed,
    Weighted,
)
from archtool.realize.build import Network, as_int
from archtool.realize.draws import Draw
from archtool.realize.expressions import Bundle, Expression, Move, Tensors, read

LIMIT: Final = 2.0**52  # half of what float64 can tell apart: the run of absolute values is itself rounded
FINEST: Final = 2.0**-30  # a factor with more binary places is taken for a rounded one
LARGEST_TABLE: Final = 2**22  # elements of the table of a layer's fixed weights


class Inexact(Exception):
    """A layer that may round, and why."""


class Bounds(NamedTuple):
    """What is known of a tensor without its numbers: no element is further from 0 than `bound` there, and all are whole
    multiples of `grid`, a power of two (infinity where all are 0)."""

    bound: Tensor
    grid: float


def why_inexact(flat: FlatNetwork, network: Network, expressions: Sequence[Expression]) -> str:
    """Why the expressions (see expressions.py) may have been rounded on a network in float64; empty where each was
    exact."""
    meaning = _Bounding(flat, network)
    try:
        for expression in expressions:
            read(expression, meaning)
    except Inexact as reason:
        return str(reason)
    return ""


def output_bounds(flat: FlatNetwork, network: Network, inputs: Sequence[Bounds]) -> list[Bounds]:
    """Bounds of a network's outputs; raises Inexact where a layer may round."""
    known = dict(enumerate(inputs))
    with torch.no_grad():
        for layer, module in zip(flat.layers, network.layers(), strict=True):
            after = _after(layer, module, [known[number] for number in layer.sources])
            known[layer.target] = checked(after, f"'{layer.name}'")
    return [known[number] for number in flat.outputs.values()]


def checked(bounds: Bounds, what: str) -> Bounds:
    """The bounds, unless what they allow has more digits than a float64."""
    greatest = float(bounds.bound.max()) if bounds.bound.numel() else 0.0
    if not greatest <= LIMIT * bounds.grid:  # infinite and not a number too
        raise Inexact(f"{what} may need more digits than a float64 has")
    return bounds


def grid_of(*tensors: Tensor) -> float:
    """The largest power of two of which all numbers are whole multiples; infinity where all are 0."""
    smallest = inf
    for tensor in tensors:
        numbers = tensor.detach().double().cpu().numpy().ravel()
        numbers = numbers[(numbers != 0) & np.isfinite(numbers)]
        if numbers.size:
            fractions, exponents = np.frexp(numbers)
            whole = np.abs(fractions * 2.0**53).astype(np.int64)
            smallest = min(smallest, float(np.ldexp((whole & -whole).astype(np.float64), exponents - 53).min()))
    return smallest


class _Bounding:
    """Expressions read as bounds."""

    def __init__(self, flat: FlatNetwork, network: Network) -> None:
        self.flat, self.network = flat, network
        self.leaves = Tensors(flat, {}, torch.float64, torch.device("cpu"))

    def drawn(self, draw: Draw | None) -> tuple[Bundle, float]:
        return _leaf(self.leaves.drawn(draw))

    def one(self, name: str, index: Sequence[int]) -> tuple[Bundle, float]:
        return _leaf(self.leaves.one(name, index))

    def sum(self, terms: list[tuple[float, tuple[Bundle, float]]]) -> tuple[Bundle, float]:
        whole = self.leaves.sum([(abs(factor), bundle) for factor, (bundle, _) in terms])
        grid = min(grid_of(torch.tensor(factor, dtype=torch.float64)) * own for factor, (_, own) in terms)
        for tensor in whole.tensors:
            checked(Bounds(tensor, grid), "a sum")
        return whole, grid

    def moved(self, value: tuple[Bundle, float], move: Move) -> tuple[Bundle, float]:
        return value[0].moved(move), value[1]

    def output(self, value: tuple[Bundle, float], network: str) -> tuple[Bundle, float]:
        if network:
            raise Inexact("of two networks one alone can be followed")
        outputs = output_bounds(self.flat, self.network, [Bounds(tensor, value[1]) for tensor in value[0].tensors])
        bundle = Bundle(tuple(each.bound for each in outputs), self.leaves.outputs)
        return bundle, min(each.grid for each in outputs)


def _leaf(bundle: Bundle) -> tuple[Bundle, float]:
    return bundle.moved(lambda tensor, shape: tensor.abs()), grid_of(*bundle.tensors)


def _after(layer: FlatLayer, module: nn.Module, sources: list[Bounds]) -> Bounds:
    """The bounds of a layer's output."""
    own, bounds = layer.run.layer, [each.bound for each in sources]
    grids = [each.grid for each in sources]
    grid = min(grids, default=inf)
    weights = list(module.parameters(recurse=not own.is_join))
    mixing = own.mixing(layer.run.inputs[0])
    match mixing:
        case Weighted():
            products = grid * grid_of(*[each for each in weights if each.dim() > 1])
            return Bounds(_without_signs(module)(*bounds), min(products, grid_of(*weights)))
        case Copied() | Framed() | Preceded() | Picked() | Standing() | Concatenated():
            constants = module(*[torch.zeros_like(each) for each in bounds])
            return Bounds(_without_signs(module)(*bounds).abs(), min(grid, _fixed(layer, constants)))
        case Chosen(least=True):
            return Bounds(_greatest(bounds), grid)
        case Chosen():
            return Bounds(module(*bounds), grid)
        case Summed():
            total = bounds[0]
            for bound in bounds[1:]:
                total = total + bound
            return Bounds(total, grid)
        case Multiplied():
            product = grids[0]
            for each in grids[1:]:
                product = product * each
            return Bounds(module(*bounds), product)
        case Applied(function) if own.nature(layer.run.inputs[0]).homogeneous:
            slopes = torch.cat([each.flatten() for each in weights]) if weights else _slopes(function)
            steepest = max(1.0, float(slopes.abs().max()))
            return Bounds(bounds[0] * steepest, min(grid, grid * _fixed(layer, slopes)))
        case Collapsed(greatest):
            return _over_channels(greatest, module, layer, sources[0])
        case Normalised() if getattr(module, "running_var", None) is not None:
            return _normalised(layer, module, sources[0], weights)
        case Blended():
            return _blended(layer, module, sources[0])
    raise Inexact(f"'{layer.name}' rounds")


def _slopes(function: Callable[[Any], Any]) -> Tensor:
    """The two slopes of a function with f(t x) = t f(x) for t >= 0."""
    return torch.from_numpy(np.asarray(function(np.array([1.0, -1.0])), dtype=np.float64))


def _fixed(layer: FlatLayer, numbers: Tensor) -> float:
    """The grid of fixed numbers; those that are no short binary fractions (1/3, 0.01) are rounded themselves."""
    grid = grid_of(numbers)
    if grid < FINEST:
        raise Inexact(f"'{layer.name}' has factors that are no multiples of a power of two")
    return grid


def _without_signs(module: nn.Module) -> Any:
    """A copy of a module with the absolute values of its parameters."""
    if next(module.parameters(), None) is None:
        return module
    copy = deepcopy(module)
    for parameter in copy.parameters():
        parameter.abs_()
    return copy


def _greatest(bounds: list[Tensor]) -> Tensor:
    greatest = bounds[0]
    for bound in bounds[1:]:
        greatest = torch.maximum(greatest, bound)
    return greatest


def _over_channels(greatest: bool, module: nn.Module, layer: FlatLayer, x: Bounds) -> Bounds:
    channels = as_int(layer.run.inputs[0].channels)
    if greatest:
        return Bounds(module(x.bound), x.grid)
    if channels & (channels - 1):
        raise Inexact(f"'{layer.name}' divides by {channels}")
    return Bounds(module(x.bound) * channels, x.grid / channels)


def _normalised(layer: FlatLayer, module: Any, x: Bounds, weights: Sequence[Tensor]) -> Bounds:
    """A norm by running statistics whose variance and eps are together exactly 1: x less a mean, times a weight, and a
    bias."""
    if not bool((module.running_var + module.eps == 1).all()):
        raise Inexact(f"'{layer.name}' divides by a root")
    plain = _without_signs(deepcopy(module))
    plain.running_mean.copy_(-module.running_mean.abs())
    centred = min(x.grid, grid_of(module.running_mean))
    factors = grid_of(*weights[:1]) if weights else 1.0
    return Bounds(plain(x.bound), min(centred * factors, grid_of(*weights[1:])))


def _blended(layer: FlatLayer, module: nn.Module, x: Bounds) -> Bounds:
    """A sum with fixed weights, read off from the module's answers to a 1 at each position."""
    shape = layer.run.inputs[0]
    positions, channels = as_int(shape.positions), as_int(shape.channels)
    if positions * positions * channels > LARGEST_TABLE:
        raise Inexact(f"'{layer.name}' has too many fixed weights to look at")
    ones = torch.eye(positions, dtype=torch.float64).unsqueeze(1).expand(-1, channels, -1)
    laid = ones.transpose(1, 2) if shape.is_tokens else ones.reshape(positions, *map(as_int, shape.dims))
    table: Tensor = module(laid)
    return Bounds(table.abs().sum(0, keepdim=True) * float(x.bound.max()), x.grid * _fixed(layer, table))
