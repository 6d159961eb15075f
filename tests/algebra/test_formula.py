"""Formulas of networks: at any numbers they are the integers of `analyze`, and they are what a person can read."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import pytest

from archtool import ArchtoolError, Design, load
from archtool.algebra.formula import Formula
from archtool.algebra.reading import formula
from archtool.analysis.measures import METRICS, measure
from archtool.errors import RuleError, SpecError
from archtool.spec.expressions import compile_expression
from archtool.spec.values import WORK, Allowance

LONGEST_READ = 2000  # characters of an expression


def told(design: Design, of: str) -> dict[str, Any]:
    """What a formula tells, from numbers."""
    if of != "output":
        return {of: measure(of, design, design.run)}
    shape = design.run.output.shape
    names = ("tokens", "channels") if shape.is_tokens else ("channels", "height", "width")
    return dict(zip(names, shape.dims, strict=False))


def drawn(found: Formula, random: Random, first: bool) -> dict[str, int]:
    """Values of a formula's symbols, those of the spec first."""
    values = {}
    for name, domain in found.domains.items():
        usual = found.usual.get(name, 8)
        value = random.choice([domain.low, usual, random.randrange(1, 12), random.randrange(1, 200)])
        value = usual if first else value
        turns = max(0, value - domain.low) // domain.step
        values[name] = min(domain.low + turns * domain.step, domain.high or 10**6)
    return values


def knobs(base: Design, values: dict[str, int]) -> dict[str, Any]:
    """The vars of a design whose symbols have these values."""
    vars = base.spec.block.arguments
    found: dict[str, Any] = {}
    for name, value in values.items():
        listed, _, place = name.partition("_")
        listed = "depths" if listed == "n" else listed
        if name == "m":
            found["res"] = 32 * value
        elif name in vars:
            found[name] = value
        else:
            default = vars[listed]
            assert default is not None
            items = found.setdefault(listed, list(default.evaluate({WORK: Allowance(1000)})))
            items[int(place)] = value
    return found


def check(spec: str, metrics: Iterable[str], symbols: str | None, draws: int, valid: int) -> None:
    """At random values a formula is what analysis says, and refuses just what analysis refuses."""
    base = load(spec)
    random = Random(f"{spec} {symbols}")
    held = 0
    formulas = {of: formula(base, of, symbols) for of in metrics}
    for turn in range(draws):
        values = drawn(formulas["params"], random, turn == 0)
        for of, found in formulas.items():
            own = {name: values.get(name, found.usual.get(name)) for name in found.symbols}
            try:
                design = load(spec, **knobs(base, own))
                expected = told(design, of)
            except ArchtoolError:
                if of != "output":
                    with pytest.raises(RuleError, match="no valid network"):
                        found.at(**own)
                continue
            assert {name: closed.at(**own) for name, closed in found.totals.items()} == expected, own
            if of != "output":
                assert found.at(**own) == expected[of]
            for name, closed in found.totals.items():
                if len(text := str(closed)) < LONGEST_READ:
                    assert compile_expression(text, own, ()).evaluate({**own, WORK: Allowance(1000)}) == expected[name]
            held += 1
    assert held >= valid


@pytest.mark.parametrize(
    ("spec", "symbols"),
    [
        ("resnet50", "width, n, res"),
        ("resnet50", "width, n, res=32*m"),
        ("resnext50_32x4d", None),
        ("vgg16", "widths, n, res, classes"),
        ("depthwise_separable", None),
        ("bottleneck", "channels, mid, stride, res"),
        ("inverted_residual", "channels, out, expand, kernel=odd 1..7, stride=1..3, res"),
        ("squeeze_excite", None),
    ],
)
def test_at_random_designs_a_formula_is_what_analysis_says(spec: str, symbols: str | None) -> None:
    check(spec, [*METRICS, "output"], symbols, draws=6, valid=10)


@pytest.mark.parametrize(
    "spec",
    [
        "alexnet", "squeezenet", "googlenet", "mobilenet_v1", "mobilenet_v2", "densenet121", "vit_b_16", "swin_t",
        "efficientnet_b0", "unet", "convnext_tiny", "siamese", "aspp", "eca", "attention_written_out",
    ],
)  # fmt: skip
def test_formulas_of_the_zoo_in_their_own_vars(spec: str) -> None:
    check(spec, ["params", "macs", "activations", "receptive_field", "output"], None, draws=3, valid=1)


def test_resnet50_is_four_terms() -> None:
    found = formula(load("resnet50"), "macs", "width, n, res=32*m")
    assert str(found.total) == (
        "1088*width**2*m**2*(n_0 + n_1 + n_2 + n_3) + 2368*width**2*m**2 + 37632*width*m**2 + 32000*width"
    )
    assert found.at(width=64, n_0=3, n_1=4, n_2=6, n_3=3, m=7) == 4_089_184_256
    assert found.symbols == ("width", "n_0", "n_1", "n_2", "n_3", "m")
    assert found.assumptions == ("width, n_0, n_1, n_2, n_3, m >= 1", "res = 32*m")
    assert found.fixed == {"widen": 1, "groups": 1, "classes": 1000}


def test_the_blocks_are_the_total() -> None:
    found = formula(load("resnet50"), "params", "width, n")
    values = {"width": 48, "n_0": 2, "n_1": 5, "n_2": 1, "n_3": 9}
    assert sum(row.turns.at(**values) * row.each.at(**values) for row in found.blocks) == found.at(**values)
    turns = {row.name: str(row.turns) for row in found.blocks}
    assert (turns["stage.2.block.0"], turns["stage.2.block.1"]) == ("1", "n_2 - 1")


def test_floors_stay_where_they_must_and_go_where_they_can() -> None:
    found = formula(load("resnet18"), "activations", "res")
    assert "ceil(res/32)**2" in str(found.total)
    ((condition, totals),) = found.special.items()
    assert condition == "res is a multiple of 32"
    assert str(totals["activations"]) == str(formula(load("resnet18"), "activations", "res=32..:32").total)
    assert totals["activations"].at(res=224) == found.at(res=224)
    assert formula(load("resnet18"), "activations", "res=32*m").special == {}


def test_a_stage_is_one_field() -> None:
    """He et al. 2015: a bottleneck's 3x3 adds two strides, and a network's field is 427 at the usual depths."""
    found = formula(load("resnet50"), "receptive_field", "n, res=32*m")
    assert str(found.total) == "8*(n_0 + 2*n_1 + 4*n_2) + (64*n_3 - 45 if m > 1 else 19)"
    assert found.at(n_0=3, n_1=4, n_2=6, n_3=3, m=7) == 427


def test_memory_is_what_is_alive_at_the_peak() -> None:
    found = formula(load("resnet50"), "memory", "width, n, res=32*m")
    assert str(found.total) == "12288*m**2 + max(128*width + 4000, 3072*width*m**2)"
    assert found.at(width=64, n_0=3, n_1=4, n_2=6, n_3=3, m=7) == load("resnet50").memory().live


def test_groups_divide() -> None:
    found = formula(load("resnext50_32x4d"), "params", "width, widen, groups")
    assert "groups divides width*widen" in found.assumptions
    assert "2763*width**2*widen**2/groups" in str(found.total)
    with pytest.raises(RuleError, match="groups divides width\\*widen"):
        found.at(width=64, widen=1, groups=48)


def test_a_block_by_itself() -> None:
    found = formula(load("resnet50"), "params", None, block="bottleneck")
    assert found.symbols[:4] == ("mid", "c", "h", "w")
    assert formula(load("resnet50"), "params", "stride=1..1", block="bottleneck").at(mid=64, c=256, h=1, w=1) == 70_400
    with pytest.raises(SpecError, match="no block 'bottelneck'; did you mean 'bottleneck'"):
        formula(load("resnet50"), "params", None, block="bottelneck")


def test_sizes_of_the_input() -> None:
    found = formula(load("resnet50"), "output", "c, h, w")
    assert found.symbols == ("c", "h", "w")
    behind = {row.name: [str(form) for form in row.forms.values()] for row in found.blocks}
    assert behind["stage.1.block.0"] == ["512", "ceil(h/8)", "ceil(w/8)"]
    assert str(formula(load("attention_written_out"), "macs", "n").total) == "1536*n*(n + 1536)"
    with pytest.raises(RuleError, match="several totals"):
        formula(load("unet"), "output", "res").total  # noqa: B018 - raises


def test_what_a_spec_gives_is_a_domain() -> None:
    found = formula(load("order", "P"), "macs", "k, c_in")
    assert found.domains["k"].step == 2
    with pytest.raises(RuleError, match="not a value that the formula is for"):
        found.at(k=2, c_in=3)
    with pytest.raises(RuleError, match="k needs a value"):
        found.at(c_in=3)


def test_a_var_that_was_set_keeps_its_value() -> None:
    design = load("bottleneck", channels=128)
    assert "channels" not in formula(design, "params").symbols
    assert formula(design, "params", "mid, out=channels").symbols == ("mid",)
    assert formula(load("bottleneck"), "params", "mid, out=channels").symbols == ("mid", "channels")


@pytest.mark.parametrize(
    ("spec", "symbols", "reason"),
    [
        (
            "resnet50",
            "widht",
            "'widht' is neither a var of 'resnet50', nor a loop's, nor a size of the input; did you mean",
        ),
        ("resnet50", "width, width", "'width' is named twice"),
        ("resnet50", "depths, depths[0]", "'depths[0]' is named twice"),
        ("resnet50", "n, depths", "named twice"),
        ("resnet50", "h, height", "'height' is named twice: it is the input's height"),
        ("resnet50", "block", "'block' is the step 'bottleneck', which no symbol can stand for"),
        ("resnet50", "depths[7]", "'depths[7]' is not there: depths is [3, 4, 6, 3]"),
        ("resnet50", "i", "'i' runs through values of 'zip(range(4), depths)'; name depths instead"),
        ("mobilenet_v2", "expand", "'expand' runs through values of '[...]', that no var sets"),
        ("swin_t", "window", "'window' can't be a symbol here: "),
        ("resnet50", "width=9..3", "width: the range 9..3 is empty"),
        ("resnet50", "width=", "not 'width='"),
        ("resnet50", "res=32*", "res=32*: '32*' is not an expression"),
        ("resnet50", "res=32*res", "'res' can't be written in itself"),
        ("resnet50", "", "--in takes names"),
        ("resnet50", "c=[1, 2]", "c: [1, 2] is not a whole number"),
    ],
)
def test_refusals(spec: str, symbols: str, reason: str) -> None:
    with pytest.raises(SpecError) as error:
        formula(load(spec), "macs", symbols)
    assert reason in str(error.value)


def test_what_is_no_metric_is_refused() -> None:
    with pytest.raises(RuleError, match="'mac' is not what a formula tells; did you mean 'macs'"):
        formula(load("resnet50"), "mac")
