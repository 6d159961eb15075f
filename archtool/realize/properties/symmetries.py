"""Whether a network passes on what is done to its input: positions or channels reordered, mirrored, turned.

An output may be rearranged as the input is, or stay as it is: the property is refuted where both are broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from archtool.algebra.finding import Finding, unknown
from archtool.algebra.settings import Settings
from archtool.flatten import FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.expressions import Expression, output_shapes
from archtool.realize.properties.laws import Law
from archtool.realize.properties.searching import Laws, concluded, searched
from archtool.shape import Shape, axis_name

Act = Callable[[Expression], Expression]
Acts = Callable[[int], Iterator[tuple[str, Act]]]  # what is done in the draw of that number, and how to say so
ORDERS: Final = 4  # that a draw tries


def permutation_equivariant(
    flat: FlatNetwork, structural: Finding, settings: Settings, axis: str = "pixels"
) -> Finding:
    """Test positions (channels) of the input reordered: neighbours and ends swapped, all reversed, at random."""
    what = "positions" if axis == "pixels" else "channels"
    inputs, outputs = tuple(flat.inputs.values()), output_shapes(flat)
    count = _count(inputs[0], what)
    if count < 2 or any(_count(shape, what) != count for shape in inputs) or _leads(flat):
        return structural

    def acts(turn: int) -> Iterator[tuple[str, Act]]:
        for name, order in _orders(count, turn):
            yield f"with {what} {name}", _permuting(what, order)

    alike = all(_count(shape, what) == count for shape in outputs)
    return _tested(flat, structural, settings, acts, alike, ORDERS)


def _permuting(what: str, order: list[int]) -> Act:
    return lambda x: ["permuted", what, order, x]


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


def flip_equivariant(flat: FlatNetwork, structural: Finding, settings: Settings, axis: int = -1) -> Finding:
    """Test the input mirrored along an axis, by default the last."""
    rank = _rank(flat)
    if not rank or all(as_int(shape.spatial[axis]) == 1 for shape in flat.inputs.values()):
        return structural
    axis %= rank
    name = f"mirrored along the {axis_name(axis, rank)}"

    def acts(turn: int) -> Iterator[tuple[str, Act]]:
        yield name, lambda x: ["flipped", [axis], x]

    alike = all(len(shape.spatial) == rank for shape in output_shapes(flat))
    return _tested(flat, structural, settings, acts, alike, 1)


def rotation_equivariant(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test the input turned by 90 degrees; inputs that are not square the structure decides."""
    inputs, outputs = tuple(flat.inputs.values()), output_shapes(flat)
    if _rank(flat) != 2 or any(len(set(shape.spatial)) != 1 or shape.spatial == (1, 1) for shape in inputs):
        return structural

    def acts(turn: int) -> Iterator[tuple[str, Act]]:
        yield "turned", lambda x: ["turned", x]

    alike = all(len(shape.spatial) == 2 and len(set(shape.spatial)) == 1 for shape in outputs)
    return _tested(flat, structural, settings, acts, alike, 1)


def _leads(flat: FlatNetwork) -> bool:
    """Whether some tokens stand before others that are a grid, and stay in their place."""
    return any(bool(shape.lead) for shape in (*flat.inputs.values(), *output_shapes(flat)))


def _rank(flat: FlatNetwork) -> int:
    """The number of axes of positions that all inputs have; 0 where they differ, or tokens have a grid."""
    ranks = {len(shape.spatial) for shape in flat.inputs.values()}
    grids = any(shape.grid for shape in (*flat.inputs.values(), *output_shapes(flat)))
    return ranks.pop() if len(ranks) == 1 and not grids else 0


def _tested(
    flat: FlatNetwork, structural: Finding, settings: Settings, acts: Acts, alike: bool, number: int
) -> Finding:
    """Test that outputs follow where their sizes allow it (`alike`), else that they stay; what is proved as it says."""
    proved = structural.truth is True
    stays = structural.facts.get("stays", ())
    if proved and stays and len(stays) < len(flat.outputs):
        return structural  # of several outputs, some follow and some stay
    moved = searched(flat, settings, _laws(acts, bool(stays) if proved else not alike), 1 + number, proved)
    if proved or not alike or moved.violation is None:
        return concluded(structural, moved, settings)
    kept = searched(flat, settings, _laws(acts, True), 1 + number, False)
    if kept.violation is None:
        return unknown("the output does not follow, but no draw shows that it does not stay as it is", objects=True)
    return concluded(structural, moved, settings)


def _laws(acts: Acts, stay: bool) -> Laws:
    def laws(x: Expression, y: Expression, turn: int) -> Iterator[Law]:
        for name, act in acts(turn):
            f_x: Expression = ["output", x]
            says = (f"f(x {name})", "f(x)" if stay else f"f(x) {name}")
            yield Law(["output", act(x)], f_x if stay else act(f_x), says)

    return laws
