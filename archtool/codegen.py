"""Expressions read as numpy code, and as sympy expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from archtool.size import Size
from archtool.trace import CONDITIONS, INT64, Bound, Expr, arguments, bounds, in_order

if TYPE_CHECKING:
    import numpy as np
    import sympy  # type: ignore[import-untyped]  # ships no types

Columns = Callable[[Mapping[str, Any]], "list[np.ndarray[Any, Any]]"]


def to_numpy(outputs: Sequence[Size]) -> Columns:
    """Compile sizes to a function from columns (symbol name -> int64 array) to their values, one array each.

    Arrays broadcast against each other. What may leave int64, by its bounds, is computed in Python's own
    integers (dtype object): slower, never wrong. Raises ValueError for a value that its symbol can't have.
    """
    import numpy as np

    source = numpy_source(outputs)
    scope: dict[str, Any] = {"np": np, "wide": _wide, "narrow": _narrow, "nonzero": _nonzero}
    exec(compile(source, "<archtool generated>", "exec"), scope)  # our own text; names are numbers
    symbols = [expr for expr in in_order(outputs) if expr.op == "symbol"]
    generated = scope["evaluate"]

    def columns(values: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
        arrays = [_column(symbol, values[symbol.args[0]]) for symbol in symbols]
        shape = np.broadcast_shapes(*(array.shape for array in arrays))
        results = [np.asarray(column) for column in generated(*map(np.atleast_1d, arrays))]
        return results if shape else [column.reshape(()) for column in results]

    return columns


def _column(symbol: Expr, values: Any) -> np.ndarray[Any, Any]:
    """The values of a symbol as int64; its bounds decide what is computed wide, so they must hold."""
    import numpy as np

    array = np.asarray(values, dtype=np.int64)
    name, start, step = symbol.args
    if array.size:
        low, high = _between(symbol)
        if array.min() < low or array.max() > high or (step > 1 and np.any((array - start) % step)):
            steps = f" in steps of {step}" if step > 1 else ""
            raise ValueError(f"a value of '{name}' is not in {low}..{high}{steps}")
    return array


def _between(symbol: Expr) -> tuple[Bound, Bound]:
    _, start, step = symbol.args
    return (symbol.low, symbol.high) if step == 1 else (start, start + step * symbol.high)


def numpy_source(outputs: Sequence[Size]) -> str:
    """The text of the generated function: one line an expression, its arguments the symbols in order."""
    order = in_order(outputs)
    symbols = [expr for expr in order if expr.op == "symbol"]
    lines = [f"def evaluate({', '.join(f's{expr.number}' for expr in symbols)}):"]
    held_wide: set[Expr] = set()
    for expr in order:
        lines.append(f"    v{expr.number} = {_value(expr, held_wide)}")
    lines.append(f"    return [{', '.join(map(_name, outputs))}]")
    return "\n".join(lines) + "\n"


def is_wide(size: Size) -> bool:
    """Whether a size may leave int64 within its bounds."""
    low, high = bounds(size)
    return low < -INT64 or high >= INT64


def _value(expr: Expr, held_wide: set[Expr]) -> str:
    """The code of one operation; `held_wide` gathers the expressions that are held as Python's integers."""
    wide = _needs_wide(expr, held_wide)

    def operand(size: Size) -> str:
        return f"wide({_name(size)})" if wide and isinstance(size, Expr) and size not in held_wide else _name(size)

    text = _NUMPY[expr.op](expr, operand)
    if wide and is_wide(expr):
        held_wide.add(expr)
    elif wide and expr.op not in CONDITIONS:
        return f"narrow({text})"
    return text


def _name(size: Size) -> str:
    if isinstance(size, Expr):
        return f"v{size.number}"
    return f"wide({int(size)})" if is_wide(size) else str(int(size))


def _needs_wide(expr: Expr, held_wide: set[Expr]) -> bool:
    """Whether an operation needs Python's integers: for an operand, its result or a step on the way there."""
    if any(size in held_wide if isinstance(size, Expr) else is_wide(size) for size in arguments(expr)):
        return True
    if expr.op == "sum":
        constant, terms = expr.args
        reach = [abs(constant), *(_reach(term) * abs(factor) for term, factor in terms)]
        return sum(reach) >= INT64 or any(abs(factor) >= INT64 for _, factor in terms)
    if expr.op == "product":
        largest = 1
        for factor in expr.args:
            largest *= _reach(factor)
        return largest >= INT64
    if expr.op in ("floor", "quotient"):  # -2**63 // -1 alone is larger than what is divided
        return bool(bounds(expr.args[0])[0] <= -INT64 and bounds(expr.args[1])[0] < 0)
    return False


def _reach(expr: Expr) -> int:
    """How far from 0 an int64 value of the expression can be."""
    largest = max(abs(expr.low), abs(expr.high), 1)
    return int(largest) if largest < INT64 else INT64


_Operand = Callable[[Size], str]


def _numpy_symbol(expr: Expr, operand: _Operand) -> str:
    _, start, step = expr.args
    return f"s{expr.number}" if step == 1 else f"s{expr.number} // {step} - {start // step}"  # (s - start) / step


def _numpy_sum(expr: Expr, operand: _Operand) -> str:
    constant, terms = expr.args
    parts = [operand(term) if factor == 1 else f"{factor} * {operand(term)}" for term, factor in terms]
    return " + ".join([*parts, str(constant)] if constant else parts)


def _numpy_divide(expr: Expr, operand: _Operand) -> str:
    left, right = expr.args
    low, high = bounds(right)
    divisor = operand(right) if low > 0 or high < 0 else f"nonzero({operand(right)})"
    return f"{operand(left)} // {divisor}"


def _call(function: str) -> Callable[[Expr, _Operand], str]:
    return lambda expr, operand: f"{function}({', '.join(map(operand, expr.args))})"


def _numpy_where(expr: Expr, operand: _Operand) -> str:
    condition, yes, no = expr.args
    return f"np.where(v{condition.number}, {operand(yes)}, {operand(no)})"


def _infix(sign: str, end: str = "") -> Callable[[Expr, _Operand], str]:
    return lambda expr, operand: sign.join(map(operand, expr.args)) + end


_NUMPY: Final[dict[str, Callable[[Expr, _Operand], str]]] = {
    "symbol": _numpy_symbol,
    "sum": _numpy_sum,
    "product": _infix(" * "),
    "floor": _numpy_divide,
    "quotient": _numpy_divide,
    "max": _call("np.maximum"),
    "min": _call("np.minimum"),
    "where": _numpy_where,
    "positive": _infix("", " > 0"),
    "zero": _infix("", " == 0"),
    "and": _infix(" & "),
    "or": _infix(" | "),
    "not": _call("np.logical_not"),
}


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


def to_sympy(outputs: Sequence[Size]) -> list[sympy.Expr]:
    """The sizes as sympy expressions over integer symbols of the same names."""
    import sympy as sp

    made: dict[Expr, Any] = {}

    def read(size: Any) -> Any:
        return made[size] if isinstance(size, Expr) else sp.sympify(size)

    rules: dict[str, Callable[..., Any]] = {
        "symbol": lambda name, start, step: (sp.Symbol(name, integer=True) - start) / step,
        "sum": lambda constant, terms: sp.Add(constant, *(factor * read(term) for term, factor in terms)),
        "product": lambda *factors: sp.Mul(*map(read, factors)),
        "floor": lambda a, b: sp.floor(read(a) / read(b)),
        "quotient": lambda a, b: read(a) / read(b),
        "max": lambda a, b: sp.Max(read(a), read(b)),
        "min": lambda a, b: sp.Min(read(a), read(b)),
        "where": lambda c, a, b: sp.Piecewise((read(a), read(c)), (read(b), True)),
        "positive": lambda a: sp.Gt(read(a), 0),
        "zero": lambda a: sp.Eq(read(a), 0),
        "and": lambda *parts: sp.And(*map(read, parts)),
        "or": lambda *parts: sp.Or(*map(read, parts)),
        "not": lambda a: sp.Not(read(a)),
    }
    for expr in in_order(outputs):
        made[expr] = rules[expr.op](*expr.args)
    return [read(size) for size in outputs]
