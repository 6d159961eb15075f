"""Boxes of designs: tables sliced, what remains computed as small as it is for as long as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from math import prod
from typing import TYPE_CHECKING, Any, Final

from archtool.explore.plan.grid import members, spread
from archtool.explore.plan.nodes import Along, Call, Joined, Table, axes_of, ufunc_of
from archtool.explore.plan.tables import Tabled
from archtool.trace import Expr

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST_ORDERS: Final = 1000  # that are remembered

Pair = tuple[int, int, int]  # two places in a list of parts, the second first, and the axes of both together


class Boxes:
    """Computes outputs on open grids."""

    def __init__(self, tabled: Tabled) -> None:
        self.tabled = tabled
        self._orders: dict[tuple[Any, ...], list[Pair]] = {}

    def at(self, slices: Sequence[slice]) -> dict[Expr, Array]:
        """The outputs at the places that slices of the axes leave, each with one dimension for each of its axes."""
        support = self.tabled.support
        counts = tuple([part.stop - part.start for part in slices])
        made: dict[Any, Any] = {}
        for node in self.tabled.order:
            if isinstance(node, Table):
                made[node] = self.tabled.values[node.expr][tuple([slices[axis] for axis in members(node.axes)])]
            elif isinstance(node, Along):
                made[node] = support.values(node.symbol, slices[support.axis(node.symbol)])
            elif isinstance(node, Joined):
                made[node] = self._joined(node, made, counts)
            else:
                made[node] = _called(node, made)
        return {expr: made[node] for expr, node in self.tabled.nodes.items()}

    def _joined(self, node: Joined, made: dict[Any, Any], counts: tuple[int, ...]) -> Array:
        import numpy as np

        ufunc = ufunc_of(node)
        parts: list[tuple[int, Any]] = [(axes_of(part), made.get(part, part)) for part in node.parts]
        for j, i, both in self._order(node, counts):
            pair = (parts.pop(j), parts.pop(i))
            one, other = (spread(part, axes, both) if axes else part for axes, part in pair)
            parts.append((both, ufunc(one, other)))
        ((axes, array),) = parts
        return spread(np.asarray(array), axes, node.axes)

    def _order(self, node: Joined, counts: tuple[int, ...]) -> list[Pair]:
        """In which order to join a node's parts."""
        key = (node, counts)
        if key not in self._orders:
            if len(self._orders) >= MOST_ORDERS:
                self._orders.clear()
            self._orders[key] = _smallest_first([axes_of(part) for part in node.parts], counts)
        return self._orders[key]


def _smallest_first(sets: list[int], counts: Sequence[int]) -> list[Pair]:
    """The two sets of axes whose join is smallest are joined, again and again: few joins are as large as the box."""

    def size(pair: tuple[int, int]) -> int:
        return prod([counts[axis] for axis in members(sets[pair[0]] | sets[pair[1]])])

    order = []
    while len(sets) > 1:
        i, j = min(combinations(range(len(sets)), 2), key=size)
        both = sets.pop(j) | sets.pop(i)
        sets.append(both)
        order.append((j, i, both))
    return order


def _called(node: Call, made: dict[Any, Any]) -> Any:
    parts = [part if isinstance(part, int) else spread(made[part], part.axes, node.axes) for part in node.parts]
    return node.function(parts)
