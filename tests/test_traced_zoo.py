"""Every shipped design on random values of its vars: ints, generated numpy and closed forms say the same.

`python -m benchmarks agreement` does so with 10,000 designs.
"""

from __future__ import annotations

from random import Random

import pytest

from archtool.analysis.catalog import shipped_designs
from archtool.design import Design
from benchmarks.agreement import Disagreement, Traced, check, knobs_of, traced

DESIGNS = [pytest.param(each.design, id=f"{each.file}-{each.design.name}") for each in shipped_designs()]
DEPTHS_OF_REPVGG = tuple(f"depths[{stage}]" for stage in range(5))
# What has to be fixed while all else varies, by the spec's name, and why: only there is the space of designs split.
MUST_BE_FIXED = {
    "regnet": {"d", "w_0", "w_a", "w_m"},  # the logarithm of a width, rounded, and which widths are then different
    "attention_written_out": {"heads", "width"},  # a square root
    "eca": {"channels"},  # a logarithm
    "swin": {"window", "res", "depths[0]"},  # the period of what is seen of the image
    "fpn": {"res"},  # upsampled to a size that is no fixed multiple: the period of what is seen
    "deeplab_v3": {"res"},  # as above
    "repvgg": set(DEPTHS_OF_REPVGG),  # loops over ranges: each block is named
    "unet": {"levels"},  # as above
    "wavenet": {"depth", "stacks"},  # as above
}
SYMPY = ("resnet50", "bottleneck", "densenet121", "vit_b_16", "mobilenet_v1_100_224", "order", "unet")


@pytest.mark.parametrize("design", DESIGNS)
def test_all_readings_agree(design: Design) -> None:
    one = traced(design)
    assert set(one.fixed) <= MUST_BE_FIXED.get(design.spec.name, set())
    assert len(one.knobs) + len(one.fixed) == len(knobs_of(design))
    spent = check(one, 6, 2, 1 if design.name in SYMPY else 0, Random(design.name))
    assert spent.valid >= 1


def test_almost_all_that_can_vary_does() -> None:
    every = [traced(each.design) for each in shipped_designs() if each.file.startswith("blocks/")]
    assert sum(len(one.knobs) for one in every) > 5 * sum(len(one.fixed) for one in every) > 0


def test_a_reading_that_differs_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    (design,) = [each.design for each in shipped_designs(["mlpconv"]) if each.design.name == "mlpconv"]
    one = traced(design)
    name, told = next(iter(one.outputs.items()))
    wrong: Traced = one._replace(outputs={**one.outputs, name: told._replace(size=told.size + 1)})
    with pytest.raises(Disagreement, match=f"mlpconv at .*: {name} is "):
        check(wrong, 5, 0, 0, Random(0))
