"""Each layer run as the matrix products that it is said to be, with its own weights, against the layer itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch
from torch import Tensor, nn

from archtool.analysis.numbers import whole
from archtool.flatten import FlatLayer
from archtool.realize.build import as_int
from archtool.realize.products import Products, multiplied
from archtool.units import binary

if TYPE_CHECKING:
    from archtool.design import Design

TOLERANCE: Final = 1e-12  # of the largest output; float64 resolves 2e-16, sums of thousands some hundred times that
LARGEST: Final = 2**30  # bytes of a matrix


class Checked(NamedTuple):
    """A layer as products: `error` is the largest difference of an output from the layer's own, as a share of the
    largest output; `told` and `ran` count products by their (m, n, k). `note` says why it was not run, else is empty.
    """

    name: str
    kind: str
    error: float
    told: dict[tuple[int, int, int], int]
    ran: dict[tuple[int, int, int], int]
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the products are those told, and give what the layer gives."""
        return bool(self.note) or (self.told == self.ran and self.error <= TOLERANCE)


@dataclass(frozen=True, kw_only=True, slots=True)
class GemmCheck:
    """The layers of a network as products, each that differs from the others once, by the name of the first."""

    rows: tuple[Checked, ...]
    seed: int

    @property
    def ok(self) -> bool:
        """Whether all that were run agree."""
        return all(row.ok for row in self.rows)

    @property
    def error(self) -> float:
        """The largest error."""
        return max((row.error for row in self.rows), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "ok": self.ok,
            "error": self.error,
            "dtype": "float64",
            "seed": self.seed,
            "tolerance": TOLERANCE,
            "layers": [
                {"name": row.name, "kind": row.kind, "ok": row.ok, "error": row.error, "note": row.note}
                for row in self.rows
            ],
        }


def check_products(design: Design, seed: int = 0) -> GemmCheck:
    """Run every layer of a design twice, in float64 on random numbers: in torch, and as products."""
    seen: set[int] = set()
    rows = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for flat in design.flat().layers:
            if id(flat.run) not in seen and not flat.run.layer.is_join:
                seen.add(id(flat.run))
                rows.append(check(flat))
    return GemmCheck(rows=tuple(row for row in rows if row is not None), seed=seed)


@torch.no_grad()
def check(flat: FlatLayer) -> Checked | None:
    """One layer as products; None where it has none."""
    run = flat.run
    told: Counter[tuple[int, int, int]] = Counter()
    largest = 0
    for each in run.layer.products(run.inputs[0], run.output):
        m, n, k, count = map(whole, (each.m, each.n, each.k, each.count))
        if m * n * k * count:
            told[m, n, k] += count
            largest = max(largest, 8 * count * max(m * k, k * n, m * n))
    if not told:
        return None
    if largest > LARGEST:
        return Checked(flat.name, run.kind, 0.0, dict(told), {}, f"not run: it takes a matrix of {binary(largest)}")
    module = run.layer.torch(run.inputs[0]).eval().double()
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.1)
    tensors = [torch.randn(1, *map(as_int, x.dims), dtype=torch.float64) for x in run.inputs]
    products = Products()
    error = _difference(multiplied(module, tensors, products), module(*tensors))
    return Checked(flat.name, run.kind, error, dict(told), dict(products.ran))


def _difference(found: Tensor, expected: Tensor) -> float:
    if found.shape != expected.shape:
        return float("inf")
    scale = float(expected.abs().max()) if prod(expected.shape) else 0.0
    difference = float((found - expected).abs().max())
    return difference / scale if scale else difference
