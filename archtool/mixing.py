"""How a layer makes an output element of the input elements that it reads: what the effective field needs to know.

A kind tells it in `Layer.mixing`. Which positions are read, `Layer.taps` says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]


class Weighted(NamedTuple):
    """A sum with learned weights, independent of each other; `border` is the padding mode's word."""

    border: str = "zeros"


class Copied(NamedTuple):
    """Each output element is one input element; `border` is the padding mode's word. Where not `in_place`, elements
    move between channels, or between channels and positions."""

    border: str = "zeros"
    in_place: bool = True


class Framed(NamedTuple):
    """The input between so many channels of zeros `before` and `after` it."""

    before: int
    after: int


class Chosen(NamedTuple):
    """The greatest of what is read, or the `least`; each has the same chance."""

    least: bool = False


class Blended(NamedTuple):
    """A sum with fixed weights, the product of one an axis: `weights(axis, position, reads)` are those of the input
    positions that an output position reads, those outside of the input included."""

    weights: Callable[[int, int, tuple[int, ...]], Sequence[float]]
    border: str = "zeros"


class Applied(NamedTuple):
    """A function of each element by itself, on numpy arrays."""

    function: Callable[[Array], Array]


class Normalised(NamedTuple):
    """Less the mean, where `centred`, and divided by the `deviation`, a function of the variance (the mean square,
    where not centred), over the channels, over the positions (and the items of a batch), or over both."""

    over_channels: bool
    over_positions: bool
    deviation: Callable[[Array], Array]
    centred: bool = True


class Standing(NamedTuple):
    """Learned numbers that stand as they are, whatever the input; drawn with this mean `square` and mean 0."""

    square: float


class Preceded(NamedTuple):
    """The tokens of the input behind one of zeros."""


class Picked(NamedTuple):
    """The token of this number, as a vector."""

    token: int


class Collapsed(NamedTuple):
    """One number for all channels of each position: their mean, or the greatest."""

    greatest: bool


class Attended(NamedTuple):
    """Means of values with softmax weights, over all positions or those of a window, between learned projections: of
    `queries` channels in heads of `per_head`, and of `keys` channels each for keys and values."""

    queries: int
    keys: int
    per_head: int


class Summed(NamedTuple):
    """The sum of several tensors; the first less the others where `others` is -1."""

    others: int = 1


class Multiplied(NamedTuple):
    """The product of several tensors."""


class Concatenated(NamedTuple):
    """The channels of several tensors behind each other."""


Moved = Copied | Framed | Preceded | Picked
Mixing = (
    Weighted
    | Moved
    | Chosen
    | Blended
    | Collapsed
    | Applied
    | Normalised
    | Attended
    | Standing
    | Summed
    | Multiplied
    | Concatenated
)


def equal_weights(axis: int, position: int, reads: tuple[int, ...]) -> Sequence[float]:
    """The weights of a mean."""
    return [1 / len(reads)] * len(reads)
