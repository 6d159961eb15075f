"""Warm processes, one a tool, asked in turns."""

import json
import select
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Any, Self

from benchmarks.peers import PEERS
from benchmarks.processes import ROOT
from benchmarks.progress import say
from benchmarks.results import Effort, Sample, Taken
from benchmarks.worker import ARCHTOOL

LIMIT_SECONDS = 300.0  # for one reply


def take_turns(network: str, effort: Effort, peers: Iterable[str] = PEERS) -> dict[str, Taken]:
    """Start all tools on a network, and let each take samples in turn, so that noise falls on all of them alike."""
    with ExitStack() as stack:
        workers = [stack.enter_context(Worker(tool, network)) for tool in (ARCHTOOL, *peers)]
        say(f"{network}: getting ready")
        for worker in workers:
            worker.listen()
        for number in range(effort.rounds):
            say(f"{network}: round {number + 1} of {effort.rounds}")
            for worker in workers:
                worker.take(effort.seconds)
        return {worker.tool: worker.taken() for worker in workers}


class Worker:
    """The driving end of a `benchmarks.worker` process. Once it fails, it keeps the reason and takes nothing more."""

    def __init__(self, tool: str, network: str) -> None:
        self.tool = tool
        self._samples: list[Sample] = []
        self._macs: int | None = None
        self._failed: str | None = None
        self._process = subprocess.Popen(
            (sys.executable, "-m", "benchmarks.worker", tool, network),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def listen(self) -> dict[str, Any]:
        """Wait for one reply. A process that fails, ends or takes too long is done with."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], LIMIT_SECONDS)
        line = self._process.stdout.readline() if ready else json.dumps({"failed": f"over {LIMIT_SECONDS:.0f} s"})
        message: dict[str, Any] = json.loads(line or '{"failed": "its process ended"}')
        self._failed = message.get("failed")
        return message

    def take(self, seconds: float) -> None:
        """Let the tool take samples for so many seconds, one at least."""
        if self._failed is None:
            assert self._process.stdin is not None
            with suppress(BrokenPipeError):  # then there is no reply, and the reason is told there
                print(seconds, file=self._process.stdin, flush=True)
            message = self.listen()
            self._samples += message.get("samples", ())
            self._macs = message.get("macs")

    def taken(self) -> Taken:
        """All samples so far, or why there are none."""
        if self._failed is not None:
            return Taken(absent=self._failed)
        return Taken(samples=tuple(self._samples), macs=self._macs)
