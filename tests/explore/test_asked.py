"""What is asked to be explored, as a spec and as a command line say it; and the spaces that this makes."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from archtool import load
from archtool.errors import SpecError
from archtool.explore.asked import asked, commas
from archtool.explore.describe import written
from archtool.explore.space import BLOCK, Axis, Knob, Sample, Space
from archtool.spec.reader import read_text
from archtool.spec.spec import Spec

SPEC = """
input: [3, 8, 8]
vars: {width: 8, depths: [1, 2], act: relu, on: true}
layers: [conv: {out: width, kernel: 1}, act]
explore:
  over:
    width: 8..16:4
    depths[1]: [2, 4]
    act: [relu, gelu]
    on: [true, false]
  zip: [act, on]
  where: width < 16
  minimize: [macs, params / 2]
  maximize: receptive_field
  sample: {count: 5, seed: 3}
"""


def spec_of(text: str) -> Spec:
    return Spec(read_text(text, "net.yaml"))


def space_of(over: dict[str, object], **words: Any) -> Space:
    return asked(load("resnet50").spec, over, **words).space


def test_a_spec_says_what_to_explore() -> None:
    found = asked(spec_of(SPEC))
    assert found.space.lengths == (3, 2, 2)
    assert [knob.name for axis in found.space.axes for knob in axis.knobs] == ["width", "depths[1]", "act", "on"]
    assert found.space.sample == Sample(count=5, seed=3)
    assert (found.where, found.minimize, found.maximize) == (
        ("width < 16",), ("macs", "params / 2"), ("receptive_field",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            "{conv: {out: x.channels, kernel: 1}}",
            "this can't depend on the input; make the step a block, which can see",
        ),
        ("{conv: {out: 2 * width, kernel: 1}}", "this can't depend on the var 'width'; make the step a block, which"),
        ("width", "this can't depend on the var 'width'; write a number"),
        ("2 * width + x.channels", "this can't depend on the var 'width'; write a number"),
        ("x.channels", "this can't depend on the input; write a number"),
        ("widht", "unknown word 'widht'"),
    ],
)
def test_what_varies_depends_on_nothing(values: str, reason: str) -> None:
    text = SPEC.replace("[relu, gelu]", f"[relu, {values}]")
    with pytest.raises(SpecError, match=rf"^net.yaml:9:17: {re.escape(reason)}"):
        asked(spec_of(text))
    with pytest.raises(SpecError, match=re.escape(reason)):
        space_of({"width": values}) if "conv" not in values else asked(spec_of(SPEC), {"act": f"relu, {values}"})


def test_a_block_that_is_named_sees_its_input() -> None:
    text = SPEC.replace("[relu, gelu]", "[relu, same]").replace(
        "\nlayers", "\nblocks: {same: {body: [conv: {out: input.channels, kernel: 1}]}}\nlayers"
    )
    assert [str(value) for value in asked(spec_of(text)).space.axes[2].knobs[0].values] == [
        "the step 'relu'", "the step 'same'",
    ]  # fmt: skip


def test_a_command_line_replaces_what_a_spec_says() -> None:
    found = asked(spec_of(SPEC), {"width": "1,2"}, where=["width > 1"], minimize=["params"])
    assert [axis.knobs[0].values for axis in found.space.axes] == [(1, 2)]
    assert found.space.sample is None
    assert found.where == ("width < 16", "width > 1")
    assert (found.minimize, found.maximize) == (("params",), ("receptive_field",))
    assert asked(spec_of(SPEC), sample=7, seed=1).space.sample == Sample(count=7, seed=1)


@pytest.mark.parametrize(
    ("domain", "values"),
    [
        ("1..5", [1, 2, 3, 4, 5]),
        ("16..40:8", [16, 24, 32, 40]),
        ("odd 2..7", [3, 5, 7]),
        ("even 1..4", [2, 4]),
        ("1, 2,4", [1, 2, 4]),
        ("3", [3]),
        ("1/2, 0.25, 2", [Fraction(1, 2), Fraction(1, 4), 2]),
        ("[1, 2], [3, 4]", [(1, 2), (3, 4)]),
        (range(2, 9, 3), [2, 5, 8]),
        ([1, 0.5], [1, Fraction(1, 2)]),
        (["2 * 3", 4], [6, 4]),
    ],
)
def test_domains(domain: object, values: list[Any]) -> None:
    (axis,) = space_of({"width": domain}).axes
    assert list(axis.knobs[0].values) == values


def test_a_choice_for_each_item_makes_a_list() -> None:
    space = asked(load("mobile_nas").spec).space
    assert [knob.name for knob in space.knobs] == [f"ops[{index}]" for index in range(8)]
    assert {knob.among for knob in space.knobs} == {8}
    assert [written(value) for value in space.knobs[0].values] == ["identity", "mbconv3", "mbconv5"]
    assert space.size == 3**8


@pytest.mark.parametrize(
    ("over", "said"),
    [
        ({"widht": "1..2"}, "has no var 'widht' to vary; did you mean 'width'?"),
        ({"width": "5..2"}, "the range 5..2 is empty"),
        ({"width": ""}, "the domain of 'width' is empty"),
        ({"width": []}, "the domain of 'width' is empty"),
        ({"width": "1.."}, "the range 1.. has no end"),
        ({"width": "foo"}, "unknown word 'foo'"),
        ({"width": 5}, "is not a domain"),
        ({"width": "res * 2"}, "this can't depend on the var 'res'; write a number"),
        ({"depths": "[1,2,3,4],[3,4,6,3]", "depths[0]": "1..2"}, "'depths' is varied twice"),
        ({"a b": "1"}, "'a b' is no knob"),
        ({"width": "{each: 8}"}, "the choice 'width' needs 'of'"),
        ({"width": "{each: 0, of: [1]}"}, "'each' is a whole number from 1"),
        ({"width": "99999999999999999999..199999999999999999999"}, "does not fit into 64 bits"),
    ],
)
def test_what_is_no_domain_is_refused(over: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said.replace("?", r"\?").replace("*", r"\*")):
        space_of(over)


@pytest.mark.parametrize(
    ("zipped", "said"),
    [
        ([["width", "res"]], "width has 2, res has 3"),
        ([["width", "classes"], ["width", "classes"]], "'width' is zipped twice"),
        ([["width", "height"]], "'height' is zipped, and not varied"),
    ],
)
def test_zips_need_as_many_values_each(zipped: list[list[str]], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        space_of({"width": "1,2", "res": "32,64,96", "classes": "1,2"}, zipped=zipped)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("  over: {widht: 1..2}", r"net.yaml:6:10: there is no var 'widht' to vary; did you mean 'width'\?"),
        ("  over: {width: 4..2}", "net.yaml:6:17: the range 4..2 is empty"),
        ("  over: {width: 1..2}\n  sample: {count: 0}", "net.yaml:7:19: 'count' of a sample is a whole number"),
        ("  over: {width: 1..2}\n  sample: {cuont: 5}", "net.yaml:7:12: 'sample' has 'count' and 'seed'"),
        ("  over: {width: 1..2}\n  zip: width", "net.yaml:7:8: 'zip' is a list of knobs"),
        ("  over: {width: 1..}", "net.yaml:6:17: the range 1.. has no end"),
        ("  over: {width: 1..2}\n  minimise: macs", "net.yaml:7:3: 'explore' has no 'minimise'"),
    ],
)
def test_slips_in_a_spec_are_located(line: str, said: str) -> None:
    text = SPEC[: SPEC.index("  over:")] + line
    with pytest.raises(SpecError, match=said):
        asked(spec_of(text))


@pytest.mark.parametrize(
    "drawn", [{"sample": 0}, {"sample": 2**63}, {"sample": 3, "seed": -1}, {"sample": 3, "seed": 2**63}]
)
def test_samples_of_numbers_that_are_none_are_refused(drawn: dict[str, int]) -> None:
    with pytest.raises(SpecError, match="of a sample is a whole number of at least"):
        space_of({"width": "1..9"}, **drawn)


def test_a_space_is_never_made_before_it_is_asked_for() -> None:
    space = space_of({"width": "1..1000000000000", "classes": "1..1000000"})
    assert space.size == 10**18
    assert space.design(10**18 - 1) == {"width": 10**12, "classes": 10**6}
    assert space.design(10**6) == {"width": 2, "classes": 1}


def test_samples_are_drawn_the_same_in_any_parts() -> None:
    axes = tuple(Axis(knobs=(Knob(name=name, values=range(length)),)) for name, length in (("a", 7), ("b", 10**15)))
    space = Space(axes=axes, sample=Sample(count=3 * BLOCK, seed=5))
    whole = space.digits(0, space.size)
    for start, stop in ((0, 1), (10, BLOCK), (BLOCK - 3, BLOCK + 3), (BLOCK + 1, 3 * BLOCK)):
        for part, all_of_them in zip(space.digits(start, stop), whole, strict=True):
            assert np.array_equal(part, all_of_them[start:stop])
    assert set(whole[0].tolist()) == set(range(7))
    assert 0.48 < whole[1].mean() / 10**15 < 0.52
    other = Space(axes=axes, sample=Sample(count=9, seed=6)).digits(0, 9)
    assert not np.array_equal(other[1], whole[1][:9])


def test_values_as_a_spec_has_them() -> None:
    spec = spec_of("input: [3, 8, 8]\nlayers: [relu]\nblocks: {mb: {args: {e: 1}, body: [relu]}}")
    for text in (
        "24",
        "0.5",
        "-0.125",
        "1/3",
        "true",
        "same",
        "[3, 4]",
        "relu",
        "{mb: {e: 6}}",
        "[relu, {mb: {e: 0.5}}]",
    ):
        document = read_text(f"value: {text}", "value")
        assert written(spec.value(document.root.entries["value"][1], document)) == text


def test_texts_are_taken_apart_at_commas_outside_brackets() -> None:
    assert commas("macs, max(params, 5) , [a, b][0],") == ["macs", "max(params, 5)", "[a, b][0]"]
