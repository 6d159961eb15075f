"""What a layer's backward pass costs, by term: with respect to its inputs, and with respect to its weights.

The rules are those of reverse mode: a product of two factors has a product for each factor that needs a gradient, a
sum passes its gradient on, and what was read n times gets n gradients, added up. A backward event is an event of its
forward term: `conv.macs` are multiply-accumulates in every pass.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from archtool.analysis.numbers import whole
from archtool.runs import LayerRun

EVENTS = "events"  # `inputs` for each forward event, where an input needs a gradient
INSIDE = "inside"  # the same, whatever needs one: the factors come out of the layer's own weights
OPERANDS = "operands"  # for each forward event one for each input that needs a gradient
CHAIN = "chain"  # inputs are folded two at a time: for each forward event one for each of the two that needs a gradient
SIGNS = "signs"  # one for each input behind the first that needs a gradient
OUTPUTS = "outputs"  # one for each element of the output
PROJECTIONS = "projections"  # for each forward event of the output's projection, and of those whose input needs one
STEPS = "steps"  # for each forward event but those with the first state, and with an input that needs no gradient
ADDITIONS: Final = "elementwise.add"  # of gradients


class Rule(NamedTuple):
    """Events of a term in the backward pass: `inputs` and `weights` for each forward event; `per` says how the first
    are counted. Weight gradients are those of layers that have weights."""

    inputs: int
    weights: int
    why: str
    per: str = EVENTS


_MAP = Rule(1, 1, "gradient times weights, gradient times input: as many products as forward, each")
_BIAS = Rule(0, 1, "the sum of the gradient over positions: an addition an element")
_NORM = Rule(2, 0, "one pass that finds what the statistics pass back, one that takes it off and divides")
_AFFINE = Rule(1, 1, "gradient times scale; gradient times normalised element, summed, and the gradient's own sum")
_SPREAD = Rule(1, 0, "each element that was read gets its share of the gradient")
_ROUTE = Rule(1, 0, "the gradient goes to the greatest element: an addition an output", OUTPUTS)
_CHOOSE = Rule(1, 0, "the gradient times a mask, for each of two", CHAIN)

RULES: Final[Mapping[str, Rule]] = {
    "conv.macs": _MAP,
    "conv_transpose.macs": _MAP,
    "linear.macs": _MAP,
    "attention.linear.macs": Rule(
        1, 1, "the same; queries, keys and values only where their tensor needs it", PROJECTIONS
    ),
    "recurrent.macs": Rule(1, 1, "the same; the first step's state needs no input gradient", STEPS),
    "attention.macs": Rule(2, 0, "both factors (queries and keys, weights and values) need a gradient", INSIDE),
    "matmul.macs": Rule(1, 0, "a product for each factor that needs a gradient", OPERANDS),
    "conv.bias": _BIAS,
    "conv_transpose.bias": _BIAS,
    "linear.bias": _BIAS,
    "attention.linear.bias": _BIAS,
    "attention.bias": _BIAS,
    "recurrent.bias": _BIAS,
    "attention.softmax": Rule(1, 0, "y (g - sum of g y)", INSIDE),
    "recurrent.gates": Rule(1, 0, "the gradient times the function's derivative", INSIDE),
    "norm.batch": _NORM,
    "norm.batch.affine": _AFFINE,
    "norm.layer": _NORM,
    "norm.layer.affine": _AFFINE,
    "norm.group": _NORM,
    "norm.group.affine": _AFFINE,
    "norm.instance": _NORM,
    "norm.instance.affine": _AFFINE,
    "norm.rms": _NORM,
    "norm.rms.affine": _AFFINE,
    "norm.local_response": Rule(2, 0, "its own part, and its neighbours'"),
    "activation": Rule(1, 1, "the gradient times the function's derivative; a learned slope's products, summed"),
    "softmax": Rule(1, 0, "y (g - sum of g y)"),
    "pool.max": _ROUTE,
    "pool.average": _SPREAD,
    "pool.lp": Rule(2, 0, "the derivative of the power, the share of the gradient"),
    "pool.adaptive_max": _ROUTE,
    "pool.adaptive_average": _SPREAD,
    "reduce.mean": _SPREAD,
    "reduce.max": _ROUTE,
    "upsample.nearest": _SPREAD,
    "upsample.linear": _SPREAD,
    "upsample.cubic": _SPREAD,
    "elementwise.add": Rule(0, 0, "the gradient is passed on"),
    "elementwise.subtract": Rule(1, 0, "the gradient is passed on, with the other sign to what was subtracted", SIGNS),
    "elementwise.multiply": Rule(1, 1, "the gradient times the other factor, for each that needs one", CHAIN),
    "elementwise.maximum": _CHOOSE,
    "elementwise.minimum": _CHOOSE,
}


class Backward(NamedTuple):
    """Events by term of a backward pass: with respect to inputs, and with respect to weights."""

    inputs: Counter[str]
    weights: Counter[str]

    @classmethod
    def nothing(cls) -> Backward:
        """No events yet."""
        return cls(Counter(), Counter())

    def add(self, other: Backward, times: int = 1) -> None:
        """Take up other events, a number of times."""
        for own, more in zip(self, other, strict=True):
            for term, count in more.items():
                own[term] += times * count


def backward(run: LayerRun, needs: tuple[bool, ...]) -> Backward:
    """What one layer's backward pass costs, for one input; `needs` says which of its inputs need a gradient."""
    found = Backward.nothing()
    has_weights = whole(run.cost.params) > 0
    for term, size in run.cost.operations.items():
        count, rule = whole(size), RULES[term]
        found.inputs[term] += rule.inputs * _counted(rule.per, run, count, needs)
        if has_weights:
            found.weights[term] += rule.weights * count
    if run.layer.is_join and any(term.startswith("elementwise.") for term in run.cost.operations):
        found.inputs[ADDITIONS] += _stretched(run, needs)
    return found


def _counted(per: str, run: LayerRun, count: int, needs: tuple[bool, ...]) -> int:
    """The forward events, as often as an input gradient needs them."""
    if per == INSIDE:
        return count
    if per == PROJECTIONS:
        return _projections(run, count, needs)
    if per == STEPS:
        return count - _without_gradient(run, any(needs))
    if per == OPERANDS:
        return count * sum(needs)
    if per == OUTPUTS:
        return whole(run.output.elements) if any(needs) else 0
    if per == CHAIN and len(run.inputs) == 1:  # the other factor is a weight, or comes from the input too
        return count * (1 if whole(run.cost.params) else 2) if any(needs) else 0
    if len(run.inputs) == 1 or per == EVENTS:
        return count if any(needs) else 0
    each = count // (len(run.inputs) - 1)
    if per == SIGNS:
        return each * sum(needs[1:])
    return each * sum(any(needs[:index]) + needs[index] for index in range(1, len(needs)))


def _projections(run: LayerRun, count: int, needs: tuple[bool, ...]) -> int:
    """Products of attention's projections that pass a gradient on: the output's always, since what enters it is made of
    weights; the queries' to x, the keys' and values' to the last input, which is x or a context."""
    layer: Any = run.layer
    operations = run.cost.operations  # products of a pair of positions are two for each channel of the queries
    channels = whole(operations["attention.macs"]) * int(layer.heads) // (2 * whole(operations["attention.softmax"]))
    queries = whole(run.inputs[0].elements) * channels
    return queries + needs[0] * queries + needs[-1] * (count - 2 * queries)


def _without_gradient(run: LayerRun, reads_learned: bool) -> int:
    """Products of a recurrent layer whose input needs none: of the first step's state, and of what comes in."""
    layer: Any = run.layer
    (x,) = run.inputs
    gates = int(layer.directions * layer.gates * layer.hidden)
    outside = 0 if reads_learned else gates * whole(x.elements)
    return gates * int(layer.layers * layer.hidden) + outside


def _stretched(run: LayerRun, needs: tuple[bool, ...]) -> int:
    """Additions over the axes along which an input was stretched to the others' size."""
    out = whole(run.output.elements)
    return sum(out - whole(x.elements) for x, need in zip(run.inputs, needs, strict=True) if need)
