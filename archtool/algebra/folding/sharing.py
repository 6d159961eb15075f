"""Weights that several layers share: folded alike everywhere, or nowhere."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from archtool.algebra.folding.graph import Graph
from archtool.algebra.folding.trees import leaves, shared_form


def clashes(graph: Graph) -> dict[str, str]:
    """Weights that would have to be several at once, as things stand, and why: they have to stay."""
    uses: dict[str, list[object]] = defaultdict(list)
    for node in graph:
        if node.original is not None:
            uses[node.weights].append(None)
        elif node.tree is not None:
            form = (shared_form(node.tree), node.run.layer, node.run.inputs)
            for leaf in leaves(node.tree):
                uses[leaf.weights].append(form)
    found = {}
    for owner, forms in uses.items():
        if len(forms) > 1 and (len({*forms}) > 1 or _is_twice_in_one(graph, owner)):
            found[owner] = f"the weights of '{owner}' are shared: folded, each use would need weights of its own"
    return found


def _is_twice_in_one(graph: Graph, owner: str) -> bool:
    trees = [node.tree for node in graph if node.original is None and node.tree is not None]
    return any([leaf.weights for leaf in leaves(tree)].count(owner) > 1 for tree in trees)


def owners_of(graph: Graph, names: Mapping[int, str]) -> dict[int, str]:
    """For each layer, by its tensor, the name of the layer whose weights it has: folds of the same weights share
    theirs."""
    first: dict[object, str] = {}
    owners = {}
    for node in graph:
        name = names[node.target]
        if node.original is None and node.tree is not None:
            key: object = shared_form(node.tree)
        else:
            key = node.weights
        owners[node.target] = first.setdefault(key, name)
    return owners
