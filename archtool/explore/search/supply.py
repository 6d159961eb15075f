"""Designs within a budget, found by formulas alone: where a search by measuring begins, or is stuck."""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING, Any, Final

from archtool.explore.search.evolution import Evolution
from archtool.explore.search.genes import LISTED
from archtool.explore.search.judge import Judge

if TYPE_CHECKING:
    import numpy as np

    from archtool.explore.search.archive import Archive
    from archtool.explore.search.genes import Genes, Rows

DRAWS: Final = 2**12  # designs drawn at once
ROUNDS: Final = 16
GENERATIONS, POPULATION = 100, 200  # of a search for the budget alone, where it is so narrow that none is drawn


class Supply:
    """Designs within the budget, in random order: drawn, or where they are rare bred for the budget alone."""

    def __init__(self, genes: Genes, judge: Judge, archive: Archive, seed: int) -> None:
        import numpy as np

        self.genes = genes
        self.judge = Judge(judge.sweep, (), judge.bounds)
        self.archive = archive
        self.seed = seed
        self.random = np.random.default_rng(seed)

    def take(self, count: int, known: Container[int]) -> Rows:
        """So many designs that are not `known`, or fewer where no more are found."""
        import numpy as np

        found: dict[int, Any] = {}
        for rows in self._candidates(found):
            for key, row in zip(self.genes.keys(rows), rows, strict=True):
                if len(found) < count and key not in known:
                    found[key] = row
            if len(found) >= count:
                break
        return np.array(list(found.values()), np.int64).reshape(len(found), len(self.genes.lengths))

    def _candidates(self, found: dict[int, Any]) -> Any:
        if self.genes.designs <= LISTED:
            yield self._within(self.genes.all(self.random))
            return
        for _ in range(ROUNDS):
            yield self._within(self.genes.drawn(DRAWS, self.random))
        if not found:
            evolution = Evolution(self.judge, self.genes, "nsga2", POPULATION, self.seed)
            for _ in range(GENERATIONS):
                step = evolution.step(POPULATION)
                if step is None:
                    return
                rows, judged = step
                yield rows[judged.violation == 0]

    def _within(self, rows: Rows) -> Rows:
        judged = self.judge(rows)
        inside = judged.violation == 0
        if not inside.any():
            self.archive.note(judged.batch, judged.violation[judged.batch.number])
        kept: np.ndarray[Any, np.dtype[np.int64]] = rows[inside]
        return kept
