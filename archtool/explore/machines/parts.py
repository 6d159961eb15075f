"""A folder of Parquet files that together are one result, each with the designs of one range of numbers.

    designs/
      _archtool.json                              what it is a result of, and how far it has come
      part-000000000000-000000262144.parquet      the designs from the first number up to the last
      ...

A file is written under a hidden name of its own and then renamed: under its name it is always whole, and writing it
twice, even at once, is as good as writing it once. What is there and what is missing is told by the files alone.
Readers of Parquet take the folder for one table, and pass over names that begin with _ or a dot.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import uuid4

from archtool.explore.storing.sinks import OutputError, State
from archtool.explore.storing.sinks.parquet import ParquetSink
from archtool.explore.storing.stated import stated
from archtool.explore.storing.store import gone_on_with
from archtool.explore.storing.tally import Tally

if TYPE_CHECKING:
    import pyarrow as pa

    from archtool.explore.sweep import Sweep

MANIFEST: Final = "_archtool.json"
NAME: Final = re.compile(r"part-(\d{12,})-(\d{12,})\.parquet")
HIDDEN: Final = re.compile(r"\.(part-\d{12,}-\d{12,}\.parquet|_archtool\.json)\.[0-9a-f]{32}(\.part)?")
MOST_TOLD: Final = 5  # files or ranges that a message lists


class Part(NamedTuple):
    """The designs with the numbers from `first` up to `last`."""

    first: int
    last: int

    @property
    def name(self) -> str:
        """The name of its file; sorted by name, files are sorted by number."""
        return f"part-{self.first:012}-{self.last:012}.parquet"

    def __str__(self) -> str:
        return f"{self.first:,} to {self.last - 1:,}"


class Parts:
    """The folder that a sweep is to be stored in: a new one, or one that holds a part of it (`resume`).

    Raises OutputError, before anything is written, for a place where it can't or must not be.
    """

    def __init__(self, sweep: Sweep, path: Path, force: bool = False, resume: bool = False) -> None:
        self.sweep = sweep
        self.path = path
        self.state: State | None = None
        if not path.parent.is_dir():
            raise OutputError(f"{path}: there is no folder {path.parent}")
        if path.exists() and not path.is_dir():
            raise OutputError(f"{path} is a file; what several workers write is a folder")
        if not path.exists() or not any(path.iterdir()):
            return
        if resume:
            self.state = gone_on_with(path, manifest(path), sweep)
        elif not force:
            raise OutputError(f"{path} is there already: --resume goes on with it, --force replaces it")
        elif not (path / MANIFEST).is_file():
            raise OutputError(f"{path} is no result of a sweep, so that it is not replaced")

    def begin(self, state: State) -> None:
        """Make the folder, without files of an earlier sweep where they are replaced; write what it is to hold."""
        try:
            self.path.mkdir(exist_ok=True)
            if self.state is None:
                self.remove()
            self.tell(state)
        except OSError as error:
            raise OutputError(f"can't write {self.path}: {error.strerror or error}") from None

    def tell(self, state: State) -> None:
        """Write what the folder holds."""
        self.state = state
        hidden = _hidden(self.path / MANIFEST)
        hidden.write_text(json.dumps(state, indent=1), encoding="utf-8")
        hidden.replace(self.path / MANIFEST)

    def remove(self) -> None:
        """Remove all files that a sweep has written; others stay."""
        for file in self.path.iterdir():
            if NAME.fullmatch(file.name) or HIDDEN.fullmatch(file.name) or file.name == MANIFEST:
                file.unlink()

    def tidy(self) -> None:
        """Remove what workers that were killed have left."""
        for file in self.path.iterdir():
            if HIDDEN.fullmatch(file.name):
                file.unlink(missing_ok=True)

    def stored(self) -> list[Part]:
        """The parts that are there, in order; raises OutputError where two have a design in common."""
        names = (NAME.fullmatch(file.name) for file in self.path.iterdir()) if self.path.is_dir() else ()
        parts = sorted(Part(int(found[1]), int(found[2])) for found in names if found)
        for one, other in pairwise(parts):
            if other.first < one.last:
                raise OutputError(
                    f"{self.path}: {one.name} and {other.name} have designs in common; remove one of them, and go on "
                    "with --resume"
                )
        return parts

    def missing(self, stop: int, size: int) -> Iterator[Part]:
        """What is not there of the designs up to `stop`: parts that end at multiples of `size`."""
        start = 0
        for part in [*self.stored(), Part(stop, stop)]:
            while start < min(part.first, stop):
                last = min(start - start % size + size, part.first, stop)
                yield Part(start, last)
                start = last
            start = max(start, part.last)

    def tally(self) -> Tally:
        """What has become of all designs that are there, read from the files: `next` is their number.

        Raises OutputError for a file that can't be read, or is of another sweep.
        """
        whole = Tally.none(self.sweep)
        for part in self.stored():
            file = self.path / part.name
            try:
                state = ParquetSink.state(file)
            except OSError as error:
                raise OutputError(f"{file}: {error.strerror or error}") from None
            if state is None or state.get("fingerprint") != self.sweep.fingerprint or state.get("part") != list(part):
                raise OutputError(f"{file} is not of this sweep, or broken; remove it, and go on with --resume")
            one = Tally.read(state)
            whole.next += part.last - part.first
            whole.rows += one.rows
            whole.invalid.update(Counter(one.invalid))
            whole.removed = [a + b for a, b in zip(whole.removed, one.removed, strict=True)]
        return whole

    def check(self, stop: int) -> None:
        """Raise OutputError unless every design up to `stop` is in exactly one part."""
        missing = list(self.missing(stop, stop))
        if missing:
            told = ", ".join(map(str, missing[:MOST_TOLD])) + (" ..." if len(missing) > MOST_TOLD else "")
            raise OutputError(f"{self.path}: the designs {told} are missing; --resume evaluates them")


def write_part(folder: Path, part: Part, data: bytes) -> None:
    """Put a part that was written elsewhere in its place."""
    hidden = _hidden(folder / part.name)
    hidden.write_bytes(data)
    hidden.replace(folder / part.name)


class PartSink:
    """The file of a part while it is written."""

    def __init__(self, folder: Path, part: Part, schema: pa.Schema) -> None:
        self._path = folder / part.name
        self._hidden = _hidden(self._path)
        self._sink = ParquetSink(self._hidden, schema)
        self.write = self._sink.write
        self.abandon = self._sink.abandon

    def close(self, state: State) -> None:
        """Finish the file and put it in its place."""
        self._sink.close(state)
        self._hidden.replace(self._path)


def manifest(folder: Path) -> State | None:
    """What a folder says of itself; None where it is no result of a sweep."""
    try:
        state = stated((folder / MANIFEST).read_bytes(), folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise OutputError(f"{folder / MANIFEST}: {error.strerror or error}") from None
    return state if "fingerprint" in state else None


def _hidden(path: Path) -> Path:
    """A name beside a file that nobody else uses, and that readers pass over."""
    return path.with_name(f".{path.name}.{uuid4().hex}")
