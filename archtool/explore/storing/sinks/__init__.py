"""Files that a sweep's tables are written to: one kind a module, chosen by the file's suffix.

A file is written beside its place under the name `part_of(path)`, and gets its own name when it is closed: under that
name it is always whole, and says what is in it and how far the sweep has come.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from archtool.errors import ArchtoolError, nearest

if TYPE_CHECKING:
    import pyarrow as pa

State = dict[str, Any]  # JSON: a sweep's describe(), its `fingerprint`, `next` (the first design that is missing) ...

SINKS: Final = {  # suffix -> module here, class
    ".parquet": ("parquet", "ParquetSink"),
    ".csv": ("csv", "CsvSink"),
    ".duckdb": ("duckdb", "DuckdbSink"),
    ".db": ("duckdb", "DuckdbSink"),
}


class OutputError(ArchtoolError):
    """A file of designs can't be written, or an existing one not be gone on with."""


class Sink(Protocol):
    """A file of designs while it is written."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        """Begin the file that is to be at `path`."""

    def extend(self, stored: Path) -> None:
        """Take over, before anything is written, all designs of a file of this kind that is whole."""

    def write(self, table: pa.Table) -> None:
        """Append designs."""

    def close(self, state: State) -> None:
        """Finish the file and put it in its place, over one that is there."""

    def abandon(self) -> None:
        """Remove what has been written."""

    @staticmethod
    def state(path: Path) -> State | None:
        """What a whole file says of itself; None where it is no file of a sweep."""


def sink_class(path: Path) -> type[Sink]:
    """The kind of file that a suffix stands for; raises OutputError for another suffix, MissingExtra."""
    if path.suffix not in SINKS:
        what = f"'{path.suffix}' is no format of designs" if path.suffix else "its suffix says which kind of file it is"
        raise OutputError(f"{path}: {what}" + nearest(path.suffix, SINKS))
    module, name = SINKS[path.suffix]
    kind: type[Sink] = getattr(import_module(f"{__name__}.{module}"), name)
    return kind


@contextmanager
def writing(path: Path, schema: pa.Schema) -> Iterator[Sink]:
    """The file that is to be at `path`, while it is written, to be closed within; where an error is raised, what is
    begun is removed. Raises OutputError where the system does not let it be written."""
    sink: Sink | None = None
    try:
        sink = sink_class(path)(path, schema)
        yield sink
    except BaseException as error:
        if sink is not None:
            sink.abandon()
        if isinstance(error, OSError):
            raise OutputError(f"can't write {path}: {error.strerror or error}; what is begun is removed") from None
        raise


def state(path: Path) -> State | None:
    """What a file of designs, of any kind, says of itself; None where it is no file of a sweep."""
    return sink_class(path).state(path)


def part_of(path: Path) -> Path:
    """Where a file is written until it is whole."""
    return path.with_name(path.name + ".part")
