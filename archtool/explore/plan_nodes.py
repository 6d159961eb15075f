"""What a plan computes for each design, over tables that it makes once.

A part of an expression that depends on few places is a table over the grid of its axes: looked up where designs are
scattered, sliced in a box. What remains to be computed for each design are these nodes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archtool.trace import Expr

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(eq=False, slots=True)
class Table:
    """An expression's values on the grid of its axes, which are few."""

    expr: Expr
    axes: int


@dataclass(eq=False, slots=True)
class Along:
    """A symbol along an axis that is too long for a table: computed from the place."""

    symbol: Expr
    axes: int


@dataclass(eq=False, slots=True)
class Joined:
    """A sum, product, max, min, and, or: of parts, two or more, in whatever order."""

    op: str
    axes: int
    parts: tuple[Node, ...] = ()


@dataclass(eq=False, slots=True)
class Call:
    """A function of arrays that broadcast against each other; `values` has the constants among its operands."""

    function: Callable[[Sequence[Any]], Any]
    axes: int
    parts: tuple[Node | int, ...]


Node = Table | Along | Joined | Call


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """All that some nodes need, each after its parts."""
    done: dict[Node, None] = {}
    todo: list[tuple[Node, bool]] = [(node, False) for node in nodes]
    while todo:
        node, ready = todo.pop()
        if node in done:
            continue
        parts = [part for part in node.parts if not isinstance(part, int)] if isinstance(node, Joined | Call) else []
        if ready or not parts:
            done[node] = None
        else:
            todo += [(node, True), *((part, False) for part in parts)]
    return list(done)
