"""What a plan computes for each design, over tables that it makes once.

A part of an expression that depends on few places is a table over the grid of its axes: looked up where designs are
scattered, sliced in a box. What remains to be computed for each design are these nodes. `axes` are sets of axes, as in
`archtool.explore.plan.grid`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from archtool.trace import Expr


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
    """The sum, product, max, min, and, or of parts: one or more, in whatever order."""

    op: str
    axes: int
    parts: tuple[Node | int, ...] = ()


@dataclass(eq=False, slots=True)
class Call:
    """A function of a list of arrays that broadcast against each other."""

    function: Callable[[Sequence[Any]], Any]
    axes: int
    parts: tuple[Node | int, ...]


Node = Table | Along | Joined | Call


def axes_of(part: Node | int) -> int:
    """The axes of a part: none of a number."""
    return 0 if isinstance(part, int) else part.axes


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """All that some nodes need, each after its parts."""
    done: dict[Node, None] = {}
    todo: list[tuple[Node, bool]] = [(node, False) for node in nodes]
    while todo:
        node, parts_are_done = todo.pop()
        if node in done:
            continue
        parts = [part for part in node.parts if not isinstance(part, int)] if isinstance(node, Joined | Call) else []
        if parts_are_done or not parts:
            done[node] = None
        else:
            todo += [(node, True), *((part, False) for part in parts)]
    return list(done)


def ufunc_of(node: Joined) -> Callable[..., Any]:
    """The numpy function that joins two parts; sums and products are of int64, where parts are truth values too."""
    import numpy as np

    ufuncs: dict[str, Callable[..., Any]] = {
        "sum": lambda one, other, out=None: np.add(one, other, out=out, dtype=np.int64),
        "product": lambda one, other, out=None: np.multiply(one, other, out=out, dtype=np.int64),
        "max": np.maximum,
        "min": np.minimum,
        "and": np.logical_and,
        "or": np.logical_or,
    }
    return ufuncs[node.op]
