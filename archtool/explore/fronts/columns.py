"""Columns of Arrow as columns of numpy, exactly."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from archtool.errors import RuleError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Array = np.ndarray[Any, Any]


def present(column: pa.Array) -> Array | None:
    """Where a column has a value that is a number or a text; None where it has one everywhere."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type):
        found: Array = pc.is_valid(column).to_numpy(zero_copy_only=False)
        values = column.to_numpy(zero_copy_only=False)  # null becomes NaN
        return None if not np.isnan(values).any() else found & ~np.isnan(values)
    return None if column.null_count == 0 else pc.is_valid(column).to_numpy(zero_copy_only=False)


def numbers(column: pa.Array, name: str) -> Array:
    """A column's numbers, one where it has none too: int64, float64, or Python's numbers (dtype object) where neither
    holds them. Raises RuleError for what is no column of numbers."""
    import numpy as np
    import pyarrow as pa

    kind = column.type
    if pa.types.is_boolean(kind) or pa.types.is_signed_integer(kind):
        column = column.cast(pa.int64())
    elif pa.types.is_floating(kind):
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float64)
    elif pa.types.is_decimal(kind) or pa.types.is_unsigned_integer(kind):
        try:
            column = column.cast(pa.int64())
        except pa.ArrowInvalid:
            return np.array([_exact(value) for value in column.to_pylist()], dtype=object)
    elif pa.types.is_null(kind):
        return np.zeros(len(column), dtype=np.int64)
    else:
        raise RuleError(f"'{name}' is not a column of numbers")
    filled = column if column.null_count == 0 else column.fill_null(0)
    return np.asarray(filled.to_numpy(zero_copy_only=False))


def _exact(value: Any) -> int | Fraction:
    number = Fraction(value or 0)
    return number.numerator if number.denominator == 1 else number


def words(column: pa.Array) -> tuple[Array, list[str]]:
    """A column of texts as numbers of the texts that it has."""
    import numpy as np
    import pyarrow as pa

    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    return np.asarray(coded.indices.to_numpy(zero_copy_only=False)).astype(np.int64), coded.dictionary.to_pylist()
