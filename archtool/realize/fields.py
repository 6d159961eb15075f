"""Receptive fields, predicted and measured: a row for each layer, input and axis.

The measurement knows nothing of the prediction: a probe finds the edges of what the skeleton's positions depend on,
wherever they are, and this module tells them in the network's own positions and sets them beside what was predicted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import torch

from archtool.field import GLOBAL, LOCAL, LOCAL_AND_GLOBAL, AxisField, Field
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.growth import growth, larger, left_out
from archtool.realize.probe import Seen, probe
from archtool.realize.result import Row, Value
from archtool.shape import axis_name

NOTHING = "nothing"
NO_POSITION = (1, 0)  # the low and the high of a phase that sees nothing
STATES = {LOCAL: "local", LOCAL_AND_GLOBAL: "local and global", GLOBAL: "everything"}


class Attempt(NamedTuple):
    """One way to measure: on a `thin` skeleton (one channel) or with all channels; the inputs `grown` so that the
    fields fit this many times over, or (0) as they are; the other axes 'short' as can be, 'whole', or 'grown' too."""

    thin: bool
    grown: int
    others: str


# A difference is believed where the next attempts, on larger inputs and with whole other axes, find it again: where a
# window lies in padding along one axis, it shows nothing along another. What the first attempts leave open, because
# layers do not fit the skeleton, the last ones take up. Inside the network's own input (grown 0) a field that reaches
# past it can't be measured.
FIRST = Attempt(thin=True, grown=1, others="short")
AGAIN = (Attempt(thin=True, grown=2, others="whole"), Attempt(thin=True, grown=1, others="grown"))
OTHERS = (
    Attempt(thin=True, grown=0, others="whole"),
    Attempt(thin=False, grown=1, others="short"),
    Attempt(thin=False, grown=0, others="whole"),
)
MAX_WORK = 3 * 10**9  # numbers that one attempt may compute, about: half a minute


class Hull(NamedTuple):
    """(stride, low, high, ...) as `Row` has it, or a text that says why there is none; `clipped` where it is taken as
    predicted, because it reaches past the input."""

    value: Value
    clipped: bool = False


class Measured(NamedTuple):
    """What was measured of one tensor along one axis of one input; no hull where there is nothing to measure."""

    sees: str
    hull: Hull | None


class Fields(NamedTuple):
    """Rows layer by layer, and notes on what could not be measured."""

    rows: list[Row]
    notes: list[str]


def measure(flat: FlatNetwork, device: torch.device) -> Fields:
    """Measure what every layer sees of every input, and set it beside the prediction."""
    rows: list[Row] = []
    missing: dict[str, None] = {}
    clipped: dict[str, None] = {}
    for source, (name, shape) in enumerate(flat.inputs.items()):
        of = f" of {name}" if len(flat.inputs) > 1 else ""
        axes = [_measure_axis(flat, source, axis, device) for axis in range(len(shape.spatial))]
        names = ["tokens" if shape.is_tokens else axis_name(axis, len(axes)) for axis in range(len(axes))]
        for layer in flat.layers if axes else ():
            found = [measured.get(layer.target) for measured in axes]
            if None in found:
                missing[layer.name] = None
            sees = " / ".join({each.sees: None for each in found if each})
            if sees:
                rows.append(_row(layer, "sees" + of, _state(layer.fields[source]), sees))
            for axis, each in enumerate(found):
                predicted = _predicted(layer.fields[source], axis)
                if each and each.hull and predicted:
                    rows.append(_row(layer, names[axis] + of, predicted, each.hull.value))
                    if each.hull.clipped:
                        clipped[layer.name] = None
    notes = []
    if missing:
        notes.append(f"receptive fields not measured, since no skeleton shows them: {_named(missing)}")
    if clipped:
        notes.append(f"receptive fields that reach past the input, not measured there: {_named(clipped)}")
    return Fields(rows, notes)


def _measure_axis(flat: FlatNetwork, source: int, axis: int, device: torch.device) -> dict[int, Measured]:
    """What can be measured of each layer's output, by number, along an axis of an input."""
    found = _attempt(flat, source, axis, FIRST, device)
    for attempt in AGAIN:
        if all(_agrees(layer, source, axis, found[layer.target]) for layer in flat.layers if layer.target in found):
            break
        found |= _attempt(flat, source, axis, attempt, device)
    found = _seeing(flat, source, found)
    for attempt in OTHERS:
        if all(layer.target in found for layer in flat.layers):
            break
        found = _seeing(flat, source, _attempt(flat, source, axis, attempt, device)) | found
    return dict(_with_mixed(flat, source, axis, found))


def _with_mixed(
    flat: FlatNetwork, source: int, axis: int, found: dict[int, Measured]
) -> Iterator[tuple[int, Measured]]:
    """With the hulls of what was seen before everything was mixed: those of the tensors that were mixed and see
    something, where they agree."""
    hulls: dict[int, Hull | None] = {source: Hull((1 if _size(flat, source, axis) > 1 else 0, 0, 0))}
    blind = set(range(len(flat.inputs))) - {source}
    for layer in flat.layers:
        measured = found.get(layer.target)
        if measured is not None:
            if _is_mixed(layer.fields[source]):
                first, *others = [hulls.get(number) for number in layer.sources if number not in blind] or [None]
                measured = measured._replace(hull=first if all(other == first for other in others) else None)
            hulls[layer.target] = measured.hull
            if measured.sees == NOTHING:
                blind.add(layer.target)
            yield layer.target, measured


def _seeing(flat: FlatNetwork, source: int, found: dict[int, Measured]) -> dict[int, Measured]:
    """Without the tensors that see nothing though they depend on the input: all their windows lie in padding there,
    which is no measurement of a field, since a field counts padding in."""
    blind = {
        layer.target
        for layer in flat.layers
        if layer.fields[source] is not None and layer.target in found and found[layer.target].sees == NOTHING
    }
    return {number: measured for number, measured in found.items() if number not in blind}


def _attempt(flat: FlatNetwork, source: int, axis: int, attempt: Attempt, device: torch.device) -> dict[int, Measured]:
    """What one attempt can measure."""
    size = _size(flat, source, axis)
    ends, period = (0,) * len(flat.inputs), size
    lows = highs = range(size + 1)
    if attempt.grown:
        grow = growth(flat, axis, attempt.grown)
        if grow is None:
            return {}
        ends, period = grow.ends, grow.periods[source]
        size += 2 * ends[source]
        quarter = size // 4  # of the input's length: there is room for the widest field on both sides of both edges
        lows, highs = range(quarter, quarter + period + 1), range(size - quarter - period, size - quarter + 1)
    all_ends = {axis: ends}
    if attempt.others == "grown":
        rank = len(list(flat.inputs.values())[source].spatial)
        for other in set(range(rank)) - {axis}:
            grow = growth(flat, other, 1)
            if grow is None:
                return {}
            all_ends[other] = grow.ends
    skeleton = larger(flat, all_ends, attempt.thin, small=attempt.others == "short")
    if sum(part.elements for part in skeleton.parts) * 2 * len(lows) > MAX_WORK:
        return {}
    rim = min(period + left_out(flat, source, axis), -(-size // 2))
    seen = probe(skeleton, source, axis, lows, highs, rim, device)
    found: dict[int, Measured] = {}
    for layer in skeleton.layers:
        one, field, n = seen[layer.target], layer.fields[source], _positions(layer, axis)
        sees = _sees(one, field, is_whole=attempt.grown > 0)
        hull = None
        if _is_mixed(field) or field is None or axis >= len(field.axes):
            pass  # nothing local is predicted
        elif not one.locally:
            hull = Hull(NOTHING)
        elif not attempt.grown:
            hull = _inside(one, field.axes[axis], n, size)
        elif one.positions > n and (one.positions - n) % 2 == 0:
            hull = _hull(one, len(field.axes[axis].phases), n, ends[source], size, period)
        else:
            continue  # it does not grow as the input does: its positions have no place in the skeleton's
        found[layer.target] = Measured(sees, hull)
    return found


def _hull(seen: Seen, phases: int, n: int, end: int, size: int, period: int) -> Hull:
    """The hull of each phase, told in the positions of the network: those of its input begin at `end` in the
    skeleton's, those of this tensor, n in number, in the middle of the skeleton's tensor."""
    more = seen.positions - n
    step = Fraction(2 * end, more)  # input positions from one position to the next, on average
    if n == 1:
        phases = int(period / step)  # the one position is the first of as many as the tensor may have
    if (step * phases).denominator != 1:
        return Hull(f"a stride of {step}, in {phases} phases")
    stride = int(step * phases)
    lows, highs = (
        _by_phase({p - more // 2: edge - end for p, edge in edges.items()}, phases, stride)
        for edges in (seen.lows, seen.highs)
    )
    value: list[int] = [stride if n > 1 else 0]
    for phase in range(phases) if n > 1 else range(1):
        if lows[phase] and highs[phase]:
            value += [min(lows[phase]), max(highs[phase])]
        elif seen.blind.issuperset(range((more // 2 + phase) % phases, seen.positions, phases)):
            value += NO_POSITION
        else:
            return Hull(f"no edge found in {size} positions")
    return Hull(tuple(value))


def _by_phase(edges: dict[int, int], phases: int, stride: int) -> dict[int, set[int]]:
    """Edges by phase, each told relative to what position 0 sees."""
    found: dict[int, set[int]] = defaultdict(set)
    for position, edge in edges.items():
        turn, phase = divmod(position, phases)
        found[phase].add(edge - stride * turn)
    return found


def _inside(seen: Seen, axis: AxisField, n: int, size: int) -> Hull:
    """The hull of each phase inside an input of `size` positions, over the positions whose predicted field lies wholly
    inside it; a phase without any is taken as predicted. What other positions see is cut off, or, where padding
    mirrors or wraps, more than a field tells. Positions may drift: the hull is over all of them."""
    stride = as_int(axis.stride)
    period = len(axis.phases) if stride else 1
    value: list[int] = []
    clipped = False
    for phase, reach in enumerate(axis.phases[:period]):
        low, high = as_int(reach.low), as_int(reach.high)
        shifts = {p: stride * (p // period) for p in range(phase, n, period)}
        inside = {p: shift for p, shift in shifts.items() if low + shift >= 0 and high + shift < size}
        if low > high and seen.blind.issuperset(shifts):
            value += NO_POSITION
            continue
        lows = [seen.lows[p] - shift for p, shift in inside.items() if p in seen.lows]
        highs = [seen.highs[p] - shift for p, shift in inside.items() if p in seen.highs]
        value += [min(lows, default=low), max(highs, default=high)]
        clipped = clipped or not lows or not highs
    return Hull((stride, *value), clipped)


def _is_mixed(field: Field | None) -> bool:
    """Whether nothing local is left, as predicted."""
    return field is not None and field.state == GLOBAL


def _sees(seen: Seen, field: Field | None, is_whole: bool) -> str:
    """Which of the states was measured. Where local paths alone already reach everything, a global path beside them
    can't be told apart, and is taken as predicted; so is, unless `is_whole`, that everything is seen, since strides may
    leave out much of a small input."""
    if not seen.touched:
        return NOTHING
    if not seen.locally:
        return STATES[GLOBAL] if seen.everywhere or not is_whole else "a part"
    if seen.everywhere and seen.everywhere_locally:
        return STATES[LOCAL_AND_GLOBAL if field is not None and field.state == LOCAL_AND_GLOBAL else LOCAL]
    return STATES[LOCAL_AND_GLOBAL if seen.everywhere else LOCAL]


def _state(field: Field | None) -> str:
    """The state as predicted."""
    return NOTHING if field is None else STATES[as_int(field.state)]


def _predicted(field: Field | None, axis: int) -> Value | None:
    """The hull as predicted."""
    if field is None or axis >= len(field.axes):
        return None
    stride = as_int(field.axes[axis].stride)
    value = [stride]
    for reach in field.axes[axis].phases if stride else field.axes[axis].phases[:1]:
        low, high = as_int(reach.low), as_int(reach.high)
        value += [low, high] if low <= high else NO_POSITION
    return tuple(value)


def _agrees(layer: FlatLayer, source: int, axis: int, found: Measured) -> bool:
    if found.sees != _state(layer.fields[source]):
        return False
    return found.hull is None or found.hull.value == _predicted(layer.fields[source], axis)


def _positions(layer: FlatLayer, axis: int) -> int:
    """How many positions a layer's output has along an axis; one where it has no such axis."""
    axes = layer.run.output.axes
    return as_int(axes[axis]) if axis < len(axes) else 1


def _size(flat: FlatNetwork, source: int, axis: int) -> int:
    return as_int(list(flat.inputs.values())[source].spatial[axis])


def _row(layer: FlatLayer, what: str, predicted: Value, measured: Value) -> Row:
    return Row(name=layer.name, kind=layer.run.kind, what=what, predicted=predicted, measured=measured)


def _named(names: dict[str, None]) -> str:
    first = f"'{next(iter(names))}'"
    return first if len(names) == 1 else f"{len(names)} layers, {first} the first"
