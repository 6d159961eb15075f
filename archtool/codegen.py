"""Expressions read as numpy code, and as sympy expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from archtool.size import Size
from archtool.trace import INT64, Expr, bounds, in_order

if TYPE_CHECKING:
    import numpy as np
    import sympy

Columns = Callable[[Mapping[str, Any]], "list[np.ndarray[Any, Any]]"]


def to_numpy(outputs: Sequence[Size]) -> Columns:
    """Compile sizes to a function from columns (symbol name -> int64 array) to their values, one array each.

    Arrays broadcast against each other. What may leave int64, by its bounds, is computed in Python's own
    integers (dtype object): slower, never wrong.
    """
    import numpy as np

    source = numpy_source(outputs)
    scope: dict[str, Any] = {"np": np, "wide": _wide, "nonzero": _nonzero}
    exec(compile(source, "<archtool generated>", "exec"), scope)  # noqa: S102 - our own text; names are numbers
    names = [expr.args[0] for expr in in_order(outputs) if expr.op == "symbol"]
    generated = scope["evaluate"]

    def columns(values: Mapping[str, Any]) -> list[np.ndarray[Any, Any]]:
        arrays = [np.asarray(values[name], dtype=np.int64) for name in names]
        return [np.asarray(column) for column in generated(*arrays)]

    return columns


def numpy_source(outputs: Sequence[Size]) -> str:
    """The text of the generated function: one line an expression, its arguments the symbols in order."""
    order = in_order(outputs)
    symbols = [expr for expr in order if expr.op == "symbol"]
    lines = [f"def evaluate({', '.join(f's{expr.number}' for expr in symbols)}):"]
    lines += [f"    v{expr.number} = {_line(expr)}" for expr in order]
    lines.append(f"    return [{', '.join(_name(size) for size in outputs)}]")
    return "\n".join(lines) + "\n"


def is_wide(size: Size) -> bool:
    """Whether a size may leave int64 within its bounds."""
    low, high = bounds(size)
    return low < -INT64 or high >= INT64


def _line(expr: Expr) -> str:
    if expr.op == "symbol":
        _, start, step = expr.args
        return f"s{expr.number}" if step == 1 else f"(s{expr.number} - {start}) // {step}"
    text = _NUMPY[expr.op](*expr.args)
    return f"wide({text})" if is_wide(expr) and expr.op == "where" else text


def _name(size: Size) -> str:
    return f"v{size.number}" if isinstance(size, Expr) else repr(int(size))


def _operand(size: Size, wide: bool) -> str:
    return f"wide({_name(size)})" if wide and isinstance(size, Expr) and not is_wide(size) else _name(size)


def _numpy_sum(constant: int, terms: tuple[tuple[Expr, int], ...]) -> str:
    wide = _sum_is_wide(constant, terms)
    parts = [_scaled(_operand(term, wide), factor) for term, factor in terms]
    return " + ".join([*parts, str(constant)] if constant else parts)


def _sum_is_wide(constant: int, terms: tuple[tuple[Expr, int], ...]) -> bool:
    """Whether a partial sum or a scaled term may leave int64."""
    largest: float = abs(constant)
    for term, factor in terms:
        largest += abs(factor) * max(abs(term.low), abs(term.high))
    return largest >= INT64


def _scaled(text: str, factor: int) -> str:
    return text if factor == 1 else f"{factor} * {text}"


def _numpy_product(*factors: Expr) -> str:
    largest: float = 1
    for factor in factors:
        largest *= max(abs(factor.low), abs(factor.high), 1)
    return " * ".join(_operand(factor, largest >= INT64) for factor in factors)


def _numpy_divide(left: Size, right: Size) -> str:
    divisor = _name(right) if isinstance(right, int) or right.low > 0 or right.high < 0 else f"nonzero({_name(right)})"
    return f"{_name(left)} // {divisor}"


_NUMPY: Final[dict[str, Callable[..., str]]] = {
    "sum": _numpy_sum,
    "product": _numpy_product,
    "floor": _numpy_divide,
    "quotient": _numpy_divide,
    "max": lambda a, b: f"np.maximum({_name(a)}, {_name(b)})",
    "min": lambda a, b: f"np.minimum({_name(a)}, {_name(b)})",
    "where": lambda c, a, b: f"np.where({_name(c)}, {_name(a)}, {_name(b)})",
    "positive": lambda a: f"{_name(a)} > 0",
    "zero": lambda a: f"{_name(a)} == 0",
    "and": lambda *parts: " & ".join(map(_name, parts)),
    "or": lambda *parts: " | ".join(map(_name, parts)),
    "not": lambda a: f"np.logical_not({_name(a)})",
}


def _wide(array: Any) -> Any:
    import numpy as np

    return np.asarray(array).astype(object)


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
