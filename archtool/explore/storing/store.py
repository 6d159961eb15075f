"""Where a sweep goes: a file that is begun, gone on with, and whole however it ends; a stream; a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import disk_usage
from typing import IO, TYPE_CHECKING, Any, Final

from archtool import __version__
from archtool.explore.storing.run import Ended, Ending, SpaceError, Watch, last_design, run
from archtool.explore.storing.same import differences
from archtool.explore.storing.sinks import OutputError, State, part_of, sink_class, writing
from archtool.explore.storing.table import Tables, arrow, column_types
from archtool.explore.storing.tally import Tally

if TYPE_CHECKING:
    import pyarrow as pa

    from archtool.explore.sweep import Sweep

ROOM: Final = 2**20  # bytes of a disk that are left free, for a file's end
SPREAD: Final = 4  # bytes that a byte of a table may take in a file: as text, say
MOST_LISTED: Final = 1_000  # designs of one table


def gone_on_with(path: Path, state: State | None, sweep: Sweep) -> State:
    """What a place says of itself, which is to hold a part of a sweep; raises OutputError where it does not."""
    if state is None or "fingerprint" not in state:
        raise OutputError(f"{path} does not say which sweep it holds, so that it can't be gone on with")
    if state["fingerprint"] != sweep.fingerprint:
        told = "\n  ".join(differences(state, sweep.describe()))
        raise OutputError(f"{path} holds another sweep, so that it can't be gone on with:\n  {told}")
    if state.get("version") != __version__:
        other = state.get("version")
        raise OutputError(f"{path} was written by archtool {other}, this is {__version__}, which may count otherwise")
    return state


class Store:
    """The file that a sweep is to be stored in: a new one, or one that holds a part of it (`resume`).

    Raises, before anything is evaluated, OutputError for a place where it can't or must not be written. `notice` is
    told what a user should know.
    """

    def __init__(
        self,
        sweep: Sweep,
        path: Path,
        force: bool = False,
        resume: bool = False,
        notice: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.sweep = sweep
        path = self.path = path.resolve() if path.is_symlink() else path  # a link stays one
        if path.is_dir():
            raise OutputError(f"{path} is a folder; name a file, or let --workers write the folder")
        self.kind = sink_class(path)
        self.state: State | None = None
        if not path.parent.is_dir():
            raise OutputError(f"{path}: there is no folder {path.parent}")
        part = part_of(path)
        if part.exists() and not force and not resume:
            raise OutputError(
                f"{part} is there: another sweep is writing {path.name}, or was killed while it was; --resume goes on "
                "with what is whole, --force begins anew"
            )
        if part.exists():
            notice(f"{part}, which a sweep that was killed has left, is removed")
        if path.exists() and resume:
            self.state = gone_on_with(path, self.kind.state(path), sweep)
            if not {"types", "next", "rows", "invalid", "removed"} <= self.state.keys():
                raise OutputError(f"{path} does not say how far it has come, so that it can't be gone on with")
            if self.state["next"] > sweep.space.size or len(self.state["removed"]) != len(sweep.where):
                raise OutputError(f"{path} can't have come as far as it says, so that it can't be gone on with")
        elif path.exists() and not force:
            raise OutputError(f"{path} is there already: --resume goes on with it, --force replaces it")

    @property
    def begun(self) -> int:
        """How many designs are evaluated already."""
        return self._tally().next

    def fill(self, limit: int | None = None, watch: Watch | None = None) -> Ended:
        """Evaluate what is missing; where there is a limit, no design with that number or a greater one.

        However it ends, the file is then in its place, whole. But where an error is raised, all is as it was before:
        SpaceError where there are too many designs, or none is left; OutputError where the file can't be written.
        """
        stop = last_design(self.sweep, limit)
        tally = self._tally()
        if tally.next < stop:
            return self._written(tally, stop, watch or Watch())
        size = self.sweep.space.size
        ending = Ending.COMPLETE if tally.next == size else Ending.LIMIT
        return Ended(tally=tally, begun=tally.next, size=size, ending=ending, seconds=0)

    def _tally(self) -> Tally:
        return Tally.none(self.sweep) if self.state is None else Tally.read(self.state)

    def _written(self, tally: Tally, stop: int, watch: Watch) -> Ended:
        types = column_types(self.sweep) if self.state is None else self.state["types"]
        tables = Tables(self.sweep, types)
        room = _Room(self.path.parent, watch)
        with writing(self.path, tables.schema) as sink:

            def write(table: pa.Table) -> None:
                sink.write(table)
                room.check(table.nbytes)

            if self.state is not None:
                room.take_over(tally.next)
                sink.extend(self.path)
            ended = run(self.sweep, tables, write, tally, stop, room)
            sink.close({**self._about(), "types": types, **tally.to_dict()})
        return replace(ended, ending=Ending.DISK_FULL) if room.full and ended.ending is Ending.INTERRUPTED else ended

    def _about(self) -> State:
        told: dict[str, Any] = {**self.sweep.describe(), "fingerprint": self.sweep.fingerprint}
        return {**told, "version": __version__, "size": self.sweep.space.size}


class _Room(Watch):
    """Ends a sweep while the disk still has room for the end of its file."""

    def __init__(self, folder: Path, watch: Watch) -> None:
        self.full = False
        self._folder = folder
        self._watch = watch

    def check(self, size: int) -> None:
        """Is there room for as much as was written last, and that was of this size in memory?"""
        self.full = disk_usage(self._folder).free < SPREAD * size + ROOM

    def go_on(self) -> bool:
        return not self.full and self._watch.go_on()

    def tell(self, done: int) -> None:
        self._watch.tell(done)

    def take_over(self, done: int) -> None:
        self._watch.take_over(done)


class Stream:
    """A binary stream that a sweep is written to as CSV."""

    begun: Final = 0  # designs that are evaluated already

    def __init__(self, sweep: Sweep, output: IO[bytes]) -> None:
        self.sweep = sweep
        self.output = output

    def fill(self, limit: int | None = None, watch: Watch | None = None) -> Ended:
        """Evaluate all designs before the limit; raises SpaceError as `Store.fill` does, and what the stream raises."""
        from archtool.explore.storing.sinks.csv import CsvStream

        stop = last_design(self.sweep, limit)
        tables = Tables(self.sweep, column_types(self.sweep))
        rows = CsvStream(self.output, tables.schema)
        return run(self.sweep, tables, rows.write, Tally.none(self.sweep), stop, watch or Watch())


def table(sweep: Sweep, limit: int | None = None) -> tuple[pa.Table, Ended]:
    """Evaluate a small sweep, or its first designs; SpaceError for more than MOST_LISTED of them."""
    stop = last_design(sweep, limit)
    if stop > MOST_LISTED:
        raise SpaceError(
            f"{stop:,} designs are too many for a table: name a file for them (-o designs.parquet; .csv, .duckdb; - is "
            "standard output), or see the first (--limit 20)"
        )
    tables = Tables(sweep, column_types(sweep))
    parts = [tables.schema.empty_table()]
    ended = run(sweep, tables, parts.append, Tally.none(sweep), stop, Watch())
    return arrow().concat_tables(parts), ended
