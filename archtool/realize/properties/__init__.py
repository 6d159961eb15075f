"""Properties of networks tested in torch: a counterexample that can be replayed, or samples in which nothing broke."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

import torch

from archtool.algebra.finding import Finding
from archtool.algebra.settings import Settings
from archtool.flatten import FlatNetwork
from archtool.realize.properties.plan import operations

SMALL: Final = 10**8  # operations of a run
FAMILIES: Final = {
    "linear": "sums",
    "affine": "sums",
    "positively_homogeneous": "sums",
    "additive_over_positions": "sums",
    "additive_over_channels": "sums",
    "pointwise": "reaching",
    "mixes_channels": "reaching",
    "shape_preserving": "sizes",
    "translation_equivariant": "shifts",
    "translation_invariant": "shifts",
    "permutation_equivariant": "symmetries",
    "flip_equivariant": "symmetries",
    "rotation_equivariant": "symmetries",
    "identity_at_init": "starting",
}


def test(name: str, flat: FlatNetwork, structural: Finding, settings: Settings, **options: Any) -> Finding:
    """What structure and torch together say of a property of a network on numbers.

    What is proved stays proved, unless torch breaks it: then nothing is known, and the reason says that one of the two
    is wrong. What is not proved is False with a witness (see realize/replay.py), or True on samples where nothing in
    the structure objects, or unknown. `options` are the property's own: `axis`, `how`. Raises RuleError for sizes that
    vary.
    """
    family = import_module(f"archtool.realize.properties.{FAMILIES[name]}")
    with _threads_for(flat):
        return getattr(family, name)(flat, structural, settings, **options)  # type: ignore[no-any-return]  # getattr


@contextmanager
def _threads_for(flat: FlatNetwork) -> Iterator[None]:
    """One thread for a small network, where several wait for each other longer than they work."""
    before = torch.get_num_threads()
    if operations(flat) < SMALL:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


test.__test__ = False  # type: ignore[attr-defined]  # a word of pytest's: no test of the package's own
