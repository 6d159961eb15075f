"""Plain text in aligned columns, and what stands in their cells."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, Final

ITEM: Final = re.compile(r"(\w+)\[(\d+)\]")
WIDEST: Final = 100  # characters of a list in a table


def aligned(rows: Sequence[Sequence[str]], numbers: Collection[int] = ()) -> str:
    """Rows as lines whose columns line up, two spaces between them; those in `numbers` to the right.

    >>> print(aligned([("name", "n"), ("conv", "12")], numbers=(1,)), end="")
    name   n
    conv  12
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if index in numbers else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines) + "\n"


def shown(value: Any, plain: bool = False) -> str:
    """A value as a table shows it; `plain`: without separators of thousands."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and not plain:
        return f"{value:,}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def grouped(names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Knobs by title: those that are all the first items of one list, in order, stand together.

    >>> grouped(["width", "depths[0]", "depths[1]", "kernels[1]"])
    [('width', ['width']), ('depths', ['depths[0]', 'depths[1]']), ('kernels[1]', ['kernels[1]'])]
    """
    lists: dict[str, list[int]] = {}
    for name in names:
        found = ITEM.fullmatch(name)
        if found:
            lists.setdefault(found[1], []).append(int(found[2]))
    whole = {
        root
        for root, places in lists.items()
        if root not in names and places == list(range(len(places))) and len(places) > 1
    }
    groups: dict[str, list[str]] = {}
    for name in names:
        found = ITEM.fullmatch(name)
        groups.setdefault(found[1] if found and found[1] in whole else name, []).append(name)
    return list(groups.items())


def listed(values: Sequence[Any]) -> str:
    """The values of knobs that stand together."""
    return cut("[" + ", ".join(shown(value, plain=True) for value in values) + "]")


def cut(text: str) -> str:
    """The beginning of what is too wide for a table."""
    return text if len(text) <= WIDEST else text[: WIDEST - 3] + "..."
