"""What kind of function a layer is, whatever its weights: what proofs about networks are made of.

A kind tells it in `Layer.nature` and `Layer.coupling`, at inference: dropout passes everything, batch norm uses its
running statistics.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from archtool.size import Size


class Nature(NamedTuple):
    """How a layer's output follows when its input (all its tensors together) is scaled or added to, for all weights.

    affine: f(x) - f(0) is linear in x. homogeneous: f(t x) = t f(x) for all t >= 0. A layer that is both is linear;
    what is not said is not known to hold.
    """

    affine: bool = False
    homogeneous: bool = False

    @property
    def linear(self) -> bool:
        """Whether f(x + y) = f(x) + f(y) and f(t x) = t f(x)."""
        return self.affine and self.homogeneous


LINEAR: Final = Nature(affine=True, homogeneous=True)
AFFINE: Final = Nature(affine=True)
HOMOGENEOUS: Final = Nature(homogeneous=True)
OTHER: Final = Nature()


class Groups(NamedTuple):
    """Input and output channels lie in so many equal runs, and each output channel depends on its own run of inputs
    alone: 1 where each may depend on all, as many as there are channels where each stands for itself."""

    groups: Size


class Routed(NamedTuple):
    """Output channel i depends on the input channels `sources[i]` alone."""

    sources: tuple[tuple[int, ...], ...]


Coupling = Groups | Routed
