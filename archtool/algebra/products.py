"""The matrix products that a design's layers are, in symbols: M, N, K and how many, as formulas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from archtool.algebra.assumed import conditions
from archtool.algebra.formula import Closed, said
from archtool.algebra.functions import replaced
from archtool.algebra.naming import asked
from archtool.algebra.reading import exact_quotients, fixed, reader_of
from archtool.algebra.shown import Layout
from archtool.algebra.subject import Evaluated, subject_of
from archtool.errors import SpecError, Untraceable
from archtool.fields import describe
from archtool.flatten import FlatLayer, flat_network
from archtool.product import Product
from archtool.size import where

if TYPE_CHECKING:
    from archtool.design import Design


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductFormula:
    """`count` products of an m x k matrix with a k x n one, of one item. `times`: how often a network has the layer:
    once for each of a repeat's equal turns, not at all where a condition says so. `left` is that of
    `archtool.analysis.gemm.GemmRow`."""

    name: str
    kind: str
    product: str
    m: Closed
    n: Closed
    k: Closed
    count: Closed
    times: Closed
    left: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ProductFormulas:
    """The matrix products of a network in `symbols`; `fixed` are the vars that are none, `assumptions` what has to
    hold, in words."""

    name: str
    symbols: tuple[str, ...]
    fixed: dict[str, Any]
    rows: tuple[ProductFormula, ...]
    assumptions: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON: formulas are texts."""
        return {
            "name": self.name,
            "symbols": list(self.symbols),
            "fixed": {name: describe(value) for name, value in self.fixed.items()},
            "products": [
                {each.name: str(getattr(row, each.name)) for each in fields(row)} for row in self.rows
            ],
            "assumptions": list(self.assumptions),
        }  # fmt: skip


def product_formulas(design: Design, symbols: str, block: str | None = None) -> ProductFormulas:
    """The matrix products of a design, or of a block of its spec, in some symbols ("width, res=32*m", as
    `Design.formula` takes them). Raises SpecError for what can't be a symbol."""
    subject = subject_of(design, block)
    found = subject.evaluate(subject.parts(tuple(asked(symbols))))
    layout = Layout(found.names.order, found.names.families)
    reader = reader_of(found)
    known = exact_quotients(found, reader)

    def closed(size: Any) -> Closed:
        return Closed(replaced(reader.of(size), known), layout)

    try:
        rows = tuple(
            ProductFormula(
                name=layer.name,
                kind=layer.run.kind,
                product=each.name,
                m=closed(each.m),
                n=closed(each.n),
                k=closed(each.k),
                count=closed(each.count),
                times=closed(where(layer.taken, layer.times, 0)),
                left=each.left,
            )
            for layer, each in _products(found)
        )
    except Untraceable as error:
        raise SpecError(f"its products have no formula in these symbols: {error}") from None
    return ProductFormulas(
        name=subject.name,
        symbols=tuple(found.names.domains),
        fixed=fixed(subject, found),
        rows=rows,
        assumptions=(*said(found.names.domains), *conditions(found, layout, reader)),
    )


def _products(found: Evaluated) -> Iterator[tuple[FlatLayer, Product]]:
    names = tuple(f"input{number}" for number in range(len(found.run.inputs)))
    for layer in flat_network(found.run, names, turns=1).layers:
        if not layer.run.layer.is_join:
            for product in layer.run.layer.products(layer.run.inputs[0], layer.run.output):
                if product.macs != 0:
                    yield layer, product
