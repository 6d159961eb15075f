"""C: what a network costs, and how it runs on hardware."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Final

from archtool.analysis.numbers import whole
from archtool.analysis.operations.touching import touching
from archtool.claims.lint.net import Net, elements, groups_of, kind, macs, owned_params
from archtool.claims.lint.rule import Hit, at, network_rule, percent
from archtool.flatten import FlatLayer
from archtool.size import Size

LANES: Final = 8  # numbers of 16 bits that a tensor core takes at once along each side of a product
PRODUCTS: Final = ("conv", "conv_transpose", "linear")
LEAST_PADDED: Final = Fraction(1, 200)  # of the network's multiply-accumulates, below which padding doesn't matter
WIDE: Final = Fraction(1, 2)  # of all parameters
LATE: Final = Fraction(1, 2)  # of all multiply-accumulates
EARLY: Final = Fraction(1, 4)  # of all multiply-accumulates
LARGEST_KERNEL: Final = 65_536  # taps along an axis that are told one by one
SMALLEST_LATE: Final = 64  # positions along each axis of an image that it pays to look at in less detail first
NARROW: Final = 8  # times fewer elements
RIDGE: Final = 16  # multiply-accumulates an element moved; every accelerator needs more to be busy
MOVED: Final = Fraction(1, 4)  # of the elements that all products move
FEWEST_PRODUCTS: Final = 10  # of a network of which one can say that something dominates


@network_rule(
    "C101",
    "unaligned-channels",
    "warning",
    about="Channels that are no multiple of 8: matrix units work on 8 at once, and fill up with zeros.",
    advice="round the width to a multiple of 8: round_to(width, 8), or divisible(width, 8) as MobileNet does",
    source="NVIDIA, Matrix multiplication background user's guide, Tensor Core requirements (multiples of 16 bytes)",
)
def unaligned_channels(net: Net) -> Iterator[Hit]:
    """A step whose convolutions or linear layers, between inner tensors, have channels a group that are no multiple of
    8; what is padded for it is at least half a percent of the network."""
    padded = {id(layer): _padded(layer) for layer in net.layers if _is_inner_product(net, layer)}
    steps: dict[int, int] = {}
    for layer in net.layers:
        steps[id(layer.node)] = steps.get(id(layer.node), 0) + whole(layer.times) * padded.get(id(layer), 0)
    for layer in net.layers:
        more = padded.get(id(layer), 0)
        if not more or steps[id(layer.node)] < LEAST_PADDED * net.macs:
            continue
        groups, into, out = _channels(layer)
        what = f"{into} to {out} channels" + (f" in each of {groups} groups" if groups > 1 else "")
        share = percent(_up(into) * _up(out) - into * out, _up(into) * _up(out))
        yield at(
            layer,
            f"'{layer.run.kind}' maps {what}: run as {_up(into)} to {_up(out)}, {share} of it is padding",
            waste={"macs": more},
        )


def _is_inner_product(net: Net, layer: FlatLayer) -> bool:
    """Whether it mixes channels that the network itself chose: neither those of its input nor of its output."""
    return (
        kind(layer) in PRODUCTS
        and 1 not in _channels(layer)[1:]
        and layer.sources[0] not in net.inputs
        and layer.target not in net.final
    )


def _channels(layer: FlatLayer) -> tuple[int, int, int]:
    """The groups of a product, and the input and output channels of each."""
    groups = groups_of(layer.run.layer)
    return groups, whole(layer.run.inputs[0].channels) // groups, whole(layer.run.output.channels) // groups


def _padded(layer: FlatLayer) -> int:
    """The multiply-accumulates that are added where channels are filled up."""
    _, into, out = _channels(layer)
    return macs(layer) * (_up(into) * _up(out) - into * out) // (into * out)


def _up(channels: int) -> int:
    return -(-channels // LANES) * LANES


@network_rule(
    "C102",
    "wide-linear",
    "warning",
    about="One fully connected layer behind a flattened map holds most of the network's parameters.",
    advice="average over the positions before it (`global_avg_pool`)",
    source="Lin, Chen, Yan 2013, Network in network, arXiv:1312.4400, section 3.2",
)
def wide_linear(net: Net) -> Iterator[Hit]:
    """A linear layer of at least half of all parameters whose input's channels are a map's elements."""
    for layer in net.layers:
        if kind(layer) != "linear" or layer.run.inputs[0].spatial or owned_params(layer) < WIDE * net.params:
            continue
        before = net.made_by(layer.sources[0])
        if before is None or kind(before) != "flatten" or whole(before.run.inputs[0].positions) == 1:
            continue
        x, out = before.run.inputs[0], whole(layer.run.output.channels)
        pooled = whole(x.channels) * out
        yield at(
            layer,
            f"'linear' from the {_by(x.spatial)} map of {x.channels} channels to {out:,}; behind global "
            f"average pooling it would have {pooled:,} weights",
            waste={"params": owned_params(layer)},
        )


@network_rule(
    "C103",
    "memory-bound",
    "note",
    about="Products that do little for each number that they move take a large part of the memory traffic.",
    advice="fewer, wider layers; fuse them with their neighbours; larger groups instead of depthwise kernels",
    source="Williams, Waterman, Patterson 2009, Roofline, doi:10.1145/1498765.1498785; Radosavovic et al. 2020, "
    "Designing network design spaces, arXiv:2003.13678, section 4 (activations and run time)",
)
def memory_bound(net: Net) -> Iterator[Hit]:
    """Convolutions of a step that move a quarter of what all products do, for less than half that share of the work,
    at fewer than 16 multiply-accumulates an element (batch 1), in a network of ten products or more."""
    products = [layer for layer in net.layers if macs(layer)]
    if sum(whole(layer.times) for layer in products) < FEWEST_PRODUCTS:
        return
    moved = {id(layer): whole(layer.times) * whole(layer.run.cost.moved) for layer in products}
    total = sum(moved.values())
    slow = [layer for layer in products if macs(layer) < RIDGE * whole(layer.run.cost.moved) and _is_conv(layer)]
    steps: dict[int, int] = {}
    for layer in slow:
        steps[id(layer.node)] = steps.get(id(layer.node), 0) + moved[id(layer)]
    for layer in slow:
        share = Fraction(steps[id(layer.node)], total)
        work = sum(whole(each.times) * macs(each) for each in slow if each.node is layer.node)
        if share >= MOVED and 2 * work <= share * net.macs:
            yield at(
                layer,
                f"'{layer.run.kind}' does {macs(layer) / whole(layer.run.cost.moved):.2g} multiply-accumulates for a "
                f"number that it moves: this step moves {percent(float(share), 1)} of what all products do, for "
                f"{percent(work, net.macs)} of the work",
            )


def _is_conv(layer: FlatLayer) -> bool:
    return kind(layer) in ("conv", "conv_transpose") and whole(layer.run.inputs[0].positions) > 1


@network_rule(
    "C104",
    "late-downsampling",
    "warning",
    about="Most of the work is done at the input's full resolution, in a network that pools all positions in the end.",
    advice="stride in the stem, as most classifiers do by 2 to 4 before the first wide layer",
    source="Tan, Le 2019, EfficientNet, arXiv:1905.11946, section 3 (work grows with the square of the resolution)",
)
def late_downsampling(net: Net) -> Iterator[Hit]:
    """A classifier half of whose multiply-accumulates are at the input's resolution, if that is at least 64 an axis."""
    sizes = net.inputs[0].spatial
    last = [net.shape(number) for number in net.outputs]
    if net.inputs[0].is_tokens or not sizes or any(shape.spatial for shape in last):
        return
    full = [layer for layer in net.layers if macs(layer) and layer.run.output.spatial == sizes]
    work = sum(whole(layer.times) * macs(layer) for layer in full)
    if min(map(whole, sizes)) >= SMALLEST_LATE and work >= LATE * net.macs:
        most = max(full, key=lambda layer: whole(layer.times) * macs(layer))
        yield at(
            most,
            f"{percent(work, net.macs)} of the multiply-accumulates are at the input's {_by(sizes)}, most of them here",
            waste={"macs": macs(most)},
        )


def _by(sizes: tuple[Size, ...]) -> str:
    return "x".join(map(str, sizes))


@network_rule(
    "C105",
    "representation-bottleneck",
    "warning",
    about="The representation shrinks by more than 8 times in one step that everything has to pass.",
    advice="narrow in several steps, or widen the channels where the resolution falls",
    source="Szegedy et al. 2015, Rethinking the Inception architecture, arXiv:1512.00567, section 2, principle 1",
)
def representation_bottleneck(net: Net) -> Iterator[Hit]:
    """A convolution or pooling whose output has less than an eighth of its input's elements, while all later layers
    depend on it alone; what averages or maximises over all positions is meant so."""
    alone = _alone(net)
    for layer in net.layers:
        x, y = layer.run.inputs[0], layer.run.output
        if (
            layer.run.layer.is_join
            or not y.spatial
            or whole(y.positions) == 1
            or x.is_tokens
            or layer.target in net.final
        ):
            continue
        if elements(x) > NARROW * elements(y) and layer.target in alone:
            yield at(
                layer,
                f"'{layer.run.kind}' leaves {elements(y):,} of {elements(x):,} elements, "
                f"{elements(x) / elements(y):.3g} times fewer ({x} to {y})",
            )


def _alone(net: Net) -> set[int]:
    """The tensors that, when they are made, are all that later layers or the outside still read."""
    last = {number: index for index, layer in enumerate(net.layers) for number in layer.sources}
    last |= dict.fromkeys(net.outputs, len(net.layers))
    alive = {number for number in net.inputs if number in last}
    found: set[int] = set()
    for index, layer in enumerate(net.layers):
        alive -= {number for number in layer.sources if last[number] == index}
        alive |= {layer.target} & last.keys()
        if alive == {layer.target}:
            found.add(layer.target)
    return found


@network_rule(
    "C106",
    "early-downsampling",
    "warning",
    about="The resolution is gone long before the layers end: much of the work multiplies zeros of the padding.",
    advice="stride or pool later, or end the network where its maps are as small as its kernels",
    source="Richter et al. 2021, (Input) size matters for CNN classifiers, arXiv:2102.01582",
)
def early_downsampling(net: Net) -> Iterator[Hit]:
    """A network a quarter of whose multiply-accumulates meet padding alone, in undilated kernels that span more than
    half of their map."""
    small = [layer for layer in net.layers if _spans_its_map(layer)]
    idle = [(layer, macs(layer) - whole(touching(layer.run)["conv.macs"])) for layer in small]
    work = sum(whole(layer.times) * each for layer, each in idle)
    if not work or work < EARLY * net.macs:
        return
    most, own = max(idle, key=lambda item: whole(item[0].times) * item[1])
    yield at(
        most,
        f"{percent(work, net.macs)} of the multiply-accumulates are with zeros of the padding, most of them here, on a "
        f"map of {_by(most.run.inputs[0].spatial)}",
        waste={"macs": own},
    )


def _spans_its_map(layer: FlatLayer) -> bool:
    """Whether it is a convolution of neighbours that spans more than half of its input along some axis."""
    if kind(layer) != "conv" or layer.run.layer.spacing() != 1:
        return False
    x = layer.run.inputs[0]
    window = layer.run.layer.window(x)
    assert window is not None  # of a convolution
    sizes = [(whole(axis.size), whole(n)) for axis, n in zip(window, x.spatial, strict=True)]
    return any([2 * kernel > n for kernel, n in sizes]) and max([kernel for kernel, _ in sizes]) <= LARGEST_KERNEL
