"""Running a sweep: designs are evaluated in one thread while what is evaluated is written in another."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from archtool.errors import ArchtoolError
from archtool.explore.storing.table import arrow
from archtool.explore.storing.tally import Tally

if TYPE_CHECKING:
    import pyarrow as pa

    from archtool.explore.storing.table import Tables
    from archtool.explore.sweep import Sweep

ROWS: Final = 2**20  # designs written at once: a row group of a Parquet file; fewer where that would be
BYTES: Final = 2**26  # more than so much memory
CELLS: Final = 2**22  # values that are evaluated at once: designs times columns
MOST: Final = 10**10  # designs of a sweep: half an hour, and some ten gigabytes


class SpaceError(ArchtoolError):
    """A space has too many designs for what is to be done with them, or none that its conditions leave."""


class Ending(Enum):
    """Why a sweep has ended."""

    COMPLETE = "complete"
    LIMIT = "the limit is reached"
    INTERRUPTED = "interrupted"
    DISK_FULL = "the disk is nearly full"


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A sweep that has ended: `tally` counts all designs of its result, `begun` of them were there before; `size` are
    those of the space, `seconds` is what it took."""

    tally: Tally
    begun: int
    size: int
    ending: Ending
    seconds: float


class Watch:
    """Follows a sweep while it runs: asked between batches whether it shall go on, and told how far it has come."""

    def go_on(self) -> bool:
        """False ends the sweep here, in good order."""
        return True

    def tell(self, done: int) -> None:
        """So many designs are evaluated."""

    def take_over(self, done: int) -> None:
        """So many designs, which are evaluated already, are being copied."""


def run(
    sweep: Sweep,
    tables: Tables,
    write: Callable[[pa.Table], Any],
    tally: Tally,
    stop: int,
    watch: Watch,
) -> Ended:
    """Evaluate the designs from `tally.next` up to `stop`, count them in `tally`, and write those that are kept.

    Memory holds what is being written, as much again, and a batch. When this returns all that `tally` counts is
    written; where `write` fails, its error is raised. SpaceError where the space has come to its end, and its
    conditions have left no design.
    """
    began, begun, size = perf_counter(), tally.next, sweep.space.size
    sweep.removed[:] = tally.removed
    with ThreadPoolExecutor(1, "write") as thread:
        writing: Future[Any] | None = None
        waiting: list[pa.Table] = []
        rows = held = 0
        for first, last in sweep.chunks(begun, max(CELLS // len(tables.schema), 1)):
            watch.tell(first)
            if first >= stop or not watch.go_on():
                break
            last = min(last, stop)
            batch = sweep.batch(first, last)
            tally.add(sweep, batch, last)
            if batch.size:
                waiting.append(tables.of(batch))
                rows += batch.size
                held += waiting[-1].nbytes
            if rows >= ROWS or held >= BYTES:
                if writing is not None:
                    writing.result()
                writing = thread.submit(write, arrow().concat_tables(waiting))
                waiting, rows, held = [], 0, 0
        if writing is not None:
            writing.result()
        if waiting:
            thread.submit(write, arrow().concat_tables(waiting)).result()
    watch.tell(tally.next)
    if tally.rows == 0 and tally.next == size:
        raise SpaceError(none_left(sweep.where, tally))
    ending = Ending.COMPLETE if tally.next == size else Ending.LIMIT if tally.next >= stop else Ending.INTERRUPTED
    return Ended(tally=tally, begun=begun, size=size, ending=ending, seconds=perf_counter() - began)


def last_design(sweep: Sweep, limit: int | None) -> int:
    """Where a sweep ends: behind its last design, or at the limit; raises SpaceError for a space that has too many
    designs where there is none."""
    if limit is not None:
        return min(limit, sweep.space.size)
    stop = sweep.space.size
    if stop > MOST:
        ways = "vary less, or in greater steps (a..b:step), draw some of them (--sample N)"
        raise SpaceError(
            f"these are {stop:,} designs, more than the {MOST:,} of a sweep: "
            f"{ways if sweep.space.sample is None else 'draw fewer'}, or evaluate the first (--limit N)"
        )
    return stop


def none_left(where: tuple[str, ...], tally: Tally) -> str:
    """Which condition has removed how many designs."""
    removed = "".join(f"\n  '{text}' removes {count:,}" for text, count in zip(where, tally.removed, strict=True))
    order = " (of those that the ones before it leave)" if len(where) > 1 else ""
    return f"no design is left of {tally.next:,}; what each condition removes{order}:{removed}"
