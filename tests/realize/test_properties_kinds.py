"""Every property of every layer kind: no proof is broken by torch, every counterexample is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from archtool.algebra.settings import Settings
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layer import Join, find, kinds
from archtool.realize.properties import FAMILIES
from archtool.runs import LayerRun, join_run, layer_run
from archtool.shape import Shape
from archtool.spec.spec import python_value
from tests.realize.properties import found

MOST_ELEMENTS = 400  # of a tensor: small ones are tested in milliseconds
MOST_PARAMS = 10_000


def single(run: LayerRun) -> FlatNetwork:
    """A network of one layer."""
    count = len(run.inputs)
    names = {f"input{index}": shape for index, shape in enumerate(run.inputs)}
    layer = FlatLayer(run.kind, run, tuple(range(count)), count, (run.seen,) * count, run.kind)
    return FlatNetwork(names, [layer], {"output": count})


def runs() -> Iterator[Any]:
    for kind in kinds():
        cls = find(kind)
        for index, example in enumerate(cls.examples):
            if example.input.elements > MOST_ELEMENTS or (example.params or 0) > MOST_PARAMS:
                continue
            fields = {
                key: value if isinstance(value, str | Shape) else python_value(value)
                for key, value in example.fields.items()
            }
            if issubclass(cls, Join):
                yield pytest.param(join_run(cls(), (example.input, example.input)), id=f"{kind}-{index}")
            elif not any(isinstance(value, Shape) and value.elements > MOST_ELEMENTS for value in fields.values()):
                yield pytest.param(layer_run(cls.read(fields), example.input), id=f"{kind}-{index}")


OPTIONS = {
    "mixes_channels": [{"how": how} for how in ("full", "groups", "none")],
    "permutation_equivariant": [{"axis": axis} for axis in ("pixels", "channels")],
}


@pytest.mark.parametrize("run", list(runs()))
def test_structure_and_torch_agree_about_every_kind(run):
    network = single(run)
    for name in FAMILIES:
        if name == "flip_equivariant" and not run.inputs[0].axes:
            continue
        for options in OPTIONS.get(name, [{}]):
            found(name, network, Settings(draws=4), **options)
