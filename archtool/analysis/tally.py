"""How often each distinct layer of a network runs: by algebra over its blocks, so of any depth."""

from __future__ import annotations

from typing import NamedTuple

from archtool.analysis.numbers import whole
from archtool.runs import BlockRun, LayerRun


class Counted(NamedTuple):
    """A layer at its input, and how often the network runs it."""

    run: LayerRun
    times: int


def tally(network: BlockRun) -> tuple[Counted, ...]:
    """The distinct layers of a network with their numbers.

    >>> from archtool import load
    >>> sum(times for run, times in tally(load("resnet50").run) if run.kind == "conv")
    53
    """
    times = {id(network): 1}
    found: dict[int, Counted] = {}
    for block in reversed(blocks_inside_out(network)):
        for entry in block.entries:
            count = times[id(block)] * whole(entry.times) * whole(entry.turns)
            if isinstance(entry.run, BlockRun):
                times[id(entry.run)] = times.get(id(entry.run), 0) + count
            else:
                before = found[id(entry.run)].times if id(entry.run) in found else 0
                found[id(entry.run)] = Counted(entry.run, before + count)
    return tuple(found.values())


def blocks_inside_out(network: BlockRun) -> list[BlockRun]:
    """Each distinct block once, behind all that stand in it."""
    order: list[BlockRun] = []
    seen: set[int] = set()

    def visit(block: BlockRun) -> None:
        seen.add(id(block))
        for entry in block.entries:
            if isinstance(entry.run, BlockRun) and id(entry.run) not in seen:
                visit(entry.run)
        order.append(block)

    visit(network)
    return order
