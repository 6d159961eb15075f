"""How a network answers sums and multiples: linear, affine, positively homogeneous, additive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from archtool.algebra.finding import Finding
from archtool.algebra.settings import Settings
from archtool.flatten import FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.expressions import Expression
from archtool.realize.properties.laws import Law
from archtool.realize.properties.searching import concluded, searched

FACTORS: Final = (2.0, 2.0**12, 0.5)
PARTS: Final = 8  # positions or channels that a draw takes apart
NOTHING: Final[Expression] = ["zeros"]


def linear(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test f(x + y) = f(x) + f(y), f(x) + f(-x) = f(0) and f(t x) = t f(x)."""

    def laws(x: Expression, y: Expression, turn: int) -> Iterator[Law]:
        f_x = ["output", x]
        yield Law(["output", NOTHING], ["sum", [0, f_x]], ("f(0)", "0"))
        both = ["output", ["sum", [1, x], [1, y]]]
        yield Law(both, ["sum", [1, f_x], [1, ["output", y]]], ("f(x + y)", "f(x) + f(y)"))
        yield Law(["output", ["sum", [-1, x]]], ["sum", [-1, f_x]], ("f(-x)", "-f(x)"))
        yield _scaled(x, FACTORS[turn % len(FACTORS)])

    return concluded(structural, searched(flat, settings, laws, 6, structural.truth is True), settings)


def affine(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test f(x + y) + f(0) = f(x) + f(y), also for y = -x, and f(t x) - f(0) = t (f(x) - f(0))."""

    def laws(x: Expression, y: Expression, turn: int) -> Iterator[Law]:
        f_x, f_0 = ["output", x], ["output", NOTHING]
        both = ["output", ["sum", [1, x], [1, y]]]
        left = ["sum", [1, both], [1, f_0]]
        yield Law(left, ["sum", [1, f_x], [1, ["output", y]]], ("f(x + y) + f(0)", "f(x) + f(y)"))
        opposite = ["output", ["sum", [-1, x]]]
        yield Law(["sum", [1, f_x], [1, opposite]], ["sum", [2, f_0]], ("f(x) + f(-x)", "2 f(0)"))
        factor = FACTORS[turn % 2]
        scaled = ["sum", [1, ["output", ["sum", [factor, x]]]], [factor - 1, f_0]]
        says = (f"f({factor:g} x) + {factor - 1:g} f(0)", f"{factor:g} f(x)")
        yield Law(scaled, ["sum", [factor, f_x]], says)

    return concluded(structural, searched(flat, settings, laws, 6, structural.truth is True), settings)


def positively_homogeneous(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test f(t x) = t f(x) for several t >= 0, 0 among them."""

    def laws(x: Expression, y: Expression, turn: int) -> Iterator[Law]:
        yield Law(["output", NOTHING], ["sum", [0, ["output", x]]], ("f(0)", "0"))
        for factor in FACTORS:
            yield _scaled(x, factor)

    return concluded(structural, searched(flat, settings, laws, 5, structural.truth is True), settings)


def _scaled(x: Expression, factor: float) -> Law:
    says = (f"f({factor:g} x)", f"{factor:g} f(x)")
    return Law(["output", ["sum", [factor, x]]], ["sum", [factor, ["output", x]]], says)


def additive_over_positions(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test f(x) + f(0) = f(x at one position) + f(x elsewhere), position by position."""
    return _additive(flat, structural, settings, "positions")


def additive_over_channels(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test f(x) + f(0) = f(x in one channel) + f(x in the others), channel by channel."""
    return _additive(flat, structural, settings, "channels")


def _additive(flat: FlatNetwork, structural: Finding, settings: Settings, what: str) -> Finding:
    parts = max(as_int(getattr(shape, what)) for shape in flat.inputs.values())
    one = what.removesuffix("s")

    def laws(x: Expression, y: Expression, turn: int) -> Iterator[Law]:
        whole = ["sum", [1, ["output", x]], [1, ["output", NOTHING]]]
        for part in taken_in_turns(parts, turn, PARTS):
            alone, others = (["output", [word, what, [part], x]] for word in ("only", "without"))
            says = ("f(x) + f(0)", f"f(x in {one} {part}) + f(x elsewhere)")
            yield Law(whole, ["sum", [1, alone], [1, others]], says)

    forwards = 2 + 2 * min(parts, PARTS)
    return concluded(structural, searched(flat, settings, laws, forwards, structural.truth is True), settings)


def taken_in_turns(count: int, turn: int, most: int) -> Sequence[int]:
    """So many of the numbers below `count`, other ones each turn until all had theirs, first the ends."""
    if count <= most:
        return range(count)
    order = [0, count - 1, *range(1, count - 1)]
    return [order[(turn * most + number) % count] for number in range(most)]
