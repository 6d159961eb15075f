"""What a layer costs, for one input (a batch of one).

Operations are kept by term, so that a FLOP convention is a table of weights over terms. A term is a count of
events, not yet of FLOPs: multiply-accumulates, bias additions, elements normalised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from archtool.size import Size

TERMS: Final[Mapping[str, str]] = {
    "conv.macs": "multiply-accumulates of convolutions, products with padding included",
    "conv_transpose.macs": "multiply-accumulates of transposed convolutions, an input element with each weight",
    "linear.macs": "multiply-accumulates of linear layers",
    "attention.linear.macs": "multiply-accumulates of attention's projections (queries, keys, values, output)",
    "attention.macs": "multiply-accumulates of queries with keys, and of attention weights with values",
    "matmul.macs": "multiply-accumulates of matrix products of two tensors",
    "recurrent.macs": "multiply-accumulates of recurrent layers",
    "conv.bias": "bias additions of convolutions, one an output element",
    "conv_transpose.bias": "bias additions of transposed convolutions, one an output element",
    "linear.bias": "bias additions of linear layers, one an output element",
    "attention.linear.bias": "bias additions of attention's projections, one an output element of each",
    "attention.bias": "additions of a position bias to attention scores",
    "attention.softmax": "attention weights: elements passed through the softmax of attention",
    "recurrent.bias": "bias additions of recurrent layers",
    "recurrent.gates": "elements passed through gates and activations of recurrent layers",
    "norm.batch": "elements normalised by batch norm: subtract a mean, divide by a deviation",
    "norm.batch.affine": "elements scaled and shifted by batch norm",
    "norm.layer": "elements normalised by layer norm",
    "norm.layer.affine": "elements scaled (and shifted) by layer norm",
    "norm.group": "elements normalised by group norm",
    "norm.group.affine": "elements scaled and shifted by group norm",
    "norm.instance": "elements normalised by instance norm",
    "norm.instance.affine": "elements scaled and shifted by instance norm",
    "norm.rms": "elements divided by their root mean square",
    "norm.rms.affine": "elements scaled by rms norm",
    "norm.local_response": "elements divided by what their channel's neighbours say",
    "activation": "elements passed through an activation function",
    "softmax": "elements passed through a softmax",
    "pool.max": "elements compared by max pooling, window by window",
    "pool.average": "elements added by average pooling, window by window",
    "pool.lp": "elements raised to a power and added by lp pooling, window by window",
    "pool.adaptive_max": "elements compared by adaptive and global max pooling, window by window",
    "pool.adaptive_average": "elements added by adaptive and global average pooling, window by window",
    "reduce.mean": "elements added by means over all positions or channels",
    "reduce.max": "elements compared by maxima over all positions or channels",
    "upsample.nearest": "elements copied by upsampling",
    "upsample.linear": "elements interpolated by (bi-, tri-)linear upsampling",
    "upsample.cubic": "elements interpolated by bicubic upsampling",
    "elementwise.add": "additions of tensors, element by element",
    "elementwise.subtract": "subtractions of tensors, element by element",
    "elementwise.multiply": "products of tensors, element by element",
    "elementwise.maximum": "maxima of tensors, element by element",
    "elementwise.minimum": "minima of tensors, element by element",
}
MACS: Final = tuple(term for term in TERMS if term.endswith(".macs"))


class Cost(NamedTuple):
    """Costs that add up.

    params: learned numbers; operations: events by term; activations: elements of every layer's output;
    conv_activations: those of convolutions and linear layers alone; read: elements of the layers' inputs.
    """

    params: Size = 0
    operations: Mapping[str, Size] = MappingProxyType({})
    activations: Size = 0
    conv_activations: Size = 0
    read: Size = 0

    @property
    def macs(self) -> Size:
        """Multiply-accumulates of convolutions and matrix products."""
        macs: Size = 0
        for term in MACS:
            macs = macs + self.operations.get(term, 0)
        return macs

    @property
    def flops(self) -> Size:
        """Two for each multiply-accumulate, nothing else."""
        return 2 * self.macs

    @property
    def moved(self) -> Size:
        """Elements moved: every input and parameter read once, every output written once."""
        return self.read + self.params + self.activations

    def __add__(self, other: Cost) -> Cost:  # type: ignore[override]  # costs add up, they are not joined
        return total([(self, 1), (other, 1)])


def total(parts: Iterable[tuple[Cost, Size]]) -> Cost:
    """The sum of costs, each taken a number of times."""
    params: Size = 0
    activations: Size = 0
    conv_activations: Size = 0
    read: Size = 0
    operations: dict[str, Size] = {}
    for (more_params, events, more_activations, more_conv_activations, more_read), times in parts:
        if times == 1:
            params += more_params
            activations += more_activations
            conv_activations += more_conv_activations
            read += more_read
            for term, count in events.items():
                operations[term] = operations.get(term, 0) + count
        else:
            params += times * more_params
            activations += times * more_activations
            conv_activations += times * more_conv_activations
            read += times * more_read
            for term, count in events.items():
                operations[term] = operations.get(term, 0) + times * count
    return Cost(
        params=params, operations=operations, activations=activations, conv_activations=conv_activations, read=read
    )


def without_params(cost: Cost) -> Cost:
    """The cost of running weights that are counted elsewhere."""
    return Cost(
        operations=cost.operations,
        activations=cost.activations,
        conv_activations=cost.conv_activations,
        read=cost.read,
    )
