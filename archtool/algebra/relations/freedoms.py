"""How many free parameters a linear network has: the dimension of the set of functions that it can be."""

from __future__ import annotations

from typing import NamedTuple

from archtool.algebra.relations.jacobian import moved
from archtool.algebra.relations.kernels import ZEROS, Kernels
from archtool.algebra.relations.parts import leaf
from archtool.algebra.relations.ranks import NotLinear, reach_of, require_linear
from archtool.flatten import FlatNetwork
from archtool.size import Size, minimum


class Freedom(NamedTuple):
    """The free parameters of a linear network: `value` of its `params`, at least; no more where it is `exact`, and no
    more than `most` in any case. `dense` are those of one layer with all its taps and channels, where they are known.
    Of a batch norm a factor and a constant a channel can be set.
    """

    value: Size
    most: Size
    exact: bool
    params: Size
    dense: Size | None
    steps: tuple[str, ...]


def freedom(flat: FlatNetwork) -> Freedom:
    """The dimension of the set of kernels (and constants) that a linear network is over all its weights, whatever its
    borders do: in closed form where all its kernels are known, else from the derivatives of its kernel at whole
    numbers; see 'relations-freedom' in docs/proofs.md. Raises NotLinear where neither can be told."""
    require_linear(flat)
    params: Size = 0
    for layer in flat.layers:
        params = params + (layer.run.cost.params if layer.owns_weights else 0)
    reach = reach_of(flat)
    if reach is not None and reach.onto:
        return Freedom(reach.freedom, reach.freedom, True, params, _dense(reach), (_told(reach),))
    found = moved(flat)
    if found is None:
        raise NotLinear("it has no closed form here, and is too large, or of layers too different, to count")
    constants = _constants(flat)
    free, most = found.rank + constants, min(found.weights - found.idle, found.entries) + constants
    steps = (
        f"the derivatives of the kernel by {found.weights} weights have rank {found.rank} at whole numbers: no less",
        f"{found.entries} entries of the kernel are moved by some weight, and {found.idle} directions of the weights"
        f" leave it as it is: no more than {most - constants}",
    )
    dense = None if reach is None else _dense(reach)
    return Freedom(free, most, free == most, params, dense, steps)


def _dense(reach: Kernels) -> Size:
    return reach.size * reach.inputs * reach.outputs + (reach.outputs if reach.bias else 0)


def _told(reach: Kernels) -> str:
    if not reach.is_dense:
        return "each weight of the one layer that it is moves another entry of its kernel"
    if reach.is_full:
        return "every kernel is reached: as many as it has entries"
    settled = reach.settled()
    a, b = minimum(*settled.first), minimum(*settled.last)
    return f"kernels of rank {a} by inputs and {b} by outputs at most: a (c_in - a) + b (c_out - b) + taps a b"


def _constants(flat: FlatNetwork) -> int:
    """How many constants are free: those of the last layer, where others add none of another kind."""
    biased = [own for layer in flat.layers if (own := leaf(layer, whole=True)) is not None and own.reach.bias]
    if not biased:
        return 0
    target = next(iter(flat.outputs.values()))
    last = next((layer for layer in flat.layers if layer.target == target), None)
    own = None if last is None else leaf(last, whole=True)
    padded = any(
        [each.reach.border == ZEROS for layer in flat.layers[1:] if (each := leaf(layer, whole=True)) is not None]
    )
    if own is None or not own.reach.bias or (len(biased) > 1 and padded):
        raise NotLinear("its constants are not those of its last layer alone")
    assert isinstance(own.reach.outputs, int)  # of a network on numbers
    return own.reach.outputs
