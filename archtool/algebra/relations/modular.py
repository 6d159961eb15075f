"""Matrices of whole numbers modulo a prime: their ranks are never above those of the whole numbers themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.int64]]

PRIME: Final = 2**25 - 39
MOST_ADDED: Final = 2**13  # products of two residues, which so many add up to less than 2**63


def rank_of(matrix: Array) -> int:
    """The rank of a matrix modulo PRIME, by elimination."""
    import numpy as np

    rows = np.array(matrix, dtype=np.int64) % PRIME
    if rows.shape[0] > rows.shape[1]:
        rows = np.ascontiguousarray(rows.T)
    rank = 0
    for column in range(rows.shape[1]):
        if rank == rows.shape[0]:
            break
        nonzero = np.flatnonzero(rows[rank:, column])
        if not len(nonzero):
            continue
        pivot = rank + int(nonzero[0])
        if pivot != rank:
            rows[[rank, pivot]] = rows[[pivot, rank]]
        rows[rank, column:] = rows[rank, column:] * pow(int(rows[rank, column]), -1, PRIME) % PRIME
        below = rank + 1 + np.flatnonzero(rows[rank + 1 :, column])
        if len(below):
            factors = rows[below, column][:, None]
            rows[below, column:] = (rows[below, column:] - factors * rows[rank, column:]) % PRIME
        rank += 1
    return rank


def product_of(left: Array, right: Array) -> Array:
    """The product of two matrices modulo PRIME, or of a matrix with several."""
    import numpy as np

    blocks = range(0, left.shape[-1], MOST_ADDED)
    parts = [np.matmul(left[:, at : at + MOST_ADDED], right[..., at : at + MOST_ADDED, :]) % PRIME for at in blocks]
    return np.asarray(np.sum(parts, axis=0) % PRIME)


def drawn(seed: int, *sizes: int) -> Array:
    """Residues drawn at random."""
    import numpy as np

    return np.random.default_rng(seed).integers(1, PRIME, sizes, dtype=np.int64)
