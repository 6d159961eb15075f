"""How much memory a network takes, at inference or while it is trained: at its peak, and layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.numbers import whole
from archtool.analysis.options import BYTES, OPTIMIZERS, Options
from archtool.analysis.retention.backward import PARAMETER_GRADIENT, Backward
from archtool.analysis.retention.execution import Units, executions
from archtool.analysis.retention.forward import Forward
from archtool.analysis.retention.heap import Heap, Held
from archtool.analysis.retention.varying import VaryingHeap
from archtool.collector import collector_paused
from archtool.flatten import FlatNetwork, flat_network
from archtool.runs import BlockRun, LayerRun, count_of
from archtool.size import Size, decided

if TYPE_CHECKING:
    from archtool.design import Design

FORWARD: Final = "forward"
BACKWARD: Final = "backward"
STEADY_TURNS: Final = 2  # the first turn of a repeat, whose input others may need too, and one for all that follow


class MemoryRow(NamedTuple):
    """A layer in the order of execution: the most bytes alive while it runs, those alive after it, and, while training,
    the most while its gradients are made (None where it has none)."""

    name: str
    kind: str
    output: tuple[int, ...]
    peak: int
    after: int
    backward: int | None

    def to_dict(self) -> dict[str, Any]:
        """The row for JSON."""
        return {**self._asdict(), "output": list(self.output)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """What a network holds, in bytes.

    params, buffers: the network itself; gradients: those of its parameters; optimizer_state: what the optimizer keeps;
    activations: elements of all layers' outputs together. live: the most that is alive at once of all that a run makes,
    with its input; it is reached at `layer`, on the `way` 'forward' or 'backward', where `alive` is there, the greatest
    first. peak: live, params, buffers and optimizer_state. rows: one a layer; of a repeat's equal turns at inference
    the first, and one for all others. notes: what is not counted.
    """

    name: str
    batch: int
    dtype: str
    mode: str
    optimizer: str | None
    in_place: bool
    params: int
    buffers: int
    gradients: int
    optimizer_state: int
    activations: int
    live: int
    layer: str
    way: str
    alive: tuple[Held, ...]
    rows: tuple[MemoryRow, ...]
    notes: tuple[str, ...]

    @property
    def peak(self) -> int:
        """All of it at once."""
        return self.live + self.params + self.buffers + self.optimizer_state

    @property
    def activation_bytes(self) -> Mapping[str, int]:
        """The bytes of all layers' outputs together, by dtype."""
        return {dtype: itemsize * self.activations for dtype, itemsize in BYTES.items()}

    @property
    def alive_by_use(self) -> Mapping[str, int]:
        """What is alive at the peak, by what it is for."""
        found: dict[str, int] = {}
        for held in self.alive:
            found[held.what] = found.get(held.what, 0) + held.bytes
        return found

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON, as plain dicts and lists."""
        return {
            "name": self.name,
            "batch": self.batch,
            "dtype": self.dtype,
            "mode": self.mode,
            "optimizer": self.optimizer,
            "in_place": self.in_place,
            "params": self.params,
            "buffers": self.buffers,
            "gradients": self.gradients,
            "optimizer_state": self.optimizer_state,
            "activations": {"elements": self.activations, "bytes": dict(self.activation_bytes)},
            "live": self.live,
            "peak": self.peak,
            "at": {
                "layer": self.layer,
                "way": self.way,
                "by_use": dict(self.alive_by_use),
                "alive": [held._asdict() for held in self.alive],
            },
            "layers": [row.to_dict() for row in self.rows],
            "notes": list(self.notes),
        }


def memory(design: Design, *, batch: int, dtype: str, mode: str, optimizer: str, in_place: bool) -> Memory:
    """The memory of a design; see `Design.memory`."""
    options = Options(batch=batch, dtype=dtype, mode=mode, optimizer=optimizer, in_place=in_place)
    training, itemsize = options.training, options.itemsize
    units = Units(batch, itemsize)
    run = design.run
    with collector_paused():
        flat = flat_network(run, tuple(design.spec.inputs), turns=None if training else STEADY_TURNS)
        passes = run_through(flat, units, training=training, in_place=in_place)
        moment = passes.heap.peak_moment
        seen = run_through(flat, units, training=training, in_place=in_place, watched=moment)
    params = itemsize * whole(run.cost.params)
    return Memory(
        name=design.name,
        batch=batch,
        dtype=dtype,
        mode=mode,
        optimizer=optimizer if training else None,
        in_place=in_place,
        params=params,
        buffers=whole(_buffers(run, Units(1, itemsize), {})),
        gradients=params if training else 0,
        optimizer_state=params * OPTIMIZERS[optimizer] if training else 0,
        activations=batch * whole(run.cost.activations),
        live=passes.heap.peak,
        layer=seen.heap.seen_at,
        way=seen.way,
        alive=_merged(seen.heap.seen),
        rows=passes.rows,
        notes=_notes(flat),
    )


class Passes(NamedTuple):
    """The heap after a run, the way that its watched moment was on, and the layers' rows."""

    heap: Heap
    way: str
    rows: tuple[MemoryRow, ...]


def live(run: BlockRun, options: Options) -> Size:
    """The most bytes alive at once of all that a run makes, with its inputs, on numbers or on expressions.

    While training, Untraceable where the layers themselves vary, and not their sizes alone.
    """
    training = options.training
    names = tuple(map(str, range(len(run.inputs))))
    flat = flat_network(run, names, turns=None if training else STEADY_TURNS)
    if training:
        for layer in flat.layers:
            decided(layer.taken, "which layers a network in training has")
        for merged in flat.merges.values():
            decided(merged.condition, "what a layer of a network in training takes")
    heap = VaryingHeap()
    forward = Forward(flat, Units(options.batch, options.itemsize), heap, training=training, in_place=options.in_place)
    forward.run(executions(flat))
    if training:
        Backward(flat, forward).run()
    return heap.peak


def standing(run: BlockRun, options: Options) -> Size:
    """The bytes that a network holds between its runs: params, buffers, and what the optimizer keeps of each param."""
    states = OPTIMIZERS[options.optimizer] if options.training else 0
    return (1 + states) * options.itemsize * run.cost.params + _buffers(run, Units(1, options.itemsize), {})


def run_through(
    flat: FlatNetwork, units: Units, *, training: bool, in_place: bool = False, watched: int | None = None
) -> Passes:
    """Run a network of numbers on a heap: forward, and backward where it is trained."""
    heap = Heap(watched)
    forward = Forward(flat, units, heap, training=training, in_place=in_place)
    forward.run(executions(flat))
    turning = heap.moment
    peaks: Mapping[str, int] = {}
    if training:
        backward = Backward(flat, forward)
        backward.run()
        peaks = backward.peaks
    rows = tuple(MemoryRow(*moment, peaks.get(moment.name)) for moment in forward.moments)
    return Passes(heap, BACKWARD if watched is not None and watched > turning else FORWARD, rows)


def _notes(flat: FlatNetwork) -> tuple[str, ...]:
    """What is not counted, by name."""
    kinds = dict.fromkeys(layer.run.kind for layer in flat.layers if layer.run.layer.holds_more)
    return tuple(f"what layers of the kind '{kind}' hold while they run is not all counted" for kind in kinds)


def overwriting(flat: FlatNetwork, training: bool) -> frozenset[str]:
    """The names of the layers that write over their input where they may."""
    forward = Forward(flat, Units(1, 1), Heap(), training=training, in_place=True)
    forward.run(executions(flat))
    return frozenset(forward.in_place)


def _buffers(run: BlockRun, units: Units, known: dict[int, Size]) -> Size:
    """The bytes of buffers, by algebra; those of shared weights once."""
    if id(run) not in known:
        total: Size = 0
        for entry in run.entries:
            inner = entry.run
            if isinstance(inner, LayerRun):
                each = units.once(inner.layer.buffers(inner.inputs[0]))
            else:
                each = _buffers(inner, units, known)
            total = total + each * count_of(entry).weights
        known[id(run)] = total
    return known[id(run)]


def _merged(alive: tuple[Held, ...]) -> tuple[Held, ...]:
    """The greatest first; a layer's several pieces of one use, and the gradients of all parameters, together."""
    found: dict[tuple[str, str], int] = {}
    for name, what, size in alive:
        key = ("", what) if what == PARAMETER_GRADIENT else (name, what)
        found[key] = found.get(key, 0) + size
    held = [Held(name, what, size) for (name, what), size in found.items() if size]
    return tuple(sorted(held, key=lambda each: -each.bytes))
