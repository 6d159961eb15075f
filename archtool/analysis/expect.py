"""A report held against the published totals that its spec states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from archtool.analysis.report import ReceptiveField, Report


def _found(report: Report, metric: str) -> Any:
    """The report's value of a metric of `archtool.spec.spec.METRICS`."""
    if metric == "output":
        return report.output
    if metric == "peak_memory":
        return report.design.memory().live
    found = getattr(report.totals, metric)
    return found.size if isinstance(found, ReceptiveField) else found


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
    """Every expectation of the report's design."""
    checks = []
    for metric, value, tolerance, _ in report.design.expect:
        found = _found(report, metric)
        if isinstance(found, tuple) and not isinstance(value, tuple):
            value = (value,) * len(found)
        ok = found == value if isinstance(found, tuple) else abs(found - value) <= tolerance * abs(value)
        checks.append(Check(metric=metric, expected=value, found=found, ok=ok))
    return checks


def _shown(value: Any, sign: str = "") -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(str, value)) + "]"
    return format(value, f"{sign},") if isinstance(value, int) else str(value)
