"""N: norms, dropout and activations, and what they do to training."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archtool.analysis.numbers import whole
from archtool.claims.lint.fixing import without_bias
from archtool.claims.lint.net import Net, does_nothing, elements, kind, owned_params
from archtool.claims.lint.rule import Hit, at, network_rule
from archtool.flatten import FlatLayer
from archtool.mixing import Normalised

BIASED: Final = ("conv", "conv_transpose", "linear")
DROPS: Final = ("dropout", "alpha_dropout")
SATURATING: Final = ("sigmoid", "hardsigmoid", "tanh", "softmax", "softsign")


def _normalises(layer: FlatLayer) -> Normalised | None:
    own = layer.run.layer
    mixing = None if own.is_join else own.mixing(layer.run.inputs[0])
    return mixing if isinstance(mixing, Normalised) else None


@network_rule(
    "N401",
    "bias-before-norm",
    "warning",
    about="A bias that the norm behind it takes away: the norm subtracts each channel's mean, and the bias with it.",
    advice="write `bias: false`; the norm's own shift does what the bias can't",
    source="Ioffe, Szegedy 2015, Batch Normalization, arXiv:1502.03167, section 3.2",
)
def bias_before_norm(net: Net) -> Iterator[Hit]:
    """A convolution or linear layer with a bias whose output a norm of each channel by itself alone reads, wherever its
    weights are used."""
    biased = [layer for layer in net.layers if kind(layer) in BIASED and getattr(layer.run.layer, "bias", False)]
    needed = {layer.weights for layer in biased if _centring(net, layer) is None}
    for layer in biased:
        reader = _centring(net, layer)
        if reader is None or layer.weights in needed:
            continue
        y = layer.run.output
        yield at(
            layer,
            f"'{reader.run.kind}' takes away the {whole(y.channels):,} biases of '{layer.run.kind}' before it",
            waste={"params": whole(y.channels) if layer.owns_weights else 0, "operations": elements(y)},
            fix=lambda document, node=layer.node: without_bias(document, node),
        )


def _centring(net: Net, layer: FlatLayer) -> FlatLayer | None:
    """The norm that alone reads a layer's output and subtracts each channel's mean."""
    reader = net.only_reader(layer.target)
    norm = None if reader is None else _normalises(reader)
    centres = norm is not None and norm.centred and norm.over_positions and not norm.over_channels
    return reader if centres else None


@network_rule(
    "N402",
    "dropout-before-norm",
    "warning",
    about="Dropout before a batch norm: the variance that the norm learns is not the one that it meets at inference.",
    advice="put dropout behind the last batch norm, or use `stochastic_depth` on residual branches",
    source="Li et al. 2018, Understanding the disharmony between dropout and batch normalization, arXiv:1801.05134",
)
def dropout_before_norm(net: Net) -> Iterator[Hit]:
    """A dropout that a batch norm depends on."""
    nearest: dict[int, FlatLayer] = {}  # by tensor: the first norm that depends on it
    for layer in reversed(net.layers):
        norm = layer if kind(layer) == "batch_norm" else nearest.get(layer.target)
        nearest.update(dict.fromkeys(layer.sources, norm) if norm is not None else {})
    for layer in net.layers:
        p = float(getattr(layer.run.layer, "p", 0))
        if kind(layer) in DROPS and p and layer.target in nearest:
            norm = nearest[layer.target]
            shift = f"{1 / (1 - p):.3g} times as large a second moment" if p < 1 else "nothing at all"
            yield at(layer, f"dropout of {p:g} lets {norm.name} meet {shift} while training")


@network_rule(
    "N403",
    "saturated-twice",
    "warning",
    about="A saturating function of a saturating function: what is left of the gradient is a small part of it.",
    advice="keep one of the two; a loss on logits has the softmax or sigmoid in it",
    source="Glorot, Bengio 2010, Understanding the difficulty of training deep feedforward neural networks, section 3",
)
def saturated_twice(net: Net) -> Iterator[Hit]:
    """A sigmoid, tanh or softmax right behind another."""
    for layer in net.layers:
        before = net.made_by(layer.sources[0])
        if before is None or kind(layer) not in SATURATING or kind(before) not in SATURATING:
            continue
        low, high = RANGES.get(kind(before), (0.0, 1.0))
        yield at(
            layer,
            f"'{kind(layer)}' of '{kind(before)}': its input lies between {low:g} and {high:g}, "
            "where it can't tell much apart",
            waste={"elements": elements(layer.run.output)},
        )


RANGES: Final = {"tanh": (-1.0, 1.0), "softsign": (-1.0, 1.0)}


@network_rule(
    "N404",
    "norm-of-single-channels",
    "note",
    about="A group norm with a group for each channel, which is instance norm: it takes each channel's contrast away.",
    advice="use fewer groups (the paper's 32, or 16 channels a group), or write `instance_norm` if that is meant",
    source="Wu, He 2018, Group Normalization, arXiv:1803.08494, section 3",
)
def norm_of_single_channels(net: Net) -> Iterator[Hit]:
    """A group norm whose groups have one channel."""
    for layer in net.layers:
        groups = getattr(layer.run.layer, "groups", None)
        if kind(layer) == "group_norm" and groups == layer.run.inputs[0].channels and groups != 1:
            yield at(
                layer,
                f"'group_norm' with {groups:,} groups of one channel each is 'instance_norm'",
                waste={"params": owned_params(layer)},
            )


@network_rule(
    "N405",
    "rectified-output",
    "warning",
    about="The network's output can't be negative: an activation stands behind the last layer of a classifier.",
    advice="leave the last layer's output as it is; where it is negative, the rectifier lets no gradient through",
    source="Goodfellow, Bengio, Courville 2016, Deep Learning, section 6.2.2, output units and their gradients",
)
def rectified_output(net: Net) -> Iterator[Hit]:
    """A vector that the network puts out, behind a ReLU that only averages and views follow."""
    for number in net.outputs:
        layer = net.maker.get(number)
        if layer is None or layer.run.output.spatial:
            continue
        while layer is not None and (does_nothing(layer) or kind(layer) in ("flatten", "global_avg_pool")):
            layer = net.maker.get(layer.sources[0])
        if layer is not None and kind(layer) in ("relu", "relu6"):
            yield at(
                layer,
                f"the output of {elements(net.shape(number)):,} numbers is behind '{kind(layer)}', so that none is "
                "negative",
            )
