"""Whether a folded kernel can be every kernel of its form: what its weights reach, over all weights of its parts.

The arguments are those of docs/folding.md. What is not shown is not claimed.
"""

from __future__ import annotations

from archtool.algebra.folding.composing import holds
from archtool.algebra.folding.trees import After, Own, Stack, Sum, Through, Tree, leaves
from archtool.size import all_of, any_of, at_most, equal
from archtool.stencil import FIXED, LEARNED, AxisTaps, Stencil


def is_every(tree: Tree) -> bool:
    """Whether any kernel and bias of the tree's form, together, are those of some weights and running statistics."""
    match tree:
        case Own():
            return tree.stencil.weights == LEARNED
        case Through():
            return False
        case After():
            return _apart(tree.first, tree.second) and _after(tree)
        case Sum():
            return _sum(tree)
        case Stack():
            bias = all(part.stencil.bias for part in tree.parts) or not tree.stencil.bias
            fits = all(_covers(part.stencil, tree.stencil) for part in tree.parts)
            return bias and fits and _apart(*tree.parts) and all(map(is_every, tree.parts))


def _after(tree: After) -> bool:
    first, second, whole = tree.first, tree.second, tree.stencil
    if _is_unit(second) and is_every(first) and _same_taps(first.stencil, whole):
        # Scales of 1 leave the first kernel as it is; a shift is free by itself, or there is none.
        return whole.bias == first.stencil.bias or _shifts(second)
    if _is_unit(first) and is_every(second) and _same_taps(second.stencil, whole):
        return whole.bias == second.stencil.bias
    return is_every(first) and is_every(second) and _through_the_middle(tree)


def _through_the_middle(tree: After) -> bool:
    """W = W2 W1 is any matrix where the middle is no narrower than its rows or its columns, since one factor can hold
    the identity there: W2 of a pointwise second, and then any bias of either will do; or W1 of a pointwise first, whose
    bias is not free, as W2 carries it."""
    first, second, whole = tree.first.stencil, tree.second.stencil, tree.stencil
    if not all(holds(equal(each.groups, 1)) for each in (first, second, whole)):
        return False
    if _is_pointwise(second) and holds(at_most(second.out, first.out)):
        return True
    channels = next(leaves(tree)).x.channels
    return _is_pointwise(first) and holds(at_most(channels, first.out)) and whole.bias == second.bias


def _is_pointwise(stencil: Stencil) -> bool:
    return holds(all_of(*[equal(axis.kernel, 1) for axis in stencil.axes]))


def _same_taps(part: Stencil, whole: Stencil) -> bool:
    """Whether a part has as many taps and groups as the whole, so that its weights are the whole's."""
    same = [equal(a.kernel, b.kernel) for a, b in zip(part.axes, whole.axes, strict=True)]
    return holds(all_of(equal(part.groups, whole.groups), equal(part.out, whole.out), *same))


def _covers(part: Stencil, whole: Stencil) -> bool:
    """Whether a part has a weight of its own for each of the whole's."""
    same = []
    for a, b in zip(part.axes, whole.axes, strict=True):
        apart = any_of(equal(a.kernel, 1), equal(a.dilation, b.dilation))
        same.append(all_of(equal(a.kernel, b.kernel), equal(a.before, b.before), apart))
    return holds(all_of(equal(part.groups, whole.groups), *same))


def _sum(tree: Sum) -> bool:
    """One part that has every weight makes up for whatever the others are; the same with one for the bias."""
    if not _apart(*tree.parts):
        return False
    kernel = any(is_every(part) and _covers(part.stencil, tree.stencil) for part in tree.parts)
    return kernel and (not tree.stencil.bias or any(_shifts(part) for part in tree.parts))


def _shifts(tree: Tree) -> bool:
    """Whether a tree's bias can be any, whatever its kernel is held at."""
    match tree:
        case Own():
            return tree.stencil.bias
        case After():
            return _shifts(tree.second)
        case Sum():
            return any(map(_shifts, tree.parts))
        case Stack():
            return all(map(_shifts, tree.parts))
        case Through():
            return False


def _is_unit(tree: Tree) -> bool:
    """Whether some weights make it pass on its input: scales of 1 and shifts of 0, or padding."""
    match tree:
        case Own():
            if tree.stencil.weights == FIXED:
                return tree.copies
            plain = all(axis == AxisTaps() for axis in tree.stencil.axes)
            return plain and holds(equal(tree.stencil.groups, tree.stencil.out)) and tree.stencil.out == tree.x.channels
        case Through():
            return True
        case After():
            return _is_unit(tree.first) and _is_unit(tree.second) and _apart(tree.first, tree.second)
        case _:
            return False


def _apart(*trees: Tree) -> bool:
    """Whether no two trees have weights in common."""
    owners = [{leaf.weights for leaf in leaves(tree)} for tree in trees]
    return sum(map(len, owners)) == len({*()}.union(*owners))
