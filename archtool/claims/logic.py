"""`not`, `and`, `or` of findings, where some are not known (Kleene's logic)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from archtool.algebra.finding import SAMPLES, Basis, Finding, Witness, unknown

POINTS: Final = "points"  # among what a finding is `at`: the points, each with values of free sizes, where it was made


def opposite(found: Finding, text: str) -> Finding:
    """What a finding about something says about its opposite, which `text` is."""
    if found.truth is None:
        return found
    if not found.truth:
        return found.but(truth=True)
    if not found.is_proof:
        tests = "; ".join([each.text for each in found.basis if each.kind == SAMPLES])
        return unknown(f"no counterexample was found, which proves nothing ({tests})", steps=found.steps)
    ground = f": {found.steps[-1]}" if found.steps else ""
    return found.but(truth=False, witness=Witness(text=f"'{text}' is true there{ground}"))


def all_of(findings: Sequence[Finding]) -> Finding:
    """Each is true: what the first that is not says, those that are refuted first."""
    for truth in (False, None):
        for found in findings:
            if found.truth is truth:
                return found
    return together(findings)


def some_of(findings: Sequence[Finding]) -> Finding:
    """One is true: the best ground for that; else what is not known, else that none is."""
    true = [found for found in findings if found.truth]
    if true:
        return next((found for found in true if found.is_proof), true[0])
    for found in findings:
        if found.truth is None:
            return found
    return together(findings)


def together(findings: Sequence[Finding]) -> Finding:
    """Findings that all say the same, as one."""
    basis: dict[Basis, None] = {}
    at: dict[str, Any] = {}
    for found in findings:
        basis |= dict.fromkeys(found.basis)
        points = [*at.get(POINTS, ()), *[each for each in found.at.get(POINTS, ()) if each not in at.get(POINTS, ())]]
        at |= {**found.at, **({POINTS: tuple(points)} if points else {})}
    return findings[0].but(
        basis=tuple(basis),
        steps=tuple(dict.fromkeys([step for found in findings for step in found.steps])),
        assumptions=tuple(dict.fromkeys([each for found in findings for each in found.assumptions])),
        at=at,
    )
