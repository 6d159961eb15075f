"""Conditions on the rows of a result (`--where`): expressions of the language over its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from archtool.codegen import to_numpy
from archtool.errors import RuleError, Untraceable, nearest
from archtool.explore.fronts.columns import numbers, words
from archtool.explore.search.budget import BOUND, parse_budget
from archtool.size import equal
from archtool.spec.domains import KNOB
from archtool.spec.expressions import NAME, compile_expression
from archtool.spec.values import WORK, Allowance, Choice
from archtool.trace import Trace, is_condition

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

    Array = np.ndarray[Any, Any]

MOST_WORK = 100_000  # list items that a condition may make


class Condition:
    """A condition on the columns of a result, as text.

    A bound on one number (`macs <= 600e6`, `macs <= 600M`) may be on any metric; other expressions are exact, and on
    columns of whole numbers, truth values and words. Raises RuleError for names that are no columns.
    """

    def __init__(self, text: str, columns: Sequence[str]) -> None:
        self.text = text
        self.bound = None
        bound = BOUND.fullmatch(text)
        if bound is not None:
            if bound[1] not in columns:
                raise RuleError(f"where: unknown name '{bound[1]}'" + nearest(bound[1], columns))
            (self.bound,) = parse_budget(text, columns)
            self.columns: tuple[str, ...] = (self.bound.metric,)
            return
        asked = dict.fromkeys(re.findall(r"(?<![\w.])[A-Za-z_]\w*", re.sub(r"\d[\w.]*", "", text)))
        self.columns = tuple(name for name in columns if KNOB.fullmatch(name) and name.split("[")[0] in asked)
        if not self.columns:
            names = [name for name in asked if name not in ("and", "or", "not")]
            what = f"unknown name '{names[0]}'" if names else f"'{text}' speaks of no column"
            raise RuleError(f"where: {what}" + nearest(names[0] if names else "", columns))

    def holds(self, batch: pa.RecordBatch) -> Array:
        """Where it holds; the columns have no missing values."""
        import numpy as np

        if self.bound is not None:
            return self.bound.met(numbers(batch.column(self.bound.metric), self.bound.metric))
        trace = Trace()
        symbols: dict[str, Array] = {}
        known: dict[str, Any] = {}
        for name in self.columns:
            value = self._symbol(trace, symbols, name, batch.column(name), known)
            root, at = KNOB.fullmatch(name).groups()  # type: ignore[union-attr]  # see __init__
            if at:
                known.setdefault(root, {})[tuple(map(int, at[1:-1].split("][")))] = value
            else:
                known[root] = value
        environment = {name: _listed(value) if isinstance(value, dict) else value for name, value in known.items()}
        found = self._evaluated(environment)
        if isinstance(found, bool):
            return np.full(batch.num_rows, found)
        return np.asarray(to_numpy([found])(symbols)[0], dtype=bool)

    def _symbol(
        self, trace: Trace, symbols: dict[str, Array], name: str, column: pa.Array, known: dict[str, Any]
    ) -> Any:
        """What a name means on a trace; the words of a column mean themselves."""
        import pyarrow as pa

        kind = column.type
        options: list[str] = []
        if pa.types.is_dictionary(kind) or pa.types.is_string(kind):
            values, options = words(column)
            known |= {word: word for word in options if NAME.fullmatch(word)}
        else:
            values = numbers(column, name)
            if values.dtype.kind != "i":
                what = "has numbers that are rounded or too large"
                raise RuleError(f"where: '{name}' {what}; write a bound on it alone, as in {name} <= 2.5")
        low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
        symbols[name] = values
        if low == high:
            value: Any = low
        else:
            value = trace.symbol(name, low, high)
        if options:
            return Choice(value, tuple(options))
        return equal(value, 1) if pa.types.is_boolean(kind) else value

    def _evaluated(self, environment: Mapping[str, Any]) -> Any:
        try:
            expression = compile_expression(self.text, environment, ())
            found = expression.evaluate({**environment, WORK: Allowance(MOST_WORK)})
        except (RuleError, Untraceable) as error:
            raise RuleError(f"where: {error}") from None
        if not is_condition(found):
            raise RuleError(f"where: '{self.text}' is neither true nor false")
        return found


def _listed(items: Mapping[tuple[int, ...], Any]) -> Any:
    """A list of which some items are columns; the others can't be asked for."""
    if () in items:
        return items[()]
    most = max(path[0] for path in items)
    return tuple(
        _listed({path[1:]: value for path, value in items.items() if path[0] == at} or {(): None})
        for at in range(most + 1)
    )
