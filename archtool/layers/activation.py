"""Activation functions, element by element, as torch.nn has them."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import erf, pi
from typing import TYPE_CHECKING, Any, ClassVar, Final

from archtool.fields import choice, number
from archtool.layer import Example, PerChannel, layer
from archtool.mixing import Applied, Mixing
from archtool.nature import HOMOGENEOUS, LINEAR, OTHER, Nature, Start
from archtool.shape import Shape
from archtool.size import Size, all_of, equal, less, negate, require

if TYPE_CHECKING:
    import torch

    from archtool.mixing import Array

SELU_ALPHA: Final = 1.6732632423543772  # the fixed point of mean 0 and variance 1, Klambauer et al. 2017, eq. 14
SELU_SCALE: Final = 1.0507009873554805
_EXAMPLE = (Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),)


class Activation(PerChannel):
    """The base of the kinds that pass each element through a function; the fields are torch's, by torch's names."""

    keeps: ClassVar[tuple[str, ...]] = ("input",)
    examples = _EXAMPLE

    def mixing(self, x: Shape) -> Mixing:
        return Applied(self.of)

    def of(self, z: Array) -> Array:
        """The function, of elements in a numpy array."""
        raise NotImplementedError

    def at_init(self, x: Shape) -> Start:
        import numpy as np

        return Start.OTHER if self.of(np.zeros(1)).any() else Start.KEEPS_ZEROS

    def steepness(self, x: Shape) -> Any:
        return self.slope()

    def slope(self) -> Any:
        """The greatest absolute slope, or a number above it; None where it has none, or the function jumps."""
        return 1

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {"activation": y.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        fields = {name: value if isinstance(value, str) else float(value) for name, value in self._fields().items()}
        return getattr(nn, type(self).__name__)(**fields)  # type: ignore[no-any-return]  # getattr

    def _fields(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.field_kinds()}


def _sigmoid(z: Array) -> Array:
    import numpy as np

    return np.exp(-np.logaddexp(-z, 0))


@layer
class ReLU(Activation):
    """The rectifier, max(0, x)."""

    in_place = True
    keeps = keeps_in_place = ("output",)

    def nature(self, x: Shape) -> Nature:
        return HOMOGENEOUS

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.maximum(z, 0)


@layer
class ReLU6(Activation):
    """The rectifier cut off at 6, min(max(0, x), 6)."""

    in_place = True

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.clip(z, 0, 6)


@layer
class LeakyReLU(Activation):
    """x where positive, else negative_slope * x."""

    in_place = True
    keeps_in_place = ("output",)
    negative_slope: Any = number(default=0.01)

    def nature(self, x: Shape) -> Nature:
        return LINEAR if equal(self.negative_slope, 1) is True else HOMOGENEOUS

    def slope(self) -> Any:
        return max(1.0, abs(float(self.negative_slope)))

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(z > 0, z, float(self.negative_slope) * z)


@layer
class ELU(Activation):
    """x where positive, else alpha (e^x - 1) (Clevert et al. 2015, arXiv:1511.07289)."""

    in_place = True
    keeps_in_place = ("output",)
    alpha: Any = number(default=1.0)

    def nature(self, x: Shape) -> Nature:
        """ReLU, where alpha is 0."""
        return HOMOGENEOUS if equal(self.alpha, 0) is True else OTHER

    def slope(self) -> Any:
        return max(1.0, abs(float(self.alpha)))

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(z > 0, z, float(self.alpha) * np.expm1(np.minimum(z, 0)))


@layer
class SELU(Activation):
    """ELU, scaled so that it normalises itself (Klambauer et al. 2017, arXiv:1706.02515)."""

    in_place = True
    keeps_in_place = ("output",)

    def slope(self) -> Any:
        return SELU_SCALE * SELU_ALPHA

    def of(self, z: Array) -> Array:
        import numpy as np

        return SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))


@layer
class CELU(Activation):
    """ELU, continuously differentiable (Barron 2017, arXiv:1704.07483)."""

    in_place = True
    keeps_in_place = ("output",)
    alpha: Any = number(default=1.0)

    def channels(self, x: Shape) -> Size:
        require(negate(equal(self.alpha, 0)), "alpha (={}) divides, it can't be 0", self.alpha)
        return x.channels

    def slope(self) -> Any:
        """e^(x / alpha), which grows where alpha is below 0."""
        return 1 if less(0, self.alpha) is True else None

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(z > 0, z, float(self.alpha) * np.expm1(np.minimum(z, 0) / float(self.alpha)))


@layer
class GELU(Activation):
    """x times the normal distribution function of x (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""

    approximate: str = choice(default="none", others=("tanh",))

    def slope(self) -> Any:
        """Where x^2 = 2, (1 + erf(1)) / 2 + 1 / (e pi^0.5) = 1.128904; by tanh it is 1.12901."""
        return 1.12905

    def of(self, z: Array) -> Array:
        import numpy as np

        tanh = self.approximate == "tanh"
        sign: Array = np.tanh((2 / pi) ** 0.5 * (z + 0.044715 * z**3)) if tanh else np.vectorize(erf)(z / 2**0.5)
        return z / 2 * (1 + sign)


@layer
class SiLU(Activation):
    """x * sigmoid(x), also called swish."""

    in_place = True

    def slope(self) -> Any:
        """Where x = 2.3994."""
        return 1.09984

    def of(self, z: Array) -> Array:
        return z * _sigmoid(z)


@layer
class Mish(Activation):
    """x * tanh(softplus(x)) (Misra 2019, arXiv:1908.08681)."""

    in_place = True

    def slope(self) -> Any:
        """Where x = 1.4906."""
        return 1.08850

    def of(self, z: Array) -> Array:
        import numpy as np

        return z * np.tanh(np.logaddexp(z, 0))


@layer
class Sigmoid(Activation):
    """1 / (1 + e^-x)."""

    keeps = ("output",)

    def slope(self) -> Any:
        return Fraction(1, 4)

    def of(self, z: Array) -> Array:
        return _sigmoid(z)


@layer
class LogSigmoid(Activation):
    """The logarithm of the sigmoid."""

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """e^-|x|."""
        return {"same": x.elements}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return self.saved(x, y)

    def of(self, z: Array) -> Array:
        import numpy as np

        return -np.logaddexp(-z, 0)


@layer
class Tanh(Activation):
    """The hyperbolic tangent."""

    keeps = ("output",)

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.tanh(z)


@layer
class Hardsigmoid(Activation):
    """A piecewise linear sigmoid, relu6(x + 3) / 6."""

    in_place = True

    def slope(self) -> Any:
        return Fraction(1, 6)

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.clip(z + 3, 0, 6) / 6


@layer
class Hardswish(Activation):
    """x * relu6(x + 3) / 6 (Howard et al. 2019, arXiv:1905.02244)."""

    in_place = True

    def slope(self) -> Any:
        return Fraction(3, 2)

    def of(self, z: Array) -> Array:
        import numpy as np

        return z * np.clip(z + 3, 0, 6) / 6


@layer
class Hardtanh(Activation):
    """x, cut off at min_val and max_val."""

    in_place = True
    min_val: Any = number(default=-1.0)
    max_val: Any = number(default=1.0)

    def channels(self, x: Shape) -> Size:
        rule = "min_val (={}) must be smaller than max_val (={})"
        require(less(self.min_val, self.max_val), rule, self.min_val, self.max_val)
        return x.channels

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.clip(z, float(self.min_val), float(self.max_val))


@layer
class Softplus(Activation):
    """A smooth ReLU, log(1 + e^(beta x)) / beta."""

    beta: Any = number(default=1.0)
    threshold: Any = number(default=20.0)

    def channels(self, x: Shape) -> Size:
        require(negate(equal(self.beta, 0)), "beta (={}) divides, it can't be 0", self.beta)
        return x.channels

    def slope(self) -> Any:
        """Above the threshold torch goes over to x, by a jump of e^-threshold."""
        return None

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.logaddexp(float(self.beta) * z, 0) / float(self.beta)


@layer
class Softsign(Activation):
    """x / (1 + |x|)."""

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """1 + |x|."""
        return {"same": x.elements}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return self.saved(x, y)

    def gradient_scratch(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        return {"same": 3 * x.elements}

    def of(self, z: Array) -> Array:
        return z / (1 + abs(z))


@layer
class RReLU(Activation):
    """x where positive, else a slope times x: at random between lower and upper while training, their mean at inference
    (Xu et al. 2015, arXiv:1505.00853)."""

    in_place = True
    keeps_in_place = ("output",)
    lower: Any = number(default=0.125)
    upper: Any = number(default=1 / 3)

    def nature(self, x: Shape) -> Nature:
        both = all_of(equal(self.lower, 1), equal(self.upper, 1))
        return LINEAR if both is True else HOMOGENEOUS

    def channels(self, x: Shape) -> Size:
        rule = "lower (={}) must be at most upper (={})"
        require(negate(less(self.upper, self.lower)), rule, self.lower, self.upper)
        return x.channels

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """The slopes."""
        return {"same": x.elements}

    def scratch(self, x: Shape, y: Shape, training: bool) -> Mapping[str, Size]:
        return self.saved(x, y)

    def slope(self) -> Any:
        return max(1.0, abs(float(self.lower) + float(self.upper)) / 2)

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(z > 0, z, (float(self.lower) + float(self.upper)) / 2 * z)
