"""What a worker of a cluster does: it evaluates the designs of a range, and writes them as a part of a result.

A job is JSON, so that nothing alive travels: the name of an evaluator, the description that it is made from, and the
types of the columns. A worker makes an evaluator once a thread, and keeps it for the job's other parts. What is
evaluated is the evaluator's business alone: how designs are spread, stored and counted is the same for all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from platform import node
from tempfile import TemporaryDirectory
from threading import local
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Final, Protocol

from archtool import __version__
from archtool.errors import ArchtoolError
from archtool.explore.machines.parts import MANIFEST, Part, PartSink
from archtool.explore.rebuild import rebuild
from archtool.explore.storing.run import ROWS
from archtool.explore.storing.table import Tables
from archtool.explore.storing.tally import Tally

if TYPE_CHECKING:
    import pyarrow as pa

MOST_KEPT: Final = 4  # jobs whose evaluators a thread keeps
APPEARING: Final = 10.0  # seconds that a new folder may take to appear on another machine
_kept = local()


class Evaluator(Protocol):
    """Evaluates designs by number; used by one thread."""

    def __init__(self, description: Mapping[str, Any], types: Mapping[str, str]) -> None:
        """`description`: what is evaluated, and a `fingerprint`; `types`: of the metrics' columns, see `Tables`."""

    @property
    def schema(self) -> pa.Schema:
        """The columns of all tables."""

    def tables(self, first: int, last: int, tally: Tally) -> Iterator[pa.Table]:
        """The designs with the numbers from `first` up to `last`, in order, counted in `tally`."""


class SweepEvaluator:
    """Evaluates the designs of a sweep."""

    def __init__(self, description: Mapping[str, Any], types: Mapping[str, str]) -> None:
        self._sweep = rebuild(description)
        self._tables = Tables(self._sweep, types)

    @property
    def schema(self) -> pa.Schema:
        """The columns of all tables."""
        return self._tables.schema

    def tables(self, first: int, last: int, tally: Tally) -> Iterator[pa.Table]:
        """The designs with the numbers from `first` up to `last`: tables of at least `ROWS` rows, but for the last."""
        import pyarrow as pa

        sweep = self._sweep
        sweep.removed[:] = [0] * len(sweep.where)
        waiting: list[pa.Table] = []
        for start, stop in sweep.chunks(first):
            if start >= last:
                break
            batch = sweep.batch(start, min(stop, last))
            tally.add(sweep, batch, min(stop, last))
            if batch.size:
                waiting.append(self._tables.of(batch))
            if sum(table.num_rows for table in waiting) >= ROWS:
                yield pa.concat_tables(waiting).unify_dictionaries()
                waiting = []
        if waiting:
            yield pa.concat_tables(waiting).unify_dictionaries()


def evaluate(job: str, first: int, last: int, folder: str | None) -> bytes | str | None:
    """The task: write the designs with the numbers from `first` up to `last` as a part of a folder; without a folder,
    its file comes back. A text that comes back is a reason why they can't be evaluated that trying again won't cure.
    """
    told = json.loads(job)
    try:
        if told["version"] != __version__:
            return f"the worker on {node()} has archtool {__version__}, this is {told['version']}"
        if folder is not None:
            _write(job, told, Part(first, last), _seen(Path(folder)))
            return None
        with TemporaryDirectory() as own:
            part = Part(first, last)
            _write(job, told, part, Path(own))
            return (Path(own) / part.name).read_bytes()
    except ArchtoolError as error:
        return str(error)


def _write(job: str, told: Mapping[str, Any], part: Part, folder: Path) -> None:
    evaluator = _evaluator(job, told)
    tally = Tally(next=part.first, removed=[0] * len(told["description"]["where"]))
    sink = PartSink(folder, part, evaluator.schema)
    try:
        for table in evaluator.tables(part.first, part.last, tally):
            sink.write(table)
        about = {name: told[name] for name in ("version", "size", "types")}
        sink.close({**told["description"], **about, "part": list(part), **tally.to_dict()})
    except BaseException:
        sink.abandon()
        raise


def _evaluator(job: str, told: Mapping[str, Any]) -> Evaluator:
    """This thread's evaluator for a job."""
    known: dict[str, Evaluator] = _kept.__dict__
    if job not in known:
        module, _, name = told["evaluator"].partition(":")
        made: Evaluator = getattr(import_module(module), name)(told["description"], told["types"])
        while len(known) >= MOST_KEPT:
            known.pop(next(iter(known)))
        known[job] = made
    return known[job]


def _seen(folder: Path) -> Path:
    """A folder that is there; network file systems take some time to show a new one."""
    waited = monotonic() + APPEARING
    while not (folder / MANIFEST).is_file():
        if monotonic() > waited:
            raise ArchtoolError(
                f"the worker on {node()} does not see the folder {folder}: all workers need it under this path, as on "
                "a shared file system; else the designs have to come back to be written here (--collect)"
            )
        sleep(0.1)
    return folder
