"""A family of ResNets with nine knobs: what it takes to tell four numbers of each of a million designs, on one core."""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain, count, repeat
from time import perf_counter, process_time
from typing import Any

import numpy as np

from archtool import load
from archtool.explore.asked import asked
from archtool.explore.sweep import Sweep
from benchmarks import family
from benchmarks.progress import say
from benchmarks.results import Effort, Figure, Section

SPEC = "resnet_family"
METRICS = family.Answer._fields
MILLION = 1_000_000
RANDOM_BAR, GRID_BAR = 0.2, 0.02  # seconds a million: 5 and 50 million designs a second
ROWS = 8192  # of the hand-written numpy's arrays, which then fit into a core's caches
SETTLING = 8  # of archtool's chunks: tables are made, and memory is taken from the system
CHECKED = 1009  # every so many of archtool's designs are held against the closed form

Sample = tuple[float, int]  # seconds of a core, designs


def measure(effort: Effort) -> Section:
    """Time archtool on random designs and on a grid, and the others on random designs of the same family, in turns."""
    tools: dict[str, Callable[[], Iterator[Sample]]] = {
        "archtool, random designs": lambda: _ours(sample=10**9),
        "archtool, a product grid": _ours,
        "this family by hand, numpy": _numpy,
        "this family by hand, Python": _python,
        "built on meta, FlopCounterMode": _meta,
    }
    samples: dict[str, list[float]] = {name: [] for name in tools}
    absent: dict[str, str] = {}
    running = {name: start() for name, start in tools.items()}
    for number in range(effort.rounds + 1):
        say(f"sweep rate: round {number} of {effort.rounds}")
        for name, run in running.items():
            if name not in absent:
                try:
                    taken = _taken(run, effort.seconds)
                except (ImportError, ValueError) as error:  # not installed, or a wrong answer
                    absent[name] = f"{type(error).__name__}: {error}"
                    samples[name] = []
                else:
                    samples[name] += taken if number else []  # the first is not counted
    bars = {"archtool, random designs": RANDOM_BAR, "archtool, a product grid": GRID_BAR}
    figures = [
        Figure(
            tool=name,
            samples=tuple(taken),
            bar=bars.get(name),
            compared=name in bars,
            absent=absent.get(name),
        )
        for name, taken in samples.items()
    ]
    return Section(
        title="A million ResNets: parameters, multiply-adds, activations, receptive field",
        unit="s",
        ours=tuple(figures[: len(bars)]),
        peers=tuple(figures[len(bars) :]),
        notes=(
            "A core's time, that of the draws included. archtool is traced before, and held against the closed form.",
            "On meta a module is built for each design, for parameters and multiply-adds alone.",
            "Million designs a second: " + ", ".join(_rate(figure) for figure in figures if figure.samples) + ".",
        ),
    )  # fmt: skip


def _rate(figure: Figure) -> str:
    return f"{1 / min(figure.samples):.3g}"


def _taken(run: Iterator[Sample], seconds: float) -> list[float]:
    """Samples for so long, one at least: seconds a million designs."""
    found: list[float] = []
    end = perf_counter() + seconds
    while not found or perf_counter() < end:
        took, designs = next(run)
        found.append(took / designs * MILLION)
    return found


def _ours(sample: int | None = None) -> Iterator[Sample]:
    """A chunk of the space after another, over and over; traced before."""
    design = load(SPEC)
    sweep = Sweep(design, asked(design.spec, sample=sample), METRICS)
    for number, (start, stop) in enumerate(chain.from_iterable(map(sweep.chunks, repeat(0)))):
        began = process_time()
        batch = sweep.batch(start, stop)
        took = process_time() - began
        _check(batch)
        if number >= SETTLING:
            yield took, stop - start


def _check(batch: Any) -> None:
    """Some designs of a batch, held against the closed form."""
    at = slice(None, None, CHECKED)
    expected = family.closed_form([value[digit[at]] for value, digit in zip(_values(), batch.digits, strict=True)])
    for name, column in zip(METRICS, expected, strict=True):
        if not np.array_equal(batch.metrics[name][at], np.broadcast_to(column, batch.metrics[name][at].shape)):
            raise ValueError(f"{name} is not that of the closed form")


@cache
def _values() -> list[Any]:
    """What each knob of the family can be."""
    return [np.array(knob.values) for axis in asked(load(SPEC).spec).space.axes for knob in axis.knobs]


def _drawn(designs: int) -> Iterator[list[Any]]:
    """Random designs of the family, as the values of its knobs."""
    space = asked(load(SPEC).spec, sample=10**9).space
    values = _values()
    for number in count():
        digits = space.digits(number * designs, (number + 1) * designs)
        yield [value[digit] for value, digit in zip(values, digits, strict=True)]


def _numpy() -> Iterator[Sample]:
    """The closed form on arrays of some thousand designs each."""
    designs = 32 * ROWS
    drawn = _drawn(designs)
    while True:
        began = process_time()
        columns = next(drawn)
        for first in range(0, designs, ROWS):
            family.closed_form([column[first : first + ROWS] for column in columns])
        yield process_time() - began, designs


def _python() -> Iterator[Sample]:
    """The closed form on one design after another."""
    if family.closed_form(family.RESNET50).macs != family.RESNET50_MACS:
        raise ValueError("a wrong answer")
    designs = 4096
    drawn = _drawn(designs)
    while True:
        began = process_time()
        for design in zip(*(column.tolist() for column in next(drawn)), strict=True):
            family.closed_form(design)
        yield process_time() - began, designs


def _meta() -> Iterator[Sample]:
    """Torch's counter on modules that are built for it; each answer is checked."""
    for columns in _drawn(1):
        design = [int(column[0]) for column in columns]
        began = process_time()
        answer = family.on_meta(design)
        took = process_time() - began
        expected = family.closed_form(design)
        if answer != (expected.params, expected.macs):
            raise ValueError(f"it answered {answer} for {design}")
        yield took, 1
