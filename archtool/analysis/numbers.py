"""Sizes of an evaluation on numbers."""

from __future__ import annotations


def whole(size: object) -> int:
    """A size of an evaluation on numbers."""
    if not isinstance(size, int):
        raise TypeError(f"{size} is not a number: this network was evaluated on expressions")
    return size
