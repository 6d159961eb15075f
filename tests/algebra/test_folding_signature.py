"""The normal form of folded networks: equal where the sets of functions are shown to be, never where they differ."""

from __future__ import annotations

import pytest

from archtool import load
from archtool.algebra.folding import Folding, fold


def folded(steps: str) -> Folding:
    """These steps, folded wherever that is exact."""
    return fold(load(f"input: [4, 12, 13]\nlayers: {steps}\n").flat(), dense=True)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("[conv: {out: 8, kernel: 3, padding: half, bias: false}, batch_norm]",
         "[conv: {out: 8, kernel: 3, padding: 1}]", 1),
        ("[conv: {out: 4, kernel: 1}, relu]", "[{conv: {out: 4, kernel: 1}}, {leaky_relu: {}}]", 0),
        ("[conv: {out: 8, kernel: 3, padding: 1}]", "[conv: {out: 8, kernel: 3, padding: 1, bias: false}]", 0),
        ("[conv: {out: 8, kernel: 3, padding: 1}]", "[conv: {out: 8, kernel: 5, padding: 2}]", 0),
        ("[conv: {out: 8, kernel: 2, padding: [[1, 0], 0]}]", "[conv: {out: 8, kernel: 2, padding: [[0, 1], 0]}]", 0),
        # A product of matrices is any matrix where the middle is wide enough, and not else (4 channels in, 8 out).
        ("[conv: {out: 8, kernel: 3, bias: false}, conv: {out: 8, kernel: 1}]", "[conv: {out: 8, kernel: 3}]", 1),
        ("[conv: {out: 4, kernel: 1, bias: false}, conv: {out: 8, kernel: 3}]", "[conv: {out: 8, kernel: 3}]", 1),
        ("[conv: {out: 3, kernel: 1, bias: false}, conv: {out: 2, kernel: 3}]", "[conv: {out: 2, kernel: 3}]", 0),
        # The shift of the first reaches the output through the second's kernel alone: not every bias.
        ("[batch_norm, conv: {out: 8, kernel: 3, bias: false}]", "[conv: {out: 8, kernel: 3}]", 0),
        ("[batch_norm, conv: {out: 8, kernel: 3}]", "[conv: {out: 8, kernel: 3}]", 1),
        # Only positive scales: a batch norm without learned ones alone is not every scale, behind a kernel it is.
        ("[batch_norm: {affine: false}]", "[batch_norm]", 0),
        ("[conv: {out: 4, kernel: 1, bias: false}, {batch_norm: {affine: false}}]", "[conv: {out: 4, kernel: 1}]", 1),
        # Branches: one that covers every tap makes up for the others.
        ("[add: {a: [conv: {out: 4, kernel: 3, padding: 1}], b: []}]", "[conv: {out: 4, kernel: 3, padding: 1}]", 1),
        ("[add: {a: [relu], b: [tanh]}]", "[add: {x: [tanh], y: [relu]}]", 1),
        ("[subtract: {a: [relu], b: [tanh]}]", "[subtract: {x: [tanh], y: [relu]}]", 0),
        ("[relu, relu]", "[relu]", 0),
    ],
)  # fmt: skip
def test_signatures(left, right, same):
    """Equal where the sets of functions are shown to be; never where they differ."""
    forms = [folded(steps).signature for steps in (left, right)]
    assert (forms[0] == forms[1]) == bool(same)
    assert hash(forms[0]) is not None


def test_which_weights_are_shared_belongs_to_the_normal_form():
    steps = "[{{conv: {{out: 4, kernel: 1}}{0}}}, relu, {{conv: {{out: 4, kernel: 1}}{0}}}]"
    assert folded(steps.format(", shares: w")).signature != folded(steps.format("")).signature
