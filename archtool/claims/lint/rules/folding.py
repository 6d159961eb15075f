"""W6: two linear layers with nothing between them that one could replace for less."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Final

from archtool.analysis.numbers import whole
from archtool.claims.lint.net import Net, groups_of, kind, macs, owned_params, taps
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
    """A convolution or linear layer behind another, norms by channel between, where folding saves work and weights."""
    for first in net.layers:
        second = net.next(first, _is_per_channel) if kind(first) in FOLDS and first.owns_weights else None
        if second is None or kind(second) != kind(first) or not second.owns_weights:
            continue
        if kind(first) == "conv" and getattr(second.run.layer, "padding_mode", "zeros") != "zeros":
            continue
        into, out = whole(first.run.inputs[0].channels), whole(second.run.output.channels)
        groups = _groups(groups_of(first.run.layer), groups_of(second.run.layer))
        offsets = _offsets(first, second)
        if offsets is None:
            continue
        read = prod(map(len, offsets))
        weights = into * out // groups * read
        bias = out if getattr(first.run.layer, "bias", False) or getattr(second.run.layer, "bias", False) else 0
        work = weights * whole(second.run.output.positions)
        before, params = macs(first) + macs(second), owned_params(first) + owned_params(second)
        if work > before or weights + bias > params or (work, weights + bias) == (before, params):
            continue
        middle = whole(first.run.output.channels)
        rank = f", of rank {middle} at most" if middle < min(into * read, out) else ""
        border = "; where padding lies between them, their borders differ" if _pads(second) else ""
        yield at(
            second,
            f"{second.name} behind {first.name} with nothing but linear between: one "
            f"'{second.run.kind}' from {into} to {out}{_kernel(offsets)} does the same{rank}{border}",
            waste={"params": params - weights - bias, "macs": before - work},
        )


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


def _offsets(first: FlatLayer, second: FlatLayer) -> list[set[int]] | None:
    """The taps of the folded kernel, axis by axis; None where they are too many to be told."""
    if kind(first) != "conv":
        return []
    inner, outer = taps(first), taps(second)
    if inner is None or outer is None:
        return None
    return [
        {a.stride * later + early for later in b.offsets[0] for early in a.offsets[0]}
        for a, b in zip(inner, outer, strict=True)
    ]


def _kernel(offsets: list[set[int]]) -> str:
    spans = [max(seen) - min(seen) + 1 for seen in offsets]
    return f" channels, kernel {'x'.join(map(str, spans))}," if spans else " channels"


def _pads(layer: FlatLayer) -> bool:
    window = layer.run.layer.window(layer.run.inputs[0])
    return window is not None and any(whole(axis.before) + whole(axis.after) > 0 for axis in window)
