"""The most memory that a process holds while it analyses ResNet-50."""

from benchmarks.peers import PEERS
from benchmarks.processes import OURS, PEAK, resnet50_processes
from benchmarks.results import Effort, Section

MIB = 2**20
BARS = (40 * MIB, 60 * MIB, 60 * MIB)  # in the order of OURS


def measure(effort: Effort) -> Section:
    """Read the peak resident set of archtool's command and of the peers' scripts."""
    taken = resnet50_processes(effort.rounds)
    return Section(
        title="ResNet-50, peak memory of the process",
        unit="B",
        ours=tuple(
            taken[command.name].figure(command.name, PEAK, bar=bar, compared=True)
            for command, bar in zip(OURS, BARS, strict=True)
        ),
        peers=tuple(taken[name].figure(name, PEAK) for name in PEERS),
        notes=("The same processes as for the time; the peak resident set, as the kernel reports it at their exit.",),
    )
