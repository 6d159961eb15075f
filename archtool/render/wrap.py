"""A long picture wrapped into columns, as text is into lines.

It is cut only where a single tensor passes; a numbered tag stands on either side of the cut.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from math import ceil, sqrt
from typing import Final

from archtool.render.scene import Cluster, Edge, Node, Part, Scene, nodes_of

# Lengths in lines of text: how broad a column is by the direction of its edges, and what stands between two nodes.
BREADTH: Final = {"TB": 16.0, "LR": 14.0}
GAP: Final = 1.0
LONGEST: Final = 60.0  # of a picture that is not wrapped


def wrapped(scene: Scene, direction: str) -> Scene:
    """The scene in as many columns (rows, where edges run from left to right) as make it about as broad as high."""
    member_of = {node.id: i for i, member in enumerate(scene.members) for node in nodes_of(member)}
    ends = _ends(scene, direction, member_of)
    if ends[-1] <= LONGEST:
        return scene
    columns = round(sqrt(ends[-1] / BREADTH[direction]))
    cuts = _cuts(scene, member_of)
    lengths = range(ceil(ends[-1]) + 1)
    shortest = bisect_left(lengths, True, key=lambda length: len(_filled(cuts, ends, length)) < columns)
    places = _filled(cuts, ends, lengths[shortest])
    return _cut(scene, places, member_of) if places else scene


def _ends(scene: Scene, direction: str, member_of: dict[str, int]) -> list[float]:
    """How far each member, and all before it, reach from the start of the picture."""
    lengths = {node.id: _length(node, direction) + GAP for node in scene.nodes()}
    reach = dict(lengths)
    for edge in scene.edges:
        reach[edge.head] = max(reach[edge.head], reach[edge.tail] + lengths[edge.head])
    last = [0.0] * len(scene.members)
    for node, far in reach.items():
        last[member_of[node]] = max(last[member_of[node]], far)
    return list(accumulate(last, max))


def _length(node: Node, direction: str) -> float:
    if node.role == "tensor":
        return 1.0 if direction == "TB" else 5.0
    if direction == "TB":
        return 1.3 * (2 if node.role in ("block", "title") else len(node.parts))
    return 0.5 * max(len(part.words) for part in node.parts) + 4


def _cuts(scene: Scene, member_of: dict[str, int]) -> list[int]:
    """The members before which a single tensor passes, but for those that would leave an end of the network alone."""
    farthest: dict[str, int] = {}
    for edge in scene.edges:
        farthest[edge.tail] = max(farthest.get(edge.tail, 0), member_of[edge.head])
    changes = [0] * (len(scene.members) + 1)
    for node in scene.nodes():
        if node.id in farthest:
            weight = 1 if node.role == "tensor" else 2  # no cut between a layer and its tensor
            changes[member_of[node.id] + 1] += weight
            changes[farthest[node.id] + 1] -= weight
    passing = list(accumulate(changes))
    return [i for i in range(3, len(scene.members) - 2) if passing[i] == 1]


def _filled(cuts: list[int], ends: list[float], longest: float) -> list[int]:
    """The cuts of columns that are each filled up to a length, if their parts allow it."""
    chosen: list[int] = []
    start, last = 0.0, 0
    for cut in [*cuts, len(ends)]:
        if ends[cut - 1] - start > longest and last:
            chosen.append(last)
            start, last = ends[last - 1], 0
        last = cut
    return chosen


def _cut(scene: Scene, places: list[int], member_of: dict[str, int]) -> Scene:
    """The scene with a pair of tags at each of these places, the tensor that passes said again behind it."""
    members: list[Node | Cluster] = []
    edges: list[Edge] = []
    heads = [next(scene.nodes()).id]
    nodes = {node.id: node for node in scene.nodes()}
    column_of = [bisect_right(places, i) for i in range(len(scene.members))]
    again: dict[int, str] = {}
    for edge in scene.edges:
        column = column_of[member_of[edge.head]]
        if column_of[member_of[edge.tail]] != column:
            again[column] = edge.tail
            edges.append(Edge(f"{edge.tail}'", edge.head))
        else:
            edges.append(edge)
    for i, member in enumerate(scene.members):
        column = column_of[i]
        if i in places:
            before, after = (Node(f"@{column}{side}", "tag", [_tag(column)]) for side in ("", "'"))
            tensor = Node(f"{again[column]}'", "tensor", nodes[again[column]].parts)
            edges += [Edge(again[column], before.id), Edge(after.id, tensor.id)]
            heads.append(after.id)
            members += [before, after, tensor]
        members.append(member)
    return Scene(scene.name, members, edges, tuple(heads))


def _tag(number: int) -> Part:
    return Part(str(number), str(number), "", "tag")
