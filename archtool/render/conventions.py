"""FLOP conventions as text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from textwrap import fill
from typing import Final

from archtool.analysis.operations.convention import Convention, Number
from archtool.analysis.operations.measures import MEASURES
from archtool.analysis.operations.training import (
    CHAIN,
    EVENTS,
    INSIDE,
    OPERANDS,
    OUTPUTS,
    PROJECTIONS,
    RULES,
    SIGNS,
    STEPS,
)
from archtool.cost import TERMS
from archtool.render.columns import aligned

PER: Final = {
    EVENTS: "",
    INSIDE: " always",
    PROJECTIONS: " a projection",
    STEPS: " but at the start",
    OPERANDS: " a factor",
    CHAIN: " a factor",
    SIGNS: " a subtracted input",
    OUTPUTS: " an output",
}


def listing(conventions: Iterable[Convention], width: int | None = None) -> str:
    """Each convention's name, unit and what it counts, with its source; prose is broken at `width` columns."""
    parts = []
    for each in conventions:
        prose = [f"{each.name} ({each.unit}): {each.about}", f"  from {origin(each)}"]
        parts += [_folded(line, width) for line in prose]
    return "\n".join(parts) + "\n"


def described(convention: Convention, width: int | None = None) -> str:
    """One convention in full: its weights, where it differs for functions, its faults and limits."""
    parts = [listing([convention], width)]
    parts.append(_weights("counts", convention.weights))
    if convention.functional is not None:
        counted = {term: weight for term, weight in convention.functional.items() if weight}
        title = "of what is called as a function"
        parts.append(_weights(title, counted) if counted else f"  {title}: nothing\n")
    notes = [f"fault: {each.name}: {each.about}" for each in convention.faults]
    notes += [f"limit: {each}" for each in convention.limits]
    if notes:
        parts.append("\n".join(_folded(note, width) for note in notes) + "\n")
    return "\n".join(parts)


def page(conventions: Iterable[Convention]) -> str:
    """The conventions as Markdown, a section each."""
    parts = []
    for each in conventions:
        parts.append(f"### {each.name}\n\n{each.about}\n")
        parts.append(f"Unit: {each.unit}. Source: {origin(each)}.\n")
        rows = [f"| `{term}` | {weight} |" for term, weight in each.weights.items() if weight]
        parts.append("\n".join(["| term | weight |", "|---|---:|", *rows]) + "\n")
        if each.functional is not None:
            counted = [f"`{term}` {weight}" for term, weight in each.functional.items() if weight]
            parts.append(f"Called as functions: {', '.join(counted) or 'nothing is seen'}.\n")
        notes = [f"- Known to be wrong: *{fault.name}*: {fault.about}." for fault in each.faults]
        notes += [f"- {limit}" for limit in each.limits]
        if notes:
            parts.append("\n".join(notes) + "\n")
    return "\n".join(parts)


def measures_table() -> str:
    """The measures as a Markdown table."""
    rows = [
        f"| `{name}` | {each.about} | {' and '.join(f'`{need}`' for need in each.needs) or 'any'} |"
        for name, each in MEASURES.items()
    ]
    return "\n".join(["| measure | counts | of kinds with |", "|---|---|---|", *rows]) + "\n"


def rules_table() -> str:
    """The rules of the backward pass as a Markdown table."""
    rows = [
        f"| `{term}` | {_per(rule.inputs, rule.per)} | {rule.weights or ''} | {rule.why} |"
        for term, rule in RULES.items()
    ]
    head = "| term | inputs | weights | |\n|---|---|---:|---|"
    return "\n".join([head, *rows]) + "\n"


def _per(events: int, per: str) -> str:
    """An input gradient's events: for each forward event, or what they go by."""
    return f"{events}{PER[per]}" if events else ""


def origin(convention: Convention) -> str:
    """Where a convention comes from: the source and the version that was read."""
    return ", ".join(filter(None, (convention.source, convention.version))) or "its file"


def _weights(title: str, weights: Mapping[str, Number]) -> str:
    rows = [(f"  {title}", "weight", "of")]
    rows += [(f"  {term}", str(weight), _meaning(term)) for term, weight in weights.items() if weight]
    return aligned(rows, numbers=(1,))


def _meaning(term: str) -> str:
    if term in TERMS:
        return TERMS[term]
    kind, _, measure = term.rpartition(".")
    return f"'{kind}': {MEASURES[measure].about}"


def _folded(text: str, width: int | None) -> str:
    return (
        fill(text, width, subsequent_indent="    ", break_on_hyphens=False, break_long_words=False) if width else text
    )
