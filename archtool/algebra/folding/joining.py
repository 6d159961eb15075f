"""Branches of a join that are one kernel: parallel linear paths from one tensor, added or put behind each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from archtool.algebra.folding.composing import Refused, added, composed, stacked
from archtool.algebra.folding.graph import Graph, Node
from archtool.algebra.folding.trees import MOST_LAYERS, After, Stack, Sum, Through, Tree
from archtool.shape import Shape
from archtool.stencil import per_channel


class Path(NamedTuple):
    """A kernel from the tensor `source` to the join's tensor number `place`, and the layers that it stands for."""

    place: int
    source: int
    tree: Tree
    nodes: tuple[Node, ...]


def paths(graph: Graph, place: int, tensor: int) -> Iterator[Path]:
    """The kernels that end in a join's tensor: of itself, of the layer that makes it, of that and the one before ..."""
    shape = graph.shapes[tensor]
    yield Path(place, tensor, Through(per_channel(shape, False)), ())
    tree: Tree | None = None
    nodes: tuple[Node, ...] = ()
    while graph.is_private(tensor) and (node := graph.nodes.get(tensor)) and node.tree is not None:
        if layers_of((node, *nodes)) > MOST_LAYERS:
            return
        try:
            tree = node.tree if tree is None else _behind(node, tree, shape)
        except Refused:
            return
        tensor, nodes = node.sources[0], (node, *nodes)
        yield Path(place, tensor, tree, nodes)


def layers_of(nodes: Iterable[Node]) -> int:
    """How many original layers some stand for."""
    return sum(len(node.made) for node in nodes)


def _behind(node: Node, tree: Tree, y: Shape) -> Tree:
    """A kernel that ends in y with the layer that makes its input before it."""
    assert node.tree is not None
    return After(node.tree, tree, composed(node.tree.stencil, node.input, node.run.output, tree.stencil, y))


def bundles(graph: Graph, join: Node) -> Iterator[list[Path]]:
    """The paths of a join that start at one tensor, for each such tensor of several paths: where most do first, nearest
    to the join first; in each the one of most taps and channels first."""
    every = [path for place, tensor in enumerate(join.sources) for path in paths(graph, place, tensor)]
    shared = Counter(source for source, _ in {(path.source, path.place) for path in every})
    order = {source: rank for rank, source in enumerate([-1, *graph.nodes])}
    for source in sorted(shared, key=lambda each: (-shared[each], -order.get(each, 0))):
        bundle = {path.place: path for path in every if path.source == source}
        if len(bundle) > 1 and any(path.nodes for path in bundle.values()):
            yield sorted(bundle.values(), key=_weight, reverse=True)


def _weight(path: Path) -> tuple[bool, int, int, int]:
    """Which of several paths the others are laid into: on sizes that vary the longest, else as they come."""
    taps, groups = path.tree.stencil.taps, path.tree.stencil.groups
    return (
        bool(path.nodes),
        taps if isinstance(taps, int) else len(path.nodes),
        -groups if isinstance(groups, int) else 0,
        -path.place,
    )


def total(chosen: Sequence[Path], signs: Sequence[int], x: Shape, y: Shape) -> Tree:
    """The kernel of some paths' sum."""
    ordered = sorted(zip(chosen, signs, strict=True), key=lambda each: each[0].place)
    trees = tuple(path.tree for path, _ in ordered)
    return Sum(trees, tuple(sign for _, sign in ordered), added([tree.stencil for tree in trees], x, y))


def behind_each_other(chosen: Sequence[Path], x: Shape, y: Shape) -> Tree:
    """The kernel of some paths' concatenation."""
    trees = tuple(path.tree for path in chosen)
    return Stack(trees, stacked([tree.stencil for tree in trees], x, y))


def runs_of(graph: Graph, join: Node) -> Iterator[list[Path]]:
    """Neighbouring paths of a concatenation from one tensor, each the tensor itself or one layer: the longest, from the
    left."""
    ways = [list(islice(paths(graph, place, tensor), 2)) for place, tensor in enumerate(join.sources)]
    at = 0
    while at < len(ways):
        runs = [list(_from(ways[at:], start.source)) for start in ways[at]]
        best = max(runs, key=len)
        if len(best) > 1 and any(path.nodes for path in best):
            yield best
        at += len(best)


def _from(ways: Iterable[list[Path]], source: int) -> Iterator[Path]:
    """The first paths, one of each of several ways, as long as there is one from a tensor."""
    for each in ways:
        found = next((path for path in each if path.source == source), None)
        if found is None:
            return
        yield found


def stretches(graph: Graph, join: Node) -> bool:
    """Whether some tensor of an elementwise join stretches to the others' size, so that it is no plain sum."""
    return any(graph.shapes[source].dims != join.run.output.dims for source in join.sources)
