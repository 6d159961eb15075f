"""A file of designs that says nonsense of itself is refused in one line, whatever is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from archtool import load
from archtool.errors import ArchtoolError
from archtool.explore.fronts.emit import emitted
from archtool.explore.fronts.results import results
from archtool.explore.storing.sinks.parquet import KEY
from archtool.explore.storing.store import Store

SPEC = "name: net\ninput: [3, 8, 8]\nvars: {width: 4}\nlayers:\n  - conv: {out: width, kernel: 3}\n"
WRONG = (None, 5, -1, "x", [], {}, [[]], {"a": {"b": 1}})
PARTS = (
    "spec", "design", "set", "axes", "sample", "where", "metrics", "options", "fingerprint", "version", "size", "types",
    "next", "rows", "invalid", "removed",
)  # fmt: skip


def stored(path: Path, told: bytes) -> None:
    """A result whose metadata is this."""
    sweep = load(SPEC).explore({"width": "1..3"}, where=["width > 1"], metrics=["params"])
    Store(sweep, path, force=True).fill()
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({KEY: told}), path)


def said(path: Path) -> dict[str, Any]:
    sweep = load(SPEC).explore({"width": "1..3"}, where=["width > 1"], metrics=["params"])
    Store(sweep, path, force=True).fill()
    found: dict[str, Any] = json.loads(pq.read_table(path).schema.metadata[KEY])
    return found


def use(path: Path) -> None:
    """All that a file says of itself is used for; an ArchtoolError is an answer."""
    sweep = load(SPEC).explore({"width": "1..3"}, where=["width > 1"], metrics=["params"])
    for reading in (lambda: emitted(results(path).about, {"width": 2, "params": 56}, "here", path),
                    lambda: Store(sweep, path, resume=True).fill()):  # fmt: skip
        try:
            reading()
        except ArchtoolError as error:
            assert len(str(error)) < 1000


@pytest.mark.parametrize("part", PARTS)
def test_no_part_of_what_a_file_says_is_believed_unseen(part: str, tmp_path: Path) -> None:
    path = tmp_path / "designs.parquet"
    told = said(path)
    for value in WRONG:
        stored(path, json.dumps({**told, part: value}).encode())
        use(path)
    stored(path, json.dumps({name: value for name, value in told.items() if name != part}).encode())
    use(path)


@pytest.mark.parametrize("told", [b"", b"nonsense", b"[]", b"5", b"null", b"\xff\xfe", b"[" * 100_000, b"{}"])
def test_what_is_no_json_object_is_refused(told: bytes, tmp_path: Path) -> None:
    path = tmp_path / "designs.parquet"
    stored(path, told)
    sweep = load(SPEC).explore({"width": "1..3"}, where=["width > 1"], metrics=["params"])
    with pytest.raises(ArchtoolError, match=r"it is no JSON object|does not say which sweep"):
        Store(sweep, path, resume=True)
