"""Scattered designs: tables looked up, what remains computed, in a list of steps that is made once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from archtool.explore.plan.nodes import Along, Call, Joined, Node, Table, ufunc_of
from archtool.explore.plan.tables import Tabled
from archtool.trace import Expr

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Lookups:
    """Steps over slots, each of which holds an array: first the digits, then the numbers, then a step's result each."""

    def __init__(self, tabled: Tabled) -> None:
        self._lengths = tabled.support.lengths
        self._numbers: list[int] = []
        self._steps: list[tuple[Callable[..., Any], list[int]]] = []
        self._places = {1 << axis: axis for axis in range(len(self._lengths))}  # set of axes -> slot
        slots: dict[Node | int, int] = {}
        for node in tabled.order:
            for part in node.parts if isinstance(node, Joined | Call) else ():
                if isinstance(part, int) and part not in slots:
                    slots[part] = len(self._lengths) + len(self._numbers)
                    self._numbers.append(part)
        for node in tabled.order:
            if isinstance(node, Table):
                slots[node] = self._step(tabled.values[node.expr].reshape(-1).take, [self._place(node.axes)])
            elif isinstance(node, Along):
                slots[node] = self._step(partial(tabled.support.values, node.symbol), [self._place(node.axes)])
            else:
                function = _joining(ufunc_of(node)) if isinstance(node, Joined) else _calling(node.function)
                slots[node] = self._step(function, [slots[part] for part in node.parts])
        self._results = {expr: slots[node] for expr, node in tabled.nodes.items()}

    def at(self, digits: Sequence[Array]) -> dict[Expr, Array]:
        """The outputs at some places, one int64 array an axis."""
        slots: list[Any] = [*digits, *self._numbers]
        for function, parts in self._steps:
            slots.append(function(*[slots[part] for part in parts]))
        return {expr: slots[slot] for expr, slot in self._results.items()}

    def _step(self, function: Callable[..., Any], parts: list[int]) -> int:
        self._steps.append((function, parts))
        return len(self._lengths) + len(self._numbers) + len(self._steps) - 1

    def _place(self, axes: int) -> int:
        """The slot of the places in a flat table over these axes; those of the axes before the last are on the way."""
        if axes not in self._places:
            last = axes.bit_length() - 1
            before = self._place(axes & ~(1 << last))
            length = self._lengths[last]
            self._places[axes] = self._step(lambda place, digit: place * length + digit, [before, last])
        return self._places[axes]


def _joining(ufunc: Callable[..., Any]) -> Callable[..., Any]:
    import numpy as np

    def join(first: Any, *others: Any) -> Any:
        if not others:
            return np.asarray(first)  # it may be a number
        total = ufunc(first, others[0])
        for other in others[1:]:
            ufunc(total, other, out=total)
        return total

    return join


def _calling(function: Callable[[Sequence[Any]], Any]) -> Callable[..., Any]:
    return lambda *parts: function(parts)
