"""Knobs read on expressions: each is a symbol of a trace, or a few, whose values along its axis are numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.errors import RuleError, SpecError
from archtool.explore.space import Axis, Knob
from archtool.network import Evaluation
from archtool.size import Ratio, equal
from archtool.spec.expressions import Expression
from archtool.spec.lists import is_list
from archtool.spec.steps import Block
from archtool.spec.values import WORK, Choice, Environment
from archtool.trace import Trace

if TYPE_CHECKING:
    import numpy as np


class Variable(NamedTuple):
    """A symbol of a trace: the number of the axis that it moves along, and its value at each place there."""

    axis: int
    values: range | np.ndarray[Any, Any]


class Reader:
    """Gives knobs their values on a trace; `variables` are the symbols made so far."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.variables: dict[str, Variable] = {}

    def knob(self, number: int, knob: Knob) -> Any:
        """What the var of a knob is given: a size, a ratio, a condition, a choice, or a list of these."""
        return self._value(number, knob.name, knob.values)

    def _value(self, axis: int, name: str, values: Sequence[Any]) -> Any:
        if isinstance(values, range):
            return self.size(axis, name, values)
        first = values[0]
        if all([type(value) is type(first) and value == first for value in values]):
            return first
        kinds = set(map(type, values))
        if kinds == {int}:
            return self.size(axis, name, values)
        if kinds <= {int, Fraction}:
            scale = lcm(*(Fraction(value).denominator for value in values))
            return Ratio(self.size(axis, name, [int(value * scale) for value in values]), scale)
        if kinds == {bool}:
            return equal(self.size(axis, name, [int(value) for value in values]), 1)
        if kinds == {tuple} and len({len(value) for value in values}) == 1:
            columns = zip(*values, strict=True)
            return tuple(self._value(axis, f"{name}[{index}]", column) for index, column in enumerate(columns))
        places: dict[Any, int] = {}
        numbers = [places.setdefault((type(value), value), len(places)) for value in values]
        return Choice(self.size(axis, name, numbers), tuple(value for _, value in places))

    def size(self, axis: int, name: str, values: Sequence[int]) -> Any:
        """The symbol of a name whose values along an axis are these numbers; a number where they are all the same."""
        import numpy as np

        if isinstance(values, range):
            if len(values) == 1:
                return values[0]
            self.variables[name] = Variable(axis, values)
            return self.trace.symbol(name, values[0], values[-1], values.step)
        low = min(values)
        step = gcd(*(value - low for value in values))
        if step == 0:
            return low
        self.variables[name] = Variable(axis, np.array(values, dtype=np.int64))
        return self.trace.symbol(name, low, max(values), step)


def settled(block: Block, axes: Iterable[Axis], values: Iterable[Sequence[Any]]) -> tuple[Block, dict[str, Any]]:
    """A network where the knobs of some axes have these values: what its vars are given, and the network, in which a
    var of whose list an item is a knob has that item in its own list."""
    found: dict[str, Any] = {}
    items: dict[str, list[tuple[Sequence[int], Any]]] = {}
    for axis, those in zip(axes, values, strict=True):
        for knob, value in zip(axis.knobs, those, strict=True):
            name, path = knob.var, _path(knob.name)
            if knob.among is not None:
                found[name] = _replaced(found.get(name, (None,) * knob.among), path, value)
            elif path:
                items.setdefault(name, []).append((path, value))
            else:
                found[name] = value
    if items:
        block = block.having({name: _with_items(block.arguments[name], those) for name, those in items.items()})
    return block, found


def check_items(block: Block, axes: Iterable[Axis]) -> None:
    """Refuse a knob that is an item of a list which has none there; raises SpecError."""
    own = Evaluation().vars(block, {})
    for knob in (knob for axis in axes for knob in axis.knobs if knob.among is None):
        value, told = own[knob.var], knob.var
        for place in _path(knob.name):
            if not is_list(value) or place >= len(value):
                what = f"has {len(value)} items" if is_list(value) else "is no list"
                raise SpecError(f"there is no '{knob.name}': '{told}' {what}")
            value, told = value[place], f"{told}[{place}]"


def _path(name: str) -> list[int]:
    """The places in lists that a knob's name ends in: [2] of `depths[2]`."""
    places = name.partition("[")[2]
    return [int(place) for place in places[:-1].split("][")] if places else []


def _with_items(default: Expression | None, items: Sequence[tuple[Sequence[int], Any]]) -> Expression:
    """A list's expression, other items in some places."""
    assert default is not None  # a network's vars have values

    def evaluate(environment: Environment) -> Any:
        value = default.evaluate(environment)
        for path, item in items:
            value = _replaced(value, path, item)
        return value

    return Expression(default.text, evaluate, default.uses | {WORK})


def _replaced(base: Any, path: Sequence[int], value: Any) -> Any:
    """A list with another item at a path."""
    if not path:
        return value
    at, *rest = path
    if not is_list(base) or at >= len(base):  # it depends on other knobs
        raise RuleError(f"there is no item {at} of {f'a list of {len(base)}' if is_list(base) else 'what is no list'}")
    return (*base[:at], _replaced(base[at], rest, value), *base[at + 1 :])
