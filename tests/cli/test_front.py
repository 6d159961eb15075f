"""`archtool front`: from a sweep's file to a table, JSON, CSV, pictures, a page, and a spec; refusals."""

from __future__ import annotations

import csv
import io
import json

import pytest

from archtool import load

pytest.importorskip("pyarrow")
pytest.importorskip("moocore")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("sweep")


@pytest.fixture
def result(archtool, folder, monkeypatch):
    """The file of a small sweep, in the working folder."""
    monkeypatch.chdir(folder)
    if not (folder / "designs.parquet").exists():
        over = ["--over", "width=8..32:8", "depth=1..3", "act=relu,silu"]
        (folder / "net.yaml").write_text(NET)
        called = archtool("sweep", "net.yaml", *over, "-o", "designs.parquet", "--quiet")
        assert (called.code, called.out, called.err) == (0, "", "")
    return "designs.parquet"


NET = """\
name: net
source: a <b> & "c"
input: [3, 32, 32]
vars: {width: 16, depth: 2, act: relu}    # what varies
layers:
  - conv: {out: width, kernel: 3, padding: half}
    repeat: depth
  - act
  - batch_norm
explore: {over: {width: [8, 16]}, minimize: [macs, params], maximize: receptive_field}
"""


def test_golden(archtool, golden, result):
    for name, arguments in (
        ("front.table", ()),
        ("front_where.table", ("--where", "width > 8 and act == silu", "--limit", "2")),
        ("front.json", ("--format", "json", "--limit", "2")),
        ("front.csv", ("--format", "csv")),
        ("front_one.table", ("--maximize", "params")),
    ):
        called = archtool("front", result, *arguments)
        assert (called.code, called.err) == (0, "")
        golden(name, called.out)


def test_csv_json_and_python_say_the_same(archtool, result):
    from archtool.explore.fronts.front import front

    found = front(result)
    rows = list(csv.DictReader(io.StringIO(archtool("front", result, "--format", "csv").out)))
    told = json.loads(archtool("front", result, "--format", "json").out)
    assert told == found.to_dict()
    assert [int(row["macs"]) for row in rows] == [row["macs"] for row in found.rows]
    assert [point["metrics"]["macs"] for point in told["front"]] == [row["macs"] for row in found.rows]
    assert [point["knobs"]["act"] for point in told["front"]] == [row["act"] for row in rows]


def test_a_point_becomes_a_spec(archtool, result, tmp_path):
    point = json.loads(archtool("front", result, "--format", "json").out)["front"][1]
    called = archtool("front", result, "--emit", "2")
    assert (called.code, called.err) == (0, "")
    (tmp_path / "design.yaml").write_text(called.out)
    totals = json.loads(archtool("analyze", str(tmp_path / "design.yaml"), "--format", "json").out)
    assert totals["totals"]["macs"] == point["metrics"]["macs"]
    assert archtool("analyze", str(tmp_path / "design.yaml"), "--expect").code == 0
    assert "    # what varies\n" in called.out
    assert load(called.out).spec.explore is None


def test_files_are_written_and_not_replaced(archtool, result, tmp_path):
    pytest.importorskip("matplotlib")
    files = [tmp_path / name for name in ("front.parquet", "front.svg", "front.html")]
    arguments = [word for pair in zip(("-o", "--plot", "--html"), map(str, files), strict=True) for word in pair]
    assert archtool("front", result, *arguments).code == 0
    assert sorted(tmp_path.iterdir()) == sorted(files)
    before = [path.read_bytes() for path in files]
    again = archtool("front", result, *arguments, "--minimize", "macs")
    assert (again.code, again.out) == (2, "")
    assert "is there already: --force replaces it" in again.err
    assert [path.read_bytes() for path in files] == before
    assert archtool("front", result, *arguments, "--minimize", "macs", "--force").code == 0
    assert [path.read_bytes() for path in files] != before
    page = files[2].read_text()
    assert "a &lt;b&gt; &amp; &quot;c&quot;" in page
    whole = archtool("front", str(files[0]), "--minimize", "macs")
    assert whole.out.splitlines()[1].split()[0] == "1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--minimize", "mac"], "designs.parquet: there is no metric 'mac'; did you mean 'macs'?"),
        (["--emit", "1", "--format", "json"], "--emit prints a spec in place of the points, without --format"),
        (["--emit", "1", "--format", "table"], "--emit prints a spec in place of the points, without --format"),
        (["--emit", "1", "--limit", "3"], "--emit prints a spec in place of the points, without --limit"),
        (["--emit", "100"], "the front has the points 1 to"),
        (["--where", "macs < 0"], "no design is left of 24; 24 are left out by a condition"),
        (["--where", "depht > 1"], "unknown name 'depht'; did you mean 'depth'?"),
        (["-o", "front.txt"], "'.txt' is no format of designs"),
        (["-o", "designs.parquet", "--force"], "this is the result itself"),
        (["-o", "nowhere/front.parquet"], "there is no folder 'nowhere'"),
        (["--plot", "front.gif"], "'.gif' is no format of pictures"),
        (["--html", "front.pdf"], "'.pdf' is no format of pictures"),
    ],
)
def test_refusals(archtool, result, folder, arguments, said):
    before = sorted(folder.iterdir())
    called = archtool("front", result, *arguments)
    assert (called.code, called.out) == (2, "")
    assert said in called.err
    assert called.err.count("\n") == 1
    assert sorted(folder.iterdir()) == before


def test_a_file_that_is_none(archtool, folder, result):
    assert "there is no such file" in archtool("front", "designs.parqet").err
    assert "'.yaml' is no format of results" in archtool("front", "net.yaml").err
    (folder / "plain.csv").write_text("design,macs,params\n0,5,4\n")
    called = archtool("front", "plain.csv")
    assert (called.code, called.out) == (2, "")
    assert "say what is to be small or great (--minimize, --maximize); metrics: macs, params" in called.err
    emitted = archtool("front", "plain.csv", "--minimize", "macs", "--emit", "1")
    assert (emitted.code, emitted.out) == (2, "")
    assert "it does not say of which spec it is" in emitted.err
