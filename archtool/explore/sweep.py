"""A sweep: the designs of a space evaluated, as many at once as one likes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.options import Options
from archtool.explore.asked import Asked, asked
from archtool.explore.batch import Batch
from archtool.explore.compiled import Columns, Compiled, merged
from archtool.explore.derived import Form, around
from archtool.explore.describe import describe, fingerprint
from archtool.explore.places import Places, Scattered, boxes
from archtool.explore.reading import check_items
from archtool.explore.tracing import Tracer, question

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from archtool.design import Design
    from archtool.explore.search.found import Found
    from archtool.explore.storing.run import Ended

    Array = np.ndarray[Any, Any]

DEFAULT: Final = ("params", "macs", "activations", "receptive_field")
MOST_DIMENSIONS: Final = 32  # that an array of numpy has
MOST_PIECES: Final = 10_000  # that are kept
CHUNK: Final = 2**18  # designs that are evaluated at once


class Key(NamedTuple):
    """What designs that are traced at once have in common: their places on the fixed axes, and the form and the bounds
    of what is derived."""

    fixed: tuple[int, ...]
    form: Form | None = None
    bounds: tuple[tuple[int, int], ...] = ()


class Sweep:
    """The designs of a space, to be evaluated: by number (`batch`), or wherever they stand (`evaluate`).

    `metrics` names what is told of each design beside its knobs: metrics, or expressions over metrics and vars; a batch
    has the goals that are knobs too. `rules` are those that designs were found to break so far; `removed` says how many
    designs each condition of `where` has removed so far.
    """

    def __init__(
        self, design: Design, asked: Asked, metrics: Sequence[str] = (), options: Options | None = None
    ) -> None:
        vars = tuple(design.spec.block.arguments)
        self.design = design
        self.space = asked.space
        self.where = asked.where
        self.minimize = asked.minimize
        self.maximize = asked.maximize
        knobs = {knob.name for knob in asked.space.knobs}
        goals = (*asked.minimize, *asked.maximize)
        self.metrics = tuple(name for name in dict.fromkeys([*(metrics or DEFAULT), *goals]) if name not in knobs)
        self._told = tuple(dict.fromkeys([*self.metrics, *goals]))  # with the goals that are knobs
        self.options = options or Options()
        self.rules: list[str] = []
        self.removed = [0] * len(self.where)
        conditions = [question(text, vars) for text in self.where]
        self._by_metrics = tuple(bool(condition.metrics - set(vars)) for condition in conditions)
        questions = [question(text, vars) for text in self._told]
        check_items(design.block, self.space.axes)
        self._tracer = Tracer(design, self.space.axes, questions, conditions, self.options)
        self._pieces: dict[Key, Compiled] = {}

    @property
    def split(self) -> tuple[str, ...]:
        """Why the space could not be traced at once, so far: the knobs that had to be fixed, each with the reason."""
        return tuple(self._tracer.reasons)

    def describe(self) -> dict[str, Any]:
        """All that decides what a sweep finds, as JSON: the spec's text, the space, what is asked of each design."""
        return describe(self)

    @cached_property
    def fingerprint(self) -> str:
        """A hash of `describe()`: two sweeps with the same one find the same."""
        return fingerprint(self.describe())

    def chunks(self, start: int = 0, size: int = CHUNK) -> Iterator[tuple[int, int]]:
        """The designs from the number `start` on, in ranges of at most `size`, that are cheap to evaluate at once."""
        whole = 1  # turns of the last axes are boxes
        for length in reversed(self.space.lengths if self.space.sample is None else ()):
            if whole * length > size:
                break
            whole *= length
        step = max(size // whole, 1) * whole
        stop = min(self.space.size, start - start % step + step)
        while start < self.space.size:
            yield start, stop
            start, stop = stop, min(self.space.size, stop + step)

    def batch(self, start: int, stop: int) -> Batch:
        """The designs with the numbers from `start` up to `stop`."""
        if self.space.sample is not None or len(self.space.axes) > MOST_DIMENSIONS:
            return self._evaluated(Scattered(self.space.digits(start, stop), start))
        parts = [self._evaluated(box) for box in boxes(self.space.lengths, start, stop)]
        return parts[0] if len(parts) == 1 else Batch.joined(parts)

    def evaluate(self, digits: Sequence[Array]) -> Batch:
        """Designs that stand at these places of the axes; their numbers are their places in these arrays."""
        return self._evaluated(Scattered(digits, 0))

    def save(
        self, path: str | os.PathLike[str], *, force: bool = False, resume: bool = False, limit: int | None = None
    ) -> Ended:
        """Evaluate the designs (the first `limit` of them) into a .parquet, .csv or .duckdb file, whole however that
        ends. `force` replaces a file that is there, `resume` goes on with it.

        Raises ArchtoolError for a file that can't be written, or that holds another sweep.
        """
        from archtool.explore.storing.store import Store

        return Store(self, Path(path), force, resume).fill(limit)

    def to_pandas(self, limit: int | None = None) -> pd.DataFrame:
        """The designs (the first `limit` of them, at most 1,000) as a table; see `save` for more.

        >>> from archtool import load
        >>> load("resnet50").explore({"width": "32,64"}, metrics=["params"]).to_pandas()["params"].to_list()
        [6917640, 25557032]
        """
        from archtool.explore.storing.store import table

        frame: pd.DataFrame = table(self, limit)[0].to_pandas()
        return frame

    def search(self, budget: str = "", **asked: Any) -> Found:
        """Search the space for the designs that are best in what is minimized and maximized, and within a budget.

        What else is `asked` are the words of `archtool.explore.search.searching.find`: minimize, maximize, objectives,
        scores, algorithm, evaluations, seed, storage ... Raises RuleError where no design is within the budget.

        >>> from archtool import load
        >>> found = load("mobile_nas").explore().search("macs <= 200e6")
        >>> found.front["macs"][0].as_py(), found.front.num_rows
        (158677408, 21)
        """
        from archtool.explore.search.searching import find

        return find(self, budget, **asked)

    def _evaluated(self, places: Places) -> Batch:
        metrics, keeps, problem = self._columns(places)
        batch = Batch(places=places, metrics=dict(zip(self._told, metrics, strict=True)), problem=problem)
        return self._kept(batch, keeps) if keeps else batch

    def _kept(self, batch: Batch, keeps: Sequence[Array]) -> Batch:
        """Without the designs that a condition removes; an invalid design has no metrics to be removed by."""
        import numpy as np

        kept = np.ones(batch.size, dtype=bool)
        for index, (holds, by_metrics) in enumerate(zip(keeps, self._by_metrics, strict=True)):
            holds = holds | (batch.problem != 0) if by_metrics else holds
            self.removed[index] += int(np.count_nonzero(kept & ~holds))
            kept &= holds
        return batch if kept.all() else batch.only(kept)

    def _columns(self, places: Places) -> Columns:
        """The metrics, the conditions and the problem of each design."""
        while True:
            parts = []
            for key, rows, part in self._divided(places):
                piece = self._piece(key)
                if piece is None:  # divide further
                    break
                parts.append((rows, piece.columns(part, self.rules)))
            else:
                return merged(parts, places.shape if self._tracer.derived is None else (places.size,))

    def _divided(self, places: Places) -> Iterator[tuple[Key, Any, Places]]:
        """Places that are evaluated together: the key of their piece, where they are, and these places."""
        axes = self._tracer.fixed_axes
        if self._tracer.derived is None:
            for at, rows, part in places.divided(axes) if axes else [((), ..., places)]:
                yield Key(at), rows, part
            return
        digits = places.digits()
        for form, rows, leaves in self._tracer.derived.groups(digits):
            bounds = tuple(map(around, leaves))
            numbers = [leaf - low for leaf, (low, _) in zip(leaves, bounds, strict=True)]
            group = Scattered([*(column[rows] for column in digits), *numbers], 0)
            for at, within, part in group.divided(axes) if axes else [((), ..., group)]:
                yield Key(at, form, bounds), rows[within], part

    def _piece(self, key: Key) -> Compiled | None:
        found = self._pieces.get(key)
        if found is None:
            fixed = dict(zip(self._tracer.fixed_axes, key.fixed, strict=True))
            piece = self._tracer.piece(fixed, key.form, key.bounds)
            if piece is None or len(self._pieces) >= MOST_PIECES:
                self._pieces.clear()
            if piece is None:
                return None
            lengths = (*self.space.lengths, *(high - low + 1 for low, high in key.bounds))
            found = self._pieces[key] = Compiled(piece, lengths)
        return found


def sweep(
    design: Design,
    over: Mapping[str, object] | None = None,
    metrics: Sequence[str] = (),
    *,
    zipped: Iterable[Sequence[str]] = (),
    where: Iterable[str] = (),
    minimize: Iterable[str] = (),
    maximize: Iterable[str] = (),
    sample: int | None = None,
    seed: int = 0,
    **options: Any,
) -> Sweep:
    """A sweep of a design over what is `asked`, its metrics counted by `Options`; see `Design.explore`."""
    said = asked(design.spec, over, zipped, where, minimize, maximize, sample, seed)
    return Sweep(design, said, metrics, Options(**options))
