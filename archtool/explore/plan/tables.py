"""Outputs over tables: what is to be computed, and the tables, made once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from archtool.explore.plan.grid import Support, on_grid
from archtool.explore.plan.nodes import Table, in_order
from archtool.explore.plan.parts import Parts
from archtool.trace import Expr

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


class Tabled:
    """The nodes that compute some outputs, in an order in which they can be computed, and their tables' values."""

    def __init__(self, outputs: Sequence[Expr], support: Support) -> None:
        self.support = support
        self.nodes = Parts(outputs, support).nodes
        self.order = in_order(self.nodes.values())
        everywhere = [slice(0, length) for length in support.lengths]
        self.values = on_grid([node.expr for node in self.order if isinstance(node, Table)], support, everywhere)
        for values in self.values.values():
            values.setflags(write=False)  # parts of them are given away
