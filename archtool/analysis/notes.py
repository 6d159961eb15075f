"""What is worth knowing about a report's numbers, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from archtool.analysis.numbers import whole
from archtool.cost import MACS, TERMS
from archtool.field import GLOBAL, LOCAL_AND_GLOBAL, Field
from archtool.runs import BlockRun, LayerRun, Run
from archtool.units import si

if TYPE_CHECKING:
    from archtool.analysis.report import Report

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
    first: dict[int, str] = {}
    for name, place in _places(report.run):
        if isinstance(place.run, LayerRun) and place.field is not None:
            first.setdefault(whole(place.field.state), name)
    if LOCAL_AND_GLOBAL in first:  # before it, only a gate's own path sees everything
        yield f"from {first[LOCAL_AND_GLOBAL]} on, each output sees everything, beside its local field"
    elif GLOBAL in first:
        yield f"from {first[GLOBAL]} on, each output sees everything; the field kept is that before it"


def _alignment_notes(report: Report) -> Iterator[str]:
    """The joins that bring paths together which do not see around one centre."""
    found = []
    for name, place in _places(report.run):
        if len(place.sources) > 1 and place.field is not None:
            apart = _apart(place.field)
            if apart > max((_apart(field) for field in place.sources if field is not None), default=0):
                found.append(f"{name} (centres {apart / 2:g} px apart)")
    if found:
        more = f" and {len(found) - MOST_PLACES} more" if len(found) > MOST_PLACES else ""
        yield f"paths are not aligned at {', '.join(found[:MOST_PLACES])}{more}; the field is the hull of all paths"


def _apart(field: Field) -> int:
    """Twice the distance of the centres of a tensor's outermost paths, in input positions."""
    return max((whole(axis.misalignment) for axis in field.axes), default=0)


class _Place(NamedTuple):
    """An entry where it first stands: what its inputs and its output see of the network's first input."""

    run: Run
    sources: tuple[Field | None, ...]
    field: Field | None


def _places(run: BlockRun) -> Iterator[tuple[str, _Place]]:
    """Each entry of each distinct block, where it first stands, with its full name: of a network of any depth."""
    seen: set[int] = set()

    def walk(block: BlockRun, prefix: str, source: Field | None) -> Iterator[tuple[str, _Place]]:
        seen.add(id(block))
        for entry in block.entries:
            fields = [_through(source, block.tensors[number].fields[0]) for number in (*entry.sources, entry.target)]
            if isinstance(entry.run, BlockRun) and id(entry.run) not in seen:
                yield from walk(entry.run, f"{prefix}{entry.name}.", fields[0])
            yield prefix + entry.name, _Place(entry.run, tuple(fields[:-1]), fields[-1])

    yield from walk(run, "", run.tensors[0].fields[0])


def _through(source: Field | None, inner: Field | None) -> Field | None:
    return source and inner and source.then(inner)


def _term_notes(report: Report) -> Iterator[str]:
    """What flops count, and what they leave out, by name."""
    if report.exact_padding:
        yield "products with padding are left out of the MACs and FLOPs of convolutions"
    if report.convention is not None:
        name, unit = report.convention.name, report.convention.unit
        yield f"flops are by the convention '{name}', in {unit}: {report.convention.about}"
        return
    counted = {term: n for term, n in report.totals.operations.items() if n and term not in MACS}
    if counted:
        left_out = ", ".join(f"{term} {si(counted[term])}" for term in TERMS if term in counted)
        yield f"flops are 2 for each multiply-accumulate and nothing else; not counted: {left_out}"


def _by(numbers: tuple[object, ...]) -> str:
    return "x".join(map(str, numbers))
