"""How a file of a diagnostic is named to a CI server: relative to the working folder, where it lies below it."""

from __future__ import annotations

from pathlib import Path


def relative(file: str) -> str:
    """The path with forward slashes: relative to the working folder where it lies below it, else absolute.

    What is no file (`<stdin>`) keeps its name.
    """
    if file.startswith("<"):
        return file
    path = Path(file)
    if path.is_absolute() or ".." in path.parts:
        whole, base = path.resolve(), Path.cwd().resolve()
        path = whole.relative_to(base) if whole.is_relative_to(base) else whole
    return path.as_posix()
