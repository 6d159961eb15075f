"""Vars that can't be traced, computed on numbers for each design; the network behind them is traced in them.

RegNet's stages are found by logarithms and by which numbers are alike: no expression says that. But a network of four
stages is one expression in their widths and depths. So the vars are computed for every design, those of one form
(lists of the same lengths, the same words in the same places) stand together, and their numbers are symbols.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.errors import RuleError, SpecError, Untraceable
from archtool.explore.reading import Reader, settled
from archtool.explore.space import Axis
from archtool.network import Evaluation
from archtool.spec.expressions import Expression
from archtool.spec.lists import is_list
from archtool.spec.steps import Block
from archtool.spec.values import WORK
from archtool.trace import INT64, Trace

if TYPE_CHECKING:
    import numpy as np

    from archtool.design import Design

    Array = np.ndarray[Any, Any]


MOST_KNOWN: Final = 200_000  # designs whose vars are kept
LEAF: Final = object()  # where a number stands in the form of a value


class Form(NamedTuple):
    """What designs that are traced together have in common: their vars' values, LEAF in the place of each whole number;
    or the error that computing them ends in."""

    values: tuple[Any, ...]
    error: str = ""


class Group(NamedTuple):
    """Designs of one form: their places in a batch, and their numbers, one array a leaf."""

    form: Form
    rows: Array
    leaves: list[Array]


class Derived:
    """The vars of a design that can't be traced over some axes.

    `names` are those that the network, or a traced var, reads; `unread` the others, which nothing needs.
    """

    def __init__(self, design: Design, axes: Sequence[Axis], names: Iterable[str], needed: frozenset[str]) -> None:
        self.design = design
        self.axes = axes
        untraceable = tuple(names)
        self.names = tuple(name for name in untraceable if name in needed)
        self.unread = tuple(name for name in untraceable if name not in needed)
        self._known: dict[tuple[int, ...], tuple[Form, list[int]]] = {}
        below = _all_below(self.names, design.block)
        self.moved_by = tuple(
            number for number, axis in enumerate(axes) if any(knob.var in below for knob in axis.knobs)
        )

    def groups(self, digits: Sequence[Array]) -> Iterator[Group]:
        """The designs at these places of the axes, by their forms."""
        import numpy as np

        columns = [digits[axis] for axis in self.moved_by] or [np.zeros(len(digits[0]), dtype=np.int64)]
        distinct, which = np.unique(np.stack(columns), axis=1, return_inverse=True)
        found: dict[Form, tuple[list[int], list[list[int]]]] = {}
        for index, places in enumerate(distinct.T.tolist()):
            form, numbers = self._computed(tuple(places))
            members, tables = found.setdefault(form, ([], []))
            members.append(index)
            tables.append(numbers)
        place = np.empty(distinct.shape[1], dtype=np.int64)  # of a distinct design in its group
        owner = np.empty(distinct.shape[1], dtype=np.int64)
        for number, (members, _) in enumerate(found.values()):
            place[members], owner[members] = np.arange(len(members)), number
        for number, (form, (_, table)) in enumerate(found.items()):
            rows = np.flatnonzero(owner[which] == number)
            leaves = np.array(table, dtype=np.int64).reshape(len(table), -1)[place[which[rows]]]
            yield Group(form, rows, list(leaves.T))

    def _computed(self, places: tuple[int, ...]) -> tuple[Form, list[int]]:
        """The form and the numbers of the designs at these places of the axes that move them; computed once."""
        found = self._known.get(places)
        if found is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            found = self._known[places] = self._compute(dict(zip(self.moved_by, places, strict=False)))
        return found

    def _compute(self, places: Mapping[int, int]) -> tuple[Form, list[int]]:
        values = [[knob.values[places.get(number, 0)] for knob in axis.knobs] for number, axis in enumerate(self.axes)]
        numbers: list[int] = []
        try:
            environment = Evaluation().vars(*settled(self.design.block, self.axes, values))
        except (RuleError, SpecError) as error:
            return Form((), str(error)), []
        form = Form(tuple(_form(environment[name], numbers) for name in self.names))
        if any(abs(number) >= INT64 for number in numbers):
            return Form((), f"a number of {' or '.join(self.names)} does not fit into 64 bits"), []
        return form, numbers


def untraceable_vars(design: Design, axes: Sequence[Axis], asked: frozenset[str]) -> Derived | None:
    """The vars of a design that can't be traced over these axes; None where there are none. `asked` are names that
    are read besides those that the network reads. Raises RuleError or SpecError where the first design is invalid."""
    first = [[knob.values[0] for knob in axis.knobs] for axis in axes]
    sample = Evaluation().vars(*settled(design.block, axes, first))
    trace = Trace()
    reader = Reader(trace)
    varying = [[reader.knob(number, knob) for knob in axis.knobs] for number, axis in enumerate(axes)]
    block, knobs = settled(design.block, axes, varying)
    environment: dict[str, Any] = {WORK: Evaluation(trace).allowance}
    found: list[str] = []
    for name, default in block.arguments.items():
        try:
            environment[name] = knobs[name] if name in knobs or default is None else default.evaluate(environment)
        except Untraceable:
            found.append(name)
            environment[name] = filled(_form(sample[name], []), symbols(trace, name))
    if not found:
        return None
    read = names_read(block.body) | asked
    for name, default in block.arguments.items():
        if default is not None and name not in found:
            read |= default.uses
    for _, written in design.spec.inputs.values():
        read |= names_read(tuple(written.values()) if isinstance(written, Mapping) else written)
    return Derived(design, axes, found, read)


def symbols(trace: Trace, name: str) -> Callable[[], Any]:
    """What makes the symbols of a var, one a call."""
    count = itertools.count()
    return lambda: trace.symbol(f"{name}@{next(count)}", 0)


def names_read(part: object) -> frozenset[str]:
    """The names that the expressions of a compiled body read; blocks read their own arguments alone."""
    if isinstance(part, Expression):
        return part.uses
    if isinstance(part, tuple):
        return frozenset[str]().union(*map(names_read, part))
    return frozenset()


def filled(form: Any, leaf: Callable[[], Any]) -> Any:
    """A form with values in the place of its leaves."""
    if form is LEAF:
        return leaf()
    return tuple(filled(item, leaf) for item in form) if is_list(form) else form


def _form(value: Any, numbers: list[int]) -> Any:
    """A value with leaves in the place of its whole numbers, which are added to a list."""
    if type(value) is int:
        numbers.append(value)
        return LEAF
    return tuple(_form(item, numbers) for item in value) if is_list(value) else value


def _all_below(names: Iterable[str], block: Block) -> set[str]:
    """The vars that some are computed from, themselves included."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            default = block.arguments.get(name)
            todo += default.uses & block.arguments.keys() if default is not None else ()
    return found


def around(numbers: Array) -> tuple[int, int]:
    """Bounds of some numbers, wide enough to serve others like them."""
    low, high = int(numbers.min()), int(numbers.max())
    return min(low, 1) if low >= 0 else -(1 << (-low).bit_length()), (1 << max(high, 1).bit_length()) - 1
