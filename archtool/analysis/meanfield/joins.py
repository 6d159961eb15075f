"""The rules of joins: how moments pass forward through them, and squared gradients back to each input."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import accumulate, pairwise
from operator import mul
from typing import TYPE_CHECKING, Any

from archtool import mixing
from archtool.analysis.meanfield.laws import Law
from archtool.analysis.meanfield.moments import Moments, beside, common_segments, inside
from archtool.analysis.meanfield.passage import Passage
from archtool.analysis.meanfield.readings import Correlated, Lag

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]


def _aligned(inputs: Sequence[Moments]) -> tuple[list[Moments], tuple[int, ...]]:
    """Tensors in the same units and with the same segments, and these."""
    channels = common_segments([each.channels for each in inputs])
    scale = max(each.scale for each in inputs)
    return [each.in_units(scale).split(channels) for each in inputs], channels


def _at_input(gradient: Correlated, channels: tuple[int, ...], x: Moments) -> Correlated:
    """The gradient at an input that has coarser segments than the join, or is stretched along the channels or an axis:
    the mean over what is told apart, the sum over what is stretched."""
    spatial = x.square.shape[1:]
    result: Correlated = {}
    for lag, values in gradient.items():
        if channels != x.channels:
            values = _merged(values, channels, x.channels)
        stretched = [axis for axis, (n, m) in enumerate(zip(values.shape[1:], spatial, strict=True)) if m == 1 < n]
        if stretched:
            values = values.sum(tuple(axis + 1 for axis in stretched), keepdims=True)
            lag = tuple(0 if axis in stretched else step for axis, step in enumerate(lag))
        result[lag] = result[lag] + values if lag in result else values
    return result


def _merged(values: Array, finer: tuple[int, ...], coarser: tuple[int, ...]) -> Array:
    import numpy as np

    merged = np.zeros((len(coarser), *values.shape[1:]))
    np.add.at(merged, inside(finer, coarser), values * beside(np.array(finer), values))
    return merged / beside(np.array(coarser), merged)


def summed(inputs: Sequence[Moments], how: mixing.Summed) -> Passage:
    """E[(a + b)^2] = E[a^2] + E[b^2] + 2 E[a] E[b] for independent a and b; the gradient goes to all."""
    parts, channels = _aligned(inputs)
    y = _sum(parts, how)
    if y.scale == 0:
        y = y._replace(laws=tuple(_law_of_sum(parts, how, segment) for segment in range(len(channels))))
    return Passage(y.rescaled(), lambda gradient, reach: [_at_input(gradient, channels, each) for each in inputs])


def _sum(parts: Sequence[Moments], how: mixing.Summed) -> Moments:
    import numpy as np

    means = [part.mean * (how.others if i else 1) for i, part in enumerate(parts)]
    mean = np.sum(means, axis=0)
    crossed = mean**2 - np.sum([each**2 for each in means], axis=0)
    square = shared = beside(crossed, parts[0].square)
    for part in parts:
        square, shared = square + part.square, shared + part.shared
    return Moments(parts[0].channels, square, shared, mean, (None,) * len(mean), parts[0].scale)


def _rest(parts: Sequence[Moments], how: mixing.Summed, i: int, segment: int) -> Law:
    """The normal law of the sum without part i."""
    first = parts[0] if i else parts[0]._replace(**{word: 0 * getattr(parts[0], word) for word in _NUMBERS})
    return _sum([first, *(part for j, part in enumerate(parts) if j not in (0, i))], how).law(segment)


_NUMBERS = ("square", "shared", "mean")


def _law_of_sum(parts: Sequence[Moments], how: mixing.Summed, segment: int) -> Law | None:
    """That of a function's output (a shortcut behind ReLU) and normal elements; None for normal ones alone."""
    for i, part in enumerate(parts):
        law = part.laws[segment]
        if law is not None and law.source is not None and (i == 0 or how.others == 1):
            return law.plus(_rest(parts, how, i, segment))
    return None


def coupled_sum(inputs: Sequence[Moments], how: mixing.Summed, behind: mixing.Applied) -> Passage:
    """A sum behind which a function f stands. Where an input is itself a function's output, f' is greater where that is
    large, and so is the slope that the gradient meets next (a shortcut from ReLU to ReLU): the gain makes up for it."""
    import numpy as np

    passed = summed(inputs, how)
    parts, channels = _aligned(inputs)
    gains = np.ones((len(parts), len(channels)))
    for i, part in enumerate(parts):
        for segment, law in enumerate(part.laws):
            if law is not None and law.source is not None and part.scale == 0 and (i == 0 or how.others == 1):
                gains[i, segment] = law.coupling(_rest(parts, how, i, segment), behind.function)

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        return [
            _at_input({lag: values * beside(gain, values) for lag, values in gradient.items()}, channels, each)
            for gain, each in zip(gains, inputs, strict=True)
        ]

    return Passage(passed.moments, back)


def multiplied(inputs: Sequence[Moments], name: str) -> Passage:
    """E[(a b)^2] = E[a^2] E[b^2] for independent a and b; the gradient at a is that behind times b."""
    import numpy as np

    parts, channels = _aligned([each.plain(name) for each in inputs])

    def product(word: str, without: int | None = None) -> Array:
        factors: list[Array] = [getattr(part, word) for i, part in enumerate(parts) if i != without]
        return reduce(mul, factors) if factors else np.ones(1)

    y = Moments(channels, product("square"), product("shared"), product("mean"), (None,) * len(channels))

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        found = []
        for i, x in enumerate(inputs):
            same, apart = product("square", i), product("shared", i)
            passed = {lag: values * (apart if any(lag) else same) for lag, values in gradient.items()}
            found.append(_at_input(passed, channels, x))
        return found

    return Passage(y.rescaled(), back)


def concatenated(inputs: Sequence[Moments]) -> Passage:
    """The inputs' segments behind each other."""
    import numpy as np

    scale = max(each.scale for each in inputs)
    parts = [each.in_units(scale) for each in inputs]
    square, shared, mean = (np.concatenate([getattr(part, word) for part in parts]) for word in _NUMBERS)
    channels = tuple(size for part in parts for size in part.channels)
    y = Moments(channels, square, shared, mean, tuple(law for part in parts for law in part.laws), scale)
    ends = [0, *accumulate(len(part.channels) for part in parts)]

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        return [{lag: values[a:b] for lag, values in gradient.items()} for a, b in pairwise(ends)]

    return Passage(y, back)


def chosen_of_several(inputs: Sequence[Moments], how: mixing.Chosen, name: str) -> Passage:
    """The greatest of several tensors whose elements have, taken together, one normal law: each has the same chance."""
    import numpy as np

    parts, channels = _aligned([each.plain(name) for each in inputs])
    square, shared, mean = (
        np.mean(np.broadcast_arrays(*(getattr(part, word) for part in parts)), axis=0) for word in _NUMBERS
    )
    x = Moments(channels, square, shared, mean, (None,) * len(channels))
    y = x.having([x.law(i).greatest(len(parts), how.least)[0] for i in range(len(channels))])

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        here = {lag: values / len(parts) for lag, values in gradient.items() if not any(lag)}
        return [_at_input(here, channels, each) for each in inputs]

    return Passage(y, back)
