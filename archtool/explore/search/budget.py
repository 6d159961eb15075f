"""A budget: bounds on metrics that every design found has to keep, and by how much one that does not leaves it."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.errors import RuleError, nearest

if TYPE_CHECKING:
    import numpy as np

BOUND: Final = re.compile(
    r"\s*(\w+)\s*(<=|>=|<|>)\s*([+-]?(?:\d[\d_]*)?\.?\d[\d_]*(?:[eE][+-]?\d{1,3})?)\s*([kKMGT]?)\s*"
)
SCALED: Final = re.compile(r"(?<![\w.])(\d[\d_]*(?:\.\d+)?)([kKMGT])(?!\w)")  # a number with a unit, in any text
LARGEST: Final = 10**300  # of a limit: a float holds it
UNITS: Final = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


class Bound(NamedTuple):
    """A metric that must be at most (or at least) a limit; `relation` is one of <=, >=, < and >."""

    metric: str
    relation: str
    limit: Fraction
    text: str

    def met(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Where the values keep the bound, exactly."""
        import numpy as np

        if values.dtype.kind == "f":
            compare = {"<=": np.less_equal, ">=": np.greater_equal, "<": np.less, ">": np.greater}[self.relation]
            kept: np.ndarray[Any, np.dtype[np.bool_]] = compare(values, float(self.limit))
            return kept
        limit = self.limit
        whole = {"<=": floor(limit), "<": ceil(limit) - 1, ">=": ceil(limit), ">": floor(limit) + 1}[self.relation]
        return np.asarray(values <= whole if self.relation[0] == "<" else values >= whole, bool)

    def excess(self, values: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """By how much the values leave the bound: 0 where they keep it, else up to 1, growing with the gap.

        gap / (gap + |limit| + 1), the gap never quite 0, which it is for the limit of a strict bound.
        """
        import numpy as np

        gap = np.abs(values.astype(np.float64) - float(self.limit)) + 1e-9
        return np.where(self.met(values), 0.0, gap / (gap + abs(float(self.limit)) + 1))


def parse_budget(text: str, metrics: Collection[str]) -> tuple[Bound, ...]:
    """The bounds that a text such as `macs <= 600e6, params <= 5M` states, on these metrics.

    Raises RuleError for what is no bound, and for a metric that there is not.

    >>> [bound.limit for bound in parse_budget("macs <= 600e6, params < 5M", ["macs", "params"])]
    [Fraction(600000000, 1), Fraction(5000000, 1)]
    """
    return tuple(_bound(part, metrics) for part in text.split(",") if part.strip())


def _bound(text: str, metrics: Collection[str]) -> Bound:
    found = BOUND.fullmatch(text)
    if found is None:
        raise RuleError(f"'{text.strip()}' is no bound of a budget; write METRIC <= NUMBER, as in macs <= 600e6")
    metric, relation, number, unit = found.groups()
    if metric not in metrics:
        raise RuleError(f"the budget '{text.strip()}' bounds '{metric}', which is no metric" + nearest(metric, metrics))
    limit = Fraction(Decimal(number)) * UNITS[unit]
    if abs(limit) > LARGEST:
        raise RuleError(f"the budget '{text.strip()}' is of more than 10**300, which bounds nothing")
    return Bound(metric, relation, limit, text.strip())


def bounded(bounds: Sequence[Bound]) -> tuple[str, ...]:
    """The metrics that a budget speaks of, each once."""
    return tuple(dict.fromkeys(bound.metric for bound in bounds))
