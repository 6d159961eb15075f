"""What kind of function a layer is, whatever its weights: what proofs about networks are made of.

A kind tells it in `Layer.nature`, `Layer.coupling` and `Layer.symmetry`, at inference: dropout passes everything, batch
norm uses its running statistics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from itertools import islice
from typing import Final, NamedTuple

from archtool.size import Size


class Nature(NamedTuple):
    """How a layer's output follows when its input (all its tensors together) is scaled or added to, for all weights.

    affine: f(x) - f(0) is linear in x. homogeneous: f(t x) = t f(x) for all t >= 0. A layer that is both is linear.
    multilinear: it is linear in each of its tensors while the others stand (a product). What is not said is not known
    to hold.
    """

    affine: bool = False
    homogeneous: bool = False
    multilinear: bool = False

    @property
    def linear(self) -> bool:
        """Whether f(x + y) = f(x) + f(y) and f(t x) = t f(x)."""
        return self.affine and self.homogeneous


LINEAR: Final = Nature(affine=True, homogeneous=True)
AFFINE: Final = Nature(affine=True)
HOMOGENEOUS: Final = Nature(homogeneous=True)
MULTILINEAR: Final = Nature(multilinear=True)
OTHER: Final = Nature()

MOST_ROUTES: Final = 2**22  # of a layer, from channel to channel, that are told one by one


class Groups(NamedTuple):
    """Input and output channels lie in so many equal runs, and each output channel depends on its own run of inputs
    alone: 1 where each may depend on all, as many as there are channels where each stands for itself."""

    groups: Size


class Routed(NamedTuple):
    """Output channel i depends on the input channels `sources[i]` alone."""

    sources: tuple[tuple[int, ...], ...]


Coupling = Groups | Routed


def routed(sources: Callable[..., Iterable[Iterable[int]]], *sizes: Size) -> Coupling:
    """Routed by what `sources` says of these sizes, one output channel after the other, where they are numbers and the
    routes not more than MOST_ROUTES; else all may depend on all, which is true of any layer."""
    if any([type(size) is not int for size in sizes]):
        return Groups(1)
    found: list[tuple[int, ...]] = []
    left = MOST_ROUTES
    for each in sources(*sizes):
        found.append(tuple(islice(each, left)))
        left -= 1 + len(found[-1])
        if left <= 0:
            return Groups(1)
    return Routed(tuple(found))


def among(before: Size, own: Size, behind: Size) -> Coupling:
    """The coupling of channels that lie in their order between others."""

    def sources(before: int, own: int, behind: int) -> Iterator[tuple[int, ...]]:
        yield from (() for _ in range(before))
        yield from ((index,) for index in range(own))
        yield from (() for _ in range(behind))

    return routed(sources, before, own, behind)


class Start(Enum):
    """What a layer makes with the weights that torch starts with, at inference and while training."""

    PASSES = "passes its input on as it is"
    ZEROS = "makes zeros of everything"
    KEEPS_ZEROS = "makes zeros of zeros"
    OTHER = "makes something else of its input"


class Positions(Enum):
    """How a layer treats the positions of its input, along each axis.

    `Layer.field` says what output position P*q + r reads, by its phase r.
    """

    APART = "each position has weights of its own, or a place in an order"
    SHIFTED = "output positions of one phase are the same function of what they read, within the input"
    MIRRORED = "as shifted, and what is read counts alike from either end, and along all axes"
    ALIKE = "the positions of the output are those of the input: reordered, they are reordered"
    POOLED = "the output has no positions of the input: reordered, it stays the same"


WINDOWED: Final = (Positions.SHIFTED, Positions.MIRRORED)  # each position is made of those around its own


class Symmetry(NamedTuple):
    """Which rearrangements of its input a layer passes on. `channels`: whether the output's channels are reordered as
    the input's are, or stay the same where there is one alone."""

    positions: Positions = Positions.APART
    channels: bool = False


NONE: Final = Symmetry()
SHIFTED: Final = Symmetry(Positions.SHIFTED)
MIRRORED: Final = Symmetry(Positions.MIRRORED)
