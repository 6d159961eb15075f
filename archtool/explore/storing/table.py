"""Evaluated designs as an Arrow table: `design`, a column a knob, a column a metric, `problem`."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from archtool.errors import ArchtoolError, RuleError, missing_extra
from archtool.explore.describe import written

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    import pyarrow as pa

    from archtool.explore.batch import Batch
    from archtool.explore.space import Knob
    from archtool.explore.sweep import Sweep

    Array = np.ndarray[Any, Any]
    Column = Callable[[Array], pa.Array]

DESIGN, PROBLEM = "design", "problem"
WIDTHS: Final = ("int64", "decimal", "float64")  # types of a metric's column, each before those that may stand for it
PROBES, PRIME = 16, 2**31 - 1  # so many designs are evaluated to find them, so far from each other
DIGITS: Final = 38  # of a whole number that is too great for 64 bits


def arrow(what: str = "a sweep", extra: str = "sweep") -> Any:
    """The module pyarrow; raises MissingExtra where it is not installed: what needs it, and which extra has all that
    this needs."""
    try:
        import pyarrow
    except ImportError as error:
        raise missing_extra(what, "pyarrow", extra, error) from None
    return pyarrow


def to_arrow(sweep: Sweep, batch: Batch) -> pa.Table:
    """A batch as a table; see `Tables`."""
    return Tables(sweep).of(batch)


def column_types(sweep: Sweep) -> dict[str, str]:
    """The types of the metrics' columns that hold all that is told of a space; found by evaluating a few designs."""
    size = sweep.space.size
    if sweep.space.sample is not None or size <= PROBES:
        batches = [_peek(sweep, 0, min(size, PROBES))]
    else:  # spread over the first axes, and by the prime over the last ones
        numbers = [(size * part // PROBES + PRIME * part) % size for part in range(PROBES)]
        batches = [_peek(sweep, number, number + 1) for number in numbers]
    return {name: max((_type(batch.metrics[name]) for batch in batches), key=WIDTHS.index) for name in sweep.metrics}


class Tables:
    """Makes tables of a sweep's batches, all with the columns of the first.

    Knobs: whole numbers in the smallest type that holds them all, other numbers as float64, truth values as bool;
    words, steps and lists as dictionary-encoded text, as a spec has them. Metrics: int64, or float64, or
    decimal128(38, 0) where a value may leave 64 bits; null where the design is invalid. `problem` is the rule that is
    broken, as dictionary-encoded text; null where the design is valid.

    `types` are the types of the metrics' columns ('int64', 'float64' or 'decimal'), where they are known already.
    """

    def __init__(self, sweep: Sweep, types: Mapping[str, str] | None = None) -> None:
        self.sweep = sweep
        self.types = dict(types or {})
        self._names = [DESIGN, *(knob.name for knob in sweep.space.knobs), *sweep.metrics, PROBLEM]
        for name in self._names:
            if self._names.count(name) > 1:
                raise RuleError(f"two columns would be named '{name}', a knob and a metric; ask for other metrics")
        self._knobs = [[_knob(knob) for knob in axis.knobs] for axis in sweep.space.axes]

    @property
    def schema(self) -> pa.Schema:
        """The columns."""
        return self.of(_peek(self.sweep, 0, 1)).schema

    def of(self, batch: Batch) -> pa.Table:
        """The designs of a batch; raises ArchtoolError where a metric does not fit the column that it began with."""
        pa = arrow()
        columns = [pa.array(batch.number)]
        for digits, knobs in zip(batch.digits, self._knobs, strict=True):
            columns += [knob(digits) for knob in knobs]
        invalid = batch.problem != 0
        mask = invalid if invalid.any() else None
        for name in self.sweep.metrics:
            values = batch.metrics[name]
            kind = self.types.setdefault(name, _type(values))
            columns.append(_metric(name, values, mask, kind))
        columns.append(_problem(batch.problem, mask, self.sweep.rules))
        return pa.Table.from_arrays(columns, names=self._names)


def _peek(sweep: Sweep, start: int, stop: int) -> Batch:
    """Some designs; what conditions remove of them is not counted."""
    removed = list(sweep.removed)
    batch = sweep.batch(start, stop)
    sweep.removed[:] = removed
    return batch


def _knob(knob: Knob) -> Column:
    """What makes a knob's column from places on its axis."""
    import numpy as np

    pa = arrow()
    values = knob.values
    if isinstance(values, range):
        return _counted(values)
    kinds = set(map(type, values))
    if kinds == {bool}:
        return _taken(np.array(values, dtype=bool))
    if kinds == {int}:
        return _taken(np.array(values, dtype=_smallest(min(values), max(values))))
    if kinds <= {int, float, Fraction}:
        return _taken(np.array([float(value) for value in values], dtype=np.float64))
    texts = [written(value) for value in values]
    words = pa.array(list(dict.fromkeys(texts)), pa.string())
    places = {text: place for place, text in enumerate(words.to_pylist())}
    indices = np.array([places[text] for text in texts], dtype=_smallest(0, len(places) - 1))
    return lambda digits: pa.DictionaryArray.from_arrays(pa.array(indices[digits]), words)


def _smallest(low: int, high: int) -> Any:
    import numpy as np

    kinds = (np.int8, np.int16, np.int32, np.int64)
    return next(kind for kind in kinds if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)


def _counted(values: range) -> Column:
    import numpy as np

    kind = _smallest(values[0], values[-1])
    start, step = np.array([values.start, values.step], dtype=np.int64).astype(kind)  # what wraps here wraps back
    return lambda digits: arrow().array(digits.astype(kind) * step + start)


def _taken(values: Array) -> Column:
    return lambda digits: arrow().array(values[digits])


def _type(values: Array) -> str:
    return "decimal" if values.dtype == object else str(values.dtype)


def _metric(name: str, values: Array, mask: Array | None, kind: str) -> Any:
    import numpy as np

    pa = arrow()
    try:
        if kind != "float64" and values.dtype.kind == "f":
            raise OverflowError("it is a quotient")
        if kind == "decimal":
            whole = [Decimal(int(value)) for value in (values if mask is None else np.where(mask, 0, values))]
            return pa.array(whole, pa.decimal128(DIGITS, 0), mask=mask)
        return pa.array(values.astype(kind, copy=False), mask=mask, from_pandas=False)
    except pa.ArrowInvalid:
        raise ArchtoolError(f"a value of '{name}' has more than {DIGITS} digits, which no column holds") from None
    except OverflowError as error:
        reason = f"that is {kind}: {error}"
        raise ArchtoolError(f"a value of '{name}' does not fit into its column; {reason}") from None


def _problem(problem: Array, mask: Array | None, rules: Sequence[str]) -> Any:
    import numpy as np

    pa = arrow()
    words = pa.array(rules, pa.string())
    if mask is None:
        return pa.DictionaryArray.from_arrays(pa.nulls(len(problem), pa.int32()), words)
    return pa.DictionaryArray.from_arrays(pa.array(problem - np.int32(1), mask=~mask), words)
