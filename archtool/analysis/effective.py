"""The effective receptive field: how strongly each input position moves one output position, as the expected square of
the gradient over random weights (Luo et al. 2016, arXiv:1701.04128), computed without drawing any.

Weights are independent and of mean 0, so that E[g^2] passes back layer by layer: sums of independent terms add their
squares. The rules are in `archtool.analysis.meanfield`, the derivation in docs/effective.md.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.meanfield.moments import Moments, of_input
from archtool.analysis.meanfield.passage import Passage, sizes
from archtool.analysis.meanfield.passing import passage, reach_of
from archtool.analysis.numbers import whole
from archtool.analysis.place import Place, Position, checked, input_number, place
from archtool.errors import RuleError
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.mixing import Attended, Multiplied, Standing, Summed, Weighted
from archtool.shape import Shape

if TYPE_CHECKING:
    import numpy as np

    from archtool.analysis.meanfield.readings import Correlated, Lag
    from archtool.design import Design

    Array = np.ndarray[Any, np.dtype[np.float64]]

LARGEST: Final = 1e100  # gradients are held between its inverse and it
ASSUMES: Final = (
    "independent normal weights of mean 0 and variance 2 / fan-in (He), biases 0; inputs of independent standard "
    "normal elements; normalisation by the statistics of such inputs (batch norm by running ones), its scale 1 and "
    "shift 0; activations at what then reaches them; padding as the layers say"
)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class EffectiveField:
    """The effective receptive field of one position of a layer's output.

    map: for each position of the input from `start` on, its share of the expected squared gradient; the sum is 1
    widths: the standard deviation of the map along each axis, about its mean, in input positions
    centre: that mean, counted from the input's first position
    assumes: under which law of weights and inputs
    at, position: the layer, and the position of its output; of: the input's name
    """

    map: Array
    start: tuple[int, ...]
    widths: tuple[float, ...]
    centre: tuple[float, ...]
    assumes: str
    at: str
    position: Position
    of: str

    def to_dict(self) -> dict[str, Any]:
        """The stable form of the JSON."""
        return {
            "at": self.at,
            "of": self.of,
            "position": list(self.position),
            "start": list(self.start),
            "widths": list(self.widths),
            "centre": list(self.centre),
            "assumes": self.assumes,
            "map": self.map.tolist(),
        }


def effective(
    design: Design, at: str | None = None, position: Position | None = None, of: str | None = None
) -> EffectiveField:
    """The effective receptive field of a design; see `Design.effective`."""
    flat = design.flat()
    asked = chosen(flat, at, position, of)
    return field_of(squares(asked.layers, flat, asked), asked)


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What is asked for: a layer's output seen in an input (`where`), a position of it along the axes that its field
    has and, as `index`, along the tensor's own; and the layers that lead there, in order."""

    where: Place
    position: Position
    index: Position
    layers: tuple[FlatLayer, ...]


def chosen(flat: FlatNetwork, at: str | None, position: Position | None, of: str | None) -> Asked:
    """What these words ask for, and what is meant without them: see `archtool.analysis.place`.

    Raises RuleError where there is no such layer, position or input, or the layer does not see the input.
    """
    if of is not None:
        input_number(flat, of)  # gradients are followed to an input, not to a layer
    where = place(flat, at, of)
    told = checked(position, where.output, where.layer.name)
    needed, layers = {where.layer.target}, []
    for each in reversed(flat.layers):
        if each.target in needed:
            needed.update(each.sources)
            layers.append(each)
    return Asked(where=where, position=told, index=_index(where.output, told), layers=tuple(reversed(layers)))


def _index(shape: Shape, position: Position) -> Position:
    """The position along the tensor's own axes: tokens of a grid lie behind those before them, row by row."""
    if not shape.grid:
        return position
    index = 0
    for p, n in zip(position, shape.grid, strict=True):
        index = index * whole(n) + p
    return (whole(shape.lead) + index,)


class Passed(NamedTuple):
    """A network passed forward: each layer's passage, and of each tensor, by number, the moments and the largest lag
    that bears on what comes before it."""

    passages: list[Passage]
    moments: dict[int, Moments]
    reaches: dict[int, Lag]


def passed(layers: tuple[FlatLayer, ...], flat: FlatNetwork) -> Passed:
    """Pass layers forward, from the network's inputs; RuleError for a layer whose rule is not known."""
    _check_independence(layers)
    moments: dict[int, Moments] = {}
    reaches: dict[int, Lag] = {}
    for number, shape in enumerate(flat.inputs.values()):
        moments[number] = of_input(whole(shape.channels), sizes(shape))
        reaches[number] = (0,) * len(shape.spatial)
    readers: dict[int, list[FlatLayer]] = {}
    for layer in layers:
        for source in set(layer.sources):
            readers.setdefault(source, []).append(layer)
    passages: list[Passage] = []
    for layer in layers:
        behind = readers.get(layer.target, ())
        one = passage(layer, [moments[source] for source in layer.sources], behind[0] if len(behind) == 1 else None)
        moments[layer.target] = one.moments
        reaches[layer.target] = reach_of(layer, [reaches[source] for source in layer.sources])
        passages.append(one)
    return Passed(passages, moments, reaches)


def squares(layers: tuple[FlatLayer, ...], flat: FlatNetwork, asked: Asked) -> Array:
    """The expected squared gradient of a sum over channels, with random signs, at a position: for each position of the
    input the mean over its channels, up to a common factor."""
    import numpy as np

    passages, moments, reaches = passed(layers, flat)
    start = np.zeros(moments[asked.where.layer.target].square.shape)
    here: tuple[slice | int, ...] = (slice(None), *asked.index)
    start[here] = 1.0
    gradients: dict[int, Correlated] = {asked.where.layer.target: {(0,) * (start.ndim - 1): start}}
    for layer, one in zip(reversed(layers), reversed(passages), strict=True):
        gradient = gradients.pop(layer.target, None)
        if gradient is not None:  # else only what ignores its input reads it
            reach = tuple(map(max, zip_longest(*(reaches[source] for source in layer.sources), fillvalue=0)))
            for source, before in zip(layer.sources, one.back(gradient, reach), strict=True):
                if before:
                    _add(gradients, source, before)
            _hold(gradients)
    shape = asked.where.source
    arrived = gradients.get(asked.where.number, {(): np.zeros((1, *sizes(shape)))})
    return next(values for lag, values in arrived.items() if not any(lag)).reshape(sizes(shape))


def _check_independence(layers: tuple[FlatLayer, ...]) -> None:
    """Raise RuleError where a sum or product meets paths that come from one tensor without random weights on them: what
    passes back along both is not independent, and squares do not add."""
    readers = Counter(source for layer in layers for source in layer.sources)
    origins: dict[int, frozenset[int]] = {}  # tensors of several readers, no random weight between them and this one
    for layer in layers:
        how = layer.run.layer.mixing(layer.run.inputs[0])
        found = [origins.get(source, frozenset()) for source in layer.sources]
        together = frozenset[int]().union(*found)
        if isinstance(how, Summed | Multiplied) and len(together) < sum(map(len, found)):
            raise RuleError(
                f"'{layer.name}': two of its paths come from one tensor, without random weights on either; "
                "the squares of such gradients do not add, and no rule is known for them"
            )
        own = frozenset([layer.target] if readers[layer.target] > 1 else [])
        origins[layer.target] = own if isinstance(how, Weighted | Attended | Standing) else own | together


def _add(gradients: dict[int, Correlated], tensor: int, more: Correlated) -> None:
    """Paths that meet again have met different weights: their squares add."""
    known = gradients.get(tensor)
    gradients[tensor] = (
        more
        if known is None
        else {lag: _sum(known.get(lag), more.get(lag)) for lag in [*known, *(lag for lag in more if lag not in known)]}
    )


def _sum(a: Array | None, b: Array | None) -> Array:
    if a is None or b is None:
        return a if b is None else b  # type: ignore[return-value]
    return a + b


def _hold(gradients: dict[int, Correlated]) -> None:
    """Multiply all gradients by one factor where they grow too large or too small: only their ratios matter."""
    largest = max((float(values.max()) for gradient in gradients.values() for values in gradient.values()), default=0)
    if largest > LARGEST or 0 < largest < 1 / LARGEST:
        for gradient in gradients.values():
            for lag in gradient:
                gradient[lag] = gradient[lag] / largest


def field_of(squared: Array, asked: Asked, assumes: str = ASSUMES) -> EffectiveField:
    """The field that a map of squared gradients makes; RuleError where nothing arrives at the input."""
    import numpy as np

    total = float(squared.sum())
    if not (total > 0 and np.isfinite(total)):
        raise RuleError(f"no gradient of '{asked.where.layer.name}' arrives at the input '{asked.where.of}'")
    share = squared / total
    centre, widths = [], []
    for axis in range(share.ndim):
        profile = share.sum(tuple(other for other in range(share.ndim) if other != axis))
        places = np.arange(len(profile))
        mean = float(profile @ places)
        centre.append(mean)
        widths.append(float(profile @ (places - mean) ** 2) ** 0.5)
    return EffectiveField(
        map=share,
        start=(0,) * share.ndim,
        widths=tuple(widths),
        centre=tuple(centre),
        assumes=assumes,
        at=asked.where.layer.name,
        position=asked.position,
        of=asked.where.of,
    )
