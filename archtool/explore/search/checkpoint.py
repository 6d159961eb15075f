"""The state of a genetic search as one file: arrays and JSON in numpy's npz, of which nothing is ever executed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zipfile import BadZipFile

from archtool.explore.search.storage import StorageError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

TOLD: Final = "told"  # the entry that is JSON
OBJECTS: Final = "ints "  # before the names of columns of Python's ints, which are kept as text


def write(path: Path, told: Mapping[str, Any], arrays: Mapping[str, Array]) -> None:
    """Write JSON and arrays, whole or not at all; raises StorageError."""
    import numpy as np

    named = {
        OBJECTS + name if array.dtype == object else name: array.astype(str) if array.dtype == object else array
        for name, array in arrays.items()
    }
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            np.savez(file, **{TOLD: np.array(json.dumps(told))}, **named)  # type: ignore[arg-type]  # names are free
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"{path}: {error.strerror or error}") from None


def read(path: Path) -> tuple[dict[str, Any], dict[str, Array]]:
    """What was written; raises StorageError where this is no such file."""
    import numpy as np

    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        told = json.loads(str(arrays.pop(TOLD)))
    except OSError as error:
        raise StorageError(f"{path}: {error.strerror or error}") from None
    except (ValueError, KeyError, EOFError, BadZipFile, AttributeError):
        raise StorageError(f"{path}: this is no state of a search") from None
    for name in [name for name in arrays if name.startswith(OBJECTS)]:
        arrays[name.removeprefix(OBJECTS)] = np.array([int(text) for text in arrays.pop(name)], object)
    return told, arrays
