"""Designs in a Parquet file: read by pandas, DuckDB, Spark and the like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from archtool.explore.storing.sinks import State, part_of
from archtool.explore.storing.stated import stated
from archtool.explore.storing.table import DESIGN, arrow

if TYPE_CHECKING:
    import pyarrow as pa

KEY: Final = b"archtool"  # in the file's metadata


class ParquetSink:
    """One row group for each table that is written.

    Encodings that every reader knows: knobs and problems by dictionary, the designs' numbers by their differences,
    metrics plain; then zstd at its fastest level.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        pa = arrow()
        from pyarrow.parquet import ParquetWriter

        self._path = path
        self._file = pa.OSFile(str(part_of(path)), "wb")
        few = [field.name for field in schema if pa.types.is_dictionary(field.type) or _is_short(field.type)]
        self._writer = ParquetWriter(
            self._file,
            schema,
            use_dictionary=few,
            column_encoding={DESIGN: "DELTA_BINARY_PACKED"},
            compression="zstd",
            compression_level=1,
            store_schema=False,  # so that the file's metadata, known at its end, are those of the schema that is read
        )

    def extend(self, stored: Path) -> None:
        pa = arrow()
        from pyarrow.parquet import ParquetFile

        schema = self._writer.schema
        texts = [field.name for field in schema if pa.types.is_dictionary(field.type)]
        with ParquetFile(stored, read_dictionary=texts) as file:
            for number in range(file.num_row_groups):
                self.write(file.read_row_group(number).cast(schema))

    def write(self, table: pa.Table) -> None:
        if table.num_rows:
            self._writer.write_table(table, row_group_size=table.num_rows)

    def close(self, state: State) -> None:
        self._writer.add_key_value_metadata({KEY: json.dumps(state)})
        self._writer.close()
        self._file.close()
        part_of(self._path).replace(self._path)

    def abandon(self) -> None:
        self._writer.is_open = False  # else it would write to the closed file when it is collected
        self._file.close()
        part_of(self._path).unlink(missing_ok=True)

    @staticmethod
    def state(path: Path) -> State | None:
        pa = arrow()
        from pyarrow.parquet import read_metadata

        try:
            metadata = read_metadata(path).metadata or {}
        except pa.ArrowInvalid:
            return None
        return stated(metadata[KEY], path) if KEY in metadata else None


def _is_short(kind: pa.DataType) -> bool:
    types = arrow().types
    return bool(types.is_int8(kind) or types.is_int16(kind) or types.is_int32(kind))
