"""What a question about a receptive field is about: the output of one layer, seen in an input or in another layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from archtool.analysis.numbers import whole
from archtool.errors import RuleError, nearest
from archtool.field import GLOBAL, Field, identity, joined
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layer import Join
from archtool.shape import Shape, axis_name

Position = tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The output of a `layer`, and the tensor with a `number` that it is seen in: `of` is that one's name, `source` its
    shape. `field` is what the output sees of it; `also` are the network's inputs that it sees besides."""

    flat: FlatNetwork
    layer: FlatLayer
    of: str
    number: int
    source: Shape
    field: Field
    also: tuple[str, ...]

    @property
    def output(self) -> Shape:
        """The shape of the layer's output."""
        return self.layer.run.output

    @property
    def is_everything(self) -> bool:
        """Whether nothing local is left: each position sees everything."""
        return bool(self.field.state == GLOBAL)


def place(flat: FlatNetwork, at: str | None = None, of: str | None = None) -> Place:
    """The output of the layer, block or named output `at`, by default the last that sees something locally, in the
    input or layer `of`, by default the first input that it sees.

    Raises RuleError where there is no such layer or input, or the one does not see the other.
    """
    names = list(flat.inputs)
    if of is None and at is not None:
        of = next((name for name, it in zip(names, find(flat, at).fields, strict=True) if it is not None), None)
    if of is None or of in names:
        name, number = input_number(flat, of)
        source = flat.inputs[name]
        seen = {layer.target: layer.fields[number] for layer in flat.layers}
    else:
        inner = find(flat, of, names)
        name, source, number = inner.name, inner.run.output, inner.target
        seen = _seen_of(flat, inner)
    layer = _last_local(flat, seen) if at is None else find(flat, at)
    field = seen[layer.target]
    also = tuple(other for other, it in zip(names, layer.fields, strict=True) if it is not None and other != name)
    if field is None:
        hint = f"; it sees {', '.join(also)}" if also else ""
        raise RuleError(f"'{layer.name}' does not see '{name}'{hint}")
    also = also if name in names else ()
    return Place(flat=flat, layer=layer, of=name, number=number, source=source, field=field, also=also)


def input_number(flat: FlatNetwork, of: str | None) -> tuple[str, int]:
    """The name and the number of an input, by default the first; RuleError where there is none of that name."""
    names = list(flat.inputs)
    if of is None:
        return names[0], 0
    if of not in names:
        raise RuleError(f"there is no input '{of}'" + nearest(of, names))
    return of, names.index(of)


def find(flat: FlatNetwork, name: str, others: list[str] | None = None) -> FlatLayer:
    """The layer of a full name, the last of the block, loop or path of that name, or the one behind a named output.

    Raises RuleError, with the nearest name, where there is none; `others` would do too.
    """
    last: FlatLayer | None = None
    for layer in flat.layers:
        if layer.name == name:
            return layer
        if layer.name.startswith(name + "."):
            last = layer
    if last is None and name in flat.outputs:
        last = next((layer for layer in flat.layers if layer.target == flat.outputs[name]), None)
    if last is None:
        known = [*(others or ()), *_names(flat)]
        raise RuleError(f"there is no layer or block '{name}'" + nearest(name, known, _outermost(known)))
    return last


def _names(flat: FlatNetwork) -> Iterator[str]:
    """The names of all layers, of the blocks around them, and of the outputs."""
    seen: set[str] = set(flat.outputs) - {"output"}
    yield from seen
    for layer in flat.layers:
        parts = layer.name.split(".")
        for length in range(1, len(parts) + 1):
            name = ".".join(parts[:length])
            if name not in seen:
                seen.add(name)
                yield name


def _outermost(names: list[str]) -> list[str]:
    return [name for name in names if "." not in name]


def _last_local(flat: FlatNetwork, seen: dict[int, Field | None]) -> FlatLayer:
    """The last layer that has positions and sees something locally; else the last that sees anything."""
    if not flat.layers:
        raise RuleError("the network has no layers, so that nothing sees anything")
    seeing = [layer for layer in flat.layers if seen[layer.target] is not None]
    local = [layer for layer in seeing if layer.run.output.axes and seen[layer.target].state != GLOBAL]  # type: ignore[union-attr]  # not None
    return (local or seeing or flat.layers)[-1]


def _seen_of(flat: FlatNetwork, inner: FlatLayer) -> dict[int, Field | None]:
    """What every layer's output sees of one layer's output, by tensor."""
    seen: dict[int, Field | None] = dict.fromkeys(range(len(flat.inputs)))
    for layer in flat.layers:
        run, (x, *beside) = layer.run, [seen[number] for number in layer.sources]
        if layer is inner:
            seen[layer.target] = identity(run.output.axes)
        elif isinstance(run.layer, Join):
            seen[layer.target] = joined([x, *beside], run.output.axes)
        else:
            side = run.layer.side_field(run.inputs[0])
            paths = [x and run.seen and x.then(run.seen), *(other and other.then(side) for other in beside)]
            seen[layer.target] = joined(paths, run.output.axes)
    return seen


def checked(position: Position | None, shape: Shape, name: str) -> Position:
    """A position along the axes of a tensor, the middle one by default; RuleError where the tensor has none such."""
    axes = positions_of(shape)
    if position is None:
        return tuple(size // 2 for size in axes)
    told = ",".join(map(str, position))
    if len(position) != len(axes):
        count = f"{len(axes)} {'axis' if len(axes) == 1 else 'axes'}"
        raise RuleError(f"position {told or '()'} names {len(position)} of the axes, '{name}' has {count} ({shape})")
    if not all(0 <= p < n for p, n in zip(position, axes, strict=True)):
        last = ",".join(str(n - 1) for n in axes)
        raise RuleError(f"position {told} is none of '{name}'; allowed: {','.join('0' * len(axes))} to {last}")
    return tuple(position)


def positions_of(shape: Shape) -> tuple[int, ...]:
    """The sizes of the axes that a field has."""
    return tuple([whole(size) for size in shape.axes])


def axis_names(shape: Shape) -> tuple[str, ...]:
    """What the axes of a tensor's positions are called."""
    rank = len(shape.axes)
    if shape.is_tokens and not shape.grid:
        return ("tokens",)
    return tuple(axis_name(axis, rank) for axis in range(rank))
