"""Where the specs lie that a spec includes: in files, or in texts that were read from files once."""

from __future__ import annotations

from collections.abc import Mapping
from os.path import normpath
from pathlib import Path
from typing import Final, Protocol

from archtool.spec.catalog import shipped_folder
from archtool.spec.reader import Document, read_file, read_text


class Library(Protocol):
    """Finds and reads what is included: it lies below the folder of the spec that includes it, or among the shipped."""

    @property
    def shipped(self) -> Path:
        """The folder of the shipped specs."""

    def place(self, folder: Path) -> Path:
        """A folder's absolute path."""

    def find(self, folder: Path, written: Path) -> Path | None:
        """The file that a spec in a folder means by a path; None where there is none."""

    def read(self, path: Path) -> Document:
        """Read a file that was found."""


class Files:
    """The files of this machine."""

    @property
    def shipped(self) -> Path:
        """The folder of the shipped specs."""
        return shipped_folder()

    def place(self, folder: Path) -> Path:
        """A folder's absolute path, links followed."""
        return folder.resolve()

    def find(self, folder: Path, written: Path) -> Path | None:
        """The file that a spec in a folder means by a path, links followed."""
        for base in (folder, self.shipped):
            path = (base / written).resolve()
            if path.is_relative_to(base.resolve()) and path.is_file():
                return path
        return None

    def read(self, path: Path) -> Document:
        """Read a file; raises SpecError."""
        return read_file(path)


class Texts:
    """Texts of files that need not be here: what a description of a sweep holds."""

    def __init__(self, texts: Mapping[str, str], shipped: Path) -> None:
        """`texts` by their files' absolute paths where they were read, `shipped` the shipped specs' folder there."""
        self.texts = texts
        self._shipped = shipped

    @property
    def shipped(self) -> Path:
        """The folder of the shipped specs, where the texts were read."""
        return self._shipped

    def place(self, folder: Path) -> Path:
        """A folder's path there, which is absolute."""
        return folder

    def find(self, folder: Path, written: Path) -> Path | None:
        """The file that a spec in a folder means by a path."""
        for base in (folder, self._shipped):
            path = Path(normpath(base / written))
            if path.is_relative_to(normpath(base)) and str(path) in self.texts:
                return path
        return None

    def read(self, path: Path) -> Document:
        """Read a text; raises SpecError."""
        return read_text(self.texts[str(path)], str(path))


FILES: Final = Files()
