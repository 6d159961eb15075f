"""The projective field: which positions of a layer's output one position of an input, or of another layer, reaches.

It is the receptive field reversed: position i is seen from P * q + r where S * q + low_r <= i <= S * q + high_r.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archtool.analysis.numbers import whole
from archtool.analysis.place import Position, axis_names, checked, place, positions_of
from archtool.analysis.seen import STATES
from archtool.field import AxisField
from archtool.size import ceil_div

if TYPE_CHECKING:
    from archtool.design import Design


@dataclass(frozen=True, kw_only=True, slots=True)
class AxisReached:
    """The output positions, of so many, that are reached along one axis: those of each phase, perhaps none."""

    name: str
    positions: int
    phases: tuple[range, ...]

    @property
    def first(self) -> int | None:
        """The first of them all; None where there is none."""
        return min((phase[0] for phase in self.phases if phase), default=None)

    @property
    def last(self) -> int | None:
        """The last of them all; None where there is none."""
        return max((phase[-1] for phase in self.phases if phase), default=None)

    @property
    def count(self) -> int:
        """How many they are."""
        return sum([(phase.stop - 1 - phase.start) // phase.step + 1 for phase in self.phases if phase])

    def __contains__(self, position: int) -> bool:
        return any(position in phase for phase in self.phases)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectiveField:
    """The positions of the output of layer `at`, a `kind` of these `dims`, that `position` of `of` reaches: by its
    hull, so that where taps leave holes not all of them. sees: as that of a `LayerField`; where it is 'everything', all
    positions are reached."""

    name: str
    at: str
    kind: str
    dims: tuple[int, ...]
    of: str
    source: tuple[int, ...]
    position: Position
    sees: str
    axes: tuple[AxisReached, ...]

    @property
    def is_empty(self) -> bool:
        """Whether no position is reached."""
        return any(axis.first is None for axis in self.axes)

    def to_dict(self) -> dict[str, Any]:
        """The stable form of the JSON."""
        return {
            "name": self.name,
            "at": self.at,
            "kind": self.kind,
            "output": list(self.dims),
            "of": self.of,
            "input": list(self.source),
            "position": list(self.position),
            "sees": self.sees,
            "axes": [
                {
                    "axis": axis.name,
                    "positions": axis.positions,
                    "first": axis.first,
                    "last": axis.last,
                    "reached": axis.count,
                }
                for axis in self.axes
            ],
        }


def projective(
    design: Design, at: str | None = None, position: Position | None = None, of: str | None = None
) -> ProjectiveField:
    """The projective field of a position of a design's input; see `Design.projective`."""
    where = place(design.flat(), at, of)
    told = checked(position, where.source, where.of)
    counts = positions_of(where.output)
    axes: tuple[AxisReached, ...]
    if where.is_everything:
        names = axis_names(where.output)
        axes = tuple(
            AxisReached(name=each, positions=m, phases=(range(m),)) for each, m in zip(names, counts, strict=True)
        )
    else:
        fields = where.field.axes
        counts = counts if len(counts) == len(fields) else (1,) * len(fields)  # a vector: its only position
        axes = tuple(
            AxisReached(name=each, positions=m, phases=reached(axis, i, m))
            for each, axis, i, m in zip(axis_names(where.source), fields, told, counts, strict=True)
        )
    return ProjectiveField(
        name=design.name,
        at=where.layer.name,
        kind=where.layer.run.kind,
        dims=tuple([whole(size) for size in where.output.dims]),
        of=where.of,
        source=tuple([whole(size) for size in where.source.dims]),
        position=told,
        sees=STATES[whole(where.field.state)],
        axes=axes,
    )


def reached(axis: AxisField, position: int, positions: int) -> tuple[range, ...]:
    """Which of so many positions see a position of the source along an axis, phase by phase.

    >>> from archtool.field import AxisField, Reach
    >>> reached(AxisField(2, (Reach(-1, 1, 0, 0),), 3, 3), 4, 8)
    (range(2, 3),)
    """
    period, stride = len(axis.phases), whole(axis.stride)
    found = []
    for phase, reach in enumerate(axis.phases):
        low, high, turns = whole(reach.low), whole(reach.high), (positions - phase - 1) // period + 1
        if stride:
            first, last = max(0, whole(ceil_div(position - high, stride))), min(turns - 1, (position - low) // stride)
        else:
            first, last = 0, turns - 1 if low <= position <= high else -1
        found.append(range(period * first + phase, period * last + phase + 1, period))
    return tuple(found)
