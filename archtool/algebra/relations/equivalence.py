"""Whether two networks are the same set of functions, and whether the functions of one are among another's."""

from __future__ import annotations

from typing import Any

from archtool.algebra.finding import Basis, Finding, Witness, unknown
from archtool.algebra.relations.graphs import Graph, Open, graph
from archtool.algebra.relations.kernels import Kernels, at_most_all
from archtool.algebra.relations.matching import Match, match
from archtool.algebra.relations.parts import Chain, Doubled, Part, Stack, Sum, layers_of
from archtool.algebra.relations.separating import beyond
from archtool.algebra.relations.shapes import shapes_differ
from archtool.flatten import FlatNetwork

BY_NORMAL_FORM = Basis("structure", "relations-normal-form")


def equivalent(left: FlatNetwork, right: FlatNetwork) -> Finding:
    """Whether two networks can be the same functions of their inputs, over all their weights: True where their linear
    parts, composed as far as what they can be is known exactly, and all other layers correspond one to one.

    facts: `pairs`, the names of the layers whose weights correspond; `condition`, where truth is None and a condition
    on sizes would make it True.
    """
    return _related(left, right, within=False)


def expressible(left: FlatNetwork, right: FlatNetwork) -> Finding:
    """Whether each function of the left network is the right one's for some weights; facts as `equivalent` has them."""
    return _related(left, right, within=True)


def _related(left: FlatNetwork, right: FlatNetwork, *, within: bool) -> Finding:
    differs = shapes_differ(left, right)
    if differs is not None:
        return differs
    try:
        one, two = graph(left), graph(right)
        found = corresponding(left, right, within=within)
    except Open as error:
        return unknown(str(error))
    if found is not None:
        return told(found, one, within=within)
    ways = (("left", one, two, left, right), ("right", two, one, right, left))
    for name, ours, theirs, own, other in ways[: 1 if within else 2]:
        reason = beyond(ours, theirs, own, other)
        if reason:
            return _apart(name, reason, one.assumptions)
    word = "is within" if within else "is the same as"
    return unknown(f"no rule shows that the one {word} the other, layer by layer", assumptions=one.assumptions)


def corresponding(left: FlatNetwork, right: FlatNetwork, *, within: bool) -> Match | None:
    """How the layers of two networks correspond; the left one's linear parts, where they are to be within the right
    one's, need not be known exactly. Raises Open."""
    found = match(graph(left), graph(right), within=within)
    if within and (found is None or found.conditions):
        return match(graph(left, loosely=True), graph(right), within=True) or found
    return found


def _apart(name: str, reason: str, assumptions: tuple[str, ...]) -> Finding:
    """False: some function of the network of that name is none of the other's."""
    step = f"the {name} network can be every kernel of its taps and ranks: {reason}"
    return Finding(
        truth=False, basis=(BY_NORMAL_FORM,), steps=(step,), assumptions=assumptions, witness=Witness(text=step),
        facts={"invariant": "kernel"},
    )  # fmt: skip


def told(found: Match, one: Graph, *, within: bool) -> Finding:
    """A match as a finding."""
    facts: dict[str, Any] = {
        "pairs": [(_names(pair.left), _names(pair.right)) for pair in found.pairs]
        + [((x.layer.name,), (y.layer.name,)) for x, y in found.twins]
    }
    steps = [step for pair in found.pairs for step in _steps(pair.left, pair.right, within)]
    steps += [f"{', '.join(_names(part))}: 0" for part in found.zeros]
    steps += [f"{', '.join(_names(part))}: passes everything" for part in found.identities]
    steps.append(
        "all layers between them are the same, of the same tensors"
        if found.pairs
        else "both have the same layers, of the same tensors"
    )
    if found.conditions:
        facts["condition"] = found.condition
        reason = f"that holds where {' and '.join([text for _, text in found.conditions])}"
        return unknown(reason, steps=tuple(steps), facts=facts, assumptions=one.assumptions)
    return Finding(truth=True, basis=(BY_NORMAL_FORM,), steps=tuple(steps), assumptions=one.assumptions, facts=facts)


def _names(part: Part) -> tuple[str, ...]:
    return tuple([layer.name for layer in layers_of(part)])


def _steps(left: Part, right: Part, within: bool) -> list[str]:
    """How two linear parts correspond."""
    steps = [f"{', '.join(_names(part))}: {_why(part)}" for part in (left, right) if not _is_leaf(part)]
    one, two = ", ".join(_names(left)), ", ".join(_names(right))
    if within:
        return [*steps, f"{one}: a {described(left.reach)} is a {described(right.reach)}, which {two} can be"]
    return [*steps, f"{one} and {two}: each can be every {described(right.reach)}"]


def _is_leaf(part: Part) -> bool:
    return not isinstance(part, Chain | Sum | Stack | Doubled)


def _why(part: Part) -> str:
    """What several layers together can be, and why."""
    what = described(part.reach)
    if isinstance(part, Sum) and part.leading is not None:
        leading = ", ".join(_names(part.parts[part.leading]))
        return f"{leading} alone reaches every sum, the others adding kernels of the same taps: together every {what}"
    if not part.reach.onto:
        return f"together some {what}"
    if isinstance(part, Doubled):
        return f"z = relu(z) - relu(-z), each channel between twice: every {what}"
    return f"together every {what}, which factors through the channels between"


def described(reach: Kernels) -> str:
    """A set of kernels in words."""
    if reach.is_diagonal:
        return "factor" + (" and constant" if reach.bias else "") + " a channel"
    sizes = "x".join([str(axis.number) for axis in reach.taps]) or "pointwise"
    groups = "" if reach.is_dense else f" in {reach.groups} groups"
    limits = []
    for word, channels, ranks in (("input", reach.inputs, reach.first), ("output", reach.outputs, reach.last)):
        if reach.is_dense and at_most_all((channels,), ranks) is not True:
            below = [rank for rank in ranks if rank is not channels]
            limits.append(f"of rank at most {' and '.join(map(str, below))} by {word} channels")
    bias = " with any bias" if reach.bias else ""
    return " ".join([f"{sizes} kernel {reach.inputs} -> {reach.outputs}{groups}", *limits]) + bias
