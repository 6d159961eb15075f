"""What the positions of each tensor depend on, probed with NaN.

A NaN in the input reaches an output if and only if some path of operations leads from the one to the other. Any
arithmetic with a NaN gives NaN: whatever the weights (NaN * 0 is NaN), whatever cancels (NaN - NaN is NaN), in a ReLU
that is dead (max(0, NaN) is NaN), in a max-pool whatever the other elements, in normalisation at inference. So, unlike
a gradient, it is exact: it can't vanish, tie or underflow.

What could fool it are kernels that compute an output from more than its window and rely on the rest to cancel:
Winograd's and Fourier's convolutions, which take whole tiles. They are kept out (float64, which oneDNN and NNPACK don't
take, and cuDNN switched off), and a convolution whose window is known is probed first, on the same device, to see that
they are. So is attention: fused, it loses a query's NaN in its running maximum, and is kept out too. A layer that
compares and forgets (x > 0) would hide a NaN: it then seems to depend on nothing, and is named as not measured.

With all positions before e set to NaN, a position is tainted if and only if the lowest position that it depends on lies
before e; so a run over consecutive e, as items of a batch, tells these lowest positions exactly. Wherever the edge
runs over a whole period of the strides, it does so for some positions of every tensor at once. The same with all
positions from e on tells the highest ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from archtool.errors import RuleError
from archtool.realize.build import Function, as_int, execute, schedule
from archtool.realize.skeleton import Skeleton, local_part, modules
from archtool.shape import Shape

BATCH_ELEMENTS: Final = 16_000_000  # numbers in the largest step of a batch: 128 MB

Slab = tuple[int, int]  # the input's positions [first, last) that are NaN


class Seen(NamedTuple):
    """What the positions of one tensor depend on, along one axis of one input.

    `lows` and `highs` have the lowest and the highest input position for those positions of the tensor where it was
    found, by way of local paths; the `blind` ones depend on no input position at all. `touched`: it depends on that
    input at all; `locally`: by local paths. `everywhere`: each position that is not all padding depends on both ends of
    the axis, some `rim` of positions (the last ones alone may be no window's, where strides do not divide, or
    cropped); `everywhere_locally`: by local paths.
    """

    positions: int
    lows: dict[int, int]
    highs: dict[int, int]
    blind: frozenset[int]
    touched: bool
    locally: bool
    everywhere: bool
    everywhere_locally: bool


def probe(
    skeleton: Skeleton, source: int, axis: int, lows: range, highs: range, rim: int, device: torch.device
) -> dict[int, Seen]:
    """What each tensor of the skeleton, by number, depends on; the edge of the NaN runs over `lows` (NaN before it)
    and `highs` (NaN from it on).

    Raises RuleError where the device can't be trusted or the skeleton makes NaN by itself.
    """
    with _plain_kernels(), torch.no_grad():
        _check_kernels(device)
        whole = modules(skeleton.parts, device)
        local: list[Function] = [local_part(part, module) for part, module in zip(skeleton.parts, whole, strict=True)]
        size = as_int(skeleton.inputs[source].spatial[axis])
        ends: list[Slab] = [(0, 0), (0, size), (0, rim), (size - rim, size)]
        slabs = [*ends, *((0, edge) for edge in lows), *((edge, size) for edge in highs)]
        tainted = _tainted(skeleton, local, source, axis, slabs, device)
        uncut = _tainted(skeleton, whole, source, axis, ends, device) if skeleton.is_cut else tainted
    return {number: _seen(tainted[number], uncut[number], lows, highs) for number in tainted}


def _seen(tainted: Tensor, uncut: Tensor, lows: range, highs: range) -> Seen:
    """Read off tainted[item, position]: a control, all, the first and the last ones NaN, then the edges."""
    low, high = tainted[4 : 4 + len(lows)], tainted[4 + len(lows) :]
    found = (~low[0] & low[-1]).nonzero().flatten().tolist()
    first_tainted = (~low).sum(0)
    lowest = {p: lows[int(first_tainted[p])] - 1 for p in found}
    found = (high[0] & ~high[-1]).nonzero().flatten().tolist()
    last_tainted = high.sum(0) - 1
    highest = {p: highs[int(last_tainted[p])] for p in found}
    return Seen(
        positions=tainted.shape[1],
        lows=lowest,
        highs=highest,
        blind=frozenset((~tainted[1]).nonzero().flatten().tolist()),
        touched=bool(uncut[1].any()),
        locally=bool(tainted[1].any()),
        everywhere=_reaches_both_ends(uncut),
        everywhere_locally=_reaches_both_ends(tainted),
    )


def _reaches_both_ends(tainted: Tensor) -> bool:
    _, anywhere, first, last = tainted[:4]
    return bool((first & last | ~anywhere).all())


def _tainted(
    skeleton: Skeleton,
    functions: Sequence[Function],
    source: int,
    axis: int,
    slabs: Sequence[Slab],
    device: torch.device,
) -> dict[int, Tensor]:
    """For each layer's output, by number: which of its positions along the axis have a NaN, for each slab."""
    largest = max((part.elements for part in skeleton.parts), default=1)
    size = max(1, BATCH_ELEMENTS // largest)
    steps = schedule(skeleton.layers, ())
    found: dict[int, list[Tensor]] = {layer.target: [] for layer in skeleton.layers}
    for start in range(0, len(slabs), size):
        batch = slabs[start : start + size]
        tensors = dict(enumerate(_inputs(skeleton.inputs, source, axis, batch, device)))
        for layer, part, y in zip(skeleton.layers, skeleton.parts, execute(steps, functions, tensors), strict=True):
            tainted = _along(torch.isnan(y), part.output, axis).cpu()
            if start == 0 and bool(tainted[0].any()):
                raise RuleError(f"'{layer.name}' makes NaN of finite numbers")
            found[layer.target].append(tainted)
    return {number: torch.cat(parts) for number, parts in found.items()}


def _inputs(
    shapes: Sequence[Shape], source: int, axis: int, slabs: Sequence[Slab], device: torch.device
) -> Iterator[Tensor]:
    """A batch with one item a slab: NaN in that slab of the source, 0 elsewhere."""
    for number, shape in enumerate(shapes):
        x = torch.zeros(len(slabs), *map(as_int, shape.dims), device=device, dtype=torch.float64)
        if number == source:
            along = x.movedim(_dimension(shape, axis), 1)
            for item, (first, last) in zip(along, slabs, strict=True):
                item[first:last] = torch.nan
        yield x


def _along(x: Tensor, shape: Shape, axis: int) -> Tensor:
    """(batch, positions along the axis) of (batch, *dims): whether any element there holds."""
    if axis >= len(shape.axes):
        return x.flatten(1).any(1, keepdim=True)
    if shape.grid:  # tokens of a grid, with or without some before it
        x = x[:, as_int(shape.lead) :].reshape(len(x), *map(as_int, shape.grid), -1)
        return x.movedim(axis + 1, 1).flatten(2).any(2)
    return x.movedim(_dimension(shape, axis), 1).flatten(2).any(2)


def _dimension(shape: Shape, axis: int) -> int:
    return axis + (1 if shape.is_tokens else 2)


@contextmanager
def _plain_kernels() -> Iterator[None]:
    """Convolutions as sums over their windows, no tiles; attention as the products that it says, none left out."""
    with torch.backends.cudnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH):
        yield


def _check_kernels(device: torch.device) -> None:
    """Probe a 3 x 3 convolution, the case that tiled kernels are made for, and a query of attention."""
    x = torch.zeros(1, 1, 16, 16, device=device, dtype=torch.float64)
    x[..., 7, 7] = torch.nan
    convolution = nn.Conv2d(1, 1, 3, padding=1, device=device, dtype=torch.float64)
    if int(torch.isnan(convolution(x)).sum()) != 9:
        raise RuleError(f"on '{device}' a convolution mixes more than its windows: no receptive field can be measured")
    keys = torch.zeros(1, 1, 4, 2, device=device, dtype=torch.float64)
    queries = keys.clone()
    queries[..., 1, :] = torch.nan
    y = nn.functional.scaled_dot_product_attention(queries, keys, keys)
    if torch.isnan(y).flatten().tolist() != torch.isnan(queries).flatten().tolist():
        raise RuleError(f"on '{device}' attention loses what its queries see: no receptive field can be measured")
