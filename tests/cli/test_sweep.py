"""`archtool sweep`: tables, files, streams; and how it ends when it is stopped, killed or refused."""

from __future__ import annotations

import csv
import io
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from archtool import load
from archtool.analysis.measures import METRICS

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "archtool", "sweep"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}
SMALL = ["resnet50", "--over", "width=32..64:32", "res=160,224"]
GREAT = ["resnet_family", "--over", "widths[0]=1..10000", "depths[0]=1..100", "depths[1]=1..100", "res=32..320"]


def test_without_a_file_it_is_a_table(archtool) -> None:
    called = archtool("sweep", *SMALL, "--metrics", "params,macs,macs / params")
    assert called.code == 0
    assert called.out == (
        "design  width  res      params           macs  macs / params\n"
        "     0     32  160   6,917,640    537,395,200        77.6848\n"
        "     1     32  224   6,917,640  1,052,311,552         152.12\n"
        "     2     64  160  25,557,032  2,087,321,600        81.6731\n"
        "     3     64  224  25,557,032  4,089,184,256        160.002\n"
    )
    assert re.fullmatch(r"designs  4  in \d+\.\d s, .* a second\n  valid  4\n", called.err)


def test_items_of_a_list_are_one_column_of_a_table_and_not_of_a_file(archtool) -> None:
    asked = ["sweep", "resnet_family", "--over", "depths[0]=1", "depths[1]=1,2", "widths[1]=32", "--metrics", "params"]
    assert [line[:25] for line in archtool(*asked).out.splitlines()] == [
        "design  depths  widths[1]", "     0  [1, 1]         32", "     1  [1, 2]         32",
    ]  # fmt: skip
    assert archtool(*asked, "-o", "-").out.startswith('"design","depths[0]","depths[1]","widths[1]","params"')


def test_the_summary_says_what_is_wrong_and_what_was_removed(archtool) -> None:
    over = ["--over", "width=192..768:192", "heads=1,5", "depth=1,2"]
    where = ["--where", "depth == 1", "--where", "width > 192"]
    called = archtool("sweep", "vit_b_16", *over, *where, "--metrics", "macs")
    assert called.code == 0
    assert called.err.partition("\n")[2] == (
        "  valid     3\n"
        "  invalid   3\n"
        "            3  encoder.0: add1.attend.attention: channels (=width) must be divisible by heads (=heads); or "
        "give head_channels\n"
        "  removed  10\n"
        "            8  depth == 1\n"
        "            2  width > 192\n"
    )
    rows = called.out.splitlines()
    assert rows[0].split() == ["design", "width", "heads", "depth", "macs", "problem"]
    assert len(rows) == 7
    assert called.out.count("must be divisible by heads") == 3


def test_a_sweep_without_a_valid_design_says_so(archtool, tmp_path: Path) -> None:
    path = tmp_path / "designs.parquet"
    asked = ["sweep", "vit_b_16", "--over", "width=192..768:192", "heads=5,7", "-o", str(path)]
    called = archtool(*asked)
    assert called.code == 0
    assert called.err.splitlines()[-2] == "no design is valid"
    assert parquet.read_table(path)["macs"].null_count == parquet.read_metadata(path).num_rows == 8
    assert "no design is valid" not in archtool(*asked, "--over", "heads=5,4", "--force").err


def test_a_dash_is_csv_on_standard_output(archtool) -> None:
    called = archtool("sweep", *SMALL, "--metrics", "params", "-o", "-", "--quiet")
    assert (called.code, called.err) == (0, "")
    rows = list(csv.DictReader(io.StringIO(called.out)))
    assert rows[3] == {"design": "3", "width": "64", "res": "224", "params": "25557032", "problem": ""}
    assert len(rows) == 4


def test_a_file_is_begun_gone_on_with_and_finished(archtool, tmp_path: Path) -> None:
    path = str(tmp_path / "designs.parquet")
    begun = archtool("sweep", *SMALL, "-o", path, "--limit", "3")
    assert (begun.code, begun.out) == (0, "")
    assert "the limit is reached: 3 of 4 designs are evaluated; --resume goes on from here\n" in begun.err
    assert "incomplete" in begun.err
    again = archtool("sweep", *SMALL, "-o", path)
    assert (again.code, again.err) == (2, f"{path} is there already: --resume goes on with it, --force replaces it\n")
    other = archtool("sweep", *SMALL, "-o", path, "--resume", "--metrics", "macs")
    assert other.code == 2
    assert "\n  metrics: params, macs, activations, receptive_field there, macs asked for\n" in other.err
    ended = archtool("sweep", *SMALL, "-o", path, "--resume")
    assert ended.code == 0
    assert "1 of them in" in ended.err
    assert ", complete\n" in ended.err
    assert parquet.read_table(path)["macs"].to_pylist()[3] == load("resnet50").run.cost.macs
    whole = archtool("sweep", *SMALL, "-o", path, "--resume")
    assert (whole.code, whole.err.splitlines()[0].split()) == (0, ["designs", "4"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([*GREAT, "-o", "x.parquet"], ["28,900,000,000 designs", "--sample N", "--limit N"]),
        ([*GREAT], ["28,900,000,000 designs", "--sample N", "--limit N"]),
        (["resnet50", "--over", "width=1..5000"], ["5,000 designs are too many for a table", "-o designs.parquet"]),
        ([*SMALL, "-o", "x.xlsx"], ["x.xlsx: '.xlsx' is no format of designs", ".csv, .db, .duckdb, .parquet"]),
        ([*SMALL, "-o", "no/x.csv"], ["there is no folder no"]),
        ([*SMALL, "-o", ".csv/"], ["its suffix says which kind of file it is"]),
        ([*SMALL, "-o", "-", "--resume"], ["--resume is for a file"]),
        ([*SMALL, "--force"], ["--force is for a file"]),
        ([*SMALL, "-o", "x.csv", "--force", "--resume"], ["give one of them"]),
        ([*SMALL, "-o", "x.csv", "--where", "width < 5"], ["no design is left of 4", "'width < 5' removes 4"]),
        ([*SMALL, "--where", "width > 32", "--where", "res == 160", "--where", "width < 32"],
         ["no design is left", "'width > 32' removes 2", "'res == 160' removes 1", "'width < 32' removes 1"]),
        ([*SMALL, "-o", "x.csv", "--metrics", "flosp"], ["flosp", "did you mean 'flops'?"]),
        ([*SMALL, "-o", "x.csv", "--limit", "0"], ["--limit"]),
        (["resnet50", "-o", "x.csv"], ["does not say what to vary", "--over"]),
        ([*SMALL, "--set", "width=3"], ["'width' is varied, so that --set can't fix it"]),
        (["mobile_nas", "--set", "ops=[identity]"], ["'ops' is varied, so that --set can't fix it"]),
    ],
)  # fmt: skip
def test_refusals(archtool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments, words) -> None:
    monkeypatch.chdir(tmp_path)
    called = archtool("sweep", *arguments)
    assert (called.code, called.out) == (2, "")
    for word in words:
        assert word in called.err
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def long_sweep(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A sweep of many designs, once it is writing them."""
    path = tmp_path / "designs.parquet"
    command = [*PROGRAM, *GREAT, "--limit", str(5 * 10**9), "-o", str(path)]
    process = subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE)
    part = path.with_name("designs.parquet.part")
    for _ in range(600):
        if part.exists() and part.stat().st_size > 1_000_000:
            break
        time.sleep(0.05)
        assert process.poll() is None
    yield process, path
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_it_leaves_a_file_that_can_be_gone_on_with(archtool, long_sweep, number, code) -> None:
    process, path = long_sweep
    process.send_signal(number)
    _, told = process.communicate(timeout=30)
    assert process.returncode == code
    assert b"interrupted: " in told and b"--resume goes on from here" in told
    assert b"Traceback" not in told
    rows = parquet.read_metadata(path).num_rows
    assert list(path.parent.iterdir()) == [path]
    more = archtool("sweep", *GREAT, "-o", str(path), "--resume", "--limit", str(rows + 5))
    assert more.code == 0
    designs = parquet.read_table(path, columns=["design"])["design"]
    assert designs.to_numpy()[-6:].tolist() == list(range(rows - 1, rows + 5))


def test_a_second_signal_ends_it_at_once_and_says_what_is_kept(tmp_path: Path) -> None:
    """The first is taken down; the second comes while the batch at hand is still counted."""
    code = (
        "import signal\nfrom archtool.cli import main\nfrom archtool.explore.storing.tally import Tally\n"
        "Tally.add = lambda *_: [signal.raise_signal(signal.SIGINT) for _ in range(2)]\nmain()"
    )
    path = tmp_path / "x.parquet"
    for kept in ("nothing is kept", f"{path} is as it was before"):
        asked = [sys.executable, "-c", code, "sweep", *SMALL, "--force", "-o", str(path)]
        done = subprocess.run(asked, env=ENVIRONMENT, capture_output=True, timeout=60, check=False, text=True)
        assert (done.returncode, done.stderr) == (130, f"interrupted at once: {kept}\n")
        assert [file.name for file in tmp_path.iterdir()] == (["x.parquet"] if "before" in kept else [])
        path.write_bytes(b"before")
    assert path.read_bytes() == b"before"


def test_killed_it_leaves_nothing_under_the_name_of_the_file(archtool, long_sweep) -> None:
    process, path = long_sweep
    process.kill()
    process.wait()
    assert not path.exists()
    few = ["sweep", *GREAT, "--limit", "5", "-o", str(path)]
    called = archtool(*few)
    assert called.code == 2
    assert f"{path}.part is there" in called.err and "--force begins anew" in called.err
    again = archtool(*few, "--resume")
    assert (again.code, again.err.splitlines()[0]) == (
        0, f"{path}.part, which a sweep that was killed has left, is removed"
    )  # fmt: skip
    assert parquet.read_metadata(path).num_rows == 5
    assert list(path.parent.iterdir()) == [path]


def test_a_reader_that_goes_ends_it_quietly() -> None:
    command = f"{shlex.join([*PROGRAM, *GREAT])} --limit 5000000 -o - | head -2"
    done = subprocess.run(command, shell=True, env=ENVIRONMENT, capture_output=True, timeout=60, check=False)
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == b""


def test_a_terminal_sees_how_far_it_is(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    command = [*PROGRAM, *GREAT, "--limit", "3000000", "-o", str(tmp_path / "x.parquet")]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=theirs, env=ENVIRONMENT)
    os.close(theirs)
    data = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        data += more
    os.close(ours)
    assert process.wait() == 0
    assert re.search(rb"of 3,000,000", data)
    assert re.search(rb"[\d,]+/s", data)


def test_every_metric_is_told_by_the_help_and_the_docs(archtool) -> None:
    help, page = archtool("sweep", "--help").out, (ROOT / "docs" / "sweeps.md").read_text(encoding="utf-8")
    for name, metric in METRICS.items():
        assert f"  {name} " in help
        assert f"| `{name}` | {metric.unit} | {metric.about} |" in page


def test_conditions_and_metrics_take_units(archtool) -> None:
    asked = ["--where", "macs <= 1.5G", "--where", "params > 1_000k", "--metrics", "macs / 2M"]
    called = archtool("sweep", *SMALL, *asked)
    asked = ["--where", "macs <= 1500000000", "--where", "params > 1000000", "--metrics", "macs / 2000000"]
    plain = archtool("sweep", *SMALL, *asked)
    assert called.code == 0
    assert [line.split() for line in called.out.splitlines()[1:]] == [
        line.split() for line in plain.out.splitlines()[1:]
    ]
    assert "macs / 2M" in called.out.splitlines()[0]
    assert "macs <= 1.5G" in called.err


@pytest.mark.parametrize("command", ["sweep", "search", "front", "formula"])
def test_help_fits_into_80_columns(archtool, command) -> None:
    told = archtool(command, "--help").out
    assert max(map(len, told.splitlines())) <= 80
    assert ("--sample" in told) == (command == "sweep")
