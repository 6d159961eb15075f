"""Folds and refusals in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final

from archtool.algebra.folding.folding import FoldedLayer
from archtool.algebra.folding.trees import After, Own, Stack, Sum, Through, Tree
from archtool.size import Size

MOST_NAMED: Final = 3


def named(*names: str) -> str:
    """Layers by name, of many the first few.

    >>> named("a", "b", "c", "d", "e")
    "'a', 'b', 'c' and 2 more"
    """
    shown = ", ".join(f"'{name}'" for name in names[:MOST_NAMED])
    return shown + (f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else "")


def sentence(layer: FoldedLayer) -> str:
    """How a folded layer is made: `conv is conv, then batch_norm`."""
    assert layer.tree is not None
    return f"{layer.name} is {told(layer.tree)}"


def told(tree: Tree, kinds: bool = False) -> str:
    """A tree in words, the original layers by their names, or by their kinds alone."""
    match tree:
        case Own():
            return _kind(tree) if kinds else tree.name
        case Through():
            return "its input"
        case After():
            return ", then ".join(_rows(_inner(part, kinds) for part in _chain(tree)))
        case Sum():
            parts = zip(tree.signs, tree.parts, strict=True)
            text = " ".join(_rows(f"{'+' if sign > 0 else '-'} {_part(part, kinds)}" for sign, part in parts))
            return text.removeprefix("+ ")
        case Stack():
            return " | ".join(_rows(_part(part, kinds) for part in tree.parts))


def _chain(tree: Tree) -> Iterator[Tree]:
    """What stands behind each other, from the first on."""
    if isinstance(tree, After):
        yield from _chain(tree.first)
        yield from _chain(tree.second)
    else:
        yield tree


def _rows(texts: Iterable[str]) -> Iterator[str]:
    """Many equal ones in a row as one."""
    for text, alike in groupby(texts):
        number = len(list(alike))
        yield from [f"{text} ({number} of them)"] if number > MOST_NAMED else [text] * number


def _part(tree: Tree, kinds: bool) -> str:
    return told(tree, kinds) if isinstance(tree, Own | Through) else f"({told(tree, kinds)})"


def _kind(own: Own) -> str:
    """A layer by its kind, a convolution's kernel beside it: `conv 3x3`."""
    if not own.layer.is_conv or not own.stencil.axes:
        return own.layer.kind
    depthwise = own.stencil.groups == own.x.channels != 1
    kernel = "x".join(str(axis.kernel) for axis in own.stencil.axes)
    return f"{'depthwise ' if depthwise else ''}{own.layer.kind} {kernel}"


def _inner(tree: Tree, kinds: bool) -> str:
    return f"({told(tree, kinds)})" if isinstance(tree, Sum | Stack) else told(tree, kinds)


def verdict(numbers: tuple[Size, Size], macs: tuple[Size, Size]) -> str:
    """What is compared where together costs more, or is not known to cost less: before and after."""
    pairs = [("numbers", numbers), ("multiply-adds", macs)]
    grown = [
        f"{after:,} {what} in place of {before:,}"
        for what, (before, after) in pairs
        if isinstance(before, int) and isinstance(after, int) and after > before
    ]
    if not grown:
        return "whether they cost less together varies with the design"
    return "together they would cost more: " + ", ".join(grown)
