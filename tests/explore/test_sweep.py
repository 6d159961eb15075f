"""Sweeps: what is told of each design of a space is what `analyze` tells of it alone."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archtool import ArchtoolError, load
from archtool.analysis.measures import METRICS, Measures
from archtool.design import Design
from archtool.errors import RuleError, SpecError
from archtool.explore.batch import Batch
from archtool.explore.reading import settled
from archtool.explore.sweep import Sweep
from archtool.network import Evaluation
from archtool.runs import BlockRun

OPS = """
input: [16, 32, 32]
vars: {ops: [relu, relu, relu], act: relu, pad: half, wide: false, scale: 1}
blocks:
  mb:
    args: {e: 3, k: 3}
    body:
      - add:
          main:
            - conv: {out: e * input.channels, kernel: 1}
            - act: {}
            - conv: {out: input.channels, kernel: k, padding: half}
          skip: []
layers:
  - conv: {out: 16 if wide else 8, kernel: 3, padding: pad}
  - act
  - for: op
    in: ops
    do:
      - op
  - conv: {out: floor(16 * scale), kernel: 1}
"""
OPS = OPS.replace("            - act: {}\n", "            - relu\n")


def design_at(sweep: Sweep, number: int) -> BlockRun:
    """One design of a space, evaluated by itself on ints; raises where it is invalid."""
    knobs = sweep.space.design(number)
    values = [[knobs[knob.name] for knob in axis.knobs] for axis in sweep.space.axes]
    block, vars = settled(sweep.design.block, sweep.space.axes, values)
    evaluation = Evaluation()
    environment = evaluation.vars(block, vars)
    return evaluation.network(block, environment, sweep.design.spec.shapes(environment))


def check(sweep: Sweep, batch: Batch, count: int) -> int:
    """Hold some designs of a batch against their own evaluation; how many of them are valid."""
    valid = 0
    for index in Random(5).sample(range(batch.size), min(count, batch.size)):
        try:
            run = design_at(sweep, int(batch.number[index]))
        except ArchtoolError:
            assert batch.problem[index] != 0
            continue
        assert batch.problem[index] == 0, sweep.rules[batch.problem[index] - 1]
        measures = Measures(run, sweep.options, sweep.design.spec.functional)
        for name in sweep.metrics:
            if name in METRICS:
                assert batch.metrics[name][index] == measures.of(name), name
        valid += 1
    return valid


def swept(name: str, over: Mapping[str, object] | None, **asked: Any) -> tuple[Sweep, Batch]:
    sweep = load(name).explore(over, **asked)
    return sweep, sweep.batch(0, min(sweep.space.size, 50_000))


@pytest.mark.parametrize(
    ("name", "over"),
    [
        ("resnet50", {"width": "1..128", "depths[0]": "1,2,4", "depths[2]": "0..6", "res": "1..300:13"}),
        ("mobilenet_v2", {"res": "32..224:16", "classes": [10, 100]}),
        ("mobilenet_v1", {"width": "0.25,0.5,0.75,1,1/3", "res": "128,160,192,224"}),
        ("vit_b_16", {"width": "192..768:192", "heads": "1,2,3,5", "depth": "1..12"}),
        ("deeplab_v3", {"res": "65,129"}),
        ("swin_t", {"width": "96,48", "res": "224,448"}),
        ("regnet", {"d": "12..20", "w_m": "2.1,2.5", "g": "8,16", "res": "128,160"}),
        ("resnet_family", {"widths": "[8, 16, 24, 32],[16, 32, 64, 128]", "depths": "[1,1,1,1],[3,4,6,3]"}),
    ],
)
def test_a_sweep_tells_of_each_design_what_it_tells_of_itself(name: str, over: Mapping[str, object]) -> None:
    sweep, batch = swept(name, over)
    assert check(sweep, batch, 12) >= 2


def test_the_space_of_6561_networks_is_exact_on_200_random_members() -> None:
    sweep, batch = swept("mobile_nas", None, metrics=["params", "macs", "activations", "receptive_field", "stride"])
    assert batch.size == 6561
    assert not sweep.split
    assert check(sweep, batch, 200) == 200


def test_steps_words_truth_values_and_fractions_vary_in_one_piece() -> None:
    over = {
        "ops": "{each: 4, of: [identity, {mb: {e: 6}}, {mb: {k: 5}}, mb]}", "act": "relu,silu,gelu", "pad": "half,same",
        "wide": "true,false", "scale": "1,1/2,0.75",
    }  # fmt: skip
    sweep, batch = swept(OPS, over)
    assert batch.size == 4**4 * 3 * 2 * 2 * 3
    assert not sweep.split
    assert check(sweep, batch, 60) == 60


def test_invalid_designs_are_kept_with_their_reason() -> None:
    sweep, batch = swept("vit_b_16", {"width": "192..768:192", "heads": [1, 5]})
    assert (batch.problem != 0).sum() == 4  # five heads divide none of these widths
    assert {sweep.rules[code - 1] for code in batch.problem if code} == {
        "encoder.0: add1.attend.attention: channels (=width) must be divisible by heads (=heads); or give head_channels"
    }


def test_where_removes_designs_and_says_how_many() -> None:
    sweep, batch = swept("resnet50", {"width": "16..128:16", "res": "64..224:32"}, where=["macs < 10**9", "width > 16"])
    whole = load("resnet50").explore({"width": "16..128:16", "res": "64..224:32"}).batch(0, 48)
    width = 16 * (1 + np.arange(48) // 6)
    heavy, narrow = whole.metrics["macs"] >= 10**9, width <= 16
    assert sweep.removed == [heavy.sum(), (narrow & ~heavy).sum()]
    assert batch.number.tolist() == np.flatnonzero(~heavy & ~narrow).tolist()
    assert batch.metrics["macs"].tolist() == whole.metrics["macs"][~heavy & ~narrow].tolist()


def test_a_condition_on_metrics_does_not_hide_invalid_designs() -> None:
    sweep, batch = swept("vit_b_16", {"width": "192..768:192", "heads": [1, 5]}, where=["macs < 0"])
    assert batch.size == (batch.problem != 0).sum() == 4
    assert sweep.removed == [4]


def test_a_condition_on_vars_removes_designs_that_are_invalid_whatever_varies() -> None:
    text = "input: [4, 8, 8]\nvars: {c: 1, k: 9}\nlayers:\n  - conv: {out: 4, kernel: 9}\n"
    for over in ({"c": "1..4"}, {"c": "1..4", "k": "1, 9"}):
        sweep, batch = swept(text.replace("kernel: 9", "kernel: k"), over, where=["c > 3", "macs > 0"])
        sizes = batch.problem != 0
        assert sizes.sum() == 1  # k = 9 does not fit; c = 4 is left of it
        assert sweep.removed == [3 * len(sweep.space.knobs), 0]


def test_a_question_that_has_no_answer_is_named() -> None:
    with pytest.raises(RuleError, match=r"'macs / \(params - 6917640\)': division by zero"):
        swept("resnet50", {"width": "32"}, metrics=["macs / (params - 6917640)"])


def test_alternatives_that_are_nested_too_deeply_for_one_trace_split_the_space() -> None:
    """In a repeat each turn's step is one of three, and then another: in one design alone nothing is nested."""
    text = """
input: [4, 8]
vars: {ops: [relu, relu, relu]}
blocks:
  unit: {args: {m: 3}, body: [add: {a: [conv: {out: x.channels, kernel: 1}], b: []}, pointwise_conv: {out: m}]}
layers:
  - do:
      - for: op
        in: ops
        do: [op]
    repeat: 100
"""
    steps = "{conv: {out: 4, kernel: 3, padding: half}}, {unit: {m: 2}}, {pointwise_conv: {out: 7}}, relu"
    over = {"ops": f"{{each: 3, of: [{steps}]}}"}
    sweep, batch = swept(text, over, metrics=["params"])
    assert "nested too deeply" in sweep.split[0]
    assert check(sweep, batch, 6) == 6


def test_zipped_knobs_move_together() -> None:
    over = {"width": "16,32,64", "classes": "10,100", "res": [32, 64, 128]}
    sweep, batch = swept("resnet50", over, zipped=[["width", "res"]])
    assert [sweep.space.design(number) for number in range(3)] == [
        {"width": 16, "res": 32, "classes": 10},
        {"width": 16, "res": 32, "classes": 100},
        {"width": 32, "res": 64, "classes": 10},
    ]
    assert check(sweep, batch, 6) == 6


def test_expressions_of_metrics_and_vars_are_told_too() -> None:
    _, batch = swept("resnet50", {"width": "16,64"}, metrics=["macs / params", "2 * macs + width", "width > 20"])
    assert batch.metrics["macs / params"][1] == pytest.approx(4089184256 / 25557032, rel=1e-15)
    assert batch.metrics["2 * macs + width"][1] == 2 * 4089184256 + 64
    assert batch.metrics["width > 20"].tolist() == [0, 1]


def test_options_are_those_of_analyze() -> None:
    _, batch = swept("resnet50", {"res": [224]}, metrics=["flops", "macs"], convention="ptflops", batch=2)
    report = load("resnet50").analyze(convention="ptflops", batch=2)
    assert batch.metrics["flops"].tolist() == [report.totals.flops]
    assert batch.metrics["macs"].tolist() == [report.totals.macs]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_any_range_of_numbers_is_that_part_of_the_whole(data: st.DataObject) -> None:
    """Whatever boxes a range falls into, and though it begins in the middle of them."""
    over = {"width": range(16, 81, 16), "depths[1]": "1..3", "res": "[64, 96]".strip("[]"), "classes": "10,20,30"}
    sweep = load("resnet50").explore(over)
    whole = sweep.batch(0, sweep.space.size)
    start = data.draw(st.integers(0, sweep.space.size - 1))
    stop = data.draw(st.integers(start + 1, sweep.space.size))
    part = sweep.batch(start, stop)
    assert part.number.tolist() == list(range(start, stop))
    assert part.metrics["macs"].tolist() == whole.metrics["macs"][start:stop].tolist()
    for mine, all_of_them, own in zip(part.digits, whole.digits, sweep.space.digits(start, stop), strict=True):
        assert mine.tolist() == all_of_them[start:stop].tolist() == own.tolist()


def test_scattered_designs_are_those_of_the_grid() -> None:
    sweep = load("mobile_nas").explore()
    whole = sweep.batch(0, 6561)
    numbers = np.random.default_rng(3).integers(0, 6561, 500)
    batch = sweep.evaluate([digit[numbers] for digit in sweep.space.digits(0, 6561)])
    for name in sweep.metrics:
        assert batch.metrics[name].tolist() == whole.metrics[name][numbers].tolist()


def test_chunks_cover_the_space_once() -> None:
    sweep = load("resnet_family").explore({"widths[0]": "8..64:8", "depths[0]": "1..7", "res": "32..320:32"})
    for start in (0, 1, 77, sweep.space.size - 1):
        for size in (1, 10, 71, 10_000):
            chunks = list(sweep.chunks(start, size))
            assert [number for first, last in chunks for number in range(first, last)] == list(
                range(start, sweep.space.size)
            )
            assert all(last - first <= size for first, last in chunks)


TRUTHS = """
input: [6, 16, 16]
vars: {b: true, c: false, n: 2, k: 3}
blocks:
  inner:
    args: {bias: false}
    body:
      - conv: {out: 5, kernel: 3, bias: bias}
      - max_pool: {kernel: 2, stride: 2, ceil_mode: bias}
layers:
  - conv: {out: 6, kernel: k, bias: b}
    repeat: n
  - add:
      main: [conv: {out: 6, kernel: 1, bias: not b}]
      skip: []
  - batch_norm: {affine: b}
  - max_pool: {kernel: 2, stride: 2, ceil_mode: c or k > 3}
  - inner: {bias: k == 3}
"""


def test_fields_that_are_true_or_false_vary_in_one_piece() -> None:
    sweep = load(TRUTHS).explore({"b": [True, False], "c": [False, True], "n": [1, 2], "k": [3, 5]})
    assert check(sweep, sweep.batch(0, 16), 16) == 16
    assert not sweep.split


def test_values_beyond_64_bits_are_exact() -> None:
    sweep = load("resnet50").explore({"width": [10**9, 10**9 + 1], "res": [224, 10**6]})
    batch = sweep.batch(0, 4)
    assert batch.metrics["macs"].dtype == object
    assert check(sweep, batch, 4) == 4


def test_a_space_is_described_by_all_that_decides_what_is_found() -> None:
    def print_of(name: str = "resnet50", over: Mapping[str, object] | None = None, **asked: Any) -> str:
        return load(name).explore(over or {"width": "16..64:16"}, **asked).fingerprint

    plain = print_of()
    assert plain == print_of(over={"width": range(16, 65, 16)}) == print_of(over={"width": "16..79:16"})
    others = [
        print_of("resnet101"), print_of(over={"width": "16..64:8"}), print_of(metrics=["macs"]), print_of(sample=3),
        print_of(where=["macs > 1"]), print_of(batch=2), print_of(sample=3, seed=1), print_of(minimize=["params"]),
    ]  # fmt: skip
    assert len({plain, *others}) == 1 + len(others)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"metrics": ["prams"]}, "unknown name 'prams'; did you mean 'params'?"),
        ({"where": ["macs <"]}, "'macs <' is not an expression"),
        ({"where": ["macs + 1"]}, "a condition is true or false"),
        ({"metrics": ["macs and true"]}, "neither true nor false"),
        ({"zipped": [["width", "res"]]}, "'res' is zipped, and not varied"),
    ],
)
def test_what_cannot_be_asked_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises((SpecError, RuleError), match=said):
        load("resnet50").explore({"width": "16..64:16"}, **asked).batch(0, 4)


def test_a_design_without_knobs_to_vary_says_how_to_name_them() -> None:
    design: Design = load("resnet50")
    with pytest.raises(SpecError, match="does not say what to vary; say it in its 'explore', or with --over"):
        design.explore()


def test_a_list_that_depends_on_another_follows_its_items() -> None:
    text = "input: [3, 8, 8]\nvars: {a: [1, 2], b: ['2 * a[0]', 3]}\nlayers:\n"
    text += "  - conv: {out: 'a[0] * b[0]', kernel: 1}\n  - conv: {out: 'b[1]', kernel: 1}\n"
    sweep, batch = swept(text, {"a[0]": "1..3", "b[1]": "5,7"}, metrics=["params", "a[0] * b[0] + b[1]"])
    assert batch.metrics["a[0] * b[0] + b[1]"].tolist() == [2 * a * a + b for a in (1, 2, 3) for b in (5, 7)]
    assert check(sweep, batch, 6) == 6


def test_an_item_that_a_list_does_not_have_is_refused() -> None:
    with pytest.raises(SpecError, match=r"there is no 'depths\[4\]': 'depths' has 4 items"):
        swept("resnet50", {"depths[4]": "1,2"})
    with pytest.raises(SpecError, match=r"there is no 'width\[0\]': 'width' is no list"):
        swept("resnet50", {"width[0]": "1,2"})


def test_a_grid_may_have_more_axes_than_an_array() -> None:
    text = "input: [3, 8, 8]\nvars: {ops: [relu]}\nlayers:\n  - for: op\n    in: ops\n    do: [op]\n"
    over = {"ops": "{each: 70, of: [relu, {conv: {out: 3, kernel: 1}}]}"}
    sweep = load(text).explore(over, metrics=["params"])
    batch = sweep.batch(2**40, 2**40 + 8)
    assert batch.metrics["params"].tolist() == [12 * number.bit_count() for number in range(2**40, 2**40 + 8)]
