"""`archtool layers`: the catalogue."""

from __future__ import annotations

import json

from archtool.layer import find, kinds


def test_every_kind_is_listed_once(archtool):
    lines = archtool("layers").out.splitlines()[1:]
    assert sorted(line.split()[0] for line in lines) == sorted(kinds())


def test_one_kind_in_full(archtool):
    out = archtool("layers", "conv").out
    assert out.startswith("conv: A convolution")
    for name in find("conv").field_kinds():
        assert f"\n  {name} " in out
    (example,) = [line for line in out.splitlines() if "kernel: 7" in line]
    assert example.split()[-5:] == ["9.41", "k", "118", "M", "7x7"]


def test_every_kind_in_full(archtool):
    for kind in kinds():
        called = archtool("layers", kind)
        assert (called.code, called.err) == (0, "")
        assert called.out.startswith(f"{kind}: ")


def test_a_mistyped_kind(archtool):
    called = archtool("layers", "cnv")
    assert (called.code, called.out) == (2, "")
    assert called.err == "unknown layer kind 'cnv'; did you mean 'conv'?\n"


def test_as_json(archtool):
    rows = json.loads(archtool("layers", "--format", "json").out)
    (conv,) = [row for row in rows if row["kind"] == "conv"]
    assert conv["family"] == "conv"
    defaults = {field["name"]: field["default"] for field in conv["fields"]}
    assert defaults["out"] is None
    assert defaults["groups"] == "1"
    assert conv["examples"][0] == "conv: {out: 64, kernel: 7, stride: 2, padding: half, bias: false}"
