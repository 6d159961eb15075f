"""A sweep made again from its description, where its files are no more."""

from __future__ import annotations

import json
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
import pytest

from archtool import load
from archtool.errors import SpecError
from archtool.explore.rebuild import RebuildError, rebuild
from archtool.explore.sweep import Sweep

NET = """\
archtool: 1
input: [3, res, res]
vars: {width: 8, res: 32, act: relu, ratio: 0.5, wide: false, sizes: [3, 5]}
include: {part: parts/a.yaml, gate: blocks/squeeze_excite.yaml}
layers:
  - for: k
    in: sizes
    do: [{conv: {out: "max(8, ceil(width * ratio))", kernel: k, padding: half}}, act]
  - if: wide
    then: [part]
  - gate: {ratio: 0.5}
explore: {over: {width: '8..32:8', res: [32, 64]}}
"""
PART = """\
archtool: 1
input: [3, 8, 8]
vars: {out: 16}
include: {deeper: ../parts/below/b.yaml}
layers: [{conv: {out: out, kernel: 1}}, deeper]
"""
DEEPER = "archtool: 1\ninput: [3, 8, 8]\nlayers: [{conv: {out: 7, kernel: 1}}, relu]\n"


def travelled(sweep: Sweep) -> dict[str, Any]:
    return json.loads(json.dumps(sweep.describe()))  # type: ignore[no-any-return]


SWEEPS = {
    "ranges, a convention": lambda: load("resnet50", depths=[1, 2, 1, 1]).explore(
        {"width": "16..64:16", "res": [160, 224]}, metrics=["macs", "flops", "macs / params"], convention="fvcore",
        where=["macs < 1e9", "width > 16"], minimize=["macs"], maximize=["receptive_field"],
    ),
    "fractions, a sample": lambda: load("regnet", w_0="48").explore(
        {"w_a": "20.5, 30, 1/3", "w_m": [2.5, 2.0], "d": "12..20"}, sample=100, seed=5
    ),
    "steps of a choice": lambda: load("mobile_nas").explore(),
    "words, truth, zips": lambda: load(NET.replace("include: {part: parts/a.yaml, gate", "include: {gate").replace(
        "  - if: wide\n    then: [part]\n", "  - if: wide\n    then: [relu]\n")).explore(
        {"act": "relu, silu, {leaky_relu: {negative_slope: 0.25}}", "wide": "true, false", "sizes": "[3, 5], [1, 7]"},
        zipped=[["sizes", "wide"]], metrics=["params", "peak_memory"], batch=4, mode="training", optimizer="adam",
    ),
    "a shipped spec that includes": lambda: load("deeplab_v3").explore({"res": "65, 129"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SWEEPS)
def test_what_is_rebuilt_says_the_same_of_itself_and_finds_the_same(name: str) -> None:
    sweep = SWEEPS[name]()
    again = rebuild(travelled(sweep))
    assert again.describe() == sweep.describe()
    assert again.fingerprint == sweep.fingerprint
    size = min(sweep.space.size, 100)
    was, now = sweep.batch(0, size), again.batch(0, size)
    assert list(was.metrics) == list(now.metrics)
    for metric in was.metrics:
        np.testing.assert_array_equal(was.metrics[metric], now.metrics[metric])
    np.testing.assert_array_equal(was.problem, now.problem)
    assert sweep.rules == again.rules


def test_what_is_included_travels(tmp_path: Path) -> None:
    folder = tmp_path / "there"
    (folder / "parts/below").mkdir(parents=True)
    for name, text in {"net.yaml": NET, "parts/a.yaml": PART, "parts/below/b.yaml": DEEPER}.items():
        (folder / name).write_text(text)
    sweep = load(folder / "net.yaml", wide="true").explore()
    was = sweep.batch(0, 8)
    rmtree(folder)
    again = rebuild(travelled(sweep))
    assert again.fingerprint == sweep.fingerprint
    assert set(again.design.spec.included) == set(sweep.design.spec.included)
    np.testing.assert_array_equal(again.batch(0, 8).metrics["params"], was.metrics["params"])


def test_where_files_lie_is_no_part_of_the_fingerprint(tmp_path: Path) -> None:
    prints = []
    for name in ("here", "there"):
        (tmp_path / name / "parts/below").mkdir(parents=True)
        for file, text in {"net.yaml": NET, "parts/a.yaml": PART, "parts/below/b.yaml": DEEPER}.items():
            (tmp_path / name / file).write_text(text)
        prints.append(load(tmp_path / name / "net.yaml").explore().fingerprint)
    assert prints[0] == prints[1]


def test_a_description_that_was_changed_is_refused() -> None:
    sweep = load("lenet5").explore({"classes": "10..20"})
    told = travelled(sweep)
    told["metrics"] = ["params"]
    with pytest.raises(RebuildError, match="another version of archtool, or the description has been changed"):
        rebuild({**told, "fingerprint": sweep.fingerprint})


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"axes": 3}, RebuildError),
        ({"axes": [[{"name": "classes", "values": "1...5", "among": None}]]}, RebuildError),
        ({"options": {}}, RebuildError),
        ({"spec": {}}, RebuildError),
        ({"design": "none"}, SpecError),
        ({"metrics": ["parms"]}, SpecError),
    ],
)
def test_what_is_no_description_is_refused(change: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        rebuild({**travelled(load("lenet5").explore({"classes": "10..20"})), **change})


def test_a_long_list_is_read_in_parts() -> None:
    values = [*range(1, 25_000), 7]
    sweep = load("lenet5").explore({"classes": values})
    assert rebuild(travelled(sweep)).space == sweep.space
