"""The rule of functions of each element by itself: activations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.meanfield.laws import Law
from archtool.analysis.meanfield.moments import Moments
from archtool.analysis.meanfield.passage import Passage
from archtool.analysis.meanfield.readings import Correlated, Lag

if TYPE_CHECKING:
    import numpy as np

    from archtool.analysis.meanfield.laws import Function

    Array = np.ndarray[Any, np.dtype[np.float64]]

LEVELS: Final = 6  # mean squares between the least and the greatest of all positions for which a law is made
ALIKE: Final = 1.01  # the ratio of these two up to which one law does for all


def applied(x: Moments, function: Function, name: str) -> Passage:
    """A function f of each element: squares are multiplied by E[f'^2], correlations by the mean of f' f' at two
    elements of a channel. Both depend on the position where the elements' deviation does, at borders above all."""
    import numpy as np

    x = x.plain(name)
    with np.errstate(over="ignore", invalid="ignore"):  # `rescaled` refuses what comes of it
        laws = tuple(x.law(i).then(function) for i in range(len(x.channels)))
        found = [_applied(x, i, law, function) for i, law in enumerate(laws)]
    columns = [np.stack(column) for column in zip(*(each[1:] for each in found), strict=True)]
    square, shared, same, apart = columns
    y = Moments(x.channels, square, shared, np.array([each.mean for each in found]), laws)

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        return [{lag: values * (apart if any(lag) else same) for lag, values in gradient.items()}]

    return Passage(y.rescaled(), back)


class _Applied(NamedTuple):
    """What a function makes of a segment: the mean over all positions; at each position the mean square, what is
    shared, and the mean products of slopes at one and at two elements."""

    mean: float
    square: Array
    shared: Array
    same: Array
    apart: Array


def _applied(x: Moments, segment: int, law: Law, function: Function) -> _Applied:
    import numpy as np

    square, mean = x.square[segment], float(x.mean[segment])
    least, most = float(square.min()), float(square.max())
    if most <= ALIKE * least or x.laws[segment] is not None or (mean == 0 and _is_homogeneous(function)):
        one = x._replace(
            channels=x.channels[segment : segment + 1],
            square=square[None],
            shared=x.shared[segment : segment + 1],
        ).having([law.moments()])
        slopes = (np.full_like(square, slope) for slope in law.slope())
        return _Applied(float(one.mean[0]), one.square[0], one.shared[0], *slopes)
    points = np.linspace(least, most, LEVELS)
    nearest = np.rint((square - least) / (most - least) * (LEVELS - 1)).astype(int).ravel()
    counts = np.bincount(nearest, minlength=LEVELS)
    shared = np.bincount(nearest, x.shared[segment].ravel(), LEVELS)[counts > 0] / counts[counts > 0]
    shared = np.interp(points, points[counts > 0], shared)
    local = [Law(mean, *map(float, numbers)).then(function) for numbers in zip(points, shared, strict=True)]
    moments = np.array([(*each.moments(), *each.slope()) for each in local])
    means, squares, common, same, apart = (np.interp(square, points, column) for column in moments.T)
    return _Applied(float(means.mean()), squares, common**0.5 * (common**0.5).mean(), same, apart)


def _is_homogeneous(function: Function) -> bool:
    """Whether f(2 z) = 2 f(z), so that slopes do not depend on the deviation."""
    import numpy as np

    z = np.linspace(-4, 4, 17)
    return bool(np.allclose(function(2 * z), 2 * function(z), rtol=1e-12, atol=0))
