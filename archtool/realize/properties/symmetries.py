"""Whether a network passes on what is done to its input: positions or channels reordered, mirrored, turned."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, combinations

import numpy as np

from archtool.algebra.finding import Finding
from archtool.algebra.settings import Settings
from archtool.flatten import FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.expressions import Expression, output_shapes
from archtool.realize.properties.laws import Law
from archtool.realize.properties.searching import concluded, searched
from archtool.shape import Shape

Act = Callable[[Expression], Expression]
ORDERS = 4  # of those that a draw tries


def permutation_equivariant(
    flat: FlatNetwork, structural: Finding, settings: Settings, axis: str = "pixels"
) -> Finding:
    """Test that what is made of a reordered input is reordered alike: by neighbours and ends swapped, by all reversed,
    at random. An output with one position (channel) has to stay the same. Where its number is another, the structure
    decides."""
    what = "positions" if axis == "pixels" else "channels"
    inputs, outputs = tuple(flat.inputs.values()), output_shapes(flat)
    count = _count(inputs[0], what)
    made = {_count(shape, what) for shape in outputs}
    if count < 2 or any(_count(shape, what) != count for shape in inputs) or made not in ({count}, {1}):
        return structural

    def laws(x: Expression, y: Expression, turn: int) -> Iterator[Law]:
        for name, order in _orders(count, turn):
            says = (f"f(x with {what} {name})", "f(x)" if made == {1} else f"f(x) with {what} {name}")
            stays = ["output", x]
            moved = stays if made == {1} else ["permuted", what, order, stays]
            yield Law(["output", ["permuted", what, order, x]], moved, says)

    return concluded(structural, searched(flat, settings, laws, 1 + ORDERS, structural.truth is True), settings)


def _count(shape: Shape, what: str) -> int:
    return as_int(shape.positions if what == "positions" else shape.channels)


def _orders(count: int, turn: int) -> Iterator[tuple[str, list[int]]]:
    order = list(range(count))
    swapped = turn % (count - 1)
    order[swapped], order[swapped + 1] = order[swapped + 1], order[swapped]
    yield f"{swapped} and {swapped + 1} swapped", order
    yield f"0 and {count - 1} swapped", [count - 1, *range(1, count - 1), 0]
    yield "reversed", list(range(count - 1, -1, -1))
    yield "reordered", [int(each) for each in np.random.default_rng(turn).permutation(count)]


def flip_equivariant(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test that what is made of a mirrored input is mirrored, along each axis and along several together; an output
    with one position has to stay the same."""
    rank = _rank(flat)
    axes = list(chain.from_iterable(combinations(range(rank), size) for size in range(1, rank + 1)))

    def acts() -> Iterator[tuple[str, Act]]:
        for each in axes:
            name = "mirrored" if rank == 1 else f"mirrored along {' and '.join(f'axis {axis}' for axis in each)}"
            yield name, lambda x, each=each: ["flipped", list(each), x]  # type: ignore[misc]  # the loop's value

    return _tested(flat, structural, settings, rank, acts, len(axes))


def rotation_equivariant(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test that what is made of an input turned by 90 degrees is turned; inputs that are not square the structure
    decides. An output with one position has to stay the same."""
    rank = _rank(flat)
    shapes = (*flat.inputs.values(), *output_shapes(flat))
    square = rank == 2 and all(len(set(shape.spatial)) < 2 for shape in shapes)

    def acts() -> Iterator[tuple[str, Act]]:
        yield "turned", lambda x: ["turned", x]

    return _tested(flat, structural, settings, rank if square else 0, acts, 1)


def _rank(flat: FlatNetwork) -> int:
    """The number of axes that all inputs, and all outputs that have any, have; 0 where they differ."""
    inputs = {len(shape.spatial) for shape in flat.inputs.values()}
    outputs = {0 if as_int(shape.positions) == 1 else len(shape.spatial) for shape in output_shapes(flat)}
    return min(inputs) if len(inputs) == 1 and outputs in ({0}, inputs) else 0


def _tested(
    flat: FlatNetwork,
    structural: Finding,
    settings: Settings,
    rank: int,
    acts: Callable[[], Iterator[tuple[str, Act]]],
    number: int,
) -> Finding:
    if not rank:
        return structural
    single = all(as_int(shape.positions) == 1 for shape in output_shapes(flat))

    def laws(x: Expression, y: Expression, turn: int) -> Iterator[Law]:
        for name, act in acts():
            f_x = ["output", x]
            says = (f"f(x {name})", "f(x)" if single else f"f(x) {name}")
            yield Law(["output", act(x)], f_x if single else act(f_x), says)

    return concluded(structural, searched(flat, settings, laws, 1 + number, structural.truth is True), settings)
