"""Which weights and inputs a test draws: small numbers first, then what wakes a part that sleeps on these.

A rectifier that is off for all small inputs, a cut at 1000, a threshold of 1e-9: such parts answer at other scales
alone. So inputs and weights come in several, those among them that stand in the layers' own fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from math import log2
from typing import Final, NamedTuple

from archtool.algebra.settings import Settings
from archtool.fields import NumberKind
from archtool.flatten import FlatNetwork
from archtool.layer import attribute
from archtool.realize.build import as_int
from archtool.realize.draws import Draw
from archtool.realize.expressions import Expression

OPERATIONS: Final = 3 * 10**9  # of all draws together, beyond which there are fewer of them
FEWEST: Final = 3
PROVED: Final = 6  # draws of what is proved: to find mistakes of ours
MOST_FIELDS: Final = 6  # numbers in layers' fields, each with a scale of its own


Pair = tuple[Expression, Expression]


class Drawn(NamedTuple):
    """Draws of a network's weights, and of two inputs."""

    weights: Draw
    x: Draw
    y: Draw

    @property
    def inputs(self) -> Pair:
        """The inputs as expressions."""
        return ["draw", self.x.recipe()], ["draw", self.y.recipe()]


def plan(flat: FlatNetwork, settings: Settings, forwards: int, proved: bool) -> list[Drawn]:
    """The draws of a test that runs the network so many times for each."""
    cost = operations(flat) * max(1, forwards)
    most = min(settings.draws, PROVED) if proved else settings.draws
    return list(islice(_drawn(flat, settings.seed), max(min(FEWEST, most), min(most, OPERATIONS // cost))))


def operations(flat: FlatNetwork) -> int:
    """About how many operations it takes to draw the network's weights and to run it."""
    runs = [layer.run for layer in flat.layers]
    return 1 + sum(as_int(run.cost.macs) + 10 * as_int(run.cost.params) + as_int(run.output.elements) for run in runs)


def _drawn(flat: FlatNetwork, seed: int) -> Iterator[Drawn]:
    for turn in count():
        for number, (weights, x) in enumerate(_pairs(flat)):
            own = seed + 1000 * turn + 10 * number
            y = Draw(kind=x.kind, low=x.low, high=x.high, density=x.density, scale=x.scale, seed=own + 2)
            yield Drawn(_seeded(weights, own), _seeded(x, own + 1), y)


def _seeded(draw: Draw, seed: int) -> Draw:
    return Draw(kind=draw.kind, low=draw.low, high=draw.high, density=draw.density, scale=draw.scale, seed=seed)


def _pairs(flat: FlatNetwork) -> Iterator[tuple[Draw, Draw]]:
    """The kinds of weights and inputs, in the order in which they are tried."""
    signs, small = Draw(kind="integers", low=-1, high=1), Draw(kind="integers")
    positive = Draw(kind="integers", low=1, high=3)
    yield signs, signs
    yield small, small
    yield positive, positive
    yield Draw(kind="integers", density=0.5), Draw(kind="integers", density=0.3)
    for scale in _own_scales(flat):
        yield small, Draw(kind="integers", scale=scale)
    normal = Draw(kind="normal")
    yield normal, normal
    for scale in (2.0**12, 2.0**-12, 2.0**24, 2.0**-24):
        yield small, Draw(kind="integers", scale=scale)
    yield Draw(kind="integers", scale=2.0**10), small
    yield Draw(kind="integers", scale=2.0**-10), small
    yield normal, Draw(kind="normal", scale=1e3)
    yield normal, Draw(kind="normal", scale=1e-3)
    yield Draw(kind="normal", scale=0.1), normal
    mixed = Draw(kind="mixed_scales")
    yield normal, mixed
    yield mixed, normal


def _own_scales(flat: FlatNetwork) -> list[float]:
    """Powers of two around the numbers in the layers' fields: thresholds, cuts, constants."""
    numbers = dict[float, None]()
    for layer in flat.layers:
        own = layer.run.layer
        for name, kind in own.field_kinds().items():
            value = getattr(own, attribute(name))
            if isinstance(kind, NumberKind) and value is not None and abs(float(value)) > 0:
                numbers.setdefault(abs(float(value)))
    scales = dict.fromkeys(2.0 ** max(-1000, min(1000, round(log2(number)))) for number in numbers)
    return list(scales)[:MOST_FIELDS]
