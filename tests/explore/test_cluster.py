"""A sweep by several processes: the same rows as by one, whatever dies."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from distributed import KilledWorker

from archtool import load
from archtool.explore.machines import cluster as cluster_module
from archtool.explore.machines import evaluation
from archtool.explore.machines.cluster import Cluster, ClusterError, Tasks
from archtool.explore.machines.evaluation import SweepEvaluator, evaluate
from archtool.explore.machines.parts import MANIFEST, Part, Parts, PartSink
from archtool.explore.machines.spread import EVALUATOR, Spread
from archtool.explore.storing.run import Ending, Watch
from archtool.explore.storing.store import Store
from archtool.explore.storing.table import column_types
from archtool.explore.storing.tally import Tally
from archtool.explore.sweep import Sweep

Archtool = Callable[..., Any]
MARK = "ARCHTOOL_TEST_MARK"
ALONE = {**os.environ, "OMP_NUM_THREADS": "1"}
OVER = {"width": "16..128:8", "depths[0]": "1..8", "res": "8..512:8"}  # 7,680 designs; the smallest inputs are invalid
ASKED = ["--over", *(f"{name}={domain}" for name, domain in OVER.items())]


def family(**asked: Any) -> Sweep:
    return load("resnet50").explore(OVER, metrics=["params", "macs", "macs / params"], where=["macs < 5e9"], **asked)


def once(sweep: Sweep, folder: Path) -> tuple[pa.Table, Tally]:
    """The rows and the counts that one process finds."""
    ended = Store(sweep, folder / "once.parquet").fill()
    return pq.read_table(folder / "once.parquet"), ended.tally


def rows(folder: Path) -> pa.Table:
    return ds.dataset(folder).to_table().unify_dictionaries()


def same(one: pa.Table, other: pa.Table) -> bool:
    return one.schema.remove_metadata() == other.schema.remove_metadata() and one.to_pylist() == other.to_pylist()


def job(sweep: Sweep, **changes: Any) -> str:
    told = {
        "version": evaluation.__version__, "size": sweep.space.size, "types": column_types(sweep),
        "evaluator": EVALUATOR, "description": {**sweep.describe(), "fingerprint": sweep.fingerprint},
    }  # fmt: skip
    return json.dumps({**told, **changes})


class Counting(Watch):
    """Calls something when so many parts are done."""

    def __init__(self, parts: int, then: Callable[[], object]) -> None:
        self.parts, self.then, self.seen = parts, then, 0

    def tell(self, done: int) -> None:
        self.seen += 1
        if self.seen == self.parts + 1:  # it is told once before the first
            self.then()


class Killed(SweepEvaluator):
    """Kills its process, once, while it writes a part in the middle."""

    def tables(self, first: int, last: int, tally: Tally) -> Iterator[pa.Table]:
        for table in super().tables(first, last, tally):
            yield table
            mark = Path(os.environ[MARK])
            if first >= 3_000 and not mark.exists():
                mark.write_text(f"{os.getpid()}")
                os.kill(os.getpid(), signal.SIGKILL)


# --- clusters ---------------------------------------------------------------------------------------------------


def test_a_worker_that_is_killed_loses_and_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = family()
    expected, tally = once(sweep, tmp_path)
    monkeypatch.setenv(MARK, str(tmp_path / "killed"))
    folder = tmp_path / "out"
    spread = Spread(sweep, folder, Cluster(workers=2), part=500, evaluator=f"{__name__}:Killed")
    ended = spread.fill()
    assert int((tmp_path / "killed").read_text()) != os.getpid()
    assert ended.ending is Ending.COMPLETE
    assert ended.tally == tally
    assert same(rows(folder), expected)
    names = sorted(file.name for file in folder.iterdir())
    assert names == [MANIFEST, *(Part(first, min(first + 500, 7_680)).name for first in range(0, 7_680, 500))]
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["next"] == manifest["size"] == 7_680
    assert manifest["fingerprint"] == sweep.fingerprint


def test_ctrl_c_leaves_what_can_be_gone_on_with(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    asked = ["sweep", "resnet50", "--over", "width=16..128:8", *(f"depths[{at}]=1..20" for at in range(4)), "--quiet"]
    code = [sys.executable, "-m", "archtool", *asked, "-o", str(folder), "--workers", "1", "--part", "20000"]
    with subprocess.Popen(code, stderr=subprocess.PIPE, start_new_session=True, env=ALONE) as program:
        while not list(folder.glob("part-*")):
            assert program.poll() is None
            time.sleep(0.02)
        os.killpg(program.pid, signal.SIGINT)  # as a terminal does: to its workers too
        _, said = program.communicate(timeout=30)
    assert (program.returncode, said) == (128 + signal.SIGINT, b"")
    names = {file.name for file in folder.iterdir()}
    assert not [name for name in names if name.startswith(".")]
    manifest = json.loads((folder / MANIFEST).read_text())
    assert 0 < manifest["next"] == 20_000 * (len(names) - 1) < manifest["size"]


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A scheduler that has no archtool, with one worker, and the file that says where it is."""
    file = tmp_path / "scheduler.json"
    at = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
    programs = [
        ["dask_scheduler", *at, "--port", "0", "--preload", "import sys; sys.modules['archtool'] = None"],
        ["dask_worker", *at, "--nthreads", "2", "--no-nanny", "--resources", "GPU=1", "--death-timeout", "10"],
    ]
    running = []
    for program, *arguments in programs:
        code = [sys.executable, "-m", f"distributed.cli.{program}", *arguments]
        with (tmp_path / program).open("wb") as log:
            running.append(subprocess.Popen(code, stderr=log, stdout=log, env=ALONE))
        while not file.exists():
            assert running[0].poll() is None, (tmp_path / "dask_scheduler").read_text()
    yield running[0], file
    for process in running:
        process.kill()
        process.wait()


def test_a_scheduler_that_dies_leaves_what_can_be_gone_on_with(
    tmp_path: Path, scheduler: tuple[subprocess.Popen[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = family()
    expected, tally = once(sweep, tmp_path)
    folder = tmp_path / "out"
    process, file = scheduler

    def spread(cluster: Cluster, **also: Any) -> Spread:
        return Spread(sweep, folder, cluster, part=500, **also)

    # resources, files that come back, and stopping in between
    stopped = Counting(2, lambda: setattr(stopped, "go_on", lambda: False))
    collecting = Cluster(scheduler=str(file), resources={"GPU": 1}, collect=True)
    ended = spread(collecting).fill(watch=stopped)
    assert ended.ending is Ending.INTERRUPTED
    assert [part.first for part in Parts(sweep, folder, resume=True).stored()] == [0, 500]
    # the scheduler dies
    with pytest.raises(ClusterError, match="is gone; what is evaluated is kept, and --resume goes on with it"):
        spread(Cluster(scheduler=str(file)), resume=True).fill(watch=Counting(3, process.kill))
    begun = Parts(sweep, folder, resume=True).tally().next
    assert 2_500 <= begun < 7_680
    # it is gone
    with monkeypatch.context() as patch:
        patch.setattr(cluster_module, "CONNECTING", 0.2)
        with pytest.raises(ClusterError, match="there is no scheduler of dask at"):
            spread(Cluster(scheduler=str(file)), resume=True).fill()
    # other machines go on
    again = spread(Cluster(workers=1), resume=True)
    assert again.begun == begun
    assert again.fill().tally == tally
    assert same(rows(folder), expected)


# --- tasks ------------------------------------------------------------------------------------------------------


class Client:
    """A client of a cluster of two workers that does at once what it is given."""

    status = "running"

    def __init__(self, result: Any) -> None:
        self.result, self.waiting, self.most, self.given = result, 0, 0, 0
        self.scheduler = type("Scheduler", (), {"address": "tcp://there:8786"})

    def nthreads(self) -> dict[str, int]:
        return {"one": 2, "other": 1}

    def submit(self, call: Any, *arguments: Any, **_: Any) -> Any:
        assert call is eval  # which everybody has
        assert json.loads(json.dumps(arguments)) == list(arguments)
        client = self

        class Future:
            status = "error" if isinstance(client.result, Exception) else "finished"

            def add_done_callback(self, put: Callable[[Any], None]) -> None:
                put(self)

            def result(self) -> Any:
                client.waiting -= 1
                if isinstance(client.result, Exception):
                    raise client.result
                return client.result

        self.given += 1
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        return Future()

    def cancel(self, futures: list[Any]) -> None:
        self.waiting -= len(futures)


def test_no_more_tasks_are_given_than_workers_can_have() -> None:
    client = Client(None)
    parts = (Part(first, first + 1) for first in range(10**12))
    results = Tasks(client, Cluster(), print).results(parts, "", None, Watch())
    for _, expected in zip(range(100), range(100), strict=True):
        assert next(results)[0].first == expected
    assert client.most == 2 * 3
    results.close()
    assert client.given < 110
    assert client.waiting == 0


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("the reason", "^the reason$"),
        (OSError(28, "No space left on device"), "designs 7 to 8 can't be evaluated by a worker: OSError: .*No space"),
        (ModuleNotFoundError("No module named 'archtool'"), "by a worker: ModuleNotFoundError: No module named"),
        (KilledWorker("key", None, 3), "designs 7 to 8 can't be evaluated: 4 workers were lost while they had them"),
    ],
)
def test_what_a_worker_can_not_do_is_said(result: Any, said: str) -> None:
    results = Tasks(Client(result), Cluster(), print).results(iter([Part(7, 9)]), "", None, Watch())
    with pytest.raises(ClusterError, match=said):
        next(results)


def test_a_part_that_is_written_twice_is_there_once(tmp_path: Path) -> None:
    sweep = family()
    expected, _ = once(sweep, tmp_path)
    folder = tmp_path / "out"
    Parts(sweep, folder).begin({"fingerprint": sweep.fingerprint})
    for first, last in [(0, 5_000), (5_000, 7_680), (0, 5_000)]:
        assert evaluate(job(sweep), first, last, str(folder)) is None
    assert same(rows(folder), expected)
    collected = evaluate(job(sweep), 0, 5_000, None)
    assert isinstance(collected, bytes)
    assert pq.read_table(pa.BufferReader(collected)).equals(pq.read_table(folder / Part(0, 5_000).name))


def test_two_workers_may_write_a_part_at_once(tmp_path: Path) -> None:
    sweep = family()
    table, _ = once(sweep, tmp_path)
    folder = tmp_path / "out"
    Parts(sweep, folder).begin({"fingerprint": sweep.fingerprint})
    slow, fast, dying = (PartSink(folder, Part(0, 7_680), table.schema) for _ in range(3))
    slow.write(table[:2_000])
    dying.write(table[:3_000])
    fast.write(table)
    fast.close({})
    slow.write(table[2_000:])
    assert same(rows(folder), table)
    slow.close({})
    assert same(rows(folder), table)
    dying.abandon()
    assert sorted(file.name for file in folder.iterdir()) == [MANIFEST, Part(0, 7_680).name]


@pytest.mark.parametrize(
    ("changes", "folder", "said"),
    [
        ({"version": "0.0.0"}, None, "has archtool .*, this is 0.0.0"),
        ({}, "nowhere", "does not see the folder nowhere: .*shared file system"),
        ({"types": {"params": "int64", "macs": "int64", "macs / params": "int64"}}, None, "does not fit"),
    ],
)
def test_a_job_that_a_worker_can_not_do_is_refused(
    changes: dict[str, Any], folder: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "APPEARING", 0.0)
    found = evaluate(job(family(), **changes), 0, 100, folder)
    assert isinstance(found, str)
    assert re.search(said, found)


# --- the command ------------------------------------------------------------------------------------------------


class Here:
    """In place of a cluster: tasks are done here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("archtool.explore.machines.spread.connected", lambda _: self)
        monkeypatch.setattr("archtool.explore.machines.spread.Tasks", lambda *_: self)

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def results(self, parts: Iterator[Part], job: str, folder: str, watch: Watch) -> Iterator[tuple[Part, None]]:
        for part in parts:
            if not watch.go_on():
                return
            assert evaluate(job, *part, folder) is None
            yield part, None


def test_the_command_spreads_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archtool: Archtool) -> None:
    Here(monkeypatch)
    folder = tmp_path / "out"
    called = archtool("sweep", "resnet50", *ASKED, "-o", str(folder), "--workers", "2", "--part", "2000")
    assert called.code == 0
    assert "designs  7,680" in called.err
    assert f"{folder}  " in called.err
    assert len(list(folder.glob("part-*.parquet"))) == 4
    assert archtool("sweep", "resnet50", *ASKED, "-o", str(folder)).err == (
        f"{folder} is a folder; name a file, or let --workers write the folder\n"
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers", "2", "-o", "x.csv"], "x.csv: several workers write a folder of Parquet files, not one file"),
        (["--scheduler", "tcp://h:1", "-o", "x.duckdb"], "x.duckdb: several workers write a folder of Parquet files"),
        (["--workers", "2"], "several workers write a folder; name it with -o"),
        (["--workers", "2", "-o", "-"], "several workers write a folder; name it with -o"),
        (["--workers", "2", "--scheduler", "tcp://h:1", "-o", "x"], "--workers is for processes of this machine"),
        (["--workers", "2", "--collect", "-o", "x"], "--collect is for the workers of a --scheduler"),
        (["--scheduler", "tcp://h:1", "--resource", "GPU", "-o", "x"], "--resource takes NAME=N, like GPU=1"),
        (["--part", "5", "-o", "x.parquet"], "--part is for several workers"),
        (["--scheduler", "tcp://127.0.0.1:1", "-o", "x"], "there is no scheduler of dask at tcp://127.0.0.1:1: Timed"),
        (["--scheduler", "nothing", "-o", "x"], "there is no scheduler of dask at nothing: missing port number"),
        (["--scheduler", "foo://h:1", "-o", "x"], "there is no scheduler of dask at foo://h:1: unknown address scheme"),
        (["--scheduler", "no.json", "-o", "x"], "no.json: No such file"),
        (["--scheduler", "bad.json", "-o", "x"], "bad.json is no file that a scheduler of dask has written"),
    ],
)
def test_what_can_not_be_is_refused(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archtool: Archtool
) -> None:
    monkeypatch.setattr(cluster_module, "CONNECTING", 0.2)
    monkeypatch.chdir(tmp_path)
    Path("bad.json").write_text("[]")
    called = archtool("sweep", "resnet50", *ASKED, *arguments)
    assert called.code == 2
    assert said in called.err
    assert "Traceback" not in called.err
    assert [file.name for file in tmp_path.iterdir()] == ["bad.json"]


def test_dask_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, archtool: Archtool) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    called = archtool("sweep", "resnet50", *ASKED, "-o", str(tmp_path / "out"), "--workers", "2")
    assert called.code == 2
    assert called.err.startswith("more than one process needs dask (")
    assert called.err.endswith("): pip install 'archtool[cluster]'\n")
    assert not (tmp_path / "out").exists()
