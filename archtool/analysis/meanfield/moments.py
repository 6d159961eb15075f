"""The first moments of a network's tensors over random weights and inputs: what its normalisations divide by, and where
its activation functions work.

The mean field of Poole et al. 2016 (arXiv:1606.05340) and Schoenholz et al. 2017 (arXiv:1611.01232): wide layers of
independent weights of mean 0, inputs of independent standard normal elements. The elements of a tensor are told by
three moments: their mean over all channels; at each position their mean square; and at each position its mean product
with the channel's own mean over inputs and positions, the part of the square that different inputs, and positions, have
in common.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.meanfield.laws import Law, Numbers
from archtool.errors import RuleError

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

LARGEST_SCALE: Final = 400  # powers of 2 that a function's argument may be away from 1
LARGEST_SQUARE: Final = 1e60  # and the inverse of the smallest: beyond them the units change


class Moments(NamedTuple):
    """The moments of a tensor whose channels fall into segments, in order, of so many `channels` each.

    One item a segment: `square` and `shared` at each position (segments, *spatial), and `mean`, are as above; `laws`
    has the law of an element where it is no normal law. Numbers are in units of 2**scale, squares of its square.
    """

    channels: tuple[int, ...]
    square: Array
    shared: Array
    mean: Array
    laws: tuple[Law | None, ...]
    scale: int = 0

    @property
    def total(self) -> int:
        """The number of channels."""
        return sum(self.channels)

    @property
    def shares(self) -> Array:
        """The share of the channels that each segment has."""
        import numpy as np

        return np.array([channels / self.total for channels in self.channels])

    @property
    def average(self) -> Array:
        """The mean square of each segment over the positions."""
        return over_positions(self.square)

    @property
    def common(self) -> Array:
        """The mean square of each segment's channels' means."""
        return over_positions(self.shared)

    def in_units(self, scale: int) -> Moments:
        """The same in units of 2**scale."""
        if scale == self.scale:
            return self
        factor = 2.0 ** max(self.scale - scale, -LARGEST_SCALE)
        squares = (self.square * factor**2, self.shared * factor**2)
        return Moments(self.channels, *squares, self.mean * factor, (None,) * len(self.laws), scale)

    def rescaled(self) -> Moments:
        """The same in units in which squares are no very large and no very small numbers; RuleError where they are no
        numbers any more."""
        import numpy as np

        largest = float(self.square.max())
        if not np.isfinite(largest):
            raise RuleError("the mean square of a tensor's elements grows beyond all bounds, or is no number")
        if largest == 0 or 1 / LARGEST_SQUARE < largest < LARGEST_SQUARE:
            return self
        return self.in_units(self.scale + int(np.log2(largest)) // 2)

    def plain(self, name: str) -> Moments:
        """The same in units of 1; RuleError where the numbers that reach the layer of this name are too large."""
        if abs(self.scale) > LARGEST_SCALE:
            raise RuleError(f"what reaches '{name}' is of the order of 2**{self.scale}, too far from 1")
        return self.in_units(0)

    def merged(self) -> Moments:
        """As if all channels were alike."""
        if len(self.channels) == 1:
            return self
        shares = beside(self.shares, self.square)
        square, shared = ((shares * values).sum(0, keepdims=True) for values in (self.square, self.shared))
        return Moments((self.total,), square, shared, (self.shares @ self.mean)[None], (None,), self.scale)

    def split(self, channels: tuple[int, ...]) -> Moments:
        """The same with finer segments, or stretched to more channels where there is but one."""
        if channels == self.channels:
            return self
        index = inside(channels, self.channels)
        laws = tuple(self.laws[i] for i in index)
        return Moments(channels, self.square[index], self.shared[index], self.mean[index], laws, self.scale)

    def law(self, segment: int) -> Law:
        """The law of a segment's elements, over all positions, in the units that they are in."""
        known = self.laws[segment]
        numbers = (self.mean[segment], self.average[segment], self.common[segment])
        return known or Law(*map(float, numbers))

    def having(self, numbers: Sequence[Numbers]) -> Moments:
        """Other averages (mean, mean square, mean square of channels' means) a segment, spread over the positions as
        they are now. Where nothing was shared, it is as the elements' deviations are."""
        import numpy as np

        mean, average, common = (np.array(column) for column in zip(*numbers, strict=True))
        square = _profile(self.square)
        had = beside(self.common, self.shared) > 0
        shared = np.where(had, _profile(self.shared), _profile(square**0.5))
        laws = (None,) * len(self.channels)
        return Moments(self.channels, square * beside(average, square), shared * beside(common, shared), mean, laws)


def of_input(channels: int, spatial: tuple[int, ...]) -> Moments:
    """Independent standard normal elements."""
    import numpy as np

    return Moments((channels,), np.ones((1, *spatial)), np.zeros((1, *spatial)), np.zeros(1), (None,))


def over_positions(values: Array) -> Array:
    """The mean of each segment's values."""
    mean: Array = values.reshape(len(values), -1).mean(1)
    return mean


def beside(numbers: Array, values: Array) -> Array:
    """One number a segment, to stand beside such values."""
    return numbers.reshape((-1,) + (1,) * (values.ndim - 1))


def _profile(values: Array) -> Array:
    """The values as shares of their mean; 1 where all are 0."""
    import numpy as np

    mean = beside(over_positions(values), values)
    return np.divide(values, mean, out=np.ones_like(values), where=mean > 0)


def common_segments(tensors: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The coarsest segments of which every tensor's segments are unions, for as many channels as the widest has."""
    if all(channels == tensors[0] for channels in tensors):
        return tensors[0]
    total = max(map(sum, tensors))
    cuts = sorted({cut for channels in tensors if sum(channels) == total for cut in accumulate(channels)})
    return tuple(b - a for a, b in zip([0, *cuts], cuts, strict=False))


def inside(finer: tuple[int, ...], coarser: tuple[int, ...]) -> list[int]:
    """For each of the finer segments the coarser one that it lies in; all in the first where that is stretched."""
    if sum(coarser) != sum(finer):
        return [0] * len(finer)
    ends = list(accumulate(coarser))
    index, segments = 0, []
    for end in accumulate(finer):
        while ends[index] < end:
            index += 1
        segments.append(index)
    return segments
