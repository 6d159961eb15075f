"""Fixes: what is written where, that nothing else changes, and what is left alone."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archtool import load
from archtool.claims.lint.engine import asked, lint
from archtool.claims.lint.fixing import fix_file
from archtool.claims.lint.rule import Edit, Fix
from archtool.loading import source

Command = Callable[..., Any]

SPEC = """\
archtool: 1
name: mixed            # the reader keeps this
input: [8, 16, 16]
vars: {width: 16, biased: true}
layers:
  - conv: {out: width, kernel: 3}   # plain
  - batch_norm
  - conv: {out: 16, kernel: 1, bias: true}
  - batch_norm
  - conv: { out: 16, kernel: 1, }
  - batch_norm
  - conv:
      # above
      out: 16
      kernel: 3         # behind
  - batch_norm
  - conv: {
      out: 16,  # a comment in braces }
      kernel: 1
    }
  - batch_norm
  - conv: {out: 16, kernel: 1, bias: biased}
  - batch_norm
  - conv: {out: 16, kernel: 1, bias: "true"}
  - batch_norm
  - relu
"""
FIXED = """\
archtool: 1
name: mixed            # the reader keeps this
input: [8, 16, 16]
vars: {width: 16, biased: true}
layers:
  - conv: {out: width, kernel: 3, bias: false}   # plain
  - batch_norm
  - conv: {out: 16, kernel: 1, bias: false}
  - batch_norm
  - conv: { out: 16, kernel: 1, bias: false }
  - batch_norm
  - conv:
      # above
      bias: false
      out: 16
      kernel: 3         # behind
  - batch_norm
  - conv: {bias: false,
      out: 16,  # a comment in braces }
      kernel: 1
    }
  - batch_norm
  - conv: {out: 16, kernel: 1, bias: biased}
  - batch_norm
  - conv: {out: 16, kernel: 1, bias: "true"}
  - batch_norm
  - relu
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    return tmp_path / "net.yaml"


def fix(archtool: Command, spec: Path, text: str | bytes) -> tuple[Any, bytes]:
    spec.write_bytes(text if isinstance(text, bytes) else text.encode())
    done = archtool("lint", str(spec), "--fix", "--select", "N401")
    return done, spec.read_bytes()


def test_each_form_is_fixed_in_place_and_the_rest_stays(archtool: Command, spec: Path) -> None:
    before = load(SPEC)
    done, after = fix(archtool, spec, SPEC)
    assert after.decode() == FIXED
    assert [line.split(": ")[0].rsplit(":", 2)[1] for line in done.err.splitlines() if "fixed" in line] == [
        "6",
        "8",
        "10",
        "14",
        "17",
    ]
    assert done.code == 1 and done.out.count("N401") == 2, "an expression and a quoted text are left to their author"
    fixed = load(spec)
    assert fixed.run.cost.params == before.run.cost.params - 5 * 16
    assert (fixed.run.cost.macs, fixed.run.output.shape) == (before.run.cost.macs, before.run.output.shape)
    again = archtool("lint", str(spec), "--fix", "--select", "N401")
    assert spec.read_bytes() == after and "fixed" not in again.err


@pytest.mark.parametrize("end", ["\r\n", "\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_line_ends_and_the_byte_order_mark_stay(archtool: Command, spec: Path, end: str, mark: str) -> None:
    _, after = fix(archtool, spec, (mark + SPEC.replace("\n", end)).encode())
    assert after == (mark + FIXED.replace("\n", end)).encode()


def test_letters_beyond_the_first_plane_do_not_move_the_edit(archtool: Command, spec: Path) -> None:
    text = "name: \U0001f600 \u00e9\ninput: [8, 16, 16]\nlayers: [conv: {out: 8, kernel: 1}, batch_norm]\n"
    assert fix(archtool, spec, text)[1].decode() == text.replace("kernel: 1", "kernel: 1, bias: false")


BLOCK = """\
input: [8, 16, 16]
blocks:
  unit: {args: {norm: required}, body: [conv: {out: 8, kernel: 1}, norm]}
layers: [unit: {norm: batch_norm}, unit: {norm: %s}]
"""


@pytest.mark.parametrize(("norm", "fixes"), [("instance_norm", True), ("layer_norm", False), ("relu", False)])
def test_a_step_is_fixed_only_where_all_its_layers_are_found(
    archtool: Command, spec: Path, norm: str, fixes: bool
) -> None:
    _, after = fix(archtool, spec, BLOCK % norm)
    assert (b"bias: false" in after) == fixes


def test_a_step_is_fixed_only_where_all_designs_have_the_finding(archtool: Command, spec: Path) -> None:
    text = (
        BLOCK.replace("norm: %s", "norm: act") + "vars: {act: batch_norm}\ndesigns: {a: {}, b: {vars: {act: relu}}}\n"
    )
    assert fix(archtool, spec, text)[1].decode() == text
    assert b"bias: false" in fix(archtool, spec, text.replace("relu", "instance_norm"))[1]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("expect: {params: 2000}\n", "the spec states its parameters (`expect`)"),
        ("designs: {a: {expect: {params: 2000}}}\n", "the spec states its parameters (`expect`)"),
        ("claims: [params(a) > 3]\n", "the spec's claims may speak of its parameters"),
    ],
)
def test_what_a_spec_states_is_not_made_false(archtool: Command, spec: Path, more: str, why: str) -> None:
    done, after = fix(archtool, spec, SPEC + more)
    assert after.decode() == SPEC + more and done.code == 1
    assert f"5 of the findings could be fixed, but {why}" in done.err


def test_turns_that_differ_are_left_alone(archtool: Command, spec: Path) -> None:
    text = "input: [8, 16, 16]\nlayers:\n  - conv: {out: 8, kernel: 1}\n    repeat: 1\n    first: {stride: 1}\n"
    text += "  - batch_norm\n"
    assert fix(archtool, spec, text)[1].decode() == text


def test_a_fix_that_would_change_more_is_not_written(spec: Path) -> None:
    spec.write_text(SPEC)
    found = source(spec)
    wanted = asked(found.document, found.folder, spec)
    (first, *_) = lint(wanted, ["N401"])
    start = SPEC.index("kernel: 3")
    wrong = [
        Fix("widens", Edit(start, start + 9, "kernel: 5")),
        Fix("breaks", Edit(start, start + 9, "colonel: 3")),
    ]
    for each in wrong:
        told, is_written = fix_file(wanted, [first._replace(fix=each)])
        assert not is_written and "not fixed, since it would change more" in told[0]
    assert spec.read_text() == SPEC
    told, is_written = fix_file(wanted, [first._replace(fix=wrong[0]), first])
    assert is_written and len(told) == 2, "the other one is made"
    assert spec.read_text() == SPEC.replace("width, kernel: 3}", "width, kernel: 3, bias: false}")


def test_weights_that_are_needed_elsewhere_are_left_alone(archtool: Command, spec: Path) -> None:
    text = """\
input: [8, 16, 16]
layers:
  - conv: {out: 8, kernel: 1}
    shares: w
  - batch_norm
  - conv: {out: 8, kernel: 1}
    shares: w
  - relu
"""
    done, after = fix(archtool, spec, text)
    assert after.decode() == text and done.out == ""
    done, after = fix(archtool, spec, text.replace("  - relu", "  - batch_norm"))
    assert after.count(b"bias: false") == 2


def test_the_file_keeps_its_mode_and_a_link_its_file(archtool: Command, spec: Path, tmp_path: Path) -> None:
    spec.write_text(SPEC)
    spec.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(spec)
    archtool("lint", str(link), "--fix", "--select", "N401")
    assert link.is_symlink() and spec.read_text() == FIXED
    assert stat.S_IMODE(spec.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "net.yaml"]


def test_standard_input_can_not_be_fixed(archtool: Command) -> None:
    done = archtool("lint", "-", "--fix", "--select", "N401", stdin=SPEC.encode())
    assert done.code == 1 and "could be fixed, but it is no file" in done.err
