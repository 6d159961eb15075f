"""What a search found, as text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from archtool.explore.fronts.front import Front
from archtool.render import front
from archtool.units import si

if TYPE_CHECKING:
    from archtool.explore.search.found import Found


def plain(found: Found, limit: int | None = front.SHOWN) -> str:
    """The front in aligned columns, and how it was found."""
    return front.plain(as_front(found), limit, summary(found, limit))


def as_front(found: Found) -> Front:
    """The front as one of a result."""
    import numpy as np

    request = found.request
    goals = request.objectives
    return Front(
        path=Path(request.sweep.design.name),
        minimize=tuple(goal.name for goal in goals if not goal.maximize),
        maximize=tuple(goal.name for goal in goals if goal.maximize),
        where=request.sweep.where,
        read=found.archive.counts.kept,
        invalid=0,
        excluded=0,
        knobs=tuple(knob.name for knob in request.sweep.space.knobs),
        metrics=request.sweep.metrics,
        table=found.front,
        sharing=found.sharing,
        cloud=np.zeros((0, len(goals))),
        about={},
    )


def summary(found: Found, limit: int | None = None) -> Iterator[str]:
    """How the front was found, what became of the designs, and what there is to know, a line each."""
    request, counts = found.request, found.archive.counts
    count = len(found.sharing)
    exact = request.engine == "formulas" and found.is_complete
    yield f"{request.sweep.design.name}: {_plural(count, 'point')} on the {'exact front' if exact else 'front found'}"
    yield f"  {found.method}: {request.why}"
    if request.engine != "formulas":
        yield f"  seed {request.seed}" + ("" if request.algorithm == "tpe" else f", population {request.population:,}")
    new = found.evaluations - found.archive.before
    verb = "measured" if request.measured.goals else "evaluated"
    rate = f"{si(round(found.rate))} a second" if found.rate >= 10 else f"{found.rate:.2g} a second"
    since = f", {found.archive.before:,} of them before" if found.archive.before else ""
    yield f"  {found.evaluations:,} designs {verb}{since}" + (f"; in {found.seconds:.1f} s, {rate}" if new else "")
    told = [f"{counts.kept:,} within the budget" if request.bounds else f"{counts.kept:,} valid"]
    told += [f"{counts.outside:,} outside"] if counts.outside else []
    told += [f"{counts.invalid:,} invalid"] if counts.invalid else []
    told += [f"{counts.removed:,} removed by a condition"] if counts.removed else []
    told += [f"{counts.failed:,} failed, the last: {found.archive.failure}"] if counts.failed else []
    yield "  " + ", ".join(told)
    if found.exhausted:
        yield "note: there were no other designs to be evaluated"
    if limit is not None and limit < count:
        yield f"note: the first {limit:,} of {count:,} points; --limit shows more"


def _plural(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
