"""The functions and attributes that expressions know."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from archtool.errors import RuleError, Untraceable
from archtool.fields import describe
from archtool.shape import Shape
from archtool.size import Ratio
from archtool.spec import numbers
from archtool.spec.lists import LONGEST_LIST, is_list, sequence
from archtool.trace import Expr


def _range(*bounds: Any) -> tuple[int, ...]:
    for bound in bounds:
        if isinstance(bound, Expr | Ratio):
            raise Untraceable("range of a varying number", *bounds)
        if type(bound) is not int:
            raise RuleError(f"range takes whole numbers, not {describe(bound)}")
    if len(bounds) == 3 and bounds[2] == 0:
        raise RuleError("range with a step of 0")
    values = range(*bounds)
    if len(values[: LONGEST_LIST + 1]) > LONGEST_LIST:
        raise RuleError(f"range({', '.join(map(numbers.brief, bounds))}) has more than {LONGEST_LIST:,} items")
    return tuple(values)


def _fold(concrete: Callable[..., Any], name: str) -> Callable[..., Any]:
    def evaluate(*values: Any) -> Any:
        if len(values) == 1:
            values = sequence(values[0], name)
            if not values:
                raise RuleError(f"{name} of an empty list")
        return concrete(*(numbers.numeric(value, name) for value in values))

    return evaluate


def _sum(values: Any) -> Any:
    total: Any = 0
    for value in sequence(values, "sum"):
        total = numbers.add(total, numbers.numeric(value, "sum"))
    return total


def _plain(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    return lambda *values: function(*(numbers.numeric(value, name) for value in values))


def _gcd(*values: Any) -> int:
    for value in values:
        if isinstance(value, Expr | Ratio):
            raise Untraceable("gcd of a varying number", *values)
        if type(value) is not int:
            raise RuleError(f"gcd takes whole numbers, not {describe(value)}")
    return math.gcd(*values)


def _zip(*lists: Any) -> tuple[Any, ...]:
    parts = [sequence(value, "zip") for value in lists]
    lengths = {len(part) for part in parts}
    if len(lengths) > 1:
        raise RuleError(f"zip of lists of different lengths ({', '.join(str(len(part)) for part in parts)})")
    return tuple(zip(*parts, strict=True))


def _fixed(values: tuple[Any, ...], name: str) -> tuple[Any, ...]:
    """The values, of which none may vary: their equality decides here and now."""
    for value in values:
        if isinstance(value, Expr | Ratio):
            raise Untraceable(f"{name} of varying sizes", *values)
        if is_list(value):
            _fixed(value, name)
    return values


def _unique(values: Any) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(_fixed(sequence(values, "unique"), "unique")))


def _count(values: Any, value: Any) -> int:
    _fixed((value,), "count")
    return _fixed(sequence(values, "count"), "count").count(value)


def _tensor_axis(axis: int, name: str) -> Callable[[Shape], Any]:
    def read(shape: Shape) -> Any:
        if shape.is_tokens or not shape.spatial or len(shape.spatial) < -axis:
            raise RuleError(f"a tensor of {shape} has no .{name}")
        return shape.spatial[axis]

    return read


def _tokens(shape: Shape) -> Any:
    if not shape.is_tokens:
        raise RuleError(f"a tensor of {shape} has no .tokens")
    return shape.spatial[0]


def _length(shape: Shape) -> Any:
    if len(shape.spatial) != 1:
        raise RuleError(f"a tensor of {shape} has no .length")
    return shape.spatial[0]


ATTRIBUTES: Final[dict[str, Callable[[Shape], Any]]] = {
    "channels": lambda shape: shape.channels,
    "height": _tensor_axis(-2, "height"),
    "width": _tensor_axis(-1, "width"),
    "length": _length,
    "tokens": _tokens,
    "size": lambda shape: shape.spatial,
}
MANY: Final = 1_000_000
FUNCTIONS: Final[dict[str, tuple[Callable[..., Any], int, int]]] = {
    "min": (_fold(numbers.smallest, "min"), 1, MANY),
    "max": (_fold(numbers.largest, "max"), 1, MANY),
    "abs": (_plain(numbers.absolute, "abs"), 1, 1),
    "ceil": (_plain(numbers.ceil, "ceil"), 1, 1),
    "floor": (_plain(numbers.floor, "floor"), 1, 1),
    "round": (_plain(numbers.round_half_even, "round"), 1, 1),
    "round_to": (_plain(numbers.round_to, "round_to"), 2, 2),
    "divisible": (_plain(numbers.divisible, "divisible"), 2, 2),
    "log": (numbers.real(math.log, "log"), 1, 2),
    "log2": (numbers.real(math.log2, "log2"), 1, 1),
    "exp": (numbers.real(math.exp, "exp"), 1, 1),
    "sqrt": (numbers.real(math.sqrt, "sqrt"), 1, 1),
    "gcd": (_gcd, 1, MANY),
    "len": (lambda values: len(sequence(values, "len")), 1, 1),
    "sum": (_sum, 1, 1),
    "range": (_range, 1, 3),
    "zip": (_zip, 1, MANY),
    "unique": (_unique, 1, 1),
    "count": (_count, 2, 2),
    "list": (lambda values: sequence(values, "list"), 1, 1),
}
