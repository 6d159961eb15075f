"""What a benchmark gives back: figures in sections, and nothing about how they are printed."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Literal

Sample = Mapping[str, float]  # seconds or bytes, by quantity


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How long to look: rounds in which every tool has its turn, and the seconds a warm tool repeats within a turn."""

    rounds: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Figure:
    """What one tool took, in the unit of its section; or, with no samples, why there is no figure."""

    tool: str
    samples: tuple[float, ...] = ()
    macs: int | None = None  # the multiply-adds that the tool answered
    bar: float | None = None
    compared: bool = False  # peers show their ratio to this figure
    absent: str | None = None

    @property
    def median(self) -> float | None:
        return median(self.samples) if self.samples else None

    @property
    def least(self) -> float | None:
        return min(self.samples, default=None)

    @property
    def meets_bar(self) -> bool:
        """Whether the median is within the bar. An absent figure misses its bar; one without a bar can't miss it."""
        return self.bar is None or (self.median is not None and self.median <= self.bar)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """All samples of one tool; or why there are none."""

    samples: tuple[Sample, ...] = ()
    macs: int | None = None
    absent: str | None = None

    def figure(self, tool: str, quantity: str, *, bar: float | None = None, compared: bool = False) -> Figure:
        samples = tuple(sample[quantity] for sample in self.samples)
        return Figure(tool=tool, samples=samples, macs=self.macs, bar=bar, compared=compared, absent=self.absent)


@dataclass(frozen=True, kw_only=True)
class Section:
    """One benchmark: archtool's figures, its peers' from the same run, and what a reader must know."""

    title: str
    unit: Literal["s", "B"]
    ours: tuple[Figure, ...]
    peers: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
