"""Receptive fields of layers as text."""

from __future__ import annotations

from itertools import groupby
from textwrap import fill
from typing import TYPE_CHECKING, Any, Final

from archtool.render.blocks import WIDTH, Drawing, blocks, heat
from archtool.render.columns import aligned
from archtool.shape import axis_name
from archtool.units import si

if TYPE_CHECKING:
    import numpy as np

    from archtool.analysis.effective import EffectiveField
    from archtool.analysis.projective import ProjectiveField
    from archtool.analysis.seen import LayerField, View
    from archtool.analysis.support import Support
    from archtool.analysis.unproductive import Unproductive

MOST_PHASES: Final = 16  # lines of them
AxisPhases = tuple[int, tuple[tuple[int, int], ...]]


def text(field: LayerField, width: int = WIDTH) -> str:
    """A line an axis, what the chosen position and the worst one see, phases where there are several, notes."""
    parts = [f"{field.name}: {field.at} ({field.kind}), {_by(field.dims)}, seen in {field.of} ({_by(field.source)})\n"]
    if field.axes:
        parts += [_axes(field), _views(field)]
    names: dict[AxisPhases, list[str]] = {}  # axes alike are told once
    for axis in field.axes:
        if len(axis.phases) > 1:
            names.setdefault((axis.turn, axis.phases), []).append(axis.name)
    parts += [_phases(turn, phases, ", ".join(along)) for (turn, phases), along in names.items()]
    said = "".join(fill(f"note: {note}", max(width, 40), subsequent_indent="    ") + "\n" for note in notes(field))
    return "\n".join([*parts, *([said] if said else [])])


def _axes(field: LayerField) -> str:
    rows: list[tuple[str, ...]] = [
        ("axis", "input", "positions", "size", "stride", "start", "narrow", "wide", "apart"),
    ]
    for axis in field.axes:
        numbers = (axis.n, axis.positions, axis.size, axis.stride, axis.start, axis.narrow, axis.wide)
        rows.append((axis.name, *map(_number, numbers), _number(axis.misalignment) if axis.misalignment else ""))
    if not any(row[-1] for row in rows[1:]):
        rows = [row[:-1] for row in rows]
    return aligned(rows, numbers=range(1, 9))


def _views(field: LayerField) -> str:
    rows = [("position", *(axis.name for axis in field.axes), "outside")]
    views = [("", field.view)] if field.worst == field.view else [("", field.view), (" (worst)", field.worst)]
    for said, view in views:
        spans = [f"{span.low} .. {span.high}" if span.size > 0 else "nothing" for span in view.spans]
        rows.append((_at(view.position) + said, *spans, _outside(view)))
    return aligned(rows, numbers=range(1, len(field.axes) + 1))


def _outside(view: View) -> str:
    return f"{view.share:.1%}, {view.outside:,} of {view.size:,}" if view.outside else "none"


def _phases(turn: int, phases: tuple[tuple[int, int], ...], along: str) -> str:
    """What each phase sees, those beside each other that see the same in one line."""
    count = len(phases)
    rows = []
    for (low, high), alike in groupby(range(count), phases.__getitem__):
        first, *more = alike
        last = f" .. {_term(count, more[-1])}" if more else ""
        seen = f"{_term(turn, low)} .. {_term(turn, high)}" if high >= low else "nothing"
        rows.append((_term(count, first) + last, seen))
    left = [(f"... {len(rows) - MOST_PHASES} more", "")] if len(rows) > MOST_PHASES else []
    return aligned([(along, "sees"), *rows[:MOST_PHASES], *left])


def _term(factor: int, offset: int) -> str:
    """A position as `4q-3`."""
    return f"{factor}q{offset:+d}" if offset else f"{factor}q"


def notes(field: LayerField) -> list[str]:
    """What is worth knowing about a field."""
    found = []
    if not field.axes:
        found.append(f"{field.of} is a vector: it has no positions")
    elif field.sees == "everything":
        found.append("every position sees everything; the axes tell what was seen before everything was mixed")
    elif field.sees != "local":
        found.append("every position sees everything by another path; the axes tell of the local ones")
    apart = max((axis.misalignment for axis in field.axes), default=0)
    if apart:
        found.append(
            f"paths are not aligned: centres lie up to {_number(apart)} px apart; the size is that of their hull"
        )
    if any(high < low for axis in field.axes for low, high in axis.phases):
        found.append("some positions lie between the taps of a transposed convolution: they see nothing")
    if field.also:
        found.append(f"it sees {', '.join(field.also)} too: --input chooses")
    return found


def support_text(support: Support, width: int = WIDTH) -> str:
    """How much of its hull the set has, and its map."""
    verb = "reaches" if support.projective else "sees"
    if not support.map.ndim:
        return "exactly: a vector has no positions\n"
    if not support.count:
        return f"exactly: {_at(support.position)} {verb} nothing\n"
    along = ", ".join(
        f"{n} of {m} {_along(axis, support.map.ndim)}"
        for axis, (n, m) in enumerate(zip(support.along, support.map.shape, strict=True))
    )
    from_to = _at(support.start), _at(tuple(a + n - 1 for a, n in zip(support.start, support.map.shape, strict=True)))
    padding = "" if support.clipped else ", as if the tensors went on for ever"
    said = (
        f"exactly: {_at(support.position)} {verb} {support.count:,} of {support.map.size:,} positions "
        f"({support.covered:.1%}) from {from_to[0]} to {from_to[1]}{padding}: {along}"
    )
    drawn = "" if support.covered == 1 else _drawn(blocks(_slice(support.map), width), support.map.ndim)
    return fill(said, max(width, 40)) + "\n" + drawn


def effective_text(field: LayerField, effective: EffectiveField, width: int = WIDTH) -> str:
    """The effective field's widths, which share of the field they are, and the gradient's map."""
    rows = [("effective", "width", "centre", "2 widths / size")]
    for axis, sigma, centre in zip(field.axes, effective.widths, effective.centre, strict=True):
        size = axis.n if field.sees == "everything" else axis.size
        rows.append((axis.name, f"{sigma:.2f}", f"{centre:.2f}", f"{2 * sigma / size:.1%}"))
    parts = []
    if field.axes:
        parts.append(aligned(rows, numbers=(1, 2, 3)))
        drawing = heat(_slice(effective.map) ** 0.5, width)
        parts.append(_drawn(drawing, effective.map.ndim) + "shade: the gradient's root mean square\n")
    parts.append(fill(f"assumes {effective.assumes}", max(width, 40), subsequent_indent="    ") + "\n")
    return "\n".join(parts)


def projective_text(field: ProjectiveField) -> str:
    """Which positions are reached along each axis."""
    said = f"{field.name}: {_at(field.position)} of {field.of} ({_by(field.source)}) reaches "
    said += f"{field.at} ({field.kind}), {_by(field.dims)}\n"
    if not field.axes:
        return said
    rows = [("axis", "positions", "first", "last", "reached")]
    for axis in field.axes:
        ends = ("", "") if axis.first is None else (str(axis.first), str(axis.last))
        rows.append((axis.name, str(axis.positions), *ends, str(axis.count)))
    parts = [said, aligned(rows, numbers=range(1, 5))]
    if field.sees != "local":
        parts.append("note: all positions are reached by some path" + _local(field.sees) + "\n")
    return "\n".join(parts)


def _local(sees: str) -> str:
    return "" if sees == "everything" else "; those told are reached by local ones"


def unproductive_text(found: Unproductive) -> str:
    """The unproductive convolutions beside their cost, and their sum."""
    head = f"{found.name}: {len(found.layers)} of {found.convolutions} convolutions are unproductive "
    head += f"for {found.of} ({_by(found.source)})\n"
    if not found.layers:
        return head
    rows: list[tuple[str, ...]] = [("layer", "kind", "by", "narrow", "params", "share", "MACs", "share")]
    for layer in found.layers:
        cost = _costs(found, layer.params, layer.macs)
        rows.append((layer.name, layer.kind, layer.why, _by(layer.narrow), *cost))
    rows.append(("total", "", "", "", *_costs(found, found.idle_params, found.idle_macs)))
    about = (
        "note: by paths: the smallest path to the convolution's input (narrow) spans the whole image already; "
        "by window: its window, dilation included, is as large as its input"
    )
    return "\n".join([head, aligned(rows, numbers=range(3, 8)), fill(about, 100, subsequent_indent="    ") + "\n"])


def _costs(found: Unproductive, params: int, macs: int) -> tuple[str, ...]:
    return si(params), _share(params, found.params), si(macs), _share(macs, found.macs)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else ""


def _drawn(drawing: Drawing, rank: int) -> str:
    wide, tall = drawing.scale
    size = f"{wide} px" if rank == 1 else f"{wide} px wide and {tall} px tall"
    middle = "; the middle slice along the first axis" if rank > 2 else ""
    return f"{drawing}one character is {size}{middle}\n"


def _slice(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The middle slice of what has more than two axes."""
    while values.ndim > 2:
        values = values[len(values) // 2]
    return values


def _along(axis: int, rank: int) -> str:
    return f"along the {axis_name(axis, rank)}"


def _at(position: tuple[int, ...]) -> str:
    return ",".join(map(str, position)) or "its only position"


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def _number(number: float) -> str:
    return f"{number:,}" if isinstance(number, int) else f"{number:g}"
