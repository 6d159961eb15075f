"""Whether torch makes the sizes that structure tells."""

from __future__ import annotations

from archtool.algebra.finding import Finding, unknown
from archtool.algebra.settings import Settings
from archtool.flatten import FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.draws import Draw
from archtool.realize.expressions import output_shapes
from archtool.realize.properties.laws import Judge
from archtool.realize.properties.searching import DISAGREE


def shape_preserving(flat: FlatNetwork, structural: Finding, settings: Settings) -> Finding:
    """Sizes decide: what the structure found, once torch has made tensors of these sizes."""
    sides = Judge(flat, settings.allowed).sides(Draw(kind="integers"))
    made = sides.read(["output", ["zeros"]]).tensors
    for name, tensor, shape in zip(flat.outputs, made, output_shapes(flat), strict=True):
        if tuple(tensor.shape[1:]) != tuple(map(as_int, shape.dims)):
            return unknown(f"{DISAGREE} ('{name}' is {shape} by its structure, {tuple(tensor.shape[1:])} in torch)")
    return structural
