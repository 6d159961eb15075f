"""Where a space is small, no search is better than all of its designs."""

from __future__ import annotations

from archtool.explore.search.archive import Archive
from archtool.explore.search.judge import Judge
from archtool.explore.search.request import Request
from archtool.explore.storing.run import Watch


def evaluate_all(request: Request, archive: Archive, watch: Watch) -> None:
    """Evaluate every design of the space into the archive; `watch` is asked in between."""
    judge = Judge(request.sweep, request.goals, request.bounds)
    for start, stop in request.sweep.chunks():
        if not watch.go_on():
            return
        batch = request.sweep.batch(start, stop)
        archive.add(stop - start, batch, judge.weighed(batch)[0])
        watch.tell(stop)
