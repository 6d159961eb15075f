"""Whether a network passes its input on as it is with the weights that torch starts with: residual branches that end in
zeros, and nothing else on the way."""

from __future__ import annotations

from typing import Final, NamedTuple

from archtool.algebra.finding import Basis, Finding, unknown
from archtool.algebra.structure.flow import carried, contributing, told
from archtool.algebra.structure.shapes import same_shape, shapes_of
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.mixing import Multiplied, Summed
from archtool.nature import Start

RULE: Final = "identity_at_init"
FIRST_WEIGHTS: Final = "with the weights that torch's modules start with, at inference and while training"


class _State(NamedTuple):
    """A tensor with the first weights: the `input` itself, `zeros`, or neither, because of `why`."""

    what: str
    why: str = ""


_INPUT: Final = _State("input")
_ZEROS: Final = _State("zeros")


def identity_at_init(flat: FlatNetwork) -> Finding:
    """Whether the network's only output is its only input, with its first weights.

    False where their sizes differ; else unknown, unless every layer on the way is known to pass its input on, or to
    make zeros.
    """
    if len(flat.inputs) != 1 or len(flat.outputs) != 1:
        return unknown("a network of one input and one output can pass its input on", objects=True)
    (x,), (number,) = flat.inputs.values(), flat.outputs.values()
    y = shapes_of(flat)[number]
    if same_shape(x, y) is False:
        step = f"the output {y} has other sizes than the input {x}"
        return Finding(truth=False, basis=(Basis("structure", RULE),), steps=(step,))
    states = carried(flat, [_INPUT], _through, _either)
    state = states[number]
    if state is not _INPUT:
        why = state.why or "the output is zero at first"
        return unknown(why, objects=True, assumptions=(FIRST_WEIGHTS,))
    if same_shape(x, y) is not True:
        return unknown("whether the output has the input's sizes is open", assumptions=(FIRST_WEIGHTS,))
    lines = [(layer, _word(layer, states[layer.target])) for layer in contributing(flat)]
    steps = told((layer, word) for layer, word in lines if word)
    return Finding(
        truth=True,
        basis=(Basis("structure", RULE),),
        steps=(*steps, "so the output is the input"),
        assumptions=(FIRST_WEIGHTS,),
    )


def _through(layer: FlatLayer, parts: tuple[_State, ...]) -> _State:
    run = layer.run
    name = f"{layer.name} ({run.kind})"
    if run.layer.is_join:
        return _joined(layer, name, parts)
    start = run.layer.at_init(run.inputs[0])
    first = parts[0]
    if start is Start.ZEROS or (start is Start.KEEPS_ZEROS and all(part is _ZEROS for part in parts)):
        return _ZEROS
    if start is Start.PASSES:
        return first
    return _State("other", first.why or f"{name} does not pass its input on at first, nor make zeros")


def _joined(layer: FlatLayer, name: str, parts: tuple[_State, ...]) -> _State:
    mixing = layer.run.layer.mixing(layer.run.inputs[0])
    if all(part is _ZEROS for part in parts) or (isinstance(mixing, Multiplied) and _ZEROS in parts):
        return _ZEROS
    others = [index for index, part in enumerate(parts) if part is not _ZEROS]
    if isinstance(mixing, Summed) and len(others) == 1 and (mixing.others == 1 or others == [0]):
        (index,) = others
        if same_shape(layer.run.inputs[index], layer.run.output) is True:
            return parts[index]
    why = next((part.why for part in parts if part.why), "")
    return _State("other", why or f"{name} joins several tensors that are not zero at first")


def _either(yes: _State, no: _State) -> _State:
    if yes == no:
        return yes
    return _State("other", yes.why or no.why or "it depends on a condition what the network starts as")


def _word(layer: FlatLayer, state: _State) -> str:
    """What a derivation says of a layer; nothing of those whose output is nothing of itself."""
    if layer.run.layer.is_join:
        return "adds nothing to its input" if state is _INPUT else ""
    start = layer.run.layer.at_init(layer.run.inputs[0])
    if start is Start.ZEROS:
        return f"{start.value}, at first"
    return start.value if start is Start.PASSES else ""
