"""A search from what is asked to what is found."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from archtool.explore.run import Watch
from archtool.explore.search.archive import Archive
from archtool.explore.search.exhaustive import evaluate_all
from archtool.explore.search.found import Found
from archtool.explore.search.genetic import evolve
from archtool.explore.search.storage import prepare

if TYPE_CHECKING:
    from archtool.explore.search.request import Request


def search(
    request: Request,
    storage: Path | None = None,
    *,
    resume: bool = False,
    force: bool = False,
    watch: Watch | None = None,
) -> Found:
    """Search as asked. It is kept in `storage`, from which it goes on to `resume`; `force` begins anew there.

    `watch` is asked between generations or designs, and may end it early, in good order. Raises StorageError where a
    file can't be used, MissingExtra without what the algorithm needs.
    """
    resume = storage is not None and prepare(request, storage, resume=resume, force=force)
    watch = watch or Watch()
    archive = Archive(request)
    begun = perf_counter()
    exhausted = False
    if request.engine == "formulas":
        evaluate_all(request, archive, watch)
    elif request.engine == "pymoo":
        exhausted = evolve(request, archive, storage, resume, watch)
    else:
        from archtool.explore.search.trials import try_out

        exhausted = try_out(request, archive, storage, resume, watch)
    exhausted |= request.engine != "formulas" and archive.counts.evaluations >= request.sweep.space.designs
    seconds = perf_counter() - begun
    return Found(request=request, archive=archive, exhausted=exhausted, seconds=seconds)
