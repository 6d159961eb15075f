"""`python -m benchmarks`: run the benchmarks, print their table, and end with 1 where a bar is missed."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks import (
    agreement,
    choices,
    claims,
    deep,
    memory,
    residual,
    search,
    sweep_parquet,
    sweep_rate,
    warm,
    whole_process,
    zoo,
)
from benchmarks.machine import Machine
from benchmarks.results import Effort, Section
from benchmarks.table import render

BENCHMARKS: dict[str, Callable[[Effort], Section]] = {
    "process": whole_process.measure,
    "memory": memory.measure,
    "warm": warm.measure,
    "deep": deep.measure,
    "residual": residual.measure,
    "zoo": zoo.measure,
    "agreement": agreement.measure,
    "sweep": sweep_rate.measure,
    "choices": choices.measure,
    "claims": claims.measure,
    "search": search.measure,
    "parquet": sweep_parquet.seconds,
    "parquet_memory": sweep_parquet.memory,
}
THOROUGH = Effort(rounds=5, seconds=0.3)
QUICK = Effort(rounds=1, seconds=0.1)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure archtool beside its peers.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHMARKS)}; without a name, all")
    parser.add_argument("--quick", action="store_true", help="one round instead of five")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the figures as JSON, all samples kept")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.names if name not in BENCHMARKS]:
        parser.error(f"unknown benchmark {unknown[0]!r}; there are {', '.join(BENCHMARKS)}")
    if asked.output and not asked.output.parent.is_dir():
        parser.error(f"there is no folder {asked.output.parent}")

    machine = Machine.here()
    effort = QUICK if asked.quick else THOROUGH
    sections = [BENCHMARKS[name](effort) for name in asked.names or BENCHMARKS]
    print(render(machine, sections))
    if asked.output:
        _write(asked.output, machine, sections)
    return 0 if all(figure.meets_bar for section in sections for figure in section.ours) else 1


def _write(path: Path, machine: Machine, sections: Sequence[Section]) -> None:
    """Write the results whole or not at all."""
    results = {"machine": asdict(machine), "sections": [asdict(section) for section in sections]}
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(json.dumps(results, indent=1) + "\n")
    partial.replace(path)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
