"""Results of sweeps as files: what they say of themselves, and their rows, a batch at a time.

A result is a Parquet file or a folder of them, a CSV file, or a table `designs` of a DuckDB file. Rows stand in the
order of the file (of a folder: of its files by name), so that a row has a number.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archtool.errors import ArchtoolError, missing_extra, nearest
from archtool.explore.storing.sinks import SINKS, state
from archtool.explore.storing.table import DESIGN, PROBLEM, arrow

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

BATCH: Final = 2**18  # rows at once
POINT: Final = "point"  # a column of a front that was written: which point of it a design is
NAMED: Final = (DESIGN, PROBLEM, POINT)  # columns that are neither a knob nor a metric


class ResultError(ArchtoolError):
    """A file is no result of a sweep, or can't be read or written."""


class Results(ABC):
    """The rows of a result; `about` is what it says of itself (see `Sweep.describe`), empty where it says nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with reading(path):
            self.schema, self.about = self._opened()

    @abstractmethod
    def _opened(self) -> tuple[pa.Schema, dict[str, Any]]:
        """The columns, and what the file says of itself."""

    @abstractmethod
    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The rows in order, these columns alone, each batch with the number of its first row."""

    def take(self, rows: np.ndarray[Any, Any], columns: Sequence[str]) -> pa.Table:
        """The rows with these numbers, which grow."""
        import pyarrow as pa

        return _taken(self.batches(columns), rows, pa.schema([self.schema.field(name) for name in columns]))

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of all columns."""
        return tuple(self.schema.names)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The columns that are metrics; where the file does not say, those that are numbers."""
        import pyarrow as pa

        said = self.about.get("metrics")
        if said is not None:
            return tuple(name for name in said if name in self.schema.names)
        return tuple(
            field.name
            for field in self.schema
            if field.name not in NAMED and (pa.types.is_integer(field.type) or pa.types.is_floating(field.type))
        )

    @property
    def knobs(self) -> tuple[str, ...]:
        """The columns that are knobs; none where the file does not say which they are."""
        said = [knob["name"] for axis in self.about.get("axes", ()) for knob in axis]
        return tuple(name for name in said if name in self.schema.names)

    def known(self, names: Sequence[str]) -> None:
        """Refuse names that are no columns."""
        for name in names:
            if name not in self.schema.names:
                raise ResultError(f"{self.path}: there is no metric '{name}'" + nearest(name, self.metrics))


class ParquetResults(Results):
    """A Parquet file, or a folder of them that together are one result."""

    def _opened(self) -> tuple[pa.Schema, dict[str, Any]]:
        import pyarrow.parquet as pq

        self.files = [self.path]
        if self.path.is_dir():
            below = sorted(self.path.rglob("*.parquet"))
            self.files = [file for file in below if not file.name.startswith((".", "_"))]
            if not self.files:
                raise ResultError(f"{self.path}: there is no Parquet file in this folder")
        self.starts = [0]
        done = 0  # designs that the parts of a folder were made of
        schema, about = None, {}
        for file in self.files:
            with reading(file):
                found = pq.read_metadata(file)
                names = found.schema.to_arrow_schema()
                said = _said(file)
            if schema is None:
                schema, about = names.remove_metadata(), said
            elif names.names != schema.names or said.get("fingerprint") != about.get("fingerprint"):
                raise ResultError(f"{file}: this is of another sweep than {self.files[0]}")
            self.starts.append(self.starts[-1] + found.num_rows)
            first, behind = said.get("part", (0, 0))
            done += behind - first
        return schema, {**about, "next": done} if "part" in about else about

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        import pyarrow.parquet as pq

        for file, start in zip(self.files, self.starts, strict=False):
            with reading(file), pq.ParquetFile(file, pre_buffer=True) as opened:
                for batch in opened.iter_batches(BATCH, columns=list(columns), use_threads=True):
                    yield start, batch
                    start += batch.num_rows

    def take(self, rows: np.ndarray[Any, Any], columns: Sequence[str]) -> pa.Table:
        """The rows with these numbers, which grow; parts of the files that have none of them are not read."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        found = []
        for file, start in zip(self.files, self.starts, strict=False):
            with reading(file), pq.ParquetFile(file) as opened:
                for group in range(opened.num_row_groups):
                    stop = start + opened.metadata.row_group(group).num_rows
                    low, high = np.searchsorted(rows, (start, stop))
                    if high > low:
                        part = opened.read_row_group(group, columns=list(columns))
                        found.append(part.take(pa.array(rows[low:high] - start)))
                    start = stop
        if not found:
            return pa.schema([self.schema.field(name) for name in columns]).empty_table()
        return pa.concat_tables(found).unify_dictionaries()


class CsvResults(Results):
    """A CSV file with a line of names; an empty cell is no value. Whole numbers of any size stay exact."""

    def _opened(self) -> tuple[pa.Schema, dict[str, Any]]:
        import pyarrow as pa
        from pyarrow import csv

        with csv.open_csv(self.path) as opened:
            self.names = opened.schema.names
        if not self.names or len(set(self.names)) < len(self.names):
            raise ResultError(f"{self.path}: the first line is not one of names")
        first = next((batch for _, batch in self._texts(self.names)), None)
        fields = [(name, pa.string() if first is None else _typed(first.column(name)).type) for name in self.names]
        return pa.schema(fields), _said(self.path)

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        import pyarrow as pa

        for start, batch in self._texts(columns):
            yield start, pa.record_batch([_typed(column) for column in batch.columns], names=batch.schema.names)

    def take(self, rows: np.ndarray[Any, Any], columns: Sequence[str]) -> pa.Table:
        """The rows with these numbers, which grow."""
        import pyarrow as pa

        texts = _taken(self._texts(columns), rows, pa.schema([(name, pa.string()) for name in columns]))
        return pa.table([_typed(column.combine_chunks()) for column in texts.columns], names=texts.column_names)

    def _texts(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        """The rows as texts, so that what type a column has is told of many rows, not guessed from the first ones."""
        import pyarrow as pa
        from pyarrow import csv

        options = csv.ConvertOptions(
            column_types=dict.fromkeys(self.names, pa.string()), include_columns=list(columns), null_values=[""],
            strings_can_be_null=True, quoted_strings_can_be_null=False,
        )  # fmt: skip
        start = 0
        with reading(self.path), csv.open_csv(self.path, convert_options=options) as opened:
            for batch in opened:
                yield start, batch
                start += batch.num_rows


class DuckResults(Results):
    """The table `designs` of a DuckDB file."""

    def _opened(self) -> tuple[pa.Schema, dict[str, Any]]:
        with self._connected() as connection:
            tables = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
            if "designs" not in tables:
                raise ResultError(f"{self.path}: this is no result of a sweep: it has no table 'designs'")
            schema = connection.sql("select * from designs limit 0").to_arrow_table().schema
        return schema, _said(self.path)

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        import pyarrow as pa

        names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        start = 0
        with reading(self.path), self._connected() as connection:
            rows = connection.sql(f"select {names} from designs")  # in the order in which they were inserted
            for batch in pa.RecordBatchReader.from_stream(rows):
                yield start, batch
                start += batch.num_rows

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        try:
            import duckdb
        except ImportError as error:
            raise missing_extra("a DuckDB file", "duckdb", "sweep", error) from None
        try:
            with duckdb.connect(str(self.path), read_only=True) as connection:
                yield connection
        except duckdb.Error as error:
            raise ResultError(f"{self.path}: {str(error).splitlines()[0]}") from None


READERS: Final[dict[str, type[Results]]] = {
    "ParquetSink": ParquetResults,
    "CsvSink": CsvResults,
    "DuckdbSink": DuckResults,
}


def results(path: Path) -> Results:
    """The result in a file or folder, by its suffix; raises ResultError where there is none."""
    if not path.exists():
        raise ResultError(f"{path}: there is no such file")
    if path.is_dir():
        return ParquetResults(path)
    if path.suffix not in SINKS:
        raise ResultError(f"{path}: '{path.suffix}' is no format of results" + nearest(path.suffix, SINKS))
    return READERS[SINKS[path.suffix][1]](path)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """What goes wrong with a file while it is read, as one line."""
    pa = arrow("a sweep's result")
    try:
        yield
    except pa.ArrowException as error:
        raise ResultError(f"{path}: this is no result that can be read: {str(error).splitlines()[0]}") from None
    except OSError as error:
        raise ResultError(f"{path}: {error.strerror or str(error).splitlines()[0]}") from None


def _taken(batches: Iterator[tuple[int, pa.RecordBatch]], rows: np.ndarray[Any, Any], schema: pa.Schema) -> pa.Table:
    """The rows with these numbers, which grow, of some batches."""
    import numpy as np
    import pyarrow as pa

    found = []
    for start, batch in batches:
        low, high = np.searchsorted(rows, (start, start + batch.num_rows))
        if high > low:
            found.append(pa.Table.from_batches([batch.take(pa.array(rows[low:high] - start))]))
        if high == len(rows):
            break
    return pa.concat_tables(found, promote_options="permissive") if found else schema.empty_table()


def _said(path: Path) -> dict[str, Any]:
    """What a result says of itself, nothing where it is not of a sweep; raises ResultError for another form."""
    try:
        said = state(path) or {}
        lists = [said.get(name, []) for name in ("metrics", "minimize", "maximize")]
        lists.append([knob["name"] for axis in said.get("axes", []) for knob in axis])
        formed = all(isinstance(name, str) for names in lists for name in names)
    except (ValueError, TypeError, KeyError, AttributeError):
        formed = False
    if not formed:
        raise ResultError(f"{path}: what it says of its sweep can't be read")
    return said


def _typed(column: pa.Array) -> pa.Array:
    """Texts as whole numbers where all are, else as decimals, else as they are."""
    import pyarrow as pa

    for kind in (pa.int64(), pa.decimal256(76, 0), pa.float64()):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column
