"""Whether a network mixes its channels: fully, by groups, or not at all."""

from __future__ import annotations

from typing import Any, Final

from archtool.algebra.finding import Basis, Finding, Witness, unknown
from archtool.algebra.structure.channels import Channels, channels, couplings
from archtool.algebra.structure.flow import AT_INFERENCE, carried, contributing, told
from archtool.errors import RuleError, Untraceable, nearest
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.nature import Coupling, Groups
from archtool.size import Size, divides, equal, less
from archtool.trace import Expr

RULE: Final = "mixes_channels"
WAYS: Final = ("full", "groups", "none")

NOTHING: Final = "nothing"  # a tensor depends on no input
Runs = Groups | str | None  # how many runs of channels see the input's runs alone, each its own; None: not known


def mixes_channels(flat: FlatNetwork, how: str) -> Finding:
    """Whether a network mixes its input channels, whatever it does to positions.

    `full`: each output channel can be reached by each input channel. `groups`: the channels fall into several groups,
    at least one of them of several channels, and no output is reached from another group than its own. `none`: no
    output is reached by more than one input channel.

    Structure proves that a channel never reaches another. That one does reach another, for some weights, it does not:
    where it has no objection to `full`, the finding is unknown without objection, `facts["channels"]` tells what may
    reach what. On expressions runs of channels are told, as groups make them, no other routes.

    Raises RuleError for another `how`.
    """
    if how not in WAYS:
        raise RuleError(f"mixes_channels is asked for one of {', '.join(WAYS)}, not {how}" + nearest(how, list(WAYS)))
    try:
        if _varies(flat):
            return _of_varying(flat, how)
        return _of_numbers(flat, how, channels(flat))
    except (RuleError, Untraceable) as error:
        return unknown(str(error))


def _of_numbers(flat: FlatNetwork, how: str, reach: Channels) -> Finding:
    facts: dict[str, Any] = {"channels": reach}
    steps = (*_steps(flat), *reach.shown())

    def proof(truth: bool, conclusion: str, witness: Witness | None = None) -> Finding:
        return Finding(
            truth=truth,
            basis=(Basis("structure", RULE),),
            steps=(*steps, conclusion),
            assumptions=(AT_INFERENCE,),
            witness=witness,
            facts=facts,
        )

    if how == "full":
        if reach.hole is None:
            reason = "the structure lets every input channel reach every output, weights decide whether each does"
            return unknown(reason, steps=steps, assumptions=(AT_INFERENCE,), facts=facts)
        output, missed = reach.hole
        text = f"{reach.output_name(output)} never sees {reach.input_name(missed)}"
        return proof(False, text, Witness(text=text))
    if reach.is_unmixed:
        return proof(how == "none", "no output channel is reached by more than one input channel")
    if how == "groups" and len(parts := reach.parts) > 1:
        facts["groups"] = parts
        return proof(True, f"the channels fall into {len(parts)} groups that nothing connects")
    met = "every channel is connected with every other" if how == "groups" else "some output sees several inputs"
    return unknown(f"{met}, as far as the structure tells", objects=True, steps=steps, facts=facts)


def _steps(flat: FlatNetwork) -> list[str]:
    """What each layer that does not leave channels by themselves does to them."""
    words = [(layer, word) for layer in contributing(flat) if (word := _word(layer))]
    return told(words) or ["every layer leaves each channel by itself"]


def _word(layer: FlatLayer) -> str:
    """What a layer does to the channels; nothing where each stays by itself."""
    found = couplings(layer)
    counts = [x.channels for x in layer.run.inputs]
    y = layer.run.output.channels
    if all([_is_own(coupling, count, y) for coupling, count in zip(found, counts, strict=True)]):
        return ""
    first = found[0]
    if len(found) > 1:
        return "puts channels behind each other" if y != counts[0] else "joins channels"
    if isinstance(first, Groups):
        return (
            "every output channel may see every channel" if first.groups == 1 else f"{first.groups} groups of channels"
        )
    if sorted(first.sources) == [(index,) for index in range(len(first.sources))]:
        return "puts channels in another order"
    return f"makes {y} channels of {counts[0]}, each of some of them"


def _varies(flat: FlatNetwork) -> bool:
    shapes = [*flat.inputs.values(), *[layer.run.output for layer in flat.layers]]
    some = any([isinstance(shape.channels, Expr) for shape in shapes])
    return some or bool(flat.merges) or any([layer.times != 1 for layer in flat.layers])


def _of_varying(flat: FlatNetwork, how: str) -> Finding:
    """The same by runs of channels: those of every tensor lie in as many runs as those of the input, and each run sees
    that of its own number alone."""
    if len(flat.inputs) != 1:
        return unknown("channels of several inputs are told apart where their numbers are known")
    count = next(iter(flat.inputs.values())).channels
    start: Runs = Groups(count)
    known = carried(flat, [start], _runs, lambda yes, no: yes if _equal(yes, no) else None)
    ends = [known[number] for number in flat.outputs.values()]
    end = ends[0]
    if not isinstance(end, Groups) or not all([_equal(end, other) for other in ends]):
        return unknown("which channels reach which is told where their numbers are known")
    steps = tuple(_steps(flat))
    single = equal(end.groups, count) is True
    conclusion = f"channels lie in {end.groups} runs, and each output sees the input's run of its own number alone"
    if equal(end.groups, 1) is True:
        reason = "on the way all channels may meet: which ones do the weights decide"
        return unknown(reason, objects=how != "full", steps=steps, assumptions=(AT_INFERENCE,))
    several, wide = less(1, end.groups) is True, less(end.groups, count) is True
    truth = {
        "full": False if several else None,
        "groups": True if several and wide else False if single else None,
        "none": True if single else None,
    }[how]
    if truth is None:
        return unknown(conclusion, objects=True, steps=steps, assumptions=(AT_INFERENCE,))
    basis = (Basis("structure", RULE),)
    return Finding(truth=truth, basis=basis, steps=(*steps, conclusion), assumptions=(AT_INFERENCE,))


def _runs(layer: FlatLayer, parts: tuple[Runs, ...]) -> Runs:
    """The runs of a layer's output, of those of its tensors."""
    if layer.run.layer.ignores_input:
        return NOTHING
    found: list[Groups] = []
    for coupling, x, part in zip(couplings(layer), layer.run.inputs, parts, strict=True):
        if part == NOTHING:
            continue
        if not isinstance(part, Groups) or not isinstance(coupling, Groups):
            return None
        coarser = _coarser(part.groups, coupling.groups, x.channels)
        if coarser is None:
            return None
        found.append(coarser)
    if not found:
        return NOTHING
    first = found[0]
    for other in found[1:]:
        joined = _coarser(first.groups, other.groups, layer.run.output.channels)
        if joined is None:
            return None
        first = joined
    return first


def _coarser(runs: Size, groups: Size, channels: Size) -> Groups | None:
    """The fewer of two numbers of equal runs of channels, where each holds whole runs of the other; for certain."""
    if equal(runs, channels) is True or divides(groups, runs) is True:
        return Groups(groups)
    if equal(groups, channels) is True or divides(runs, groups) is True:
        return Groups(runs)
    return None


def _equal(one: Runs, other: Runs) -> bool:
    if isinstance(one, Groups) and isinstance(other, Groups):
        return equal(one.groups, other.groups) is True
    return one == other


def _is_own(coupling: Coupling, x: Size, y: Size) -> bool:
    """Whether each output channel depends on the channel of its own number alone."""
    return isinstance(coupling, Groups) and equal(coupling.groups, x) is True and equal(x, y) is True
