"""What a test compares, as JSON: tensors drawn, moved, summed and sent through a network.

An expression is a list, its first item a word, and stands for one tensor for each input of a network, or for each of
its outputs:

- `["draw", recipe]`: inputs drawn (see draws.py); `["zeros"]`: inputs of zeros.
- `["one", input, index]`: zeros but for a 1 at one index of one input.
- `["sum", [factor, expression], ...]`: a sum with factors.
- `["output", expression]`, `["output", expression, network]`: what the network makes of it; of the second network that
  a comparison of two has, where named.
- moves, each of every tensor: `["shifted", steps, filling, e]` by so many positions an axis, filling with "zeros" or
  "cyclic"; `["flipped", axes, e]`; `["turned", e]` by 90 degrees; `["permuted", "positions" | "channels", order, e]`;
  `["only", "positions" | "channels", numbers, e]` and `["without", ..., e]`: zeros elsewhere, or there;
  `["within", axis, first, last, e]`: zeros before the first position of an axis, and behind the last.

Axes are those of the positions; positions are numbered row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from archtool.algebra.structure.shapes import shapes_of
from archtool.flatten import FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.draws import Draw, draw_input
from archtool.shape import Shape

Expression = Sequence[Any]
T = TypeVar("T")
Move = Callable[[Tensor, Shape], Tensor]


class Bundle(NamedTuple):
    """One batched tensor for each input of a network, or for each of its outputs, and their shapes."""

    tensors: tuple[Tensor, ...]
    shapes: tuple[Shape, ...]

    def moved(self, move: Move) -> Bundle:
        """The bundle with a function of each tensor; shapes stay."""
        return Bundle(tuple(map(move, self.tensors, self.shapes)), self.shapes)


class Meaning(Protocol[T]):
    """What expressions are read as: tensors, or bounds of them (see exact.py)."""

    def drawn(self, draw: Draw | None) -> T:
        """Inputs drawn, or zeros."""

    def one(self, name: str, index: Sequence[int]) -> T:
        """A 1 at an index of the input of that name."""

    def sum(self, terms: list[tuple[float, T]]) -> T:
        """A sum with factors."""

    def moved(self, value: T, move: Move) -> T:
        """A move of every tensor."""

    def output(self, value: T, network: str) -> T:
        """What a network makes of its inputs."""


def read(expression: Expression, meaning: Meaning[T], known: dict[str, T] | None = None) -> T:
    """What an expression stands for; `known` keeps what networks made, so that it is made once."""
    word, *rest = expression
    if word == "draw":
        return meaning.drawn(Draw.of(rest[0]))
    if word == "zeros":
        return meaning.drawn(None)
    if word == "one":
        return meaning.one(*rest)
    if word == "sum":
        return meaning.sum([(factor, read(term, meaning, known)) for factor, term in rest])
    if word != "output":
        *how, inner = rest
        return meaning.moved(read(inner, meaning, known), MOVES[word](*how))
    if known is None:
        return meaning.output(read(rest[0], meaning), rest[1] if len(rest) > 1 else "")
    name = repr(expression)
    if name not in known:
        known[name] = meaning.output(read(rest[0], meaning, known), rest[1] if len(rest) > 1 else "")
    return known[name]


class Tensors:
    """Expressions read as tensors: `networks` by name, '' the first; its inputs are those that are drawn."""

    def __init__(
        self, flat: FlatNetwork, networks: dict[str, Callable[..., Any]], dtype: torch.dtype, device: torch.device
    ) -> None:
        self.flat, self.networks, self.dtype, self.device = flat, networks, dtype, device
        self.outputs = output_shapes(flat)

    def drawn(self, draw: Draw | None) -> Bundle:
        named = self.flat.inputs.items()
        if draw is None:
            tensors = tuple(torch.zeros(1, *map(as_int, shape.dims), dtype=torch.float64) for _, shape in named)
        else:
            tensors = tuple(draw_input(name, shape, draw) for name, shape in named)
        placed = tuple(tensor.to(self.device, self.dtype) for tensor in tensors)
        return Bundle(placed, tuple(self.flat.inputs.values()))

    def one(self, name: str, index: Sequence[int]) -> Bundle:
        zeros = self.drawn(None)
        zeros.tensors[list(self.flat.inputs).index(name)][(0, *index)] = 1
        return zeros

    def sum(self, terms: list[tuple[float, Bundle]]) -> Bundle:
        (factor, first), *others = terms
        tensors = [factor * tensor for tensor in first.tensors]
        for factor, other in others:
            tensors = [a + factor * b for a, b in zip(tensors, other.tensors, strict=True)]
        return Bundle(tuple(tensors), first.shapes)

    def moved(self, value: Bundle, move: Move) -> Bundle:
        return value.moved(move)

    def output(self, value: Bundle, network: str) -> Bundle:
        with torch.no_grad():
            made = self.networks[network](*value.tensors)
        return Bundle(tuple(made.values()) if isinstance(made, dict) else (made,), self.outputs)


def output_shapes(flat: FlatNetwork) -> tuple[Shape, ...]:
    """The shapes of a network's outputs, in order."""
    shapes = shapes_of(flat)
    return tuple(shapes[number] for number in flat.outputs.values())


def first_axis(shape: Shape) -> int:
    """The first axis of a batched tensor that has positions."""
    return 1 if shape.is_tokens else 2


def _shifted(steps: Sequence[int], filling: str) -> Move:
    def move(tensor: Tensor, shape: Shape) -> Tensor:
        axes = tuple(range(first_axis(shape), first_axis(shape) + len(steps)))
        moved = torch.roll(tensor, tuple(steps), axes)
        if filling == "zeros":
            for axis, step in zip(axes, steps, strict=True):
                gone = min(abs(step), moved.shape[axis])
                moved.narrow(axis, 0 if step > 0 else moved.shape[axis] - gone, gone).zero_()
        return moved

    return move


def _flipped(axes: Sequence[int]) -> Move:
    return lambda tensor, shape: tensor.flip([first_axis(shape) + axis for axis in axes])


def _turned() -> Move:
    return lambda tensor, shape: torch.rot90(tensor, 1, (first_axis(shape), first_axis(shape) + 1))


def _axis_of(what: str) -> int:
    """Where the channels, or the positions once they are one axis, stand in (batch, channels, positions)."""
    return 1 if what == "channels" else 2


def laid_out(tensor: Tensor, shape: Shape) -> Tensor:
    """(batch, channels, positions) of a tensor of any layout."""
    return tensor.movedim(-1, 1) if shape.is_tokens else tensor.reshape(*tensor.shape[:2], -1)


def laid_back(tensor: Tensor, shape: Shape, like: Tensor) -> Tensor:
    """What `laid_out` did undone, to the sizes of a tensor like it."""
    return tensor.movedim(1, -1) if shape.is_tokens else tensor.reshape(like.shape)


def _permuted(what: str, order: Sequence[int]) -> Move:
    def move(tensor: Tensor, shape: Shape) -> Tensor:
        flat = laid_out(tensor, shape)
        moved = flat.index_select(_axis_of(what), torch.tensor(list(order), device=tensor.device))
        return laid_back(moved, shape, tensor)

    return move


def _only(what: str, numbers: Sequence[int]) -> Move:
    def move(tensor: Tensor, shape: Shape) -> Tensor:
        flat, axis = laid_out(tensor, shape), _axis_of(what)
        there = torch.zeros(flat.shape[axis], dtype=torch.bool, device=tensor.device)
        there[[number for number in numbers if number < len(there)]] = True
        kept = torch.where(
            there.reshape([-1 if each == axis else 1 for each in range(3)]), flat, torch.zeros_like(flat)
        )
        return laid_back(kept, shape, tensor)

    return move


def _without(what: str, numbers: Sequence[int]) -> Move:
    only = _only(what, numbers)
    return lambda tensor, shape: tensor - only(tensor, shape)


def _within(axis: int, first: int, last: int) -> Move:
    def move(tensor: Tensor, shape: Shape) -> Tensor:
        kept = torch.zeros_like(tensor)
        along, length = first_axis(shape) + axis, last + 1 - first
        kept.narrow(along, first, length).copy_(tensor.narrow(along, first, length))
        return kept

    return move


MOVES: dict[str, Callable[..., Move]] = {
    "shifted": _shifted,
    "flipped": _flipped,
    "turned": _turned,
    "permuted": _permuted,
    "only": _only,
    "without": _without,
    "within": _within,
}
