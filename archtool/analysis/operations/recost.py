"""A network with other costs in its layers: the blocks' costs follow."""

from __future__ import annotations

from collections.abc import Callable

from archtool.analysis.tally import blocks_inside_out
from archtool.cost import Cost, total
from archtool.runs import BlockRun, LayerRun, Run, entry_costs


def recosted(network: BlockRun, cost_of: Callable[[LayerRun], Cost]) -> BlockRun:
    """The same network, each distinct layer's cost asked for once."""
    made: dict[int, Run] = {}

    def of(run: Run) -> Run:
        if id(run) not in made:
            assert isinstance(run, LayerRun)  # blocks inside are made before those around them
            made[id(run)] = run._replace(cost=cost_of(run))
        return made[id(run)]

    for block in blocks_inside_out(network):
        entries = tuple(entry._replace(run=of(entry.run)) for entry in block.entries)
        cost = total([part for entry in entries for part in entry_costs(entry)])
        made[id(block)] = block._replace(cost=cost, entries=entries)
    result = made[id(network)]
    assert isinstance(result, BlockRun)
    return result
