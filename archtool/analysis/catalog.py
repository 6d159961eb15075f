"""The shipped specs with what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from archtool.analysis.expect import check
from archtool.analysis.report import Report
from archtool.design import Design
from archtool.spec.catalog import shipped_files, shipped_folder
from archtool.spec.reader import read_file
from archtool.spec.spec import Spec


@dataclass(frozen=True, kw_only=True, slots=True)
class Shipped:
    """A shipped spec, or one of its designs: its totals, and whether they meet those that it states (None: none
    stated). `file` is its place among the shipped specs, `zoo/resnet.yaml`."""

    name: str
    file: str
    about: str
    source: str
    params: int
    macs: int
    meets_expectations: bool | None

    def to_dict(self) -> dict[str, Any]:
        """The row as JSON."""
        return {name: getattr(self, name) for name in type(self).__slots__}


def shipped() -> Iterator[Shipped]:
    """Every shipped spec: its designs, or itself where it has none."""
    for path in shipped_files():
        document = read_file(path)
        for name in Spec(document, None, path.parent).designs or (None,):
            design = Design(document, name, None, path.parent)
            report = Report(design)
            checks = check(report)
            yield Shipped(
                name=design.name,
                file=path.relative_to(shipped_folder()).as_posix(),
                about=design.spec.about,
                source=design.spec.source,
                params=report.totals.params,
                macs=report.totals.macs,
                meets_expectations=all(each.ok for each in checks) if checks else None,
            )
