"""`not`, `and`, `or` of findings, where some are not known (Kleene's logic)."""

from __future__ import annotations

from collections.abc import Sequence

from archtool.algebra.finding import SAMPLES, Basis, Finding, Witness, unknown


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
    first = findings[0]
    basis: dict[Basis, None] = {}
    for found in findings:
        basis |= dict.fromkeys(found.basis)
    return first.but(
        basis=tuple(basis),
        steps=tuple(dict.fromkeys([step for found in findings for step in found.steps])),
        assumptions=tuple(dict.fromkeys([each for found in findings for each in found.assumptions])),
        at={name: value for found in findings for name, value in found.at.items()},
    )
