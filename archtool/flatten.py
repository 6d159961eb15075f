"""A network's layers one by one, with full names and fields from the network's inputs: lazily, also inside a repeat.

Tensors are numbered through the whole network: the inputs first, then the output of each layer. On expressions
there are layers that only some designs take, and tensors that are one of two.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from types import MappingProxyType
from typing import Final, NamedTuple

from archtool.errors import RuleError, Untraceable
from archtool.field import Field
from archtool.runs import BlockRun, Entry, LayerRun, Merged
from archtool.shape import Shape
from archtool.size import Condition, Size, all_of, less
from archtool.spec.reader import Node
from archtool.trace import Expr

MAX_LAYERS: Final = 200_000  # how many layers a network may have where each has to be told apart

Fields = tuple[Field | None, ...]


class FlatLayer(NamedTuple):
    """One layer of the whole network.

    `sources` and `target` are numbers of tensors; `fields` what its output sees of each input of the network; `weights`
    is the name of the layer whose weights it uses, its own name unless they are shared; `taken` says whether a design
    has the layer; `node` is the step that it comes of, `times` how many layers it stands for.
    """

    name: str
    run: LayerRun
    sources: tuple[int, ...]
    target: int
    fields: Fields
    weights: str
    taken: Condition = True
    node: Node | None = None
    times: Size = 1

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
    """How many turns of an entry are taken one by one; at most so many where the number varies."""
    own = entry.turns
    if not isinstance(own, Expr):
        return own if turns is None else min(own, turns)
    if turns is None:
        raise Untraceable("the number of turns of a repeat varies, where each turn has to be told apart", own)
    return turns


class FlatNetwork(NamedTuple):
    """A whole network as a list of layers: its inputs' shapes by name, and the numbers of its outputs' tensors.

    Tensors 0 to len(inputs) - 1 are the inputs. A network without named outputs has one, called 'output'. `merges` are
    the tensors that are one of two.
    """

    inputs: dict[str, Shape]
    layers: list[FlatLayer]
    outputs: dict[str, int]
    merges: Mapping[int, Merged] = MappingProxyType({})


def flatten(run: BlockRun, limit: int = MAX_LAYERS) -> Iterator[FlatLayer]:
    """The layers of a network in the order of their execution; raises RuleError where they are more than `limit`."""
    return _Walk(run, limit, None).network(run, {})


def flat_network(
    run: BlockRun, input_names: tuple[str, ...], limit: int = MAX_LAYERS, turns: int | None = None
) -> FlatNetwork:
    """The whole network flattened; raises RuleError where it has more layers than `limit`.

    Of a repeat's equal turns at most `turns` are there, the last one for all that are left: its name tells which
    (`conv.1-9`), its `times` how many, its field is that of the first of them. Raises Untraceable where without `turns`
    their number varies.
    """
    walk = _Walk(run, limit, turns)
    places: dict[int, Place] = {}
    layers = list(walk.network(run, places))
    ends = run.outputs or {"output": run.output}
    outputs = {name: walk.place(run, places, tensor.number).number for name, tensor in ends.items()}
    return FlatNetwork(dict(zip(input_names, run.inputs, strict=True)), layers, outputs, walk.merges)


class _Walk:
    """Walks through a network's blocks, with at most so many `turns` of a repeat; `merges` as in FlatNetwork."""

    def __init__(self, network: BlockRun, limit: int, turns: int | None) -> None:
        total = layer_count(network, turns)
        if total > limit:
            raise RuleError(
                f"'{network.kind}' has {total:,} layers; written out one by one they may be at most {limit:,}"
            )
        self.turns = turns
        self.numbers = count(len(network.inputs))
        self.merges: dict[int, Merged] = {}

    def network(self, run: BlockRun, places: dict[int, Place]) -> Iterator[FlatLayer]:
        """The layers of the whole network; `places` takes up the places of its tensors."""
        places.update((tensor.number, Place(tensor.number, tensor.fields)) for tensor in run.tensors[: len(run.inputs)])
        return self.block(run, places, "", "", True, 1)

    def block(
        self, block: BlockRun, places: dict[int, Place], prefix: str, weights: str, taken: Condition, times: Size
    ) -> Iterator[FlatLayer]:
        """The layers of a block whose input stands at places[0], names and weights behind their prefixes, which stands
        for so many; `places` takes up the places of the block's tensors."""
        owners: dict[str, str] = {}
        composed: dict[int, Fields] = {}  # tensors that see the same share one object
        for entry in block.entries:
            if block.merges:
                for source in entry.sources:
                    self.place(block, places, source)
            here = taken if entry.times == 1 else all_of(taken, less(0, entry.times))
            if here is False:  # in no design: whatever stands for what it would make is never asked for
                outputs = len(entry.run.outputs) if isinstance(entry.run, BlockRun) else 0
                places.update(dict.fromkeys(range(entry.target - outputs, entry.target + 1), places[entry.sources[0]]))
                continue
            if isinstance(entry.run, LayerRun) and entry.turns == 1:
                name = prefix + entry.name
                owner = owners.setdefault(entry.shares, entry.name) if entry.shares else entry.name
                inner = block.tensors[entry.target].fields
                fields = composed.get(id(inner))
                if fields is None:
                    fields = composed[id(inner)] = _seen(places[0].fields, inner)
                number = next(self.numbers)
                places[entry.target] = Place(number, fields)
                sources = tuple([places[source].number for source in entry.sources])
                yield FlatLayer(name, entry.run, sources, number, fields, weights + owner, here, entry.node, times)
            else:
                yield from self.repeated(entry, block, places, prefix, weights, owners, here, times)

    def repeated(
        self,
        entry: Entry,
        block: BlockRun,
        places: dict[int, Place],
        prefix: str,
        weights: str,
        owners: dict[str, str],
        taken: Condition,
        times: Size,
    ) -> Iterator[FlatLayer]:
        """The layers of an entry, turn by turn."""
        place = places[entry.sources[0]]
        base = entry.name.rpartition(".")[0] if entry.turn is not None else entry.name
        run, turns = entry.run, entry.turns
        outputs: list[Place] = []
        count = _taken(entry, self.turns)
        if isinstance(run, BlockRun) and not layer_count(run, self.turns):
            count = 1  # all turns of nothing are one
        for turn in range(count):
            name = entry.name if entry.turn is None else f"{base}.{entry.turn + turn}"
            if entry.turn is not None and turn == count - 1 and less(count, turns) is not False:
                name += f"-{entry.turn + turns - 1}"
            owner = weights + (owners.setdefault(entry.shares, name) if entry.shares else name)
            more = less(turn, turns) if turn else True
            if more is False:
                break
            here = all_of(taken, more)
            each = times if turn < count - 1 else times * (turns - turn)
            before = [place, *outputs]
            if isinstance(run, LayerRun):
                seen = run.seen
                fields = tuple(f and seen and f.then(seen) for f in place.fields)
                place = Place(next(self.numbers), fields)
                inputs = (before[0].number,)
                yield FlatLayer(prefix + name, run, inputs, place.number, fields, owner, here, entry.node, each)
            else:
                inner = {0: place}
                yield from self.block(run, inner, f"{prefix}{name}.", owner + ".", here, each)
                ends = [run.output, *run.outputs.values()]
                place, *outputs = (self.place(run, inner, tensor.number) for tensor in ends)
            if isinstance(more, Expr):
                pairs = zip([place, *outputs], before, strict=True)
                place, *outputs = (self.merged(Merged(more, a.number, b.number), a.fields) for a, b in pairs)
        made = [*outputs, place]
        numbers = range(entry.target - len(outputs), entry.target + 1)
        if isinstance(turns, int) and count < turns:  # what follows sees through all turns
            seen_by = [_seen(places[0].fields, block.tensors[number].fields) for number in numbers]
            made = [end._replace(fields=fields) for end, fields in zip(made, seen_by, strict=True)]
        places.update(zip(numbers, made, strict=True))

    def place(self, block: BlockRun, places: dict[int, Place], number: int) -> Place:
        """The place of a block's tensor, which may be one of two."""
        if number not in places:
            condition, *ends = block.merges[number]
            yes, no = (self.place(block, places, end).number for end in ends)
            fields = _seen(places[0].fields, block.tensors[number].fields)
            places[number] = self.merged(Merged(condition, yes, no), fields)
        return places[number]

    def merged(self, merged: Merged, fields: Fields) -> Place:
        """The place of a new tensor that is one of two."""
        number = next(self.numbers)
        self.merges[number] = merged
        return Place(number, fields)


def _seen(outer: Fields, inner: Fields) -> Fields:
    """What a tensor of a block sees of the network's inputs, through the block's own input."""
    if len(outer) > 1 and len(inner) > 1:  # the network's own body
        return inner
    field = inner[0]
    return tuple([f and field and f.then(field) for f in outer])
