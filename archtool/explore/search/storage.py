"""Where a search is kept, so that it can go on: which file is for which search, and when one can't be gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archtool.errors import ArchtoolError
from archtool.explore.storing.same import differences

if TYPE_CHECKING:
    from archtool.explore.search.request import Request

SUFFIXES: Final = {"pymoo": (".npz",), "optuna": (".journal", ".log", ".db", ".sqlite")}
OPTIONS: Final = ("algorithm", "population", "seed", "budget", "objectives", "scores", "scoring")


class StorageError(ArchtoolError):
    """What a search has kept can't be read, written or gone on with."""


def prepare(request: Request, path: Path, *, resume: bool, force: bool) -> bool:
    """Whether there is a search in a file to go on with; one to be begun anew (`force`) is removed.

    Raises StorageError where the file does not fit the search, or must not be touched.
    """
    if request.engine == "formulas":
        raise StorageError(
            "a search that evaluates all designs keeps nothing: leave --storage out, or take --algorithm"
        )
    suffixes = SUFFIXES[request.engine]
    if path.suffix not in suffixes:
        raise StorageError(f"{path}: this search, by {request.engine}, is kept in a file {' or '.join(suffixes)}")
    if not path.parent.is_dir():
        raise StorageError(f"{path}: there is no folder {path.parent}")
    if path.is_dir():
        raise StorageError(f"{path} is a folder; name a file")
    if not path.exists():
        return False
    if force:
        path.unlink()
        return False
    if not resume:
        raise StorageError(f"{path} is there already: --resume goes on with it, --force begins anew")
    return True


def told_of(request: Request) -> dict[str, Any]:
    """What is kept of a search to know it by, as JSON."""
    return {**request.describe(), "fingerprint": request.fingerprint}


def check(path: Path, told: Any, request: Request) -> None:
    """Refuse a file that does not hold this search; raises StorageError."""
    if not isinstance(told, dict) or "fingerprint" not in told:
        raise StorageError(f"{path} does not say which search it holds, so that it can't be gone on with")
    if told["fingerprint"] != request.fingerprint:
        asked = request.describe()
        there, here = told.get("search", {}), asked["search"]
        lines = [f"{name}: {there.get(name)} there, {here.get(name)} asked for" for name in OPTIONS
                 if there.get(name) != here.get(name)]  # fmt: skip
        lines = lines or differences(told, asked)
        raise StorageError("\n  ".join([f"{path} holds another search, so that it can't be gone on with:", *lines]))
