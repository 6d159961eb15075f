"""What a layer's outputs read along each axis, as slices of arrays: sums over windows, and the transposes of these
sums, exactly. What lies in padding is left out, or folded back where padding copies the input."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.taps import AxisTaps

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

Lag = tuple[int, ...]
Correlated = dict[Lag, "Array"]  # E[g(q) g(q + lag)] at each position q, 0 where q + lag lies outside, by lag


class Pairs(NamedTuple):
    """One element of a kernel along one axis: the output and the input positions that it connects, and which share of
    all outputs that is."""

    outputs: slice
    inputs: slice
    share: float


class AxisReading(NamedTuple):
    """One axis of a layer: `size` input positions, `positions` outputs, the `pairs` of each kernel element within the
    input, and what is read outside of it and folded back (`folded`: outputs and inputs).

    `taps` is how many input positions an output reads on average, padding included; outputs that are `period` apart
    read `stride` apart.
    """

    size: int
    positions: int
    stride: int
    period: int
    taps: float
    pairs: tuple[Pairs, ...]
    folded: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())

    @property
    def is_identity(self) -> bool:
        """Whether each output reads the input at its own position, alone."""
        return self.size == self.positions and len(self.pairs) == 1 and self.pairs[0].share == 1 and self.stride == 1

    @property
    def is_everything(self) -> bool:
        """Whether there is one output, which reads all."""
        return self.positions == 1 and len(self.pairs) == self.size


@lru_cache(maxsize=1024)
def axis_reading(taps: AxisTaps, size: int, positions: int, border: str) -> AxisReading:
    """One axis read by `taps`; `border` is the padding mode's word for what lies outside of the input."""
    period = len(taps.offsets)
    pairs: list[Pairs] = []
    outputs: list[int] = []
    inputs: list[int] = []
    read_in_all = 0
    for phase, offsets in enumerate(taps.offsets):
        turns = len(range(phase, positions, period))
        read_in_all += len(offsets) * turns
        for offset in offsets:
            within = _turns_within(taps.stride, offset, turns, size)
            if within:
                pairs.append(_pairs(taps.stride, offset, phase, period, within[0], within[-1], positions))
            if border != "zeros":
                outside = [turn for turn in range(turns) if not 0 <= taps.stride * turn + offset < size]
                outputs += [period * turn + phase for turn in outside]
                inputs += [folded(taps.stride * turn + offset, size, border) for turn in outside]
    folds = tuple(outputs), tuple(inputs)
    return AxisReading(size, positions, taps.stride, period, read_in_all / positions, tuple(pairs), folds)


def _turns_within(stride: int, offset: int, turns: int, size: int) -> range:
    """The turns q for which stride*q + offset lies within the input."""
    if stride == 0:
        return range(turns if 0 <= offset < size else 0)
    return range(max(0, -(offset // stride)), min(turns, (size - 1 - offset) // stride + 1))


def _pairs(stride: int, offset: int, phase: int, period: int, first: int, last: int, positions: int) -> Pairs:
    start = stride * first + offset
    inputs = slice(start, stride * last + offset + 1, stride or 1)
    outputs = slice(period * first + phase, period * last + phase + 1, period)
    return Pairs(outputs, inputs, (last - first + 1) / positions)


def folded(read: int, size: int, border: str) -> int:
    """The position within the input that a padding mode repeats at one outside."""
    if border == "circular":
        return read % size
    if border == "replicate":
        return min(max(read, 0), size - 1)
    return -read if read < 0 else 2 * (size - 1) - read  # reflect


def everything(size: int) -> AxisReading:
    """One axis whose only output reads all positions."""
    return AxisReading(size, 1, 0, 1, size, tuple(Pairs(slice(0, 1), slice(q, q + 1), 1.0) for q in range(size)))


def gather(x: Array, readings: Sequence[AxisReading]) -> Array:
    """For each output, the sum of what it reads of x, whose last axes the readings are of."""
    first = x.ndim - len(readings)
    for axis, reading in enumerate(readings, first):
        x = _gather_axis(x, axis, reading, [1.0] * len(reading.pairs))
    return x


def gather_shared(shared: Array, readings: Sequence[AxisReading]) -> Array:
    """E[y(p) m] behind independent weights, m being the channel's mean over the outputs, of E[x(q) m] before them.

    Of m a kernel element makes the mean of x over the inputs that it reads, which is to that over all as E[x(q) m] is
    to its mean there, axis by axis.
    """
    first = shared.ndim - len(readings)
    result = shared
    for axis, reading in enumerate(readings, first):
        along = shared.sum(tuple(other for other in range(shared.ndim) if other != axis))
        mean = float(along.mean()) or 1.0
        parts = [float(along[pair.inputs].sum()) / (reading.positions * mean) for pair in reading.pairs]
        result = _gather_axis(result, axis, reading, parts)
    return result


def scatter(y: Array, readings: Sequence[AxisReading]) -> Array:
    """For each input, the sum of y over the outputs that read it: the transpose of `gather`."""
    first = y.ndim - len(readings)
    for axis, reading in enumerate(readings, first):
        y = _scatter_axis(y, axis, reading)
    return y


def _gather_axis(x: Array, axis: int, reading: AxisReading, factors: Sequence[float]) -> Array:
    import numpy as np

    if reading.is_identity:
        return x
    if reading.is_everything:
        weights = np.array(factors).reshape((-1,) + (1,) * (x.ndim - axis - 1))
        summed: Array = (x * weights).sum(axis, keepdims=True)
        return summed
    before = (slice(None),) * axis
    y = np.zeros((*x.shape[:axis], reading.positions, *x.shape[axis + 1 :]))
    for (outputs, inputs, _), factor in zip(reading.pairs, factors, strict=True):
        y[(*before, outputs)] += x[(*before, inputs)] * factor
    outside, inside = map(list, reading.folded)
    if outside:
        np.add.at(np.moveaxis(y, axis, 0), outside, np.moveaxis(x, axis, 0)[inside])
    return y


def _scatter_axis(y: Array, axis: int, reading: AxisReading) -> Array:
    import numpy as np

    if reading.is_identity:
        return y
    shape = (*y.shape[:axis], reading.size, *y.shape[axis + 1 :])
    if reading.is_everything:
        return np.broadcast_to(y, shape)
    before = (slice(None),) * axis
    x = np.zeros(shape)
    for outputs, inputs, _ in reading.pairs:
        x[(*before, inputs)] += y[(*before, outputs)]
    outside, inside = map(list, reading.folded)
    if outside:
        np.add.at(np.moveaxis(x, axis, 0), inside, np.moveaxis(y, axis, 0)[outside])
    return x


def scatter_correlated(correlated: Correlated, readings: Sequence[AxisReading], reach: Lag) -> Correlated:
    """`scatter` of every lag through a kernel of independent weights, lags up to `reach` kept. Two outputs have a
    weight in common where they read with the same kernel element: they lie whole periods apart, what they read strides.
    """
    result: Correlated = {}
    for lag, values in correlated.items():
        turns = [divmod(step, reading.period) for step, reading in zip(lag, readings, strict=True)]
        steps = tuple(turn * reading.stride for (turn, _), reading in zip(turns, readings, strict=True))
        if all(rest == 0 for _, rest in turns) and all(abs(a) <= b for a, b in zip(steps, reach, strict=True)):
            spread = scatter(values, readings)
            if any(steps):
                spread = _within(spread, steps)
            result[steps] = result[steps] + spread if steps in result else spread
    return result


def _within(values: Array, lag: Lag) -> Array:
    """The values, but 0 at positions q for which q + lag lies outside."""
    import numpy as np

    sizes = values.shape[values.ndim - len(lag) :]
    inner = tuple(slice(max(0, -step), max(0, min(size, size - step))) for size, step in zip(sizes, lag, strict=True))
    window = (slice(None),) * (values.ndim - len(lag)) + inner
    kept = np.zeros_like(values)
    kept[window] = values[window]
    return kept
