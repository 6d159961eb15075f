"""Shifted, reordered, mirrored and turned inputs: what structure proves is what torch does."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from archtool.errors import ArchtoolError
from archtool.layer import find, kinds
from archtool.runs import LayerRun
from archtool.shape import Shape
from tests.algebra.rearranging import check_rearranged, check_shifts, network, network_of
from tests.realize.test_random_networks import ADAPTED, LAYER, MOVED, PHASES, TOKENS, WINDOWED, joins
from tests.test_layers import example_of, inputs_of, run_of

LARGEST = 20_000
USES = [(kind, number) for kind in sorted(kinds()) for number in range(len(find(kind).examples))]


def runs_of(kind: str, number: int) -> list[LayerRun]:
    """A kind at its example; and at larger and at square inputs, where it goes with these."""
    cls, example, values = example_of(kind, number)
    inputs = inputs_of(cls, example)
    if max(shape.elements for shape in inputs) > LARGEST:
        return []
    runs = [run_of(cls, values, inputs)]
    x = inputs[0]
    rank = len(x.spatial)
    if len(inputs) == 1 + cls.is_join and rank and not x.grid:
        for sizes in ((24,) * rank, tuple(3 * n for n in x.spatial)) if rank < 3 else ():
            try:
                other = Shape(x.channels, sizes[:1] if x.is_tokens else sizes, x.is_tokens)
                runs.append(run_of(cls, values, (other,) * len(inputs)))
            except ArchtoolError:
                continue
    return [run for run in runs if max(run.output.elements, run.inputs[0].elements) <= LARGEST]


@pytest.mark.parametrize(("kind", "number"), USES)
def test_what_a_kind_passes_on_torch_passes_on(kind: str, number: int) -> None:
    for run in runs_of(kind, number):
        flat = network_of(run)
        check_shifts(flat)
        check_rearranged(flat)
