"""The receptive field of a layer's output: along each axis by its numbers, and what one of its positions sees."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.numbers import whole
from archtool.analysis.place import Place, Position, axis_names, checked, place, positions_of
from archtool.field import GLOBAL, LOCAL, LOCAL_AND_GLOBAL, AxisField

if TYPE_CHECKING:
    from archtool.analysis.report import Number
    from archtool.design import Design

STATES: Final = {LOCAL: "local", LOCAL_AND_GLOBAL: "local and global", GLOBAL: "everything"}


class Span(NamedTuple):
    """The interval [low, high] that one position sees along one axis; `before` and `after` are how much of it lies
    outside of the source, in padding. Empty where high is below low."""

    low: int
    high: int
    before: int
    after: int

    @property
    def size(self) -> int:
        """How many positions it spans, those in padding included."""
        return self.high - self.low + 1

    @property
    def inside(self) -> int:
        """How many of them the source has."""
        return self.size - self.before - self.after


class View(NamedTuple):
    """What one position sees: its span along each axis of the source."""

    position: Position
    spans: tuple[Span, ...]

    @property
    def sees_nothing(self) -> bool:
        """Whether it lies between the taps of a transposed convolution."""
        return any(span.size <= 0 for span in self.spans)

    @property
    def outside(self) -> int:
        """How many of the positions that it spans lie outside of the source."""
        return 0 if self.sees_nothing else self.size - prod(span.inside for span in self.spans)

    @property
    def size(self) -> int:
        """How many positions it spans in all."""
        return prod(span.size for span in self.spans)

    @property
    def share(self) -> float:
        """Which share of what it spans lies outside of the source."""
        return self.outside / self.size if self.outside else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The stable form of the JSON."""
        return {
            "position": list(self.position),
            "low": [span.low for span in self.spans],
            "high": [span.high for span in self.spans],
            "before": [span.before for span in self.spans],
            "after": [span.after for span in self.spans],
            "outside": self.share,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class AxisSeen:
    """The field along one axis, in positions of the source, of which there are `n`, for the output's `positions`.

    size: what the hull of all paths spans; stride: from one output position to the next; start: the first that output
    position 0 sees (negative in padding); narrow, wide: the smallest and the largest single path; misalignment: how far
    the centres of the outermost paths lie apart; turn, phases: position P * q + r, of P phases, sees
    [turn * q + low, turn * q + high] by the pair of phase r, nothing where high is below low.
    """

    name: str
    n: int
    positions: int
    size: int
    stride: Number
    start: int
    narrow: int
    wide: int
    misalignment: Number
    turn: int
    phases: tuple[tuple[int, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """The stable form of the JSON."""
        return {
            "axis": self.name,
            "input": self.n,
            "positions": self.positions,
            "size": self.size,
            "stride": self.stride,
            "start": self.start,
            "narrow": self.narrow,
            "wide": self.wide,
            "misalignment": self.misalignment,
            "turn": self.turn,
            "phases": [list(phase) for phase in self.phases],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerField:
    """The receptive field of the output of layer `at`, a `kind`, of these `dims`, in `of`, an input or a layer.

    sees: 'local', 'local and global' (its field by local paths, and everything by another) or 'everything', where the
    axes keep what was seen before everything was mixed. view: what the position that was asked for sees; worst: what
    the position sees whose field lies outside of the source by the greatest share. also: the network's inputs that it
    sees besides.
    """

    name: str
    at: str
    kind: str
    dims: tuple[int, ...]
    of: str
    source: tuple[int, ...]
    sees: str
    axes: tuple[AxisSeen, ...]
    view: View
    worst: View
    also: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The stable form of the JSON."""
        return {
            "name": self.name,
            "at": self.at,
            "kind": self.kind,
            "output": list(self.dims),
            "of": self.of,
            "input": list(self.source),
            "sees": self.sees,
            "axes": [axis.to_dict() for axis in self.axes],
            "view": self.view.to_dict(),
            "worst": self.worst.to_dict(),
            "also": list(self.also),
        }


def layer_field(
    design: Design, at: str | None = None, position: Position | None = None, of: str | None = None
) -> LayerField:
    """The receptive field of a layer of a design; see `Design.field`."""
    where = place(design.flat(), at, of)
    told = checked(position, where.output, where.layer.name)
    sizes, fields = positions_of(where.source), where.field.axes
    counts = positions_of(where.output)
    if len(counts) != len(fields):  # a vector: its only position, or everything
        counts = (1,) * len(fields)
    names = axis_names(where.source)
    return LayerField(
        name=design.name,
        at=where.layer.name,
        kind=where.layer.run.kind,
        dims=tuple([whole(size) for size in where.output.dims]),
        of=where.of,
        source=tuple([whole(size) for size in where.source.dims]),
        sees=STATES[whole(where.field.state)],
        axes=tuple(map(_axis_seen, names, fields, sizes, counts)),
        view=_view(where, told, sizes),
        worst=_view(where, _worst(where, sizes, counts), sizes),
        also=where.also,
    )


def _axis_seen(name: str, field: AxisField, n: int, positions: int) -> AxisSeen:
    from archtool.analysis.report import ratio

    return AxisSeen(
        name=name,
        n=n,
        positions=positions,
        size=whole(field.size),
        stride=ratio(whole(field.stride), len(field.phases)),
        start=whole(field.start),
        narrow=whole(field.narrow),
        wide=whole(field.wide),
        misalignment=ratio(whole(field.misalignment), 2),
        turn=whole(field.stride),
        phases=tuple([(whole(reach.low), whole(reach.high)) for reach in field.phases]),
    )


def span(field: AxisField, position: int, n: int) -> Span:
    """What a position sees along an axis of n positions."""
    turn, phase = divmod(position, len(field.phases))
    shift, reach = whole(field.stride) * turn, field.phases[phase]
    low, high = shift + whole(reach.low), shift + whole(reach.high)
    size = high - low + 1
    return Span(low, high, min(size, max(0, -low)), min(size, max(0, high - n + 1)))


def _view(where: Place, position: Position, sizes: tuple[int, ...]) -> View:
    if where.is_everything:
        return View(position, tuple(Span(0, n - 1, 0, 0) for n in sizes))
    places = position or (0,) * len(sizes)  # the only position of a vector
    return View(position, tuple(map(span, where.field.axes, places, sizes)))


def _worst(where: Place, sizes: tuple[int, ...], counts: tuple[int, ...]) -> Position:
    """The position whose field lies outside by the greatest share: along each axis by itself."""
    if where.is_everything:
        return (0,) * len(where.output.axes)
    found = tuple(map(_worst_of_axis, where.field.axes, sizes, counts))
    return found if where.output.axes else ()


def _worst_of_axis(field: AxisField, n: int, positions: int) -> int:
    """Of the positions of one phase, what lies inside grows from the first on, and falls towards the last: one of these
    two is the worst."""

    def inside(position: int) -> float:
        seen = span(field, position, n)
        return seen.inside / seen.size if seen.size > 0 else 1.0

    period = len(field.phases)
    first = range(min(period, positions))
    last = range(max(0, positions - period), positions)
    candidates: list[int] = sorted({*first, *last})
    return min(candidates, key=inside)
