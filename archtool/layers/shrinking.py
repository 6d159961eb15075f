"""Activations that make nothing of what lies near to 0, or below a threshold, and leave the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from archtool.fields import number
from archtool.layer import Example, layer
from archtool.layers.activation import Activation
from archtool.nature import HOMOGENEOUS, LINEAR, OTHER, Nature
from archtool.shape import Shape
from archtool.size import Size, all_of, equal, less

if TYPE_CHECKING:
    from archtool.mixing import Array


@layer
class Tanhshrink(Activation):
    """x - tanh(x)."""

    keeps = ()

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """tanh(x)."""
        return {"same": x.elements}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return self.saved(x, y)

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        return {"same": x.elements}

    def of(self, z: Array) -> Array:
        import numpy as np

        return z - np.tanh(z)


@layer
class Softshrink(Activation):
    """x drawn lambda nearer to 0."""

    lambd: Any = number(default=0.5, least=0)

    def nature(self, x: Shape) -> Nature:
        """Nothing is drawn nearer, where lambda is 0."""
        return LINEAR if equal(self.lambd, 0) is True else OTHER

    def of(self, z: Array) -> Array:
        import numpy as np

        return z - np.clip(z, -float(self.lambd), float(self.lambd))


@layer
class Hardshrink(Activation):
    """x, but 0 nearer than lambda to 0."""

    lambd: Any = number(default=0.5)

    def nature(self, x: Shape) -> Nature:
        """Nothing but 0 becomes 0, where lambda is no more."""
        return LINEAR if less(0, self.lambd) is False else OTHER

    def slope(self) -> Any:
        return None if less(0, self.lambd) is not False else 1

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(abs(z) > float(self.lambd), z, 0.0)


@layer
class Threshold(Activation):
    """x where it is above threshold, else value."""

    in_place = True
    threshold: Any = number()
    value: Any = number()

    examples = (Example({"threshold": 0.1, "value": 20}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),)

    def nature(self, x: Shape) -> Nature:
        """ReLU, where both are 0."""
        is_relu = all_of(equal(self.threshold, 0), equal(self.value, 0))
        return HOMOGENEOUS if is_relu is True else OTHER

    def slope(self) -> Any:
        """A rectifier at the threshold, unless it jumps."""
        return 1 if equal(self.threshold, self.value) is True else None

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(z > float(self.threshold), z, float(self.value))
