"""What has become of a sweep's designs so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archtool.explore.batch import Batch
    from archtool.explore.sweep import Sweep


@dataclass
class Tally:
    """Designs by what has become of them: `next` have been evaluated, of which `rows` are kept, the others removed.

    `invalid` counts the kept ones that break a rule, by rule; `removed` by condition, in the order of `Sweep.where`.
    """

    next: int = 0
    rows: int = 0
    invalid: Counter[str] = field(default_factory=Counter)
    removed: list[int] = field(default_factory=list)

    @property
    def valid(self) -> int:
        """Designs that are kept and break no rule."""
        return self.rows - self.invalid.total()

    def add(self, sweep: Sweep, batch: Batch, stop: int) -> None:
        """Count a batch of the designs up to `stop`."""
        import numpy as np

        self.next = stop
        self.removed = list(sweep.removed)
        self.rows += batch.size
        if batch.problem.any():
            for code, count in enumerate(np.bincount(batch.problem)[1:].tolist()):
                if count:
                    self.invalid[sweep.rules[code]] += count

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "next": self.next,
            "rows": self.rows,
            "invalid": dict(self.invalid.most_common()),
            "removed": self.removed,
        }

    @staticmethod
    def none(sweep: Sweep) -> Tally:
        """Nothing is evaluated yet."""
        return Tally(removed=[0] * len(sweep.where))

    @staticmethod
    def read(told: Mapping[str, Any]) -> Tally:
        """What `to_dict` told."""
        return Tally(told["next"], told["rows"], Counter(told["invalid"]), list(told["removed"]))
