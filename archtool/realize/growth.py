"""How much larger than the network's the inputs of a skeleton have to be.

What is found here is a hint, no measurement: a wrong stride or field only makes a skeleton that shows less.
"""

from __future__ import annotations

from fractions import Fraction
from math import lcm
from typing import Final, NamedTuple

from archtool.errors import RuleError
from archtool.field import GLOBAL
from archtool.flatten import FlatNetwork
from archtool.realize.skeleton import Skeleton, skeleton
from archtool.runs import LayerRun
from archtool.shape import Shape

LARGEST_PERIOD: Final = 4096


class Growth(NamedTuple):
    """Along one axis: each input gets `ends` more positions at both ends, and a tensor looks the same every `periods`
    positions of that input."""

    ends: tuple[int, ...]
    periods: tuple[int, ...]


def growth(flat: FlatNetwork, axis: int, times: int) -> Growth | None:
    """How much the inputs grow along an axis, so that the fields of all layers fit `times` over; None where their
    strides have too large a common multiple."""
    shapes = list(flat.inputs.values())
    weights = _weights(flat, axis)
    strides = [stride for stride in _strides(flat, axis, weights) if stride is not None]
    period = lcm(*(stride.numerator for stride in strides))
    reaches, periods = [], []
    for source, weight in enumerate(weights):
        own = [period * weight]
        reach = 1
        for layer in flat.layers:
            field = layer.fields[source]
            if field is not None and axis < len(field.axes):
                own.append(_int(field.axes[axis].stride) or 1)
                reach = max(reach, _int(field.axes[axis].size))
        periods.append(lcm(*own))
        reaches.append(reach)
    if max(periods) > LARGEST_PERIOD:
        return None
    period = lcm(period, *(Fraction(own, weight).numerator for own, weight in zip(periods, weights, strict=True)))
    steps = 1
    for source, shape in enumerate(shapes):
        if axis < len(shape.spatial):
            wanted = times * (4 * (reaches[source] + periods[source]) // 3 + 2 * periods[source]) - _int(shape.spatial[axis])
            steps = max(steps, -(-wanted // (2 * period * weights[source])))
    ends = tuple(
        steps * period * weight if axis < len(shape.spatial) else 0 for shape, weight in zip(shapes, weights, strict=True)
    )
    return Growth(ends, tuple(periods))


def _weights(flat: FlatNetwork, axis: int) -> list[int]:
    """How much faster than the others each input has to grow, so that where they meet they still do: as its stride."""
    weights: dict[int, Fraction] = {}
    for layer in flat.layers:
        seen = {
            source: Fraction(_int(field.axes[axis].stride), len(field.axes[axis].phases))
            for source, field in enumerate(layer.fields)
            if field is not None and field.state != GLOBAL and axis < len(field.axes) and field.axes[axis].stride
        }
        known = next((source for source in seen if source in weights), None)
        unit = Fraction(1) if known is None else weights[known] / seen[known]
        for source, stride in seen.items():
            weights.setdefault(source, unit * stride if len(seen) > 1 else unit * stride / stride)
    found = [weights.get(source, Fraction(1)) for source in range(len(flat.inputs))]
    common = lcm(*(weight.denominator for weight in found))
    return [int(weight * common) for weight in found]
