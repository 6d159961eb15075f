"""A sweep by two processes, of which one is killed, and by a scheduler that is: as fast, and the same rows.

    python -m benchmarks.cluster                      # 50 million designs, some minutes and 1 GB of disk
    python -m benchmarks.cluster --designs 2000000    # a quick look

Needs `pip install 'archtool[cluster]'`. Prints a line a run, and ends with 1 where a run's rows are not those of one
process.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil  # comes with distributed
import pyarrow as pa
import pyarrow.parquet as pq

from archtool import load
from archtool.errors import ArchtoolError
from archtool.explore.machines.cluster import Cluster
from archtool.explore.machines.spread import Spread
from archtool.explore.storing.run import Ended, Watch
from archtool.explore.storing.store import Store
from archtool.explore.sweep import Sweep

OVER = {
    "depths[0]": "1..16", "depths[1]": "1..12", "depths[2]": "1..24", "depths[3]": "1..8", "width": "32..256:8",
    "classes": "10, 100, 1000", "res": "64..320:16",
}  # fmt: skip  # 54,521,856 designs
ROWS = 2**20  # compared at once


def space() -> Sweep:
    """ResNets of seven knobs."""
    return load("resnet50").explore(OVER, metrics=["params", "macs", "activations", "receptive_field"])


class Part(Watch):
    """Does something once, when so many designs are done."""

    def __init__(self, designs: int, then: Callable[[], None]) -> None:
        self.designs, self.then = designs, then

    def tell(self, done: int) -> None:
        if done >= self.designs:
            self.designs = sys.maxsize
            self.then()


def kill_a_worker() -> None:
    """SIGKILL to a process of the local cluster that is at work."""
    workers = [child for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]
    os.kill(max(workers, key=lambda process: process.cpu_times().user).pid, signal.SIGKILL)


def scheduler(folder: Path) -> tuple[list[subprocess.Popen[bytes]], Path]:
    """A scheduler and two workers as programs of their own, and the file that says where they are."""
    file = folder / "scheduler.json"
    at = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
    programs = [["dask_scheduler", *at, "--port", "0"], *[["dask_worker", *at, "--nthreads", "1"]] * 2]
    running = []
    for program, *arguments in programs:
        code = [sys.executable, "-m", f"distributed.cli.{program}", *arguments]
        running.append(subprocess.Popen(code, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        while not file.exists():
            time.sleep(0.1)
    return running, file


def batches(files: list[Path]) -> Iterator[pa.Table]:
    """The rows of some files in order, `ROWS` at a time."""
    waiting: list[pa.Table] = []
    for file in files:
        with pq.ParquetFile(file) as opened:
            for batch in opened.iter_batches(ROWS):
                waiting.append(pa.Table.from_batches([batch]).replace_schema_metadata())
                if sum(table.num_rows for table in waiting) >= ROWS:
                    whole = pa.concat_tables(waiting)
                    yield whole[:ROWS]
                    waiting = [whole[ROWS:]]
    yield pa.concat_tables(waiting)


def same(one: Path, parts: Path) -> bool:
    """Whether a file and a folder of files have the same rows in the same order."""
    pairs = zip(batches([one]), batches(sorted(parts.glob("part-*.parquet"))), strict=True)
    return all(one.equals(other) for one, other in pairs)


def told(what: str, ended: Ended, equal: bool | None = None) -> bool:
    """Print a line; whether the rows were the same."""
    done = ended.tally.next - ended.begun
    rows = "" if equal is None else "  the same rows" if equal else "  OTHER ROWS"
    rate = done / ended.seconds / 1e6
    print(f"{what:<48} {done:>12,} designs {ended.seconds:7.1f} s {rate:6.2f} million/s{rows}", flush=True)
    return equal is not False


def main() -> int:
    """All runs; 1 where one has other rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--designs", type=int, default=50_000_000)
    parser.add_argument("--folder", type=Path, help="where the files go; a temporary one without it")
    asked = parser.parse_args()
    good = True
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        one, out = folder / "one.parquet", folder / "out"
        limit: int = asked.designs
        told("one process", Store(space(), one).fill(limit))
        two = Cluster(workers=2)
        ended = Spread(space(), out, two).fill(limit)
        good &= told("two workers", ended, same(one, out))
        ended = Spread(space(), out, two, force=True).fill(limit, Part(limit // 2, kill_a_worker))
        good &= told("two workers, one killed in the middle", ended, same(one, out))
        running, file = scheduler(folder)
        try:
            watch = Part(limit // 2, running[0].kill)
            Spread(space(), out, Cluster(scheduler=str(file)), force=True).fill(limit, watch)
        except ArchtoolError as error:
            print(error)
        finally:
            for process in running:
                process.kill()
                process.wait()
        ended = Spread(space(), out, two, resume=True).fill(limit)
        good &= told("gone on with after the scheduler was killed", ended, same(one, out))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
