"""One analysis of ResNet-50 in a process that is warm already."""

from benchmarks.peers import PEERS
from benchmarks.results import Effort, Section
from benchmarks.worker import ARCHTOOL, COUNT
from benchmarks.workers import take_turns


def measure(effort: Effort) -> Section:
    """Time archtool from a parsed spec to its totals and to its rows, and the peers on a model already built."""
    taken = take_turns("resnet50", effort)
    ours = taken[ARCHTOOL]
    return Section(
        title="ResNet-50, one analysis in a warm process",
        unit="s",
        ours=(
            ours.figure("archtool, totals of a parsed spec", "totals", bar=0.001, compared=True),
            ours.figure("archtool, its 175 rows after that", "rows", bar=0.002),
            ours.figure("archtool, reading the spec before", "load"),
        ),
        peers=tuple(taken[name].figure(name, COUNT) for name in PEERS),
        notes=(
            "archtool analyses another resolution each time, so that nothing it remembers from earlier runs helps it,",
            "and each answer is checked. The peers run on a model already built.",
        ),
    )
