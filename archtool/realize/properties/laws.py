"""Two things that should be equal, and whether they are: exactly, or beyond all rounding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from archtool.algebra.finding import Basis, Witness
from archtool.algebra.settings import TOLERANCES
from archtool.errors import RuleError
from archtool.flatten import FlatNetwork
from archtool.realize.build import Network, execute
from archtool.realize.draws import Draw, draw_weights, weighted
from archtool.realize.exact import why_inexact
from archtool.realize.expressions import Bundle, Expression, Tensors, output_shapes, read
from archtool.shape import Shape

CPU: Final = torch.device("cpu")
STIR: Final = 2.0**-44  # 256 times the relative rounding of float64
HOPES: Final = 6  # how often a difference within the tolerance is looked at, whether it was exact
BEYOND: Final = 8  # how many times what stirring does a difference has to be


class Law(NamedTuple):
    """Two expressions that should agree, and how a person would write them; `masks` say where, one for each output
    (None: everywhere)."""

    left: Expression
    right: Expression
    says: tuple[str, str]
    masks: tuple[Tensor | None, ...] | None = None


class Place(NamedTuple):
    """Where two sides differ most: by how much, and by how much of the largest of them."""

    output: int
    inner: tuple[int, ...]
    difference: float
    relative: float


class Violation(NamedTuple):
    """A law that was broken: the witness, and what the finding rests on."""

    witness: Witness
    basis: Basis


class Sides:
    """Evaluates laws on a network with given weights; what the network makes of an input is computed once."""

    def __init__(self, flat: FlatNetwork, network: Network, dtype: torch.dtype, device: torch.device) -> None:
        self.meaning = Tensors(flat, {"": network}, dtype, device)
        self.known: dict[str, Bundle] = {}

    def of(self, law: Law) -> tuple[Bundle, Bundle]:
        """Both sides of a law."""
        return self.read(law.left), self.read(law.right)

    def read(self, expression: Expression) -> Bundle:
        """What an expression stands for."""
        return read(expression, self.meaning, self.known)


def place_of(left: Bundle, right: Bundle, masks: tuple[Tensor | None, ...] | None) -> Place | None:
    """Where two sides differ most; None where one of them is not finite, or nothing is compared."""
    found = None
    for output, (a, b) in enumerate(zip(left.tensors, right.tensors, strict=True)):
        if a.shape != b.shape:
            raise RuleError(f"tensors of different shapes can't be compared: {tuple(a.shape)} and {tuple(b.shape)}")
        mask = masks[output] if masks else None
        difference, size = (a - b).abs(), torch.maximum(a.abs(), b.abs())
        if not bool(torch.isfinite(difference).all()):
            return None
        if mask is not None:
            here = mask.to(a.device)
            difference = torch.where(here, difference, torch.zeros_like(difference))
            size = torch.where(here, size, torch.zeros_like(size))
        if not difference.numel():
            continue
        number = int(difference.argmax())
        worst, largest = float(difference.flatten()[number]), float(size.max())
        index = tuple(int(each) for each in torch.unravel_index(torch.tensor(number), difference.shape))[1:]
        relative = worst / largest if largest else 0.0
        if found is None or relative > found.relative:
            found = Place(output, index, worst, relative)
    return found


class Judge:
    """Judges laws in float64 on the CPU, whatever they were tested in: a network of its own, its weights drawn anew."""

    def __init__(self, flat: FlatNetwork, allowed: float) -> None:
        self.flat, self.allowed = flat, min(allowed, TOLERANCES["float64"])
        self.hopes = HOPES
        self._network: Network | None = None
        self._weights: Draw | None = None
        self._sides: Sides | None = None

    def sides(self, weights: Draw) -> Sides:
        """What evaluates laws on the network with these weights."""
        network = self.network(weights)
        if self._sides is None:
            self._sides = Sides(self.flat, network, torch.float64, CPU)
        return self._sides

    def network(self, weights: Draw) -> Network:
        """The network with these weights."""
        if self._network is None or (weights.kind == "init" and weights != self._weights):
            self._network = weighted(self.flat, weights, torch.float64, CPU)
        elif weights != self._weights:
            draw_weights(self._network, weights)
        if weights != self._weights:
            self._weights, self._sides = weights, None  # what was computed is of other weights
        return self._network

    def violation(self, weights: Draw, laws: Iterable[Law]) -> Violation | None:
        """The first of the laws that is broken with these weights."""
        for law in laws:
            found = self._judged(weights, law)
            if found is not None:
                return found
        return None

    def _judged(self, weights: Draw, law: Law) -> Violation | None:
        left, right = self.sides(weights).of(law)
        place = place_of(left, right, law.masks)
        if place is None or place.difference == 0:
            return None
        network = self.network(weights)
        small = place.relative <= self.allowed
        if small and not self.hopes:
            return None
        if not why_inexact(self.flat, network, [law.left, law.right]):
            basis = Basis("witness", "float64 on integers, every step exact")
        else:
            self.hopes -= small
            if small:
                return None
            rounding = BEYOND * self._stirred(network, law, place, left, right)
            if place.difference <= rounding:
                return None
            text = f"float64, difference {place.difference:.2g} where rounding is below {rounding:.1g}"
            basis = Basis("samples", text)
        return Violation(witness_of(self.flat, weights, law, place, left, right), basis)

    def _stirred(self, network: Network, law: Law, place: Place, left: Bundle, right: Bundle) -> float:
        """How far the two sides move at a place when each tensor is rounded 256 times as roughly as float64 does."""
        generator = torch.Generator().manual_seed(0)
        stirred = Tensors(self.flat, {"": _stirring(network, generator)}, torch.float64, CPU)
        where = (place.output, (0, *place.inner))
        moved = 0.0
        for _ in range(3):
            known: dict[str, Bundle] = {}
            for expression, side in ((law.left, left), (law.right, right)):
                other = read(expression, stirred, known)
                moved = max(moved, float((other.tensors[where[0]][where[1]] - side.tensors[where[0]][where[1]]).abs()))
        return 2 * moved


def _stirring(network: Network, generator: torch.Generator) -> Any:
    """The network with each tensor times 1 + a random number below STIR."""

    def stirred(tensor: Tensor) -> Tensor:
        noise = torch.rand(tensor.shape, generator=generator, dtype=torch.float64) * 2 - 1
        return tensor * (1 + STIR * noise)

    def layer(module: Any) -> Any:
        return lambda *tensors: stirred(module(*tensors))

    def run(*inputs: Tensor) -> dict[str, Tensor]:
        tensors = dict(enumerate(map(stirred, inputs)))
        for _ in execute(network.steps, map(layer, network.layers()), tensors):
            pass
        return {name: tensors[number] for name, number in network.outputs.items()}

    return run


def witness_of(
    flat: FlatNetwork, weights: Draw, law: Law, place: Place, left: Bundle, right: Bundle, **more: Any
) -> Witness:
    """The witness of two sides that differ at a place; `more` are further words of its recipe."""
    name = list(flat.outputs)[place.output]
    values = [float(side.tensors[place.output][(0, *place.inner)]) for side in (left, right)]
    recipe: Mapping[str, Any] = {
        "weights": weights.recipe(),
        "left": law.left,
        "right": law.right,
        "at": {"output": name, "index": list(place.inner)},
        "dtype": "float64",
        **more,
    }
    where = spoken(place.inner, output_shapes(flat)[place.output])
    of = f"'{name}' " if len(flat.outputs) > 1 else ""
    sides = [
        said if said == number(value) else f"{said} = {number(value)}"
        for said, value in zip(law.says, values, strict=True)
    ]
    text = f"{of}{where}: {sides[0]}, " + ("not " if sides[1] == law.says[1] else "") + sides[1]
    return Witness(text=text, left=values[0], right=values[1], recipe=recipe)


def spoken(index: tuple[int, ...], shape: Shape) -> str:
    """An index in words: 'output channel 3 at (0, 1)'."""
    channel, position = (index[-1], index[:-1]) if shape.is_tokens else (index[0], index[1:])
    if not position:
        return f"output channel {channel}"
    where = f"token {position[0]}" if shape.is_tokens else f"({', '.join(map(str, position))})"
    return f"output channel {channel} at {where}"


def number(value: float) -> str:
    """A number as short as it can be told."""
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.9g}"


def simpler(weights: Draw, names: Iterable[str]) -> Iterator[Draw]:
    """Weights that are the same but simpler: of the signs alone, or without one of the parameters."""
    if weights.kind == "integers" and (weights.low, weights.high) != (-1, 1):
        yield replace(weights, low=-1, high=1, density=1.0)
    for name in names:
        if name not in weights.zeroed:
            yield replace(weights, zeroed=(*weights.zeroed, name))
