"""A hundred million designs of a family of ResNets (nine knobs, four metrics) into one Parquet file."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import LAUNCHER, PEAK, ROOT, SCRIPT, SECONDS
from benchmarks.progress import say
from benchmarks.results import Effort, Figure, Sample, Section, Taken

SPEC = "resnet_family"
WHOLE, QUICK = 100_000_000, 10_000_000  # designs
SECONDS_BAR = 40  # for all; a part of them has that part of it
PEAK_BAR = 2**30
ROUNDS = 3  # at most


def seconds(effort: Effort) -> Section:
    """The command's time, from spawn to exit."""
    designs = _designs(effort)
    taken, size = _swept(designs, min(effort.rounds, ROUNDS))
    figure = taken.figure("archtool sweep", SECONDS, bar=SECONDS_BAR * designs / WHOLE)
    return Section(
        title=f"{designs:,} ResNets into a Parquet file, the whole process", unit="s", ours=(figure,), peers=(),
        notes=(f"The file: {size / 2**20:,.0f} MiB. {_rate(figure, designs)}",),
    )  # fmt: skip


def memory(effort: Effort) -> Section:
    """The most memory that the same processes held."""
    designs = _designs(effort)
    taken, _ = _swept(designs, min(effort.rounds, ROUNDS))
    return Section(
        title=f"{designs:,} ResNets into a Parquet file, peak memory of the process", unit="B",
        ours=(taken.figure("archtool sweep", PEAK, bar=PEAK_BAR),), peers=(),
    )  # fmt: skip


def _designs(effort: Effort) -> int:
    return QUICK if effort.rounds == 1 else WHOLE


def _rate(figure: Figure, designs: int) -> str:
    return "" if figure.least is None else f"{designs / figure.least / 1e6:.1f} million designs a second."


@cache  # time and memory are read from the same processes
def _swept(designs: int, rounds: int) -> tuple[Taken, int]:
    """What each round took, and the bytes of the file."""
    samples: list[Sample] = []
    size = 0
    for number in range(rounds):
        say(f"sweep: {designs:,} designs, round {number + 1} of {rounds}")
        with TemporaryDirectory() as folder:
            path = Path(folder, "designs.parquet")
            launcher = (sys.executable, "-I", "-S", str(LAUNCHER), "pipe")
            command = (str(SCRIPT), "sweep", SPEC, "--limit", str(designs), "--quiet", "-o", str(path))
            done = subprocess.run((*launcher, *command), cwd=ROOT, capture_output=True, check=False)
            status = done.stdout.split()[2:3]
            if status != [b"0"]:
                reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["it failed"])[-1]
                return Taken(absent=reason), 0
            if wrong := _wrong(path, designs):
                return Taken(absent=wrong), 0
            took, peak_kib = done.stdout.split()[:2]
            samples.append({SECONDS: float(took), PEAK: int(peak_kib) * 1024})
            size = path.stat().st_size
    return Taken(samples=tuple(samples)), size


def _wrong(path: Path, designs: int) -> str:
    """What is wrong with the file, by its last design; nothing, where that is told right."""
    from pyarrow.parquet import ParquetFile

    from archtool import load

    with ParquetFile(path) as file:
        if file.metadata.num_rows != designs:
            return f"it wrote {file.metadata.num_rows:,} designs instead of {designs:,}"
        group = file.read_row_group(file.num_row_groups - 1)
        last = group.slice(group.num_rows - 1).to_pylist()[0]
    widths, depths = ([last[f"{name}[{stage}]"] for stage in range(4)] for name in ("widths", "depths"))
    cost = load(SPEC, widths=widths, depths=depths, res=last["res"]).run.cost
    if (last["design"], last["params"], last["macs"]) != (designs - 1, cost.params, cost.macs):
        return f"it told {last['params']} parameters and {last['macs']} MACs instead of {cost.params} and {cost.macs}"
    return ""
