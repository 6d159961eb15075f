"""Whether a network is a sum of functions of one position each, or of one channel each.

Such a function has no mixed differences: what a change at one position does to an output does not depend on what stands
at another. A layer that is not affine breaks it where it sees several positions together, themselves or through what
was summed before; one that is affine never does.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Final, NamedTuple

from archtool.algebra.finding import Basis, Finding, unknown
from archtool.algebra.structure.channels import couplings
from archtool.algebra.structure.degree import acts
from archtool.algebra.structure.flow import AT_INFERENCE, called, carried, contributing, told
from archtool.algebra.structure.pointwise import read_of, reads_itself
from archtool.field import LOCAL, AxisField
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.nature import Routed
from archtool.size import Size, equal, less


class _Reads(IntEnum):
    """Which places of a tensor a place of a layer's output depends on."""

    OWN = 0  # on its own alone, or on the one in whose run of channels it lies
    ONE = 1  # on one at most
    SEVERAL = 2


class _Places(NamedTuple):
    """What a function is a sum over: its name; what a layer reads of one of its tensors at each place; whether each
    place reads one of its tensors alone."""

    name: str
    reads: Callable[[FlatLayer, int], _Reads]
    apart: Callable[[FlatLayer], bool]


class _Part(NamedTuple):
    """What a tensor is made of: whether it depends on an input; if each of its places depends on one place of an input
    at most, the `origin`, by which tensors differ in which these may be others; why it is not known to be a sum of
    functions of one place each, or nothing."""

    depends: bool = True
    origin: object = None
    mixed: str = ""


_STANDS: Final = _Part(depends=False)


def additive_over_positions(flat: FlatNetwork) -> Finding:
    """Whether each output element is a sum of functions of one input position each (all its channels), for all weights.

    On symbols for all their values; of a repeat at least two turns have to be there.
    """
    return _found(flat, _Places("positions", _positions_read, lambda layer: False))


def additive_over_channels(flat: FlatNetwork) -> Finding:
    """Whether each output element is a sum of functions of one input channel each (all its positions), for all weights.

    On symbols for all their values; of a repeat at least two turns have to be there.
    """
    return _found(flat, _Places("channels", _channels_read, _channels_apart))


def _found(flat: FlatNetwork, places: _Places) -> Finding:
    inputs = [_Part(origin=index) for index in range(len(flat.inputs))]
    parts = carried(flat, inputs, lambda layer, parts: _through(layer, parts, places), _either)
    for number in flat.outputs.values():
        if parts[number].mixed:
            return unknown(parts[number].mixed, objects=True, assumptions=(AT_INFERENCE,))
    moving = [layer for layer in contributing(flat) if parts[layer.target].depends]
    bending = [layer for layer in moving if not acts(layer, [parts[each].depends for each in layer.sources]).affine]
    one = places.name.removesuffix("s")
    steps = told((layer, f"not affine, but each {one} of it depends on one of an input alone") for layer in bending)
    rest = "the other layers are" if bending else "all layers are"
    return Finding(
        truth=True,
        basis=(Basis("structure", f"additive_over_{places.name}"),),
        steps=(*steps, f"{rest} affine: of sums of functions of one {one} each they make such sums"),
        assumptions=(AT_INFERENCE,),
    )


def _through(layer: FlatLayer, parts: tuple[_Part, ...], places: _Places) -> _Part:
    moving = [index for index, part in enumerate(parts) if part.depends]
    if layer.run.layer.ignores_input or not moving:
        return _STANDS
    origin = _origin(layer, parts, moving, places)
    if origin is not None:
        return _Part(origin=origin)
    mixed = next((parts[index].mixed for index in moving if parts[index].mixed), "")
    if not mixed and not acts(layer, [part.depends for part in parts]).affine:
        mixed = f"{called(layer)} is not affine, and may see several {places.name} of the input together"
    return _Part(mixed=mixed)


def _origin(layer: FlatLayer, parts: tuple[_Part, ...], moving: list[int], places: _Places) -> object:
    """Where the places of a layer's output come from; None where one may depend on several places of an input."""
    if any(parts[index].origin is None for index in moving):
        return None
    reads = {index: places.reads(layer, index) for index in moving}
    if _Reads.SEVERAL in reads.values():
        return None
    origins = {parts[index].origin if read is _Reads.OWN else object() for index, read in reads.items()}
    if len(origins) > 1:
        return object() if places.apart(layer) else None
    return origins.pop()


def _either(yes: _Part, no: _Part) -> _Part:
    """What holds of both; which of two places it comes from is open where these differ."""
    if not yes.depends or not no.depends:
        return yes if yes.depends else no
    if yes.origin is None or no.origin is None:
        return _Part(mixed=yes.mixed or no.mixed)
    return yes if yes.origin == no.origin else _Part(origin=object())


def _channels_read(layer: FlatLayer, index: int) -> _Reads:
    x, coupling = layer.run.inputs[index], couplings(layer)[index]
    if isinstance(coupling, Routed):
        return _Reads.ONE if all([len(sources) <= 1 for sources in coupling.sources]) else _Reads.SEVERAL
    return _Reads.OWN if equal(coupling.groups, x.channels) is True else _Reads.SEVERAL


def _channels_apart(layer: FlatLayer) -> bool:
    """Whether each output channel reads channels of one of the layer's tensors alone: they lie behind each other."""
    found = couplings(layer)
    routes = [coupling.sources for coupling in found if isinstance(coupling, Routed)]
    return len(routes) == len(found) and all([sum(map(bool, each)) <= 1 for each in zip(*routes, strict=True)])


def _positions_read(layer: FlatLayer, index: int) -> _Reads:
    x, y, field = layer.run.inputs[index], layer.run.output, read_of(layer, index)
    if reads_itself(field, x, y) is True:
        return _Reads.OWN
    if equal(x.positions, 1) is True:
        return _Reads.ONE
    told_along = len(field.axes) == len(x.axes) or (not field.axes and len(x.axes) == len(y.axes))
    if not told_along or equal(field.state, LOCAL) is not True:
        return _Reads.SEVERAL
    return _Reads.ONE if all(map(_reads_one, field.axes, x.axes)) else _Reads.SEVERAL


def _reads_one(axis: AxisField, n: Size) -> bool:
    """Whether along an axis of n positions each position reads one of them at most."""
    return equal(n, 1) is True or all([less(low, high) is False for low, high, _, _ in axis.phases])
