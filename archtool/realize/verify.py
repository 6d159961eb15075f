"""A design held against torch, layer by layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from archtool.cost import Cost
from archtool.errors import RuleError
from archtool.flatten import FlatNetwork
from archtool.realize.build import as_int
from archtool.realize.counts import count
from archtool.realize.fields import Fields, measure
from archtool.realize.forward import chosen_device, chosen_dtype, forward
from archtool.realize.result import Row, Verification

if TYPE_CHECKING:
    from archtool.design import Design


def verify(design: Design, device: str = "auto", dtype: str = "float32") -> Verification:
    """Verify a design; see `Design.verify`."""
    flat = design.flat()
    return verify_network(flat, design.run.cost, chosen_device(device), chosen_dtype(dtype), design.name)


def verify_network(flat: FlatNetwork, cost: Cost, device: torch.device, dtype: torch.dtype, name: str) -> Verification:
    """Verify a flattened network against its own predictions and those of its totals in `cost`.

    Shapes, parameters and multiply-adds are counted on the meta device. On a real one the network is run besides, and
    what each layer sees is measured.
    """
    counts = count(flat, cost)
    rows, notes = list(counts.rows), []
    if counts.failure is not None:
        notes.append(f"torch can't run '{counts.failure}': nothing behind it was measured, and no receptive fields")
    elif device.type == "meta":
        notes.append("receptive fields not measured: the meta device has no numbers")
    else:
        run = forward(flat, as_int(cost.params), device, dtype)
        fields = _fields(flat, device)
        rows += [*run.rows, *fields.rows]
        notes += [*run.notes, *fields.notes]
    order = {layer.name: index for index, layer in enumerate(flat.layers)}
    rows.sort(key=lambda row: order[row.name])
    totals = (*counts.totals, *_outputs(flat, rows))
    dtype_name = str(dtype).removeprefix("torch.")
    return Verification(
        name=name, device=str(device), dtype=dtype_name, totals=totals, rows=tuple(rows), notes=tuple(notes)
    )


def _fields(flat: FlatNetwork, device: torch.device) -> Fields:
    try:
        return measure(flat, device)
    except (RuleError, RuntimeError) as error:  # torch can't run a skeleton whose windows are wrong
        return Fields([], [f"receptive fields not measured: {error}"])


def _outputs(flat: FlatNetwork, rows: list[Row]) -> list[Row]:
    """The rows of the network's outputs, as totals: their sizes and what they see."""
    makers = {layer.target: layer.name for layer in flat.layers}
    names = {makers[tensor]: name for name, tensor in flat.outputs.items() if tensor in makers}
    return [
        Row(name=names[row.name], kind="network", what=row.what, predicted=row.predicted, measured=row.measured)
        for row in rows
        if row.name in names and row.what not in ("params", "macs")
    ]
