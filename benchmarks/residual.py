"""One analysis of ResNet-1202, 4210 layers, in a process that is warm already."""

from benchmarks.results import Effort, Section
from benchmarks.worker import ARCHTOOL
from benchmarks.workers import take_turns


def measure(effort: Effort) -> Section:
    """Time archtool from a parsed spec to its totals and to its rows."""
    ours = take_turns("resnet1202", effort, peers=())[ARCHTOOL]
    return Section(
        title="ResNet-1202, one analysis in a warm process",
        unit="s",
        ours=(
            ours.figure("archtool, totals of a parsed spec", "totals", bar=0.005),
            ours.figure("archtool, its 4210 rows after that", "rows"),
            ours.figure("archtool, reading the spec before", "load"),
        ),
        peers=(),
        notes=("Another resolution each time, and each answer is checked. No peer's library has this network.",),
    )
