"""What a picture of a network shows, before anyone decides how it looks: nodes, clusters of nodes, edges.

A layer that keeps its input's shape and sees nothing around it (norm, activation, dropout) is drawn in one node with
the layer before it, if that layer has no other reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from archtool.cost import Cost, total, without_params
from archtool.errors import RuleError
from archtool.render.words import family, full, short
from archtool.runs import BlockRun, Entry, LayerRun
from archtool.shape import Shape
from archtool.spec.reader import Mapping, Scalar

MOST: Final = 3_000  # layers and folded blocks that a picture may show
LEGIBLE: Final = 200  # as many as a picture shows unless asked for more


class Part(NamedTuple):
    """A layer or a block: its whole name, what is written there (a layer's kind and fields, a block's own name), and
    the detail (all of a layer's fields, a block's kind).

    `turns` is how many equal turns of a repeat it stands for, `times` how often it runs, with the turns of the blocks
    around it; `cost` is that of all of them.
    """

    name: str
    words: str
    detail: str
    family: str
    turns: int = 1
    times: int = 1
    cost: Cost = Cost()


@dataclass(slots=True)
class Node:
    """One thing to draw. `role` is what it stands for: 'layers' (one part each, in order), 'block' (folded), 'title'
    (of a cluster, where the block's input enters), 'end' (an input or an output), 'tag' (where a wrapped picture goes
    on)."""

    id: str
    role: str
    parts: list[Part]


@dataclass(slots=True)
class Cluster:
    """A block drawn with what is in it; the first member is its title."""

    id: str
    members: list[Node | Cluster] = field(default_factory=list)


class Edge(NamedTuple):
    """A tensor on its way to a reader; `label` is its shape, said once for each tensor."""

    tail: str
    head: str
    label: str


@dataclass(slots=True)
class Scene:
    """A whole picture; edges stand in an order in which each follows those into its tail. `heads` are the nodes that
    its columns begin with, where it has several."""

    name: str
    members: list[Node | Cluster]
    edges: list[Edge]
    heads: tuple[str, ...] = ()

    def nodes(self) -> Iterator[Node]:
        """All nodes, in the order of execution."""
        for member in self.members:
            yield from nodes_of(member)


def nodes_of(member: Node | Cluster) -> Iterator[Node]:
    """A node itself, or all in a cluster."""
    if isinstance(member, Node):
        yield member
    else:
        for inner in member.members:
            yield from nodes_of(inner)


def scene(run: BlockRun, inputs: tuple[str, ...], name: str, depth: int | None = None) -> Scene:
    """The scene of a network whose inputs have these names, blocks below `depth` drawn as one node.

    Without a depth, it is as deep as LEGIBLE allows. Raises RuleError where there would be more than MOST layers and
    folded blocks.
    """
    if depth is not None and depth < 1:
        raise RuleError(f"depth (={depth}) must be at least 1")
    depth = legible_depth(run) if depth is None else depth
    count = size(run, depth)
    if count > MOST:
        advice = "take a smaller depth (--depth)" if depth > 1 else "write what repeats with 'repeat'"
        shown = f"{count:,} layers and blocks"
        raise RuleError(f"a picture of '{name}' to depth {depth} has {shown}, at most {MOST:,} fit: {advice}")
    drawing = _Drawing()
    members: list[Node | Cluster] = [Node(f"@{label}", "end", [_end(label)]) for label in inputs]
    places = [_Place(f"@{label}", shape) for label, shape in zip(inputs, run.inputs, strict=True)]
    ends = drawing.body(run, "", places, members, depth, 1)
    for label, tensor in (run.outputs or {"output": run.output}).items():
        node = Node(f"@out.{label}", "end", [_end(label)])
        members.append(node)
        drawing.connect(ends[tensor.number], node)
    return Scene(name, members, drawing.edges)


def legible_depth(run: BlockRun) -> int:
    """The greatest depth at which at most LEGIBLE layers and folded blocks are drawn, at least 1."""
    depth, count = 1, size(run, 1)
    while (deeper := size(run, depth + 1)) != count and deeper <= LEGIBLE:
        depth, count = depth + 1, deeper
    return depth


def size(run: BlockRun, depth: int) -> int:
    """How many layers and folded blocks a picture to that depth has; each distinct block is counted once."""
    known: dict[tuple[int, int], int] = {}

    def count(block: BlockRun, below: int) -> int:
        key = (id(block), below)
        if key not in known:
            blocks = [entry.run for entry in block.entries if isinstance(entry.run, BlockRun)]
            inner = sum(count(each, below - 1) for each in blocks) if below > 1 else len(blocks)
            known[key] = len(block.entries) - len(blocks) + inner
        return known[key]

    return count(run, depth)


def _end(label: str) -> Part:
    return Part(label, label, "", "end")


@dataclass(slots=True)
class _Place:
    """Where a tensor stands: the node that makes it, its shape, and whether an edge has said it."""

    node: str
    shape: Shape
    said: bool = False


class _Drawing:
    """Walks through a network and notes the edges on its way."""

    def __init__(self) -> None:
        self.edges: list[Edge] = []

    def connect(self, place: _Place, node: Node) -> None:
        """Draw a tensor's way to a reader."""
        self.edges.append(Edge(place.node, node.id, "" if place.said else str(place.shape)))
        place.said = True

    def body(
        self,
        run: BlockRun,
        prefix: str,
        sources: list[_Place],
        members: list[Node | Cluster],
        depth: int,
        times: int,
    ) -> dict[int, _Place]:
        """Draw a body that runs some times; where each of its tensors stands in the end."""
        places = dict(enumerate(sources))
        readers = Counter(number for entry in run.entries for number in entry.sources)
        readers.update(tensor.number for tensor in (run.output, *run.outputs.values()))
        last: Entry | None = None
        for entry in run.entries:
            if last is not None and _goes_on(last, entry, readers):
                node = members[-1]
                assert isinstance(node, Node)
                node.parts.append(_part(entry, prefix, times))
                places[entry.target] = _Place(node.id, run.tensors[entry.target].shape)
            else:
                self.entry(entry, run, prefix, places, members, depth, times)
            last = entry
        return places

    def entry(
        self,
        entry: Entry,
        run: BlockRun,
        prefix: str,
        places: dict[int, _Place],
        members: list[Node | Cluster],
        depth: int,
        times: int,
    ) -> None:
        """Draw an entry as a node of its own, or as a cluster."""
        part = _part(entry, prefix, times)
        inner = entry.run
        if isinstance(inner, LayerRun) or depth <= 1 or not inner.entries:
            node = Node(part.name, "layers" if isinstance(inner, LayerRun) else "block", [part])
            members.append(node)
        else:
            node = Node(part.name, "title", [part])
            members.append(Cluster(part.name, [node]))
        for number in entry.sources:
            self.connect(places[number], node)
        outputs = tuple(inner.outputs.values()) if isinstance(inner, BlockRun) else ()
        made = range(entry.target - len(outputs), entry.target + 1)  # a block's named outputs stand before its output
        for number in made:
            places[number] = _Place(node.id, run.tensors[number].shape)
        cluster = members[-1]
        if isinstance(cluster, Cluster) and isinstance(inner, BlockRun):
            source = _Place(node.id, inner.inputs[0], said=True)
            ends = self.body(inner, f"{prefix}{entry.name}.", [source], cluster.members, depth - 1, times * part.turns)
            for number, tensor in zip(made, (*outputs, inner.output), strict=True):
                places[number] = ends[tensor.number]


def _goes_on(last: Entry, entry: Entry, readers: Counter[int]) -> bool:
    """Whether a layer is drawn in one node with the layer before it."""
    run = entry.run
    if not (isinstance(run, LayerRun) and isinstance(last.run, LayerRun)):
        return False
    is_only_reader = entry.sources == (last.target,) and readers[last.target] == 1
    stand_together = last.name.rpartition(".")[0] == entry.name.rpartition(".")[0]
    if not (is_only_reader and stand_together and last.turns == entry.turns == 1):
        return False
    x = run.inputs[0]
    return run.output == x and not run.layer.is_join and run.cost.macs == 0 and run.layer.window(x) is None


def _part(entry: Entry, prefix: str, times: int) -> Part:
    turns = int(entry.turns)
    cost = _cost(entry, times)
    run = entry.run
    name = entry.name
    if entry.turn is not None and turns > 1:
        name += f"-{entry.turn + turns - 1}"
    times *= turns
    if isinstance(run, BlockRun):
        return Part(prefix + name, name, run.kind, "block", turns, times, cost)
    given = _given_name(entry)
    words = f"{given}: {short(run)}" if given else short(run)
    return Part(prefix + name, words, full(run), family(run.layer), turns, times, cost)


def _given_name(entry: Entry) -> str | None:
    """The name that the spec gives a step, if it does."""
    if isinstance(entry.node, Mapping) and "name" in entry.node.entries:
        name = entry.node.entries["name"][1]
        return name.text if isinstance(name, Scalar) else None
    return None


def _cost(entry: Entry, times: int) -> Cost:
    """The cost of all turns, where the body around runs some times; shared weights count once in it."""
    cost = entry.run.cost
    running = (without_params(cost), entry.turns * times)
    if not entry.owns_weights:
        return total([running])
    return total([running, (Cost(params=cost.params), times if entry.shares else entry.turns * times)])
