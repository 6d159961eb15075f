"""Every shipped design on random values of its vars: as ints, as arrays and in symbols, which must say the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from random import Random
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import sympy

from archtool import ArchtoolError
from archtool.algebra.closed import Reader
from archtool.algebra.shown import Layout
from archtool.algebra.symbolic import to_sympy
from archtool.analysis.catalog import shipped_designs
from archtool.codegen import to_numpy
from archtool.design import Design
from archtool.errors import Untraceable
from archtool.explore.tracing import symbol_names
from archtool.runs import BlockRun
from archtool.size import Ratio, Size, all_of
from archtool.trace import Trace
from benchmarks.progress import say
from benchmarks.results import Effort, Figure, Section

DESIGNS = 10_000
FEW = 16  # from such a number on a var varies in four steps up to it, so that channels go on being divisible


class Knob(NamedTuple):
    """A var, or an item of one that is a list: its symbol's values are low, low + step, ... high, and it is that
    much of `unit`."""

    var: str
    item: int | None
    low: int
    high: int
    step: int
    unit: Fraction = Fraction(1)

    @property
    def symbol(self) -> str:
        """The symbol's name."""
        return self.var if self.item is None else f"{self.var}[{self.item}]"

    def drawn(self, random: Random) -> int:
        """A value of the symbol."""
        return random.randrange(self.low, self.high + 1, self.step)


class Traced(NamedTuple):
    """A design evaluated once on symbols, with the vars that had to be fixed, and why."""

    design: Design
    knobs: tuple[Knob, ...]
    fixed: Mapping[str, str]
    outputs: Mapping[str, Told]
    is_valid: Size


class Told(NamedTuple):
    """A number that is compared: `size` / `phases` (strides are those of all phases of a field together)."""

    size: Size
    phases: int = 1

    def of(self, value: int) -> Fraction:
        """The number where the size is this."""
        return Fraction(value, self.phases)


NOTHING = Told(0)


class Disagreement(Exception):
    """Two readings of a formula differ."""


class Spent(NamedTuple):
    """The seconds that each reading took, the designs evaluated, and those of them that are valid."""

    ints: float
    arrays: float
    closed: float
    sympy: float
    designs: int
    valid: int


def knobs_of(design: Design) -> list[Knob]:
    """What can vary of a design: its vars that are numbers, or lists of numbers, around their values."""
    found: list[Knob] = []
    for name, expression in design.block.arguments.items():
        value = expression.constant if expression is not None else None
        items = enumerate(value) if type(value) is tuple else [(None, value)]
        found += [_around(name, index, item) for index, item in items if type(item) in (int, Fraction)]
    return found


def _around(name: str, index: int | None, value: Any) -> Knob:
    if type(value) is Fraction:
        return Knob(name, index, 2, 8, 1, value / 4)
    if value >= FEW and value % 4 == 0:
        return Knob(name, index, value // 2, 2 * value, value // 4)
    return Knob(name, index, max(min(value, 1), value // 2), max(2 * value, 1), 1)


def given(design: Design, knobs: Sequence[Knob], values: Mapping[str, Any]) -> dict[str, Any]:
    """The vars where the knobs' symbols have these values."""
    found: dict[str, Any] = {}
    for knob in knobs:
        value = values[knob.symbol]
        if knob.unit != 1:
            value = _times(value, knob.unit)
        if knob.item is None:
            found[knob.var] = value
            continue
        expression = design.block.arguments[knob.var]
        assert expression is not None
        items: list[Any] = list(found.get(knob.var) or expression.constant or ())
        items[knob.item] = value
        found[knob.var] = tuple(items)
    return found


def _times(value: Any, unit: Fraction) -> Any:
    if isinstance(value, int):
        product = value * unit
        return product.numerator if product.denominator == 1 else product
    return Ratio(value * unit.numerator, unit.denominator) if unit.denominator > 1 else value * unit.numerator


def traced(design: Design) -> Traced:
    """Trace a design with all that can vary; what can't where it stands is fixed at the design's own value."""
    knobs, fixed = knobs_of(design), dict[str, str]()
    while True:
        trace = Trace()
        symbols = {knob.symbol: trace.symbol(knob.symbol, knob.low, knob.high, knob.step) for knob in knobs}
        try:
            run = design.evaluate(given(design, knobs, symbols), trace=trace)
        except Untraceable as error:
            named = symbol_names(error.varying) & symbols.keys()
            if not named:
                raise Disagreement(f"{design.name}: no var is named that would have to be fixed: {error}") from None
            culprit = min(named)
            knobs = [knob for knob in knobs if knob.symbol != culprit]
            fixed[culprit] = str(error)
            continue
        holds = all_of(*(problem.holds for problem in run.problems), *(holds for holds, _ in trace.problems))
        return Traced(design, tuple(knobs), fixed, numbers(run), holds)


def numbers(run: BlockRun) -> dict[str, Told]:
    """All that is compared of an evaluated network."""
    cost = run.cost
    found = {"params": cost.params, "macs": cost.macs, "activations": cost.activations, "read": cost.read}
    told = dict[str, Told]()
    found |= {f"operations.{term}": count for term, count in cost.operations.items()}
    found |= {f"dims.{axis}": size for axis, size in enumerate(run.output.shape.dims)}
    for source, field in enumerate(run.output.fields):
        if field is None:
            continue
        found[f"state.{source}"] = field.state
        for axis, of in enumerate(field.axes):
            name = f"field.{source}.{axis}"
            found |= {f"{name}.{each}": getattr(of, each) for each in ("size", "start", "narrow", "wide")}
            told[f"{name}.stride"] = Told(of.stride, len(of.phases))
    return {name: Told(size) for name, size in found.items()} | told


def check(one: Traced, count: int, in_closed_form: int, in_sympy: int, random: Random) -> Spent:
    """Evaluate random designs in all readings, some of the valid ones also in closed form and by sympy; raises
    Disagreement where two readings differ."""
    points = [{knob.symbol: knob.drawn(random) for knob in one.knobs} for _ in range(count)]
    started = perf_counter()
    expected = [_on_ints(one, point) for point in points]
    ints = perf_counter() - started
    started = perf_counter()
    columns = to_numpy([one.is_valid, *(told.size for told in one.outputs.values())])(
        {knob.symbol: np.array([point[knob.symbol] for point in points]) for knob in one.knobs}
    )
    table = [np.broadcast_to(column, len(points)) for column in columns]
    arrays = perf_counter() - started
    for index, (point, numbers) in enumerate(zip(points, expected, strict=True)):
        holds, *values = (int(column[index]) for column in table)
        _compare(one, point, numbers, bool(holds), dict(zip(one.outputs, values, strict=True)))
    valid = [index for index, numbers in enumerate(expected) if numbers is not None]
    started = perf_counter()
    _compare_all(one, points, expected, valid[:in_closed_form], _in_closed_form)
    closed = perf_counter() - started
    started = perf_counter()
    _compare_all(one, points, expected, valid[:in_sympy], _in_sympy)
    return Spent(ints, arrays, closed, perf_counter() - started, count, len(valid))


def _compare_all(
    one: Traced,
    points: Sequence[Mapping[str, int]],
    expected: Sequence[Mapping[str, Told] | None],
    indices: Sequence[int],
    read: Callable[[Traced, Sequence[Mapping[str, int]]], Iterator[dict[str, int]]],
) -> None:
    if indices:
        for index, row in zip(indices, read(one, [points[index] for index in indices]), strict=True):
            _compare(one, points[index], expected[index], True, row)


def _on_ints(one: Traced, point: Mapping[str, int]) -> dict[str, Told] | None:
    try:
        return numbers(one.design.evaluate(given(one.design, one.knobs, point)))
    except ArchtoolError:
        return None


def _in_closed_form(one: Traced, points: Sequence[Mapping[str, int]]) -> Iterator[dict[str, int]]:
    reader = Reader()
    forms = {name: reader.of(told.size) for name, told in one.outputs.items()}
    for point in points:
        yield {name: int(form.at(point)) for name, form in forms.items()}


def _in_sympy(one: Traced, points: Sequence[Mapping[str, int]]) -> Iterator[dict[str, int]]:
    """The multiply-adds alone: sympy takes its time."""
    form = to_sympy(Reader().of(one.outputs["macs"].size), Layout([knob.symbol for knob in one.knobs]))
    for point in points:
        values = {sympy.Symbol(name, integer=True): sympy.Integer(value) for name, value in point.items()}
        yield {"macs": int(form.subs(values))}


def _compare(
    one: Traced, point: Mapping[str, int], expected: Mapping[str, Told] | None, holds: bool, row: Mapping[str, int]
) -> None:
    if holds != (expected is not None):
        raise Disagreement(f"{one.design.name} at {point} is {'valid' if holds else 'invalid'} on expressions alone")
    for name, value in row.items() if expected is not None else ():
        told = (expected or {}).get(name, NOTHING)  # a term of alternatives that are not taken
        if one.outputs[name].of(value) != told.of(told.size):  # type: ignore[arg-type]  # a number
            raise Disagreement(f"{one.design.name} at {point}: {name} is {value}, on ints {told.size}")


def every_design() -> list[Design]:
    """All shipped designs."""
    return [each.design for each in shipped_designs()]


def measure(effort: Effort) -> Section:
    """Time the three readings of random designs, spread evenly over all shipped ones."""
    designs = every_design()
    count = DESIGNS // len(designs) + 1
    random = Random(0)
    spent: list[Spent] = []
    tracing = perf_counter()
    traces = [traced(design) for design in designs]
    tracing = perf_counter() - tracing
    try:
        for one in traces:
            say(f"agreement: {one.design.name}")
            spent.append(check(one, count, 10, 1, random))
    except Disagreement as failure:
        ours = (Figure(tool="archtool", bar=0, absent=str(failure)),)
        return Section(title="Agreement of ints, arrays and symbols", unit="s", ours=ours, peers=())
    total = Spent(*map(sum, zip(*spent, strict=True)))
    varied = sum(len(one.knobs) for one in traces)
    return Section(
        title=f"{total.designs:,} random designs of the {len(designs)} shipped ones, as ints, arrays and formulas",
        unit="s",
        ours=(
            Figure(tool="tracing all of them", samples=(tracing,)),
            Figure(tool="on ints, one by one", samples=(total.ints,)),
            Figure(tool="as arrays", samples=(total.arrays,)),
            Figure(tool=f"in closed form, {10 * len(designs)} of them at most", samples=(total.closed,)),
            Figure(tool=f"by sympy, the multiply-adds of {len(designs)}", samples=(total.sympy,)),
        ),
        peers=(),
        notes=(f"{varied} vars vary; {total.valid:,} designs are valid. All readings agree, on these and the others.",),
    )
