"""Two networks told apart: by what is proved of one of them for all weights, and broken by the other."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final

from archtool.algebra.finding import Basis, Finding, unknown
from archtool.algebra.relations.drawing import reached_rank
from archtool.algebra.relations.modular import PRIME
from archtool.algebra.relations.ranks import NotLinear, rank
from archtool.algebra.relations.separating import is_visible
from archtool.algebra.settings import Settings
from archtool.algebra.structure.flow import AT_INFERENCE
from archtool.errors import RuleError
from archtool.flatten import FlatNetwork
from archtool.realize.draws import Draw
from archtool.realize.properties import test
from archtool.realize.properties.laws import Judge
from archtool.realize.properties.plan import operations
from archtool.realize.relations.unreached import kept as laws_kept

DRAWS: Final = 4
OPERATIONS: Final = 10**9  # of all draws of a law
INVARIANTS: Final = {  # properties that a function has or not, and where their rules are
    "linear": "degree",
    "affine": "degree",
    "positively_homogeneous": "degree",
    "pointwise": "pointwise",
    "additive_over_positions": "additive",
    "additive_over_channels": "additive",
}


def separate(left: FlatNetwork, right: FlatNetwork, settings: Settings) -> Finding:
    """False with a witness where the left network, with some weights, is none of the functions that the right one can
    be: it breaks what is proved of the right one for all weights. Else unknown.

    facts: `invariant`, the name of what tells them apart. The witness is one of the left network alone.
    """
    for name, module in INVARIANTS.items():
        rule: Callable[[FlatNetwork], Finding] = getattr(import_module(f"archtool.algebra.structure.{module}"), name)
        kept = rule(right)
        if kept.truth is not True:
            continue
        own = rule(left)
        if own.truth is True:
            continue
        broken = test(name, left, own, settings)
        if broken.truth is False:
            return _apart(name.replace("_", " "), kept, broken)
    found = _by_laws(left, right, settings)
    return found if found.truth is False else _by_rank(left, right)


def _by_laws(left: FlatNetwork, right: FlatNetwork, settings: Settings) -> Finding:
    """By what reaches what, and by one kernel being the same at all positions."""
    judge = Judge(left, settings.allowed)
    cost = operations(left)
    for each in laws_kept(right, left):
        draws = max(1, min(settings.draws, DRAWS, OPERATIONS // (cost * 2 * len(each.laws) + 1)))
        for draw in range(draws):
            broken = judge.violation(Draw(kind="integers", seed=settings.seed + draw), each.laws)
            if broken is not None:
                steps = (each.step, f"in the left one: {broken.witness.text}")
                return Finding(
                    truth=False, basis=(each.basis, broken.basis), steps=steps, assumptions=(AT_INFERENCE,),
                    witness=broken.witness, facts={"invariant": each.name},
                )  # fmt: skip
    return unknown("no property tells the two apart")


def _apart(name: str, kept: Finding, broken: Finding) -> Finding:
    """What is proved of one network and broken by the other as a finding on both."""
    witness = broken.witness
    broke = witness.text if witness is not None else "; ".join(broken.steps)
    steps = (*kept.steps, f"so the right network is {name} for all its weights", f"the left one is not: {broke}")
    basis = tuple(dict.fromkeys((*kept.basis, *broken.basis)))
    facts = {"invariant": name}
    return Finding(truth=False, basis=basis, steps=steps, assumptions=kept.assumptions, witness=witness, facts=facts)


def _by_rank(left: FlatNetwork, right: FlatNetwork) -> Finding:
    if not is_visible(left, right):
        return unknown("no property tells the two apart")
    try:
        most, reached = rank(right), reached_rank(left) if rank(left).of_kernel else None
    except (NotLinear, RuleError):
        most, reached = None, None
    if (
        most is None
        or reached is None
        or not most.of_kernel
        or not isinstance(most.bound, int)
        or reached <= most.bound
    ):
        return unknown("no property tells the two apart")
    steps = (*most.steps, f"the left one's kernel has rank {reached} at whole weights drawn modulo {PRIME}")
    basis = (Basis("structure", "relations-rank"), Basis("witness", f"rank {reached}, exactly, modulo {PRIME}"))
    return Finding(truth=False, basis=basis, steps=steps, facts={"invariant": "rank"})
