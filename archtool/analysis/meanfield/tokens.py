"""The rules of tokens: attention, tokens put before others or taken out, learned numbers that stand by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import prod
from typing import TYPE_CHECKING, Any, Final

from archtool import mixing
from archtool.analysis.meanfield.moments import Moments
from archtool.analysis.meanfield.passage import Passage, sizes, squares_alone
from archtool.analysis.meanfield.readings import Correlated, Lag, scatter
from archtool.analysis.meanfield.singles import WEIGHT_VARIANCE, readings_of
from archtool.analysis.numbers import whole
from archtool.errors import RuleError
from archtool.field import LOCAL
from archtool.runs import LayerRun

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

SCORES: Final = 2**16  # random attention scores that a softmax is judged by, at least
LARGEST_CONTEXT: Final = 2**18  # positions that one asks


def standing(run: LayerRun, how: mixing.Standing) -> Passage:
    """Numbers that do not depend on the input, so that no gradient passes. Of a channel's own mean over many positions
    of independent numbers little is left."""
    import numpy as np

    shape = (1, *sizes(run.output))
    square = np.full(shape, how.square)
    y = Moments((whole(run.output.channels),), square, square / prod(shape), np.zeros(1), (None,))
    return Passage(y, lambda gradient, reach: [{}])


def preceded(x: Moments) -> Passage:
    """A token of zeros before the others."""
    import numpy as np

    square, shared = (np.pad(values, ((0, 0), (1, 0))) for values in (x.square, x.shared))
    y = Moments(x.channels, square, shared, x.mean, (None,) * len(x.channels), x.scale)
    return Passage(
        y, lambda gradient, reach: [{lag: values[:, 1:] for lag, values in gradient.items() if not any(lag)}]
    )


def picked(x: Moments, how: mixing.Picked) -> Passage:
    """One token."""
    import numpy as np

    y = x._replace(square=x.square[:, how.token], shared=x.shared[:, how.token])

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        values = np.zeros_like(x.square)
        values[:, how.token] = gradient[()]
        return [{(0,): values}]

    return Passage(y, back)


def attended(run: LayerRun, inputs: Sequence[Moments], how: mixing.Attended, name: str) -> Passage:
    """o_i = sum_j a_ij v_j with a_i = softmax_j(q_i k_j / sqrt(d)), q, k, v and the output by He's weights.

    With S and C the mean square and what is shared, elements of q have the square 2 S; of k and v 2 (S - C) is their
    own, the rest all have in common: softmax and its derivative cancel it. So a score is s r z_j, with s^2 the product
    of both, z_j normal, and r^2 = |q|^2 / (2 S d) about 1. The gradient at score j is a_j (e_j - sum a e), where e_j,
    the gradient g of o times v_j, are independent. A gradient g of o so reaches, as a square,

        v_j   E[sum a^2] / n                       times the sum of g over all i,
        k_j   E[r^2 D] / n * 2 (S - C) * 2 S       times that sum, D = sum a^2 ((1 - a)^2 + sum of the others' a^2),
        q_i   E[(d - 1) D + sum a^2 (z - sum a z)^2] / d * (2 (S - C))^2   times its own g: across q, and along it,
              where the keys that weigh most are long.
    """
    import numpy as np

    x, context = inputs[0].plain(name).merged(), inputs[-1].plain(name).merged()
    readings = readings_of(run) if run.field.state == LOCAL and run.field.axes else ()
    keys = round(prod(reading.taps for reading in readings)) if readings else int(np.prod(context.square.shape[1:]))
    if keys > LARGEST_CONTEXT:
        raise RuleError(
            f"'{name}' asks {keys:,} positions, too many for an effective field (most: {LARGEST_CONTEXT:,})"
        )
    asked = WEIGHT_VARIANCE * float(x.average[0])
    common = WEIGHT_VARIANCE * float(context.common[0])
    own = max(WEIGHT_VARIANCE * float(context.average[0]) - common, 0.0)
    squares, keyed, queried = _softmax(keys, (asked * own) ** 0.5, how.per_head)
    ones = np.ones((1, *sizes(run.output)))
    square = WEIGHT_VARIANCE * (common + own * squares)
    y = Moments((x.total,), ones * square, ones * WEIGHT_VARIANCE * common, np.zeros(1), (None,))

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        (behind,) = squares_alone(gradient, ones.shape[1:]).values()
        behind = behind * (WEIGHT_VARIANCE * x.total / how.queries)
        if readings:
            spread = scatter(behind, readings) / keys
        else:
            spread = np.full((1, *context.square.shape[1:]), behind.sum() / keys)
        groups = how.queries / how.keys  # heads of queries to one of keys and values
        asking = behind * (queried * own**2 * WEIGHT_VARIANCE * how.queries / x.total)
        answering = spread * ((squares + keyed * own * asked) * groups * WEIGHT_VARIANCE * how.keys / context.total)
        found = [asking, answering] if len(inputs) == 2 else [asking + answering]
        return [
            {(0,) * (values.ndim - 1): np.repeat(values, len(each.channels), axis=0)}
            for values, each in zip(found, inputs, strict=True)
        ]

    return Passage(y.rescaled(), back)


@cache
def _softmax(keys: int, deviation: float, per_head: int) -> tuple[float, float, float]:
    """The three means of `attended` for scores of this deviation, over draws of them."""
    import numpy as np

    generator = np.random.default_rng(0)
    count = max(64, SCORES // keys)
    z = generator.standard_normal((count, keys))
    lengths = generator.chisquare(per_head, (count, 1)) / per_head
    weights = np.exp(deviation * lengths**0.5 * (z - z.max(1, keepdims=True)))
    weights /= weights.sum(1, keepdims=True)
    squares = (weights**2).sum(1)
    derivatives = (weights**2 * (1 - 2 * weights + squares[:, None])).sum(1)
    along = (weights**2 * (z - (weights * z).sum(1, keepdims=True)) ** 2).sum(1)
    queried = ((per_head - 1) * derivatives + along) / per_head
    return float(squares.mean()), float((lengths[:, 0] * derivatives).mean()), float(queried.mean())


def collapsed(x: Moments, how: mixing.Collapsed, name: str) -> Passage:
    """The mean of C channels, each of which gets 1 / C of the gradient; or the greatest, each with the chance 1 / C."""
    import numpy as np

    x = x.plain(name)
    m, count = x.merged(), x.total
    if how.greatest:
        y = m.having([m.law(0).greatest(count)[0]])._replace(channels=(1,))
    else:
        middle = float(m.mean[0]) ** 2
        square, shared = (middle + (values - middle) / count for values in (m.square, m.shared))
        y = Moments((1,), square, shared, m.mean, (None,))
    gain = 1 / count if how.greatest else 1 / count**2

    def back(gradient: Correlated, reach: Lag) -> list[Correlated]:
        return [{lag: np.repeat(v * gain, len(x.channels), axis=0) for lag, v in gradient.items()}]

    return Passage(y, back)
