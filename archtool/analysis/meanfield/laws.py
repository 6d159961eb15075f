"""The law of one element of a tensor over random weights and inputs, as points with weights."""

from __future__ import annotations

from functools import cache, cached_property
from math import erfc
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]
    Function = Callable[[Array], Array]

CHANNELS_APART: Final = 33  # points of the law of channels' means
ELEMENTS_APART: Final = 512  # points of the law of a channel's elements
COUPLED: Final = 64  # points of a law that meets a normal one
FINEST: Final = 12  # cells in a deviation of their sum
CELLS: Final = 500  # in all, at most
FARTHEST: Final = 6.0  # standard deviations that the points of a normal law reach out to
STEP: Final = 1e-6  # of a standard deviation: the difference that a slope is read off
SMALL: Final = 0.01  # of the variance within channels: that of their means below it is told with it

Numbers = tuple[float, float, float]  # mean, mean square, mean square of the channel's mean


class Law:
    """The law of an element: mean + between * u + within * v with standard normal u and v, or what is made of such.

    u is the channel's, v the element's own. `values` has a row for each u and a column for each v.
    """

    def __init__(self, mean: float, square: float, common: float) -> None:
        self.mean = mean
        between, within = max(common - mean**2, 0.0), max(square - max(common, mean**2), 0.0)
        if between < SMALL * within:
            between, within = 0.0, between + within
        self.between, self.within = between**0.5, within**0.5
        self.source: Law | None = None
        self.function: Function | None = None
        self._last: tuple[Numbers, tuple[Array, Array, Array]] | None = None

    def then(self, function: Function) -> Law:
        """The law of a function of an element."""
        law = self._like()
        law.source, law.function = self, function
        return law

    def plus(self, rest: Law) -> Law | None:
        """The law of the sum of an element and an independent normal one whose channels have no means of their own;
        None where they have."""
        import numpy as np

        if rest.between:
            return None
        edges, chances, masses = self._spread_by(rest)
        columns = self._weights[1]
        places = np.cumsum(columns) - columns / 2
        below = np.cumsum(np.einsum("uxy,x->uy", chances, masses), axis=1)
        values = np.array([np.interp(places, row, edges[1:]) for row in below])
        # What the cells and the few points have changed of the first two moments would add up over many sums.
        centres, deviations = self._of_rows(values)
        means, own = self._of_rows(self.values)
        law = self._like()
        law.values = (values - centres) * ((own**2 + rest.within**2) ** 0.5 / deviations) + means + rest.mean
        return law

    def _of_rows(self, values: Array) -> tuple[Array, Array]:
        """The mean and the deviation of each row."""
        weights = self._weights[1]
        means = (values @ weights)[:, None]
        return means, ((values - means) ** 2 @ weights)[:, None] ** 0.5

    def _like(self) -> Law:
        """A law with as many rows, for other values."""
        law = Law(self.mean, 0, 0)
        law.between, law.within = self.between, self.within
        return law

    @property
    def _weights(self) -> tuple[Array, Array]:
        """Those of the rows and of the columns."""
        return _normal(self._rows)[1], _normal(ELEMENTS_APART)[1]

    @property
    def _rows(self) -> int:
        return CHANNELS_APART if self.between else 1

    @cached_property
    def values(self) -> Array:
        """The elements."""
        if self.source is not None and self.function is not None:
            return self.function(self.source.values)
        u, v = _normal(self._rows)[0], _normal(ELEMENTS_APART)[0]
        values: Array = self.mean + self.between * u[:, None] + self.within * v
        return values

    @cached_property
    def slopes(self) -> Array:
        """The function's derivative at them; 1 where there is none."""
        import numpy as np

        if self.source is None or self.function is None:
            return np.ones_like(self.values)
        return _derivative(self.function, self.source.values)

    def _few(self, values: Array) -> tuple[Array, Array]:
        """The means of so many neighbouring columns, and their weights."""
        weights = self._weights[1].reshape(COUPLED, -1)
        masses = weights.sum(1)
        return (values.reshape(len(values), COUPLED, -1) * weights).sum(2) / masses, masses

    def moments(self) -> Numbers:
        """Those of the elements."""
        return self._moments(self.values, self._weights[1])

    def slope(self) -> tuple[float, float]:
        """The mean square of the slope, and the mean product of the slopes at two elements of one channel."""
        _, square, common = self._moments(self.slopes, self._weights[1])
        return square, common

    def greatest(self, of: float, least: bool = False) -> tuple[Numbers, float]:
        """The moments of the greatest (or least) of so many elements of a channel, and how much greater the mean square
        of the slope is there than at any element."""
        import numpy as np

        rows, columns = self._weights
        order = np.argsort(-self.values if least else self.values, axis=1)
        below = np.cumsum(columns[order], axis=1).clip(0, 1)
        before = np.concatenate([np.zeros((len(below), 1)), below[:, :-1]], axis=1)
        weights = below**of - before**of
        numbers = self._moments(np.take_along_axis(self.values, order, 1), weights)
        squares = np.take_along_axis(self.slopes, order, 1) ** 2
        anywhere = self.slope()[0]
        return numbers, float(rows @ (squares * weights).sum(1)) / anywhere if anywhere > 0 else 1.0

    def coupling(self, rest: Law, function: Function) -> float:
        """How much greater the mean of f'(x + r)^2 s(x)^2 is than the product of the two factors' means, s being the
        slope at x and r an independent normal element."""
        rows = self._weights[0]
        edges, chances, columns = self._spread_by(rest)
        behind = chances @ _derivative(function, (edges[1:] + edges[:-1]) / 2) ** 2
        own, _ = self._few(self.slopes**2)
        both, first, second = (float(rows @ (values @ columns)) for values in (own * behind, own, behind))
        return both / (first * second) if first * second > 0 else 1.0

    def _spread_by(self, rest: Law) -> tuple[Array, Array, Array]:
        """`_cells` for a normal law; the last are kept, since a sum asks for them twice."""
        key = (rest.mean, rest.between, rest.within)
        if self._last is None or self._last[0] != key:
            self._last = (key, self._cells(rest))
        return self._last[1]

    def _cells(self, rest: Law) -> tuple[Array, Array, Array]:
        """The edges of cells; the chance of each that x + r falls into it, for some x of each row; these x's weights.

        0 is an edge, since that is where functions have their corners."""
        import numpy as np

        x, masses = self._few(self.values)
        spread = max((rest.between**2 + rest.within**2) ** 0.5, 1e-6 * float(np.abs(x).max()), 1e-100)
        low, high = (float(end) + rest.mean for end in (x.min(), x.max()))
        step = max(spread / FINEST, (high - low + 2 * FARTHEST * spread) / CELLS)
        edges = step * np.arange(
            np.floor((low - FARTHEST * spread) / step), np.ceil((high + FARTHEST * spread) / step) + 1
        )
        below = _distribution()
        scale = (len(below) - 1) / (2 * FARTHEST)
        places = (edges - x[:, :, None] - rest.mean) * (scale / spread) + FARTHEST * scale
        return edges, np.diff(below[np.rint(places.clip(0, len(below) - 1)).astype(np.int32)], axis=2), masses

    def _moments(self, values: Array, weights: Array) -> Numbers:
        rows = self._weights[0]
        means = (values * weights).sum(-1)
        return float(rows @ means), float(rows @ (values**2 * weights).sum(-1)), float(rows @ means**2)


def _derivative(function: Function, x: Array) -> Array:
    import numpy as np

    step = STEP * max(float(np.abs(x).max()), 1e-100)
    slopes: Array = (function(x + step) - function(x - step)) / (2 * step)
    return slopes


@cache
def _normal(points: int) -> tuple[Array, Array]:
    """Points of the standard normal law, and their weights."""
    import numpy as np

    z = np.linspace(-FARTHEST, FARTHEST, 2 * points + 1)[1::2]
    weights = np.exp(-(z**2) / 2)
    return z, weights / weights.sum()


@cache
def _distribution() -> Array:
    """The chance that a standard normal number lies below each of many points, from -FARTHEST to FARTHEST."""
    import numpy as np

    return np.array([erfc(-each / 2**0.5) / 2 for each in np.linspace(-FARTHEST, FARTHEST, 2**15 + 1)])
