"""The claims of the concepts: each file by the command, and the slowest proof among them."""

from __future__ import annotations

import sys
from time import perf_counter

from archtool.claims.check import check
from archtool.loading import source
from archtool.spec.catalog import shipped_folder
from archtool.spec.spec import Spec
from benchmarks.processes import SCRIPT, SECONDS, Command, Failed, run
from benchmarks.progress import say
from benchmarks.results import Effort, Figure, Section

FILE_BAR = 5.0  # seconds, of one file
PROOF_BAR = 1.0  # seconds, of one claim without torch


def measure(effort: Effort) -> Section:
    """Time the command on each concept in turns with an import of torch, and each claim by structure and algebra."""
    names = sorted([path.stem for path in (shipped_folder() / "concepts").glob("*.yaml")])
    torch = Command(name="torch", argv=(sys.executable, "-c", "import torch; print(torch.__version__)"))
    slowest: list[float] = []
    imports: list[float] = []
    for number in range(effort.rounds + 1):
        say(f"claims: round {number} of {effort.rounds}" + ("" if number else " (not counted)"))
        try:
            taken = {name: run(Command(name=name, argv=(str(SCRIPT), "check", name)))[0][SECONDS] for name in names}
            imported = run(torch)[0][SECONDS]
        except Failed as failure:
            return _section(Figure(tool="archtool check, the slowest concept", absent=str(failure), bar=FILE_BAR))
        if number:
            slowest.append(max(taken.values()))
            imports.append(imported)
    say("claims: one by one")
    proofs = [_slowest_proof(names) for _ in range(effort.rounds)]
    return _section(
        Figure(tool="archtool check, the slowest concept", samples=tuple(slowest), bar=FILE_BAR),
        Figure(tool="the slowest claim, by structure and algebra", samples=tuple(proofs), bar=PROOF_BAR),
        Figure(tool="import torch (in those processes)", samples=tuple(imports)),
    )


def _slowest_proof(names: list[str]) -> float:
    """Seconds of the claim that takes longest without torch, its spec read before."""
    longest = 0.0
    for name in names:
        found = source(name)
        spec = Spec(found.document, None, found.folder)
        for claim in spec.claims:
            began = perf_counter()
            check(spec, claims=[claim.name or claim.that])
            longest = max(longest, perf_counter() - began)
    return longest


def _section(*figures: Figure) -> Section:
    ours = tuple([figure for figure in figures if figure.bar is not None])
    return Section(
        title="Claims of the concepts, proved, tested and refuted",
        unit="s",
        ours=ours,
        peers=tuple([figure for figure in figures if figure.bar is None]),
        notes=("no other tool has claims; importing torch is most of a file's time",),
    )
