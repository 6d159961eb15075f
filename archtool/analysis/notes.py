"""What is worth knowing about a report's numbers, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from archtool.cost import MACS, TERMS
from archtool.field import GLOBAL

if TYPE_CHECKING:
    from archtool.analysis.report import Report
    from archtool.analysis.tree import Branch

MOST_PLACES = 3  # how many layers a note names before it only counts them


def notes(report: Report) -> tuple[str, ...]:
    """All notes on a report."""
    return (*_field_notes(report), *_alignment_notes(report), *_term_notes(report))


def _field_notes(report: Report) -> Iterator[str]:
    field = report.totals.receptive_field
    if field is None:
        return
    source = next(iter(report.inputs.values()))[1:]
    spatial = source if len(source) == len(field.size) else ()
    if any(size > n for size, n in zip(field.size, spatial, strict=False)):
        yield f"the receptive field ({_by(field.size)}) is larger than the input ({_by(spatial)})"
    for branch in report.tree.walk():
        if branch.layer is not None and any(f is not None and f.state != 0 for f in branch.fields):
            local = any(f is not None and f.state != GLOBAL for f in branch.fields)
            what = "sees everything, beside its local field" if local else "sees everything; the field kept is that before it"
            yield f"from {branch.name} on, each output {what}"
            break


def _alignment_notes(report: Report) -> Iterator[str]:
    """Joins whose paths do not see around the same centre, found where the fields first show it."""
    places = [branch for branch in report.tree.walk() if branch.layer is not None and branch.layer.layer.is_join]
    offsets: list[tuple[str, float]] = []
    seen = 0.0
    for branch in places:
        offset = max((_misalignment(branch)), default=0.0)
        if offset > seen:
            offsets.append((branch.name, offset))
            seen = offset
    if offsets:
        named = ", ".join(f"{name} (centres {offset:g} px apart)" for name, offset in offsets[:MOST_PLACES])
        more = f" and {len(offsets) - MOST_PLACES} more" if len(offsets) > MOST_PLACES else ""
        yield f"paths are not aligned at {named}{more}; the field is the hull of all paths"


def _misalignment(branch: Branch) -> list[float]:
    return [float(axis.misalignment) / 2 for f in branch.fields if f is not None for axis in f.axes]


def _term_notes(report: Report) -> Iterator[str]:
    """What flops leave out, by name."""
    counted = {term: n for term, n in report.totals.operations.items() if n and term not in MACS}
    if counted:
        from archtool.units import si

        left_out = ", ".join(f"{term} {si(counted[term])}" for term in TERMS if term in counted)
        yield f"flops are 2 for each multiply-accumulate and nothing else; not counted: {left_out}"


def _by(numbers: tuple[object, ...]) -> str:
    return "x".join(map(str, numbers))
