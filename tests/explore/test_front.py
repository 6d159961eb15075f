"""Fronts of results: against brute force; ties, missing values, whole numbers beyond 2**53; files of all kinds."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from archtool.errors import ArchtoolError
from archtool.explore.fronts import frontier as frontiers
from archtool.explore.fronts.cloud import MOST, Cloud
from archtool.explore.fronts.front import Front, front
from archtool.explore.fronts.frontier import Frontier

NAMES = ("params", "macs", "receptive_field", "score")


def best(points: list[tuple], maximize: list[bool]) -> tuple[list[tuple], list[int], list[int]]:
    """The front by its definition: its points in order, where each first stands, how often."""
    keys = [tuple(-x if most else x for x, most in zip(point, maximize, strict=True)) for point in points]
    distinct = set(keys)
    on = sorted(
        key
        for key in distinct
        if not any(other != key and all(a <= b for a, b in zip(other, key, strict=True)) for other in distinct)
    )
    firsts = [keys.index(key) for key in on]
    return [points[first] for first in firsts], firsts, [keys.count(key) for key in on]


WHOLE = st.one_of(
    st.integers(0, 3), st.integers(-(2**63), 2**63 - 1), st.integers(2**62 - 2, 2**62 + 2), st.integers(2**63, 2**70)
)
REAL = st.one_of(st.floats(allow_nan=False), st.sampled_from([0.0, -0.0, 0.5, float("inf")]))


@st.composite
def clouds(draw: st.DrawFn) -> tuple[list[tuple], list[bool]]:
    size = draw(st.integers(1, 4))
    kinds = [draw(st.sampled_from([st.integers(0, 4), WHOLE, REAL])) for _ in range(size)]
    points = draw(st.lists(st.tuples(*kinds), max_size=40))
    return points, [draw(st.booleans()) for _ in range(size)]


def column(values: list) -> np.ndarray:
    if any(isinstance(value, float) for value in values):
        return np.array(values, dtype=np.float64)
    return np.array(values, dtype=np.int64 if all(-(2**63) <= value < 2**63 for value in values) else object)


@given(clouds(), st.lists(st.integers(1, 15), min_size=1), st.sampled_from([1, 4]), st.sampled_from([1, 8, 10**6]))
@example(([(0, 0, 0), (0, 2**63, 1)], [False, True, False]), [1], 1, 1)  # int64 and Python's numbers in one column
@example(([(2**53 + 1, 0), (0.5, 1)], [False] * 2), [1], 1, 1)  # int64 and float64 in one column
@example(
    ([(0, 9), (9, 0), *[(9, 1)] * 38, *[(-1, -1)] * 2, (5, 5)], [False] * 2), [2, 40, 1], 4, 1
)  # the front shrinks
@example(([(0, -float("inf"), 0)] * 3, [False] * 3), [3], 4, 8)  # moocore gets infinities wrong, or crashes
def test_a_frontier_is_the_front_by_definition(cloud, sizes, first, pending):
    points, maximize = cloud
    patched = pytest.MonkeyPatch()
    patched.setattr(frontiers, "FIRST", first)  # so that few points take all the ways that many do
    patched.setattr(frontiers, "PENDING", pending)
    found, start = Frontier(maximize), 0
    try:
        for size in sizes * len(points):
            part = points[start : start + size]
            if part:
                found.add(
                    [column(list(values)) for values in zip(*part, strict=True)], np.arange(start, start + len(part))
                )
            start += size
        columns, position, count = found.found()
    finally:
        patched.undo()
    expected, firsts, counts = best(points, maximize)
    assert list(position) == firsts
    assert list(count) == counts
    assert list(zip(*(each.tolist() for each in columns), strict=True)) == expected


def test_many_points_need_few_comparisons_and_stay_exact():
    random = np.random.default_rng(1)
    columns = [random.integers(0, 9, 200_000) + 2**60 for _ in range(3)]
    columns[2] = columns[0] - columns[1] + random.integers(0, 4, 200_000)
    found = Frontier([False, True, True])
    for start in range(0, 200_000, 30_000):
        found.add([each[start : start + 30_000] for each in columns], np.arange(start, min(start + 30_000, 200_000)))
    _, position, count = found.found()
    distinct, firsts, counts = np.unique(np.stack(columns), axis=1, return_index=True, return_counts=True)
    expected, where, _ = best([tuple(map(int, point)) for point in distinct.T], [False, True, True])
    assert [tuple(int(each[place]) for each in columns) for place in position] == expected
    assert list(position) == list(firsts[where])
    assert list(count) == list(counts[where])


# --- files --------------------------------------------------------------------------------------------------------


def written(path: Path, columns: dict[str, list], about: dict | None = None, rows: int = 3) -> Path:
    """A result as a sweep writes it, in row groups of a few rows."""
    table = pa.table({"design": list(range(len(next(iter(columns.values()))))), **columns})
    if about is not None:
        table = table.replace_schema_metadata({"archtool": json.dumps(about)})
    pq.write_table(table, path, row_group_size=rows)
    return path


POINTS = {
    "width": [8, 16, 24, 32, 40, 48],
    "act": ["relu", "silu", "relu", "silu", "relu", "silu"],
    "macs": [10, 20, None, 30, 10, 40],
    "params": [5, 4, None, 1, 5, 0],
    "problem": [None, None, "24 is too wide", None, None, None],
}


def test_ties_are_one_point_and_what_is_invalid_is_none(tmp_path):
    found = front(written(tmp_path / "a.parquet", POINTS), minimize=["macs", "params"])
    assert [row["macs"] for row in found.rows] == [10, 20, 30, 40]
    assert [row["design"] for row in found.rows] == [0, 1, 3, 5]
    assert found.sharing == (2, 1, 1, 1)
    assert (found.read, found.invalid, found.excluded, len(found), found.designs) == (6, 1, 0, 4, 5)
    assert found.row(1) == {"design": 0, "width": 8, "act": "relu", "macs": 10, "params": 5}
    assert found.objectives == ("macs", "params")
    assert list(found.to_pandas().index) == [1, 2, 3, 4]


def test_a_design_needs_a_value_for_each_objective(tmp_path):
    columns = {"macs": [None, 1, 2, 3], "params": [1, None, 2, 1], "score": [0.5, 0.5, 0.5, float("nan")]}
    found = front(written(tmp_path / "a.parquet", columns), minimize=["macs", "params"], maximize=["score"])
    assert ([row["design"] for row in found.rows], found.invalid) == ([2], 3)


def test_the_cloud_has_every_design_with_the_same_chance():
    cloud = Cloud(1)
    size = 7 * MOST
    for start in range(0, size, 10_000):
        cloud.add([np.arange(start, start + 10_000)])
    rows = cloud.rows()[:, 0] / size
    assert MOST / 3 < len(rows) <= MOST
    shares = np.histogram(rows, bins=7, range=(0, 1))[0] / len(rows)
    assert abs(shares - 1 / 7).max() < 0.01  # more than five standard deviations


def test_one_objective_all_equal_and_great_numbers(tmp_path):
    near = 2**62  # float64 can't tell these apart
    path = written(tmp_path / "a.parquet", {"macs": [near + 1, near, near + 1, near], "params": [1, 1, 1, 1]})
    assert [row["macs"] for row in front(path, minimize=["macs"]).rows] == [near]
    assert [row["macs"] for row in front(path, maximize=["macs"]).rows] == [near + 1]
    same = front(path, minimize=["params"])
    assert (len(same), same.sharing, same.rows[0]["design"]) == (1, (4,), 0)


def test_numbers_of_more_than_64_bits(tmp_path):
    macs = pa.array([10**30 + 1, 10**30, 5], pa.decimal128(38, 0))
    path = written(tmp_path / "a.parquet", {"macs": macs, "params": [1, 2, 3]})
    found = front(path, minimize=["params"], maximize=["macs"])
    assert [row["macs"] for row in found.rows] == [10**30 + 1]
    assert type(found.rows[0]["macs"]) is int
    assert [row["params"] for row in front(path, minimize=["macs", "params"]).rows] == [3, 2, 1]


@pytest.mark.parametrize(
    ("condition", "designs"),
    [
        ("macs <= 20", [0, 1]),
        ("macs <= 0.02k", [0, 1]),
        ("act == silu", [1, 3, 5]),
        ("act != silu and macs < 30", [0]),
        ("width // 8 == 2 or params < 1", [1, 5]),
        ("macs / params > 10", [3]),
        ("macs > 2.5 * params and act == silu", [1, 3, 5]),
        ("true == (width > 16)", [4, 3, 5]),
    ],
)
def test_conditions(tmp_path, condition, designs):
    columns = POINTS | {"params": [5, 4, None, 1, 5, 0]}
    if "/ params" in condition:
        columns = columns | {"params": [5, 4, None, 1, 5, 40]}
    if "true" in condition:
        columns = columns | {"macs": [10, 20, None, 30, 11, 40]}
    found = front(written(tmp_path / "a.parquet", columns), minimize=["macs", "params"], where=[condition])
    assert [row["design"] for row in found.rows] == designs
    assert found.read - found.invalid - found.excluded >= len(designs)


def test_conditions_on_items_of_lists_and_truth_values(tmp_path):
    columns = {"ops[0]": ["a", "b", "a"], "ops[1]": [1, 2, 3], "bias": [True, False, True], "macs": [3, 2, 1]}
    path = written(tmp_path / "a.parquet", columns)
    for condition, macs in (("ops[0] == a and ops[1] < 3", 3), ("not bias", 2), ("ops[1] == 3 or bias", 1)):
        assert front(path, minimize=["macs"], where=[condition]).rows[0]["macs"] == macs
    both = front(path, minimize=["macs"], where=["bias", "ops[1] < 3"])
    assert (both.rows[0]["macs"], both.excluded) == (3, 2)


def test_a_quotient_may_be_bounded_alone(tmp_path):
    path = written(tmp_path / "a.parquet", {"ratio": [0.5, 0.1, 2.5], "macs": [3, 2, 1]})
    assert front(path, minimize=["macs"], where=["ratio <= 0.5"]).rows[0]["ratio"] == 0.1
    with pytest.raises(ArchtoolError, match="write a bound on it alone"):
        front(path, minimize=["macs"], where=["ratio * 2 <= 1"])


def test_the_objectives_are_the_sweeps_own_where_none_are_given(tmp_path):
    about = {"metrics": ["macs", "params"], "minimize": ["macs"], "maximize": ["params"], "axes": [[{"name": "width"}]]}
    path = written(tmp_path / "a.parquet", POINTS, about)
    assert (front(path).minimize, front(path).maximize, front(path).knobs) == (("macs",), ("params",), ("width",))
    assert front(path, minimize=["params"]).objectives == ("params",)


@given(
    st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 5))), min_size=1, max_size=30),
    st.integers(1, 7),
)
def test_every_kind_of_file_has_the_same_front(tmp_path_factory, points, rows):
    folder = tmp_path_factory.mktemp("results")
    macs, params = map(list, zip(*points, strict=True))
    if all(value is None for value in params):
        params[0] = 3
    paths = [written(folder / "a.parquet", {"macs": macs, "params": pa.array(params, pa.int64())}, rows=rows)]
    parts = folder / "parts"
    parts.mkdir()
    for start in range(0, len(macs), 4):
        part = {"macs": macs[start : start + 4], "params": pa.array(params[start : start + 4], pa.int64())}
        table = pa.table({"design": list(range(start, start + len(part["macs"]))), **part})
        pq.write_table(table, parts / f"part-{start:05}.parquet")
    lines = [f"{i},{a},{'' if b is None else b}\n" for i, (a, b) in enumerate(zip(macs, params, strict=True))]
    (folder / "a.csv").write_text("design,macs,params\n" + "".join(lines))
    fronts = [front(path, minimize=["macs"], maximize=["params"]) for path in (*paths, parts, folder / "a.csv")]
    valid = [(a, b, i) for i, (a, b) in enumerate(zip(macs, params, strict=True)) if b is not None]
    expected, firsts, counts = best([(a, b) for a, b, _ in valid], [False, True])
    for found in fronts:
        assert [(row["macs"], row["params"]) for row in found.rows] == expected
        assert [row["design"] for row in found.rows] == [valid[first][2] for first in firsts]
        assert list(found.sharing) == counts
        assert found.invalid == len(macs) - len(valid)


def test_a_csv_file_stays_exact(tmp_path):
    (tmp_path / "a.csv").write_text(f"macs,act\n{2**62 + 1},relu\n{2**62},silu\n{2**80 + 1},relu\n{2**80},silu\n")
    found = front(tmp_path / "a.csv", maximize=["macs"])
    assert found.rows == [{"macs": 2**80 + 1, "act": "relu"}]
    assert front(tmp_path / "a.csv", minimize=["macs"]).rows[0]["macs"] == 2**62


def test_what_is_written_is_a_result_with_all_designs_of_the_front(tmp_path):
    path = written(tmp_path / "a.parquet", POINTS, {"metrics": ["macs", "params"], "minimize": ["macs", "params"]})
    found = front(path, where=["act == relu"])
    for name in ("front.parquet", "front.csv", "front.duckdb"):
        again = front(found.write(tmp_path / name), minimize=["macs", "params"])
        assert (again.read, again.rows, again.sharing) == (2, found.rows, (2,))
    assert pq.read_table(tmp_path / "front.parquet").column("point").to_pylist() == [1, 1]
    assert pq.read_table(tmp_path / "front.parquet").column("design").to_pylist() == [0, 4]
    with pytest.raises(ArchtoolError, match="this is the result itself"):
        found.write(path)


@given(clouds())
def test_all_designs_of_a_front_are_found_again(tmp_path_factory, cloud):
    points, maximize = cloud
    if not points:
        return
    names = NAMES[: len(maximize)]
    columns = {}
    for name, values in zip(names, zip(*points, strict=True), strict=True):
        kind = None if any(isinstance(value, float) for value in values) else pa.decimal128(38, 0)
        columns[name] = pa.array([float(v) for v in values] if kind is None else [*values], kind)
    path = written(tmp_path_factory.mktemp("results") / "a.parquet", columns, rows=7)
    goals = {goal: [n for n, most in zip(names, maximize, strict=True) if most is wanted] for goal, wanted in
             (("minimize", False), ("maximize", True))}  # fmt: skip
    found = front(path, **goals)
    order = [names.index(name) for name in found.objectives]
    expected, _, counts = best([tuple(point[at] for at in order) for point in points], [maximize[at] for at in order])
    table = pq.read_table(found.write(path.with_name("front.parquet")))
    on = {point: number for number, point in enumerate(expected, 1)}
    designs = [(i, on[key]) for i, point in enumerate(points) if (key := tuple(point[at] for at in order)) in on]
    assert list(zip(table.column("design").to_pylist(), table.column("point").to_pylist(), strict=True)) == designs
    assert list(found.sharing) == counts


# --- what can't be answered ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "say what is to be small or great"),
        ({"minimize": ["mac"]}, "there is no metric 'mac'; did you mean 'macs'"),
        ({"minimize": ["macs"], "maximize": ["macs"]}, "both minimized and maximized"),
        ({"minimize": ["act"]}, "'act' is not a column of numbers"),
        (
            {"minimize": ["macs"], "where": ["macs < 5"]},
            "no design is left of 6; 1 have no value for an objective; 5 are",
        ),
        ({"minimize": ["macs"], "where": ["mac < 5"]}, "'mac'.* did you mean 'macs'"),
        ({"minimize": ["macs"], "where": ["act == sillu"]}, "unknown name 'sillu'"),
        ({"minimize": ["macs"], "where": ["macs + 5"]}, "neither true nor false"),
        ({"minimize": ["macs"], "where": ["macs +"]}, "is not an expression"),
    ],
)
def test_refusals(tmp_path, arguments, said):
    with pytest.raises(ArchtoolError, match=said):
        front(written(tmp_path / "a.parquet", POINTS), **arguments)


def test_files_that_are_no_result(tmp_path):
    (tmp_path / "a.parquet").write_text("no parquet")
    (tmp_path / "a.duckdb").write_text("no database")
    (tmp_path / "a.csv").write_text("")
    (tmp_path / "a.txt").write_text("")
    (tmp_path / "folder").mkdir()
    for name, said in (
        ("a.parquet", "no result that can be read"),
        ("a.duckdb", "a.duckdb"),
        ("a.csv", "no result that can be read"),
        ("a.txt", "no format of results"),
        ("folder", "no Parquet file in this folder"),
        ("none.parquet", "there is no such file"),
    ):
        with pytest.raises(ArchtoolError, match=said) as raised:
            front(tmp_path / name, minimize=["macs"])
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("said", ["no JSON", "[1]", '{"axes": 3}', '{"axes": [[{"values": []}]]}', '{"metrics": [1]}'])
def test_what_a_file_says_of_itself_may_be_nonsense(tmp_path, said):
    table = pa.table({"macs": [1]}).replace_schema_metadata({"archtool": said})
    pq.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(ArchtoolError, match="what it says of its sweep can't be read"):
        front(tmp_path / "a.parquet", minimize=["macs"])


def test_files_of_two_sweeps_are_not_one_result(tmp_path):
    written(tmp_path / "a.parquet", POINTS, {"fingerprint": "a"})
    written(tmp_path / "b.parquet", POINTS, {"fingerprint": "b"})
    with pytest.raises(ArchtoolError, match=r"b.parquet: this is of another sweep than .*a.parquet"):
        front(tmp_path, minimize=["macs"])


def test_nothing_is_left_of_a_file_that_could_not_be_written(tmp_path, monkeypatch):
    found = front(written(tmp_path / "a.parquet", POINTS), minimize=["macs", "params"])

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with pytest.raises(ArchtoolError, match="No space left on device"):
        found.write(tmp_path / "front.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


def test_a_row_has_a_number_from_1_on(tmp_path):
    found: Front = front(written(tmp_path / "a.parquet", POINTS), minimize=["macs", "params"])
    for number in (0, 5, -1):
        with pytest.raises(ArchtoolError, match=f"the points 1 to 4, not {number}"):
            found.row(number)
    with pytest.raises(ArchtoolError, match="does not say of which spec"):
        found.emit(1)
    assert Fraction(found.row(4)["macs"]) == 40
