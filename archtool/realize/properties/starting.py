"""Whether a network passes its input on as it is, with the weights that torch starts with."""

from __future__ import annotations

from typing import Final

import torch

from archtool.algebra.finding import SAMPLES, Basis, Finding
from archtool.algebra.settings import Settings
from archtool.flatten import FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.draws import Draw, weighted
from archtool.realize.expressions import Tensors, output_shapes, read
from archtool.realize.properties.laws import CPU, Law, Violation, place_of, witness_of
from archtool.realize.properties.searching import Searched, concluded
from archtool.realize.replay import in_training

SEEDS: Final = 4
ROUNDED: Final = 2.0**-46  # a relative difference below which f(x) may be x, but rounded
INPUTS: Final = (
    Draw(kind="integers", low=0, high=0),
    Draw(kind="integers", low=-1, high=1, seed=1),
    Draw(kind="integers", seed=2, scale=2.0**12),
    Draw(kind="integers", seed=3, scale=2.0**-40),
    Draw(kind="normal", seed=4),
    Draw(kind="mixed_scales", seed=5),
)


def identity_at_init(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Test f(x) = x in float64, at inference and in training, with torch's own initial weights of some seeds.

    In training a batch has the input and another one, so that norms have statistics.
    """
    (x, *others), outputs = tuple(flat.inputs.values()), output_shapes(flat)
    if others or len(outputs) != 1 or tuple(map(as_int, x.dims)) != tuple(map(as_int, outputs[0].dims)):
        return structural
    draws, error = 0, 0.0
    for seed in range(settings.seed, settings.seed + min(SEEDS, settings.draws)):
        weights = Draw(kind="init", seed=seed)
        for training in (False, True):
            network = weighted(flat, weights, torch.float64, CPU)
            function = in_training(network) if training else network
            meaning = Tensors(flat, {"": function}, torch.float64, CPU)
            for drawn in INPUTS:
                plain = ["draw", drawn.recipe()]
                law = Law(["output", plain], plain, ("f(x)", "x"))
                with torch.random.fork_rng(devices=[]):
                    torch.manual_seed(seed)
                    left, right = read(law.left, meaning), read(law.right, meaning)
                place = place_of(left, right, None)
                if place is None:
                    continue
                draws += 1
                if place.relative <= ROUNDED:
                    error = max(error, place.relative)
                    continue
                more = {"training": True, "training_seed": seed} if training else {}
                witness = witness_of(flat, weights, law, place, left, right, **more)
                mode = "in training" if training else "at inference"
                text = f"torch's initial weights of seed {seed}, float64, {mode}, difference {place.difference:.2g}"
                violation = Violation(witness, Basis(SAMPLES, text))
                return concluded(structural, Searched(violation, draws, error), settings)
    return concluded(structural, Searched(None, draws, error), settings)
