"""W6: two linear layers with nothing between them that one could replace for less."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Final

from archtool.analysis.numbers import whole
from archtool.claims.lint.net import Net, does_nothing, groups_of, kind, macs, owned_params, taps
from archtool.claims.lint.rule import Hit, at, network_rule
from archtool.flatten import FlatLayer
from archtool.nature import Groups

FOLDS: Final = ("conv", "linear")


@network_rule(
    "W507",
    "foldable-pair",
    "warning",
    about="Two linear layers with nothing but linear between them, which one layer does for less.",
    advice="put an activation between them, or write the one layer that they are (`archtool fold`)",
    source="Ding et al. 2021, Diverse branch block, arXiv:2103.13425, section 3.2 (transform III, sequential)",
)
def foldable_pair(net: Net) -> Iterator[Hit]:
    """A convolution or linear layer behind another, norms by channel between, where folding saves work and weights; a
    note where padding between them makes the border another."""
    for first in net.layers:
        between = _between(net, first) if kind(first) in FOLDS else None
        if between is None or not all(layer.owns_weights for layer in (first, *between)):
            continue
        *scales, second = between
        offsets = _offsets(first, second)
        if offsets is None:
            continue
        into, out = whole(first.run.inputs[0].channels), whole(second.run.output.channels)
        read = prod(map(len, offsets))
        weights = into * out // _groups(groups_of(first.run.layer), groups_of(second.run.layer)) * read
        params = weights + (0 if all(map(_is_linear, (first, *between))) else out)
        work = weights * whole(second.run.output.positions)
        before, paid = macs(first) + macs(second), sum(map(owned_params, (first, *between)))
        if work > before or params > paid or (work, params) == (before, paid):
            continue
        middle = whole(first.run.output.channels)
        rank = f", of rank {middle} at most" if middle < min(into * read, out) else ""
        is_point = all(len(seen) == 1 for seen in _offsets(first) or ())
        same = not _pads(second) or (is_point and all(map(_is_linear, (first, *scales))))
        border = "" if same else ", but at the border, where padding lies between them"
        yield at(
            second,
            f"{second.name} behind {first.name} with nothing but linear between: one "
            f"'{second.run.kind}' from {into} to {out}{_kernel(offsets)} does the same{border}{rank}",
            level="" if same else "note",
            waste={"params": paid - params, "macs": before - work},
        )


def _between(net: Net, first: FlatLayer) -> list[FlatLayer] | None:
    """The layers behind one, each of which alone reads the one before: scales and shifts of single channels, then a
    layer of the first one's kind; None where there is no such."""
    found: list[FlatLayer] = []
    reader = net.only_reader(first.target)
    while reader is not None and (does_nothing(reader) or _is_per_channel(reader)):
        found.append(reader)
        reader = net.only_reader(reader.target)
    own = None if reader is None else reader.run.layer
    wraps = getattr(own, "padding_mode", "zeros") != "zeros"
    return [*found, reader] if reader is not None and kind(reader) == kind(first) and not wraps else None


def _is_linear(layer: FlatLayer) -> bool:
    return layer.run.layer.nature(layer.run.inputs[0]).linear


def _is_per_channel(layer: FlatLayer) -> bool:
    """Whether a layer scales and shifts each channel by itself, wherever it is."""
    own, x = layer.run.layer, layer.run.inputs[0]
    if own.is_join or own.sides or not own.nature(x).affine or own.window(x) is not None:
        return False
    coupling = own.coupling(x)
    same = layer.run.output == x and not layer.run.field.axes and layer.run.field.state == 0
    return same and isinstance(coupling, Groups) and coupling.groups == x.channels


def _groups(first: int, second: int) -> int:
    """The groups of the folded layer: of layers whose groups lie within each other's the fewer, else one."""
    few, many = sorted((first, second))
    return few if many % few == 0 else 1


def _offsets(*layers: FlatLayer) -> list[set[int]] | None:
    """The taps, axis by axis, of the kernel that convolutions behind each other are; None where they are too many to be
    told, none for linear layers."""
    found: list[set[int]] = []
    for layer in reversed(layers):
        read = taps(layer) if kind(layer) == "conv" else ()
        if read is None:
            return None
        found = [
            {axis.stride * later + early for later in seen for early in axis.offsets[0]}
            for axis, seen in zip(read, found or [{0}] * len(read), strict=True)
        ]
    return found


def _kernel(offsets: list[set[int]]) -> str:
    spans = [max(seen) - min(seen) + 1 for seen in offsets]
    return f" channels, kernel {'x'.join(map(str, spans))}," if spans else " channels"


def _pads(layer: FlatLayer) -> bool:
    window = layer.run.layer.window(layer.run.inputs[0])
    return window is not None and any(whole(axis.before) + whole(axis.after) > 0 for axis in window)
