"""`archtool search`: what it tells, the documented JSON, files, refusals, Ctrl-C."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archtool import load
from archtool.cli._points import print_points
from archtool.explore.fronts.front import front as read_front
from archtool.render.search import as_front, summary

SEARCH = ("search", "resnet_family", "--minimize", "macs", "--maximize", "receptive_field")
MINE = """\
import os, signal

def latency(design):
    macs = design.analyze().totals.macs
    if "res" not in design.knobs:
        raise ValueError("no resolution")
    return macs / 1e9

def deadly(design):
    os.kill(os.getpid(), signal.SIGINT)
    return 1.0
"""


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A working directory with a module of functions."""
    (tmp_path / "my_goals.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    sys.modules.pop("my_goals", None)


def test_a_small_space_is_evaluated_whole_and_that_is_told(archtool):
    called = archtool("search", "mobile_nas", "--budget", "macs<=200e6", "--limit", "3")
    assert called.code == 0, called.err
    head, *lines = called.out.splitlines()
    assert head.split()[:7] == ["#", "macs", "min", "params", "min", "receptive_field", "max"]
    assert lines[0].startswith("1  158,677,408   1,667,592                   63")
    assert lines[4] == "mobile_nas: 21 points on the exact front"
    assert "the space has 6,561 designs: all are evaluated, and the front is exact" in lines[5]
    assert lines[7:] == ["  81 within the budget, 6,480 outside", "note: the first 3 of 21 points; --limit shows more"]


def test_a_large_space_is_searched_and_that_is_told(archtool):
    called = archtool(*SEARCH, "--evaluations", "3000", "--seed", "7", "--budget", "params<=5M")
    assert called.code == 0, called.err
    assert "points on the front found" in called.out
    assert (
        "NSGA-II (pymoo): the space has 100,663,296 designs, more than the 5,000,000 that are all evaluated"
        in called.out
    )
    assert "  seed 7, population 200" in called.out
    assert "  3,000 designs evaluated; in " in called.out


def test_json_has_all_of_it(archtool):
    called = archtool(*SEARCH, "--evaluations", "600", "--population", "100", "--format", "json", "--limit", "2")
    told = json.loads(called.out)
    assert list(told) == [
        "name", "designs", "algorithm", "engine", "why", "seed", "population", "budget", "minimize", "maximize",
        "counts", "complete", "exhausted", "seconds", "rate", "points", "front",
    ]  # fmt: skip
    assert told["counts"] == {"evaluations": 600, "removed": 0, "invalid": 0, "outside": 0, "failed": 0, "kept": 600}
    assert (told["population"], told["minimize"], told["maximize"]) == (100, ["macs"], ["receptive_field"])
    first = told["front"][0]
    assert len(told["front"]) == 2 < told["points"]
    knobs = {
        "widths": [first["knobs"][f"widths[{index}]"] for index in range(4)],
        "depths": [first["knobs"][f"depths[{index}]"] for index in range(4)],
        "res": first["knobs"]["res"],
    }
    assert load("resnet_family", **knobs).analyze().totals.macs == first["metrics"]["macs"]


def test_what_is_found_goes_into_a_file_that_front_reads(archtool, tmp_path):
    path = str(tmp_path / "found.parquet")
    searched = archtool(*SEARCH, "--evaluations", "600", "-o", path, "--format", "json")
    assert searched.code == 0, searched.err
    front = archtool("front", path, "--format", "json")
    assert front.code == 0, front.err
    assert json.loads(front.out)["read"] == 600
    assert json.loads(front.out)["front"] == json.loads(searched.out)["front"]
    as_csv = archtool(*SEARCH, "--evaluations", "600", "--format", "csv", "--limit", "3")
    assert (as_csv.code, as_csv.out) == (0, archtool("front", path, "--format", "csv", "--limit", "3").out)
    swept = archtool("sweep", "resnet_family", "-o", path, "--resume")
    assert (swept.code, "it holds what a search has found" in swept.err) == (2, True)
    again = archtool(*SEARCH, "--evaluations", "600", "-o", path)
    assert (again.code, again.err) == (2, f"{path} is there already: --force replaces it\n")
    assert archtool(*SEARCH, "--evaluations", "700", "-o", path, "--force").code == 0


def test_on_a_terminal_its_table_is_that_of_a_front(tmp_path, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    path = tmp_path / "found.parquet"
    found = load("mobile_nas").explore().search("macs <= 200e6")
    found.write(path)
    monkeypatch.setenv("COLUMNS", "80")
    tables = []
    for front, told in ((as_front(found), summary(found, 5)), (read_front(path), ["as a file"])):
        monkeypatch.setattr(sys, "stdout", Terminal())
        print_points(front, 5, told)
        tables.append(sys.stdout.getvalue())
    assert "the space has 6,561 designs" in tables[0]
    table, _, rest = tables[1].partition("as a file")
    assert (table.count("\n") >= 8, rest) == (True, "\n")
    assert tables[0].startswith(table)


def test_a_function_of_the_working_directory_is_measured(archtool, mine):
    called = archtool(
        "search", "resnet18", "--over", "width=16..64:16", "--objective", "my_goals:latency", "--minimize", "latency",
        "--maximize", "params", "--set", "res=96", "--storage", "kept.journal",
    )  # fmt: skip
    assert called.code == 0, called.err
    assert "latency has to be measured, design by design" in called.out
    assert "  4 designs measured; in " in called.out
    assert "note: there were no other designs to be evaluated" in called.out


def test_ctrl_c_ends_it_in_good_order_and_it_goes_on(archtool, mine):
    arguments = (
        "search", "resnet18", "--over", "width=16..64:16", "--objective", "my_goals:deadly", "--minimize", "deadly",
        "--storage", "kept.db", "--evaluations", "2",
    )  # fmt: skip
    first = archtool(*arguments)
    assert first.code == 130
    assert first.err == ("interrupted: 1 of 2 designs are evaluated; --storage kept.db --resume goes on from here\n")
    second = archtool(*arguments, "--resume")
    assert second.code == 0, second.err
    assert "  2 designs measured, 1 of them before; in " in second.out


def test_a_genetic_search_that_is_interrupted_goes_on(tmp_path):
    arguments = [sys.executable, "-m", "archtool", *SEARCH, "--storage", "kept.npz", "--evaluations", "100000000"]
    with subprocess.Popen(arguments, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env={**os.environ, "PYTHONPATH": str(Path.cwd())}) as process:  # fmt: skip
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert err.startswith("interrupted: ")
    assert err.endswith(" of 100,000,000 designs are evaluated; --storage kept.npz --resume goes on from here\n")
    assert "points on the front found" in out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--budget", "mac<=5"), "bounds 'mac', which is no metric; did you mean 'macs'?"),
        (("--budget", "macs=5"), "'macs=5' is no bound of a budget; write METRIC <= NUMBER, as in macs <= 600e6"),
        (("--budget", "params<=10", "--evaluations", "400"), "meets the budget; the nearest has params "),
        (("--minimize", "mac"), "did you mean 'macs'"),
        (("--objective", "nowhere:f", "--minimize", "f"), "--objective nowhere:f: there is no module 'nowhere'"),
        (("--objective", "my_goals:latency"), "say whether to --minimize or --maximize latency"),
        (("--objective", "my_goals:slow", "--minimize", "slow"), "there is no 'slow' in it"),
        (("--score", "zenn"), "there is no score 'zenn'; did you mean 'zen'?"),
        (("--score", "zen", "--device", "meta"), "the meta device has no numbers to score"),
        (("--sample", "10"), "a search draws its designs itself; --evaluations says how many"),
        (("--resume",), "--resume goes on with a search that is kept; say where, with --storage"),
        (("--storage", "kept.db"), "kept.db: this search, by pymoo, is kept in a file .npz"),
        (("--storage", "there.npz", "--resume"), "there.npz: this is no state of a search"),
        (("--storage", "there.npz"), "there.npz is there already: --resume goes on with it, --force begins anew"),
        (("-o", "found.txt"), "found.txt: '.txt' is no format of designs"),
        (("-o", "nowhere/found.csv"), "there is no folder nowhere"),
    ],
)
def test_bad_input_ends_in_one_clear_line(archtool, mine, arguments, reason):
    if "zen" in arguments:
        pytest.importorskip("torch")
    (mine / "there.npz").write_bytes(b"")
    before = sorted(path.name for path in mine.iterdir())
    called = archtool(*SEARCH, *arguments)
    assert called.code == 2
    assert reason in called.err
    assert "Traceback" not in called.err
    assert called.out == ""
    assert sorted(path.name for path in mine.iterdir() if path.name != "__pycache__") == before


def test_a_library_that_is_missing_is_told_with_the_extra_that_has_all(archtool, mine, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for output in ((), ("-o", "found.duckdb")):
        called = archtool(*SEARCH, *output)
        assert (called.code, called.out) == (2, "")
        assert called.err.startswith("a search needs pyarrow (")
        assert called.err.endswith("): pip install 'archtool[search]'\n")
    called = archtool("sweep", "resnet_family", "-o", "designs.parquet")
    assert called.err.startswith("a sweep needs pyarrow (")
    assert called.err.endswith("): pip install 'archtool[sweep]'\n")


GOALS = """\
input: [4, 32, 32]
vars: {width: 8, depth: 1, groups: [1, 1], act: relu, scale: 1}
layers:
  - conv: {out: floor(8 * scale), kernel: 3, padding: half}
  - for: g
    in: groups
    do: [conv: {out: width, kernel: 3, padding: half, groups: g}]
  - do: [conv: {out: x.channels, kernel: 3, padding: half}, act]
    repeat: depth
explore:
  over: {width: 4..40:4, depth: 0..9, "groups[0]": [3, 2], act: [relu, gelu], scale: [1/2, 0.75, 1]}
  minimize: macs
  maximize: depth
"""


@pytest.mark.parametrize(
    "goals", [(), ("--maximize", "depth,groups[0],scale"), ("--minimize", "width", "--maximize", "depth")]
)
def test_goals_that_are_knobs_are_the_same_for_sweep_front_and_search(archtool, tmp_path, goals):
    """Invalid designs (three groups of eight channels) have such a goal, and are on no front."""
    spec, file, found = (str(tmp_path / name) for name in ("net.yaml", "designs.parquet", "found.csv"))
    Path(spec).write_text(GOALS)
    swept = archtool("sweep", spec, "-o", file, *goals)
    assert swept.code == 0, swept.err
    front = archtool("front", file, "--format", "json")
    assert front.code == 0, front.err
    wanted = json.loads(front.out)
    assert wanted["invalid"] > 0
    searched = archtool("search", spec, *goals, "-o", found, "--format", "json")
    assert searched.code == 0, searched.err
    told = json.loads(searched.out)
    assert [point["design"] for point in told["front"]] == [point["design"] for point in wanted["front"]]
    again = json.loads(archtool("front", found, "--format", "json").out)
    assert (again["minimize"], again["maximize"]) == (told["minimize"], told["maximize"])
    assert [point["design"] for point in again["front"]] == [point["design"] for point in wanted["front"]]
    bred = archtool("search", spec, *goals, "--algorithm", "nsga2", "--population", "50", "--format", "json")
    assert bred.code == 0, bred.err
    assert json.loads(bred.out)["points"] >= 1
    emitted = archtool("front", file, "--emit", "1")
    assert emitted.code == 0, emitted.err


def test_a_knob_asked_for_as_a_metric_is_told_once(archtool, tmp_path):
    spec = tmp_path / "net.yaml"
    spec.write_text(GOALS)
    called = archtool("sweep", str(spec), "--over", "depth=1,2", "--metrics", "macs,depth")
    assert (called.code, called.out.splitlines()[0].split()) == (0, ["design", "depth", "macs"])
    refused = archtool("sweep", str(spec), "--maximize", "act", "--limit", "9")
    assert (refused.code, refused.err) == (
        2,
        "'act' is a choice between the step 'relu' and the step 'gelu', not a number\n",
    )


def test_an_interrupted_search_without_storage_shows_what_it_found(archtool, mine):
    called = archtool(
        "search", "resnet18", "--over", "width=16..64:16", "--objective", "my_goals:deadly", "--minimize", "deadly"
    )
    assert (called.code, called.err) == (130, "interrupted: 1 of 4 designs are evaluated\n")
    assert "resnet18: 1 point on the front found" in called.out
