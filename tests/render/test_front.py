"""Pictures and pages of fronts: whole or not at all, self-contained, escaped; tables on narrow terminals."""

from __future__ import annotations

import io
import json
import re
from xml.etree import ElementTree

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from archtool.errors import MissingExtra
from archtool.explore.fronts.front import Front, front
from archtool.render import front_plot
from archtool.render.front import print_table
from archtool.render.front_page import page
from archtool.render.front_plot import draw
from archtool.render.picture import PictureError

pytest.importorskip("matplotlib")

NAMES = ("macs", "params", "receptive_field", "activations", "stride", "weight_bytes")
STARTS = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
EVIL = '<script>alert("&")</script>'


def made(path, rows: int = 300, objectives: int = 2, spread: int = 1) -> Front:
    """The front of random designs, by so many objectives."""
    random = np.random.default_rng(0)
    columns = {name: (random.integers(1, 1000, rows) * spread**index) for index, name in enumerate(NAMES)}
    table = pa.table({"design": np.arange(rows), **columns, "knob[0]": columns["macs"], "knob[1]": [EVIL] * rows})
    about = {
        "spec": {"name": EVIL, "source": EVIL},
        "axes": [[{"name": "knob[0]", "values": "1..9:1"}], [{"name": "knob[1]", "values": [EVIL]}]],
        "metrics": list(NAMES),
    }
    pq.write_table(table.replace_schema_metadata({"archtool": json.dumps(about)}), path)
    return front(path, minimize=NAMES[: objectives - 1], maximize=[NAMES[objectives - 1]])


@pytest.mark.parametrize(
    ("objectives", "rows", "forms"),
    [
        (1, 300, STARTS), (2, 300, STARTS), (3, 300, STARTS), (4, 300, ["svg"]), (5, 50, ["png"]),
        (1, 1, ["png"]), (2, 1, ["png"]), (3, 1, ["png"]), (2, 20_000, ["png"]), (3, 20_000, ["png"]),
    ],
)  # fmt: skip
def test_pictures(tmp_path, objectives, rows, forms):
    found = made(tmp_path / "a.parquet", rows, objectives, 3)
    for form in forms:
        assert found.plot(tmp_path / f"front.{form}").read_bytes().startswith(STARTS[form])
    assert len(list(tmp_path.iterdir())) == 1 + len(forms)


def test_the_same_front_is_the_same_picture(tmp_path):
    assert draw(made(tmp_path / "a.parquet"), "svg") == draw(made(tmp_path / "a.parquet"), "svg")


def test_a_picture_has_the_points_of_the_front(tmp_path):
    found = made(tmp_path / "a.parquet", 20_000)
    root = ElementTree.fromstring(draw(found, "svg"))
    places = [(float(use.get("x")), -float(use.get("y"))) for use in root.iterfind(".//{*}g[@id='points']//{*}use")]
    assert len(places) == len(found) > 3
    for axis, name in enumerate(("macs", "params")):
        values, drawn = found.values(name).astype(float), np.array(places)[:, axis]
        scale = np.log(values) if np.ptp(np.log(found.cloud[:, axis])) > np.log(100) else values
        assert np.corrcoef(scale, drawn)[0, 1] > 1 - 1e-6
    texts = {text for node in root.iter() for text in [(node.text or "").strip()]}
    assert "1" in texts
    assert "macs, multiply-adds (smaller is better)" in texts


def test_more_objectives_than_a_picture_shows(tmp_path):
    with pytest.raises(PictureError, match="at most 5 objectives, not 6"):
        made(tmp_path / "a.parquet", objectives=6).plot(tmp_path / "a.png")


def test_a_picture_without_matplotlib(tmp_path, monkeypatch):
    found = made(tmp_path / "a.parquet")
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtra, match=r"archtool\[plot\]"):
        found.plot(tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


@pytest.mark.parametrize("objectives", [1, 2, 3])
def test_a_page_needs_nothing_else_and_escapes_everything(tmp_path, objectives):
    found = made(tmp_path / "a.parquet", objectives=objectives)
    text = page(found)
    assert EVIL not in text
    assert text.count("<script>") == 1
    for attribute in re.findall(r'(?:src|href|url)\s*[=(]\s*"?([^")\s>]*)', text):
        assert attribute.startswith(("#", "data:image/png;base64,")), attribute
    assert "<img" not in text and "@import" not in text
    body = re.search(r"<tbody>(.*?)</tbody>", text, re.DOTALL)[1]
    assert body.count("<tr ") == len(found)
    hints = re.findall(r"<(?:\w+:)?title>(point .*?)</", text, re.DOTALL)
    assert len(hints) == (len(found) if objectives > 1 else 0)
    if hints:
        row = found.rows[0]
        assert hints[0].startswith("point 1\n")
        assert f"macs: {row['macs']}\n" in hints[0] + "\n"
        assert "&lt;script&gt;" in hints[0]
    svg = re.search(r"<figure>(.*)</figure>", text, re.DOTALL)[1]
    assert ElementTree.fromstring(svg).get("viewBox")


def test_a_notebook_gets_a_table(tmp_path):
    assert made(tmp_path / "a.parquet")._repr_html_().startswith("<table>")


@pytest.mark.parametrize("width", [30, 60, 100, 200])
def test_a_terminal_gets_no_line_that_is_too_long_and_every_number_whole(tmp_path, width):
    from rich.console import Console

    out = io.StringIO()
    found = made(tmp_path / "a.parquet", objectives=3)
    print_table(found, Console(file=out, width=width, force_terminal=True, color_system=None), limit=3)
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= max(width, 80)  # what numbers and the names of objectives need
    points = [line for line in lines if re.match(r"\s*[1-3] ", line)]
    for point, row in zip(points, found.first(3), strict=True):
        assert point.split()[1:4] == [f"{row[name]:,}" for name in found.objectives]


def test_numbers_are_spread_over_the_front():
    for count in (1, 2, 3, 10, 100):
        order = front_plot._far_apart(count)
        assert sorted(order) == list(range(count))
        assert order[:2] == [0, count - 1][:count]
