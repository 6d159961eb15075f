"""A network priced by a convention. What the cost terms tell alone is priced at once; else each layer's price stands
among its operations, and adds up with them."""

from __future__ import annotations

from typing import Final

from archtool.analysis.operations.convention import Convention
from archtool.analysis.operations.recost import recosted
from archtool.cost import Cost
from archtool.runs import BlockRun, LayerRun
from archtool.spec.numbers import Number, divide

PRICE: Final = "price"  # beside the cost terms, in the convention's parts of 1


def priced(network: BlockRun, convention: Convention, functional: frozenset[str]) -> BlockRun:
    """The same network; `price_of` tells what any of its costs comes to."""
    if convention.is_by_term(functional):
        return network

    def cost_of(run: LayerRun) -> Cost:
        price = convention.price(run, functional)
        return run.cost._replace(operations={**run.cost.operations, PRICE: price})

    return recosted(network, cost_of)


def price_of(cost: Cost, convention: Convention, times: int) -> Number:
    """A cost of a network priced by a convention, a number of times."""
    price = cost.operations.get(PRICE)
    if price is None:
        price = convention.price_of_terms(cost.operations)
    return divide(times * price, convention.parts)  # type: ignore[no-any-return]  # a number
