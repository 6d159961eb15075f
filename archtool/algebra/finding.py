"""What was found out about a network: whether something is true of it, how that follows, and what it rests on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

PROOFS: Final[Mapping[str, str]] = {  # the trust boundary, from the strongest ground to the weakest
    "structure": "rules about how layers compose, each with its argument in docs/proofs.md",
    "identity": "computer algebra: both sides have one normal form",
    "solver": "whole-number inequalities, decided by z3",
    "arithmetic": "exact arithmetic at the values that are named",
    "exhaustion": "every declared value was tried",
    "construction": "weights were built that make it so, and checked in exact arithmetic",
    "witness": "exact arithmetic on one case",
}
SAMPLES: Final = "samples"  # random draws in floating point: never a proof


class Basis(NamedTuple):
    """One thing that a finding rests on: `kind` is one of PROOFS, or SAMPLES; `text` says which rule, which bounds, or
    how many draws, of what dtype, on what device, within what tolerance."""

    kind: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Witness:
    """A case that decides: the smallest that was found.

    `sizes` are the values of free sizes there; `text` says what differs; `left` and `right` are the two values that
    should agree, or be in order (numbers, or texts of them). `recipe` is JSON from which torch can make the case again
    (see realize/replay.py); empty where the sizes are all of it.
    """

    text: str
    left: Any = None
    right: Any = None
    sizes: Mapping[str, Any] = field(default_factory=dict)
    recipe: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """Whether something is true of a network, for all its weights: `truth` is None where that is not known.

    `steps` is the derivation, as a person would check it; `assumptions` what it takes for granted. `reason` says why
    truth is not known; where it names what `objects` (a layer that in general breaks it), draws in which nothing broke
    decide nothing. `facts` are details that tests and reports use. `at` are the values of free sizes that it is about;
    empty: for all of them.
    """

    truth: bool | None
    basis: tuple[Basis, ...] = ()
    steps: tuple[str, ...] = ()
    assumptions: tuple[str, ...] = ()
    reason: str = ""
    objects: bool = False
    witness: Witness | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    at: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_proof(self) -> bool:
        """Whether its truth is known, and rests on something, and on nothing that is less than a proof."""
        return self.truth is not None and bool(self.basis) and all([each.kind in PROOFS for each in self.basis])

    def but(self, **changes: Any) -> Finding:
        """The same finding with some parts changed."""
        return replace(self, **changes)


def unknown(reason: str, *, objects: bool = False, **parts: Any) -> Finding:
    """A finding that decides nothing, and why."""
    return Finding(truth=None, reason=reason, objects=objects, **parts)
