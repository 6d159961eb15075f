"""Whether the output stays the same while the input is shifted, for which shifts and which contents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from archtool.algebra.finding import Basis, Finding, unknown
from archtool.algebra.structure.flow import AT_INFERENCE
from archtool.algebra.structure.shifts import Broken, Shifted, shifts
from archtool.algebra.structure.translation import derivation, moving_axes
from archtool.errors import Untraceable
from archtool.flatten import FlatNetwork
from archtool.shape import axis_name
from archtool.size import Size

RULE: Final = "translation_invariant"


def translation_invariant(flat: FlatNetwork) -> Finding:
    """Whether the output of a network stays the same as its input is shifted, for all weights.

    What leaves at a border is lost, so it is told for which shifts: `facts["axes"]` has for each output and axis
    (dicts) whether it is so for `circular` shifts by multiples of `input_shift`; and, where `begin` and `end` are
    numbers, for any content on a background of zeros within these positions of the input, before and after.
    """
    facts: list[dict[str, Any]] = []
    steps: list[str] = []
    for axis, rank in moving_axes(flat):
        try:
            states = shifts(flat, axis)
        except Untraceable as error:
            return unknown(str(error), assumptions=(AT_INFERENCE,))
        steps += [step for step in derivation(flat, axis, states) if step not in steps]
        along = axis_name(axis, rank)
        sizes = [shape.axes[axis] for shape in flat.inputs.values() if axis < len(shape.axes)]
        for name, number in flat.outputs.items():
            state = states[number]
            if isinstance(state, Broken):
                return unknown(state.reason, objects=True, steps=tuple(steps), assumptions=(AT_INFERENCE,))
            if state.by:
                reason = f"the output has positions along the {along}: what moves in the input moves in it"
                return unknown(reason, objects=True, steps=tuple(steps), assumptions=(AT_INFERENCE,))
            fact = _fact(state, along, name, sizes)
            facts.append(fact)
            if not fact["circular"] and fact["begin"] is None:
                found = {"axes": tuple(facts)}
                reason = _objection(state, along)
                return unknown(reason, objects=True, steps=tuple(steps), assumptions=(AT_INFERENCE,), facts=found)
            steps.append(_conclusion(fact))
    if not facts:
        return unknown("the input has no axis with several positions to be shifted along")
    return Finding(
        truth=True,
        basis=(Basis("structure", RULE),),
        steps=tuple(steps),
        assumptions=(AT_INFERENCE, *dict.fromkeys(map(_assumption, facts))),
        facts={"axes": tuple(facts)},
    )


def _fact(state: Shifted, along: str, name: str, sizes: list[Size]) -> dict[str, Any]:
    begin, end = state.begin, state.end
    if state.stuck or begin is None or end is None or end - begin < state.shift:  # no room for a content and its shift
        begin = end = None
    whole = any([isinstance(n, int) and state.shift % n == 0 for n in sizes])  # once round: no shift at all
    return {
        "axis": along,
        "output": name,
        "input_shift": state.shift,
        "circular": not state.bordered and not whole,
        "begin": begin,
        "end": end,
    }


def _objection(state: Shifted, along: str) -> str:
    borders = (
        f"{state.bordered} has borders that circular shifts along the {along} do not pass"
        if state.bordered
        else (f"only shifts by {state.shift}, all the way round, are passed on along the {along}")
    )
    if state.stuck:
        return f"{borders}, and {state.stuck} shows at its border what lies elsewhere"
    return f"{borders}, and no content and its shift by {state.shift} are clear of all borders: the field is too large"


def _assumption(fact: Mapping[str, Any]) -> str:
    steps = f"by multiples of {fact['input_shift']}" if fact["input_shift"] > 1 else "by any number of positions"
    circular = f"circular shifts along the {fact['axis']} {steps}" if fact["circular"] else ""
    if fact["begin"] is None:
        return circular
    clear = f"{fact['begin']} to {fact['end']} of the {fact['axis']}"
    placed = f"contents on zeros within positions {clear}, before and after a shift {steps}"
    return f"{circular}; or {placed}" if circular else placed


def _conclusion(fact: Mapping[str, Any]) -> str:
    return f"'{fact['output']}' stays the same for {_assumption(fact)}"
