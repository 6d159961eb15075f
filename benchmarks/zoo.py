"""Every design of the zoo, each in a process of its own, as a table into a pipe."""

from collections.abc import Callable
from pathlib import PurePath
from statistics import mean

from archtool.analysis.catalog import ShippedDesign, shipped_designs
from benchmarks.processes import SCRIPT, SECONDS, Command, Failed, run
from benchmarks.progress import say
from benchmarks.results import Effort, Figure, Section

BAR = 0.35  # seconds, of the mean over all designs


def measure(effort: Effort) -> Section:
    """Time the command on each design, spawn to exit: the mean over all of them in each round, and the slowest."""
    commands = [_command(shipped) for shipped in shipped_designs() if shipped.file.startswith("zoo/")]
    title = f"The zoo's {len(commands)} designs, the whole process of each"
    taken: dict[str, list[float]] = {command.name: [] for command in commands}
    try:
        run(commands[0])  # not counted: it fills the disk's caches
        for number in range(effort.rounds):
            say(f"zoo: round {number + 1} of {effort.rounds}")
            for command in commands:
                sample, _ = run(command)
                taken[command.name].append(sample[SECONDS])
    except Failed as failure:
        return Section(title=title, unit="s", ours=(Figure(tool="the mean", bar=BAR, absent=str(failure)),), peers=())
    slowest = max(taken, key=lambda name: mean(taken[name]))
    return Section(
        title=title,
        unit="s",
        ours=(
            Figure(tool="archtool, the mean", samples=tuple(map(mean, zip(*taken.values(), strict=True))), bar=BAR),
            Figure(tool=f"archtool, the slowest: {slowest}", samples=tuple(taken[slowest])),
        ),
        peers=(),
        notes=("Each table is searched for the multiply-adds that the spec states.",),
    )


def _command(shipped: ShippedDesign) -> Command:
    name = shipped.design.name
    chosen = ("--design", name) if shipped.design.designs else ()
    argv = (str(SCRIPT), "analyze", PurePath(shipped.file).stem, *chosen)
    stated = {metric: value for metric, value, _, _ in shipped.design.expect}
    return Command(name=name, argv=argv, macs=_stated_in_table(name, int(stated["macs"])))


def _stated_in_table(name: str, macs: int) -> Callable[[bytes], int]:
    def check(output: bytes) -> int:
        if f" {macs:,} " not in output.decode():
            raise Failed(f"the table of {name} does not state {macs:,} multiply-adds")
        return macs

    return check
