"""What a search has evaluated: how many designs became what, and those within the budget, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, Final

from archtool.explore.batch import Batch
from archtool.explore.fronts.frontier import Frontier
from archtool.explore.places import Scattered
from archtool.explore.storing.table import DESIGN, PROBLEM, Tables, arrow

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    from archtool.explore.search.judge import Floats, Goal
    from archtool.explore.search.request import Request

    Array = np.ndarray[Any, Any]

JOINED: Final = 256  # batches that are kept before they become one


@dataclass
class Counts:
    """Designs by what has become of them. `evaluations` is all of them; a design counts as the first that holds:
    `removed` by a condition, `invalid`, `outside` the budget, `failed` to be measured, or else within it (`kept`).
    """

    evaluations: int = 0
    removed: int = 0
    invalid: int = 0
    outside: int = 0
    failed: int = 0

    @property
    def kept(self) -> int:
        """Designs within the budget."""
        return self.evaluations - self.removed - self.invalid - self.outside - self.failed

    @property
    def measured(self) -> int:
        """Designs within the budget, and those of it that could not be measured."""
        return self.kept + self.failed

    def to_dict(self) -> dict[str, int]:
        """As JSON."""
        return {**asdict(self), "kept": self.kept}


@dataclass
class Nearest:
    """The valid design that leaves the budget least: by how much, and its metrics."""

    violation: float = float("inf")
    metrics: dict[str, Any] = field(default_factory=dict)


class Archive:
    """Takes designs in, as they are evaluated."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.counts = Counts()
        self.nearest = Nearest()
        self.before = 0  # designs that were evaluated before this search went on
        self.failure = ""  # why the last design could not be measured
        self._parts: list[dict[str, Array]] = []
        self._whole: list[dict[str, Array]] = []

    def add(self, evaluated: int, batch: Batch, violation: Floats) -> None:
        """Take in designs of which `batch` holds those that no condition removed, with the violation of each."""
        import numpy as np

        counts = self.counts
        valid = batch.problem == 0
        inside = violation == 0
        counts.evaluations += evaluated
        counts.removed += evaluated - batch.size
        counts.invalid += int(np.count_nonzero(~valid))
        counts.outside += int(np.count_nonzero(valid & ~inside))
        if not inside.any():
            self.note(batch, violation)
        elif inside.all():
            self.keep(batch.digits, batch.metrics)
        else:
            metrics = {name: column[inside] for name, column in batch.metrics.items()}
            self.keep([column[inside] for column in batch.digits], metrics)

    def keep(self, digits: Sequence[Array], metrics: Mapping[str, Array]) -> None:
        """Take in designs within the budget: where they stand, and what is told of them."""
        import numpy as np

        lengths = self.request.sweep.space.lengths
        compact = [
            column.astype(np.min_scalar_type(length - 1), copy=False)
            for column, length in zip(digits, lengths, strict=True)
        ]
        self._parts.append({**{str(axis): column for axis, column in enumerate(compact)}, **_metrics(metrics)})
        if len(self._parts) == JOINED:
            self._whole.append(_joined(self._parts))
            self._parts = []

    def note(self, batch: Batch, violation: Floats) -> None:
        """Remember the valid design that leaves the budget least."""
        import numpy as np

        if not batch.size:
            return
        violation = np.where(batch.problem == 0, violation, np.inf)
        best = int(violation.argmin())
        if violation[best] < self.nearest.violation:
            metrics = {name: column[best : best + 1].tolist()[0] for name, column in batch.metrics.items()}
            self.nearest = Nearest(float(violation[best]), metrics)

    def count_kept(self) -> None:
        """Count a design that is kept."""
        self.counts.evaluations += 1

    def count_failed(self, why: str = "") -> None:
        """Count a design that could not be measured, and remember why."""
        self.counts.evaluations += 1
        self.counts.failed += 1
        self.failure = why or self.failure

    def columns(self) -> dict[str, Array]:
        """All designs within the budget: an array an axis by its number, and one a metric by its name."""
        parts = [*self._whole, *([_joined(self._parts)] if self._parts else [])]
        self._parts = []
        self._whole = [_joined(parts)] if parts else []
        return self._whole[0] if parts else {}

    def restore(self, columns: dict[str, Array]) -> None:
        """Take the columns of an earlier archive over."""
        self._parts, self._whole = [], [columns] if columns else []

    def front(self) -> tuple[Array, Array]:
        """Which of the designs within the budget no other one beats, in the order of `columns`, the best by the first
        goal first; of several with the same goals the first, and how many they are."""
        import numpy as np

        goals = self.request.objectives
        frontier = Frontier([goal.maximize for goal in goals])
        columns = self.columns()
        if columns:
            chosen = [columns[_metric(goal)] for goal in goals]
            frontier.add(chosen, np.arange(len(chosen[0])))
        return frontier.found()[1:]

    def table(self, rows: Array | None = None) -> pa.Table:
        """The designs within the budget (or these of them) as a sweep's table, with a column for each measured goal."""
        import numpy as np

        sweep = self.request.sweep
        columns = self.columns() or _nothing(self.request)
        if rows is not None:
            columns = {name: column[rows] for name, column in columns.items()}
        digits = [columns[str(axis)] for axis in range(len(sweep.space.axes))]
        metrics = {name: columns[f"metric {name}"] for name in sweep.metrics}
        batch = Batch(places=Scattered(digits, 0), metrics=metrics, problem=np.zeros(len(digits[0]), np.int32))
        table = Tables(sweep).of(batch)
        for goal in self.request.measured.goals:
            table = table.add_column(table.column_names.index(PROBLEM), goal.name, [columns[_metric(goal)]])
        return table.set_column(0, DESIGN, [self._numbers(digits)])

    def _numbers(self, digits: Sequence[Array]) -> pa.Array:
        """The designs' numbers in the space, null where the space has too many for them."""
        import numpy as np

        pa = arrow()
        lengths = self.request.sweep.space.lengths
        if prod(lengths) >= 2**63:
            return pa.nulls(len(digits[0]), pa.int64())
        number = np.zeros(len(digits[0]), np.int64)
        for column, length in zip(digits, lengths, strict=True):
            number = number * length + column
        return pa.array(number)


def _metric(goal: Goal) -> str:
    return f"metric {goal.name}"


def _metrics(metrics: Mapping[str, Array]) -> dict[str, Array]:
    return {f"metric {name}": column for name, column in metrics.items()}


def _nothing(request: Request) -> dict[str, Array]:
    import numpy as np

    none = np.zeros(0, np.int64)
    axes = {str(axis): none for axis in range(len(request.sweep.space.axes))}
    names = [*request.sweep.metrics, *(goal.name for goal in request.measured.goals)]
    return {**axes, **_metrics(dict.fromkeys(names, none))}


def _joined(parts: Sequence[Mapping[str, Array]]) -> dict[str, Array]:
    """Columns of some batches one after the other; int64 beside Python's ints become Python's ints, not floats."""
    import numpy as np

    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
