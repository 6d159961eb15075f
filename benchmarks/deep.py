"""A plain network of 10,000 convolutions, from its text to its totals."""

from benchmarks.peers import PEERS
from benchmarks.results import Effort, Section
from benchmarks.worker import ARCHTOOL, COUNT
from benchmarks.workers import take_turns


def measure(effort: Effort) -> Section:
    """Time archtool on both spellings of the network, and the peers on a model already built."""
    taken = take_turns("plain", effort)
    ours = taken[ARCHTOOL]
    return Section(
        title="A plain network of 10,000 convolutions",
        unit="s",
        ours=(
            ours.figure("archtool, written with repeat", "repeat", bar=0.002, compared=True),
            ours.figure("archtool, written out", "written out", bar=0.5, compared=True),
        ),
        peers=tuple(taken[name].figure(name, COUNT) for name in PEERS),
        notes=(
            "archtool reads the YAML text too, with another input size each time; the peers run on a model already",
            "built, whose building is not timed.",
        ),
    )
