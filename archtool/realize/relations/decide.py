"""Whether two networks on numbers are the same functions, or one's are the other's: proved and measured, or refuted."""

from __future__ import annotations

from archtool.algebra import relations
from archtool.algebra.finding import Basis, Finding, unknown
from archtool.algebra.relations.equivalence import corresponding
from archtool.algebra.relations.graphs import Open
from archtool.algebra.settings import Settings
from archtool.flatten import FlatNetwork
from archtool.realize.properties.searching import DISAGREE
from archtool.realize.relations.factored import NotReached, TooLarge
from archtool.realize.relations.measured import EQUAL, measured
from archtool.realize.relations.separate import separate


def equivalent(left: FlatNetwork, right: FlatNetwork, settings: Settings) -> Finding:
    """Whether two networks can be the same functions: True by structure, the weights of each made from the other's and
    the difference measured, both ways; False where a property that one always has is broken by the other, or by
    structure; else unknown."""
    found = relations.equivalent(left, right)
    if found.truth is True:
        there = _checked(found, left, right, settings, within=False)
        return _checked(there, right, left, settings, within=False)
    if found.truth is False:
        return found
    for one, two, turned in ((left, right, False), (right, left, True)):
        apart = separate(one, two, settings)
        if apart.truth is False:
            facts = {**apart.facts, "of": "right" if turned else "left"}
            return apart.but(facts=facts, steps=tuple(map(_turned, apart.steps)) if turned else apart.steps)
    return found.but(
        reason=f"{found.reason}; no property tells them apart, and draws can't show that they are the same"
    )


def expressible(left: FlatNetwork, right: FlatNetwork, settings: Settings) -> Finding:
    """Whether each function of the left network is the right one's for some weights, which are made and measured; else
    as `equivalent` has it, one way."""
    found = relations.expressible(left, right)
    if found.truth is True:
        return _checked(found, left, right, settings, within=True)
    if found.truth is False:
        return found
    apart = separate(left, right, settings)
    return apart if apart.truth is False else found.but(reason=f"{found.reason}; {apart.reason}")


def _turned(step: str) -> str:
    """A step with left for right."""
    words = {"left": "right", "right": "left"}
    return " ".join([words.get(word, word) for word in step.split(" ")])


def _checked(found: Finding, left: FlatNetwork, right: FlatNetwork, settings: Settings, *, within: bool) -> Finding:
    """What is proved, with the right network's weights made from the left one's and the outputs compared."""
    if found.truth is not True:
        return found
    try:
        pairs = corresponding(left, right, within=within)
        done = None if pairs is None else measured(left, right, pairs, settings)
    except (Open, TooLarge) as error:
        return found.but(facts={**found.facts, "measured": f"not measured: {error}"})
    except NotReached as error:
        return unknown(f"{DISAGREE} ({error})", facts=found.facts)
    if done is None:
        return found
    if done.error > EQUAL:
        return unknown(f"{DISAGREE} ({done.text})", facts=found.facts)
    basis = tuple(dict.fromkeys((*found.basis, Basis("construction", done.text))))
    return found.but(basis=basis, facts={**found.facts, "measured": done.text, "error": done.error})
