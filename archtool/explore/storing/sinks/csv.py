"""Designs as CSV (RFC 4180, lines ending in LF): a header, texts in quotes, nothing where a value is missing."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import copyfileobj
from typing import IO, TYPE_CHECKING, Any, Final

from archtool.explore.storing.sinks import State, part_of
from archtool.explore.storing.stated import stated
from archtool.explore.storing.table import arrow

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE: Final = 2**13  # rows that are turned to text at once; eight times as many as by default are a fifth faster
SIZE: Final = "bytes"  # of the CSV file; else what stands beside it is not of this file


class CsvStream:
    """Standard output, or any other binary stream: what has been written can't be taken back or gone on with."""

    def __init__(self, stream: IO[bytes], schema: pa.Schema) -> None:
        self._stream = stream
        self._rows = _writer(stream, schema)

    def write(self, table: pa.Table) -> None:
        """Write designs and send them off."""
        self._rows.write_table(table)
        self._stream.flush()


class CsvSink:
    """A CSV file; what it can't say of itself stands beside it, in `state_file(path)`."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._path = path
        self._file = part_of(path).open("wb")
        self._rows = _writer(self._file, schema)

    def extend(self, stored: Path) -> None:
        with stored.open("rb") as file:
            file.readline()  # the header
            copyfileobj(file, self._file)

    def write(self, table: pa.Table) -> None:
        self._rows.write_table(table)

    def close(self, state: State) -> None:
        self._file.close()
        part = part_of(self._path)
        beside = state_file(self._path)
        told = {**state, SIZE: part.stat().st_size}
        part_of(beside).write_text(json.dumps(told), encoding="utf-8")
        part.replace(self._path)
        part_of(beside).replace(beside)

    def abandon(self) -> None:
        self._file.close()
        for file in (self._path, state_file(self._path)):
            part_of(file).unlink(missing_ok=True)

    @staticmethod
    def state(path: Path) -> State | None:
        try:
            state = stated(state_file(path).read_bytes(), path)
        except FileNotFoundError:
            return None
        return state if state.pop(SIZE, None) == path.stat().st_size else None


def state_file(path: Path) -> Path:
    """Where it is kept what a CSV file holds."""
    return path.with_name(path.name + ".json")


def _writer(stream: IO[bytes], schema: pa.Schema) -> Any:
    arrow()
    from pyarrow.csv import CSVWriter, WriteOptions

    return CSVWriter(stream, schema, write_options=WriteOptions(batch_size=AT_ONCE))
