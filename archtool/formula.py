"""Expressions as text, for messages and debugging."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from archtool.trace import Expr

Text = Callable[[object], str]
LONGEST_TEXT: Final = 12  # operations that a text shows: written out, shared parts may grow without end


def write(size: object) -> str:
    """An expression as text; what a long one holds too deep is left out ("...")."""
    left = LONGEST_TEXT

    def text(size: object) -> str:
        nonlocal left
        if not isinstance(size, Expr):
            return str(size)
        left -= 1
        return _WRITERS[size.op](text, *size.args) if left >= 0 or size.op == "symbol" else "..."

    return text(size)


def _write_symbol(text: Text, name: str, start: int, step: int) -> str:
    shifted = f"({name} - {start})" if start else name
    return name if step == 1 else f"{shifted}/{step}"


def _write_sum(text: Text, constant: int, terms: tuple[tuple[Expr, int], ...]) -> str:
    parts = []
    for term, factor in terms:
        if term.op == "product":
            written, factor = _write_product(text, term.args, factor)
        else:
            written = text(term)
        if term.op == "symbol":  # start + step * t is the symbol itself
            name, start, step = term.args
            if step > 1 and factor % step == 0:
                written, factor = name, factor // step
                constant -= factor * start
        parts.append(written if factor == 1 else f"{factor}*{written}")
    if not constant and len(parts) == 1:
        return parts[0]
    return "(" + " + ".join(parts + ([str(constant)] if constant else [])).replace(" + -", " - ") + ")"


def _write_product(text: Text, factors: tuple[object, ...], number: int) -> tuple[str, int]:
    """Factors with a number before them, and what is left of it: step * t is the symbol itself where it starts at 0."""
    parts = []
    for factor in factors:
        written = text(factor)
        if isinstance(factor, Expr) and factor.op == "symbol":
            name, start, step = factor.args
            if step > 1 and start == 0 and number % step == 0:
                written, number = name, number // step
        parts.append(written)
    return "*".join(parts), number


def _write_literal(sign: str) -> Callable[..., str]:
    """A condition on a sum, its constant on the other side."""

    def writer(text: Text, size: Expr) -> str:
        if size.op != "sum":
            return f"{text(size)} {sign} 0"
        constant, terms = size.args
        rest = text(terms[0][0]) if len(terms) == 1 and terms[0][1] == 1 else _write_sum(text, 0, terms)
        return f"{rest} {sign} {-constant}"

    return writer


def _write_not(text: Text, condition: Expr) -> str:
    return _write_literal("<=" if condition.op == "positive" else "!=")(text, condition.args[0])


def _write_where(text: Text, condition: Expr, yes: object, no: object) -> str:
    """Alternatives; those that are 1 and 0 in Iverson's brackets."""
    if not isinstance(yes, Expr):
        return f"[{text(condition)}]"
    return f"({text(yes)} if {text(condition)} else {text(no)})"


_WRITERS: Final[dict[str, Callable[..., str]]] = {
    "symbol": _write_symbol,
    "sum": _write_sum,
    "product": lambda text, *factors: "*".join(map(text, factors)),
    "floor": lambda text, a, b: f"floor({text(a)}/{text(b)})",
    "quotient": lambda text, a, b: f"{text(a)}/{text(b)}",
    "max": lambda text, a, b: f"max({text(a)}, {text(b)})",
    "min": lambda text, a, b: f"min({text(a)}, {text(b)})",
    "where": _write_where,
    "positive": _write_literal(">"),
    "zero": _write_literal("=="),
    "and": lambda text, *parts: "(" + " and ".join(map(text, parts)) + ")",
    "or": lambda text, *parts: "(" + " or ".join(map(text, parts)) + ")",
    "not": _write_not,
}
