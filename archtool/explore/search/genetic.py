"""A genetic search from its beginning, or from where it was left, to its end or an interruption."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Final

from archtool.explore.search import checkpoint
from archtool.explore.search.archive import Archive, Counts, Nearest
from archtool.explore.search.evolution import Evolution
from archtool.explore.search.genes import Genes, is_ordered
from archtool.explore.search.judge import Judge
from archtool.explore.search.request import Request
from archtool.explore.search.storage import check, told_of
from archtool.explore.storing.run import Watch

EVERY: Final = 20.0  # seconds between two states that are kept


def evolve(
    request: Request,
    archive: Archive,
    storage: Path | None,
    resume: bool,
    watch: Watch,
) -> bool:
    """Evaluate as many designs as are wanted into the archive; whether it ended since the space has no others.

    Its state is kept in `storage`, from which it goes on to `resume`: it then finds what it had found at once. `watch`
    is asked between generations.
    """
    space = request.sweep.space
    genes = Genes(space.lengths, [is_ordered(axis) for axis in space.axes])
    judge = Judge(request.sweep, request.goals, request.bounds)
    evolution = Evolution(judge, genes, request.algorithm, request.population, request.seed)
    if resume and storage is not None:
        _restore(request, archive, evolution, storage)
    kept = monotonic()
    exhausted = False
    while archive.counts.evaluations < request.evaluations and watch.go_on():
        found = evolution.step(request.evaluations - archive.counts.evaluations)
        if found is None:
            exhausted = True
            break
        rows, judged = found
        archive.add(len(rows), judged.batch, judged.violation[judged.batch.number])
        watch.tell(archive.counts.evaluations)
        if storage is not None and monotonic() - kept > EVERY:
            _keep(request, archive, evolution, storage)
            kept = monotonic()
    if storage is not None:
        _keep(request, archive, evolution, storage)
    return exhausted


def _keep(request: Request, archive: Archive, evolution: Evolution, storage: Path) -> None:
    told, state = evolution.state()
    nearest = {"violation": archive.nearest.violation, "metrics": archive.nearest.metrics}
    counts = vars(archive.counts)
    arrays = {f"state {name}": array for name, array in state.items()}
    arrays |= {f"found {name}": column for name, column in archive.columns().items()}
    known = {"about": told_of(request), "counts": counts, "nearest": nearest, "evolution": told}
    checkpoint.write(storage, {**known, "removed": request.sweep.removed}, arrays)


def _restore(request: Request, archive: Archive, evolution: Evolution, storage: Path) -> None:
    told, arrays = checkpoint.read(storage)
    check(storage, told.get("about"), request)
    archive.counts = Counts(**told["counts"])
    archive.before = archive.counts.evaluations
    archive.nearest = Nearest(**told["nearest"])
    request.sweep.removed[:] = told["removed"]
    found, state = (
        {name.removeprefix(kind): array for name, array in arrays.items() if name.startswith(kind)}
        for kind in ("found ", "state ")
    )
    archive.restore(found)
    evolution.restore(told["evolution"], state)
