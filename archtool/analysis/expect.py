"""A report held against the published totals that its spec states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from archtool.errors import SpecError, nearest

if TYPE_CHECKING:
    from archtool.analysis.report import Report

METRICS: Final[dict[str, Callable[[Report], Any]]] = {
    "params": lambda report: report.totals.params,
    "macs": lambda report: report.totals.macs,
    "flops": lambda report: report.totals.flops,
    "activations": lambda report: report.totals.activations,
    "output": lambda report: report.output,
    "receptive_field": lambda report: report.totals.receptive_field and report.totals.receptive_field.size,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One expectation: what the spec states, what was counted, and whether they agree."""

    metric: str
    expected: Any
    found: Any
    ok: bool

    def __str__(self) -> str:
        if self.ok:
            return f"{self.metric}: {_shown(self.found)} as expected"
        difference = ""
        if isinstance(self.found, int) and not isinstance(self.expected, tuple):
            difference = f", difference {_shown(self.found - self.expected, '+')}"
        return f"{self.metric}: expected {_shown(self.expected)}, counted {_shown(self.found)}{difference}"


def check(report: Report) -> list[Check]:
    """Every expectation of the report's design; raises SpecError for a metric that is none."""
    checks = []
    for metric, value, tolerance, position in report.design.expect:
        if metric not in METRICS:
            raise SpecError(f"'{metric}' is not a metric" + nearest(metric, list(METRICS)), position)
        found = METRICS[metric](report)
        if isinstance(found, tuple) and not isinstance(value, tuple):
            value = (value,) * len(found)
        ok = found == value if isinstance(found, tuple) else abs(found - value) <= tolerance * abs(value)
        checks.append(Check(metric=metric, expected=value, found=found, ok=ok))
    return checks


def _shown(value: Any, sign: str = "") -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return format(value, f"{sign},") if isinstance(value, int) else str(value)
