"""Checked claims, as a person reads them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any, Final

from archtool.claims.check import Checked
from archtool.claims.deciding.points import placed
from archtool.claims.verdict import FAILING, REFUTED, STATUSES, UNDECIDED, Verdict
from archtool.render.diagnostics.paths import relative

WIDTH: Final = 118
INDENT: Final = " " * 11  # below a claim, whose status stands before it


def text(checked: Sequence[Checked], why: bool = False) -> str:
    """Specs with a verdict on each claim; with `why` the derivations too, and in the end how many there are of each."""
    parts = ["\n".join(_spec(each, why)) + "\n" for each in checked]
    return "\n".join([*parts, _summary(checked)])


def _spec(checked: Checked, why: bool) -> Iterator[str]:
    yield relative(checked.file)
    if not checked.verdicts:
        yield f"  {checked.name} makes no claims"
    for verdict in checked.verdicts:
        yield from _verdict(verdict, why)


def _verdict(verdict: Verdict, why: bool) -> Iterator[str]:
    finding = verdict.finding
    yield from _paragraph(verdict.title, f"{verdict.status:<11}")
    if verdict.scope:
        yield from _paragraph(verdict.scope)
    if verdict.status == REFUTED:
        yield from _paragraph(counterexample(verdict))
    if verdict.status == UNDECIDED:
        yield from _paragraph(f"not decided: {finding.reason}")
    if verdict.status not in FAILING or why:
        for basis in finding.basis:
            yield from _paragraph(f"{basis.kind}: {basis.text}")
    if why:
        if verdict.why:
            yield from _paragraph(f"stated because {verdict.why}")
        for number, step in enumerate(finding.steps, 1):
            yield from _paragraph(step, f"{number:>8}. ")
        for assumption in finding.assumptions:
            yield from _paragraph(f"assumed: {assumption}")


def counterexample(verdict: Verdict) -> str:
    """Where a claim is false, in words."""
    witness = verdict.finding.witness
    if witness is None:  # structure decides
        return verdict.finding.reason or "; ".join(verdict.finding.steps[-2:])
    where = f"at {placed(witness.sizes)}: " if witness.sizes else ""
    return where + (witness.text or f"{_value(witness.left)} against {_value(witness.right)}")


def _value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _paragraph(words: str, first: str = INDENT, margin: str = "  ") -> list[str]:
    lines = wrap(words, WIDTH - len(INDENT), break_long_words=False, break_on_hyphens=False) or [""]
    return [f"{margin}{first}{lines[0]}", *[f"{margin}{INDENT}{line}" for line in lines[1:]]]


def _summary(checked: Sequence[Checked]) -> str:
    counts = {status: sum([each.counts.get(status, 0) for each in checked]) for status in STATUSES}
    total = sum(counts.values())
    parts = ", ".join([f"{count} {status}" for status, count in counts.items() if count])
    many = f"{total:,} claim" + ("s" if total != 1 else "")
    return f"{many}: {parts}\n" if total else "no claims\n"
