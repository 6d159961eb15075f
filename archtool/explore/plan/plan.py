"""A plan: outputs prepared for evaluation over a space of designs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING, Any, Final

from archtool.codegen import constant, operations
from archtool.explore.plan.grid import Support, on_grid, spread
from archtool.size import Size
from archtool.trace import Expr, in_order

if TYPE_CHECKING:
    import numpy as np

    from archtool.explore.plan.boxes import Boxes
    from archtool.explore.plan.lookups import Lookups
    from archtool.explore.plan.tables import Tabled
    from archtool.explore.reading import Variable

    Array = np.ndarray[Any, Any]

CHUNK: Final = 8192  # scattered designs at once: some columns of them fit into a core's caches
ENOUGH: Final = 2**16  # designs for which tables pay: to make them takes as long as to evaluate these without


def compile_plan(outputs: Sequence[Size], variables: Mapping[str, Variable], lengths: Sequence[int]) -> Plan:
    """Prepare outputs (numbers, and sizes or conditions of one trace) for evaluation over a space.

    `variables` gives each symbol's axis and its value at each place there, `lengths` the axes' numbers of places.

    >>> from archtool.explore.reading import Variable
    >>> from archtool.trace import Trace
    >>> trace = Trace()
    >>> width, depth = trace.symbol("width", 8, 32, 8), trace.symbol("depth", 1, 3)
    >>> variables = {"width": Variable(0, range(8, 33, 8)), "depth": Variable(1, range(1, 4))}
    >>> plan = compile_plan([width * width * depth], variables, [4, 3])
    >>> plan.box([slice(0, 2), slice(0, 3)])[0].tolist()
    [[64, 128, 192], [256, 512, 768]]
    """
    return Plan(outputs, variables, lengths)


class Plan:
    """Outputs over a space, to be evaluated anywhere in it.

    A few designs are evaluated as the expressions stand. Once there were many, what is decided by few axes is made into
    tables (`archtool.explore.plan.tables`), which makes it several times as fast.
    """

    def __init__(self, outputs: Sequence[Size], variables: Mapping[str, Variable], lengths: Sequence[int]) -> None:
        self.outputs = tuple(outputs)
        self.support = Support(variables, lengths)
        self._varying = list({size: None for size in outputs if isinstance(size, Expr)})
        self._designs = 0  # evaluated so far

    def at(self, digits: Sequence[Array]) -> list[Array]:
        """The outputs of scattered designs: `digits` are their places, one array of integers an axis.

        One array an output, one item a design: int64, bool for a condition, object where a value may leave int64.
        """
        import numpy as np

        count = len(digits[0])
        evaluate = self._lookups.at if self._enough(count) else self._as_they_stand
        columns: list[Array] = []
        for start in range(0, max(count, 1), CHUNK):
            part = slice(start, start + CHUNK)
            made = evaluate([np.asarray(digit[part], dtype=np.int64) for digit in digits])
            values = [made[size] if isinstance(size, Expr) else constant(size) for size in self.outputs]
            if not columns:
                columns = _columns([value.dtype for value in values], count)
            for column, value in zip(columns, values, strict=True):
                column[part] = value
        return columns

    def box(self, slices: Sequence[slice]) -> list[Array]:
        """The outputs on an open grid, one slice (with its start and stop) an axis.

        Each has one dimension an axis and broadcasts to the grid: one place on axes that it does not depend on. The
        arrays may be parts of tables: they are not to be written to.
        """
        shape = [part.stop - part.start for part in slices]
        made = self._boxes.at(slices) if self._enough(prod(shape)) else on_grid(self._varying, self.support, slices)
        every = (1 << len(slices)) - 1
        return [
            spread(made[size], self.support[size], every)
            if isinstance(size, Expr)
            else spread(constant(size), 0, every)
            for size in self.outputs
        ]

    def _enough(self, designs: int) -> bool:
        """Whether there were enough designs for tables, with these."""
        self._designs += designs
        return self._designs >= ENOUGH

    @cached_property
    def _tabled(self) -> Tabled:
        from archtool.explore.plan.tables import Tabled

        return Tabled(self._varying, self.support)

    @cached_property
    def _lookups(self) -> Lookups:
        from archtool.explore.plan.lookups import Lookups

        return Lookups(self._tabled)

    @cached_property
    def _boxes(self) -> Boxes:
        from archtool.explore.plan.boxes import Boxes

        return Boxes(self._tabled)

    @cached_property
    def _as_they_stand(self) -> Callable[[Sequence[Array]], dict[Expr, Array]]:
        symbols = [(expr, self.support.axis(expr)) for expr in in_order(self._varying) if expr.op == "symbol"]
        steps = operations(self._varying)

        def evaluate(digits: Sequence[Array]) -> dict[Expr, Array]:
            made: dict[Any, Any] = {symbol: self.support.values(symbol, digits[axis]) for symbol, axis in symbols}
            for step in steps:
                made[step.expr] = step.apply([made.get(operand, operand) for operand in step.operands])
            return made

        return evaluate


def _columns(types: Sequence[Any], count: int) -> list[Array]:
    """Empty columns; those of int64 lie side by side, so that many rows of them come in large pages of memory."""
    import numpy as np

    numbers: Iterator[Array] = iter(np.empty((sum(kind == np.int64 for kind in types), count), dtype=np.int64))
    return [next(numbers) if kind == np.int64 else np.empty(count, dtype=kind) for kind in types]
