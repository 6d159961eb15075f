"""The Pareto front of a sweep's result: the designs that no other one beats in every objective at once."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archtool.errors import RuleError, missing_extra
from archtool.explore.fronts.candidates import candidates
from archtool.explore.fronts.cloud import Cloud
from archtool.explore.fronts.columns import numbers
from archtool.explore.fronts.conditions import Condition
from archtool.explore.fronts.frontier import Frontier
from archtool.explore.fronts.results import NAMED, POINT, ResultError, Results, results
from archtool.explore.storing.table import PROBLEM

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    Array = np.ndarray[Any, Any]

OF_A_SWEEP: Final = ("part", "rows", "invalid", "removed")  # what a result says that does not hold for its front


@dataclass(frozen=True, kw_only=True, eq=False)
class Front:
    """The points of a front, numbered from 1, the best by the first objective first; made by `front`.

    A point is what some designs have in common: they have the same objectives. `table` has the first of them, with its
    knobs and metrics, `sharing` tells how many they are. read: rows of the result; invalid: those without a value for
    each objective; excluded: those that a condition of `where` left out. `cloud` are the objectives of some designs of
    all, drawn at random, one row a design.
    """

    path: Path
    minimize: tuple[str, ...]
    maximize: tuple[str, ...]
    where: tuple[str, ...]
    read: int
    invalid: int
    excluded: int
    knobs: tuple[str, ...]
    metrics: tuple[str, ...]
    table: pa.Table = field(repr=False)
    sharing: tuple[int, ...] = field(repr=False)
    cloud: Array = field(repr=False)
    about: Mapping[str, Any] = field(repr=False)

    @property
    def objectives(self) -> tuple[str, ...]:
        """All objectives, those to be minimized first."""
        return (*self.minimize, *self.maximize)

    def __len__(self) -> int:
        """The number of points."""
        return len(self.sharing)

    @property
    def designs(self) -> int:
        """The number of designs on the front: those that share a point each for itself."""
        return sum(self.sharing)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The points in order: the columns of the first design of each."""
        return self.first(None)

    def first(self, count: int | None) -> list[dict[str, Any]]:
        """The first points, all where no count is given."""
        return [_plain(row) for row in self.table.slice(0, count).to_pylist()]

    def row(self, number: int) -> dict[str, Any]:
        """The point with a number from 1 on; raises RuleError where there is none."""
        if type(number) is not int or not 1 <= number <= len(self):
            raise RuleError(f"{self.path}: the front has the points 1 to {len(self):,}, not {number}")
        return _plain(self.table.slice(number - 1, 1).to_pylist()[0])

    def values(self, objective: str) -> Array:
        """An objective of each point, exactly."""
        return numbers(self.table.column(objective).combine_chunks(), objective)

    def to_pandas(self) -> pd.DataFrame:
        """The points as a data frame, its index their numbers; raises MissingExtra without pandas."""
        try:
            import pandas as pd
        except ImportError as error:
            raise missing_extra("a data frame", "pandas", "pandas", error) from None
        frame: pd.DataFrame = self.table.to_pandas()
        frame.index = pd.RangeIndex(1, len(self) + 1, name=POINT)
        return frame

    def to_dict(self) -> dict[str, Any]:
        """The front as JSON."""
        from archtool.render.front import to_dict

        return to_dict(self)

    def plot(self, path: str | os.PathLike[str]) -> Path:
        """Draw the front before all designs into a file, as png, svg or pdf by its suffix.

        Raises PictureError where it can't be written, MissingExtra without matplotlib.
        """
        from archtool.render.front_plot import save

        target = Path(path)
        save(self, target)
        return target

    def html(self, path: str | os.PathLike[str]) -> Path:
        """Write the front as a page that needs nothing else: its picture, its points in a table that can be sorted."""
        from archtool.render.front_page import save

        target = Path(path)
        save(self, target)
        return target

    def emit(self, number: int) -> str:
        """The spec of a point, by its number: the original one with the point's knobs, comments and layout kept.

        What is emitted has been analysed, and has the metrics of the point. Raises ArchtoolError where it can't be.
        """
        from archtool.explore.fronts.emit import emitted

        row = self.row(number)
        return emitted(self.about, row, self._origin(number, row), self.path)

    def _origin(self, number: int, row: Mapping[str, Any]) -> str:
        design = f", design {row['design']}" if "design" in row else ""
        goals = [("minimizes", self.minimize), ("maximizes", self.maximize)]
        said = ", ".join(f"{verb} {' and '.join(names)}" for verb, names in goals if names)
        return f"point {number} of {len(self)} of the front that {said}{design}, in {self.path.name}"

    def write(self, path: str | os.PathLike[str]) -> Path:
        """Write all designs of the front, each with the number of its point, as Parquet, CSV or DuckDB by the suffix:
        whole or not at all. What the sweep said of itself goes along, so that this is a result again.

        Raises ResultError or OutputError where it can't be written.
        """
        from archtool.explore.fronts.members import members
        from archtool.explore.storing.sinks import writing

        target = Path(path)
        if target.resolve() == self.path.resolve():
            raise ResultError(f"{target}: this is the result itself; its other designs would be lost")
        said = {name: value for name, value in self.about.items() if name not in OF_A_SWEEP}
        said["fingerprint"] = f"front of {self.about.get('fingerprint')}"  # no sweep to go on with
        goals = {"minimize": list(self.minimize), "maximize": list(self.maximize)}
        front_of = {"file": self.path.name, "where": list(self.where), "read": self.read}
        parts = members(self)
        first = next(parts)
        with writing(target, first.schema) as sink:
            for part in chain((first,), parts):
                sink.write(part)
            sink.close({**said, **goals, "front": front_of, "next": self.designs, "size": self.designs})
        return target

    def __str__(self) -> str:
        from archtool.render.front import plain

        return plain(self)

    def _repr_html_(self) -> str:
        from archtool.render.front_page import table

        return table(self)


def front(
    path: str | os.PathLike[str],
    *,
    minimize: Sequence[str] = (),
    maximize: Sequence[str] = (),
    where: Sequence[str] = (),
) -> Front:
    """The front of a sweep's result: a Parquet file or a folder of them, a CSV or a DuckDB file.

    The objectives are, where none are given, those of the sweep. `where` are conditions on its columns that the designs
    have to meet. Designs are compared exactly, whatever their number and size; memory holds the front and a batch.
    Raises ArchtoolError for a file that is no result, an objective that is none, and where no design is left.
    """
    source = results(Path(path))
    minimize, maximize = _objectives(source, tuple(minimize), tuple(maximize))
    objectives = (*minimize, *maximize)
    conditions = [Condition(text, source.columns) for text in where]
    frontier = Frontier([False] * len(minimize) + [True] * len(maximize))
    cloud = Cloud(len(objectives))
    read = invalid = excluded = 0
    for batch in candidates(source, objectives, conditions):
        read += batch.read
        invalid += batch.invalid
        excluded += batch.excluded
        frontier.add(batch.objectives, batch.position)
        cloud.add(batch.objectives)
    _, position, count = frontier.found()
    if not len(position):
        lost = [f"{invalid:,} have no value for an objective"] if invalid else []
        lost += [f"{excluded:,} are left out by a condition"] if excluded else []
        raise ResultError(f"{source.path}: no design is left of {read:,}" + "".join(f"; {why}" for why in lost))
    return Front(
        path=source.path,
        minimize=minimize,
        maximize=maximize,
        where=tuple(where),
        read=read,
        invalid=invalid,
        excluded=excluded,
        knobs=source.knobs or tuple(n for n in source.columns if n not in (*NAMED, *source.metrics, *objectives)),
        metrics=source.metrics,
        table=_in_order(source, position, [name for name in source.columns if name not in (PROBLEM, POINT)]),
        sharing=tuple(map(int, count)),
        cloud=cloud.rows(),
        about=source.about,
    )


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row without the type that Arrow has for whole numbers of more than 64 bits."""
    return {name: int(value) if isinstance(value, Decimal) else value for name, value in row.items()}


def _objectives(
    source: Results, minimize: tuple[str, ...], maximize: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if not minimize and not maximize:
        minimize, maximize = (tuple(source.about.get(goal, ())) for goal in ("minimize", "maximize"))
    if not minimize and not maximize:
        listed = ", ".join(source.metrics) or "none"
        raise ResultError(
            f"{source.path}: say what is to be small or great (--minimize, --maximize); metrics: {listed}"
        )
    minimize, maximize = tuple(dict.fromkeys(minimize)), tuple(dict.fromkeys(maximize))
    source.known((*minimize, *maximize))
    for name in minimize:
        if name in maximize:
            raise RuleError(f"'{name}' can't be both minimized and maximized")
    return minimize, maximize


def _in_order(source: Results, position: Array, columns: Sequence[str]) -> pa.Table:
    """The rows at some positions, in the order of these."""
    import numpy as np
    import pyarrow as pa

    order = np.argsort(position)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return source.take(position[order], columns).take(pa.array(place))


def writable(paths: Sequence[Path], force: bool = False) -> None:
    """Refuse, before anything is done, files that are there already, unless they are to be replaced."""
    for path in paths:
        if path.is_dir():
            raise ResultError(f"{path}: this is a folder")
        if path.exists() and not force:
            raise ResultError(f"{path} is there already: --force replaces it")
        if not path.parent.is_dir():
            raise ResultError(f"{path}: there is no folder '{path.parent}'")
