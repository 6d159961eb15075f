"""A network's layers one by one, with full names and fields from the network's inputs: lazily, also inside a repeat.

Tensors are numbered through the whole network: the inputs first, then the output of each layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Final, NamedTuple

from archtool.errors import RuleError
from archtool.field import Field
from archtool.runs import BlockRun, Entry, LayerRun
from archtool.shape import Shape

MAX_LAYERS: Final = 200_000  # how many layers a network may have where each has to be told apart

Fields = tuple[Field | None, ...]


class FlatLayer(NamedTuple):
    """One layer of the whole network.

    `sources` and `target` are numbers of tensors; `fields` what its output sees of each input of the network; `weights`
    is the name of the layer whose weights it uses, its own name unless they are shared.
    """

    name: str
    run: LayerRun
    sources: tuple[int, ...]
    target: int
    fields: Fields
    weights: str

    @property
    def owns_weights(self) -> bool:
        """Whether its parameters are counted here."""
        return self.weights == self.name


class Place(NamedTuple):
    """A tensor of the whole network: its number and what it sees of each input."""

    number: int
    fields: Fields


def layer_count(run: BlockRun, turns: int | None = None) -> int:
    """How many layers a network has when flattened, with at most so many `turns` of a repeat; by algebra, so of any
    depth."""
    known: dict[int, int] = {}

    def count_in(block: BlockRun) -> int:
        if id(block) not in known:
            known[id(block)] = sum(
                _taken(entry, turns) * (count_in(entry.run) if isinstance(entry.run, BlockRun) else 1)
                for entry in block.entries
            )
        return known[id(block)]

    return count_in(run)


def _taken(entry: Entry, turns: int | None) -> int:
    """How many turns of an entry are taken one by one."""
    own: int = entry.turns  # type: ignore[assignment]  # a number
    return own if turns is None else min(own, turns)


class FlatNetwork(NamedTuple):
    """A whole network as a list of layers: its inputs' shapes by name, and the numbers of its outputs' tensors.

    Tensors 0 to len(inputs) - 1 are the inputs. A network without named outputs has one, called 'output'.
    """

    inputs: dict[str, Shape]
    layers: list[FlatLayer]
    outputs: dict[str, int]


def flatten(run: BlockRun, limit: int = MAX_LAYERS) -> Iterator[FlatLayer]:
    """The layers of a network in the order of their execution; raises RuleError where they are more than `limit`."""
    return _walk_network(run, {}, limit, None)


def flat_network(
    run: BlockRun, input_names: tuple[str, ...], limit: int = MAX_LAYERS, turns: int | None = None
) -> FlatNetwork:
    """The whole network flattened; raises RuleError where it has more layers than `limit`.

    Of a repeat's equal turns at most `turns` are there, the last one for all that are left: its name tells which
    (`conv.1-9`), its field is not theirs.
    """
    places: dict[int, Place] = {}
    layers = list(_walk_network(run, places, limit, turns))
    ends = run.outputs or {"output": run.output}
    outputs = {name: places[tensor.number].number for name, tensor in ends.items()}
    return FlatNetwork(dict(zip(input_names, run.inputs, strict=True)), layers, outputs)


def _walk_network(run: BlockRun, places: dict[int, Place], limit: int, turns: int | None) -> Iterator[FlatLayer]:
    total = layer_count(run, turns)
    if total > limit:
        raise RuleError(f"'{run.kind}' has {total:,} layers; written out one by one they may be at most {limit:,}")
    places.update((tensor.number, Place(tensor.number, tensor.fields)) for tensor in run.tensors[: len(run.inputs)])
    yield from _walk(run, places, "", "", count(len(run.inputs)), turns)


def _walk(
    block: BlockRun, places: dict[int, Place], prefix: str, weights: str, numbers: count[int], turns: int | None
) -> Iterator[FlatLayer]:
    """The layers of a block whose input stands at places[0], names and weights behind their prefixes; `places` takes
    up the places of the block's tensors."""
    owners: dict[str, str] = {}
    composed: dict[int, Fields] = {}  # tensors that see the same share one object
    for entry in block.entries:
        if isinstance(entry.run, LayerRun) and entry.turns == 1:
            name = prefix + entry.name
            owner = owners.setdefault(entry.shares, entry.name) if entry.shares else entry.name
            inner = block.tensors[entry.target].fields
            fields = composed.get(id(inner))
            if fields is None:
                fields = composed[id(inner)] = _seen(places[0].fields, inner)
            number = next(numbers)
            places[entry.target] = Place(number, fields)
            sources = tuple([places[source].number for source in entry.sources])
            yield FlatLayer(name, entry.run, sources, number, fields, weights + owner)
        else:
            yield from _turns(entry, block, places, prefix, weights, owners, numbers, turns)


def _turns(
    entry: Entry,
    block: BlockRun,
    places: dict[int, Place],
    prefix: str,
    weights: str,
    owners: dict[str, str],
    numbers: count[int],
    turns: int | None,
) -> Iterator[FlatLayer]:
    """The layers of an entry, turn by turn."""
    place = places[entry.sources[0]]
    base = entry.name.rpartition(".")[0] if entry.turn is not None else entry.name
    run = entry.run
    inner: dict[int, Place] = {}
    taken = _taken(entry, turns)
    if isinstance(run, BlockRun) and not layer_count(run):
        taken = 1  # all turns of nothing are one
    for turn in range(taken):
        name = entry.name if entry.turn is None else f"{base}.{entry.turn + turn}"
        if entry.turn is not None and turn == taken - 1 < entry.turns - 1:
            name += f"-{entry.turn + entry.turns - 1}"
        owner = weights + (owners.setdefault(entry.shares, name) if entry.shares else name)
        if isinstance(run, LayerRun):
            seen = run.seen
            fields = tuple(f and seen and f.then(seen) for f in place.fields)
            source, place = place, Place(next(numbers), fields)
            yield FlatLayer(prefix + name, run, (source.number,), place.number, fields, owner)
        else:
            inner = {0: place}
            yield from _walk(run, inner, f"{prefix}{name}.", owner + ".", numbers, turns)
            place = inner[run.output.number]
    places[entry.target] = place
    if isinstance(run, BlockRun):
        for output, target in zip(
            run.outputs.values(), range(entry.target - len(run.outputs), entry.target), strict=True
        ):
            places[target] = inner[output.number]


def _seen(outer: Fields, inner: Fields) -> Fields:
    """What a tensor of a block sees of the network's inputs, through the block's own input."""
    if len(outer) > 1 and len(inner) > 1:  # the network's own body
        return inner
    field = inner[0]
    return tuple([f and field and f.then(field) for f in outer])
