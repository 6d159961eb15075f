"""Matrices through few channels, exactly: a matrix of rank r as a product of one of r columns and one of r rows."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, Final

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

LARGEST: Final = 40_000  # elements of a matrix that is taken apart in fractions


class NotReached(Exception):
    """A kernel that a part can't be."""


class TooLarge(Exception):
    """A matrix that is not taken apart in a moment."""


def factored(matrix: Array, width: int, most: int) -> tuple[Array, Array]:
    """Matrices A (rows x width) and B (width x columns) with A B = matrix, both of rank at most `most`.

    Where there is room the matrix is B itself; else B is some of its rows, the others combinations of them in exact
    fractions, rounded once. Raises NotReached where its rank is higher, TooLarge where it is not taken apart here.
    """
    rows, columns = matrix.shape
    if rows <= min(width, most):
        return np.eye(rows, width), np.pad(matrix, ((0, width - rows), (0, 0)))
    chosen, combinations = _rows(matrix)
    if len(chosen) > min(width, most):
        raise NotReached(f"a matrix of rank {len(chosen)} does not pass through {min(width, most)} channels")
    left, right = np.zeros((rows, width)), np.zeros((width, columns))
    left[:, : len(chosen)] = combinations
    right[: len(chosen)] = matrix[chosen]
    return left, right


def _rows(matrix: Array) -> tuple[list[int], Array]:
    """Independent rows of a matrix, and every row as a combination of them."""
    if matrix.size > LARGEST:
        raise TooLarge(f"a matrix of {matrix.size:,} elements")
    transposed = [[Fraction(float(value)) for value in row] for row in matrix.T]
    pivots: list[int] = []
    for column in range(matrix.shape[0]):
        below = range(len(pivots), len(transposed))
        found = next((row for row in below if transposed[row][column]), None)
        if found is None:
            continue
        place = len(pivots)
        transposed[place], transposed[found] = transposed[found], transposed[place]
        factor = transposed[place][column]
        transposed[place] = [value / factor for value in transposed[place]]
        for row, values in enumerate(transposed):
            if row != place and values[column]:
                times = values[column]
                transposed[row] = [a - times * b for a, b in zip(values, transposed[place], strict=True)]
        pivots.append(column)
    reduced = [[float(value) for value in row] for row in transposed[: len(pivots)]]
    return pivots, np.array(reduced).reshape(len(pivots), matrix.shape[0]).T
