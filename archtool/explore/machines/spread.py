"""A sweep on more than one machine: ranges of its designs are the tasks of a cluster, their files parts of a folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from archtool import __version__
from archtool.explore.machines.cluster import Cluster, Tasks, connected
from archtool.explore.machines.parts import Parts, write_part
from archtool.explore.rebuild import rebuild
from archtool.explore.storing.run import Ended, Ending, SpaceError, Watch, last_design, none_left
from archtool.explore.storing.sinks import OutputError, State
from archtool.explore.storing.table import column_types
from archtool.explore.storing.tally import Tally

if TYPE_CHECKING:
    from distributed import Client

    from archtool.explore.sweep import Sweep

EVALUATOR: Final = "archtool.explore.machines.evaluation:SweepEvaluator"
FEWEST, MOST, MANY = 2**16, 2**22, 64  # designs of a part, at least and at most; parts that a space should make
FEW: Final = 2**12  # designs that are evaluated to see how long one takes
SECONDS: Final = 5.0  # that a part may take


class Spread:
    """A sweep that a cluster stores in a folder; as `Store` is one that is stored in a file.

    part: designs of a task, and of a file; found from their number where it is not given. notice: told, in a line, what
    a user should know while it runs. evaluator: module and name of the `Evaluator` that workers make.
    """

    def __init__(
        self,
        sweep: Sweep,
        path: Path,
        cluster: Cluster,
        force: bool = False,
        resume: bool = False,
        *,
        part: int | None = None,
        notice: Callable[[str], object] = lambda _: None,
        evaluator: str = EVALUATOR,
    ) -> None:
        self.sweep = sweep
        self.cluster = cluster
        self.parts = Parts(sweep, path, force, resume)
        self._part = part
        self._notice = notice
        self._evaluator = evaluator
        self._before = self.parts.tally() if self.parts.state else Tally.none(sweep)

    @property
    def begun(self) -> int:
        """How many designs are evaluated already."""
        return self._before.next

    def fill(self, limit: int | None = None, watch: Watch | None = None) -> Ended:
        """Evaluate what is missing; where there is a limit, no design with that number or a greater one.

        However it ends, each part that is there is whole, and `resume` evaluates what is missing. Raises ClusterError
        where the cluster is not there or fails, OutputError where the folder can't be written, SpaceError where there
        are too many designs, or none is left.
        """
        began, watch = perf_counter(), watch or Watch()
        stop, size = last_design(self.sweep, limit), self.sweep.space.size
        if self.parts.state is None or any(self.parts.missing(stop, stop)):
            self._evaluated(stop, watch)
        tally = self.parts.tally()
        interrupted = not watch.go_on()
        if not interrupted:
            self.parts.check(stop)
        if tally.next == size and tally.rows == 0:
            self.parts.remove()
            raise SpaceError(none_left(self.sweep.where, tally))
        ending = Ending.COMPLETE if tally.next == size else Ending.INTERRUPTED if interrupted else Ending.LIMIT
        self.parts.tell({**self._about(), **tally.to_dict()})
        return Ended(tally=tally, begun=self.begun, size=size, ending=ending, seconds=perf_counter() - began)

    def _evaluated(self, stop: int, watch: Watch) -> None:
        rebuild(self._described())  # here too, so that what can't travel is refused before anything is begun
        with connected(self.cluster) as client:
            self.parts.begin({**self._about(), **self._before.to_dict()})
            try:
                self._spread(client, stop, watch)
            except OSError as error:
                raise OutputError(f"can't write {self.parts.path}: {error.strerror or error}") from None
            finally:
                self.parts.tidy()

    def _spread(self, client: Client, stop: int, watch: Watch) -> None:
        about, folder = self._about(), self.parts.path.resolve()
        job = {name: about[name] for name in ("version", "size", "types")}
        job |= {"evaluator": self._evaluator, "description": self._described()}
        missing = self.parts.missing(stop, about["designs_of_a_part"])
        done = self.begun
        watch.tell(done)
        tasks = Tasks(client, self.cluster, self._notice)
        shared = None if self.cluster.collect else str(folder)
        with closing(tasks.results(missing, json.dumps(job), shared, watch)) as results:
            for part, data in results:
                if data is not None:
                    write_part(folder, part, data)
                done += part.last - part.first
                watch.tell(done)

    def _described(self) -> dict[str, Any]:
        return {**self.sweep.describe(), "fingerprint": self.sweep.fingerprint}

    def _about(self) -> State:
        """What the folder says of itself, but for how far it has come."""
        known = self.parts.state or {}
        return {
            **self._described(),
            "version": __version__,
            "size": self.sweep.space.size,
            "types": known["types"] if known else column_types(self.sweep),
            "designs_of_a_part": self._part or known.get("designs_of_a_part") or _designs_of_a_part(self.sweep),
        }


def _designs_of_a_part(sweep: Sweep) -> int:
    """As many as give all workers something to do, but no more than a worker evaluates in `SECONDS`; in whole turns of
    what is evaluated at once where they are more than that."""
    few = min(sweep.space.size, FEW)
    for _ in range(2):  # the first time it is traced
        began = perf_counter()
        sweep.batch(0, few)
    in_time = int(few * SECONDS / (perf_counter() - began))
    designs = max(min(max(FEWEST, -(-sweep.space.size // MANY)), MOST, in_time), 1)
    at_once = next(sweep.chunks())[1]
    return designs - designs % at_once if designs > at_once else designs
