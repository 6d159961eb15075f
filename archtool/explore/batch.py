"""Some designs of a space, evaluated: one column for each metric, and for each goal that is a knob."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from archtool.explore.places import Places, Scattered

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Designs at some places, those that a condition removes left out: one item of each column a design.

    metrics: int64; float64 for a quotient; Python's ints (dtype object) where a value may leave int64; without meaning
    where problem is not 0. problem: int32, 0 where the design is valid, else 1 + the index of the sweep's rule.
    """

    places: Places
    metrics: Mapping[str, Array]
    problem: Array
    kept: Array | None = None  # bool, one item a place; None where all are kept

    @property
    def size(self) -> int:
        """The number of designs."""
        return len(self.problem)

    @cached_property
    def number(self) -> Array:
        """The designs' numbers in the space: int64."""
        import numpy as np

        numbers = np.arange(self.places.start, self.places.start + self.places.size, dtype=np.int64)
        return numbers if self.kept is None else numbers[self.kept]

    @cached_property
    def digits(self) -> list[Array]:
        """Where each design stands on each axis: integers, of the smallest type in a grid."""
        digits = self.places.digits()
        return digits if self.kept is None else [column[self.kept] for column in digits]

    def only(self, kept: Array) -> Batch:
        """The designs of an unfiltered batch for which `kept` is true."""
        metrics = {name: column[kept] for name, column in self.metrics.items()}
        return Batch(places=self.places, metrics=metrics, problem=self.problem[kept], kept=kept)

    @classmethod
    def joined(cls, parts: Sequence[Batch]) -> Batch:
        """Batches of consecutive designs as one."""
        import numpy as np

        columns = [np.concatenate(column) for column in zip(*(part.places.digits() for part in parts), strict=True)]
        kept = [np.ones(part.size, dtype=bool) if part.kept is None else part.kept for part in parts]
        return cls(
            places=Scattered(columns, parts[0].places.start),
            metrics={name: np.concatenate([part.metrics[name] for part in parts]) for name in parts[0].metrics},
            problem=np.concatenate([part.problem for part in parts]),
            kept=None if all(part.kept is None for part in parts) else np.concatenate(kept),
        )
