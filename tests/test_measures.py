"""The metrics as one number each: on numbers the report's own, on expressions the same at every design."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from archtool import ArchtoolError, load
from archtool.analysis.catalog import shipped_designs
from archtool.analysis.measures import METRICS, Measures, measure
from archtool.analysis.operations.conventions import names
from archtool.analysis.options import Options
from archtool.codegen import to_numpy
from archtool.design import Design
from archtool.errors import RuleError, SpecError, Untraceable
from archtool.size import Ratio
from archtool.spec.spec import METRICS as EXPECTED
from archtool.trace import Trace
from tests.test_traced_network import CASES, every, small

Ranges = Mapping[str, tuple[int, ...]]  # knob -> low, high and perhaps a step, as for Trace.symbol

MOBILE_NAS = Path(__file__).parents[1] / "specs" / "spaces" / "mobile_nas.yaml"
VARYING: Mapping[str, Ranges] = {
    "resnet50": {"width": (8, 128, 8), "res": (32, 320)},
    "vgg16": {"res": (32, 300), "classes": (1, 1000)},
    "squeezenet": {"stem": (8, 96), "res": (32, 250)},
    "mobilenet_v2": {"res": (32, 300), "classes": (1, 100)},
    "efficientnet_b0": {"res": (32, 300)},
    "densenet121": {"res": (32, 300), "classes": (1, 1000)},
    "vit_b_16": {"width": (12, 240, 12), "heads": (1, 12), "res": (32, 128)},
    "swin_t": {"width": (9, 96, 3), "classes": (1, 1000)},
    "transformer_base": {"width": (8, 512, 8), "source_tokens": (1, 40), "target_tokens": (1, 40)},
    "depthwise_separable": {"channels": (1, 64), "out": (1, 64), "kernel": (1, 9), "stride": (1, 3), "res": (9, 20)},
}


def designs(ranges: Ranges, count: int) -> list[dict[str, int]]:
    random = Random(11)
    return [
        {name: random.randrange(low, high + 1, *step) for name, (low, high, *step) in ranges.items()}
        for _ in range(count)
    ]


def at(numbers: Sequence[Any], points: Sequence[Mapping[str, int]], ranges: Ranges) -> list[tuple[Any, ...]]:
    """What traced numbers are at some designs, by the generated numpy code."""
    parts = [part for each in numbers for part in (each if isinstance(each, Ratio) else (each, 1))]
    sizes = [part if not isinstance(part, Fraction) else part.numerator for part in parts]
    columns = to_numpy(sizes)({name: [point[name] for point in points] for name in ranges})
    table = np.broadcast_arrays(np.zeros(len(points), dtype=int), *columns)[1:]
    over = [each.denominator if isinstance(each, Fraction) else 1 for each in parts]
    values = [[Fraction(int(value), d) for value in column] for column, d in zip(table, over, strict=True)]
    pairs = zip(values[::2], values[1::2], strict=True)
    return list(zip(*[[n / d for n, d in zip(*pair, strict=True)] for pair in pairs], strict=True))


Given = Callable[[Mapping[str, Any]], dict[str, Any]]


def check(
    name: str,
    ranges: Ranges,
    metrics: Iterable[str],
    options: Options,
    points: int | Sequence[Mapping[str, int]] = 6,
    given: Given = dict,
) -> None:
    """Traced once, the metrics are at each design what its own evaluation says; `given` makes vars of knobs."""
    design = load(name)
    trace = Trace()
    run = design.evaluate(given({knob: trace.symbol(knob, *of) for knob, of in ranges.items()}), trace=trace)
    stated = list(trace.problems)
    measures = Measures(run, options, design.spec.functional)
    points = designs(ranges, points) if isinstance(points, int) else points
    table = at([measures.of(metric) for metric in metrics], points, ranges)
    assert trace.problems == stated, "a metric states no rule"
    found = 0
    for point, row in zip(points, table, strict=True):
        try:
            own = design.evaluate(given(point))
        except ArchtoolError:
            continue
        assert dict(zip(metrics, row, strict=True)) == {
            metric: measure(metric, design, own, options) for metric in metrics
        }
        found += 1
    assert found


@pytest.mark.parametrize("name", VARYING)
def test_at_every_design_a_traced_metric_is_the_designs_own(name: str) -> None:
    check(name, VARYING[name], METRICS, Options(batch=3, dtype="bfloat16"))


@pytest.mark.parametrize("convention", names())
@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2", "vit_b_16", "transformer_base", "depthwise_separable"])
def test_flops_under_every_convention(name: str, convention: str) -> None:
    check(name, VARYING[name], ["flops"], Options(batch=2, convention=convention), 3)


@pytest.mark.parametrize("name", ["resnet50", "mobilenet_v2", "efficientnet_b0", "depthwise_separable", "unet"])
def test_exact_padding(name: str) -> None:
    check(name, {"unet": {"res": (188, 256, 4)}, **VARYING}[name], ["macs", "flops"], Options(exact_padding=True))


SLIDING = "input: [2, n, n]\nvars: {n: 9, k: 3, s: 1, p: 1, d: 1}\nlayers: [%s: {out: 4, kernel: k, stride: s, %s}]\n"


@pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
def test_exact_padding_where_all_of_a_kernel_varies(kind: str) -> None:
    fields = "padding: p, dilation: d" if kind == "conv" else "padding: 'min(p, k - 1)'"
    ranges = {"n": (1, 12), "k": (1, 5), "p": (0, 4)} | ({"s": (1, 3), "d": (1, 3)} if kind == "conv" else {})
    check(SLIDING % (kind, fields), ranges, ["macs"], Options(exact_padding=True), 60)


def test_exact_padding_of_a_kernel_without_bounds_is_refused_by_name() -> None:
    trace = Trace()
    design = load(SLIDING % ("conv", "padding: p"))
    run = design.evaluate({"k": trace.symbol("k")}, trace=trace)
    with pytest.raises(Untraceable, match="kernel"):
        Measures(run, Options(exact_padding=True)).of("macs")


@pytest.mark.parametrize("design", [design for _, design in shipped_designs()], ids=lambda design: design.name)
def test_on_numbers_they_are_the_reports(design: Design) -> None:
    options = Options(batch=5, dtype="float16", acts="conv", convention="fvcore")
    totals = design.analyze(batch=5, dtype="float16", acts="conv", convention="fvcore").totals
    found = {metric: measure(metric, design, design.run, options) for metric in METRICS}
    assert found["params"] == totals.params
    assert found["macs"] == totals.macs
    assert found["flops"] == totals.flops == design.flops("fvcore", batch=5).totals[0]
    assert found["activations"] == totals.activations
    assert found["weight_bytes"] == totals.bytes["params"]
    assert found["activation_bytes"] == totals.bytes["activations"]
    memory = design.memory(batch=5, dtype="float16")
    assert (found["peak_memory"], found["total_memory"]) == (memory.live, memory.peak)
    seen = totals.receptive_field
    assert seen is not None
    assert found["receptive_field"] == max(seen.size, default=1)
    assert found["stride"] == max(seen.stride, default=0)


def test_what_the_spec_expects_is_a_metric() -> None:
    assert set(EXPECTED) - {"output"} <= set(METRICS)


# --- memory ------------------------------------------------------------------------------------------------------

MEMORY = ["peak_memory", "total_memory"]
WAYS = {
    "inference": Options(batch=2, dtype="float16"),
    "in place": Options(batch=2, in_place=True),
    "training": Options(mode="training", optimizer="adam"),
    "training in place": Options(mode="training", in_place=True),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", VARYING)
def test_memory_where_sizes_vary(name: str, way: str) -> None:
    check(name, VARYING[name], MEMORY, WAYS[way], 4)


@pytest.mark.parametrize("way", [way for way in WAYS if "training" not in way])
@pytest.mark.parametrize("case", CASES)
def test_memory_where_the_layers_vary(case: str, way: str) -> None:
    ranges = {"c": (1, 9), "n": (1, 4)}
    check(small(CASES[case]), ranges, MEMORY, WAYS[way], every(ranges))


LAST_USES = """
  - conv: {out: 4, kernel: 1}
  - if: c > 4
    then: [conv: {out: 2 * c, kernel: 1}]
  - if: c <= 4
    then: [conv: {out: 3, kernel: 3}]
    else: [relu, conv: {out: 5, kernel: 3}]
"""
ONE_TURN = "  - conv: {out: c, kernel: 3, padding: 1}\n    repeat: n - 1\n  - relu\n"


@pytest.mark.parametrize("way", [way for way in WAYS if "training" not in way])
@pytest.mark.parametrize("body", [LAST_USES, ONE_TURN])
def test_memory_of_what_some_designs_take_last(body: str, way: str) -> None:
    ranges = {"c": (1, 9), "n": (1, 2)}
    check(small(body), ranges, MEMORY, WAYS[way], every(ranges))


@pytest.mark.parametrize("way", [way for way in WAYS if "training" not in way])
def test_memory_where_depths_vary(way: str) -> None:
    ranges = {"width": (8, 64, 8), "res": (32, 128), "a": (1, 4), "b": (0, 3), "c": (1, 9), "d": (0, 2)}
    check("resnet50", ranges, MEMORY, WAYS[way], 12, lambda at: {**at, "depths": tuple(at[stage] for stage in "abcd")})


@pytest.mark.parametrize("way", [way for way in WAYS if "training" not in way])
def test_memory_over_a_space_of_choices(way: str) -> None:
    """All of 3^8 designs in one piece; some of them one by one."""
    options = WAYS[way]
    asked = {"batch": options.batch, "dtype": options.dtype, "in_place": options.in_place}
    sweep = load(str(MOBILE_NAS)).explore(metrics=MEMORY, **asked)
    found = sweep.batch(0, sweep.space.size)
    for number in Random(5).sample(range(sweep.space.size), 12):
        ops = [step.word for step in sweep.space.design(number).values()]
        memory = load(str(MOBILE_NAS), ops=f"[{', '.join(ops)}]").memory(**asked)
        assert (memory.live, memory.peak) == tuple(int(found.metrics[name][number]) for name in MEMORY)


@pytest.mark.parametrize(
    ("name", "depths", "expected"),
    [
        ("vgg16", None, lambda width, res: 4 * (3 + 64 + 64) * res * res),  # the image, conv1_1 and conv1_2
        *(
            ("resnet50", depths, lambda width, res: 12 * res * res + 48 * width * ((res + 3) // 4) * ((res + 3) // 4))
            for depths in ((3, 4, 6, 3), (3, 400, 6000, 3))
        ),
    ],
)
def test_a_peak_in_closed_form(name: str, depths: tuple[int, ...] | None, expected: Callable[[Any, Any], Any]) -> None:
    """Sums that are never the greatest are left out, so that one is left: whatever the depth."""
    trace = Trace()
    width, res = trace.symbol("width", 8, 128, 8), trace.symbol("res", 32, 320)
    given = {"res": res} if depths is None else {"width": width, "res": res, "depths": depths}
    peak = Measures(load(name).evaluate(given, trace=trace)).of("peak_memory")
    assert peak is expected(width, res)


def test_a_name_that_is_none_is_refused_with_the_nearest() -> None:
    with pytest.raises(RuleError, match=r"'parms' is not a metric; did you mean 'params'?"):
        Measures(load("lenet5").run).of("parms")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batch": 0}, "batch"),
        ({"dtype": "float31"}, "did you mean 'float3"),
        ({"acts": "some"}, "acts is"),
        ({"mode": "train"}, "did you mean 'training'"),
        ({"optimizer": "adamx"}, "did you mean 'adam"),
        ({"mode": "training", "dtype": "int8"}, "is not one that networks are trained in"),
        ({"convention": "fvcor"}, "did you mean 'fvcore'"),
    ],
)
def test_options_are_checked(options: dict[str, Any], said: str) -> None:
    with pytest.raises((RuleError, SpecError), match=said):
        Options(**options)


def test_prices_that_are_no_whole_numbers_stay_exact(tmp_path) -> None:
    path = tmp_path / "thirds.yaml"
    path.write_text("about: thirds\nunit: flops\nweights: {conv.macs: 1/3, activation: 0.5}\n")
    ranges = {"res": (32, 64), "width": (8, 32, 8)}
    check("resnet50", ranges, ["flops"], Options(convention=path))
    macs, relus = (load("lenet5").run.cost.operations[term] for term in ("conv.macs", "activation"))
    design = load("lenet5")
    assert measure("flops", design, design.run, Options(convention=path)) == Fraction(macs, 3) + Fraction(relus, 2)


def test_a_cross_attention_to_its_own_input_projects_it_twice_in_every_evaluation() -> None:
    """Its keys are another projection than those of an equal tensor, and no other where it is that very tensor."""
    text = "inputs: {x: {tokens: 4, channels: 1}, y: {tokens: 4, channels: 1}}\nlayers:\n"
    text += "  - cross_attention: {heads: 1, context: %s}\n"
    own, other = (load(text % name) for name in ("x", "y"))
    told = [measure("peak_memory", own, own.evaluate({}), Options(mode="training")) for _ in range(3)]
    assert told == [measure("peak_memory", other, other.run, Options(mode="training"))] * 3


def test_a_layer_of_some_designs_alone_may_write_over_what_others_share() -> None:
    """Where the other alternative is never valid, no tensor is one of two, and what it holds has an open condition."""
    text = (
        "input: [6, 8, 8]\nvars: {q: 2, w: 4}\nlayers:\n  - if: q > 1\n    then: [identity]\n    else:\n      - relu\n"
    )
    text += "      - do: [pointwise_conv: {out: w, stride: 3}, max_pool: {kernel: 3}]\n        repeat: 6\n  - silu\n"
    sweep = load(text).explore({"q": "1/4, 2", "w": "1..2"}, metrics=["peak_memory"], in_place=True)
    batch = sweep.batch(0, 4)
    assert (batch.problem == 0).tolist() == [False, False, True, True]
    assert set(batch.metrics["peak_memory"][2:]) == {load(text).memory(in_place=True).live}
