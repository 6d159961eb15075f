"""archtool through its Python interface, one sample at a time. Every sample checks its answer.

archtool remembers what it has evaluated, so a second analysis of one design would cost next to nothing. Each sample
therefore analyses a network of another resolution, which none of its layers has met before.
"""

from collections.abc import Callable, Iterator
from itertools import count
from time import perf_counter

import archtool
from benchmarks.peers import DEPTH
from benchmarks.results import Sample


def resnet50() -> Iterator[Sample]:
    """Time the reading of ResNet-50's spec, its totals from there on, and after those its rows with their fields."""
    for k in count(7):  # 7 * 32 = 224, and resolutions that are multiples of 32 differ in every stage
        start = perf_counter()
        design = archtool.load("resnet50", res=32 * k)
        loaded = perf_counter()
        report = design.analyze()
        macs = report.totals.macs
        totalled = perf_counter()
        fields = [row.receptive_field for row in report.rows]
        listed = perf_counter()
        _check(macs, 83_410_944 * k * k + 2_048_000)  # the convolutions' at 32 x 32, and the classifier's
        _check(len(fields), 175)
        yield {"load": loaded - start, "totals": totalled - loaded, "rows": listed - totalled}


def plain() -> Iterator[Sample]:
    """Time the way from the text of DEPTH convolutions, in both spellings, to their totals."""
    conv = "  - conv: {out: 64, kernel: 3, padding: half}\n"
    for size in count(32):
        head = f"archtool: 1\nname: plain\ninput: [64, {size}, {size}]\nlayers:\n"
        macs = 64 * 64 * 3 * 3 * size * size * DEPTH
        yield {
            "repeat": _seconds_to_totals(f"{head}{conv}    repeat: {DEPTH}\n", macs),
            "written out": _seconds_to_totals(head + conv * DEPTH, macs),
        }


def resnet1202() -> Iterator[Sample]:
    """Time the reading of ResNet-1202's spec, its totals from there on, and after those its rows with their fields."""
    for k in count(8):  # 8 * 4 = 32, CIFAR's, and sizes that are multiples of 4 differ in every stage
        start = perf_counter()
        design = archtool.load("resnet1202", res=4 * k)
        loaded = perf_counter()
        report = design.analyze()
        macs = report.totals.macs
        totalled = perf_counter()
        fields = [row.receptive_field for row in report.rows]
        listed = perf_counter()
        _check(macs, 44_206_848 * k * k + 640)  # the convolutions' at 4 x 4, and the classifier's
        _check(len(fields), 4210)
        yield {"load": loaded - start, "totals": totalled - loaded, "rows": listed - totalled}


def _seconds_to_totals(text: str, expected: int) -> float:
    start = perf_counter()
    macs = archtool.load(text).analyze().totals.macs
    seconds = perf_counter() - start
    _check(macs, expected)
    return seconds


def _check(answer: int, expected: int) -> None:
    if answer != expected:
        raise ValueError(f"it answered {answer} instead of {expected}")


NETWORKS: dict[str, Callable[[], Iterator[Sample]]] = {
    "resnet50": resnet50,
    "resnet1202": resnet1202,
    "plain": plain,
}
