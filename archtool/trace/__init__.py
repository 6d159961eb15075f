"""Expressions over integer symbols: hash-consed, bounded, with exact laws of floors, conditions and alternatives.

A layer's rules are plain arithmetic on sizes. Run once on an `Expr`, they leave a small graph of integer
operations, from which numpy code (`archtool.codegen`) and closed forms are read.

`expr` has the nodes, `intervals` their bounds, `table` the arithmetic, `conditions` what is true and what follows from
it, `alternatives` the values that depend on a condition.
"""

from archtool.trace.expr import CONDITIONS, Expr, arguments, bounds, in_order, is_condition, linear
from archtool.trace.intervals import Bound
from archtool.trace.table import INT64, Trace

__all__ = [
    "CONDITIONS", "INT64", "Bound", "Expr", "Trace", "arguments", "bounds", "in_order", "is_condition", "linear",
]  # fmt: skip
