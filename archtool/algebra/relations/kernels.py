"""Sets of linear maps between tensors: which kernels a part of a network can be, over all its weights.

A kernel is K[o, i, t]: output channel, input channel, tap. Unfolded by its input channels it is a matrix of c_in rows,
by its output channels one of c_out rows; the ranks of the two are what pointwise layers before and behind a spatial
one limit (a Tucker decomposition of two modes: Tucker 1966; De Lathauwer et al. 2000, SIAM J. Matrix Anal. Appl. 21).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from archtool.algebra.relations.order import at_most
from archtool.size import Condition, Size, all_of, any_of, equal, maximum, minimum, product

INSIDE: Final = ""  # never reads outside its input
ZEROS: Final = "zeros"


Limits = tuple[Size, ...]


class Taps(NamedTuple):
    """The taps of a kernel along one axis: output position p reads positions stride * p + dilation * j - before of its
    input, for each j < number."""

    number: Size
    dilation: Size
    before: Size
    stride: Size


class Kernels(NamedTuple):
    """The kernels with these taps (none: pointwise, whatever the layout), block by block where there are `groups`.

    `first` and `last` are numbers that the ranks of the unfoldings by input and by output channels are at most, those
    of the channels among them, where groups == 1. `border` is what stands outside the input. With `bias` any constant
    an output channel is added. `onto`: every such kernel, with every such constant, is reached by some weights; else
    they are not more than that.
    """

    taps: tuple[Taps, ...]
    inputs: Size
    outputs: Size
    groups: Size
    first: Limits
    last: Limits
    border: str
    bias: bool
    onto: bool

    @property
    def size(self) -> Size:
        """How many taps a kernel has."""
        return product(axis.number for axis in self.taps)

    @property
    def is_pointwise(self) -> bool:
        """Whether output position p reads input position p alone."""
        return not self.taps

    @property
    def is_dense(self) -> bool:
        """Whether each output channel may depend on each input channel."""
        return self.groups == 1 if isinstance(self.groups, int) else False

    @property
    def is_diagonal(self) -> bool:
        """Whether it is a factor, and a constant, a channel."""
        by_channel = all_of(equal(self.groups, self.inputs), equal(self.inputs, self.outputs))
        return self.is_pointwise and by_channel is True and equal(self.inputs, 1) is not True

    @property
    def is_full(self) -> bool:
        """Whether no rank is limited."""
        rows, columns = at_most_all((self.inputs,), self.first), at_most_all((self.outputs,), self.last)
        return all_of(rows, columns) is True

    @property
    def freedom(self) -> Size:
        """The dimension of the set of its kernels (and constants), where it is `onto`; see 'relations-freedom' in
        docs/proofs.md."""
        constants: Size = self.outputs if self.bias else 0
        if not self.is_dense:
            return self.inputs * (self.outputs // self.groups) * self.size + constants
        c, d, taps = self.inputs, self.outputs, self.size
        if self.is_full:
            return taps * c * d + constants
        settled = self.settled()
        a, b = minimum(*settled.first), minimum(*settled.last)
        if at_most_all((d,), self.last) is True:
            return a * (c + taps * d - a) + constants
        if at_most_all((c,), self.first) is True:
            return b * (d + taps * c - b) + constants
        return a * (c - a) + b * (d - b) + taps * a * b + constants

    def settled(self) -> Kernels:
        """The same set, with limits so low that some kernel of it has both ranks: that by inputs is at most the taps
        times that by outputs, and the other way round. Two dense sets are the same where these are."""
        if not self.is_dense:
            return self
        first = lowest(*self.first, *[self.size * limit for limit in self.last])
        last = lowest(*self.last, *[self.size * limit for limit in self.first])
        return self._replace(first=first, last=last)


def lowest(*limits: Size) -> Limits:
    """Some limits without those that another one is never above."""
    kept: list[Size] = []
    for limit in dict.fromkeys(limits):
        if not any([at_most(other, limit) is True for other in kept]):
            kept = [other for other in kept if at_most(limit, other) is not True]
            kept.append(limit)
    return tuple(kept)


def at_most_all(ones: Limits, others: Limits) -> Condition:
    """Whether what is at most some limits, and reaches the least of them, is at most the others too."""
    return all_of(*[any_of(*[at_most(one, other) for one in ones]) for other in others])


def dense(taps: tuple[Taps, ...], inputs: Size, outputs: Size, border: str, bias: bool) -> Kernels:
    """All kernels between so many channels."""
    return Kernels(taps, inputs, outputs, 1, (inputs,), (outputs,), border, bias, True)


def grouped(taps: tuple[Taps, ...], inputs: Size, outputs: Size, groups: Size, border: str, bias: bool) -> Kernels:
    """All kernels whose channels lie in groups."""
    return dense(taps, inputs, outputs, border, bias)._replace(groups=groups)


def diagonal(channels: Size, bias: bool, onto: bool) -> Kernels:
    """A factor a channel, and a constant where there is a `bias`."""
    return Kernels((), channels, channels, channels, (channels,), (channels,), INSIDE, bias, onto)


def composed(before: Kernels, after: Kernels) -> Kernels | None:
    """What two sets give one after the other, where that is such a set itself, exactly; else None.

    See 'relations-composed' in docs/proofs.md.
    """
    if after.is_diagonal:  # all rows of the kernels before may have any factor already
        return before._replace(bias=before.bias or after.bias) if before.onto else None
    if not after.onto or (before.bias and after.border == ZEROS):  # at the border a constant meets zeros
        return None
    if before.is_diagonal:  # and so may all columns of those behind
        return after if after.bias or not before.bias else None
    if not (before.onto and before.is_dense and after.is_dense and (before.is_pointwise or after.is_pointwise)):
        return None
    if before.bias and not after.bias and not _passes_constants(before, after):
        return None
    first, last = before.first, after.last
    if before.is_pointwise:
        first = lowest(*before.first, *before.last, *after.first)
    if after.is_pointwise:
        last = lowest(*before.last, *after.first, *after.last)
    one = after if before.is_pointwise else before
    bias = before.bias or after.bias
    return Kernels(one.taps, before.inputs, after.outputs, 1, first, last, one.border, bias, True)


def bounded(before: Kernels, after: Kernels) -> Kernels | None:
    """A set that holds all that two sets give one after the other, if no more than that; None where what they give is
    no kernel: a kernel that reads zeros outside its input, where the one before it would have gone on.

    See 'relations-composed' in docs/proofs.md.
    """
    if after.border != INSIDE and not (before.is_pointwise and (after.border != ZEROS or not before.bias)):
        return None
    rank = max(len(before.taps), len(after.taps))
    pairs = zip(before.taps or (POINT,) * rank, after.taps or (POINT,) * rank, strict=True)
    taps = tuple([_spanned(a, b) for a, b in pairs])
    groups = before.groups if equal(before.groups, after.groups) is True else 1
    first: Limits = (before.inputs,)
    last: Limits = (after.outputs,)
    if before.is_dense and after.is_dense:
        first = lowest(*before.first, *(before.last if before.is_pointwise else ()))
        last = lowest(*after.last, *(after.first if after.is_pointwise else ()))
    border, bias = before.border or after.border, before.bias or after.bias
    return Kernels(taps, before.inputs, after.outputs, groups, first, last, border, bias, False)


def united(parts: tuple[Kernels, ...], *, stacked: bool) -> Kernels | None:
    """A set that holds all that parallel sets add up to, or, `stacked`, all of them one behind the other; None where
    their strides or their borders differ."""
    borders = {part.border for part in parts} - {INSIDE}
    rank = max(len(part.taps) for part in parts)
    taps = []
    for axes in zip(*[part.taps or (POINT,) * rank for part in parts], strict=True):
        stride = axes[0].stride
        if not all([equal(axis.stride, stride) is True for axis in axes]):
            return None
        before = maximum(*[axis.before for axis in axes])
        last = maximum(*[axis.dilation * (axis.number - 1) - axis.before for axis in axes])
        taps.append(Taps(before + last + 1, 1, before, stride))
    inputs, outputs = parts[0].inputs, parts[0].outputs
    if stacked:
        outputs = 0
        for part in parts:
            outputs = outputs + part.outputs
    if len(borders) > 1:
        return None
    border, bias = next(iter(borders), INSIDE), any([part.bias for part in parts])
    return Kernels(tuple(taps), inputs, outputs, 1, (inputs,), (outputs,), border, bias, False)


def _spanned(before: Taps, after: Taps) -> Taps:
    """All positions between the first and the last tap of two kernels, one after the other."""
    last = before.dilation * (before.number - 1) + before.stride * after.dilation * (after.number - 1)
    return Taps(last + 1, 1, before.before + before.stride * after.before, before.stride * after.stride)


def _passes_constants(before: Kernels, after: Kernels) -> bool:
    """Whether any constant behind the second comes from one before it, whatever the kernel: where the second may pass
    as many channels as there are behind it."""
    return after.is_pointwise and at_most_all((after.outputs,), (before.outputs, *after.first)) is True


def summed(parts: tuple[Kernels, ...]) -> tuple[Kernels, int] | None:
    """What parallel sets add up to, where one of them holds all sums already, and which one; else None.

    See 'relations-summed' in docs/proofs.md.
    """
    for index, one in enumerate(parts):
        others = [*parts[:index], *parts[index + 1 :]]
        if one.onto and one.is_full and all([_holds_kernels(one, other) for other in others]):
            return one._replace(bias=any([each.bias for each in parts])), index
    return None


def _holds_kernels(one: Kernels, other: Kernels) -> bool:
    """Whether each kernel of the other is one of a set without limits, but for constants."""
    groups = one.is_dense or refines(one, other)
    return groups and taps_in(other, one) is True


def refines(one: Kernels, other: Kernels) -> bool:
    """Whether the other's groups lie within those of the one, both between the same channels."""
    if equal(one.groups, other.groups) is True or other.is_diagonal:
        return True
    return isinstance(one.groups, int) and isinstance(other.groups, int) and other.groups % one.groups == 0


def taps_in(inner: Kernels, outer: Kernels) -> Condition:
    """Whether a kernel of the inner taps is one of the outer ones, the others being 0, on the same inputs."""
    if inner.border not in (INSIDE, outer.border):
        return False
    if inner.taps and outer.taps and len(inner.taps) != len(outer.taps):
        return False
    inside: list[Condition] = []
    rank = max(len(inner.taps), len(outer.taps))
    for a, b in zip(inner.taps or (POINT,) * rank, outer.taps or (POINT,) * rank, strict=True):
        inside.append(axis_in(a, b))
    return all_of(*inside)


POINT: Final = Taps(1, 1, 0, 1)


def axis_in(inner: Taps, outer: Taps) -> Condition:
    """Whether the inner taps are among the outer ones."""
    one_tap = equal(inner.number, 1) is True
    if not one_tap and equal(inner.dilation, outer.dilation) is not True:
        return _listed(inner, outer)
    start = outer.before - inner.before  # in steps of the dilation, the first inner tap's place among the outer
    if equal(outer.dilation, 1) is True:
        ahead, steps = at_most(0, start), start
    elif isinstance(start, int) and isinstance(outer.dilation, int):
        ahead, steps = start >= 0 and start % outer.dilation == 0, start // outer.dilation
    else:
        return all_of(*[equal(a, b) for a, b in zip(inner, outer, strict=True)])
    return all_of(equal(inner.stride, outer.stride), ahead, at_most(steps + inner.number, outer.number))


def _listed(inner: Taps, outer: Taps) -> bool:
    if not all(isinstance(value, int) for value in (*inner, *outer)):
        return False
    return inner.stride == outer.stride and lie_among(inner, outer)


def lie_among(inner: Taps, outer: Taps) -> bool:
    """Whether the inner taps lie where some of the outer ones do, for numbers."""
    ours, theirs = offsets(inner), offsets(outer)
    ends = ours[0] in theirs and ours[-1] in theirs
    return ends and (len(ours) == 1 or ours.step % theirs.step == 0)


def offsets(axis: Taps) -> range:
    """Where the taps lie from stride * p, for numbers."""
    return range(-axis.before, axis.dilation * axis.number - axis.before, axis.dilation)
