"""A long picture wrapped into columns, as text is into lines.

It is cut only where a single tensor passes; a numbered tag stands on either side of the cut.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from math import ceil, sqrt
from typing import Final

from archtool.render.scene import Cluster, Edge, Node, Part, Scene, nodes_of

# Lengths in lines of text: how broad a column is by the direction of its edges, and what stands between two nodes.
BREADTH: Final = {"TB": 16.0, "LR": 14.0}
GAP: Final = 3.0
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
    if direction == "TB":
        return 1.3 * (2 if node.role in ("block", "title") else len(node.parts))
    return 0.5 * max(len(part.words) for part in node.parts) + 4


def _cuts(scene: Scene, member_of: dict[str, int]) -> list[int]:
    """The members before which a single tensor passes, but for those that would leave an end of the network alone."""
    farthest: dict[str, int] = {}
    for edge in scene.edges:
        farthest[edge.tail] = max(farthest.get(edge.tail, 0), member_of[edge.head])
    passing = [0] * (len(scene.members) + 1)
    for tail, head in farthest.items():
        passing[member_of[tail] + 1] += 1
        passing[head + 1] -= 1
    return [i for i, count in enumerate(accumulate(passing)) if count == 1 and 1 < i < len(scene.members) - 1]


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
    """The scene with a pair of tags at each of these places."""
    members: list[Node | Cluster] = []
    edges = scene.edges
    heads = [next(scene.nodes()).id]
    start = 0
    for number, place in enumerate(places, 1):
        before, after = (Node(f"@{number}{side}", "tag", [_tag(number)]) for side in ("", "'"))
        members += [*scene.members[start:place], before, after]
        heads.append(after.id)
        edges = _through(edges, place, member_of, before.id, after.id)
        member_of |= {before.id: place - 1, after.id: place}
        start = place
    return Scene(scene.name, members + scene.members[start:], edges, tuple(heads))


def _through(edges: list[Edge], place: int, member_of: dict[str, int], before: str, after: str) -> list[Edge]:
    """The edges, those that pass the place led through its tags; the first of them has the label."""
    result = []
    for edge in edges:
        if member_of[edge.tail] < place <= member_of[edge.head]:
            if edge.label:
                result.append(Edge(edge.tail, before, edge.label))
            result.append(Edge(after, edge.head, edge.label))
        else:
            result.append(edge)
    return result


def _tag(number: int) -> Part:
    return Part(str(number), str(number), "", "tag")
