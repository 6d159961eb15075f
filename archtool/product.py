"""The matrix products that a layer is: what `Layer.products` tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from archtool.size import Size

# Where the left matrix of a product comes from.
INPUT: Final = "input"  # it is the layer's input as it lies: nothing is copied
GATHERED: Final = "gathered"  # the positions of the input that a stride leaves, put together
UNFOLDED: Final = "unfolded"  # a row is what a window reads, padding included (im2col)
SCATTERED: Final = "scattered"  # the input as it lies; what comes out is added where it belongs (col2im)
MADE: Final = "made"  # the layer made it before

# What the items of a batch are.
ROWS: Final = "rows"  # more rows: the right matrix is the weights
POSITIONS: Final = "positions"  # more rows where the positions of all items lie behind each other (channels last)
PRODUCTS: Final = "products"  # more products: the right matrix is an item's own


@dataclass(frozen=True, slots=True)
class Product:
    """`count` products of an m x k matrix with a k x n one, for one item of a batch; `term` is the cost term of their
    multiply-accumulates, `name` tells it from the layer's others. `left` and `items` are words of those above; `source`
    is the number of the tensor, of those that the layer takes, that the left matrix comes from."""

    term: str
    m: Size
    n: Size
    k: Size
    count: Size = 1
    name: str = ""
    left: str = INPUT
    items: str = POSITIONS
    source: int = 0

    @property
    def macs(self) -> Size:
        """Multiply-accumulates of all of them."""
        return self.m * self.n * self.k * self.count

    @property
    def copied(self) -> Size:
        """Elements of the copy that the product takes, or that it makes to be added up; 0 where there is none."""
        if self.left == SCATTERED:
            return self.m * self.n * self.count
        return self.m * self.k * self.count if self.left in (GATHERED, UNFOLDED) else 0
