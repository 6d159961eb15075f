"""What Graphviz makes of the text: nothing overlaps, blocks hold what is theirs and nothing else."""

import json
from itertools import combinations
from typing import NamedTuple

import pytest
from pygraphviz import AGraph

from archtool import load

POINTS = 72  # an inch; Graphviz gives sizes in inches, places in points


class Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def overlaps(self, other):
        return (
            self.left < other.right and other.left < self.right and self.bottom < other.top and other.bottom < self.top
        )

    def holds(self, other):
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.bottom <= other.bottom
            and other.top <= self.top
        )


def laid_out(dot):
    """The boxes of nodes and of clusters, by name."""
    nodes, clusters = {}, {}
    for item in json.loads(AGraph(string=dot).draw(prog="dot", format="json"))["objects"]:
        if "pos" in item:
            x, y = map(float, item["pos"].split(","))
            width, height = float(item["width"]) * POINTS, float(item["height"]) * POINTS
            nodes[item["name"]] = Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        elif "bb" in item:
            clusters[item["name"].removeprefix("cluster_")] = Box(*map(float, item["bb"].split(",")))
    return nodes, clusters


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("depth", [None, 1])
@pytest.mark.parametrize("name", ["resnet50", "squeezenet1_0", "mobilenet_v2", "vgg16", "lenet5", "bottleneck"])
def test_nothing_overlaps(name, depth, direction):
    nodes, clusters = laid_out(load(name).dot(depth, direction))
    for (one, box), (two, other) in combinations(nodes.items(), 2):
        assert not box.overlaps(other), (one, two)
    for (one, box), (two, other) in combinations(clusters.items(), 2):
        assert not box.overlaps(other) or box.holds(other) or other.holds(box), (one, two)
    for cluster, box in clusters.items():
        for node, other in nodes.items():
            assert box.holds(other) or not box.overlaps(other), (cluster, node)
        assert box.holds(nodes[cluster])  # its title


@pytest.mark.parametrize("name", ["resnet50", "squeezenet1_0", "mobilenet_v2", "vgg16"])
def test_the_picture_is_neither_a_tower_nor_a_band(name):
    nodes, _ = laid_out(load(name).dot())
    boxes = nodes.values()
    width = max(box.right for box in boxes) - min(box.left for box in boxes)
    height = max(box.top for box in boxes) - min(box.bottom for box in boxes)
    assert 1 / 2 < width / height < 2
