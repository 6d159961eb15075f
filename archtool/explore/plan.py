"""Expressions over a space of designs, evaluated with numpy wherever designs stand: scattered, or on an open grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Final

from archtool.codegen import constant, operations
from archtool.explore.plan_grid import Support, members, on_grid
from archtool.size import Size
from archtool.trace import Expr, in_order

if TYPE_CHECKING:
    import numpy as np

    from archtool.explore.plan_program import Program
    from archtool.explore.reading import Variable

    Array = np.ndarray[Any, Any]

CHUNK: Final = 8192  # scattered designs at once: a few columns of them fit into a core's caches
ENOUGH: Final = 2**16  # designs, for which tables pay


class Plan:
    """Outputs (sizes or conditions) over a space whose axes have these lengths; see `compile_plan`."""

    def __init__(self, outputs: Sequence[Size], variables: Mapping[str, Variable], lengths: Sequence[int]) -> None:
        self.outputs = tuple(outputs)
        self.varying = list({size: None for size in outputs if isinstance(size, Expr)})
        self.support = Support(variables, lengths)
        self.support.learn(self.varying)
        self._operations = operations(self.varying)
        self._symbols = [expr for expr in in_order(self.varying) if expr.op == "symbol"]
        self._designs = 0  # evaluated so far
        self._program: Program | None = None

    def _has_tables(self, designs: int) -> Program | None:
        """The program over tables, once there were enough designs."""
        self._designs += designs
        if self._program is None and self._designs >= ENOUGH:
            from archtool.explore.plan_program import Program

            self._program = Program(self.varying, self.support)
        return self._program

    def at(self, digits: Sequence[Array]) -> list[Array]:
        """The outputs of scattered designs: `digits` are their places, one array of integers an axis.

        One array an output, one item a design: int64, bool for a condition, object where a value may leave int64.
        """
        import numpy as np

        count = len(digits[0])
        program = self._has_tables(count)
        columns: list[Array | None] = [None] * len(self.outputs)
        for start in range(0, max(count, 1), CHUNK):
            part = [np.asarray(digit[start : start + CHUNK], dtype=np.int64) for digit in digits]
            made = program.at(part) if program else self._at(part)
            for index, size in enumerate(self.outputs):
                value = made[size] if isinstance(size, Expr) else constant(size)
                column = columns[index]
                if column is None:
                    column = columns[index] = np.empty(count, dtype=value.dtype)
                column[start : start + CHUNK] = value
        return columns  # type: ignore[return-value]  # each was filled

    def _at(self, digits: Sequence[Array]) -> dict[Expr, Array]:
        made: dict[Any, Any] = {}
        for symbol in self._symbols:
            made[symbol] = self.support.values(symbol, digits[self.support.variables[symbol.args[0]].axis])
        for step in self._operations:
            made[step.expr] = step([made.get(operand, operand) for operand in step.operands])
        return made

    def box(self, slices: Sequence[slice]) -> list[Array]:
        """The outputs on an open grid, one slice (start and stop) an axis.

        Each has one dimension an axis and broadcasts to the grid: one place on axes that it does not depend on.
        """
        program = self._has_tables(prod([part.stop - part.start for part in slices]))
        made = program.box(slices) if program else on_grid(self.varying, self.support, slices)
        shaped = []
        for size in self.outputs:
            array = made[size] if isinstance(size, Expr) else constant(size)
            shape = [1] * len(slices)
            if isinstance(size, Expr):
                for axis, length in zip(members(self.support[size]), array.shape, strict=True):
                    shape[axis] = length
            shaped.append(array.reshape(shape))
        return shaped


def compile_plan(outputs: Sequence[Size], variables: Mapping[str, Variable], lengths: Sequence[int]) -> Plan:
    """Prepare outputs (ints, sizes or conditions of one trace) for evaluation over a space.

    `variables` gives each symbol's axis and its value at each place there; `lengths` are the axes'.
    """
    return Plan(outputs, variables, lengths)
