"""Unproductive layers: convolutions that can bring no more of the image together, beside what they cost.

Of two kinds, as rfa_toolbox 1.7 tells them (`is_border`). By its *paths*: the smallest path to the convolution's input
already spans the whole image, so that a further window adds nothing. By its *window*: that is, dilation included, as
large as its whole input, as in a fully connected layer. Such layers were observed not to advance the solution (Richter
et al. 2021, (Input) Size Matters for CNN Classifiers, arXiv:2102.01582, and Should You Go Deeper?, arXiv:2106.12307).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.numbers import whole
from archtool.analysis.place import input_number, positions_of
from archtool.field import GLOBAL, Field, identity
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.window import Window

if TYPE_CHECKING:
    from archtool.design import Design

CONVOLVES: Final = "conv.macs"
BY_PATHS: Final = "paths"
BY_WINDOW: Final = "window"


class Idle(NamedTuple):
    """A convolution that is unproductive by its `paths` or by its `window`; the smallest path to its input (along each
    axis, in input positions); its cost."""

    name: str
    kind: str
    why: str
    narrow: tuple[int, ...]
    params: int
    macs: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Unproductive:
    """The unproductive convolutions of a network for its input `of`, whose size is `source`; `params`, `macs` and
    `convolutions` are those of the whole network."""

    name: str
    of: str
    source: tuple[int, ...]
    layers: tuple[Idle, ...]
    convolutions: int
    params: int
    macs: int

    @property
    def idle_params(self) -> int:
        """The parameters of all that is unproductive."""
        return sum(layer.params for layer in self.layers)

    @property
    def idle_macs(self) -> int:
        """The multiply-accumulates of all that is unproductive."""
        return sum(layer.macs for layer in self.layers)

    def to_dict(self) -> dict[str, Any]:
        """The stable form of the JSON."""
        return {
            "name": self.name,
            "of": self.of,
            "input": list(self.source),
            "convolutions": self.convolutions,
            "params": self.params,
            "macs": self.macs,
            "unproductive": {"layers": len(self.layers), "params": self.idle_params, "macs": self.idle_macs},
            "layers": [{**layer._asdict(), "narrow": list(layer.narrow)} for layer in self.layers],
        }


def unproductive(design: Design, of: str | None = None) -> Unproductive:
    """The unproductive convolutions of a design; see `Design.unproductive`."""
    flat, cost = design.flat(), design.run.cost
    name, number = input_number(flat, of)
    sizes = positions_of(flat.inputs[name])
    convolutions = [layer for layer in flat.layers if CONVOLVES in layer.run.cost.operations]
    fields = _fields(flat, number)
    found = (_idle(layer, fields[layer.sources[0]], fields[layer.target], sizes) for layer in convolutions)
    return Unproductive(
        name=design.name,
        of=name,
        source=tuple([whole(size) for size in flat.inputs[name].dims]),
        layers=tuple(idle for idle in found if idle is not None),
        convolutions=len(convolutions),
        params=whole(cost.params),
        macs=whole(cost.macs),
    )


def _fields(flat: FlatNetwork, number: int) -> dict[int, Field | None]:
    """What every tensor sees of an input."""
    inputs = {
        other: identity(shape.axes) if other == number else None for other, shape in enumerate(flat.inputs.values())
    }
    return inputs | {layer.target: layer.fields[number] for layer in flat.layers}


def _idle(layer: FlatLayer, before: Field | None, own: Field | None, sizes: tuple[int, ...]) -> Idle | None:
    """The convolution, where it is unproductive. What everything was mixed into (a gate) is no image any more."""
    if before is None or own is None or before.state == GLOBAL:
        return None
    run = layer.run
    narrow, wider = _narrow(before), _narrow(own)
    reaches = all(path >= n for path, n in zip(narrow, sizes, strict=True))
    if reaches and all(path > n for path, n in zip(wider, sizes, strict=True)):
        why = BY_PATHS
    elif _covers(run.layer.window(run.inputs[0]), positions_of(run.inputs[0])):
        why = BY_WINDOW
    else:
        return None
    params = whole(run.cost.params) if layer.owns_weights else 0
    return Idle(layer.name, run.kind, why, narrow, params, whole(run.cost.macs))


def _narrow(field: Field) -> tuple[int, ...]:
    """The smallest path along each axis."""
    return tuple([whole(axis.narrow) for axis in field.axes])


def _covers(window: Window | None, sizes: tuple[int, ...]) -> bool:
    """Whether a window is as large as its whole input."""
    return window is not None and all(whole(axis.size) >= n for axis, n in zip(window, sizes, strict=True))
