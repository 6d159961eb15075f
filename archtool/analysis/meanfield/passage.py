"""What it is to pass a layer, and what the rules have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.meanfield.moments import Moments
from archtool.analysis.meanfield.readings import Correlated, Lag
from archtool.analysis.numbers import whole
from archtool.errors import RuleError
from archtool.shape import Shape

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

LARGEST: Final = 2**24  # positions of a tensor


class Passage(NamedTuple):
    """A layer passed: its output's moments; `back(gradient, reach)` is the gradient at each of its inputs.

    A gradient is told by E[g(q) g(q + lag)], the mean over a segment's channels, at each position q: for lag 0 its mean
    square. Lags up to `reach` bear on what comes before the layer; others may be left out.
    """

    moments: Moments
    back: Callable[[Correlated, Lag], list[Correlated]]


def unchanged(gradient: Correlated, reach: Lag) -> list[Correlated]:
    """The gradient before a layer that changes nothing."""
    return [gradient]


def sizes(shape: Shape) -> tuple[int, ...]:
    """The sizes of a tensor's positions; RuleError where there are too many to be held one by one."""
    found = tuple(whole(size) for size in shape.spatial)
    if prod(found) > LARGEST:
        raise RuleError(
            f"a tensor of {prod(found):,} positions is too large for an effective field (most: {LARGEST:,})"
        )
    return found


def fitted(values: Array, spatial: Sequence[int]) -> Array:
    """The same positions with other axes: none for one position, the rows of a grid behind each other."""
    return values if values.shape[1:] == tuple(spatial) else values.reshape((len(values), *spatial))


def squares_alone(gradient: Correlated, spatial: Sequence[int]) -> Correlated:
    """Lag 0 alone, for positions with these axes."""
    return {(0,) * len(spatial): fitted(values, spatial) for lag, values in gradient.items() if not any(lag)}
