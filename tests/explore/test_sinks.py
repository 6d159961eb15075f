"""Sweeps in files: what stands in them, and that they are whole however a sweep ends."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archtool import ArchtoolError, load
from archtool.explore.storing import run as running
from archtool.explore.storing import store as storing
from archtool.explore.storing.run import Ending, SpaceError, Watch
from archtool.explore.storing.sinks import OutputError, part_of, sink_class, state
from archtool.explore.storing.store import Store, Stream, table
from archtool.explore.storing.table import Tables, to_arrow
from archtool.explore.sweep import Sweep

pa = pytest.importorskip("pyarrow")
duckdb = pytest.importorskip("duckdb")
csv = pytest.importorskip("pyarrow.csv")
parquet = pytest.importorskip("pyarrow.parquet")

SPEC = """
input: [8, 12, 12]
vars: {out: 8, act: relu, sizes: [8, 8], wide: false, scale: 1, groups: 1, shift: 0}
layers:
  - conv: {out: 2 * out if wide else out, kernel: 3, padding: half, groups: groups}
  - act
  - conv: {out: "floor(sizes[0] * scale)", kernel: 1}
  - conv: {out: "sizes[1] + shift + 1000", kernel: 1}
"""
OVER = {
    "out": "6..10:2", "groups": "1,2,4", "act": '"relu",{prelu: {}},silu', "sizes": "[8, 16],[16, 8]",
    "wide": "false,true", "scale": "1,0.5,3/4", "shift": "-1000000,100",
}  # fmt: skip
SUFFIXES = (".parquet", ".csv", ".duckdb")


def swept(**asked: Any) -> Sweep:
    """3 * 3 * 3 * 2 * 2 * 3 * 2 = 648 designs; those with a number of channels that its groups do not divide, or with
    a negative one, are invalid."""
    return load(SPEC).explore(OVER, **asked)


def content(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of designs."""
    if path.suffix == ".parquet":
        rows = parquet.read_table(path)
    elif path.suffix == ".csv":
        rows = csv.read_csv(path, convert_options=csv.ConvertOptions(strings_can_be_null=True))
    else:
        with duckdb.connect(str(path), read_only=True) as database:
            rows = database.sql("SELECT * FROM designs").to_arrow_table()
    return [dict(row) for row in rows.to_pylist()]


def expected(sweep: Sweep) -> list[dict[str, Any]]:
    return [dict(row) for row in to_arrow(sweep, sweep.batch(0, sweep.space.size)).to_pylist()]


class Cut(Watch):
    """Ends a sweep after a number of batches."""

    def __init__(self, batches: int) -> None:
        self.left = batches

    def go_on(self) -> bool:
        self.left -= 1
        return self.left >= 0


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of at most 40 designs, written by a hundred."""
    monkeypatch.setattr(running, "CELLS", 40 * 13)
    monkeypatch.setattr(running, "ROWS", 100)


def test_a_row_is_a_design_its_knobs_what_is_told_of_it_and_what_is_wrong_with_it() -> None:
    sweep = swept()
    rows = expected(sweep)
    assert len(rows) == sweep.space.size == 648
    texts = {"relu": "relu", "silu": "silu"}
    for number, row in enumerate(rows):
        knobs = sweep.space.design(number)
        assert list(row) == ["design", *knobs, "params", "macs", "activations", "receptive_field", "problem"]
        assert row["design"] == number
        assert (row["out"], row["wide"], row["shift"]) == (knobs["out"], knobs["wide"], knobs["shift"])
        assert row["scale"] == float(knobs["scale"])
        assert row["sizes"] == f"[{knobs['sizes'][0]}, {knobs['sizes'][1]}]"
        assert row["act"] == texts.get(row["act"], "prelu")
        channels = knobs["out"] * (2 if knobs["wide"] else 1)
        valid = channels % knobs["groups"] == 0 and knobs["shift"] > 0
        assert (row["problem"] is None) == valid
        if not valid:
            assert row["params"] is row["macs"] is None
            continue
        middle, last = int(knobs["sizes"][0] * Fraction(knobs["scale"])), knobs["sizes"][1] + knobs["shift"] + 1000
        learned = 8 * channels // knobs["groups"] * 9 + channels + channels * middle + middle + middle * last + last
        assert row["params"] == learned + (row["act"] == "prelu") * 1


def test_columns_have_the_smallest_types_that_hold_them() -> None:
    sweep = swept(metrics=["params", "macs / params", "macs * 10**18"])
    schema = to_arrow(sweep, sweep.batch(0, 648)).schema
    words, rules = pa.dictionary(pa.int8(), pa.string()), pa.dictionary(pa.int32(), pa.string())
    assert dict(zip(schema.names, schema.types, strict=True)) == {
        "design": pa.int64(), "out": pa.int8(), "groups": pa.int8(), "act": words, "sizes": words, "wide": pa.bool_(),
        "scale": pa.float64(), "shift": pa.int32(), "params": pa.int64(), "macs / params": pa.float64(),
        "macs * 10**18": pa.decimal128(38, 0), "problem": rules,
    }  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_kind_of_file_holds_the_same(tmp_path: Path, suffix: str) -> None:
    metrics = ["params", "macs / params", "receptive_field"]
    path = tmp_path / f"designs{suffix}"
    ended = Store(swept(metrics=metrics), path).fill()
    assert content(path) == expected(swept(metrics=metrics))
    assert ended.ending is Ending.COMPLETE
    assert sorted(tmp_path.iterdir()) == sorted({path, *tmp_path.glob("*.csv.json")})


@pytest.mark.parametrize("suffix", [".parquet", ".duckdb"])
def test_values_beyond_64_bits_are_exact(tmp_path: Path, suffix: str) -> None:
    sweep = swept(metrics=["macs", "macs * 10**18"])
    path = tmp_path / f"designs{suffix}"
    Store(sweep, path).fill()
    rows = [row for row in content(path) if row["problem"] is None]
    assert max(row["macs * 10**18"] for row in rows) > 2**63
    assert all(row["macs * 10**18"] == Decimal(row["macs"]) * 10**18 for row in rows)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_says_what_it_holds(tmp_path: Path, suffix: str) -> None:
    sweep = swept(where=["macs < 2_000_000"], sample=200, seed=3)
    path = tmp_path / f"designs{suffix}"
    ended = Store(sweep, path).fill(limit=150)
    told = state(path)
    rows = content(path)
    assert told is not None
    assert {name: told[name] for name in sweep.describe()} == json.loads(json.dumps(sweep.describe()))
    assert (told["fingerprint"], told["next"], told["size"], told["rows"]) == (sweep.fingerprint, 150, 200, len(rows))
    assert told["invalid"] == Counter(row["problem"] for row in rows if row["problem"]) == ended.tally.invalid
    assert told["removed"] == [150 - len(rows)] == ended.tally.removed
    assert 0 < ended.tally.valid == sum(row["problem"] is None for row in rows) < len(rows) < 150


def test_parquet_says_so_in_the_metadata_that_every_reader_shows(tmp_path: Path) -> None:
    path = tmp_path / "designs.parquet"
    Store(swept(), path).fill()
    assert json.loads(parquet.read_schema(path).metadata[b"archtool"]) == state(path)


def check_cuts(folder: Path, suffix: str, cuts: list[int], where: tuple[str, ...]) -> None:
    """End a sweep after so many batches, go on with it, end it again ...: it leaves what it leaves in one go."""
    path, whole = folder / f"cut{suffix}", folder / f"whole{suffix}"
    for each in folder.iterdir():
        each.unlink()
    Store(swept(where=where), whole).fill()
    for cut in cuts:
        ended = Store(swept(where=where), path, resume=True).fill(watch=Cut(cut))
        assert ended.ending is (Ending.COMPLETE if ended.tally.next == 648 else Ending.INTERRUPTED)
        assert content(path) == content(whole)[: ended.tally.rows]
        told = state(path)
        assert told is not None and told["next"] == ended.tally.next
    assert Store(swept(where=where), path, resume=True).fill().ending is Ending.COMPLETE
    assert content(path) == content(whole)
    assert state(path) == state(whole)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.usefixtures("small_chunks")
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 8), max_size=4), where=st.sampled_from([(), ("macs < 2_000_000",), ("out == 8",)]))
def test_a_sweep_that_is_ended_anywhere_and_gone_on_with_leaves_what_it_leaves_in_one_go(
    tmp_path: Path, suffix: str, cuts: list[int], where: tuple[str, ...]
) -> None:
    check_cuts(tmp_path, suffix, cuts, where)


@pytest.mark.usefixtures("small_chunks")
def test_so_does_one_that_goes_to_a_database(tmp_path: Path) -> None:
    check_cuts(tmp_path, ".duckdb", [0, 3, 4], ("macs < 2_000_000",))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt(), ZeroDivisionError()])
@pytest.mark.usefixtures("small_chunks")
def test_where_writing_fails_all_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, error: BaseException
) -> None:
    path = tmp_path / f"designs{suffix}"
    kind = sink_class(path)
    write: Callable[..., None] = kind.write
    calls = 0

    def fail(self: Any, rows: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise error
        write(self, rows)

    monkeypatch.setattr(kind, "write", fail)
    seen = OutputError if isinstance(error, OSError) else type(error)
    with pytest.raises(seen) as caught:
        Store(swept(), path).fill()
    assert calls == 3
    assert not isinstance(error, OSError) or "No space left on device" in str(caught.value)
    assert list(tmp_path.iterdir()) == []

    calls = 4
    Store(swept(), path).fill(limit=200)
    before = {file: file.read_bytes() for file in tmp_path.iterdir()}
    calls = 0
    with pytest.raises(seen):
        Store(swept(), path, resume=True).fill()
    assert {file: file.read_bytes() for file in tmp_path.iterdir()} == before


@pytest.mark.usefixtures("small_chunks")
def test_a_disk_that_is_nearly_full_ends_a_sweep_in_good_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "designs.parquet"
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(storing, "disk_usage", lambda _: usage._replace(free=1000))
    ended = Store(swept(), path).fill()
    assert ended.ending is Ending.DISK_FULL
    assert 0 < ended.tally.next < 648
    monkeypatch.undo()
    assert Store(swept(), path, resume=True).fill().ending is Ending.COMPLETE
    assert content(path) == expected(swept())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_complete_is_left_alone(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"designs{suffix}"
    Store(swept(), path).fill()
    before = path.stat()
    ended = Store(swept(), path, resume=True).fill()
    assert (ended.ending, ended.begun, ended.tally.next) == (Ending.COMPLETE, 648, 648)
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_conditions_that_leave_no_design_are_told_with_what_each_removes(tmp_path: Path, suffix: str) -> None:
    sweep = swept(where=["out < 8", "wide", "out > 6"])
    with pytest.raises(SpaceError) as caught:
        Store(sweep, tmp_path / f"designs{suffix}").fill()
    assert str(caught.value) == (
        "no design is left of 648; what each condition removes (of those that the ones before it leave):\n"
        "  'out < 8' removes 432\n  'wide' removes 108\n  'out > 6' removes 108"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_of_another_sweep_is_not_gone_on_with(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"designs{suffix}"
    Store(swept(), path).fill(limit=5)
    before = path.read_bytes()
    others = {
        "where: none there, out > 6 asked for": swept(where=["out > 6"]),
        "batch: 1 there, 2 asked for": swept(batch=2),
        "the sample's count: none there, 7 asked for": swept(sample=7),
        "the values of groups: 1, 2, 4 there, 1, 2 asked for": load(SPEC).explore(OVER | {"groups": "1,2"}),
        "the values of shift: -1000000, 100 there, none asked for": load(SPEC).explore(
            {name: domain for name, domain in OVER.items() if name != "shift"}
        ),
        "scale: none there, 2 asked for": load(SPEC, scale=2).explore(OVER),
        "has changed (line 5)": load(SPEC.replace("kernel: 3", "kernel: 5")).explore(OVER),
    }
    for difference, other in others.items():
        with pytest.raises(OutputError, match="holds another sweep") as caught:
            Store(other, path, resume=True)
        assert difference in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_there_is_neither_replaced_nor_gone_on_with_unless_it_is_said(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"designs{suffix}"
    path.write_bytes(b"not ours")
    with pytest.raises(OutputError, match="is there already: --resume goes on with it, --force replaces it"):
        Store(swept(), path)
    with pytest.raises(OutputError, match="does not say which sweep it holds"):
        Store(swept(), path, resume=True)
    assert path.read_bytes() == b"not ours"
    Store(swept(), path, force=True).fill()
    assert len(content(path)) == 648


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_a_killed_sweep_leaves_is_named_and_replaced(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"designs{suffix}"
    Store(swept(), path).fill(limit=100)
    for said in ({"resume": True}, {"force": True}):
        part_of(path).write_bytes(b"half")
        with pytest.raises(OutputError, match="was killed"):
            Store(swept(), path)
        assert part_of(path).read_bytes() == b"half"
        told: list[str] = []
        Store(swept(), path, **said, notice=told.append).fill()
        assert told == [f"{part_of(path)}, which a sweep that was killed has left, is removed"]
        assert content(path) == expected(swept())
        assert not part_of(path).exists()


def test_a_csv_file_that_was_changed_is_not_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "designs.csv"
    Store(swept(), path).fill(limit=100)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(OutputError, match="does not say which sweep it holds"):
        Store(swept(), path, resume=True)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_rules_that_turn_up_late_are_told(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
input: [4, 8, 8]
vars: {turns: 1}
layers:
  - for: i
    in: range(turns)
    do: [conv: {out: 4, kernel: 4, groups: turns}]
"""
    monkeypatch.setattr(running, "CELLS", 1)  # a design at once, all written at once
    path = tmp_path / f"designs{suffix}"
    sweep = load(text).explore({"turns": "1..4"})
    Store(sweep, path).fill()
    problems = [row["problem"] for row in content(path)]
    assert problems[:2] == [None, None]
    assert "groups" in problems[2] and "window" in problems[3]
    assert {problems[2], problems[3]} == set(sweep.rules)


def test_a_file_of_another_version_is_not_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "designs.csv"
    with monkeypatch.context() as before:
        before.setattr(storing, "__version__", "0.0.1")
        Store(swept(), path).fill(limit=5)
    with pytest.raises(OutputError, match=r"was written by archtool 0\.0\.1, this is .* which may count otherwise"):
        Store(swept(), path, resume=True)


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    path = tmp_path / "designs.csv"
    path.symlink_to(tmp_path / "far" / "designs.csv")
    Store(swept(), path).fill()
    assert path.is_symlink()
    assert content(path) == expected(swept())


def test_places_that_can_not_be_written_are_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name, reason in {
        "designs.xlsx": "'.xlsx' is no format of designs; allowed: .csv, .db, .duckdb, .parquet",
        "designs.parqet": "did you mean '.parquet'?",
        "designs": "its suffix says which kind of file it is",
        "folder.csv": "is a folder; name a file",
        "missing/designs.csv": "there is no folder",
    }.items():
        with pytest.raises(OutputError) as caught:
            Store(swept(), tmp_path / name)
        assert reason in str(caught.value)


def test_a_column_holds_what_is_told_by_every_piece_of_a_space_that_is_split(tmp_path: Path) -> None:
    up = "input: [4, 8, 8]\nvars: {op: relu, turns: 1}\nlayers: [{for: i, in: range(turns), do: [relu]}, op]"
    sweep = load(up).explore({"turns": "1..7", "op": "relu,{upsample: {scale: 2}}"}, metrics=["stride", "macs"])
    assert len(sweep.split) == 0
    Store(sweep, tmp_path / "designs.parquet").fill()
    assert len(sweep.split) == 2  # stride: whole in one piece, a quotient in another
    found = parquet.read_table(tmp_path / "designs.parquet")
    assert found["stride"].to_pylist() == 7 * [1, 0.5]
    assert (found.schema.field("stride").type, found.schema.field("macs").type) == (pa.float64(), pa.int64())


def test_a_value_that_does_not_fit_is_named(tmp_path: Path) -> None:
    sweep = swept(metrics=["macs * 10**18"])
    with pytest.raises(ArchtoolError, match=r"'macs \* 10\*\*18' does not fit into its column; that is int64"):
        Tables(sweep, {"macs * 10**18": "int64"}).of(sweep.batch(0, 648))
    sweep = swept(metrics=["macs / params"])
    for kind in ("int64", "decimal"):
        with pytest.raises(ArchtoolError, match=f"does not fit into its column; that is {kind}: it is a quotient"):
            Tables(sweep, {"macs / params": kind}).of(sweep.batch(0, 648))
    sweep = swept(metrics=["macs * 10**40"])
    with pytest.raises(ArchtoolError, match=r"'macs \* 10\*\*40' has more than 38 digits"):
        Store(sweep, tmp_path / "designs.parquet").fill()
    assert list(tmp_path.iterdir()) == []


def test_too_many_designs_are_refused_with_what_to_do(tmp_path: Path) -> None:
    sweep = load(SPEC).explore({"out": "8..1000000000000:8"})
    with pytest.raises(SpaceError, match=r"125,000,000,000 designs, more than .*--sample N.*--limit N"):
        Store(sweep, tmp_path / "designs.parquet").fill()
    assert Store(sweep, tmp_path / "designs.parquet").fill(limit=10).ending is Ending.LIMIT
    with pytest.raises(SpaceError, match=r"100,000,000,000 designs, more than .*draw fewer, or .*--limit N"):
        Store(load(SPEC).explore({"out": "8..80:8"}, sample=10**11), tmp_path / "sample.parquet").fill()


def test_a_small_sweep_is_one_table() -> None:
    rows, ended = table(swept())
    assert [dict(row) for row in rows.to_pylist()] == expected(swept())
    assert ended.ending is Ending.COMPLETE
    with pytest.raises(SpaceError, match="name a file"):
        table(load(SPEC).explore({"out": "1..2000"}))
    assert table(load(SPEC).explore({"out": "1..2000"}), limit=3)[0]["out"].to_pylist() == [1, 2, 3]


@pytest.mark.usefixtures("small_chunks")
def test_a_stream_is_csv(tmp_path: Path) -> None:
    with (tmp_path / "stream.csv").open("wb") as stream:
        Stream(swept(), stream).fill()
    Store(swept(), tmp_path / "designs.csv").fill()
    assert (tmp_path / "stream.csv").read_bytes() == (tmp_path / "designs.csv").read_bytes()
