"""Whether a shifted input gives a shifted output, by how much, and at which output positions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from archtool.algebra.finding import Basis, Finding, unknown
from archtool.algebra.structure.flow import AT_INFERENCE, contributing, told
from archtool.algebra.structure.shapes import shapes_of
from archtool.algebra.structure.shifts import Broken, Shifted, State, shifts
from archtool.errors import Untraceable
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.nature import Positions
from archtool.shape import Shape, axis_name
from archtool.size import Size, all_of, equal, less

RULE: Final = "translation_equivariant"


def translation_equivariant(flat: FlatNetwork) -> Finding:
    """Whether the output of a network moves as its input is shifted, whatever the content and all weights.

    `facts["axes"]` tells for each output and axis (dicts): shifts of the input by multiples of `input_shift` positions
    move the output by the same multiples of `output_shift`, at the positions from `low` up to, without, `high` of its
    `size`, where these see nothing of the borders before and after the shift. Where it is `circular`, circular shifts
    move the whole output, borders and all. Of several inputs, all are shifted together.
    """
    facts: list[dict[str, Any]] = []
    steps: list[str] = []
    shapes = shapes_of(flat)
    for axis, rank in moving_axes(flat):
        try:
            states = shifts(flat, axis)
        except Untraceable as error:
            return unknown(str(error), assumptions=(AT_INFERENCE,))
        steps += [step for step in derivation(flat, axis, states) if step not in steps]
        for name, number in flat.outputs.items():
            state = states[number]
            along = axis_name(axis, rank)
            if isinstance(state, Broken):
                return unknown(state.reason, objects=True, steps=tuple(steps), assumptions=(AT_INFERENCE,))
            fact = _fact(state, axis, along, name, shapes[number])
            facts.append(fact)
            if reason := _objection(state, along, fact):
                found = {"axes": tuple(facts)}
                return unknown(reason, objects=True, steps=tuple(steps), assumptions=(AT_INFERENCE,), facts=found)
            steps.append(_conclusion(fact))
    if not facts:
        return unknown("the input has no axis with several positions to be shifted along")
    open_sizes = any([less(fact["output_shift"], fact["high"] - fact["low"]) is not True for fact in facts])
    more = ("sizes are such that some position sees no border before and after the shift",) if open_sizes else ()
    return Finding(
        truth=True,
        basis=(Basis("structure", RULE),),
        steps=tuple(steps),
        assumptions=(AT_INFERENCE, *more),
        facts={"axes": tuple(facts)},
    )


def moving_axes(flat: FlatNetwork) -> list[tuple[int, int]]:
    """The axes along which an input can be shifted, each with the number of all."""
    found: dict[int, int] = {}
    for shape in flat.inputs.values():
        for axis, n in enumerate(shape.axes):
            if equal(n, 1) is not True:
                found[axis] = max(found.get(axis, 0), len(shape.axes))
    return sorted(found.items())


def derivation(flat: FlatNetwork, axis: int, states: Mapping[int, State]) -> list[str]:
    """What each layer does to what is shifted."""
    lines = []
    for layer in contributing(flat):
        parts = [states[source] for source in layer.sources]
        if not layer.run.layer.ignores_input and any([isinstance(part, Shifted) and part.by for part in parts]):
            lines.append((layer, _word(layer, axis)))
    return told(lines)


def _word(layer: FlatLayer, axis: int) -> str:
    run = layer.run
    x = run.inputs[0]
    if run.layer.is_join:
        return "joins what moves alike, position by position"
    positions = run.layer.symmetry(x).positions
    if positions is Positions.APART:
        return "not the same at each position"
    if positions is Positions.POOLED:
        return "made of all positions, whatever their order"
    if positions is Positions.ALIKE:
        return "each position asks all others, whatever their order"
    field = run.layer.field(x, run.layer.window(x))
    if not field.axes:
        return "the same function at each position, of it alone"
    along = field.axes[axis]
    period = len(along.phases)
    step = "" if period == along.stride == 1 else f", {along.stride} of them for {period} of its own"
    return f"the same function of the positions that it reads{step}"


def _fact(state: Shifted, axis: int, along: str, name: str, shape: Shape) -> dict[str, Any]:
    size: Size = shape.axes[axis] if axis < len(shape.axes) else 1
    circular = not state.bordered and not (isinstance(size, int) and state.by and state.by % size == 0)
    return {
        "axis": along,
        "output": name,
        "input_shift": state.shift,
        "output_shift": state.by,
        "low": state.low,
        "high": state.high,
        "size": size,
        "circular": circular,
    }


def _objection(state: Shifted, along: str, fact: Mapping[str, Any]) -> str:
    """Why nothing follows for all contents; empty where it does."""
    if state.by == 0:
        return "the output has no positions that move with the input; whether it stays, translation_invariant asks"
    if state.mixed:
        how = f": only circular shifts along the {along} are passed on" if fact["circular"] else ""
        return f"{state.mixed} looks at all positions, the borders among them{how}"
    if less(state.by, state.high - state.low) is False and not fact["circular"]:
        return (
            f"no output position is clear of the borders along the {along}, before and after a shift by {state.shift}"
        )
    return ""


def _conclusion(fact: Mapping[str, Any]) -> str:
    low, high, size = fact["low"], fact["high"], fact["size"]
    by, step = fact["input_shift"], fact["output_shift"]
    moves = f"along the {fact['axis']}, an input shifted by {by} shifts the output by {step}"
    if all_of(equal(low, 0), equal(high, size)) is True:
        where = "at all positions that were there before"
    elif less(fact["output_shift"], high - low) is False:
        where = "at no position for what comes in at one end"
    else:
        where = f"at positions {low} to {high - 1} of 0 to {size - 1}, from one of them to another: they see no border"
    return f"{moves}, {where}" + ("; circular shifts move all of it" if fact["circular"] else "")
