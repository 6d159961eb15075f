"""A network priced by a convention: each layer's price stands among its operations, and adds up with them."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from archtool.analysis.operations.convention import Convention, plain
from archtool.analysis.operations.recost import recosted
from archtool.cost import Cost
from archtool.runs import BlockRun, LayerRun

PRICE: Final = "price"  # beside the cost terms


def priced(network: BlockRun, convention: Convention, functional: frozenset[str]) -> BlockRun:
    """The same network; `price_of` tells what any of its costs comes to."""

    def cost_of(run: LayerRun) -> Cost:
        price = convention.price(run, functional)
        return run.cost._replace(operations={**run.cost.operations, PRICE: price})  # type: ignore[dict-item]  # may be a fraction

    return recosted(network, cost_of)


def price_of(cost: Cost, times: int) -> int | float:
    """A cost of a priced network, a number of times."""
    price = plain(Fraction(cost.operations.get(PRICE, 0)) * times)  # type: ignore[arg-type]  # no expression
    return price if isinstance(price, int) else float(price)
