"""A memory reading as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from archtool.analysis.retention.peak import Memory, MemoryRow
from archtool.errors import RuleError
from archtool.render.columns import aligned
from archtool.units import binary, si

ROWS: Final = 40  # as many rows as stay legible: without a depth, the layers are folded until they are no more
ALIVE: Final = 12  # tensors listed of those alive at the peak


class Folded(NamedTuple):
    """Layers one after the other with the same outer name; the number of them, and the most of each column."""

    name: str
    layers: int
    peak: int
    after: int
    backward: int | None
    has_peak: bool


def table(memory: Memory, depth: int | None = None) -> str:
    """The totals, the bytes alive along the execution, and what is alive at the peak."""
    parts = ["\n".join(summary(memory)) + "\n"]
    rows = folded(memory, depth)
    if rows:
        header = ("layer", "layers", "live", "after", *(("backward",) if memory.mode == "training" else ()), "")
        cells = [header, *(_cells(row, memory) for row in rows)]
        parts.append(aligned(cells, numbers=range(1, len(header) - 1)))
    parts.append(alive(memory))
    parts += [f"note: {note}\n" for note in memory.notes]
    return "\n".join(parts)


def summary(memory: Memory) -> list[str]:
    """The totals, a line each."""
    mode = memory.mode if memory.optimizer is None else f"{memory.mode} with {memory.optimizer}"
    place = ", in place where possible" if memory.in_place else ""
    what = "activations, gradients" if memory.mode == "training" else "activations"
    rows = [
        ("params", memory.params, ""),
        ("buffers", memory.buffers, ""),
        *([("optimizer", memory.optimizer_state, "")] if memory.optimizer is not None else []),
        ("live", memory.live, f", {what}: {memory.way} at {memory.layer}"),
        ("peak", memory.peak, ", all of these"),
    ]
    if memory.mode == "training":
        rows.insert(3, ("gradients", memory.gradients, " of parameters, among what is live"))
    width = max(len(f"{number:,}") for _, number, _ in rows)
    text = [f"{memory.name}: {mode}, batch {memory.batch}, {memory.dtype}{place}"]
    text += [f"  {name:<11} {number:>{width},}  ({binary(number)}{said})" for name, number, said in rows]
    total = memory.activation_bytes[memory.dtype]
    text.append(f"  all outputs {total:>{width},}  ({binary(total)}, {si(memory.activations)} elements, were all kept)")
    return text


def alive(memory: Memory) -> str:
    """What is alive at the peak, the greatest first."""
    lines = [f"alive at the peak ({memory.way} at {memory.layer}):"]
    lines.append("  " + ", ".join(f"{what} {binary(size)}" for what, size in memory.alive_by_use.items()))
    shown = memory.alive[:ALIVE]
    rows = [(f"  {binary(held.bytes)}", f"{held.bytes:,}", held.what, held.name) for held in shown]
    rest = memory.alive[ALIVE:]
    if rest:
        size = sum(held.bytes for held in rest)
        rows.append((f"  {binary(size)}", f"{size:,}", "others", f"{len(rest)} more"))
    return "\n".join(lines) + "\n" + aligned(rows, numbers=(0, 1))


def folded(memory: Memory, depth: int | None = None) -> list[Folded]:
    """The layers folded by their outer names: to so many words of them, or to as many as give a legible table."""
    if depth is not None and depth < 1:
        raise RuleError(f"depth (={depth}) must be at least 1")
    words = [_words(row.name) for row in memory.rows]
    if depth is None:
        deepest = max((len(each) for each in words), default=1)
        fitting = (d for d in range(deepest, 0, -1) if _groups(words, d) <= ROWS)
        depth = next(fitting, 1)
    return list(_folded(memory, words, depth))


def _groups(words: Sequence[Sequence[str]], depth: int) -> int:
    return sum(index == 0 or words[index - 1][:depth] != each[:depth] for index, each in enumerate(words))


def _folded(memory: Memory, words: Sequence[Sequence[str]], depth: int) -> Iterator[Folded]:
    start = 0
    for index in range(1, len(words) + 1):
        if index == len(words) or words[index][:depth] != words[start][:depth]:
            rows = memory.rows[start:index]
            yield _fold(memory, ".".join(words[start][:depth]), rows)
            start = index


def _fold(memory: Memory, name: str, rows: Sequence[MemoryRow]) -> Folded:
    backward = [row.backward for row in rows if row.backward is not None]
    return Folded(
        name=name,
        layers=len(rows),
        peak=max(row.peak for row in rows),
        after=rows[-1].after,
        backward=max(backward) if backward else None,
        has_peak=any(row.name == memory.layer for row in rows),
    )


def _words(name: str) -> list[str]:
    """A name's parts; a turn goes with its word."""
    words: list[str] = []
    for part in name.split("."):
        if part.replace("-", "").isdigit() and words:
            words[-1] += "." + part
        else:
            words.append(part)
    return words


def _cells(row: Folded, memory: Memory) -> tuple[str, ...]:
    backward = () if memory.mode == "inference" else ("" if row.backward is None else binary(row.backward),)
    return (row.name, str(row.layers), binary(row.peak), binary(row.after), *backward, "peak" if row.has_peak else "")
