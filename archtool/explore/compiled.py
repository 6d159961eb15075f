"""A traced piece of a space as columns: metrics, conditions and problems, one value a design."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.explore.plan import compile_plan
from archtool.size import Ratio

if TYPE_CHECKING:
    import numpy as np

    from archtool.explore.places import Places
    from archtool.explore.tracing import Piece

    Array = np.ndarray[Any, Any]


class Columns(NamedTuple):
    """What is told of some designs: metrics (int64, float64 or object), conditions (bool), problem (int32)."""

    metrics: list[Array]
    keeps: list[Array]
    problem: Array


class Compiled:
    """A piece compiled to numpy code."""

    def __init__(self, piece: Piece, lengths: Sequence[int]) -> None:
        self.piece = piece
        outputs: list[Any] = []
        for value in piece.measures:
            outputs += [value.numerator, value.denominator] if isinstance(value, Ratio | Fraction) else [value]
        self.plan = compile_plan([*outputs, *piece.keeps, piece.problem], piece.variables, lengths)
        self.codes: list[int] = []  # of this piece's rules among the sweep's

    def columns(self, places: Places, rules: list[str]) -> Columns:
        """The columns at some places, each of which broadcasts to their shape; new rules are added to `rules`."""
        import numpy as np

        outputs = iter(places.evaluate(self.plan))
        metrics = []
        for value in self.piece.measures:
            column = next(outputs)
            if isinstance(value, Ratio | Fraction):
                column = np.asarray(column / next(outputs), dtype=np.float64)
            metrics.append(column.astype(np.int64) if column.dtype == bool else column)
        keeps = [next(outputs).astype(bool) for _ in self.piece.keeps]
        return Columns(metrics, keeps, self._problem(next(outputs), rules))

    def _problem(self, local: Array, rules: list[str]) -> Array:
        import numpy as np

        if not self.codes:
            for rule in self.piece.rules:
                if rule not in rules:
                    rules.append(rule)
            self.codes = [0, *(1 + rules.index(rule) for rule in self.piece.rules)]
        return np.array(self.codes, dtype=np.int32)[local.astype(np.intp)]


def merged(parts: Sequence[tuple[Any, Columns]], shape: tuple[int, ...]) -> Columns:
    """The columns of all parts at their places in `shape`, flat."""
    metrics = [
        _merged([(rows, part.metrics[i]) for rows, part in parts], shape) for i in range(len(parts[0][1].metrics))
    ]
    keeps = [_merged([(rows, part.keeps[i]) for rows, part in parts], shape) for i in range(len(parts[0][1].keeps))]
    return Columns(metrics, keeps, _merged([(rows, part.problem) for rows, part in parts], shape))


def _merged(parts: Sequence[tuple[Any, Array]], shape: tuple[int, ...]) -> Array:
    import numpy as np

    if len(parts) == 1:
        return np.broadcast_to(parts[0][1], shape).reshape(-1)
    whole = np.empty(shape, dtype=np.result_type(*(column.dtype for _, column in parts)))
    for rows, column in parts:
        whole[rows] = column
    return whole.reshape(-1)
