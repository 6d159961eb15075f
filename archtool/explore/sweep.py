"""A sweep: the designs of a space evaluated, as many at once as one likes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from archtool.analysis.options import Options
from archtool.explore.asked import Asked, asked
from archtool.explore.batch import Batch
from archtool.explore.compiled import Columns, Compiled, merged
from archtool.explore.describe import describe, fingerprint
from archtool.explore.places import Places, Scattered, boxes
from archtool.explore.tracing import Tracer, question

if TYPE_CHECKING:
    import numpy as np

    from archtool.design import Design

    Array = np.ndarray[Any, Any]

DEFAULT: Final = ("params", "macs", "activations", "receptive_field")
MOST_PIECES: Final = 10_000  # that are kept
CHUNK: Final = 2**18  # designs that are evaluated at once


class Sweep:
    """The designs of a space, to be evaluated: by number (`batch`), or wherever they stand (`evaluate`).

    `metrics` names what is told of each design: metrics, or expressions over metrics and vars. `rules` are those that
    designs were found to break so far; `removed` says how many designs each condition of `where` has removed so far.
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
        self.metrics = tuple(dict.fromkeys([*(metrics or DEFAULT), *asked.minimize, *asked.maximize]))
        self.options = options or Options()
        self.rules: list[str] = []
        self.removed = [0] * len(self.where)
        conditions = [question(text, vars) for text in self.where]
        self._by_metrics = tuple(bool(condition.metrics - set(vars)) for condition in conditions)
        questions = [question(text, vars) for text in self.metrics]
        self._tracer = Tracer(design, self.space.axes, questions, conditions, self.options)
        self._pieces: dict[tuple[int, ...], Compiled] = {}

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
        if self.space.sample is not None:
            return self._evaluated(Scattered(self.space.digits(start, stop), start))
        parts = [self._evaluated(box) for box in boxes(self.space.lengths, start, stop)]
        return parts[0] if len(parts) == 1 else Batch.joined(parts)

    def evaluate(self, digits: Sequence[Array]) -> Batch:
        """Designs that stand at these places of the axes; their numbers are their places in these arrays."""
        return self._evaluated(Scattered(digits, 0))

    def _evaluated(self, places: Places) -> Batch:
        metrics, keeps, problem = self._columns(places)
        batch = Batch(places=places, metrics=dict(zip(self.metrics, metrics, strict=True)), problem=problem)
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
            axes = self._tracer.fixed_axes
            parts = []
            for at, rows, part in places.divided(axes) if axes else [((), ..., places)]:
                piece = self._piece(at)
                if piece is None:  # split further
                    break
                parts.append((rows, piece.columns(part, self.rules)))
            else:
                return merged(parts, places.shape)

    def _piece(self, at: tuple[int, ...]) -> Compiled | None:
        found = self._pieces.get(at)
        if found is None:
            piece = self._tracer.piece(dict(zip(self._tracer.fixed_axes, at, strict=True)))
            if piece is None or len(self._pieces) >= MOST_PIECES:
                self._pieces.clear()
            if piece is None:
                return None
            found = self._pieces[at] = Compiled(piece, self.space.lengths)
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
