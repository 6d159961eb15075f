"""Pictures as files, drawn by the Graphviz that comes with pygraphviz.

A png and a pdf are drawn with the machine's fonts, and need one; an svg with those of whoever looks at it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from archtool.errors import ArchtoolError, nearest

FORMATS: Final = ("svg", "png", "pdf", "dot")


class PictureError(ArchtoolError):
    """A picture can't be drawn, or not be written where it should be."""


def check(path: Path, formats: tuple[str, ...] = FORMATS) -> str:
    """The format that a path's suffix names; raises PictureError where no picture can be written there."""
    form = path.suffix.removeprefix(".").lower()
    if form not in formats:
        raise PictureError(f"{path}: '{path.suffix}' is no format of pictures" + nearest(form, list(formats)))
    if not path.parent.is_dir():
        raise PictureError(f"{path}: there is no folder '{path.parent}'")
    if path.is_dir():
        raise PictureError(f"{path}: this is a folder")
    return form


def save(dot: str, path: Path) -> None:
    """Draw DOT text in the format that the path's suffix names, and write it there: whole or not at all.

    Through a symbolic link the file that it names is written.
    """
    form = check(path)
    write(dot.encode() if form == "dot" else draw(dot, form), path)


def write(data: bytes, path: Path) -> None:
    """Write a file whole or not at all; raises PictureError where it can't be written."""
    path = path.resolve()
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise PictureError(f"{path}: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def draw(dot: str, form: str) -> bytes:
    """DOT text drawn as svg, png or pdf.

    Graphviz is C: it runs in a process of its own, where it can neither bring ours down nor write on our standard
    error.
    """
    script = Path(__file__).with_name("graphviz.py")
    ended = subprocess.run([sys.executable, "-P", str(script), form], input=dot.encode(), capture_output=True)
    if ended.returncode != 0 or not ended.stdout:
        said = ended.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {ended.returncode}"]
        raise PictureError(f"Graphviz can't draw it as {form}: {said[-1]}\n  the format dot needs no Graphviz")
    return ended.stdout
