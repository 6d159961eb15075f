"""Where a spec lies: in a file, in a text, or among the shipped specs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from archtool.errors import SpecError, nearest
from archtool.spec.catalog import find_shipped, shipped_names
from archtool.spec.reader import Document, read_file, read_text


class Source(NamedTuple):
    """A spec's document, the folder that its includes start from, and the design that its name chose."""

    document: Document
    folder: Path | None
    design: str | None


def source(where: str | os.PathLike[str]) -> Source:
    """The spec that a path, a spec's text (of more than one line), or the name of a shipped spec or design means.

    Raises SpecError where there is none.
    """
    text = os.fspath(where)
    if "\n" in text:
        return Source(read_text(text, "<text>"), None, None)
    path = Path(text)
    looks_like_a_path = path.suffix in (".yaml", ".yml") or len(path.parts) > 1 or path.exists()
    if looks_like_a_path:
        return Source(read_file(path), path.parent, None)
    shipped = find_shipped(text)
    if shipped is None:
        raise SpecError(f"'{text}' is neither a file nor a shipped spec" + nearest(text, shipped_names()))
    path, design = shipped
    return Source(read_file(path), path.parent, design)
