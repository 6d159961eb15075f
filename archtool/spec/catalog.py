"""The specs that ship with archtool, by name."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from archtool.errors import SpecError

CONCEPTS: Final = "concepts"  # the folder of lessons


@cache
def shipped_folder() -> Path:
    """The folder of the shipped specs: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    installed = package / "specs"
    return installed if installed.is_dir() else package.parent / "specs"


def shipped_files() -> list[Path]:
    """The shipped specs' files, in order."""
    return sorted(shipped_folder().rglob("*.yaml"))


def find_shipped(name: str) -> tuple[Path, str | None] | None:
    """The shipped file of that name, or the file that has a design of that name, and the design.

    Designs of concepts (`wide`, `P`) are words of their lesson, found in their spec alone. Raises
    SpecError where several files have such a design.
    """
    if not re.fullmatch(r"[\w.-]+", name):
        return None
    files = shipped_files()
    for path in files:
        if path.stem == name:
            return path, name if has_design(path, name) else None
    having = [path for path in files if path.parent.name != CONCEPTS and has_design(path, name)]
    if len(having) > 1:
        write = f"{having[0].stem} --design {name}"
        raise SpecError(f"'{name}' is a design of {', '.join(path.stem for path in having)}; write {write}")
    return (having[0], name) if having else None


def has_design(path: Path, name: str) -> bool:
    """Whether a shipped file has a design of that name (a quick look at its text)."""
    _, found, designs = path.read_text(encoding="utf-8").partition("\ndesigns:")
    return bool(found) and re.search(rf"^  {re.escape(name)}:", designs, re.MULTILINE) is not None


def shipped_names() -> list[str]:
    """Every name that a shipped spec answers to: files and designs."""
    names: dict[str, None] = {}
    for path in shipped_files():
        names[path.stem] = None
        if path.parent.name == CONCEPTS:
            continue
        _, found, designs = path.read_text(encoding="utf-8").partition("\ndesigns:")
        names.update(dict.fromkeys(re.findall(r"^  (\w+):", designs, re.MULTILINE) if found else ()))
    return list(names)
