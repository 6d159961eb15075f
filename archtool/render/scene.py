"""What a picture of a network shows, before anyone decides how it looks: nodes, clusters of nodes, edges.

A layer that keeps its input's shape and sees nothing around it (norm, activation, dropout) is drawn in one node with
the layer before it, if that layer has no other reader.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from archtool.cost import Cost, total
from archtool.errors import RuleError
from archtool.render.words import family, full, short
from archtool.runs import ONCE, BlockRun, Count, Entry, LayerRun, count_of, entry_costs
from archtool.shape import Shape
from archtool.spec.reader import Mapping, Scalar

MOST: Final = 3_000  # layers and folded blocks that a picture may show
LEGIBLE: Final = 200  # as many as a picture shows unless asked for more


class Part(NamedTuple):
    """A layer or a block: its whole name, what is written there (a layer's kind and fields, a block's own name), and
    the detail (all of a layer's fields, a block's kind).

    `turns` is how many equal turns of a repeat it stands for, `counts` how often it runs, with the turns of the blocks
    around it; `cost` is that of all of them.
    """

    name: str
    words: str
    detail: str
    family: str
    turns: int = 1
    counts: Count = ONCE
    cost: Cost = Cost()


@dataclass(slots=True)
class Node:
    """One thing to draw. `role` is what it stands for: 'layers' (one part each, in order), 'block' (folded), 'title'
    (of a cluster, where the block's input enters), 'tensor' (its shape, on the way to its readers), 'end' (an input or
    an output), 'tag' (where a wrapped picture goes on)."""

    id: str
    role: str
    parts: list[Part]


@dataclass(slots=True)
class Cluster:
    """A block drawn with what is in it; the first member is its title."""

    id: str
    members: list[Node | Cluster] = field(default_factory=list)


class Edge(NamedTuple):
    """From what makes a tensor to the tensor, or from there to a reader: the ids of two nodes."""

    tail: str
    head: str


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
    members: list[Node | Cluster] = []
    sources = []
    for label, shape in zip(inputs, run.inputs, strict=True):
        node = _plain(f"@{label}", "end", label)
        members.append(node)
        sources.append(drawing.tensor(node, 0, shape, members))
    ends = drawing.body(run, "", sources, members, depth, ONCE)
    for label, tensor in (run.outputs or {"output": run.output}).items():
        node = _plain(f"@out.{label}", "end", label)
        members.append(node)
        drawing.edges.append(Edge(ends[tensor.number], node.id))
    return Scene(name, members, drawing.edges)


def legible_depth(run: BlockRun) -> int:
    """The greatest depth at which at most LEGIBLE layers and folded blocks are drawn, at least 1."""
    return next((depth for depth in range(levels(run), 1, -1) if size(run, depth) <= LEGIBLE), 1)


def levels(run: BlockRun) -> int:
    """How many levels of blocks a network has, itself included."""
    known: dict[int, int] = {}

    def count(block: BlockRun) -> int:
        if id(block) not in known:
            inner = (count(entry.run) for entry in block.entries if isinstance(entry.run, BlockRun))
            known[id(block)] = 1 + max(inner, default=0)
        return known[id(block)]

    return count(run)


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


def _plain(id: str, role: str, words: str) -> Node:
    return Node(id, role, [Part(words, words, "", role)])


class _Drawing:
    """Walks through a network and notes the edges on its way. Tensors are known by the ids of their nodes."""

    def __init__(self) -> None:
        self.edges: list[Edge] = []

    def tensor(self, maker: Node, number: int, shape: Shape, members: list[Node | Cluster]) -> str:
        """Draw a tensor behind its maker."""
        node = _plain(f"{maker.id}>{number}", "tensor", str(shape))
        members.append(node)
        self.edges.append(Edge(maker.id, node.id))
        return node.id

    def body(
        self, run: BlockRun, prefix: str, sources: list[str], members: list[Node | Cluster], depth: int, around: Count
    ) -> dict[int, str]:
        """Draw a body that counts so often; its tensors by their numbers in it."""
        tensors = dict(enumerate(sources))
        readers = Counter(number for entry in run.entries for number in entry.sources)
        readers.update(tensor.number for tensor in (run.output, *run.outputs.values()))
        node: Node | None = None  # of layers that wait for one that goes on
        for entry, following in zip(run.entries, (*run.entries[1:], None), strict=False):  # of none, none
            part = _part(entry, prefix, around)
            if node is None:
                inner = entry.run
                if isinstance(inner, BlockRun) and inner.entries and depth > 1:
                    tensors.update(self.cluster(entry, inner, part, f"{prefix}{entry.name}.", tensors, members, depth))
                    continue
                node = Node(part.name, "layers" if isinstance(inner, LayerRun) else "block", [part])
                members.append(node)
                self.edges += [Edge(tensors[number], node.id) for number in entry.sources]
            else:
                node.parts.append(part)
            if following is not None and _goes_on(entry, following, readers):
                continue
            for number in _made(entry):
                if readers[number]:
                    tensors[number] = self.tensor(node, number, run.tensors[number].shape, members)
            node = None
        return tensors

    def cluster(
        self,
        entry: Entry,
        inner: BlockRun,
        title: Part,
        prefix: str,
        tensors: dict[int, str],
        members: list[Node | Cluster],
        depth: int,
    ) -> dict[int, str]:
        """Draw a block with what is in it; the tensors that it makes, by their numbers around it."""
        node = Node(title.name, "title", [title])
        cluster = Cluster(title.name, [node])
        members.append(cluster)
        self.edges += [Edge(tensors[number], node.id) for number in entry.sources]
        ends = self.body(inner, prefix, [node.id], cluster.members, depth - 1, title.counts)
        made = (*inner.outputs.values(), inner.output)
        return {number: ends[tensor.number] for number, tensor in zip(_made(entry), made, strict=True)}


def _made(entry: Entry) -> range:
    """The tensors that an entry makes: a block's named outputs stand before its output."""
    outputs = len(entry.run.outputs) if isinstance(entry.run, BlockRun) else 0
    return range(entry.target - outputs, entry.target + 1)


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


def _part(entry: Entry, prefix: str, around: Count) -> Part:
    turns = int(entry.turns)
    cost = total(entry_costs(entry, around))
    count = count_of(entry, around)
    run = entry.run
    name = entry.name
    if entry.turn is not None and turns > 1:
        name += f"-{entry.turn + turns - 1}"
    if isinstance(run, BlockRun):
        return Part(prefix + name, name, run.kind, "block", turns, count, cost)
    given = _given_name(entry)
    words = f"{given}: {short(run)}" if given else short(run)
    return Part(prefix + name, words, full(run), family(run.layer), turns, count, cost)


def _given_name(entry: Entry) -> str | None:
    """The name that the spec gives a step, if it does."""
    if isinstance(entry.node, Mapping) and "name" in entry.node.entries:
        name = entry.node.entries["name"][1]
        return name.text if isinstance(name, Scalar) else None
    return None
