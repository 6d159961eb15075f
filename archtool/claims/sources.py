"""The specs whose claims are checked: files, standard input, shipped ones by name."""

from __future__ import annotations

from pathlib import Path
from typing import IO

from archtool.errors import SpecError, nearest
from archtool.spec.catalog import find_shipped, shipped_names
from archtool.spec.reader import read_bytes, read_file
from archtool.spec.spec import Spec


def spec_of(source: str, standard_input: IO[bytes]) -> Spec:
    """A spec without one of its designs chosen; raises SpecError where it is wrong or not found."""
    if source == "-":
        return Spec(read_bytes(standard_input.read(), "<stdin>"))
    path = Path(source)
    if path.suffix not in (".yaml", ".yml") and len(path.parts) < 2 and not path.exists():
        shipped = find_shipped(source)
        if shipped is None:
            raise SpecError(f"'{source}' is neither a file nor a shipped spec" + nearest(source, shipped_names()))
        path = shipped[0]
    return Spec(read_file(path), None, path.parent)
