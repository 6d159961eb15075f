"""Sizes that nobody means: every reading of them ends soon, in an answer or in an error that a person can read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from archtool import ArchtoolError, Design, load
from archtool.errors import RuleError

Readings = Mapping[str, Callable[[Design], Any]]
EXTREME = [
    ("[4, 9]", "conv: {out: 4, kernel: 1_000_000_001, padding: half}"),
    ("[4, 9]", "conv_transpose: {out: 4, kernel: 1_000_000_000}"),
    ("[4, 9]", "conv_transpose: {out: 4, kernel: 20_000, stride: 64}"),
    ("[4, 1_000_000_000]", "adaptive_avg_pool: {size: 7}"),
    ("[4, 1_000_000_000]", "conv: {out: 1, kernel: 1, padding_mode: circular}"),
    ("[4, 10**18]", "add: {far: [roll: {shift: 10**17}], near: []}"),
    ("[4, 9]", "blur_pool: {kernel: 1023, padding: 0, stride: 1}"),
    ("[4, 9]", "blur_pool: {kernel: 100_001, padding_mode: zeros}"),
    ("[4, 9, 10**30]", "{attention: {heads: 2}}"),
    ("[4, 9, 10**6]", "{attention: {heads: 2}}"),
    ("[10**30, 9, 9]", "{attention: {heads: 2}}"),
    ("[4, 9, 9]", "{do: [threshold: {threshold: 9, value: 0}, rms_norm: {eps: 0}]}"),
    ("[4, 2**63]", "{add: {a: [], b: [relu]}}"),
    ("{tokens: 10**18, channels: 4}", "{do: [class_token, take: {tokens: 10**17}]}"),
    ("[4, 9]", "{window_attention: {heads: 2, window: 1_000_000_000}}"),
    ("[4, 9]", "upsample: {scale: 1_000_000_000}"),
    ("[4, 9]", "{do: [{do: [relu], repeat: 0}, {do: [{do: [relu], repeat: 0}], repeat: 10**12}], repeat: 10**12}"),
]


@pytest.mark.parametrize(("shape", "step"), EXTREME, ids=[f"{step} of {shape}" for shape, step in EXTREME])
def test_every_reading_answers(shape: str, step: str, readings: Readings) -> None:
    for reading in readings.values():
        try:
            reading(load(f"input: {shape}\nlayers:\n  - {step}\n"))
        except ArchtoolError as error:
            assert 0 < len(str(error)) < 1000


def test_a_body_that_is_never_run_has_a_picture() -> None:
    assert "output" in load("input: [3, 8]\nlayers:\n  - {do: [relu], repeat: 0}\n").dot()


def test_all_turns_of_nothing_are_walked_at_once() -> None:
    text = (
        "input: [3, 8]\nlayers:\n  - {do: [{do: [relu], repeat: 0}], repeat: 10**12}\n  - conv: {out: 2, kernel: 1}\n"
    )
    assert [layer.name for layer in load(text).flat().layers] == ["conv"]


def test_a_token_that_is_taken_is_one_position_exactly() -> None:
    """A vector is its only position: of the grid's 3 x 4, the window around the sixth."""
    design = load(
        "input: [2, 3, 4]\nlayers:\n  - conv: {out: 2, kernel: 3, padding: half}\n  - tokens\n  - take: {tokens: 5}\n"
    )
    seen = design.support("take")
    assert (seen.start, seen.map.shape, seen.count) == ((0, 0), (3, 3), 9)
    for position, reached in (((0, 0), 1), ((2, 2), 1), ((0, 3), 0)):
        assert design.support("take", position, projective=True).count == reached


def test_a_position_that_wraps_far_reaches_what_reads_it() -> None:
    """Circular padding on both sides: each end is read at the other too."""
    design = load("input: [1, 9]\nlayers:\n  - conv: {out: 1, kernel: 5, padding: half, padding_mode: circular}\n")
    reached = design.support(position=(0,), projective=True)
    assert [i + reached.start[0] for i, it in enumerate(reached.map) if it] == [0, 1, 2, 7, 8]


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ("celu: {alpha: 0}", "alpha (=0) divides, it can't be 0"),
        ("softplus: {beta: 0}", "beta (=0) divides, it can't be 0"),
        ("hardtanh: {min_val: 1}", "min_val (=1) must be smaller than max_val (=1.0)"),
        ("rrelu: {lower: 0.5}", "lower (=1/2) must be at most upper (=0.3333333333333333)"),
        ("softshrink: {lambd: -1}", "lambd: -1 is not a number of at least 0"),
        ("batch_norm: {eps: -3}", "eps: -3 is not a number of at least 0"),
        ("dropout: {p: -0.5}", "p: -1/2 (a fraction) is not a number between 0 and 1"),
        ("blur_pool: {kernel: 1024}", "kernel (=1024) must be at most 1023"),
        ("do: [mean, group_norm: {groups: 3}]", "more than one element a group, groups (=3) of 3 have one"),
    ],
)
def test_numbers_that_make_no_sense(step: str, said: str) -> None:
    with pytest.raises(ArchtoolError) as caught:
        _ = load(f"input: [3, 8, 8]\nlayers:\n  - {step}\n").run
    assert str(caught.value).startswith("<text>:3:")
    assert said in str(caught.value)


def test_numbers_that_grow_beyond_all_bounds_have_no_effective_field() -> None:
    text = "input: [3, 8]\nlayers:\n  - threshold: {threshold: 0, value: 1e300}\n  - relu\n"
    with pytest.raises(RuleError, match="grows beyond all bounds"):
        load(text).effective()
