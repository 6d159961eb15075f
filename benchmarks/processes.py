"""Whole processes that analyse ResNet-50: archtool's command and each peer's script, run in turns."""

import json
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from benchmarks.peers import PEERS
from benchmarks.progress import say
from benchmarks.results import Sample, Taken

ROOT = Path(__file__).resolve().parent.parent
LAUNCHER = Path(__file__).with_name("launcher.py")
SCRIPT = Path(sysconfig.get_path("scripts"), "archtool")
MACS = 4_089_184_256  # torchvision's published figure
SECONDS, PEAK = "seconds", "peak bytes"


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command, where its output goes, and how to find the answer in it."""

    name: str
    argv: tuple[str, ...]
    output: Literal["pipe", "terminal"] = "pipe"
    macs: Callable[[bytes], int | None] = lambda _: None


class Failed(Exception):
    """A command that did not do its work; the message says why."""


def _macs_in_json(output: bytes) -> int:
    macs = int(json.loads(output)["totals"]["macs"])
    if macs != MACS:
        raise Failed(f"it answered {macs} multiply-adds instead of {MACS}")
    return macs


ANALYZE = (str(SCRIPT), "analyze", "resnet50")
OURS = (
    Command(name="archtool, JSON", argv=(*ANALYZE, "--format", "json"), macs=_macs_in_json),
    Command(name="archtool, table to a pipe", argv=ANALYZE),
    Command(name="archtool, table on a terminal", argv=ANALYZE, output="terminal"),
)
THEIRS = tuple(
    Command(name=name, argv=(sys.executable, "-m", "benchmarks.peers", name), macs=lambda text: int(text.split()[-1]))
    for name in PEERS
)


@cache  # time and memory are read from the same processes
def resnet50_processes(rounds: int) -> dict[str, Taken]:
    """Run every command in turns, ours before each peer's. A first round, not counted, fills the disk's caches."""
    samples: dict[str, list[Sample]] = {command.name: [] for command in (*OURS, *THEIRS)}
    macs: dict[str, int | None] = {}
    absent: dict[str, str] = {}
    for number in range(rounds + 1):
        say(f"processes: round {number} of {rounds}" + ("" if number else " (not counted)"))
        for command in (turn for peer in THEIRS for turn in (*OURS, peer) if turn.name not in absent):
            try:
                sample, macs[command.name] = run(command)
            except Failed as failure:
                absent[command.name] = str(failure)
            else:
                samples[command.name] += [sample] * (number > 0)
    return {
        name: Taken(absent=absent[name]) if name in absent else Taken(samples=tuple(taken), macs=macs[name])
        for name, taken in samples.items()
    }


def run(command: Command) -> tuple[Sample, int | None]:
    """Run a command once: its seconds and peak memory, and the multiply-adds that it answered.

    Raises:
        Failed: it is not there, ended with an error, or answered nothing or something wrong.
    """
    launcher = (sys.executable, "-I", "-S", str(LAUNCHER), command.output)
    done = subprocess.run((*launcher, *command.argv), cwd=ROOT, capture_output=True, check=False)
    report, _, output = done.stdout.partition(b"\n")
    if not report:
        raise Failed(_last_line(done.stderr))
    seconds, peak_kib, status = report.split()
    if int(status):
        raise Failed(_last_line(done.stderr) or f"it ended with status {int(status)}")
    if not output.strip():
        raise Failed("it printed nothing")
    return {SECONDS: float(seconds), PEAK: int(peak_kib) * 1024}, command.macs(output)


def _last_line(text: bytes) -> str:
    return (text.decode(errors="replace").strip().splitlines() or [""])[-1]
