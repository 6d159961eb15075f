"""Recurrent layers: tokens one after the other, each seeing a state that those before it left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from archtool.field import EVERYTHING, AxisField, Field, Reach
from archtool.fields import channels, flag, size
from archtool.layer import Example, Layer, layer
from archtool.layers.tokens import require_tokens
from archtool.nature import HOMOGENEOUS, OTHER, Nature
from archtool.product import MADE, ROWS, Product
from archtool.shape import Shape
from archtool.size import Size, all_of, equal, where
from archtool.window import Window

if TYPE_CHECKING:
    import torch


class Recurrent(Layer):
    """The base of torch's recurrent layers: `gates` of as many channels as the hidden state, `layers` on top of each
    other, a second row of them from the end backwards where `bidirectional`. Their outputs are what is passed on."""

    gates: ClassVar[int]
    activations: ClassVar[int]  # functions of as many elements as the hidden state has, a step
    keeps = ("input", "output")
    holds_more = True
    hidden: Size
    layers: Size
    bidirectional: bool
    bias: bool

    @property
    def directions(self) -> int:
        """How many rows of layers there are."""
        return 2 if self.bidirectional else 1

    def field(self, x: Shape, window: Window | None) -> Field:
        """All tokens up to its own; where these are a grid's, of all rows but the last whole rows. Both directions
        together see everything."""
        if self.bidirectional:
            return EVERYTHING
        axes = []
        for axis, n in enumerate(x.axes):
            is_first = all_of(*[equal(m, 1) for m in x.axes[:axis]])  # of those along which there is an order
            low, high = 1 - n, where(is_first, 0, n - 1)
            span = high - low + 1
            axes.append(AxisField(1, (Reach(low, high, low + high, low + high),), span, span))
        return Field(tuple(axes))

    def channels(self, x: Shape) -> Size:
        require_tokens(x, self.kind)
        return self.directions * self.hidden

    def _weights(self, x: Shape) -> Size:
        """Of all gates in all layers: of the layer's input, and of the state."""
        first, later = x.channels + self.hidden, self.directions * self.hidden + self.hidden
        return self.directions * self.gates * self.hidden * (first + (self.layers - 1) * later)

    def _states(self) -> Size:
        """Elements of all layers' states in one step."""
        return self.directions * self.layers * self.hidden

    def params(self, x: Shape) -> Size:
        """Torch has two biases a gate, one of the input's and one of the state's product."""
        return self._weights(x) + (2 * self.gates * self._states() if self.bias else 0)

    def operations(self, x: Shape, y: Shape) -> dict[str, Size]:
        steps = x.spatial[0]
        operations = {
            "recurrent.macs": steps * self._weights(x),
            "recurrent.gates": steps * self.activations * self._states(),
        }
        if self.bias:
            operations["recurrent.bias"] = steps * 2 * self.gates * self._states()
        return operations

    def products(self, x: Shape, y: Shape) -> tuple[Product, ...]:
        """Of all steps' inputs at once, and step by step of the state that the step before has left."""
        term, steps, n = "recurrent.macs", x.spatial[0], self.gates * self.hidden
        rows, later = self.directions, self.directions * (self.layers - 1)
        return (
            Product(term, steps, n, x.channels, rows, "input", items=ROWS),
            Product(term, steps, n, self.directions * self.hidden, later, "layers", left=MADE, items=ROWS),
            Product(term, 1, n, self.hidden, steps * (rows + later), "state", left=MADE, items=ROWS),
        )

    def torch(self, x: Shape) -> torch.nn.Module:
        from archtool import modules_tokens

        module: Any = getattr(modules_tokens, f"Token{type(self).__name__}")
        options = {"nonlinearity": "relu" if self.relu else "tanh"} if isinstance(self, RNN) else {}
        return module(  # type: ignore[no-any-return]  # getattr
            x.channels,
            self.hidden,
            self.layers,
            bias=self.bias,
            batch_first=True,
            bidirectional=self.bidirectional,
            **options,
        )


@layer
class LSTM(Recurrent):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; torch.nn.LSTM): the hidden states of all tokens."""

    gates, activations = 4, 5
    hidden: Size = channels()
    layers: Size = size(default=1)
    bidirectional: bool = flag(default=False)
    bias: bool = flag(default=True)

    examples = (
        Example({"hidden": 20, "layers": 2}, Shape(10, (5,), True), 5920, 28000, "torch.nn.LSTM(10, 20, 2)"),
        Example({"hidden": 3, "layers": 2, "bidirectional": True}, Shape(4, (6,), True)),
        Example({"hidden": 3}, Shape(2, (7,), True, (2, 3))),
    )


@layer
class GRU(Recurrent):
    """The gated recurrent unit (Cho et al. 2014, arXiv:1406.1078; torch.nn.GRU): the hidden states of all tokens."""

    gates, activations = 3, 3
    hidden: Size = channels()
    layers: Size = size(default=1)
    bidirectional: bool = flag(default=False)
    bias: bool = flag(default=True)

    examples = (
        Example({"hidden": 20, "layers": 2}, Shape(10, (5,), True), 4440, 21000, "torch.nn.GRU(10, 20, 2)"),
        Example({"hidden": 3, "bias": False}, Shape(4, (6,), True)),
    )


@layer
class RNN(Recurrent):
    """The plain recurrent layer (Elman 1990; torch.nn.RNN), of tanh or of ReLU: the hidden states of all tokens."""

    gates, activations = 1, 1
    hidden: Size = channels()
    layers: Size = size(default=1)
    bidirectional: bool = flag(default=False)
    bias: bool = flag(default=True)
    relu: bool = flag(default=False)

    examples = (
        Example({"hidden": 20, "layers": 2}, Shape(10, (5,), True), 1480, 7000, "torch.nn.RNN(10, 20, 2)"),
        Example({"hidden": 3, "relu": True}, Shape(4, (6,), True)),
    )

    def nature(self, x: Shape) -> Nature:
        """States begin at 0, so that without biases ReLU passes any scale on."""
        return HOMOGENEOUS if self.relu and not self.bias else OTHER
