"""What a search asks of a design: its goals, and whether it is valid and within the budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.explore.search.budget import Bound

if TYPE_CHECKING:
    import numpy as np

    from archtool.explore.batch import Batch
    from archtool.explore.search.genes import Rows
    from archtool.explore.sweep import Sweep

    Floats = np.ndarray[Any, np.dtype[np.float64]]


class Goal(NamedTuple):
    """A metric to be minimised, or maximised."""

    name: str
    maximize: bool


class Judged(NamedTuple):
    """A population evaluated. Of `count` rows: `goals` (count, goals), smaller is better, inf where a row is invalid;
    `violation` (count,), 0 where a row is valid and within the budget, else the greater the worse.
    `batch` holds the rows that no constraint removes.
    """

    batch: Batch
    goals: Floats
    violation: Floats


class Judge:
    """Evaluates whole populations by a sweep's metrics; the goals are metrics of it. Without goals all are alike, and
    there is one of 0."""

    def __init__(self, sweep: Sweep, goals: Sequence[Goal], bounds: Sequence[Bound]) -> None:
        self.sweep = sweep
        self.goals = tuple(goals)
        self.bounds = tuple(bounds)
        self.width = max(1, len(self.goals))

    def __call__(self, rows: Rows) -> Judged:
        """Judge the designs of an array (designs, axes) of places on the axes."""
        import numpy as np

        batch = self.sweep.evaluate(list(np.ascontiguousarray(rows.T)))
        violation = np.full(len(rows), 1.0 + len(self.bounds))  # worse than any valid design's
        goals = np.full((len(rows), self.width), np.inf)
        violation[batch.number], goals[batch.number] = self.weighed(batch)
        return Judged(batch, goals, violation)

    def weighed(self, batch: Batch) -> tuple[Floats, Floats]:
        """The violation and the goals of each design of a batch."""
        import numpy as np

        valid = batch.problem == 0
        excess = np.zeros(len(valid))
        for bound in self.bounds:
            excess += bound.excess(batch.metrics[bound.metric])
        columns = [np.zeros(len(valid))] if not self.goals else []
        columns += [batch.metrics[goal.name].astype(np.float64) * (-1 if goal.maximize else 1) for goal in self.goals]
        goals = np.where(valid[:, None], np.stack(columns, axis=1), np.inf)
        return np.where(valid, excess, 1.0 + len(self.bounds)), goals
