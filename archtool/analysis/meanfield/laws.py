"""The law of one element of a tensor over random weights and inputs, as points with weights."""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]
    Function = Callable[[Array], Array]

CHANNELS_APART: Final = 33  # points of the law of channels' means
ELEMENTS_APART: Final = 512  # points of the law of a channel's elements
COUPLED: Final = 64  # points of each of two laws that meet
FARTHEST: Final = 6.0  # standard deviations that the points of a normal law reach out to
STEP: Final = 1e-6  # of a standard deviation: the difference that a slope is read off
SMALL: Final = 1e-6  # of an element's deviation: channels' means below it are all the same

Numbers = tuple[float, float, float]  # mean, mean square, mean square of the channel's mean


class Law:
    """The law of an element: mean + between * u + within * v with standard normal u and v, or what is made of such.

    u is the channel's, v the element's own. `values` has a row for each u and a column for each v.
    """

    def __init__(self, mean: float, square: float, common: float) -> None:
        self.mean = mean
        self.between = max(common - mean**2, 0.0) ** 0.5
        self.within = max(square - max(common, mean**2), 0.0) ** 0.5
        self.source: Law | None = None
        self.function: Function | None = None

    def then(self, function: Function) -> Law:
        """The law of a function of an element."""
        law = self._like()
        law.source, law.function = self, function
        return law

    def plus(self, rest: Law) -> Law | None:
        """The law of the sum of an element and an independent normal one whose channels have no means of their own;
        None where they have."""
        import numpy as np

        if rest.between > SMALL * rest.within:
            return None
        x, masses = self._few()
        r, weights = _normal(COUPLED)
        sums = (x[:, :, None] + rest.mean + rest.within * r).reshape(len(x), -1)
        masses = np.outer(masses, weights).reshape(-1)
        columns = self._weights[1]
        places = np.cumsum(columns) - columns / 2
        order = np.argsort(sums, axis=1)
        rows = [
            np.interp(places, np.cumsum(masses[each]) - masses[each] / 2, row[each])
            for row, each in zip(sums, order, strict=True)
        ]
        law = self._like()
        law.values = np.array(rows)
        return law

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
        return CHANNELS_APART if self.between > SMALL * self.within else 1

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

    def _few(self) -> tuple[Array, Array]:
        """Every so many columns of the values, and their weights."""
        step = ELEMENTS_APART // COUPLED
        weights = self._weights[1][step // 2 :: step]
        return self.values[:, step // 2 :: step], weights / weights.sum()

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
        x, columns = self._few()
        r, weights = _normal(COUPLED)
        spread = (rest.between**2 + rest.within**2) ** 0.5
        behind = _derivative(function, x[:, :, None] + rest.mean + spread * r) ** 2 @ weights
        own = self.slopes[:, (ELEMENTS_APART // COUPLED) // 2 :: ELEMENTS_APART // COUPLED] ** 2
        both, first, second = (float(rows @ (values @ columns)) for values in (own * behind, own, behind))
        return both / (first * second) if first * second > 0 else 1.0

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
