"""The network while it is folded: layers that lose their neighbours, and tensors that change their makers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from archtool.algebra.folding.trees import Own, Tree
from archtool.flatten import Fields, FlatLayer, FlatNetwork
from archtool.mixing import Copied
from archtool.runs import LayerRun
from archtool.shape import Shape
from archtool.size import Condition, Size
from archtool.trace import Expr


@dataclass(slots=True, eq=False)
class Node:
    """A layer as it stands: what it is made of (`made`, names of original layers) and, where it is linear, how; it
    `makes` what the original layer of that name makes (none: a part of a sum)."""

    name: str
    run: LayerRun
    sources: list[int]
    target: int
    fields: Fields
    weights: str
    taken: Condition
    tree: Tree | None
    made: tuple[str, ...]
    makes: str | None
    original: FlatLayer | None = None

    @property
    def input(self) -> Shape:
        """The shape of the first tensor that it reads."""
        return self.run.inputs[0]

    @property
    def numbers(self) -> Size:
        """The numbers that it holds: its parameters, and the running statistics that stand beside them."""
        return self.run.cost.params + self.run.layer.buffers(self.input).get("same", 0)


@contextmanager
def stated_once(flat: FlatNetwork) -> Iterator[None]:
    """Layers that are asked again what they are, on sizes that vary, state their rules again: that leaves no trace."""
    traces = [size.trace for x in flat.inputs.values() for size in x.dims if isinstance(size, Expr)]
    problems = [*traces[0].problems] if traces else []
    try:
        yield
    finally:
        if traces:
            traces[0].problems[:] = problems


def own_tree(layer: FlatLayer) -> Own | None:
    """A layer as a kernel by itself; None where it is none, where some designs lack it, and where it stands for several
    turns of a repeat: the next turn is behind it, not the next layer."""
    if layer.taken is not True or layer.times != 1 or layer.run.layer.is_join or len(layer.run.inputs) > 1:
        return None
    x = layer.run.inputs[0]
    stencil = layer.run.layer.stencil(x)
    return None if stencil is None else Own(layer.name, layer.weights, layer.run.layer, x, stencil)


def passes(run: LayerRun) -> bool:
    """Whether a layer hands its input on, element by element, at inference."""
    layer, x = run.layer, run.inputs[0]
    if layer.is_join or len(run.inputs) > 1 or run.output != x or layer.window(x) is not None:
        return False
    return layer.mixing(x) == Copied()


class Graph:
    """The nodes by the tensor that they make, in the order of execution, and who reads each tensor."""

    def __init__(self, flat: FlatNetwork) -> None:
        self.inputs = flat.inputs
        self.outputs = dict(flat.outputs)
        self.nodes: dict[int, Node] = {}
        self.readers: dict[int, list[Node]] = {}
        self.merges = flat.merges
        self.kept = {end for merged in flat.merges.values() for end in (merged.yes, merged.no)}
        self.shapes: dict[int, Shape] = dict(enumerate(flat.inputs.values()))
        for layer in flat.layers:
            node = Node(
                layer.name, layer.run, list(layer.sources), layer.target, layer.fields, layer.weights, layer.taken,
                own_tree(layer), (layer.name,), layer.name, layer,
            )  # fmt: skip
            self.nodes[layer.target] = node
            self.shapes[layer.target] = layer.run.output
            for source in layer.sources:
                self.readers.setdefault(source, []).append(node)

    def __iter__(self) -> Iterator[Node]:
        """The nodes in the order of execution, those that are taken out on the way left out."""
        for target in list(self.nodes):
            if target in self.nodes:
                yield self.nodes[target]

    def is_private(self, tensor: int) -> bool:
        """Whether one layer alone reads a tensor, once, and nothing else needs it."""
        return len(self.readers.get(tensor, ())) == 1 and not self.is_wanted(tensor)

    def is_wanted(self, tensor: int) -> bool:
        """Whether a tensor is an output of the network, or what one may be."""
        return tensor in self.outputs.values() or tensor in self.kept

    def remove(self, node: Node) -> None:
        """Take a layer out; who reads what it makes is left as it is."""
        del self.nodes[node.target]
        for source in node.sources:
            self.readers[source].remove(node)

    def replace(self, node: Node, by: Node) -> None:
        """Put another layer, which makes the same tensor, in the place of one."""
        for source in node.sources:
            self.readers[source].remove(node)
        self.nodes[node.target] = by
        for source in by.sources:
            self.readers.setdefault(source, []).append(by)

    def skip(self, node: Node) -> None:
        """Take out a layer that hands its input on: who read what it makes reads what it read."""
        source = node.sources[0]
        self.remove(node)
        for reader in self.readers.pop(node.target, []):
            reader.sources = [source if each == node.target else each for each in reader.sources]
            self.readers[source].append(reader)
        self.outputs = {name: source if each == node.target else each for name, each in self.outputs.items()}
