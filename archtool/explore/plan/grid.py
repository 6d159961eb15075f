"""Expressions evaluated on a grid: each only along the axes that it depends on, with one item a place there.

A set of axes is an int, one bit an axis. An expression's array has one dimension for each axis of its set, in order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any

from archtool.codegen import Operation, operations, turns
from archtool.trace import Expr, arguments, in_order

if TYPE_CHECKING:
    import numpy as np

    from archtool.explore.reading import Variable

    Array = np.ndarray[Any, Any]


class Support:
    """Which axes expressions depend on, and what their symbols are along them."""

    def __init__(self, variables: Mapping[str, Variable], lengths: Sequence[int]) -> None:
        self.variables = variables
        self.lengths = tuple(lengths)
        self._found: dict[Expr, int] = {}

    def learn(self, outputs: Iterable[object]) -> None:
        """Note the axes of everything that the outputs need."""
        found = self._found
        new: set[Expr] = set()
        todo = [output for output in outputs if isinstance(output, Expr)]
        while todo:
            expr = todo.pop()
            if expr not in found and expr not in new:
                new.add(expr)
                todo += [part for part in arguments(expr) if isinstance(part, Expr)]
        for expr in sorted(new, key=lambda expr: expr.number):  # each after its parts
            if expr.op == "symbol":
                found[expr] = 1 << self.axis(expr)
            else:
                found[expr] = self.of(part for part in arguments(expr) if isinstance(part, Expr))

    def of(self, parts: Iterable[Expr]) -> int:
        """The axes of some expressions, as a set."""
        axes = 0
        for part in parts:
            axes |= self._found[part]
        return axes

    def __getitem__(self, expr: Expr) -> int:
        found = self._found.get(expr)
        if found is None:
            self.learn([expr])
            found = self._found[expr]
        return found

    def size(self, axes: int) -> int:
        """The number of places that a set of axes has."""
        return prod([self.lengths[axis] for axis in members(axes)])

    def axis(self, symbol: Expr) -> int:
        """The axis that a symbol moves along."""
        return self.variables[symbol.args[0]].axis

    def values(self, symbol: Expr, places: slice | Array) -> Array:
        """A symbol's values at some places of its axis."""
        import numpy as np

        values = self.variables[symbol.args[0]].values
        if isinstance(values, range):
            if isinstance(places, slice):
                places = np.arange(places.start, places.stop)
            return turns(symbol, values.start + values.step * places)  # wraps on the way, where it must: mod 2**64
        return turns(symbol, values[places])


def members(axes: int) -> Iterator[int]:
    """The axes of a set, in order."""
    while axes:
        lowest = axes & -axes
        yield lowest.bit_length() - 1
        axes ^= lowest


def on_grid(outputs: Sequence[Expr], support: Support, slices: Sequence[slice]) -> dict[Expr, Array]:
    """The outputs' arrays at the places that slices of the axes leave. What no output needs any more is let go."""
    support.learn(outputs)
    made: dict[Any, Any] = {
        symbol: support.values(symbol, slices[support.axis(symbol)])
        for symbol in in_order(outputs)
        if symbol.op == "symbol"
    }
    kept = set(outputs)
    for step, ended in _with_ends(operations(outputs)):
        axes = support[step.expr]
        values = [
            spread(made[operand], support[operand], axes) if isinstance(operand, Expr) else operand
            for operand in step.operands
        ]
        made[step.expr] = step.apply(values)
        for expr in ended:
            if expr not in kept:
                del made[expr]
    return {expr: made[expr] for expr in outputs}


def spread(array: Array, axes: int, wanted: int) -> Array:
    """An array over some axes as one over more, with one place on those that it does not depend on."""
    if axes == wanted:
        return array
    lengths = dict(zip(members(axes), array.shape, strict=True))
    return array.reshape([lengths.get(axis, 1) for axis in members(wanted)])


def _with_ends(steps: Sequence[Operation]) -> Iterator[tuple[Operation, list[Expr]]]:
    """Each operation with those of its operands that are used here for the last time."""
    last: dict[Expr, int] = {}
    for index, step in enumerate(steps):
        for operand in step.operands:
            if isinstance(operand, Expr):
                last[operand] = index
    ended: dict[int, list[Expr]] = {}
    for expr, index in last.items():
        ended.setdefault(index, []).append(expr)
    for index, step in enumerate(steps):
        yield step, ended.get(index, [])
