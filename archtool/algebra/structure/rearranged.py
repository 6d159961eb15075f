"""What becomes of a network's tensors when the elements of its input are rearranged: reordered, mirrored, turned.

A tensor is rearranged alike, stays as it is, or nothing is known of it. Layers that pass a rearrangement on make
tensors that are rearranged alike; joins do of such tensors, and of those that stay and are the same under it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final, NamedTuple

from archtool.algebra.finding import Basis, Finding, unknown
from archtool.algebra.structure.flow import AT_INFERENCE, carried, contributing, told
from archtool.errors import RuleError, Untraceable
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.shape import Shape

ALIKE: Final = "it is rearranged as the input"
STAYS: Final = "it stays as it is"


class Rearranged(NamedTuple):
    """A tensor while the input is rearranged: ALIKE, STAYS, or why nothing is known (`how`); whether one that stays is
    the same when it is itself rearranged (`is_even`)."""

    how: str
    is_even: bool = False

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it."""
        return self.how in (ALIKE, STAYS)


class Rearrangement(NamedTuple):
    """One way to rearrange tensors.

    `rule` names it in docs/proofs.md, `what` in sentences. `acts(x)`: whether the tensor x has anything to rearrange.
    `passes(layer)`: ALIKE or STAYS where a layer's output is, its input being rearranged; else what objects. `joins(x,
    y, layer)`: whether a join of rearranged tensors like x is the output y rearranged. `takes_sets(layer)`: whether it
    takes further tensors whose order does not matter. `is_even(y)`: whether any tensor y is the same, rearranged.
    """

    rule: str
    what: str
    acts: Callable[[Shape], bool]
    passes: Callable[[FlatLayer], str]
    joins: Callable[[Shape, Shape, FlatLayer], bool]
    takes_sets: Callable[[FlatLayer], bool]
    is_even: Callable[[Shape], bool]


def equivariant(flat: FlatNetwork, way: Rearrangement, facts: Mapping[str, object]) -> Finding:
    """Whether a network passes a rearrangement on, for all weights; an output that stays the same does, too:
    `facts["stays"]` has the names of those."""
    try:
        starts = [Rearranged(ALIKE if way.acts(x) else STAYS, not way.acts(x)) for x in flat.inputs.values()]
        known = carried(flat, starts, partial(_through, way), _either)
        steps = _steps(flat, way, known)
    except (RuleError, Untraceable) as error:
        return unknown(str(error), assumptions=(AT_INFERENCE,))
    if all([start.how == STAYS for start in starts]):
        return unknown(f"the input has nothing that could be {way.what}")
    ends = {name: known[number].how for name, number in flat.outputs.items()}
    for how in ends.values():
        if how not in (ALIKE, STAYS):
            return unknown(how, objects=True, steps=steps, assumptions=(AT_INFERENCE,))
    stays = tuple([name for name, how in ends.items() if how == STAYS])
    same = [f"'{name}' {'stays the same' if how == STAYS else f'is {way.what} alike'}" for name, how in ends.items()]
    return Finding(
        truth=True,
        basis=(Basis("structure", way.rule),),
        steps=(*steps, f"the input {way.what}, {' and '.join(same)}"),
        assumptions=(AT_INFERENCE,),
        facts={**facts, "stays": stays},
    )


def _through(way: Rearrangement, layer: FlatLayer, parts: tuple[Rearranged, ...]) -> Rearranged:
    run = layer.run
    x, y = run.inputs[0], run.output
    if run.layer.ignores_input or all([part.how == STAYS for part in parts]):
        return Rearranged(STAYS, way.is_even(y))
    for part in parts:
        if not part.is_known:
            return part
    name = f"{layer.name} ({run.kind})"
    if run.layer.is_join:
        for part, x in zip(parts, run.inputs, strict=True):
            if part.how == STAYS and not part.is_even:
                return Rearranged(f"{name} joins one that has its own numbers in each place")
            if part.how == ALIKE and not way.joins(x, y, layer):
                return Rearranged(f"{name} does not join them each in its place")
        return Rearranged(ALIKE)
    if any([part.how == ALIKE for part in parts[1:]]) and not way.takes_sets(layer):
        return Rearranged(f"{name} takes another tensor in its order")
    if parts[0].how == STAYS:
        return Rearranged(STAYS, way.is_even(y))
    how = way.passes(layer)
    return Rearranged(how, how == STAYS and way.is_even(y))


def _either(yes: Rearranged, no: Rearranged) -> Rearranged:
    """A tensor that is one of two."""
    if yes.how == no.how:
        return Rearranged(yes.how, yes.is_even and no.is_even)
    return next((each for each in (yes, no) if not each.is_known), Rearranged("whether a tensor moves is open"))


def _steps(flat: FlatNetwork, way: Rearrangement, known: Mapping[int, Rearranged]) -> tuple[str, ...]:
    lines = []
    for layer in contributing(flat):
        if any([known[source].how == ALIKE for source in layer.sources]) and not layer.run.layer.ignores_input:
            how = known[layer.target].how
            if how in (ALIKE, STAYS):  # what objects is the finding's reason
                lines.append(
                    (layer, f"its output is {way.what} as its input is" if how == ALIKE else "its output stays")
                )
    return tuple(told(lines))
