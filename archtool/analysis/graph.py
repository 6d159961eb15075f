"""The network as a networkx graph, for those who ask for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archtool.errors import RuleError
from archtool.flatten import FlatNetwork

if TYPE_CHECKING:
    import networkx as nx


def to_networkx(network: FlatNetwork) -> nx.DiGraph[str]:
    """A node for each input and layer, by name, with its `kind`, `output` (a Shape), `params` and `macs`; an edge for
    each tensor that a layer reads, with its `shape`.

    Weights that several layers share are counted at the first of them. An input's kind is 'input'. Raises RuleError
    where a layer has an input's name.
    """
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    makers: dict[int, str] = {}
    for number, (name, shape) in enumerate(network.inputs.items()):
        graph.add_node(name, kind="input", output=shape, params=0, macs=0)
        makers[number] = name
    for layer in network.layers:
        if layer.name in network.inputs:
            raise RuleError(f"the layer '{layer.name}' has the name of an input; give one of them another")
        cost = layer.run.cost
        params = cost.params if layer.owns_weights else 0
        graph.add_node(layer.name, kind=layer.run.kind, output=layer.run.output, params=params, macs=cost.macs)
        for source, shape in zip(layer.sources, layer.run.inputs, strict=True):
            graph.add_edge(makers[source], layer.name, shape=shape)
        makers[layer.target] = layer.name
    return graph
