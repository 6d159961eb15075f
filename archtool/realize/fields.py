"""Receptive fields, predicted and measured: a row for each layer, input and axis.

The measurement knows nothing of the prediction: a probe finds the edges of what the skeleton's positions depend on,
wherever they are, and this module tells them in the network's own positions and sets them beside what was predicted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import torch

from archtool.errors import RuleError
from archtool.field import GLOBAL, LOCAL, LOCAL_AND_GLOBAL, AxisField, Field
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.realize.growth import growth, larger
from archtool.realize.probe import Seen, probe
from archtool.realize.result import Row, Value
from archtool.shape import Shape, axis_name

NOTHING = "nothing"
STATES = {LOCAL: "local", LOCAL_AND_GLOBAL: "local and global", GLOBAL: "everything"}


class Attempt(NamedTuple):
    """One way to measure: on a `thin` skeleton (one channel) or with all channels, the other axes as `small` as can be
    or as they are, the inputs `grown` this many times over what is needed, or (0) as they are."""

    thin: bool
    small: bool
    grown: int


# What the first leaves open, because layers do not fit its skeleton, the next ones take up. Inside the network's own
# input (grown 0) only the ends that do not lie in padding can be measured. A difference is believed when the second
# attempt, whose inputs are larger and whose other axes are whole, finds it again.
FIRST = Attempt(thin=True, small=True, grown=1)
AGAIN = Attempt(thin=True, small=False, grown=2)
OTHERS = (
    Attempt(thin=True, small=True, grown=0),
    Attempt(thin=False, small=True, grown=1),
    Attempt(thin=False, small=True, grown=0),
)


class Measured(NamedTuple):
    """What was measured of one tensor along one axis of one input: its row's `sees` and (stride, low, high, ...)."""

    sees: str
    hull: Value
    attempt: Attempt


class Fields(NamedTuple):
    """Rows layer by layer, and notes on what could not be measured."""

    rows: list[Row]
    notes: list[str]


def measure(flat: FlatNetwork, device: torch.device) -> Fields:
    """Measure what every layer sees of every input, and set it beside the prediction."""
    rows: list[Row] = []
    clipped: dict[str, None] = {}
    missing: dict[str, None] = {}
    for source, (name, shape) in enumerate(flat.inputs.items()):
        of = f" of {name}" if len(flat.inputs) > 1 else ""
        sees: dict[str, list[str]] = {}
        for axis in range(len(shape.spatial)):
            what = ("tokens" if shape.is_tokens else axis_name(axis, len(shape.spatial))) + of
            measured = _axis(flat, source, axis, device)
            for layer in flat.layers:
                found = measured.get(layer.target)
                if found is None:
                    missing[layer.name] = None
                    continue
                sees.setdefault(layer.name, []).append(found.sees)
                if found.attempt.grown == 0:
                    clipped[layer.name] = None
                field = layer.fields[source]
                if field is not None and field.axes and found.hull is not None:
                    predicted = _predicted(field.axes[axis], _positions(layer, axis))
                    rows.append(_row(layer, what, predicted, found.hull))
        for layer in flat.layers:
            if layer.name in sees:
                said = " / ".join(dict.fromkeys(sees[layer.name]))
                rows.append(_row(layer, "sees" + of, _state(layer.fields[source]), said))
    return Fields(rows, list(_notes(list(missing), list(clipped))))


def _axis(flat: FlatNetwork, source: int, axis: int, device: torch.device) -> dict[int, Measured]:
    """What is measured of each tensor, by number, along an axis of an input."""
    found = _attempt(flat, source, axis, FIRST, device)
    if any(not _agrees(layer, source, axis, found) for layer in flat.layers if layer.target in found):
        found |= _attempt(flat, source, axis, AGAIN, device)
    for attempt in OTHERS:
        if all(layer.target in found for layer in flat.layers):
            break
        found = _attempt(flat, source, axis, attempt, device) | found
    return found


def _attempt(flat: FlatNetwork, source: int, axis: int, attempt: Attempt, device: torch.device) -> dict[int, Measured]:
    """What one attempt can tell; tensors that it can't are left out."""
    sizes = [shape.spatial[axis] if axis < len(shape.spatial) else 0 for shape in flat.inputs.values()]
    ends: tuple[int, ...] = (0,) * len(sizes)
    size = int(sizes[source])  # type: ignore[arg-type]  # a flattened network has numbers
    lows = highs = range(size + 1)
    if attempt.grown:
        grow = growth(flat, axis, attempt.grown)
        if grow is None:
            return {}
        ends = grow.ends
        size += 2 * ends[source]
        edges = grow.periods[source] + 1
        lows, highs = range(size // 4, size // 4 + edges), range(size - size // 4 - edges, size - size // 4)
    skeleton = larger(flat, axis, ends, attempt.thin, attempt.small)
    seen = probe(skeleton, source, axis, lows, highs, device)
    found: dict[int, Measured] = {}
    for layer in skeleton.layers:
        one = seen[layer.target]
        field = layer.fields[source]
        sees = _sees(one, field)
        hull: Value | None = None
        if _is_mixed(field):
            before = found.get(layer.sources[0])
            hull = before.hull if before is not None else None
        elif not one.locally:
            hull = "nothing"
        elif attempt.grown:
            hull = _hull(one, _phases(field, axis), _positions(layer, axis), ends[source], size)
        elif field is not None and field.axes:
            hull = _inside(one, field.axes[axis], _positions(layer, axis), size)
        found[layer.target] = Measured(sees, hull, attempt)
    return found
