"""Folding: linear layers of a network are composed into fewer, wherever that is exactly the same function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from archtool.algebra.folding.composing import Refused, composed, holds
from archtool.algebra.folding.folding import FoldedLayer, Folding, Refusal
from archtool.algebra.folding.graph import Graph, Node, passes, stated_once
from archtool.algebra.folding.joining import Path, behind_each_other, bundles, layers_of, runs_of, stretches, total
from archtool.algebra.folding.laying import laid
from archtool.algebra.folding.sharing import clashes, owners_of
from archtool.algebra.folding.told import named, verdict
from archtool.algebra.folding.trees import MOST_LAYERS, After, Tree
from archtool.field import joined
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layer import Join
from archtool.runs import join_run
from archtool.shape import Shape
from archtool.size import Size, all_of, at_most

SIGNED = {"add": 1, "subtract": -1}  # of all tensors but the first


def fold(flat: FlatNetwork, *, dense: bool = False) -> Folding:
    """A network's linear layers composed into the fewest, as it runs at inference.

    Layers are folded where the result is exactly equal at every position, the border included, and where neither the
    numbers that are stored (parameters and running statistics) nor the multiply-adds grow; with `dense` wherever it is
    exactly equal. On sizes that vary, what is not certain for all of them is left as it is.
    """
    with stated_once(flat):
        pinned: dict[str, str] = {}
        while True:
            attempt = _Pass(flat, dense, pinned)
            attempt.run()
            found = clashes(attempt.graph)
            if not found:
                return _result(attempt)
            pinned |= found


class _Pass:
    """One attempt, in which the layers with the weights `pinned` stay as they are."""

    def __init__(self, flat: FlatNetwork, dense: bool, pinned: Mapping[str, str]) -> None:
        self.flat = flat
        self.graph = Graph(flat)
        self.dense = dense
        self.pinned = pinned
        self.gone: list[str] = []
        self.refused: dict[tuple[str, ...], Refusal] = {}
        for node in self.graph:
            if node.weights in pinned:
                node.tree = None

    def run(self) -> None:
        """Fold until nothing changes any more; what was refused last stays refused."""
        changed = True
        while changed:
            changed = False
            self.refused = {}
            for node in self.graph:
                changed |= self.node(node)

    def node(self, node: Node) -> bool:
        """Fold what ends in a layer; whether anything changed."""
        if passes(node.run) and self.may_skip(node):
            self.gone.append(node.name)
            self.graph.skip(node)
            return True
        try:
            if node.run.kind in SIGNED:
                return self.sum(node)
            if node.run.kind == "concat":
                return self.stack(node)
            return self.chain(node)
        except Refused as reason:
            self.refuse((self.graph.nodes[node.sources[0]].name, node.name), reason)
            return False

    def refuse(self, layers: tuple[str, ...], reason: Refused) -> None:
        self.refused[layers] = Refusal(layers, reason.rule, str(reason))

    def may_skip(self, node: Node) -> bool:
        """Whether the tensor that a layer hands on can stand for what it makes: an output of the network is the
        output of a layer of its own."""
        source, graph = node.sources[0], self.graph
        if node.target in graph.kept or (node.run.kind == "identity" and len(graph.nodes) == 1):
            return False
        return not graph.is_wanted(node.target) or not (graph.is_wanted(source) or source < len(graph.inputs))

    # --- one behind the other -----------------------------------------------------------------------------------

    def chain(self, node: Node) -> bool:
        before = self.graph.nodes.get(node.sources[0])
        if before is None or node.weights in self.pinned or before.weights in self.pinned:
            self.note_pinned(before, node)
            return False
        if node.tree is None or before.tree is None:
            return False
        if not self.graph.is_private(before.target):
            others = [each.name for each in self.graph.readers[before.target] if each is not node]
            needed = f"{named(*others)} reads it too" if others else "it is an output of the network"
            raise Refused("needed", "what the first makes is needed as it is: " + needed)
        x, y = before.input, node.run.output
        check_length([before, node])
        stencil = composed(before.tree.stencil, x, before.run.output, node.tree.stencil, y)
        new = self.made(After(before.tree, node.tree, stencil), x, y, [before, node], node)
        new.sources = [*before.sources]
        self.check_cost(new, [before, node])
        self.graph.replace(node, new)
        self.graph.remove(before)
        return True

    def note_pinned(self, before: Node | None, node: Node) -> None:
        if before is None or node.run.layer.is_join:
            return
        for each in (before, node):
            if each.weights in self.pinned and self.is_linear(before) and self.is_linear(node):
                self.refuse((before.name, node.name), Refused("shared weights", self.pinned[each.weights]))

    @staticmethod
    def is_linear(node: Node) -> bool:
        return not node.run.layer.is_join and node.run.layer.stencil(node.input) is not None

    def made(self, tree: Tree, x: Shape, y: Shape, nodes: Sequence[Node], last: Node) -> Node:
        """The layer of a tree in the place of some, the last of which makes its tensor."""
        names = tuple(name for node in nodes for name in node.made)
        greatest = max(nodes, key=lambda node: node.numbers if isinstance(node.numbers, int) else 1)
        name = greatest.name
        if last.run.layer.is_join:
            name = _beside(last.name, laid(tree, x, y).kind)
        return Node(name, laid(tree, x, y), [], last.target, last.fields, "", True, tree, names, last.makes)

    def check_cost(self, new: Node, old: Sequence[Node]) -> None:
        """Refused where a layer costs more than those that it stands for."""
        if self.dense:
            return
        numbers = _sum([node.numbers for node in old]), new.numbers
        macs = _sum([node.run.cost.macs for node in old]), new.run.cost.macs
        if not holds(all_of(at_most(numbers[1], numbers[0]), at_most(macs[1], macs[0]))):
            raise Refused("cost", verdict(numbers, macs))

    # --- beside each other --------------------------------------------------------------------------------------

    def sum(self, join: Node) -> bool:
        if join.taken is not True or stretches(self.graph, join):
            return False
        return any(self.bundle(join, bundle) for bundle in bundles(self.graph, join))

    def bundle(self, join: Node, bundle: Sequence[Path]) -> bool:
        """Lay the paths of a bundle, one after the other, into the first of them."""
        x, y = self.graph.shapes[bundle[0].source], join.run.output
        chosen, best = [bundle[0]], None
        for path in bundle[1:]:
            tried = [*chosen, path]
            signs = self.signs(join, tried)
            try:
                check_length(_nodes(tried))
                new = self.made(total(tried, signs, x, y), x, y, _nodes(tried), join)
                self.check_cost(new, _nodes(tried))
            except Refused as reason:
                ends = tuple((each.nodes[-1].name if each.nodes else "what they read") for each in (chosen[0], path))
                if chosen[0].nodes and path.nodes:
                    self.refuse(ends, reason)
                continue
            chosen, best = tried, new
        if best is None:
            return False
        self.put(join, best, chosen)
        return True

    def signs(self, join: Node, chosen: Sequence[Path]) -> list[int]:
        """The sign of each path in the tensor that they make together, which itself stands at the first of their
        places."""
        if join.run.kind == "add" or min(path.place for path in chosen) > 0:
            return [1] * len(chosen)
        return [1 if path.place == 0 else SIGNED[join.run.kind] for path in chosen]

    def stack(self, join: Node) -> bool:
        if join.taken is not True:
            return False
        for run in runs_of(self.graph, join):
            x = self.graph.shapes[run[0].source]
            channels = _sum([path.tree.stencil.out for path in run])
            y = join.run.output._replace(channels=channels)
            nodes = _nodes(run)
            try:
                check_length(nodes)
                new = self.made(behind_each_other(run, x, y), x, y, nodes, join)
                self.check_cost(new, nodes)
            except Refused as reason:
                if all(path.nodes for path in run):
                    self.refuse(tuple(node.name for node in nodes), reason)
                continue
            self.put(join, new, run)
            return True
        return False

    def put(self, join: Node, new: Node, chosen: Sequence[Path]) -> None:
        """Put a layer in the place of some paths of a join: of the join itself where they are all."""
        graph, nodes = self.graph, _nodes(chosen)
        new.sources = [chosen[0].source]
        if len(chosen) == len(join.sources):
            graph.replace(join, new)
            for node in reversed(nodes):
                graph.remove(node)
            return
        places = {path.place for path in chosen}
        last = max(nodes, key=lambda node: node.target)  # behind whatever its input is made by
        first = min(places)
        ends = [node.fields for node in nodes if node.target in join.sources]
        new.name, new.target = max(nodes, key=lambda node: _rank(node.numbers)).name, last.target
        new.makes = None
        new.fields = tuple(joined(list(fields), new.run.output.axes) for fields in zip(*ends, strict=True))
        kept = [
            new.target if place == first else source
            for place, source in enumerate(join.sources)
            if place == first or place not in places
        ]
        for node in nodes:
            if node is not last:
                graph.remove(node)
        graph.shapes[new.target] = new.run.output
        layer = join.run.layer
        assert isinstance(layer, Join)
        rest = Node(
            join.name, join_run(layer, tuple(graph.shapes[source] for source in kept)), kept, join.target, join.fields,
            join.weights, join.taken, None, join.made, join.makes,
        )  # fmt: skip
        graph.replace(join, rest)
        graph.replace(last, new)


def check_length(nodes: Sequence[Node]) -> None:
    """Refused where one layer would be made of more original ones than a tree may have."""
    if layers_of(nodes) > MOST_LAYERS:
        raise Refused("length", f"one would stand for {layers_of(nodes):,} layers; it may for {MOST_LAYERS}")


def _nodes(paths: Sequence[Path]) -> list[Node]:
    return sorted((node for path in paths for node in path.nodes), key=lambda node: node.target)


def _rank(size: Size) -> int:
    return size if isinstance(size, int) else 1


def _sum(sizes: Sequence[Size]) -> Size:
    total: Size = 0
    for size in sizes:
        total = total + size
    return total


def _beside(name: str, kind: str) -> str:
    """The name of a layer of that kind in the place of a join."""
    return ".".join([*name.split(".")[:-1], kind])


def _result(attempt: _Pass) -> Folding:
    """The folded network, its tensors numbered anew and its layers named apart."""
    graph = attempt.graph
    numbers = count(len(graph.inputs))
    places = {number: number for number in range(len(graph.inputs))}
    names: dict[int, str] = {}
    used: set[str] = set()
    for node in [*(each for each in graph if each.original), *(each for each in graph if not each.original)]:
        names[node.target] = _unused(node.name, used)
    owners = owners_of(graph, names)
    layers, folded = [], []
    for tensor in sorted([*graph.nodes, *graph.merges]):
        places[tensor] = next(numbers)
    for node in graph:
        name = names[node.target]
        sources = tuple([places[source] for source in node.sources])
        if node.original is not None:
            layer = node.original._replace(
                name=name, sources=sources, target=places[node.target], weights=owners[node.target]
            )
        else:
            layer = FlatLayer(name, node.run, sources, places[node.target], node.fields, owners[node.target])
        layers.append(layer)
        is_new = node.tree is not None and node.original is None
        folded.append(FoldedLayer(name, node.made, node.tree if is_new else None, node.makes))
    outputs = {name: places[number] for name, number in graph.outputs.items()}
    merges = {
        places[tensor]: merged._replace(yes=places[merged.yes], no=places[merged.no])
        for tensor, merged in graph.merges.items()
    }
    network = FlatNetwork(graph.inputs, layers, outputs, merges)
    return Folding(
        original=attempt.flat, network=network, layers=tuple(folded), gone=tuple(attempt.gone),
        refused=tuple(attempt.refused.values()),
    )  # fmt: skip


def _unused(name: str, used: set[str]) -> str:
    """A name that no other layer has."""
    numbers = count(2)
    found = name
    while found in used:
        found = f"{name}{next(numbers)}"
    used.add(found)
    return found
