"""The shipped specs with what they cost."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from archtool.analysis.expect import check
from archtool.analysis.report import Report
from archtool.design import Design
from archtool.errors import RuleError, nearest
from archtool.spec.catalog import shipped_files, shipped_folder
from archtool.spec.reader import read_file
from archtool.spec.spec import Spec


class ShippedDesign(NamedTuple):
    """A shipped spec's file, as its place among the shipped specs, with one of its designs, or itself where it has
    none."""

    file: str
    design: Design


def shipped_designs(names: Collection[str] = ()) -> list[ShippedDesign]:
    """Every shipped design, or those that go by these names: designs', specs', or files'.

    Raises RuleError for a name that none goes by.
    """
    found = []
    for path in shipped_files():
        document = read_file(path)
        file = path.relative_to(shipped_folder()).as_posix()
        for name in Spec(document, None, path.parent).designs or (None,):
            found.append(ShippedDesign(file, Design(document, name, None, path.parent)))
    known = {each: (each.design.name, each.design.spec.name, each.file) for each in found}
    for wanted in names:
        if not any(wanted in own for own in known.values()):
            every = [own for each in known.values() for own in each]
            raise RuleError(f"'{wanted}' is no shipped spec or design" + nearest(wanted, every, []))
    return [each for each in found if not names or set(known[each]) & set(names)]


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


def shipped(designs: Iterable[ShippedDesign] | None = None) -> Iterator[Shipped]:
    """Shipped designs, all or these, with what they cost."""
    for file, design in shipped_designs() if designs is None else designs:
        report = Report(design)
        checks = check(report)
        yield Shipped(
            name=design.name,
            file=file,
            about=design.spec.about,
            source=design.spec.source,
            params=report.totals.params,
            macs=report.totals.macs,
            meets_expectations=all(each.ok for each in checks) if checks else None,
        )
