"""From nothing to an answer: the wall time of a process that analyses ResNet-50, from its spawn to its exit."""

from benchmarks.peers import PEERS
from benchmarks.processes import OURS, SECONDS, resnet50_processes
from benchmarks.results import Effort, Section

BARS = (0.18, 0.25, 0.25)  # seconds, in the order of OURS


def measure(effort: Effort) -> Section:
    """Time archtool's command and the peers' scripts in turns."""
    taken = resnet50_processes(effort.rounds)
    return Section(
        title="ResNet-50, the whole process",
        unit="s",
        ours=tuple(
            taken[command.name].figure(command.name, SECONDS, bar=bar, compared=True)
            for command, bar in zip(OURS, BARS, strict=True)
        ),
        peers=tuple(taken[name].figure(name, SECONDS) for name in PEERS),
        notes=("Spawn to exit. A peer's process builds torchvision's resnet50 first, on its device.",),
    )
