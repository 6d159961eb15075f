"""A search from what is asked to what is found."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from archtool.explore.search.archive import Archive
from archtool.explore.search.exhaustive import evaluate_all
from archtool.explore.search.found import Found
from archtool.explore.search.genetic import evolve
from archtool.explore.search.request import request as requested
from archtool.explore.search.storage import prepare
from archtool.explore.storing.run import Watch
from archtool.explore.storing.table import arrow

if TYPE_CHECKING:
    from archtool.design import Design
    from archtool.explore.search.measured import Scoring
    from archtool.explore.search.request import Request
    from archtool.explore.sweep import Sweep


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
    arrow("a search", "search")  # missing now, not after an hour
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


def find(
    sweep: Sweep,
    budget: str = "",
    *,
    minimize: Sequence[str] | None = None,
    maximize: Sequence[str] | None = None,
    objectives: Sequence[str | Callable[[Design], Any]] = (),
    scores: Sequence[str] = (),
    scoring: Scoring | None = None,
    algorithm: str = "auto",
    evaluations: int | None = None,
    population: int | None = None,
    seed: int = 0,
    storage: str | os.PathLike[str] | None = None,
    resume: bool = False,
    force: bool = False,
) -> Found:
    """Search a sweep's space; see `Sweep.search`.

    What is minimized and maximized is by default what the sweep says. `objectives` are functions of a Design, or their
    paths (package.module:function); `scores` are training-free ones, measured as `scoring` says. `algorithm` is auto,
    exhaustive, nsga2, nsga3 or tpe; the same `seed` finds the same. A search is kept in the file `storage`, with which
    it goes on to `resume`, or begins anew by `force`.
    """
    wanted = requested(
        sweep, budget=budget, minimize=minimize, maximize=maximize, objectives=objectives, scores=scores,
        scoring=scoring, algorithm=algorithm, evaluations=evaluations, population=population, seed=seed,
    )  # fmt: skip
    found = search(wanted, None if storage is None else Path(storage), resume=resume, force=force)
    if found.is_complete:
        found.check()
    return found
