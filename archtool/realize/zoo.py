"""The shipped specs held against their stated totals and against torch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from archtool.analysis.catalog import ShippedDesign
from archtool.analysis.expect import check
from archtool.analysis.report import Report
from archtool.design import Design
from archtool.realize.result import Verification


@dataclass(frozen=True, kw_only=True, slots=True)
class Verified:
    """A shipped design: its totals; whether they meet those that its spec states (None: none stated); on how many
    layers it was held against torch, in how many quantities, and where the two differ."""

    name: str
    file: str
    params: int
    macs: int
    meets_expectations: bool | None
    layers: int
    verification: Verification
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing differs."""
        return self.verification.ok and self.meets_expectations is not False

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON."""
        return {
            "name": self.name,
            "file": self.file,
            "params": self.params,
            "macs": self.macs,
            "meets_expectations": self.meets_expectations,
            "layers": self.layers,
            "compared": len(self.verification.rows),
            "differences": [row.to_dict() for row in self.verification.differences],
            "notes": list(self.verification.notes),
            "seconds": round(self.seconds, 2),
        }


def verified(designs: Iterable[ShippedDesign], device: str = "auto") -> Iterator[Verified]:
    """Verify shipped designs, one after the other."""
    for file, design in designs:
        yield _verified(file, design, device)


def _verified(file: str, design: Design, device: str) -> Verified:
    start = perf_counter()
    report = Report(design)
    checks = check(report)
    verification = design.verify(device)
    return Verified(
        name=design.name,
        file=file,
        params=report.totals.params,
        macs=report.totals.macs,
        meets_expectations=all(each.ok for each in checks) if checks else None,
        layers=len({row.name for row in verification.rows}),
        verification=verification,
        seconds=perf_counter() - start,
    )
