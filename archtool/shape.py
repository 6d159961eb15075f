"""The shape of a tensor without its batch: (channels, *spatial), or (tokens, channels)."""

from __future__ import annotations

from typing import NamedTuple

from archtool.size import Size, product


class Shape(NamedTuple):
    """Channels and positions of a tensor; the layout travels with it.

    `spatial` has one size an axis: (length,), (height, width), (depth, height, width), or (tokens,) where
    `is_tokens`; it is empty for a plain vector of channels. Tokens that were a spatial tensor's positions keep its
    sizes as their `grid`, row by row; tokens that were none (a class token) stand before them.

    >>> Shape(3, (224, 224)).dims
    (3, 224, 224)
    >>> Shape(768, (197,), True, (14, 14)).axes
    (14, 14)
    """

    channels: Size
    spatial: tuple[Size, ...] = ()
    is_tokens: bool = False
    grid: tuple[Size, ...] = ()

    @property
    def axes(self) -> tuple[Size, ...]:
        """The sizes of the axes that a receptive field has: those of the grid that tokens were laid out of, if any."""
        return self.grid or self.spatial

    @property
    def lead(self) -> Size:
        """How many tokens stand before those of the grid."""
        return self.spatial[0] - product(self.grid) if self.grid else 0

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
