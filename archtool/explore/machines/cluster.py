"""A cluster: the scheduler and the workers of dask, existing ones or those of this machine, and tasks on them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Generator, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from archtool.errors import ArchtoolError, missing_extra
from archtool.explore.machines.parts import Part
from archtool.explore.storing.run import Watch

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECTING: Final = 5  # seconds that a scheduler may take to answer
POLL: Final = 0.25  # seconds between looks at what the user wants
COUNTING: Final = 2  # seconds between looks at how many workers there are
AHEAD: Final = 2  # parts a thread of a worker: one that it evaluates, one that waits
RETRIES: Final = 2  # of a task that fails
DEATHS: Final = 5  # of workers that had the same task, before a cluster of this machine gives it up
# A task is a text for `eval`, and its arguments are JSON, so that dask's scheduler and a worker without archtool can
# unpickle it too: what a worker can't unpickle ends the worker, not the task.
EVALUATION: Final = "__import__('archtool.explore.machines.evaluation', fromlist=['evaluate'])"
TASK: Final = f"{EVALUATION}.evaluate(job, first, last, folder)"
LOGGERS: Final = ("distributed", "distributed.client", "tornado.application")  # those that dask gives a level
GO_ON: Final = "what is evaluated is kept, and --resume goes on with it"


class ClusterError(ArchtoolError):
    """A cluster is not there, or can't do what it is asked."""


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Where designs are evaluated: by an existing scheduler, or by `workers` processes of this machine.

    scheduler: its address (tcp://host:8786), or the JSON file that it has written. resources: what a worker has to have
    for a part, by the names that dask's workers give it ({"GPU": 1}). collect: parts come back through dask and are
    written here, for workers that don't see the folder.
    """

    scheduler: str | None = None
    workers: int = 1
    resources: Mapping[str, float] = field(default_factory=dict)
    collect: bool = False


@contextmanager
def connected(cluster: Cluster) -> Iterator[Client]:
    """A client of a cluster; raises ClusterError where its scheduler does not answer, MissingExtra without dask."""
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise missing_extra("more than one process", "dask", "cluster", error) from None
    with ExitStack() as stack:
        stack.enter_context(_quiet())
        if cluster.scheduler is None:
            own = LocalCluster(
                n_workers=cluster.workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL, scheduler_kwargs={"allowed_failures": DEATHS},
                preload=["archtool.explore.machines.worker"],
            )  # fmt: skip
            address: Any = stack.enter_context(own)
        else:
            address = _address(cluster.scheduler)
            try:
                asyncio.run(_reached(address))
            except (OSError, ValueError, TypeError) as error:
                reason = str(error).splitlines()[0]
                raise ClusterError(f"there is no scheduler of dask at {address}: {reason}") from None
        yield stack.enter_context(Client(address, timeout=CONNECTING, set_as_default=False))


class Tasks:
    """Parts as tasks of a cluster, never more at once than a few for each thread of its workers.

    `notice` is told, in a line, what a user should know.
    """

    def __init__(self, client: Client, cluster: Cluster, notice: Callable[[str], object]) -> None:
        self._client = client
        self._cluster = cluster
        self._notice = notice
        self._address = client.scheduler.address
        self._running: dict[Future, Part] = {}
        self._threads: int | None = None
        self._counted = 0.0

    def results(
        self, parts: Iterator[Part], job: str, folder: str | None, watch: Watch
    ) -> Generator[tuple[Part, bytes | None]]:
        """The parts that are evaluated, as they are done, with their bytes where there is no `folder`.

        Ends early where the watch says so. Raises ClusterError where a part can't be evaluated, or the scheduler is
        gone.
        """
        finished: Queue[Future] = Queue()
        part = next(parts, None)
        try:
            while (part is not None or self._running) and watch.go_on():
                while part is not None and len(self._running) < self._room():
                    arguments = {"job": job, "first": part.first, "last": part.last, "folder": folder}
                    future = self._client.submit(
                        eval, TASK, arguments, key=f"archtool-{part.first}-{uuid4().hex}", pure=False, retries=RETRIES,
                        resources=dict(self._cluster.resources) or None,
                    )  # fmt: skip
                    self._running[future] = part
                    future.add_done_callback(finished.put)
                    part = next(parts, None)
                try:
                    future = finished.get(timeout=POLL)
                except Empty:
                    self._check()
                else:
                    data = self._data(future)
                    yield self._running.pop(future), data
        finally:
            if self._running and self._client.status == "running":
                with suppress(OSError):  # the scheduler may be going at this moment
                    self._client.cancel(list(self._running))

    def _room(self) -> int:
        """How many tasks there may be: what keeps all workers busy, and hardly more."""
        if self._threads is None or monotonic() > self._counted + COUNTING:
            self._check()
            try:
                threads = sum(self._client.nthreads().values())
            except OSError:
                raise self._gone() from None
            if threads == 0 and self._threads != 0:
                self._notice(f"the scheduler {self._address} has no workers; waiting for them")
            self._threads, self._counted = threads, monotonic()
        return AHEAD * max(self._threads, 1)

    def _check(self) -> None:
        if self._client.status != "running":
            raise self._gone()

    def _gone(self) -> ClusterError:
        return ClusterError(f"the scheduler {self._address} is gone; {GO_ON}")

    def _data(self, future: Future) -> bytes | None:
        from distributed import KilledWorker

        part = self._running[future]
        try:
            found = future.result()
        except KilledWorker as error:
            reason = f"{error.allowed_failures + 1} workers were lost while they had them (short of memory?)"
            raise ClusterError(f"the designs {part} can't be evaluated: {reason}; {GO_ON}") from None
        except (Exception, CancelledError) as error:  # whatever a worker has raised ends here
            if future.status != "error":
                raise self._gone() from None
            reason = f"{type(error).__name__}: {error}".splitlines()[0]
            raise ClusterError(f"the designs {part} can't be evaluated by a worker: {reason}; {GO_ON}") from None
        if isinstance(found, str):
            raise ClusterError(found)
        assert found is None or isinstance(found, bytes)
        return found


def _address(scheduler: str) -> str:
    """A scheduler's address, read from the file that it has written where it is one's name."""
    if not scheduler.endswith(".json"):
        return scheduler
    try:
        address: str = json.loads(Path(scheduler).read_bytes())["address"]
    except OSError as error:
        raise ClusterError(f"{scheduler}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise ClusterError(f"{scheduler} is no file that a scheduler of dask has written") from None
    return address


async def _reached(address: str) -> None:
    """Raise OSError, ValueError or TypeError where nobody answers: a client that fails does not clean up."""
    from distributed.comm import connect
    from distributed.security import Security

    comm = await connect(address, timeout=CONNECTING, **Security().get_connection_args("client"))
    await comm.close()


@contextmanager
def _quiet() -> Iterator[None]:
    """What goes wrong is said by our errors; dask would log it too, with tracebacks."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.CRITICAL)
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
