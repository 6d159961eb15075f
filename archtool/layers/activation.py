"""Activation functions, element by element, as torch.nn has them."""

from __future__ import annotations

from collections.abc import Mapping
from math import erf, pi
from typing import TYPE_CHECKING, Any, Final

from archtool.fields import choice, flag, number
from archtool.layer import Example, Layer, layer
from archtool.mixing import Applied, Mixing
from archtool.shape import Shape
from archtool.size import Size, divides, exact_div, require

if TYPE_CHECKING:
    import torch

    from archtool.mixing import Array

SELU_ALPHA: Final = 1.6732632423543772  # the fixed point of mean 0 and variance 1, Klambauer et al. 2017, eq. 14
SELU_SCALE: Final = 1.0507009873554805
_EXAMPLE = (Example({}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),)


class Activation(Layer):
    """The base of the kinds that pass each element through a function; the fields are torch's, by torch's names."""

    examples = _EXAMPLE

    def mixing(self, x: Shape) -> Mixing:
        return Applied(self.of)

    def of(self, z: Array) -> Array:
        """The function, of elements in a numpy array."""
        raise NotImplementedError

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

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.maximum(z, 0)


@layer
class ReLU6(Activation):
    """The rectifier cut off at 6, min(max(0, x), 6)."""

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.clip(z, 0, 6)


@layer
class LeakyReLU(Activation):
    """x where positive, else negative_slope * x."""

    negative_slope: Any = number(default=0.01)

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(z > 0, z, float(self.negative_slope) * z)


@layer
class ELU(Activation):
    """x where positive, else alpha (e^x - 1) (Clevert et al. 2015, arXiv:1511.07289)."""

    alpha: Any = number(default=1.0)

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(z > 0, z, float(self.alpha) * np.expm1(np.minimum(z, 0)))


@layer
class SELU(Activation):
    """ELU, scaled so that it normalises itself (Klambauer et al. 2017, arXiv:1706.02515)."""

    def of(self, z: Array) -> Array:
        import numpy as np

        return SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))


@layer
class CELU(Activation):
    """ELU, continuously differentiable (Barron 2017, arXiv:1704.07483)."""

    alpha: Any = number(default=1.0)

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(z > 0, z, float(self.alpha) * np.expm1(np.minimum(z, 0) / float(self.alpha)))


@layer
class GELU(Activation):
    """x times the normal distribution function of x (Hendrycks and Gimpel 2016, arXiv:1606.08415)."""

    approximate: str = choice(default="none", others=("tanh",))

    def of(self, z: Array) -> Array:
        import numpy as np

        tanh = self.approximate == "tanh"
        sign: Array = np.tanh((2 / pi) ** 0.5 * (z + 0.044715 * z**3)) if tanh else np.vectorize(erf)(z / 2**0.5)
        return z / 2 * (1 + sign)


@layer
class SiLU(Activation):
    """x * sigmoid(x), also called swish."""

    def of(self, z: Array) -> Array:
        return z * _sigmoid(z)


@layer
class Mish(Activation):
    """x * tanh(softplus(x)) (Misra 2019, arXiv:1908.08681)."""

    def of(self, z: Array) -> Array:
        import numpy as np

        return z * np.tanh(np.logaddexp(z, 0))


@layer
class Sigmoid(Activation):
    """1 / (1 + e^-x)."""

    def of(self, z: Array) -> Array:
        return _sigmoid(z)


@layer
class LogSigmoid(Activation):
    """The logarithm of the sigmoid."""

    def of(self, z: Array) -> Array:
        import numpy as np

        return -np.logaddexp(-z, 0)


@layer
class Tanh(Activation):
    """The hyperbolic tangent."""

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.tanh(z)


@layer
class Hardsigmoid(Activation):
    """A piecewise linear sigmoid, relu6(x + 3) / 6."""

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.clip(z + 3, 0, 6) / 6


@layer
class Hardswish(Activation):
    """x * relu6(x + 3) / 6 (Howard et al. 2019, arXiv:1905.02244)."""

    def of(self, z: Array) -> Array:
        import numpy as np

        return z * np.clip(z + 3, 0, 6) / 6


@layer
class Hardtanh(Activation):
    """x, cut off at min_val and max_val."""

    min_val: Any = number(default=-1.0)
    max_val: Any = number(default=1.0)

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.clip(z, float(self.min_val), float(self.max_val))


@layer
class Softplus(Activation):
    """A smooth ReLU, log(1 + e^(beta x)) / beta."""

    beta: Any = number(default=1.0)
    threshold: Any = number(default=20.0)

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.logaddexp(float(self.beta) * z, 0) / float(self.beta)


@layer
class Softsign(Activation):
    """x / (1 + |x|)."""

    def of(self, z: Array) -> Array:
        return z / (1 + abs(z))


@layer
class Tanhshrink(Activation):
    """x - tanh(x)."""

    def of(self, z: Array) -> Array:
        import numpy as np

        return z - np.tanh(z)


@layer
class Softshrink(Activation):
    """x drawn lambda nearer to 0."""

    lambd: Any = number(default=0.5)

    def of(self, z: Array) -> Array:
        import numpy as np

        return z - np.clip(z, -float(self.lambd), float(self.lambd))


@layer
class Hardshrink(Activation):
    """x, but 0 nearer than lambda to 0."""

    lambd: Any = number(default=0.5)

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(abs(z) > float(self.lambd), z, 0.0)


@layer
class Threshold(Activation):
    """x where it is above threshold, else value."""

    in_place = True
    keeps = ("input",)
    threshold: Any = number()
    value: Any = number()

    examples = (Example({"threshold": 0.1, "value": 20}, Shape(4, (5, 6)), 0, 0, "no learned parameters"),)

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(z > float(self.threshold), z, float(self.value))


@layer
class RReLU(Activation):
    """x where positive, else a slope times x: at random between lower and upper while training, their mean at inference
    (Xu et al. 2015, arXiv:1505.00853)."""

    in_place = True
    keeps = ("input",)
    lower: Any = number(default=0.125)
    upper: Any = number(default=1 / 3)

    def saved(self, x: Shape, y: Shape) -> Mapping[str, Size]:
        """The slopes."""
        return {"same": x.elements}

    def of(self, z: Array) -> Array:
        import numpy as np

        return np.where(z > 0, z, (float(self.lower) + float(self.upper)) / 2 * z)


@layer
class PReLU(Layer):
    """x where positive, else a learned slope times x: one slope for all, or one a channel (He et al. 2015,
    arXiv:1502.01852; torch.nn.PReLU)."""

    keeps = ("input",)
    per_channel: bool = flag(default=False)
    init: Any = number(default=0.25)

    examples = (
        Example({}, Shape(4, (5, 6)), 1, 0, "one slope"),
        Example({"per_channel": True}, Shape(4, (5,), True), 4, 0, "a slope a channel"),
        Example({"per_channel": True}, Shape(4, (2, 3, 5))),
    )

    def mixing(self, x: Shape) -> Mixing:
        import numpy as np

        return Applied(lambda z: np.where(z > 0, z, float(self.init) * z))

    def params(self, x: Shape) -> Size:
        return x.channels if self.per_channel else 1

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {"activation": y.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        from archtool.modules import TokenPReLU

        kind = TokenPReLU if x.is_tokens else nn.PReLU
        return kind(x.channels if self.per_channel else 1, float(self.init))  # type: ignore[arg-type]  # ints


@layer
class GLU(Layer):
    """The first half of the channels, gated by the sigmoid of the second (Dauphin et al. 2016, arXiv:1612.08083;
    torch.nn.GLU)."""

    keeps = ("input",)
    examples = (
        Example({}, Shape(6, (5, 6)), 0, 0, "no learned parameters"),
        Example({}, Shape(4, (5,), True)),
        Example({}, Shape(8)),
    )

    def thin(self) -> Layer:
        return Sigmoid()

    def channels(self, x: Shape) -> Size:
        require(divides(2, x.channels), "channels (={}) must be even: half of them are gates", x.channels)
        return exact_div(x.channels, 2)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        return {"activation": y.elements, "elementwise.multiply": y.elements}

    def torch(self, x: Shape) -> torch.nn.Module:
        from torch import nn

        return nn.GLU(2 if x.is_tokens else 1)
