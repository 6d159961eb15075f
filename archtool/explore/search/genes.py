"""A design as a row of whole numbers, one an axis of the space, and how such rows are drawn, crossed and mutated.

Everything works on whole populations: int64 arrays of shape (designs, axes).
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING, Any, Final

from archtool.explore.space import Axis

if TYPE_CHECKING:
    import numpy as np

    Rows = np.ndarray[Any, np.dtype[np.int64]]
    Draw = np.random.Generator

CROSSED: Final = 0.9  # of the pairs exchange genes, the others are copied: Deb et al. 2002 (NSGA-II), section V
NEAR: Final = 0.8  # of the mutations of an ordered axis are steps to a near place, the others go anywhere
LISTED: Final = 2**16  # designs of a space that is small enough to be gone through
KEY_SEED: Final = 20_020_401  # any number: keys have to be the same whenever a search is resumed


def is_ordered(axis: Axis) -> bool:
    """Whether the places of an axis have an order that means something: all its knobs rise or fall along it."""
    return all(_is_monotone(knob.values) for knob in axis.knobs)


def _is_monotone(values: Sequence[Any]) -> bool:
    if isinstance(values, range):
        return True
    if any(isinstance(value, bool) or not isinstance(value, int | float | Fraction) for value in values):
        return False
    steps = [later - value for value, later in pairwise(values)]
    return all(step >= 0 for step in steps) or all(step <= 0 for step in steps)


class Genes:
    """The rows of a space with axes of these lengths, some of which are ordered."""

    def __init__(self, lengths: Sequence[int], ordered: Sequence[bool]) -> None:
        import numpy as np

        self.lengths = np.array(lengths, np.int64)
        self.ordered = np.array(ordered, bool)
        self.designs = prod(lengths)

    @cached_property
    def _weights(self) -> np.ndarray[Any, np.dtype[np.uint64]]:
        import numpy as np

        if self.designs < 2**63:  # the design's own number
            return np.array([prod(map(int, self.lengths[axis + 1 :])) for axis in range(len(self.lengths))], np.uint64)
        draw = np.random.default_rng(KEY_SEED)  # a hash: two designs of a million meet with a chance of 3e-8
        return draw.integers(0, 2**64, len(self.lengths), np.uint64, endpoint=False) | np.uint64(1)

    def keys(self, rows: Rows) -> list[int]:
        """What tells designs apart: their number, or in a space of more than 2**63 a hash of it."""
        import numpy as np

        keys: list[int] = (rows.astype(np.uint64) @ self._weights).tolist()
        return keys

    def drawn(self, count: int, draw: Draw) -> Rows:
        """So many rows, uniformly."""
        import numpy as np

        return draw.integers(0, self.lengths, (count, len(self.lengths)), np.int64)

    def all(self, draw: Draw) -> Rows:
        """All rows of a small space, in random order."""
        import numpy as np

        rows = np.stack(np.unravel_index(draw.permutation(self.designs), tuple(self.lengths)), axis=1)
        return rows.astype(np.int64)

    def crossed(self, mothers: Rows, fathers: Rows, draw: Draw) -> Rows:
        """Two children a pair, which exchange each gene with probability 1/2 (uniform crossover)."""
        import numpy as np

        exchange = np.less(draw.random(mothers.shape), 0.5) & np.less(draw.random((len(mothers), 1)), CROSSED)
        return np.concatenate([np.where(exchange, fathers, mothers), np.where(exchange, mothers, fathers)])

    def mutated(self, rows: Rows, draw: Draw) -> Rows:
        """The rows with each gene changed with probability 1/axes.

        A gene without an order goes to any other place, uniformly. An ordered one mostly goes some steps up or down,
        geometrically distributed with a mean of 1 + length/16, and turns back at the ends.
        """
        import numpy as np

        rows = rows.copy()
        design, axis = np.nonzero(draw.random(rows.shape) * rows.shape[1] < 1)
        old, length = rows[design, axis], self.lengths[axis]
        near = self.ordered[axis] & (draw.random(len(axis)) < NEAR)
        steps = draw.geometric(16 / (16 + length)) * draw.choice(np.array([-1, 1]), len(axis))
        turn = np.maximum(2 * (length - 1), 1)  # there and back again
        walked = (old + steps) % turn
        walked = np.minimum(walked, turn - walked)
        anywhere = (old + draw.integers(1, np.maximum(length, 2))) % length  # any but the old one
        rows[design, axis] = np.where(near, walked, anywhere)
        return rows
