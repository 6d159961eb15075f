"""A point of a front back as a spec: it has the metrics of its row, and the comments and layout of the original."""

from __future__ import annotations

from pathlib import Path

import pytest

from archtool import load
from archtool.design import Design
from archtool.errors import ArchtoolError
from archtool.explore.fronts.emit import emitted
from archtool.explore.fronts.front import Front, front
from archtool.explore.storing.sinks import sink_class
from archtool.explore.storing.table import Tables
from archtool.explore.sweep import sweep
from archtool.spec.reader import Mapping, Node, Scalar, Sequence, read_file, read_text
from archtool.spec.spans import Spans, in_flow

SPECS = Path(__file__).parents[2] / "specs"
METRICS = ("params", "macs", "activations", "receptive_field")


def swept(design: Design, path: Path, **asked: object) -> Path:
    """A whole sweep in a file."""
    found = sweep(design, **asked)  # type: ignore[arg-type]
    tables, size = Tables(found), found.space.size
    table = tables.of(found.batch(0, size))
    sink = sink_class(path)(path, table.schema)
    sink.write(table)
    sink.close({**found.describe(), "fingerprint": found.fingerprint, "next": size, "size": size})
    return path


def check(found: Front) -> list[str]:
    """Every point, written as a spec and analysed, has the metrics of its row; the specs."""
    texts = []
    for number, row in enumerate(found.rows, 1):
        text = found.emit(number)
        design = load(text)
        totals = design.analyze().totals
        assert (totals.params, totals.macs, totals.activations) == (row["params"], row["macs"], row["activations"])
        assert max(totals.receptive_field.size, default=0) == row["receptive_field"]
        assert not design.designs
        assert design.spec.explore is None
        assert {each.metric: each.value for each in design.expect} == {name: row[name] for name in METRICS[:3]}
        texts.append(text)
    return texts


BASE = """\
# a net of ours
archtool: 1
name: net   # its name
input: [3, res, res]

vars:                     # knobs
  # how wide
  width: 16               # of the stem
  widths: [8, 16, 24]     # of the stages
  depths:
    - 1                   # first
    - 2
  kernels:
  - 3
  - 5
  act: relu               # a step
  op: {mbconv: {e: 2}}
  bias: false
  scale: 0.5
  pad: half
  made: "[width, 2 * width]"
  res: 32
# the blocks
blocks:
  mbconv:
    args: {e: 3, k: 3}
    body:
      - conv: {out: e * input.channels, kernel: k, padding: half}
      - relu
# what is explored
explore:
  over: {width: [8, 16]}
  minimize: macs

layers:
  - conv: {out: width if bias else 2 * width, kernel: "kernels[0]", padding: pad, bias: bias}
  - act
  - op
  - for: w
    in: widths
    do: [conv: {out: round(w * scale), kernel: "kernels[1]", padding: 2}]
  - conv: {out: "made[0] + made[1]", kernel: 1}
    repeat: depths[0]
  - batch_norm:
    repeat: depths[1]

expect: {params: 1}       # of the default
designs:
  wide:
    vars:
      width: max(12, 24)
      widths:
        - 32
        - 48
  flat:
    input: [3, 16, res]
    layers:
      - conv: {out: width, kernel: 1}   # the only one
      - act
  short: [conv: {out: width, kernel: 3}, act]
"""

SPACES = {
    "numbers": {"width": [8, 24], "res": range(24, 40, 8)},
    "items": {"widths[1]": "8..24:8", "depths[0]": [0, 2], "kernels[1]": [5], "depths[1]": "1..2"},
    "lists": {"widths": ["[8, 8]", "[4, 8, 12, 16]"], "depths": ["[0, 1]", "[3, 3]"], "kernels": ["[1, 5]"]},
    "steps": {"act": ["relu", "silu", "identity"], "op": ["{mbconv: {e: 1, k: 5}}", "mbconv", "relu"]},
    "truth and fractions": {"bias": [True, False], "scale": [0.5, "1/3", 1.25], "pad": ["half", "same", "1"]},
    "an item of a computed list": {"made[1]": [3, 9], "width": [8, 10]},
    "a whole list made": {"widths": "{each: 2, of: [8, 16]}"},
}


@pytest.mark.parametrize("over", SPACES.values(), ids=SPACES)
@pytest.mark.parametrize("name", [None, "wide"])
def test_every_point_has_the_metrics_of_its_row(tmp_path, over, name):
    design = Design(read_text(BASE, "net.yaml"), name)
    path = swept(design, tmp_path / "a.parquet", over=over, metrics=METRICS)
    check(front(path, minimize=["params", "macs"], maximize=["receptive_field", "activations"]))
    check(front(path, minimize=["design"]))
    check(front(path, maximize=["design"]))


def test_fractions_are_the_exact_ones(tmp_path):
    design = Design(read_text(BASE, "net.yaml"))
    found = front(
        swept(design, tmp_path / "a.parquet", over={"scale": ["1/3", 0.1]}, metrics=METRICS), minimize=["scale"]
    )
    assert "scale: 0.1\n" in found.emit(1)
    found = front(tmp_path / "a.parquet", maximize=["scale"])
    assert "scale: 1/3\n" in found.emit(1)


@pytest.mark.parametrize("name", [None, "wide", "flat", "short"])
@pytest.mark.parametrize("knobs", [{}, {"width": "min(4 + 8, 40)", "widths": "[width, 2*width, 8]"}, {"scale": 0.25}])
def test_a_design_and_vars_that_are_set_are_folded_in(tmp_path, name, knobs):
    design = Design(read_text(BASE, "net.yaml"), name, knobs)
    path = swept(design, tmp_path / "a.duckdb", over={"res": [24, 32], "widths[0]": [4, 6]}, metrics=METRICS)
    check(front(path, minimize=["macs", "design"]))


def test_comments_and_layout_stay(tmp_path):
    over = {"width": [24], "widths[1]": [8], "depths[1]": [5], "act": ["silu"], "kernels": ["[1, 3]"]}
    found = front(swept(Design(read_text(BASE, "net.yaml")), tmp_path / "a.parquet", over=over), minimize=["macs"])
    (row,) = found.rows
    expected = BASE
    for old, new in (
        ("width: 16 ", "width: 24 "),
        ("[8, 16, 24]", "[8, 8, 24]"),
        ("    - 2\n", "    - 5\n"),
        ("act: relu ", "act: silu "),
        ("  - 3\n  - 5\n", "    [1, 3]\n"),
    ):
        assert expected.count(old) == 1
        expected = expected.replace(old, new)
    before, rest = expected.split("# what is explored\n")
    layers = rest[rest.index("layers:") : rest.index("expect:")]
    totals = f"expect: {{params: {row['params']}, macs: {row['macs']}, activations: {row['activations']}}}\n"
    origin = "# point 1 of 1 of the front that minimizes macs, design 0, in a.parquet\n"
    assert found.emit(1) == origin + before + layers + totals


def test_a_spec_on_one_line_and_one_with_markers(tmp_path):
    for text in (
        "{input: [3, 8, 8], vars: {c: 3, d: [1, 2]}, explore: {over: {c: [1]}}, LAYERS}\n",
        "%YAML 1.2\n# above\n---\ninput: [3, 8, 8]\nvars: {c: 3}\nLAYERS\n...\n",
        "  input: [3, 8, 8]\n  vars: {c: 3}\n  LAYERS\n",
        "input: [3, 8, 8]\r\nvars:\r\n  c: 3 # it\r\nexplore: {over: {c: [1, 2]}}\r\nLAYERS",
        "about: |\n  # no comment\n# one\nexplore: {over: {c: [1]}}\ninput: [3, 8, 8]\nvars: {c: 3}\nLAYERS",
    ):
        text = text.replace("LAYERS", "layers: [conv: {out: c, kernel: 1}]")
        path = swept(Design(read_text(text, "a.yaml")), tmp_path / "a.parquet", over={"c": [4, 5]}, metrics=METRICS)
        (point,) = check(front(path, maximize=["macs"]))
        assert load(point).analyze().totals.params == 20
        assert load(point).spec.about == Design(read_text(text, "a.yaml")).spec.about


@pytest.mark.parametrize("name", ["resnet_family", "mobile_nas"])
def test_the_shipped_spaces(tmp_path, name):
    path = swept(load(name), tmp_path / "a.parquet", sample=500, seed=3)
    found = front(path)
    assert len(found) > 5
    check(found)


def test_what_is_included_is_found_from_here_or_it_is_said(tmp_path, monkeypatch):
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "part.yaml").write_text(
        "input: [3, 8, 8]\nvars: {c: 4}\nlayers: [conv: {out: c, kernel: 3}]\n"
    )
    text = "include: {part: part.yaml}\ninput: [3, 8, 8]\nvars: {c: 2}\nlayers: [part: {c: c}]\n"
    (tmp_path / "specs" / "net.yaml").write_text(text)
    over = {"c": [3, 5]}
    path = swept(load(tmp_path / "specs" / "net.yaml"), tmp_path / "a.parquet", over=over, metrics=METRICS)
    found = front(path, minimize=["macs"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArchtoolError, match=r"can't be read from here; call this in .*specs"):
        found.emit(1)
    monkeypatch.chdir(tmp_path / "specs")
    (tmp_path / "specs" / "point.yaml").write_text(found.emit(1))
    assert load("point.yaml").analyze().totals.params == 3 * 27 + 3
    (tmp_path / "specs" / "part.yaml").write_text(
        "input: [3, 8, 8]\nvars: {c: 4}\nlayers: [conv: {out: c, kernel: 1}]\n"
    )
    with pytest.raises(ArchtoolError, match="design 0 had params 84, its spec now has 12"):
        found.emit(1)


def test_metrics_are_held_as_they_were_counted(tmp_path):
    design = Design(read_text(BASE, "net.yaml"))
    asked = {"metrics": ["macs", "macs / params", "width + 1", "flops", "params"], "batch": 4, "convention": "fvcore"}
    found = front(swept(design, tmp_path / "a.parquet", over={"width": [8, 24]}, **asked), minimize=["macs / params"])
    point = load(found.emit(1))
    assert 4 * point.analyze().totals.macs == found.rows[0]["macs"]
    assert not point.expect  # four inputs at once are not what a spec states


def test_what_would_be_no_spec_is_not_written(tmp_path):
    design = Design(read_text(BASE, "net.yaml"))
    found = front(swept(design, tmp_path / "a.parquet", over={"act": ["relu"]}, metrics=METRICS), minimize=["macs"])
    row = {**found.row(1), "act": "rleu"}  # a file that somebody has edited
    with pytest.raises(ArchtoolError, match=r"a.parquet: design 0 can't be written as a spec: .*unknown word 'rleu'"):
        emitted(found.about, row, "point 1", path=found.path)


# --- where nodes stand --------------------------------------------------------------------------------------------


def nodes(node: Node) -> list[Node]:
    below: list[Node] = []
    if isinstance(node, Sequence):
        below = node.items
    elif isinstance(node, Mapping):
        below = [each for entry in node.entries.values() for each in entry]
    return [node, *(each for child in below for each in nodes(child))]


def same(left: Node, right: Node) -> bool:
    if isinstance(left, Sequence) and isinstance(right, Sequence):
        return len(left.items) == len(right.items) and all(map(same, left.items, right.items))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        pairs = zip(left.entries.values(), right.entries.values(), strict=False)
        return left.entries.keys() == right.entries.keys() and all(same(a, b) for (_, a), (_, b) in pairs)
    return isinstance(left, Scalar) and isinstance(right, Scalar) and left.text == right.text


@pytest.mark.parametrize("path", sorted(SPECS.rglob("*.yaml"))[::6], ids=lambda path: path.stem)
def test_a_node_read_from_its_span_alone_is_the_node(path):
    document = read_file(path)
    spans = Spans(document)
    for node in nodes(document.root)[:400]:
        text = spans.text(node)
        if isinstance(node, Scalar):
            again = read_text(f"v: {text}", "").root.entries["v"][1]
        elif node.flow:
            again = read_text(f"v: [{text}]", "").root.entries["v"][1].items[0]
        else:
            margin = " " * node.column
            again = read_text(f"v:\n{margin}" + text.replace("\n", "\n "), "").root.entries["v"][1]
        assert same(node, again), text
        assert same(node, read_text(f"v: {in_flow(node)}", "").root.entries["v"][1]), text
