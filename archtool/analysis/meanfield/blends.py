"""Layers with fixed weights (means, interpolation, blur), and the correlations that they make between gradients.

Random weights of mean 0 part the gradients of different outputs: products of two have the mean 0. Fixed weights do not:
through them E[g(q) g(q')] comes of all E[g(p) g(p')] of outputs p and p' that read q and q'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.meanfield.readings import Correlated, Lag, folded
from archtool.taps import AxisTaps

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]
    Indices = np.ndarray[Any, np.dtype[np.int64]]

SMALLEST_SHARE: Final = 1e-5  # of the sum of squares: correlations below it are dropped


class AxisWeights(NamedTuple):
    """One axis of such a layer: output p is the sum over k of weights[p, k] * x[reads[p, k]]; `size` inputs.

    Outputs that are `period` apart read `stride` apart; from the first to the last input that one reads are `span`.
    """

    size: int
    reads: Indices
    weights: Array
    stride: int
    period: int
    span: int


def axis_weights(
    taps: AxisTaps,
    size: int,
    positions: int,
    border: str,
    weights: Callable[[int, tuple[int, ...]], Sequence[float]],
) -> AxisWeights:
    """One axis read by `taps`; what lies outside is folded back, or weighs nothing."""
    import numpy as np

    widest = max(map(len, taps.offsets))
    reads, factors = np.zeros((positions, widest), dtype=np.int64), np.zeros((positions, widest))
    for position in range(positions):
        read = taps.reads(position)
        sums: dict[int, float] = {}  # what is folded back may fall together
        for place, weight in zip(read, weights(position, read), strict=True):
            inside = 0 <= place < size
            if inside or border != "zeros":
                at = place if inside else folded(place, size, border)
                sums[at] = sums.get(at, 0.0) + weight
        reads[position, : len(sums)] = list(sums)
        factors[position, : len(sums)] = list(sums.values())
    span = max(offsets[-1] - offsets[0] for offsets in taps.offsets)
    return AxisWeights(size, reads, factors, taps.stride, len(taps.offsets), span)


def weighted(x: Array, axes: Sequence[AxisWeights], power: int) -> Array:
    """For each output, the sum of weights**power * x, whose last axes these are."""
    first = x.ndim - len(axes)
    for axis, weights in enumerate(axes, first):
        taken = x.take(weights.reads, axis)  # (..., outputs, taps, ...)
        factors = (weights.weights**power).reshape(weights.weights.shape + (1,) * (x.ndim - axis - 1))
        x = (taken * factors).sum(axis + 1)
    return x


def reach_behind(axes: Sequence[AxisWeights], reach: Lag) -> Lag:
    """The largest lag at the outputs that bears on lags up to `reach` at the inputs, axis by axis."""
    behind = []
    for axis, most in zip(axes, reach, strict=True):
        turns = (most + axis.span) // axis.stride if axis.stride else 0
        behind.append(turns * axis.period + axis.period - 1)
    return tuple(behind)


def scatter_blended(correlated: Correlated, axes: Sequence[AxisWeights], reach: Lag) -> Correlated:
    """E[g(q) g(q + lag)] at the inputs, for lags up to `reach`, from those at the outputs."""
    rank = len(axes)
    for axis, (weights, most) in enumerate(zip(axes, reach, strict=True)):
        spread: Correlated = {}
        for lag, values in correlated.items():
            for step, part in _spread(values, values.ndim - rank + axis, weights, lag[axis], most).items():
                key = (*lag[:axis], step, *lag[axis + 1 :])
                spread[key] = spread[key] + part if key in spread else part
        correlated = spread
    return _pruned(correlated)


def _spread(values: Array, axis: int, axis_weights: AxisWeights, lag: int, reach: int) -> dict[int, Array]:
    """One lag along one axis: the sum over outputs p, p + lag and two taps, by the lag of what these read."""
    import numpy as np

    reads, factors = axis_weights.reads, axis_weights.weights
    outputs, taps = reads.shape
    p = np.arange(max(0, -lag), max(0, min(outputs, outputs - lag)))
    moved = np.moveaxis(values, axis, 0)
    result: dict[int, Array] = {}
    for k in range(taps):
        for other in range(taps):
            steps = reads[p + lag, other] - reads[p, k]
            product = factors[p, k] * factors[p + lag, other]
            for step in np.unique(steps[(product != 0) & (abs(steps) <= reach)]):
                chosen = (steps == step) & (product != 0)
                at = p[chosen]
                part = moved[at] * product[chosen].reshape((-1,) + (1,) * (moved.ndim - 1))
                target = result.setdefault(int(step), np.zeros((axis_weights.size, *moved.shape[1:])))
                places = reads[at, k]
                if (places[1:] > places[:-1]).all():
                    target[places] += part
                else:
                    np.add.at(target, places, part)
    return {step: np.moveaxis(part, 0, axis) for step, part in result.items()}


def _pruned(correlated: Correlated) -> Correlated:
    import numpy as np

    total = sum(float(values.sum()) for lag, values in correlated.items() if not any(lag))
    return {
        lag: values
        for lag, values in correlated.items()
        if not any(lag) or float(np.abs(values).sum()) > SMALLEST_SHARE * total
    }
