"""Every shipped spec in every design, held against torch: sizes, parameters, multiply-adds and receptive fields.

What layers see is measured once for each structure: designs of the same layers differ in their widths, sizes and depths
alone. `archtool zoo --verify` measures them all, which takes minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from archtool import Design, load
from archtool.analysis.catalog import shipped_designs
from archtool.realize.fields import measure

AXES = {1: ("length",), 2: ("height", "width"), 3: ("depth", "height", "width")}


def shipped() -> list[Any]:
    """Every design, and whether an earlier one is made of the same layers, by their kinds and what each one sees."""
    found, known = [], set()
    for file, design in shipped_designs():
        structure = frozenset((layer.run.kind, layer.run.field, len(layer.sources)) for layer in design.flat().layers)
        found.append(pytest.param(design, structure in known, id=f"{file}-{design.name}"))
        known.add(structure)
    return found


@pytest.mark.parametrize(("design", "is_known"), shipped())
def test_torch_agrees_in_everything(design: Design, is_known: bool):
    """On a real device, and for a structure that was measured already, counted on meta."""
    verification = design.verify("meta" if is_known else "cpu")
    assert verification.differences == ()
    if not is_known:
        assert verification.notes == ()
    assert {(row.name, row.what) for row in verification.rows} == set(compared(design, is_known))


def compared(design: Design, on_meta: bool) -> Iterator[tuple[str, str]]:
    """Every quantity of every layer; along its axes, of the inputs that it depends on."""
    inputs = design.inputs
    for layer in design.flat().layers:
        yield from ((layer.name, what) for what in ("params", "macs", "output"))
        if on_meta:
            continue
        yield layer.name, "output on cpu"
        for (name, shape), field in zip(inputs.items(), layer.fields, strict=True):
            of = f" of {name}" if len(inputs) > 1 else ""
            axes = ("tokens",) if shape.is_tokens else AXES[len(shape.axes)]
            yield from ((layer.name, what + of) for what in ("sees", *(axes if field else ())))


PUBLISHED = {"resnet50": 427, "resnet50_v1": 483, "resnet101_v1": 1027, "vgg16": 212, "alexnet": 195}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_measured_field_is_the_published_one(name):
    """The sizes that tests/published/whole_fields.json and receptive_fields.json have, with their sources."""
    rows = measure(load(name).flat(), torch.device("cpu")).rows
    _, low, high = [row.measured for row in rows if row.what == "width"][-1]
    assert high - low + 1 == PUBLISHED[name]


def test_meta_counts_without_memory():
    verification = load("vgg19").verify("meta")
    assert verification.ok
    assert {row.what for row in verification.rows} == {"params", "macs", "output"}
    assert verification.notes == ("receptive fields not measured: the meta device has no numbers",)


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_dtypes(dtype):
    verification = load("lenet5").verify("cpu", dtype)
    assert verification.ok
    assert verification.dtype == dtype
