"""Some designs of many, drawn at random while they go by, as the background of a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

MOST: Final = 60_000  # designs
SEED: Final = 0  # of which ones


class Cloud:
    """Draws designs at random, all with the same chance, whatever their number turns out to be."""

    def __init__(self, objectives: int) -> None:
        import numpy as np

        self._random = np.random.default_rng(SEED)
        self._share = 1.0
        self._parts: list[Array] = [np.empty((0, objectives))]
        self._size = 0

    def add(self, columns: Sequence[Array]) -> None:
        """Take designs in: for each objective a column of numbers."""
        import numpy as np

        size = len(columns[0])
        if self._share < 1:
            rows = self._random.integers(0, max(size, 1), self._random.binomial(size, self._share))
            columns = [column[rows] for column in columns]
        self._parts.append(np.stack([column.astype(np.float64) for column in columns], axis=1))
        self._size += len(self._parts[-1])
        while self._size > 2 * MOST:
            self._halve()

    def rows(self) -> Array:
        """At most MOST designs, their objectives as float64."""
        while self._size > MOST:
            self._halve()
        return self._joined()

    def _joined(self) -> Array:
        import numpy as np

        return np.concatenate(self._parts)

    def _halve(self) -> None:
        rows = self._joined()
        rows = rows[self._random.random(len(rows)) < 0.5]
        self._parts, self._size, self._share = [rows], len(rows), self._share / 2
