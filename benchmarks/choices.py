"""A space of choices between steps: 3^8 = 6,561 mobile networks, from the spec's text to the last of their numbers."""

from __future__ import annotations

from random import Random
from time import perf_counter

from archtool import load
from archtool.analysis.measures import Measures
from archtool.explore.search.designs import design_at
from benchmarks.progress import say
from benchmarks.results import Effort, Figure, Section

SPEC = "mobile_nas"
BAR = 0.02  # seconds
MEMBERS = 50  # that are analysed one by one, and held against the sweep


def measure(effort: Effort) -> Section:
    """Time whole sweeps, the spec read, traced and compiled anew in each; and `analyze` on members one by one."""
    say("choices: 6,561 networks at once")
    whole: list[float] = []
    load(SPEC).explore().batch(0, 1)  # imports
    end = perf_counter() + effort.rounds * effort.seconds
    while not whole or perf_counter() < end:
        began = perf_counter()
        sweep = load(SPEC).explore()
        batch = sweep.batch(0, sweep.space.size)
        whole.append(perf_counter() - began)
    say(f"choices: {MEMBERS} of them one by one")
    one_by_one = []
    for number in Random(1).sample(range(sweep.space.size), MEMBERS):
        places = [int(digit[0]) for digit in sweep.space.digits(number, number + 1)]
        began = perf_counter()
        design = design_at(sweep, places)
        measures = Measures(design.run)
        told = {name: measures.of(name) for name in sweep.metrics}
        one_by_one.append((perf_counter() - began) * sweep.space.size)
        if any(batch.metrics[name][number] != value for name, value in told.items()):
            raise ValueError(f"design {number} is not what it is alone")
    return Section(
        title="A space of 6,561 networks: parameters, multiply-adds, activations, receptive field",
        unit="s",
        ours=(Figure(tool="archtool, from the text to the last number", samples=tuple(whole), bar=BAR),),
        peers=(Figure(tool="archtool, design by design (scaled)", samples=tuple(one_by_one)),),
        notes=(f"{MEMBERS} random members are analysed alone, and are what the sweep says.",),
    )
