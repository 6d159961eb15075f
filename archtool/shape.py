"""The shape of a tensor without its batch: (channels, *spatial), or (tokens, channels)."""

from __future__ import annotations

from typing import NamedTuple

from archtool.size import Size, product


class Shape(NamedTuple):
    """Channels and positions of a tensor; the layout travels with it.

    `spatial` has one size an axis: (length,), (height, width), (depth, height, width), or (tokens,) where
    `is_tokens`; it is empty for a plain vector of channels.

    >>> Shape(3, (224, 224)).dims
    (3, 224, 224)
    """

    channels: Size
    spatial: tuple[Size, ...] = ()
    is_tokens: bool = False

    @property
    def dims(self) -> tuple[Size, ...]:
        """The sizes in the order of the tensor's axes."""
        return (*self.spatial, self.channels) if self.is_tokens else (self.channels, *self.spatial)

    @property
    def positions(self) -> Size:
        """The number of positions that each channel has."""
        return product(self.spatial)

    @property
    def elements(self) -> Size:
        """The number of elements."""
        elements = self.channels
        for size in self.spatial:
            elements = elements * size
        return elements

    def __str__(self) -> str:
        return "x".join(map(str, self.dims))


def axis_name(axis: int, rank: int) -> str:
    """What people call an axis: 'height' for axis 0 of 2."""
    names = ("depth", "height", "width")
    return "length" if rank == 1 else names[axis - rank] if rank <= len(names) else f"axis {axis}"
