"""The folder of files that several workers write: what is there, what is missing, and what may be done with it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archtool import load
from archtool.explore.machines import evaluation
from archtool.explore.machines.cluster import Cluster
from archtool.explore.machines.evaluation import evaluate
from archtool.explore.machines.parts import MANIFEST, Part, Parts
from archtool.explore.machines.spread import Spread
from archtool.explore.storing.run import Ending, SpaceError
from archtool.explore.storing.sinks import OutputError
from tests.explore.test_cluster import Archtool, Here, family, job, once, rows, same


@given(cuts=st.sets(st.integers(0, 100)), size=st.integers(1, 40), stop=st.integers(1, 100), data=st.data())
def test_what_is_there_and_what_is_missing_are_all_designs(
    tmp_path_factory: pytest.TempPathFactory, cuts: set[int], size: int, stop: int, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("parts")
    parts = Parts(family(), folder)
    edges = sorted(cuts)
    for first, last in pairwise(edges):
        if data.draw(st.booleans()):
            (folder / Part(first, last).name).touch()
    missing = list(parts.missing(stop, size))
    stored = [number for part in parts.stored() for number in range(*part)]
    given = [number for part in missing for number in range(*part)]
    assert not set(stored) & set(given)
    assert sorted({*stored, *given} & set(range(stop))) == list(range(stop))
    assert len(given) == len(set(given)) and all(number < stop for number in given)
    assert all(part.last % size == 0 or part.last == stop or part.last in cuts for part in missing)
    assert all(0 < part.last - part.first <= size for part in missing)


def test_parts_with_designs_in_common_are_told(tmp_path: Path) -> None:
    parts = Parts(family(), tmp_path)
    for part in (Part(0, 10), Part(10, 20), Part(15, 30)):
        (tmp_path / part.name).touch()
    with pytest.raises(OutputError, match=r"part-0*10-0*20.parquet and part-0*15-0*30.parquet have designs in common"):
        parts.stored()


def test_force_removes_what_a_sweep_has_written_alone(tmp_path: Path) -> None:
    sweep = family()
    folder = tmp_path / "out"
    Parts(sweep, folder).begin({"fingerprint": "another"})
    evaluate(job(sweep), 0, 100, str(folder))
    own = folder / "notes.txt"
    own.write_text("mine")
    (folder / f".{Part(0, 7).name}.{'0' * 32}.part").touch()
    with pytest.raises(OutputError, match="is there already: --resume goes on with it, --force replaces it"):
        Parts(sweep, folder)
    parts = Parts(sweep, folder, force=True)
    parts.begin({"fingerprint": sweep.fingerprint})
    assert sorted(file.name for file in folder.iterdir()) == [MANIFEST, "notes.txt"]
    (folder / MANIFEST).unlink()
    with pytest.raises(OutputError, match="is no result of a sweep, so that it is not replaced"):
        Parts(sweep, folder, force=True)
    with pytest.raises(OutputError, match="does not say which sweep it holds"):
        Parts(sweep, folder, resume=True)


def test_another_sweep_is_not_gone_on_with(tmp_path: Path) -> None:
    sweep, other = family(), family(batch=2)
    folder = tmp_path / "out"
    said = {**sweep.describe(), "fingerprint": sweep.fingerprint}
    Parts(sweep, folder).begin({**said, "version": "0.0.1"})
    with pytest.raises(OutputError, match=r"was written by archtool 0\.0\.1, this is"):
        Spread(sweep, folder, Cluster(), resume=True)
    Parts(sweep, folder, force=True).begin({**said, "version": evaluation.__version__})
    with pytest.raises(OutputError, match=r"holds another sweep, .*\n  batch: 1 there, 2 asked for"):
        Spread(other, folder, Cluster(), resume=True)
    evaluate(job(other), 0, 100, str(folder))
    with pytest.raises(OutputError, match=r"part-0*-0*100.parquet is not of this sweep, or broken"):
        Spread(sweep, folder, Cluster(), resume=True)
    (folder / Part(0, 100).name).write_bytes(b"PAR1")
    with pytest.raises(OutputError, match="is not of this sweep, or broken"):
        Spread(sweep, folder, Cluster(), resume=True)


def test_a_folder_that_can_not_be_is_refused(tmp_path: Path) -> None:
    sweep = family()
    (tmp_path / "file").touch()
    for path, said in [(tmp_path / "file", "is a file"), (tmp_path / "no/out", "there is no folder")]:
        with pytest.raises(OutputError, match=said):
            Spread(sweep, path, Cluster(), force=True)


def test_a_limit_is_gone_beyond(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = family()
    expected, tally = once(sweep, tmp_path)
    Here(monkeypatch)
    folder = tmp_path / "out"
    first = Spread(sweep, folder, Cluster(), part=1_000).fill(limit=2_300)
    assert (first.ending, first.tally.next) == (Ending.LIMIT, 2_300)
    again = Spread(sweep, folder, Cluster(), resume=True).fill()
    assert (again.ending, again.begun, again.tally) == (Ending.COMPLETE, 2_300, tally)
    assert Part(2_300, 3_000) in Parts(sweep, folder, resume=True).stored()
    assert same(rows(folder), expected)
    (folder / Part(3_000, 4_000).name).unlink()
    mended = Spread(sweep, folder, Cluster(), resume=True)
    assert mended.begun == 6_680
    assert mended.fill().tally == tally
    replaced = Spread(sweep, folder, Cluster(), force=True, part=7_680)
    assert replaced.begun == 0
    assert replaced.fill().tally == tally
    assert Parts(sweep, folder, resume=True).stored() == [Part(0, 7_680)]


def test_a_part_may_be_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Here(monkeypatch)
    sweep = load("lenet5").explore({"classes": "10..100"}, where=["classes > 99"])
    ended = Spread(sweep, tmp_path / "out", Cluster(), part=10).fill()
    assert ended.tally.rows == 1
    assert rows(tmp_path / "out")["classes"].to_pylist() == [100]


def test_conditions_that_leave_nothing_leave_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Here(monkeypatch)
    sweep = load("lenet5").explore({"classes": "10..100"}, where=["params < 0"])
    with pytest.raises(SpaceError, match="no design is left of 91"):
        Spread(sweep, tmp_path / "out", Cluster()).fill()
    assert not list((tmp_path / "out").iterdir())


def test_a_folder_is_one_table_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, archtool: Archtool) -> None:
    import duckdb
    import pandas as pd

    Here(monkeypatch)
    folder = tmp_path / "out"
    sweep = family()
    tally = Spread(sweep, folder, Cluster(), part=2_000).fill().tally
    assert len(pd.read_parquet(folder)) == tally.rows
    with duckdb.connect() as database:
        assert database.execute(f"select count(*) from '{folder}/*.parquet'").fetchall() == [(tally.rows,)]
    front = archtool("front", str(folder), "--minimize", "macs", "--maximize", "params")
    assert front.code == 0, front.err
