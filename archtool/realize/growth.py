"""How much larger than the network's the inputs of a skeleton have to be.

Nothing here is a measurement: from a wrong stride or field follows a skeleton that shows less, or a position where
nothing is found, never a wrong value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from archtool.field import GLOBAL, LARGEST_PERIOD, AxisField
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.skeleton import Skeleton, skeleton
from archtool.shape import Shape


class Growth(NamedTuple):
    """Along one axis: by how much each input grows at both ends, and after how many positions of it all tensors look
    the same again."""

    ends: tuple[int, ...]
    periods: tuple[int, ...]


def growth(flat: FlatNetwork, axis: int, times: int) -> Growth | None:
    """How much the inputs grow along an axis, so that the fields of all layers fit `times` over (0: not at all); None
    where the strides have too large a common multiple.

    Every tensor must grow by a whole number of positions, at both ends alike: so the inputs grow by multiples of all
    strides, and inputs that meet grow as their strides at that place.
    """
    weights = _weights(flat, axis)
    unit = lcm(*(stride.numerator for stride in _strides(flat, axis, weights)))
    periods, wanted = [], []
    for source, weight in enumerate(weights):
        known = [(layer, field) for layer in flat.layers if (field := _axis_field(layer, source, axis)) is not None]
        period = lcm(unit * weight, *(as_int(field.stride) for _, field in known if field.stride))
        # Edges stand a quarter from the ends: three quarters must hold the widest field, and one quarter what padding
        # that mirrors or wraps brings from one end to the other, or what is cropped there.
        reach = max((as_int(field.size) for _, field in known), default=1)
        placed = [(layer, field) for layer, field in known if _is_placed(layer, source)]
        outside = max((_outside(flat, layer, field, source, axis) for layer, field in placed), default=0)
        outside = max(outside, left_out(flat, source, axis))
        periods.append(period)
        wanted.append(times * (2 * period + max(4 * (reach + period) // 3, 4 * (outside + period))))
    unit = lcm(unit, *(Fraction(period, weight).numerator for period, weight in zip(periods, weights, strict=True)))
    if unit > LARGEST_PERIOD:
        return None
    sizes = [_size(shape, axis) for shape in flat.inputs.values()]
    steps = min(times, 1)
    for size, weight, room in zip(sizes, weights, wanted, strict=True):
        if size is not None:
            steps = max(steps, -(-(room - size) // (2 * unit * weight)))
    ends = tuple(0 if size is None else steps * unit * weight for size, weight in zip(sizes, weights, strict=True))
    return Growth(ends, tuple(periods))


def _weights(flat: FlatNetwork, axis: int) -> list[int]:
    """How fast the inputs grow beside each other."""
    weights: dict[int, Fraction] = {}
    for layer in flat.layers:
        seen = {}
        for source in range(len(flat.inputs)):
            field = _axis_field(layer, source, axis)
            if field is not None and field.stride:
                seen[source] = Fraction(as_int(field.stride), len(field.phases))
        if len(seen) > 1:
            known = next((source for source in seen if source in weights), min(seen))
            unit = weights.setdefault(known, Fraction(1)) / seen[known]
            for source, stride in seen.items():
                weights.setdefault(source, unit * stride)
    found = [weights.get(source, Fraction(1)) for source in range(len(flat.inputs))]
    common = lcm(*(weight.denominator for weight in found))
    return [int(weight * common) for weight in found]


def _strides(flat: FlatNetwork, axis: int, weights: list[int]) -> Iterator[Fraction]:
    """By how much the inputs grow, in units of their weights, while each tensor grows by one position. Found layer by
    layer: a layer's absolute field does not know the stride where there is a single position."""
    strides: dict[int, Fraction] = {}
    for source, (shape, weight) in enumerate(zip(flat.inputs.values(), weights, strict=True)):
        if axis < len(shape.spatial):
            strides[source] = Fraction(1, weight)
    for layer in flat.layers:
        stride = next((strides[number] for number in layer.sources if number in strides), None)
        if stride is None:
            continue
        run = layer.run
        if not run.layer.is_join:
            own = run.layer.field(run.inputs[0], run.layer.window(run.inputs[0]))
            if own.state == GLOBAL:
                continue
            if axis < len(own.axes):
                if own.axes[axis].stride == 0:  # a single position, spread
                    continue
                stride *= Fraction(as_int(own.axes[axis].stride), len(own.axes[axis].phases))
        strides[layer.target] = stride
        yield stride


def larger(flat: FlatNetwork, ends: Mapping[int, tuple[int, ...]], thin: bool, small: bool) -> Skeleton:
    """The skeleton whose inputs have, along the axes in `ends`, so many more positions at both ends.

    Where `small`, the other axes are as short as they can be without that a layer more falls out, and windows that must
    tile them as narrow: what is seen along one axis seldom depends on them.
    """
    grown = frozenset(axis for axis, amounts in ends.items() if any(amounts))
    whole = skeleton(flat, _resized(flat, ends, None), grown, thin)
    if small:
        size = 1
        while size < max((as_int(n) for shape in flat.inputs.values() for n in shape.spatial), default=1):
            shorter = skeleton(flat, _resized(flat, ends, size), grown, thin, narrow=True)
            if len(shorter.layers) == len(whole.layers):
                return shorter
            size *= 2
    return whole


def _resized(flat: FlatNetwork, ends: Mapping[int, tuple[int, ...]], others: int | None) -> tuple[Shape, ...]:
    shapes = []
    for source, shape in enumerate(flat.inputs.values()):
        spatial = list(map(as_int, shape.spatial))
        for axis, n in enumerate(spatial):
            if axis in ends:
                spatial[axis] = n + 2 * ends[axis][source]
            elif others is not None:
                spatial[axis] = min(n, others)
        shapes.append(shape._replace(spatial=tuple(spatial)))
    return tuple(shapes)


def _axis_field(layer: FlatLayer, source: int, axis: int) -> AxisField | None:
    """What a layer sees of a source along an axis, before all is mixed."""
    field = layer.fields[source]
    return None if field is None or axis >= len(field.axes) else field.axes[axis]


def _is_placed(layer: FlatLayer, source: int) -> bool:
    """Whether the positions of a layer's output have a place in a source: where all is mixed, they have none."""
    field = layer.fields[source]
    return field is not None and field.state != GLOBAL


def left_out(flat: FlatNetwork, source: int, axis: int) -> int:
    """How many positions at an end of an input's axis some layer leaves out, since it crops what it sees."""
    size = _size(list(flat.inputs.values())[source], axis)
    most = 0
    for layer in flat.layers:
        field = _axis_field(layer, source, axis)
        n = _size(layer.run.output, axis)
        if _is_placed(layer, source) and size is not None and field is not None and n is not None:
            period, stride = len(field.phases), as_int(field.stride)
            places = [*range(min(period, n)), *range(max(n - period, 0), n)]  # both ends, one of each kind
            ends = [(stride * (p // period), field.phases[p % period]) for p in places]
            first = min(shift + as_int(reach.low) for shift, reach in ends)
            last = max(shift + as_int(reach.high) for shift, reach in ends)
            most = max(most, first, size - 1 - last)
    return most


def _outside(flat: FlatNetwork, layer: FlatLayer, field: AxisField, source: int, axis: int) -> int:
    """How far the positions of a layer's output see past the ends of the input."""
    last = (_size(layer.run.output, axis) or 1) - 1
    ends = [as_int(end) for reach in field.phases for end in (reach.low, reach.high)]
    size = as_int(list(flat.inputs.values())[source].spatial[axis])
    furthest = as_int(field.stride) * (last // len(field.phases)) + max(ends)
    return max(0, -min(ends), furthest - size + 1)


def _size(shape: Shape, axis: int) -> int | None:
    return as_int(shape.axes[axis]) if axis < len(shape.axes) else None
