"""Designs in a DuckDB database: the table `designs`, and `archtool` with what is known of them as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING, Any, Final

from archtool.errors import missing_extra
from archtool.explore.storing.sinks import OutputError, State, part_of
from archtool.explore.storing.stated import stated

if TYPE_CHECKING:
    import pyarrow as pa

MEMORY: Final = "384MB"  # that DuckDB may use; it takes most of the machine's unless it is told
START, MAGIC = 8, b"DUCK"  # how a database's file begins, after a checksum


class DuckdbSink:
    """A transaction for each table that is written."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        _module()
        for name in schema.names:
            if [other.lower() for other in schema.names].count(name.lower()) > 1:
                raise OutputError(f"{path}: DuckDB can't tell '{name}' from another column by its capitals")
        self._path = path
        part_of(path).unlink(missing_ok=True)
        self._schema = schema
        self._database: Any = None

    def extend(self, stored: Path) -> None:
        copyfile(stored, part_of(self._path))

    def write(self, table: pa.Table) -> None:
        with self._errors():
            database = self._opened()
            database.register("more", table)
            database.execute("INSERT INTO designs SELECT * FROM more")
            database.unregister("more")

    def close(self, state: State) -> None:
        with self._errors():
            database = self._opened()
            database.execute("CREATE OR REPLACE TABLE archtool (state JSON)")
            database.execute("INSERT INTO archtool VALUES (?)", [json.dumps(state)])
            database.execute("CHECKPOINT")
            database.close()
        part_of(self._path).replace(self._path)

    def abandon(self) -> None:
        if self._database is not None:
            self._database.close()
        part = part_of(self._path)
        for file in (part, part.with_name(part.name + ".wal")):
            file.unlink(missing_ok=True)

    @staticmethod
    def state(path: Path) -> State | None:
        duckdb = _module()
        with path.open("rb") as file:
            if file.read(START + len(MAGIC))[START:] != MAGIC:
                return None
        try:
            with duckdb.connect(str(path), read_only=True) as database:
                ((text,),) = database.execute("SELECT state FROM archtool").fetchall()
        except duckdb.CatalogException:
            return None
        except duckdb.Error as error:  # another process has it open, say
            raise OutputError(f"can't read {path}: {error}") from None
        return stated(text, path)

    def _opened(self) -> Any:
        if self._database is None:
            duckdb = _module()
            self._database = duckdb.connect(str(part_of(self._path)), config={"memory_limit": MEMORY})
            self._database.register("more", self._schema.empty_table())
            self._database.execute("CREATE TABLE IF NOT EXISTS designs AS SELECT * FROM more")
        return self._database

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except _module().Error as error:
            raise OutputError(f"can't write {self._path}: {error}; what is begun is removed") from None


def _module() -> Any:
    try:
        import duckdb
    except ImportError as error:
        raise missing_extra("a DuckDB file", "duckdb", "sweep", error) from None
    return duckdb
