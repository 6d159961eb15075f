"""How a folded layer is made of the original ones: what realize evaluates to weights."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Final, NamedTuple

from archtool.layer import Layer
from archtool.mixing import Copied
from archtool.shape import Shape
from archtool.stencil import Stencil

MOST_LAYERS: Final = 256  # original ones in a tree: what walks one goes as deep as it is


class Own(NamedTuple):
    """An original layer's own kernel, over the input x; `weights` is the name of the layer that owns them."""

    name: str
    weights: str
    layer: Layer
    x: Shape
    stencil: Stencil

    @property
    def copies(self) -> bool:
        """Whether each of its outputs is one of its inputs, or padding."""
        return isinstance(self.layer.mixing(self.x), Copied)


class Through(NamedTuple):
    """The tensor itself: the kernel that passes it on."""

    stencil: Stencil


class After(NamedTuple):
    """One kernel behind another; `second` reads what `first` makes."""

    first: Tree
    second: Tree
    stencil: Stencil


class Sum(NamedTuple):
    """Kernels of one input added, each with its sign, their taps aligned by position."""

    parts: tuple[Tree, ...]
    signs: tuple[int, ...]
    stencil: Stencil


class Stack(NamedTuple):
    """Kernels of one input whose output channels stand behind each other."""

    parts: tuple[Tree, ...]
    stencil: Stencil


Tree = Own | Through | After | Sum | Stack


def leaves(tree: Tree) -> Iterator[Own]:
    """The original layers in a tree, in the order of the data."""
    if isinstance(tree, Own):
        yield tree
    elif isinstance(tree, After):
        yield from leaves(tree.first)
        yield from leaves(tree.second)
    elif isinstance(tree, Sum | Stack):
        for part in tree.parts:
            yield from leaves(part)


def shared_form(tree: Tree) -> Hashable:
    """A tree by the weights that it takes: two that are equal here make equal weights."""
    match tree:
        case Own():
            return ("own", tree.weights, tree.stencil, tree.layer)
        case Through():
            return ("through", tree.stencil)
        case After():
            return ("after", shared_form(tree.first), shared_form(tree.second))
        case Sum():
            return ("sum", tree.stencil, tree.signs, *map(shared_form, tree.parts))
        case Stack():
            return ("stack", tree.stencil, *map(shared_form, tree.parts))


def is_scale(tree: Tree) -> bool:
    """Whether it is made of scales and shifts alone."""
    return not any(leaf.layer.is_conv for leaf in leaves(tree))
