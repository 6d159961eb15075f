"""What the tests of properties share: structure and torch asked together, witnesses made again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import torch

from archtool import load
from archtool.algebra.finding import Finding
from archtool.algebra.settings import Settings
from archtool.algebra.structure.additive import additive_over_channels, additive_over_positions
from archtool.algebra.structure.degree import affine, linear, positively_homogeneous
from archtool.algebra.structure.initial import identity_at_init
from archtool.algebra.structure.invariance import translation_invariant
from archtool.algebra.structure.mixing_channels import mixes_channels
from archtool.algebra.structure.permutation import permutation_equivariant
from archtool.algebra.structure.pointwise import pointwise
from archtool.algebra.structure.shapes import shape_preserving
from archtool.algebra.structure.symmetry import flip_equivariant, rotation_equivariant
from archtool.algebra.structure.translation import translation_equivariant
from archtool.flatten import FlatNetwork
from archtool.realize.build import Network
from archtool.realize.expressions import Tensors
from archtool.realize.properties import test
from archtool.realize.replay import replay, replayed

RULES: Final[Mapping[str, Callable[..., Finding]]] = {
    rule.__name__: rule
    for rule in (
        additive_over_channels,
        additive_over_positions,
        affine,
        flip_equivariant,
        identity_at_init,
        linear,
        mixes_channels,
        permutation_equivariant,
        pointwise,
        positively_homogeneous,
        rotation_equivariant,
        shape_preserving,
        translation_equivariant,
        translation_invariant,
    )
}


def flat(layers: str, head: str = "input: [4, 6, 6]") -> FlatNetwork:
    return load(f"archtool: 1\nname: net\n{head}\nlayers:\n{layers}").flat()


def found(name: str, network: FlatNetwork, settings: Settings | None = None, **options: Any) -> Finding:
    """What structure and torch say together; a witness is made again from its JSON, and really differs."""
    structural = RULES[name](network, **options)
    finding = test(name, network, structural, settings or Settings(), **options)
    check(network, finding)
    return finding


def check(network: FlatNetwork, finding: Finding) -> None:
    assert "disagree" not in finding.reason
    if finding.truth is False and finding.witness is not None and finding.witness.recipe:
        recipe = json.loads(json.dumps(finding.witness.recipe))
        left, right = replay(network, finding.witness)
        assert (left, right) == (finding.witness.left, finding.witness.right)
        assert left != right
        assert replayed(network, recipe).values == (left, right)
        exact = finding.basis[0].kind == "witness"
        assert exact or abs(left - right) > 1e-13 * max(abs(left), abs(right))
    if finding.truth is None:
        assert finding.reason


def tensors_of(flat: FlatNetwork, network: Network) -> Tensors:
    """The meaning of expressions about one network, on the device and in the dtype of its weights (float64 on the CPU
    where it has none)."""
    some = next(network.parameters(), torch.zeros(0, dtype=torch.float64))
    return Tensors(flat, {"": network}, some.dtype, some.device)
