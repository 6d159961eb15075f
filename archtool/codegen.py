"""Expressions read as numpy operations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.size import Size
from archtool.trace import CONDITIONS, INT64, Bound, Expr, arguments, bounds, in_order

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Columns = Callable[[Mapping[str, Any]], "list[Array]"]


class Operation(NamedTuple):
    """How an expression is made of its operands (`archtool.trace.arguments`), which are arrays or numbers.

    What may leave int64, by its bounds, is computed in Python's own integers (dtype object): slower, never wrong.
    """

    expr: Expr
    operands: tuple[Size, ...]
    rule: Callable[[Expr, Sequence[Any]], Any]
    is_wide: bool

    def apply(self, values: Sequence[Any]) -> Any:
        """The expression's values from those of its operands, which broadcast against each other."""
        if not self.is_wide:
            return self.rule(self.expr, values)
        found = self.rule(self.expr, [_wide(value) if _is_number(value) else value for value in values])
        return found if is_wide(self.expr) or self.expr.op in CONDITIONS else _narrow(found)


def operations(outputs: Iterable[object]) -> list[Operation]:
    """What computes the outputs from their symbols, each after its operands."""
    held_wide: set[Expr] = set()
    found = []
    for expr in in_order(outputs):
        if expr.op == "symbol":
            continue
        wide = _needs_wide(expr, held_wide)
        if wide and is_wide(expr):
            held_wide.add(expr)
        found.append(Operation(expr, arguments(expr), _NUMPY[expr.op], wide))
    return found


def to_numpy(outputs: Sequence[Size]) -> Columns:
    """Compile sizes to a function from columns (symbol name -> int64 array) to their values, one array each.

    Arrays broadcast against each other. Raises ValueError for a value that its symbol can't have.
    """
    import numpy as np

    symbols = [expr for expr in in_order(outputs) if expr.op == "symbol"]
    steps = operations(outputs)

    def columns(values: Mapping[str, Any]) -> list[Array]:
        arrays = [turns(symbol, values[symbol.args[0]]) for symbol in symbols]
        made: dict[Any, Any] = dict(zip(symbols, map(np.atleast_1d, arrays), strict=True))
        for step in steps:
            made[step.expr] = step.apply([made.get(operand, operand) for operand in step.operands])
        results = [made[size] if isinstance(size, Expr) else constant(size) for size in outputs]
        return results if any(array.ndim for array in arrays) else [column.reshape(()) for column in results]

    return columns


def constant(size: int) -> Array:
    """A number as an array of no axes: int64 (bool for a truth value), object where it is too large."""
    import numpy as np

    return np.array(size, dtype=object if is_wide(size) else None)


def turns(symbol: Expr, values: Any) -> Array:
    """The values of a symbol's name as those of the symbol, (value - start) / step, in int64.

    Raises ValueError where they are not within its bounds, which decide what is computed wide.
    """
    import numpy as np

    array = np.asarray(values, dtype=np.int64)
    name, start, step = symbol.args
    if array.size:
        low, high = _between(symbol)
        if array.min() < low or array.max() > high or (step > 1 and np.any((array - start) % step)):
            steps = f" in steps of {step}" if step > 1 else ""
            raise ValueError(f"a value of '{name}' is not in {low}..{high}{steps}")
    return array if step == 1 else array // step - start // step


def _between(symbol: Expr) -> tuple[Bound, Bound]:
    _, start, step = symbol.args
    return (symbol.low, symbol.high) if step == 1 else (start + step * symbol.low, start + step * symbol.high)


def is_wide(size: Size) -> bool:
    """Whether a size may leave int64 within its bounds."""
    low, high = bounds(size)
    return low < -INT64 or high >= INT64


def _needs_wide(expr: Expr, held_wide: set[Expr]) -> bool:
    """Whether an operation needs Python's integers: for an operand, its result or a step on the way there."""
    if any(size in held_wide if isinstance(size, Expr) else is_wide(size) for size in arguments(expr)):
        return True
    if expr.op == "sum":
        return any(abs(factor) >= INT64 for _, factor in expr.args[1]) or _reach_of_sum(expr) >= INT64
    if expr.op == "product":
        return reach_of_product(expr.args) >= INT64
    if expr.op in ("floor", "quotient"):  # -2**63 // -1 alone is larger than what is divided
        return bool(bounds(expr.args[0])[0] <= -INT64 and bounds(expr.args[1])[0] < 0)
    return False


def _reach_of_sum(expr: Expr) -> int:
    number, terms = expr.args
    return int(abs(number) + sum(_reach(term) * abs(factor) for term, factor in terms))


def reach_of_product(factors: Iterable[Expr]) -> int:
    """How far from 0 a product can be, and all that it is made of; at least 2**63 where that is unknown."""
    largest = 1
    for factor in factors:
        largest *= _reach(factor)
    return largest


def _reach(expr: Expr) -> int:
    """How far from 0 an int64 value of the expression can be."""
    largest = max(abs(expr.low), abs(expr.high), 1)
    return int(largest) if largest < INT64 else INT64


def _sum(expr: Expr, values: Sequence[Any]) -> Any:
    number, terms = expr.args
    total = None
    for value, (_, factor) in zip(values, terms, strict=True):
        part = value if factor == 1 and value.dtype != bool else value * factor  # true + true is true, not 2
        total = part if total is None else total + part
    return total + number if number else total


def _divide(expr: Expr, values: Sequence[Any]) -> Any:
    left, right = values
    low, high = bounds(expr.args[1])
    return left // (right if low > 0 or high < 0 else _nonzero(right))


def _of_all(combine: Callable[[Any, Any], Any]) -> Callable[[Expr, Sequence[Any]], Any]:
    return lambda expr, values: reduce(combine, values)


def _of_numpy(name: str) -> Callable[[Expr, Sequence[Any]], Any]:
    def apply(expr: Expr, values: Sequence[Any]) -> Any:
        import numpy as np

        return getattr(np, name)(*values)

    return apply


_NUMPY: Final[dict[str, Callable[[Expr, Sequence[Any]], Any]]] = {
    "sum": _sum,
    "product": _of_all(lambda a, b: a * b),
    "floor": _divide,
    "quotient": _divide,
    "max": _of_numpy("maximum"),
    "min": _of_numpy("minimum"),
    "where": _of_numpy("where"),
    "positive": lambda expr, values: values[0] > 0,
    "zero": lambda expr, values: values[0] == 0,
    "and": _of_all(lambda a, b: a & b),
    "or": _of_all(lambda a, b: a | b),
    "not": _of_numpy("logical_not"),
}


def _is_number(value: Any) -> bool:
    """Whether a value is a number or an array of numbers, not a condition's."""
    import numpy as np

    return not isinstance(value, bool) and np.asarray(value).dtype != bool


def _wide(array: Any) -> Any:
    import numpy as np

    return np.asarray(array).astype(object)


def _narrow(array: Any) -> Any:
    import numpy as np

    return np.asarray(array).astype(np.int64)


def _nonzero(array: Any) -> Any:
    """A divisor whose zeros (designs with a problem of their own) are replaced by ones."""
    import numpy as np

    return np.where(np.equal(array, 0), 1, array)
