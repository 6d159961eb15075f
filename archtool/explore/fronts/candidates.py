"""The rows of a result that can be on its front."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from archtool.explore.fronts.columns import numbers, present
from archtool.explore.fronts.conditions import Condition
from archtool.explore.fronts.results import Results
from archtool.explore.storing.table import PROBLEM

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Candidates:
    """Some designs: a column for each objective (int64, float64, or Python's numbers), and the numbers of their rows;
    how many rows were read for them, had no value for some column, and were left out by a condition."""

    objectives: list[Array]
    position: Array
    read: int
    invalid: int
    excluded: int


def candidates(source: Results, objectives: Sequence[str], conditions: Sequence[Condition]) -> Iterator[Candidates]:
    """The rows of a result that have a value for each objective and meet the conditions, a batch at a time."""
    import numpy as np
    import pyarrow as pa

    columns = list(dict.fromkeys([*objectives, *(name for condition in conditions for name in condition.columns)]))
    if PROBLEM in source.columns and set(objectives) <= set(source.knobs):  # which invalid designs have too
        columns.append(PROBLEM)
    for start, batch in source.batches(columns):
        valid = None
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            there = present(column) if name != PROBLEM else column.is_null().to_numpy(zero_copy_only=False)
            if there is not None:
                valid = there if valid is None else valid & there
        read, position = batch.num_rows, np.arange(start, start + batch.num_rows)
        if valid is not None:
            batch, position = batch.filter(pa.array(valid)), position[valid]
        kept = np.ones(batch.num_rows, dtype=bool)
        for condition in conditions:
            kept &= condition.holds(batch)
        values = [numbers(batch.column(name), name) for name in objectives]
        yield Candidates(
            objectives=[column[kept] for column in values] if conditions else values,
            position=position[kept] if conditions else position,
            read=read,
            invalid=read - batch.num_rows,
            excluded=int(np.count_nonzero(~kept)),
        )
