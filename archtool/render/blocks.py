"""Maps of positions drawn with characters: blocks for sets, shades for shares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

HALVES: Final = " ▀▄█"  # by upper + 2 * lower
SHADES: Final = " ░▒▓█"
WIDTH: Final = 64


class Drawing(NamedTuple):
    """Lines of text, and how many positions one character is wide and tall."""

    lines: tuple[str, ...]
    scale: tuple[int, int]

    def __str__(self) -> str:
        return "\n".join(self.lines) + "\n"


def blocks(seen: Array, width: int = WIDTH) -> Drawing:
    """A set of positions as blocks in a frame; where it is too wide, shades say which share of a cell is in the set.

    `seen` has one or two axes; of a single row the cells are as tall as the text.

    >>> import numpy as np
    >>> print(blocks(np.array([[1, 0, 1], [0, 1, 0]], bool)), end="")
    ┌───┐
    │▀▄▀│
    └───┘
    """
    rows = seen.reshape(1, -1) if seen.ndim == 1 else seen
    step = -(-rows.shape[1] // width)
    if step > 1:
        return shades(_cells(rows.astype(float), step, 1 if len(rows) == 1 else 2 * step), step, len(rows) == 1)
    if len(rows) == 1:
        return Drawing(_framed(["".join("█" if each else " " for each in rows[0])]), (1, 1))
    lines = []
    for top in range(0, len(rows), 2):
        lower = rows[top + 1] if top + 1 < len(rows) else [False] * rows.shape[1]
        lines.append("".join(HALVES[int(a) + 2 * int(b)] for a, b in zip(rows[top], lower, strict=True)))
    return Drawing(_framed(lines), (1, 2))


def heat(values: Array, width: int = WIDTH) -> Drawing:
    """Values of at least 0 as shades in a frame, relative to the greatest mean of a cell."""
    rows = values.reshape(1, -1) if values.ndim == 1 else values
    step = max(1, -(-rows.shape[1] // width))
    cells = _cells(rows, step, 1 if len(rows) == 1 else 2 * step)
    greatest = float(cells.max()) if cells.size else 0.0
    return shades(cells / greatest if greatest else cells, step, len(rows) == 1)


def shades(cells: Array, step: int, is_row: bool) -> Drawing:
    """Shares of 1 as shades in a frame; what is above 0 is never blank."""
    levels = len(SHADES) - 1
    lines = ["".join(SHADES[min(levels, max(int(v > 0.02), round(v * levels)))] for v in row) for row in cells.tolist()]
    return Drawing(_framed(lines), (step, 1 if is_row else 2 * step))


def _cells(rows: Array, wide: int, tall: int) -> Array:
    """The means of cells of so many positions; those at the ends may have fewer."""
    import numpy as np

    sums, counts = rows, np.ones(rows.shape)
    for axis, step in enumerate((tall, wide)):
        starts = np.arange(0, rows.shape[axis], step)
        sums, counts = np.add.reduceat(sums, starts, axis), np.add.reduceat(counts, starts, axis)
    means: Array = sums / counts
    return means


def _framed(lines: list[str]) -> tuple[str, ...]:
    width = max(map(len, lines), default=0)
    return ("┌" + "─" * width + "┐", *(f"│{line}│" for line in lines), "└" + "─" * width + "┘")
