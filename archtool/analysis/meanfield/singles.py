"""The rules of layers with one input: how moments pass forward through them, and squared gradients back."""

from __future__ import annotations

from functools import lru_cache, partial
from math import prod
from typing import TYPE_CHECKING, Any, Final

from archtool import mixing
from archtool.analysis.meanfield.blends import AxisWeights, axis_weights, scatter_blended, weighted
from archtool.analysis.meanfield.moments import Moments, beside, over_positions
from archtool.analysis.meanfield.passage import Passage, fitted, sizes, squares_alone, unchanged
from archtool.analysis.meanfield.readings import (
    AxisReading,
    Correlated,
    Lag,
    axis_reading,
    everything,
    gather,
    gather_shared,
    scatter,
    scatter_correlated,
)
from archtool.analysis.numbers import whole
from archtool.errors import RuleError
from archtool.field import GLOBAL
from archtool.runs import LayerRun

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

WEIGHT_VARIANCE: Final = 2.0  # over the products that an output sums: He et al. 2015, arXiv:1502.01852, eq. 10


def readings_of(run: LayerRun, border: str = "zeros") -> tuple[AxisReading, ...]:
    """Each axis of the input as the layer reads it; none where each position is handled by itself."""
    x, y = sizes(run.inputs[0]), sizes(run.output)
    if run.field.state == GLOBAL or (not run.field.axes and len(y) < len(x)):  # the same, of one position
        return tuple(map(everything, x))
    if not run.field.axes:
        return ()
    taps = run.layer.taps(run.inputs[0], run.field)
    return tuple(axis_reading(axis, n, m, border) for axis, n, m in zip(taps, x, y, strict=True))


def mixed(run: LayerRun, x: Moments, border: str) -> Passage:
    """A sum with independent weights of variance 2 / T over T products (He): E[y^2] is twice the mean of E[x^2] over
    them. Back, an input's square is 2 / T * y.channels / x.channels times the sum over the outputs that read it,
    whatever the groups."""
    import numpy as np

    readings, spatial = readings_of(run, border), sizes(run.output)
    gain = WEIGHT_VARIANCE / (prod(reading.taps for reading in readings) or 1.0)
    m = x.merged()
    square = fitted(gather(m.square, readings) * gain, spatial)
    shared = fitted(gather_shared(m.shared, readings) * gain, spatial)
    y = Moments((whole(run.output.channels),), square, shared, np.zeros(1), (None,), m.scale)
    back_gain = gain * y.total / x.total

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        spread = scatter_correlated(gradient, readings, reach) if readings else gradient
        return [{lag: np.repeat(values * back_gain, len(x.channels), axis=0) for lag, values in spread.items()}]

    return Passage(y.rescaled(), back)


def rearranged(run: LayerRun, x: Moments) -> Passage:
    """Elements that move between channels, or between channels and positions: each output is one of the T that it
    reads, or, where it reads everything, any. Correlations end here."""
    import numpy as np

    m, spatial, back_to = x.merged(), sizes(run.output), sizes(run.inputs[0])
    channels = whole(run.output.channels)
    if run.field.state == GLOBAL:
        square, shared = (np.full((1, *spatial), float(numbers[0])) for numbers in (m.average, m.common))
        y = Moments((channels,), square, shared, m.mean, (None,), m.scale)

        def anywhere(gradient: Correlated, reach: Lag) -> list[Correlated]:
            (behind,) = squares_alone(gradient, spatial).values()
            return [{(0,) * len(back_to): np.full((len(x.channels), *back_to), float(behind.mean()))}]

        return Passage(y, anywhere)
    readings = readings_of(run)
    taps = prod(reading.taps for reading in readings) or 1.0
    square, shared = (fitted(gather(values, readings) / taps, spatial) for values in (m.square, m.shared))
    y = Moments((channels,), square, shared, m.mean, (None,), m.scale)
    gain = channels / x.total / taps
    read = tuple(reading.positions for reading in readings) or back_to

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        (behind,) = squares_alone(gradient, read).values()
        return [{(0,) * len(back_to): np.repeat(scatter(behind, readings) * gain, len(x.channels), axis=0)}]

    return Passage(y, back)


def copied(run: LayerRun, x: Moments, border: str) -> Passage:
    """Each position another's, channel by channel; or the same positions in their order, with other axes."""
    if not run.field.axes:
        before, after = sizes(run.inputs[0]), sizes(run.output)
        if before == after:
            return Passage(x, unchanged)
        y = x._replace(square=fitted(x.square, after), shared=fitted(x.shared, after))
        return Passage(y, lambda gradient, reach: [squares_alone(gradient, before)])
    readings = readings_of(run, border)
    inner = 1.0 if border != "zeros" else prod(sum(pair.share for pair in reading.pairs) for reading in readings)
    square, shared = gather(x.square, readings), gather(x.shared, readings) * inner
    y = Moments(x.channels, square, shared, x.mean * inner, (None,) * len(x.channels), x.scale)
    return Passage(y, lambda gradient, reach: [scatter_correlated(gradient, readings, reach)])


def framed(x: Moments, how: mixing.Framed) -> Passage:
    """Channels of zeros around those of the input."""
    import numpy as np

    first, last = int(how.before > 0), int(how.after > 0)
    rows = [(first, last)] + [(0, 0)] * (x.square.ndim - 1)
    channels = tuple(size for size in (how.before, *x.channels, how.after) if size)
    squares = (np.pad(x.square, rows), np.pad(x.shared, rows))
    y = Moments(channels, *squares, np.pad(x.mean, (first, last)), (None,) * len(channels), x.scale)
    end = first + len(x.channels)
    return Passage(y, lambda gradient, reach: [{lag: values[first:end] for lag, values in gradient.items()}])


def chosen(run: LayerRun, x: Moments, how: mixing.Chosen, name: str) -> Passage:
    """The greatest of T elements of a channel: each has the chance 1 / T of being it, T being those within the input.
    The slope of an activation before differs there from what it is anywhere, by the gain. Correlations end here."""
    import numpy as np

    x = x.plain(name)
    readings = readings_of(run)
    taps = round(prod(reading.taps for reading in readings)) or 1
    counts = gather(np.ones((1, *x.square.shape[1:])), readings)
    found = [x.law(i).greatest(taps, how.least) for i in range(len(x.channels))]
    square, shared = (fitted(gather(each, readings) / counts, sizes(run.output)) for each in (x.square, x.shared))
    y = x._replace(square=square, shared=shared).having([numbers for numbers, _ in found])
    gain = beside(np.array([gain for _, gain in found]), x.square)

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        here = squares_alone(gradient, counts.shape[1:])
        return [{lag: scatter(values / counts, readings) * gain for lag, values in here.items()}]

    return Passage(y, back)


def weights_of(run: LayerRun) -> tuple[AxisWeights, ...] | None:
    """Each axis of a layer with fixed weights; None for other layers, and where one output reads everything."""
    how = run.layer.mixing(run.inputs[0])
    if not isinstance(how, mixing.Blended) or run.field.state == GLOBAL or not run.field.axes:
        return None
    return _weights_of(run.layer, run.inputs[0], run.output, run.field)


@lru_cache(maxsize=256)
def _weights_of(layer: Any, x: Any, y: Any, field: Any) -> tuple[AxisWeights, ...]:
    how = layer.mixing(x)
    return tuple(
        axis_weights(taps, whole(n), whole(m), how.border, partial(how.weights, axis))
        for axis, (taps, n, m) in enumerate(zip(layer.taps(x, field), x.spatial, y.spatial, strict=True))
    )


def blended(run: LayerRun, x: Moments) -> Passage:
    """A sum with fixed weights a: E[y^2] = shared (sum a)^2 + (E[x^2] - shared) sum a^2, two positions having in common
    what two inputs have."""
    import numpy as np

    laws = (None,) * len(x.channels)
    axes = weights_of(run)
    if axes is None:
        return _averaged(run, x)
    sums = weighted(np.ones((1, *x.square.shape[1:])), axes, 1)
    mean, seen = float(sums.mean()), weighted(x.shared, axes, 1)
    square = weighted(np.maximum(x.square - x.shared, 0), axes, 2) + seen * sums
    y = Moments(x.channels, square, seen * mean, x.mean * mean, laws, x.scale)
    return Passage(y, lambda gradient, reach: [scatter_blended(gradient, axes, reach)])


def _averaged(run: LayerRun, x: Moments) -> Passage:
    """The mean over all positions. What it has the gradients of all positions in common is neglected."""
    readings = readings_of(run)
    count = prod(reading.size for reading in readings)
    square, shared = (
        fitted(beside(numbers, x.square), sizes(run.output))
        for numbers in (x.common + (x.average - x.common) / count, x.common)
    )
    y = Moments(x.channels, square, shared, x.mean, (None,) * len(x.channels), x.scale)

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        here = squares_alone(gradient, (1,) * len(readings))
        return [{lag: scatter(values, readings) / count**2 for lag, values in here.items()}]

    return Passage(y, back)


def normalised(x: Moments, how: mixing.Normalised, name: str) -> Passage:
    """Divided by the deviation that the moments give. A channel by itself loses what its elements have in common, all
    channels together their mean. That the deviation itself varies with the elements is neglected."""
    import numpy as np

    x = x.plain(name)
    mean, shared = x.mean, x.shared
    if how.over_channels:
        square = x.square
        if how.centred:  # by the mean at each position
            means = mean / np.maximum(x.common, 1e-300)
            here = beside(means, shared) * shared
            middle = (beside(x.shares, here) * here).sum(0, keepdims=True)
            average = float(x.shares @ mean)
            square = square - 2 * middle * here + middle**2
            shared = shared - middle * beside(mean, here) - here * average + middle * average
            mean = mean - average
        variance = (beside(x.shares, square) * square).sum(0, keepdims=True)
        if how.over_positions:
            variance = variance.mean(keepdims=True)
    elif how.centred:
        square = x.square - 2 * shared + beside(x.common, shared)
        variance, shared, mean = beside(x.average - x.common, square), 0 * shared, 0 * mean
    else:
        square, variance = x.square, beside(x.average, x.square)
    with np.errstate(all="ignore"):
        gain = how.deviation(np.maximum(variance, 0)) ** -2.0
    if not np.isfinite(gain).all():
        raise RuleError(f"'{name}' divides by 0, or by no number")
    laws = (None,) * len(x.channels)
    y = Moments(x.channels, np.maximum(square, 0) * gain, shared * gain, mean * over_positions(gain) ** 0.5, laws)
    return Passage(y, lambda gradient, reach: [{lag: values * gain for lag, values in gradient.items()}])
