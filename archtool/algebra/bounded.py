"""A trace that ends early where what comes of it is more than a formula can tell."""

from __future__ import annotations

from typing import Any, Final

from archtool.errors import RuleError
from archtool.trace import Expr, Trace
from archtool.trace.intervals import Bound

MOST: Final = {"positive": 1000, "zero": 1000, "product": 6000}  # nodes of a kind: seconds, and more than anybody reads
CALLED: Final = {"product": "products"}


class BoundedTrace(Trace):
    """A trace whose expressions are to be told in words: conditions and products are counted while they are made.

    Making one raises RuleError where there are too many: of a network of 20,000 different layers, say, within seconds.
    """

    def __init__(self) -> None:
        super().__init__()
        self.left = dict(MOST)

    def node(self, op: str, args: tuple[Any, ...], low: Bound, high: Bound) -> Expr:
        """The expression of this form, one of a kind."""
        before = len(self.table)
        found = super().node(op, args, low, high)
        if op in MOST:
            self.left[op] -= len(self.table) - before
            if self.left[op] < 0:
                raise RuleError(
                    f"in {', '.join(self.symbols)} this network has more than {MOST[op]:,} different "
                    f"{CALLED.get(op, 'conditions')}; make fewer names symbols, or give them domains, as in "
                    '--in "kernel=odd 1..7"'
                )
        return found
