"""Whether a network passes on that its input is shifted, or does not mind.

What the structure proves (for which shifts, where) is checked as it says. Where the structure objects, a shift is
broken once it fails for content that leaves at one end, wherever no border is seen, and for circular shifts too; the
property is refuted once every shift along an axis is broken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import torch
from torch import Tensor

from archtool.algebra.finding import Finding
from archtool.algebra.settings import Settings
from archtool.flatten import FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.expressions import Expression, first_axis, output_shapes
from archtool.realize.properties.laws import Judge, Law, Violation
from archtool.realize.properties.plan import operations, plan
from archtool.realize.properties.searching import Searched, concluded, searched, shrunk
from archtool.shape import Shape, axis_name

MOST_OPERATIONS: Final = 5 * 10**9  # that trying every shift may take


class Shift(NamedTuple):
    """A shift of the input along an axis and of the output with it; where the output is compared for content that
    leaves at one end (from `low` up to, without, `high`)."""

    axis: int
    steps: int
    moved: int
    low: int
    high: int


def translation_equivariant(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test f(x shifted) = f(x) shifted; see the file's docstring."""
    rank = _rank(flat)
    outputs = output_shapes(flat)
    if not rank or any(len(shape.spatial) != rank or shape.grid for shape in outputs):
        return structural
    facts = [fact for fact in structural.facts.get("axes", ()) if fact["output_shift"]]
    if structural.truth is True:

        def laws(x: Expression, y: Expression, turn: int) -> Iterator[Law]:
            for fact in facts:
                shift = _told(fact, rank, 1 + turn % 2)
                number = list(flat.outputs).index(fact["output"])
                if shift.low + shift.moved < shift.high:
                    yield _equivariant(shift, rank, x, _inside(outputs, shift, number), "cyclic")
                if fact["circular"]:
                    yield _equivariant(shift, rank, x, _inside(outputs, None, number), "cyclic")

        return concluded(structural, searched(flat, settings, laws, 1 + 2 * len(facts), True), settings)
    if any(fact["high"] - fact["low"] <= fact["output_shift"] or fact["circular"] for fact in facts):
        return structural

    def broken(shift: Shift, x: Expression) -> list[list[Law]]:
        mask = _inside(outputs, shift, None)
        everywhere = [_equivariant(shift, rank, x, None, "cyclic")]
        if shift.low + shift.moved >= shift.high:
            return [everywhere]
        return [[_equivariant(shift, rank, x, mask, filling) for filling in ("zeros", "cyclic")], everywhere]

    shifts = {axis: list(_shifts(flat, axis, outputs)) for axis in range(rank)}
    return _every_shift(flat, structural, settings, shifts, broken)


def translation_invariant(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test f(x shifted) = f(x); see the file's docstring. Content lies on zeros, clear of the borders."""
    rank = _rank(flat)
    if not rank:
        return structural
    facts = structural.facts.get("axes", ())
    sizes = [as_int(size) for size in next(iter(flat.inputs.values())).spatial]
    if structural.truth is True:

        def laws(x: Expression, y: Expression, turn: int) -> Iterator[Law]:
            for fact in facts:
                axis = _number(fact["axis"], rank)
                steps = fact["input_shift"] * (1 + turn % 2)
                if fact["circular"]:
                    yield _invariant(Shift(axis, steps, 0, 0, 0), rank, x, "cyclic")
                if fact["begin"] is not None and fact["begin"] + steps <= fact["end"]:
                    clear = ["within", axis, fact["begin"], fact["end"] - steps, x]
                    yield _invariant(Shift(axis, steps, 0, 0, 0), rank, clear, "zeros")

        return concluded(structural, searched(flat, settings, laws, 1 + 2 * len(facts), True), settings)
    if facts:
        return structural

    def broken(shift: Shift, x: Expression) -> list[list[Law]]:
        size = sizes[shift.axis]
        first = min(size // 3, size - 1 - shift.steps)
        last = max(first, min(2 * size // 3, size - 1 - shift.steps))
        clear = ["within", shift.axis, first, last, x]
        return [[_invariant(shift, rank, clear, "zeros")], [_invariant(shift, rank, x, "cyclic")]]

    shifts = {axis: [Shift(axis, steps, 0, 0, 0) for steps in range(1, size)] for axis, size in enumerate(sizes)}
    return _every_shift(flat, structural, settings, shifts, broken)


def _every_shift(
    flat: FlatNetwork,
    structural: Finding,
    settings: Settings,
    shifts: Mapping[int, list[Shift]],
    broken: Callable[[Shift, Expression], list[list[Law]]],
) -> Finding:
    """Refuted where each shift along some axis is broken: one law at least in each of the lists for it."""
    judge = Judge(flat, settings.allowed)
    shifts = {axis: several for axis, several in shifts.items() if several}
    draws = 0
    found: dict[tuple[Shift, int], Violation] = {}
    left = MOST_OPERATIONS // (2 * operations(flat))
    for turn, drawn in enumerate(plan(flat, settings, 4, False)):
        x, _ = drawn.inputs
        draws += 1
        for several in shifts.values():
            whole = True
            for shift in several:
                for number, laws in enumerate(broken(shift, x)):
                    if (shift, number) in found:
                        continue
                    left -= len(laws)
                    violation = judge.violation(drawn.weights, laws) if left > 0 else None
                    if violation is None:
                        whole = False
                        continue
                    found[shift, number] = violation
                if not whole:
                    break
            if whole:
                smallest = several[0]
                again = Shifting(smallest, broken)
                violation = judge.violation(drawn.weights, again.laws(x, x, turn))
                if violation is not None:
                    small = shrunk(flat, judge, drawn, again.laws, turn, violation)
                else:
                    small = found[smallest, 0]
                facts = {"broken_shifts": [shift.steps for shift in several]}
                return concluded(structural, Searched(small, draws, 0.0), settings, **facts)
    return concluded(structural, Searched(None, draws, 0.0), settings)


class Shifting(NamedTuple):
    """The laws for one shift, those for content that leaves."""

    shift: Shift
    broken: Callable[[Shift, Expression], list[list[Law]]]

    def laws(self, x: Expression, y: Expression, turn: int) -> list[Law]:
        """The laws for an input."""
        return self.broken(self.shift, x)[0]


def _rank(flat: FlatNetwork) -> int:
    """The number of axes that every input can be shifted along; 0 where they differ, or tokens have a grid."""
    shapes = list(flat.inputs.values())
    ranks = {len(shape.spatial) for shape in shapes}
    alone = all(as_int(shape.positions) == 1 for shape in shapes)
    return ranks.pop() if len(ranks) == 1 and not alone and not any(shape.grid for shape in shapes) else 0


def _number(along: str, rank: int) -> int:
    return [axis_name(axis, rank) for axis in range(rank)].index(along)


def _told(fact: Mapping[str, Any], rank: int, times: int) -> Shift:
    """A multiple of the shift that the structure tells of."""
    moved = fact["output_shift"] * times
    return Shift(_number(fact["axis"], rank), fact["input_shift"] * times, moved, fact["low"], fact["high"])


def _shifts(flat: FlatNetwork, axis: int, outputs: tuple[Shape, ...]) -> Iterator[Shift]:
    """Every shift of the input that could be one of the output, and the output positions whose fields lie inside."""
    x, y = next(iter(flat.inputs.values())), outputs[0]
    n, m = as_int(x.spatial[axis]), as_int(y.spatial[axis])
    if any(as_int(shape.spatial[axis]) != m for shape in outputs):
        return
    makers = {layer.target: layer for layer in flat.layers}
    layer = makers.get(next(iter(flat.outputs.values())))
    field = layer.fields[0] if layer is not None else None
    low, high, stride, period = 0, 0, n, m
    if field is not None and not field.is_global and axis < len(field.axes):
        along = field.axes[axis]
        stride, period = as_int(along.stride), len(along.phases)
        inside = [
            all(0 <= along.stride * (p // period) + end < n for end in along.phases[p % period][:2]) for p in range(m)
        ]
        low = inside.index(True) if True in inside else 0
        high = low + inside[low:].index(False) if False in inside[low:] else m if True in inside else 0
    for steps in range(1, n):
        if stride and steps * period % stride == 0 and 0 < steps * period // stride < m:
            yield Shift(axis, steps, steps * period // stride, low, high)


def _inside(outputs: tuple[Shape, ...], shift: Shift | None, only: int | None) -> tuple[Tensor, ...]:
    """Masks of the positions to be compared: those that see no border before and after the shift, all without one; of
    one output `only` where that is given."""
    masks = []
    for number, shape in enumerate(outputs):
        mask = torch.zeros(1, *map(as_int, shape.dims), dtype=torch.bool)
        if only in (None, number):
            if shift is None:
                mask.fill_(True)
            elif shift.low + shift.moved < shift.high:
                length = shift.high - shift.low - shift.moved
                mask.narrow(first_axis(shape) + shift.axis, shift.low + shift.moved, length).fill_(True)
        masks.append(mask)
    return tuple(masks)


def _along(axis: int, rank: int, steps: int) -> list[int]:
    return [steps if each == axis else 0 for each in range(rank)]


def _equivariant(shift: Shift, rank: int, x: Expression, masks: tuple[Tensor, ...] | None, filling: str) -> Law:
    moved = ["shifted", _along(shift.axis, rank, shift.steps), filling, x]
    after = ["shifted", _along(shift.axis, rank, shift.moved), "cyclic", ["output", x]]
    along = axis_name(shift.axis, rank)
    says = (f"f(x shifted by {shift.steps} along the {along})", f"f(x) shifted by {shift.moved}")
    return Law(["output", moved], after, says, masks)


def _invariant(shift: Shift, rank: int, x: Expression, filling: str) -> Law:
    moved = ["shifted", _along(shift.axis, rank, shift.steps), filling, x]
    return Law(["output", moved], ["output", x], (f"f(x shifted by {shift.steps})", "f(x)"))
