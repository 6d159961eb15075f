"""The designs that a search found as a file, of the same form as a sweep's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from archtool.explore.search.storage import told_of
from archtool.explore.storing.sinks import OutputError, sink_class, writing
from archtool.explore.storing.table import arrow, column_types

if TYPE_CHECKING:
    from archtool.explore.search.found import Found


def check_output(path: Path, force: bool) -> None:
    """Refuse a file that can't be written, before anything is evaluated; raises OutputError, MissingExtra."""
    arrow("a search", "search")  # its extra has those of files too
    sink_class(path)
    if not path.parent.is_dir():
        raise OutputError(f"{path}: there is no folder {path.parent}")
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file")
    if path.exists() and not force:
        raise OutputError(f"{path} is there already: --force replaces it")


def write(found: Found, path: Path) -> None:
    """Write what was found; see `Found.write`."""
    table = found.table
    size = table.num_rows  # of this result, which is whole: a sweep has nothing to add to it
    state = {
        **told_of(found.request), "types": column_types(found.request.sweep), "size": size, "next": size,
        "rows": size, "invalid": {}, "removed": list(found.request.sweep.removed),
        "counts": found.archive.counts.to_dict(),
    }  # fmt: skip
    with writing(path, table.schema) as sink:
        sink.write(table)
        sink.close(state)
