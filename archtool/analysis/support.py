"""The exact set of positions that one position sees, and that one position reaches: layer by layer, holes included.

Where a field tells an interval, the taps of dilated and transposed convolutions leave holes in it: the gridding of
dilated stacks (Wang et al. 2018, arXiv:1702.08502, section 3.2). Here are the paths that see something locally, as in
a `Field`; where nothing local is left, the set is everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.analysis.maps import Fold, Map, everything
from archtool.analysis.place import Place, Position, checked, place, positions_of
from archtool.field import GLOBAL
from archtool.layer import Join
from archtool.runs import LayerRun
from archtool.taps import AxisTaps, taps_of

if TYPE_CHECKING:
    from archtool.analysis.maps import Bools
    from archtool.flatten import FlatNetwork


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Support:
    """The positions of a tensor `of` that `position` of the output of layer `at` sees; projective: the positions of
    that output that `position` of `of` reaches.

    map: booleans over the hull of these positions, whose first is `start`; empty where there are none. clipped: those
    in padding are left out; else the tensors go on for ever. is_global: everything is seen besides, or, where nothing
    local is left, the map is everything.
    """

    at: str
    of: str
    position: Position
    projective: bool
    start: Position
    map: Bools
    clipped: bool
    is_global: bool

    @property
    def count(self) -> int:
        """How many positions."""
        return int(self.map.sum())

    @property
    def covered(self) -> float:
        """Which share of their hull they are."""
        return self.count / self.map.size if self.map.size else 0.0

    @property
    def along(self) -> tuple[int, ...]:
        """How many positions along each axis some of them have."""
        rank = self.map.ndim
        return tuple(
            int(self.map.any(tuple(other for other in range(rank) if other != axis)).sum()) for axis in range(rank)
        )

    def to_dict(self) -> dict[str, Any]:
        """The stable form of the JSON; the map as rows of 0 and 1, nested as its axes are."""
        return {
            "at": self.at,
            "of": self.of,
            "position": list(self.position),
            "projective": self.projective,
            "start": list(self.start),
            "size": list(self.map.shape),
            "count": self.count,
            "covered": self.covered,
            "along": list(self.along),
            "clipped": self.clipped,
            "global": self.is_global,
            "map": self.map.astype(int).tolist(),
        }


def support(
    flat: FlatNetwork,
    at: str | None = None,
    position: Position | None = None,
    of: str | None = None,
    *,
    projective: bool = False,
    clipped: bool = True,
) -> Support:
    """The exact set, of a network whose layers are told one by one; see `Design.support`."""
    import numpy as np

    where = place(flat, at, of)
    tensor, name = (where.source, where.of) if projective else (where.output, where.layer.name)
    told = checked(position, tensor, name)
    if where.is_everything:
        found = everything(positions_of(where.output if projective else where.source))
    else:
        one = Map(told, np.ones((1,) * len(told), bool))
        found = (_reached(where, one) if projective else _seen(where, one, clipped)).trimmed()
    return Support(
        at=where.layer.name,
        of=where.of,
        position=told,
        projective=projective,
        start=found.start,
        map=found.seen,
        clipped=clipped or projective,
        is_global=where.field.is_global,
    )


class _Path(NamedTuple):
    """How a layer reads one of its inputs: by these taps, none where each position is read by itself."""

    taps: tuple[AxisTaps, ...]
    border: str


def _paths(run: LayerRun) -> list[_Path | None]:
    """What of each input is read locally; None where nothing is."""
    layer, (x, *others) = run.layer, run.inputs
    if isinstance(layer, Join):
        return [_Path((), "zeros")] * len(run.inputs)
    if layer.ignores_input:
        return [None] * len(run.inputs)
    own = None
    if run.field.state != GLOBAL:
        border = getattr(layer.mixing(x), "border", "zeros")
        own = _Path(layer.taps(x, run.field) if run.field.axes else (), border)
    side = layer.side_field(x)
    beside = None if side.state == GLOBAL else _Path(taps_of(side, 1), "zeros")
    return [own, *(beside for _ in others)]


def _seen(where: Place, wanted: Map, clipped: bool) -> Map:
    """What these positions of the layer's output see, from the last layer back to the source."""
    layers = where.flat.layers[: where.flat.layers.index(where.layer) + 1]
    maps = {where.layer.target: wanted}
    for layer in reversed(layers):
        if layer.target == where.number or layer.target not in maps:
            continue
        behind, y = maps.pop(layer.target), positions_of(layer.run.output)
        for number, shape, path in zip(layer.sources, layer.run.inputs, _paths(layer.run), strict=True):
            if path is not None:
                maps[number] = _back(behind, path, positions_of(shape), y, clipped).union(maps.get(number))
    return maps[where.number]


def _back(wanted: Map, path: _Path, x: Sequence[int], y: Sequence[int], clipped: bool) -> Map:
    """What positions of an output of sizes y read of an input of sizes x."""
    if not path.taps:
        return _fitted(wanted, x, y)
    if len(y) != len(x):  # a vector is its only position
        wanted = _fitted(wanted, x, y)
    for axis, (taps, n) in enumerate(zip(path.taps, x, strict=True)):
        wanted = wanted.read(axis, taps)
        if clipped:
            wanted = wanted.cropped(axis, n, _fold(path.border, n))
    return wanted


def _reached(where: Place, given: Map) -> Map:
    """The positions of the layer's output that these of the source reach, layer by layer."""
    import numpy as np

    maps = {where.number: given}
    for layer in where.flat.layers:
        if layer.target == where.number:
            continue
        y = positions_of(layer.run.output)
        found: Map | None = None
        for number, shape, path in zip(layer.sources, layer.run.inputs, _paths(layer.run), strict=True):
            if path is not None and number in maps:
                found = _forth(maps[number], path, positions_of(shape), y).union(found)
        if found is not None:
            maps[layer.target] = found
        if layer is where.layer:
            break
    rank = len(where.output.axes)
    return maps.get(where.layer.target) or Map((0,) * rank, np.zeros((0,) * rank, bool))


def _forth(given: Map, path: _Path, x: Sequence[int], y: Sequence[int]) -> Map:
    """Which positions of an output of sizes y read some of these of an input of sizes x."""
    if not path.taps:
        return _spread(_fitted(given, y, x), x, y)
    across = y if len(y) == len(x) else (1,) * len(x)  # a vector is its only position
    for axis, (taps, n, m) in enumerate(zip(path.taps, x, across, strict=True)):
        fold = _fold(path.border, n)
        if fold is not None:
            reads = [read for position in {*_ends(taps, m)} for read in taps.reads(position)]
            given = given.extended(axis, min([0, *reads]), max([n - 1, *reads]), n, fold)
        given = given.readers(axis, taps, m)
    return _fitted(given, y, across)


def _ends(taps: AxisTaps, m: int) -> list[int]:
    """The positions that may read farthest: those of the first and of the last turns."""
    period = len(taps.offsets)
    return [*range(min(period, m)), *range(max(0, m - period), m)]


def _fold(border: str, n: int) -> Fold | None:
    from archtool.analysis.meanfield.readings import folded

    return None if border == "zeros" else partial(folded, size=n, border=border)


def _fitted(given: Map, to: Sequence[int], was: Sequence[int]) -> Map:
    """Positions of a tensor of other sizes that are the same: a single one is beside all of them (a gate's), a vector
    is its own only position."""
    import numpy as np

    if len(to) != len(was):  # a single position, as a vector or not
        return Map((0,) * len(to), np.full((1,) * len(to), bool(given.seen.any())))
    for axis, (n, m) in enumerate(zip(to, was, strict=True)):
        if n == 1 < m:
            seen = np.logical_or.reduce(given.seen, axis=axis, keepdims=True)
            given = Map((*given.start[:axis], 0, *given.start[axis + 1 :]), seen)
    return given


def _spread(given: Map, x: Sequence[int], y: Sequence[int]) -> Map:
    """A single position spread to all that it is beside."""
    import numpy as np

    if len(x) != len(y) or not given.seen.size:
        return given
    shape = tuple(m if n == 1 < m else size for n, m, size in zip(x, y, given.seen.shape, strict=True))
    return Map(given.start, np.broadcast_to(given.seen, shape))
