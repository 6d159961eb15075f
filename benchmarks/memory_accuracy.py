"""Predicted memory beside what torch takes: `python -m benchmarks.memory_accuracy [NAMES] [-o FILE]`.

Shipped networks, without names one design of each, at inference and in training, in batches of 1 and 4. Tensors are
counted on the CPU by a hook (docs/memory.md); a run of more than LARGEST bytes is left out. Without names and FILE it
renews benchmarks/results/memory.md.
"""

from __future__ import annotations

import argparse
import datetime
import platform
from collections.abc import Iterator
from pathlib import Path

import torch

import archtool
from archtool.analysis.catalog import ShippedDesign, shipped_designs
from archtool.errors import RuleError

LARGEST = 3 * 2**30
BATCHES = (1, 4)
MODES = ("inference", "training")
RESULTS = Path(__file__).parent / "results" / "memory.md"
HEAD = """# Memory, predicted and counted

{date}, archtool {archtool}, torch {torch} on a CPU ({machine}), by `python -m benchmarks.memory_accuracy`: live bytes
in float32 at the peak, as `archtool verify --memory` compares them; and how many layers' own peaks differ.

| network | mode | batch | predicted | counted | difference | share | layers that differ |
|---|---|---:|---:|---:|---:|---:|---:|
"""


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    output = chosen.output or (None if chosen.names else RESULTS)
    text = HEAD.format(
        date=datetime.datetime.now(datetime.UTC).date(),
        archtool=archtool.__version__,
        torch=torch.__version__,
        machine=f"{platform.system()} {platform.machine()}",
    )
    for each in designs(chosen.names):
        for row in rows(each):
            print(row, flush=True)
            text += row + "\n"
    if output is not None:
        output.parent.mkdir(exist_ok=True)
        output.write_text(text, encoding="utf-8")


def designs(names: list[str]) -> list[ShippedDesign]:
    """Those of the names; the first of each spec of the zoo without any."""
    found = shipped_designs(names)
    if names:
        return found
    return list({each.file: each for each in reversed(found) if each.file.startswith("zoo/")}.values())[::-1]


def rows(each: ShippedDesign) -> Iterator[str]:
    """A network's lines."""
    for mode in MODES:
        for batch in BATCHES:
            predicted = each.design.memory(mode=mode, batch=batch)
            start = f"| {each.design.name} | {mode} | {batch} | {predicted.live:,} |"
            if predicted.peak > LARGEST:
                continue
            try:
                found = each.design.verify_memory("cpu", mode=mode, batch=batch)
            except RuleError as error:
                yield f"{start} | | | | {str(error).partition(': ')[2]} |"
                continue
            live = found.totals[-1]
            assert isinstance(live.measured, int)
            assert isinstance(live.predicted, int)
            share = abs(live.measured - live.predicted) / live.measured
            differing = sum(not row.agrees for row in found.rows)
            yield f"{start} {live.measured:,} | {live.difference:,} | {share:.2%} | {differing} |"


if __name__ == "__main__":
    main()
