"""`archtool flops` and `archtool conventions`: golden tables, the documented JSON, narrow terminals, refusals."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest

from archtool import load
from archtool.analysis.operations.conventions import names
from archtool.render.flops import explained, passes, text


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("flops_totals.table", ("resnet50",)),
        ("flops_explained.table", ("resnet50", "--explain")),
        ("flops_function.table", ("mobilenet_v2", "--explain", "--only", "thop,ptflops,torchlens")),
        ("flops_training.table", ("mobilenet_v2", "--mode", "training", "--explain")),
        ("flops_exact.table", ("resnet50", "--exact-padding", "--only", "macs", "--batch", "2")),
        ("flops.csv", ("resnet50", "--only", "fvcore,ptflops", "--format", "csv")),
        ("flops.json", ("lenet5", "--only", "torchlens", "--format", "json")),
        ("flops_training.json", ("lenet5", "--mode", "training", "--only", "macs", "--format", "json")),
    ],
)
def test_golden(archtool, golden, name, arguments):
    called = archtool("flops", *arguments)
    assert (called.code, called.err) == (0, "")
    golden(name, called.out)


@pytest.mark.parametrize("name", ["torchinfo", "ptflops"])
def test_a_convention_golden(archtool, golden, name):
    golden(f"convention_{name}.text", archtool("conventions", name).out)


def test_analyze_golden(archtool, golden):
    golden("analyze_fvcore.table", archtool("analyze", "bottleneck", "--convention", "fvcore").out)


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_a_narrow_terminal_gets_further_tables(width):
    found = load("resnet50").flops()
    shown = explained(found, width)
    widest = max(len(row.term) for row in found.rows) + len("  4,087,136,256  calflops-flops")
    assert max(map(len, shown.splitlines())) <= max(width, widest)
    panels = shown.split("\n\n")
    assert [name for panel in panels for name in panel.split("\n")[0].split()[2:]] == [
        c.name for c in found.conventions
    ]
    assert {line.split()[0] for line in panels[-1].splitlines() if line.strip()} >= {"term", "conv.macs", "total"}


@pytest.mark.parametrize("width", [40, 60, 89, 120])
def test_so_does_training(width):
    passed = load("mobilenet_v2").flops("macs", mode="training").passes
    shown = passes(passed, width)
    assert max(map(len, shown.splitlines())) <= max(width, 46)
    for word in ("forward", "gradient of inputs", "gradient of weights", "891,484,800", "2.964"):
        assert word in shown


def test_notes_are_broken_where_the_terminal_ends():
    assert max(map(len, text(load("resnet50").flops(), False, 72).splitlines())) <= 72


def test_csv_and_json_and_python_say_the_same(archtool):
    found = load("resnet50").flops()
    rows = list(csv.reader(io.StringIO(archtool("flops", "resnet50", "--format", "csv").out)))
    assert rows[0] == ["term", "events", *(each.name for each in found.conventions)]
    assert rows[-1][2:] == [str(total) for total in found.totals]
    assert json.loads(archtool("flops", "resnet50", "--format", "json").out) == found.to_dict()


def test_every_convention_is_listed_and_told(archtool):
    called = archtool("conventions")
    assert re.findall(r"^([\w-]+) \(", called.out, re.MULTILINE) == list(names())
    every = json.loads(archtool("conventions", "--format", "json").out)
    assert [each["name"] for each in every] == list(names())
    for name in names():
        told = archtool("conventions", name)
        assert (told.code, told.err) == (0, "")
        assert told.out.startswith(f"{name} (")


def test_a_convention_says_in_every_format_what_flops_are(archtool):
    for form in ("table", "markdown"):
        out = archtool("analyze", "resnet50", "--convention", "fvcore", "--depth", "1", "--format", form).out
        assert re.search(r"FLOPs +4,111,512,576  \(4\.11 G multiply-adds by 'fvcore'\)", out)
        assert "flops are by the convention 'fvcore', in multiply-adds: One for each multiply-accumulate" in out
    report = json.loads(archtool("analyze", "resnet50", "--convention", "fvcore", "--format", "json").out)
    assert report["convention"] == {"name": "fvcore", "unit": "multiply-adds"}
    assert report["totals"]["flops"] == sum(row["flops"] for row in report["layers"]) == 4_111_512_576
    rows = csv.DictReader(io.StringIO(archtool("analyze", "resnet50", "--convention", "fvcore", "--format", "csv").out))
    assert sum(int(row["flops"]) for row in rows) == 4_111_512_576


def test_expectations_are_of_the_default(archtool):
    assert archtool("analyze", "resnet50", "--convention", "fvcore", "--exact-padding", "--expect").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("flops", "lenet5", "--only", "fvcor"),
            "'fvcor' is neither a convention nor a YAML file; did you mean 'fvcore'?",
        ),
        (("flops", "lenet5", "--only", "mine.yaml"), "mine.yaml:1:1: there is no such file"),
        (("analyze", "lenet5", "--convention", "thopp"), "did you mean 'thop'?"),
        (("conventions", "pycl"), "did you mean 'pycls'?"),
        (("flops", "lenet5", "--mode", "training", "--only", "thop"), "which has no backward pass; choose others"),
    ],
)
def test_refusals(archtool, arguments, message):
    called = archtool(*arguments)
    assert (called.code, called.out) == (2, "")
    assert message in called.err
