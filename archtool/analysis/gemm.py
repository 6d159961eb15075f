"""A network as the matrix products that it is: their sizes, what is copied for them, and how their matrices lie."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.numbers import whole
from archtool.analysis.options import Options
from archtool.errors import RuleError, nearest
from archtool.flatten import FlatLayer
from archtool.product import GATHERED, MADE, POSITIONS, PRODUCTS, ROWS, UNFOLDED, Product
from archtool.shape import Shape

if TYPE_CHECKING:
    from archtool.design import Design

CHANNELS_FIRST: Final = "channels_first"
CHANNELS_LAST: Final = "channels_last"
LAYOUTS: Final = (CHANNELS_FIRST, CHANNELS_LAST)
TILE_BYTES: Final = 16  # tensor cores take rows whose length is a multiple of this many bytes (NVIDIA, Matrix
# Multiplication Background User's Guide, section 3: 8 elements of float16, 16 of int8, 4 of TF32, 2 of float64)


class Strides(NamedTuple):
    """The distance in elements from one row of a matrix to the next, and from one column to the next."""

    row: int
    column: int


@dataclass(frozen=True, kw_only=True, slots=True)
class GemmRow:
    """`count` products of an m x k matrix (what a layer reads) with a k x n one, of a whole batch.

    left: where the m x k matrix comes from: 'input' (it is the input as it lies), 'gathered' or 'unfolded' (a copy of
    `copied` bytes), 'scattered' (it is the input; what comes out, `copied` bytes, is added where it belongs), or 'made'
    (by the layer itself). strides: those of that matrix, None where it is made. moved: bytes, each matrix of each
    product read or written once, weights once. padded: m*n*k*count with each of m, n and k rounded up to a tile.
    """

    name: str
    kind: str
    product: str
    term: str
    m: int
    n: int
    k: int
    count: int
    left: str
    copied: int
    strides: Strides | None
    moved: int
    padded: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates."""
        return self.m * self.n * self.k * self.count

    @property
    def streams(self) -> bool | None:
        """Whether a row of the left matrix is read element after element; None where the layer makes it."""
        return None if self.strides is None else self.strides.column == 1 or self.k == 1

    @property
    def intensity(self) -> Fraction:
        """FLOPs, two a multiply-accumulate, for each byte moved."""
        return Fraction(2 * self.macs, self.moved)

    @property
    def waste(self) -> Fraction:
        """The share of the work that goes into rounding the sizes up to whole tiles."""
        return 1 - Fraction(self.macs, self.padded)

    def to_dict(self) -> dict[str, Any]:
        """The row for JSON."""
        return {
            **{field.name: getattr(self, field.name) for field in fields(self)},
            "strides": self.strides and list(self.strides),
            "macs": self.macs,
            "streams": self.streams,
            "intensity": float(self.intensity),
            "waste": float(self.waste),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """The products of one cost term together; `copied` are bytes."""

    term: str
    products: int
    macs: int
    copied: int
    padded: int

    @property
    def waste(self) -> Fraction:
        """The share of the work that goes into rounding the sizes up to whole tiles."""
        return 1 - Fraction(self.macs, self.padded)


@dataclass(frozen=True, kw_only=True, slots=True)
class Gemm:
    """The matrix products of a network in the order of execution, and how they were counted: `tile` is what sizes are
    rounded up to for `padded` and `waste`."""

    name: str
    batch: int
    dtype: str
    layout: str
    tile: int
    rows: tuple[GemmRow, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of all of them."""
        return sum(row.macs for row in self.rows)

    @property
    def largest(self) -> GemmRow | None:
        """The product with the largest copy; None where nothing is copied."""
        return max((row for row in self.rows if row.copied), key=lambda row: row.copied, default=None)

    @property
    def families(self) -> tuple[Family, ...]:
        """The products by cost term, in the order of their first."""
        found: dict[str, list[GemmRow]] = {}
        for row in self.rows:
            found.setdefault(row.term, []).append(row)
        return tuple(
            Family(
                term=term,
                products=sum(row.count for row in rows),
                macs=sum(row.macs for row in rows),
                copied=sum(row.copied for row in rows),
                padded=sum(row.padded for row in rows),
            )
            for term, rows in found.items()
        )

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON, as plain dicts and lists."""
        largest = self.largest
        return {
            "name": self.name,
            "batch": self.batch,
            "dtype": self.dtype,
            "layout": self.layout,
            "tile": self.tile,
            "macs": self.macs,
            "largest_copy": largest and {"name": largest.name, "bytes": largest.copied},
            "families": [
                {
                    "term": each.term,
                    "products": each.products,
                    "macs": each.macs,
                    "copied": each.copied,
                    "waste": float(each.waste),
                }
                for each in self.families
            ],
            "products": [row.to_dict() for row in self.rows],
        }


def gemm(design: Design, *, batch: int = 1, dtype: str = "float32", layout: str = CHANNELS_FIRST) -> Gemm:
    """The matrix products of a design; see `Design.gemm`. Raises RuleError for an unknown dtype or layout."""
    options = Options(batch=batch, dtype=dtype)
    if layout not in LAYOUTS:
        raise RuleError(f"unknown layout '{layout}'" + nearest(layout, LAYOUTS))
    tile = max(TILE_BYTES // options.itemsize, 1)
    rows = tuple(row for flat in design.flat().layers for row in _rows(flat, options, layout, tile))
    return Gemm(name=design.name, batch=batch, dtype=dtype, layout=layout, tile=tile, rows=rows)


def _rows(flat: FlatLayer, options: Options, layout: str, tile: int) -> Iterator[GemmRow]:
    run = flat.run
    if run.layer.is_join:
        return
    for product in run.layer.products(run.inputs[0], run.output):
        if product.macs != 0:
            yield _row(flat, product, options, layout, tile)


def _row(flat: FlatLayer, product: Product, options: Options, layout: str, tile: int) -> GemmRow:
    x = flat.run.inputs[product.source]
    m, n, k, own = map(whole, (product.m, product.n, product.k, product.count))
    apart = product.items == PRODUCTS or (product.items == POSITIONS and k != x.elements and _lies_first(x, layout))
    rows, count = (m, own * options.batch) if apart else (m * options.batch, own)
    weights = n * k * (count if product.items == PRODUCTS else own)
    return GemmRow(
        name=flat.name,
        kind=flat.run.kind,
        product=product.name,
        term=product.term,
        m=rows,
        n=n,
        k=k,
        count=count,
        left=product.left,
        copied=whole(product.copied) * options.batch * options.itemsize,
        strides=_strides(product, x, m, layout),
        moved=(rows * (k + n) * count + weights) * options.itemsize,
        padded=_up(rows, tile) * _up(n, tile) * _up(k, tile) * count,
    )


def _lies_first(x: Shape, layout: str) -> bool:
    """Whether the channels of a tensor come before its positions, so that neighbours are one channel's positions."""
    return layout == CHANNELS_FIRST and bool(x.spatial) and not x.is_tokens


def _strides(product: Product, x: Shape, m: int, layout: str) -> Strides | None:
    """How the left matrix lies, one product and one item by itself. A copy is made in the order that its layout asks
    for: position after position (torch's `unfold`), or row after row."""
    channels, k = whole(x.channels), whole(product.k)
    if product.left == MADE:
        return None
    if product.left == UNFOLDED:
        first = _lies_first(x, layout) and product.items != ROWS
        return Strides(1, m) if first else Strides(k, 1)
    if k == x.elements:  # all of the input is one row
        return Strides(k, 1)
    if product.left == GATHERED and product.items == ROWS:
        return Strides(channels, 1)
    return Strides(1, m) if _lies_first(x, layout) else Strides(channels, 1)


def _up(size: int, tile: int) -> int:
    return -(-size // tile) * tile
