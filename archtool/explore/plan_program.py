"""Nodes computed: for scattered designs table by table, for a box array by array."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from math import prod
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from archtool.explore.plan_grid import Support, members, on_grid, spread
from archtool.explore.plan_nodes import Along, Call, Joined, Node, Table, in_order
from archtool.explore.plan_tables import Tables
from archtool.trace import Expr

if TYPE_CHECKING:
    Array = np.ndarray[Any, Any]

_UFUNCS: Final[dict[str, Any]] = {
    "sum": np.add,
    "product": np.multiply,
    "max": np.maximum,
    "min": np.minimum,
    "and": np.logical_and,
    "or": np.logical_or,
}


class Program:
    """Computes outputs over tables; making it costs some milliseconds and pays for many designs."""

    def __init__(self, outputs: Sequence[Expr], support: Support) -> None:
        self.support = support
        self.nodes = Tables(outputs, support).nodes
        self.order = in_order(self.nodes.values())
        everywhere = [slice(0, length) for length in support.lengths]
        wanted = [node.expr for node in self.order if isinstance(node, Table)]
        self.tables = on_grid(wanted, support, everywhere)
        for table in self.tables.values():
            table.setflags(write=False)

    # --- scattered designs ---

    def at(self, digits: Sequence[Array]) -> dict[Expr, Array]:
        """The outputs at some places, one int64 array an axis."""
        slots: list[Any] = [*digits, *self._constants]
        for function, parts in self._steps:
            slots.append(function(*[slots[part] for part in parts]))
        return {expr: slots[slot] for expr, slot in self._results.items()}

    @cached_property
    def _compiled(self) -> tuple[list[Any], list[tuple[Callable[..., Any], tuple[int, ...]]], dict[Expr, int]]:
        count = len(self.support.lengths)
        constants: list[Any] = []
        steps: list[tuple[Callable[..., Any], tuple[int, ...]]] = []
        places: dict[Node | int, int] = {}
        indices: dict[int, int] = {1 << axis: axis for axis in range(count)}
        numbers = sorted(
            {
                part
                for node in self.order
                if isinstance(node, Joined | Call)
                for part in node.parts
                if isinstance(part, int)
            }
        )
        for number in numbers:
            places[number] = count + len(constants)
            constants.append(number)
        first = count + len(constants)

        def step(function: Callable[..., Any], *parts: int) -> int:
            steps.append((function, parts))
            return first + len(steps) - 1

        def index(axes: int) -> int:
            """The slot of the places in a flat table over these axes."""
            if axes not in indices:
                last = axes.bit_length() - 1
                before = index(axes ^ 1 << last)
                length = self.support.lengths[last]
                indices[axes] = step(lambda place, digit: place * length + digit, before, last)
            return indices[axes]

        for node in self.order:
            if isinstance(node, Table):
                places[node] = step(self.tables[node.expr].reshape(-1).take, index(node.axes))
            elif isinstance(node, Along):
                places[node] = step(partial(self.support.values, node.symbol), index(node.axes))
            elif isinstance(node, Call):
                function = node.function
                places[node] = step(
                    lambda *parts, function=function: function(parts), *(places[part] for part in node.parts)
                )
            else:
                ufunc = _UFUNCS[node.op]
                places[node] = step(
                    lambda *parts, ufunc=ufunc: _joined(ufunc, parts), *(places[part] for part in node.parts)
                )
        return constants, steps, {expr: places[node] for expr, node in self.nodes.items()}

    @cached_property
    def _constants(self) -> list[Any]:
        return self._compiled[0]

    @cached_property
    def _steps(self) -> list[tuple[Callable[..., Any], tuple[int, ...]]]:
        return self._compiled[1]

    @cached_property
    def _results(self) -> dict[Expr, int]:
        return self._compiled[2]

    # --- a box ---

    def box(self, slices: Sequence[slice]) -> dict[Expr, Array]:
        """The outputs on an open grid, one slice an axis; each has one dimension for each axis it depends on."""
        counts = [part.stop - part.start for part in slices]
        made: dict[Any, Array] = {}
        for node in self.order:
            if isinstance(node, Table):
                made[node] = self.tables[node.expr][tuple([slices[axis] for axis in members(node.axes)])]
            elif isinstance(node, Along):
                made[node] = self.support.values(node.symbol, slices[node.axes.bit_length() - 1])
            elif isinstance(node, Call):
                made[node] = node.function(
                    [
                        part if isinstance(part, int) else spread(made[part], part.axes, node.axes, counts)
                        for part in node.parts
                    ]
                )
            else:
                made[node] = self._joined_in_box(node, made, counts)
        return {expr: made[node] for expr, node in self.nodes.items()}

    def _joined_in_box(self, node: Joined, made: dict[Any, Array], counts: Sequence[int]) -> Array:
        """The parts joined, small ones first, so that few steps are as large as the box."""
        ufunc = _UFUNCS[node.op]
        parts: list[tuple[int, Any]] = [
            (0, part) if isinstance(part, int) else (part.axes, made[part]) for part in node.parts
        ]
        while len(parts) > 1:
            i, j = min(
                ((i, j) for j in range(len(parts)) for i in range(j)),
                key=lambda pair: prod([counts[axis] for axis in members(parts[pair[0]][0] | parts[pair[1]][0])]),
            )
            other_axes, other = parts.pop(j)
            axes, one = parts.pop(i)
            both = axes | other_axes
            one, other = (
                value if isinstance(value, int) else spread(value, each, both, counts)
                for each, value in ((axes, one), (other_axes, other))
            )
            parts.append((both, _joined(ufunc, (one, other))))
        ((axes, array),) = parts
        return spread(array, axes, node.axes, counts)


def _joined(ufunc: Any, parts: Sequence[Any]) -> Any:
    if len(parts) == 1:
        return parts[0]
    total = _first_two(ufunc, parts[0], parts[1])
    for part in parts[2:]:
        ufunc(total, part, out=total)
    return total


def _first_two(ufunc: Any, one: Any, other: Any) -> Any:
    return ufunc(one, other, dtype=np.int64) if ufunc in (np.add, np.multiply) else ufunc(one, other)
