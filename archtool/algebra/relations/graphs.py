"""A network as few nodes: its linear parts, each as large as its kernels are known exactly, and what is between them.

Layers that change nothing at inference (identity, dropout, another layout of the same positions) are no nodes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

from archtool.algebra.relations.parts import Part, added, chained, identity, leaf, passes, stacked
from archtool.algebra.structure.flow import AT_INFERENCE
from archtool.errors import RuleError
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layer import Join
from archtool.mixing import Chosen, Concatenated, Multiplied, Summed
from archtool.shape import Shape
from archtool.size import all_of, equal


class Open(RuleError):
    """Networks that can't be told as graphs of nodes, or compared as such: a network's layers vary with its sizes, or
    there are too many ways in which two correspond."""


@dataclass(frozen=True, eq=False, slots=True)
class Source:
    """An input of the network."""

    number: int
    shape: Shape


@dataclass(frozen=True, eq=False, slots=True)
class Linear:
    """A linear part, of one tensor."""

    part: Part
    of: Node
    shape: Shape


@dataclass(frozen=True, eq=False, slots=True)
class Other:
    """Any other layer, of its tensors; where `in_any_order` the order of them makes no difference. `weights` is the
    name of the layer whose weights it uses."""

    layer: FlatLayer
    of: tuple[Node, ...]
    in_any_order: bool
    shape: Shape

    @property
    def weights(self) -> str:
        """The name of the layer whose weights (running statistics among them) it uses; empty where it has none."""
        run = self.layer.run
        has_none = equal(run.cost.params, 0) is True and not run.layer.buffers(run.inputs[0])
        return "" if has_none else self.layer.weights


Node = Source | Linear | Other


class Graph(NamedTuple):
    """A network's inputs' shapes in order, its outputs by name, with their shapes."""

    inputs: tuple[Shape, ...]
    outputs: dict[str, tuple[Node, Shape]]
    assumptions: tuple[str, ...] = (AT_INFERENCE,)


def graph(flat: FlatNetwork, *, loosely: bool = False, whole: bool = False) -> Graph:
    """The nodes of a network; raises Open where some layer is there in some designs alone. `loosely`: linear parts are
    as large as a set is known that holds all their kernels. `whole`: of kernels the taps that never read the input
    too."""
    if flat.merges or any([layer.taken is not True for layer in flat.layers]):
        raise Open("which layers it has varies with its sizes")
    if any([equal(layer.times, 1) is not True for layer in flat.layers]):
        raise Open("how many turns a repeat has varies with its sizes")
    return _Reading(flat, loosely, whole).graph()


class _Reading:
    """Makes nodes of a network's tensors, from the inputs on."""

    def __init__(self, flat: FlatNetwork, loosely: bool, whole: bool) -> None:
        self.flat, self.loosely, self.whole = flat, loosely, whole
        self.uses = Counter([source for layer in flat.layers for source in layer.sources])
        self.uses.update(flat.outputs.values())
        self.sharing = Counter([layer.weights for layer in flat.layers])
        self.nodes: dict[int, Node] = {
            number: Source(number, shape) for number, shape in enumerate(flat.inputs.values())
        }
        self.used: Counter[Node] = Counter()  # how often a node's tensor is taken, other layouts of it included
        self.used.update({self.nodes[number]: self.uses[number] for number in self.nodes})
        self.shapes = dict(enumerate(flat.inputs.values()))

    def graph(self) -> Graph:
        for layer in self.flat.layers:
            self.shapes[layer.target] = layer.run.output
            node = self.made(layer)
            self.nodes[layer.target] = node
            self.used[node] += self.uses[layer.target] - (1 if passes(layer.run) else 0)
        outputs = {name: (self.nodes[number], self.shapes[number]) for name, number in self.flat.outputs.items()}
        return Graph(tuple(self.flat.inputs.values()), outputs)

    def made(self, layer: FlatLayer) -> Node:
        """The node of a layer's output."""
        of = tuple([self.nodes[source] for source in layer.sources])
        run = layer.run
        if passes(run):
            return of[0]
        own = leaf(layer, whole=self.whole) if self.sharing[layer.weights] == 1 else None
        if own is not None:
            return self.behind(own, of[0], run.output)
        mixing = run.layer.mixing(run.inputs[0])
        joins = isinstance(run.layer, Join)
        if joins and isinstance(mixing, Summed) and mixing.others == 1:
            return self.parallel(layer, of, partial(added, loosely=self.loosely))
        if joins and isinstance(mixing, Concatenated) and self.loosely:
            return self.parallel(layer, of, stacked)
        in_any_order = joins and isinstance(mixing, Multiplied | Chosen)
        return Other(layer, of, in_any_order, run.output)

    def alone(self, node: Node, takers: int = 1) -> bool:
        """Whether a node's tensor is taken so many times: then what takes it may be one part with it. A part that is
        looked at alone (`loosely`) may stand in several."""
        return self.used[node] == takers or self.loosely

    def behind(self, part: Part, of: Node, shape: Shape, takers: int = 1) -> Node:
        """A part behind a node, as one node with it where that can be and none but so many takers in it have it."""
        if isinstance(of, Linear) and self.alone(of, takers):
            both = chained(of.part, part, loosely=self.loosely)
            if both is not None:
                return Linear(both, of.of, shape)
        return Linear(part, of, shape)

    def parallel(self, layer: FlatLayer, of: tuple[Node, ...], join: Callable[[tuple[Part, ...]], Part | None]) -> Node:
        """A sum, or channels behind each other, as one linear part where all its tensors come from one and `join`
        makes one of them; sums of sums are one."""
        shape, sums = layer.run.output, not isinstance(layer.run.layer.mixing(layer.run.inputs[0]), Concatenated)
        if not sums or all([_alike(each, shape) for each in layer.run.inputs]):
            of = tuple([inner for each in of for inner in (self.terms(each, shape) if sums else (each,))])
            bases = [each.of for each in of if isinstance(each, Linear) and self.alone(each)]
            for base in dict.fromkeys([*bases, *of]):
                parts = [part for each in of if (part := self.over(each, base)) is not None]
                together = join(tuple(parts)) if len(parts) == len(of) else None
                if together is not None:
                    takers = sum([each is base or (isinstance(each, Linear) and each.of is base) for each in of])
                    return self.behind(together, base, shape, takers)
        return Other(layer, of, sums, shape)

    def terms(self, node: Node, shape: Shape) -> tuple[Node, ...]:
        """The terms of a sum that only a sum takes; else the node."""
        inner = isinstance(node, Other) and node.in_any_order and self.alone(node)
        if inner and isinstance(node.layer.run.layer.mixing(shape), Summed):  # type: ignore[union-attr]  # an Other
            return node.of  # type: ignore[union-attr,return-value]  # an Other
        return (node,)

    def over(self, node: Node, base: Node) -> Part | None:
        """A node as a part behind another."""
        if node is base:
            return identity(node.shape)
        if isinstance(node, Linear) and node.of is base and self.alone(node):
            return node.part
        return None


def _alike(one: Shape, other: Shape) -> bool:
    """Whether two shapes are the same for all sizes."""
    if len(one.spatial) != len(other.spatial) or one.is_tokens != other.is_tokens:
        return False
    return all_of(equal(one.channels, other.channels), *map(equal, one.spatial, other.spatial)) is True
