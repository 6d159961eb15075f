"""What a search found: the front, how it was searched, what became of the designs."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from archtool.errors import RuleError
from archtool.explore.search.request import ALGORITHMS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from archtool.explore.search.archive import Archive
    from archtool.explore.search.request import Request


@dataclass(frozen=True, kw_only=True)
class Found:
    """A search that has ended: what was asked (`request`), what was evaluated (`archive`), in how many seconds.

    exhausted: it ended since there were no other designs to be evaluated
    """

    request: Request
    archive: Archive = field(repr=False)
    exhausted: bool
    seconds: float

    @property
    def evaluations(self) -> int:
        """The designs evaluated; of a search that measures, those measured, or tried to be."""
        counts = self.archive.counts
        return counts.measured if self.request.engine == "optuna" else counts.evaluations

    @property
    def rate(self) -> float:
        """Designs evaluated in a second, without those that were kept from before."""
        return (self.evaluations - self.archive.before) / max(self.seconds, 1e-9)

    @property
    def is_complete(self) -> bool:
        """Whether all was evaluated that was asked for."""
        return self.exhausted or self.evaluations >= self.request.evaluations

    @cached_property
    def front(self) -> pa.Table:
        """The designs that no other one found beats in all goals at once, the best by the first goal first: `design`,
        a column a knob, a column a metric and a goal."""
        return self.archive.table(self._front[0]).drop_columns(["problem"])

    @property
    def sharing(self) -> tuple[int, ...]:
        """How many of the designs found have the goals of each on the front."""
        return tuple(map(int, self._front[1]))

    @cached_property
    def _front(self) -> Any:
        return self.archive.front()

    @cached_property
    def table(self) -> pa.Table:
        """All designs found within the budget, as a sweep's table."""
        return self.archive.table()

    def to_pandas(self) -> pd.DataFrame:
        """The front as a data frame."""
        frame: pd.DataFrame = self.front.to_pandas()
        return frame

    def to_dict(self, limit: int | None = None) -> dict[str, Any]:
        """All of it, for JSON; of the front the first `limit` points."""
        from archtool.render.front import points
        from archtool.render.search import as_front

        request = self.request
        goals = request.objectives
        return {
            "name": request.sweep.design.name,
            "designs": request.sweep.space.designs,
            "algorithm": request.algorithm,
            "engine": request.engine,
            "why": request.why,
            "seed": request.seed,
            "population": request.population if request.engine != "formulas" else None,
            "budget": [bound.text for bound in request.bounds],
            "minimize": [goal.name for goal in goals if not goal.maximize],
            "maximize": [goal.name for goal in goals if goal.maximize],
            "counts": self.archive.counts.to_dict(),
            "complete": self.is_complete,
            "exhausted": self.exhausted,
            "seconds": self.seconds,
            "rate": self.rate,
            "points": self.front.num_rows,
            "front": points(as_front(self), limit),
        }

    def check(self) -> None:
        """Raise RuleError where nothing was found, saying what stood in the way, and how near the nearest came."""
        counts = self.archive.counts
        if counts.kept:
            return
        seen = f"none of the {counts.evaluations:,} designs evaluated"
        nearest = self.archive.nearest.metrics
        if counts.failed:
            raise RuleError(f"{seen} could be measured; the last failed: {self.archive.failure}")
        if nearest:
            bounds = self.request.bounds
            told = ", ".join(f"{bound.metric} {_figure(nearest[bound.metric])} ({bound.text})" for bound in bounds)
            raise RuleError(f"{seen} meets the budget; the nearest has {told}")
        if counts.invalid:
            rules = self.request.sweep.rules
            raise RuleError(f"{seen} is valid; a rule that is broken: {rules[0] if rules else 'unknown'}")
        where = zip(self.request.sweep.where, self.request.sweep.removed, strict=True)
        removed = ", ".join(f"'{text}' removes {count:,}" for text, count in where if count)
        raise RuleError(f"{seen} is left by the conditions: {removed}" if removed else f"{seen.capitalize()} is kept")

    def write(self, path: Path) -> None:
        """Write all designs found within the budget as Parquet, CSV or DuckDB, by the suffix: whole or not at all.

        The file is a result as a sweep's, which `archtool front` reads; it says of itself how it was searched. Raises
        OutputError.
        """
        from archtool.explore.search.output import write

        write(self, path)

    def __str__(self) -> str:
        from archtool.render.search import plain

        return plain(self)

    def _repr_html_(self) -> str:
        from archtool.render.front_page import table
        from archtool.render.search import as_front

        return table(as_front(self))

    @property
    def method(self) -> str:
        """The algorithm, and who has written it."""
        by = {"pymoo": " (pymoo)", "optuna": " (Optuna)", "formulas": ""}[self.request.engine]
        return ALGORITHMS[self.request.algorithm] + by


def _figure(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"
