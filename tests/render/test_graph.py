"""The network as a networkx graph."""

import networkx as nx
import pytest

from archtool import load
from archtool.errors import RuleError


@pytest.mark.parametrize("name", ["resnet50", "squeezenet1_0", "mobilenet_v2"])
def test_graph(name):
    design = load(name)
    graph = design.graph()
    assert nx.is_directed_acyclic_graph(graph)
    assert [node for node in graph if not graph.in_degree(node)] == ["input"]
    assert len([node for node in graph if not graph.out_degree(node)]) == 1
    for total in ("params", "macs"):
        assert sum(count for _, count in graph.nodes(data=total)) == getattr(design.analyze().totals, total)
    for maker, _, shape in graph.edges(data="shape"):
        assert graph.nodes[maker]["output"] == shape


def test_an_input_with_a_layers_name():
    inputs = "archtool: 1\nname: n\ninputs: {relu: [3, 8, 8], b: [3, 8, 8]}\n"
    text = inputs + "layers:\n  - add: {}\n    at: [relu, b]\n  - relu\n"
    with pytest.raises(RuleError, match="the layer 'relu' has the name of an input"):
        load(text).graph()
