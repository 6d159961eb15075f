"""F3: fields that are too large, too small, full of holes, or not in line with each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archtool.analysis.numbers import whole
from archtool.analysis.unproductive import BY_PATHS
from archtool.claims.lint.chains import Chains, is_dilated
from archtool.claims.lint.net import Net
from archtool.claims.lint.rule import Hit, at, network_rule
from archtool.field import GLOBAL, LOCAL, Field
from archtool.flatten import FlatLayer, layer_count
from archtool.shape import Shape

MOST_LAYERS: Final = 20_000  # of a network whose layers are told apart one by one
DILATED: Final = 2  # dilated layers behind each other from which holes are a matter of their rates


@network_rule(
    "F301",
    "unproductive-layers",
    "note",
    about="The field of a convolution's input spans the whole image along every path: a wider one adds nothing.",
    advice="use a larger input, fewer layers, or less downsampling early on",
    source="Richter et al. 2021, (Input) size matters for CNN classifiers, arXiv:2102.01582",
)
def unproductive_layers(net: Net) -> Iterator[Hit]:
    """The convolutions that `archtool field --unproductive` tells by their paths."""
    if len(net.inputs) > 1 or not net.inputs[0].axes or layer_count(net.design.run) > MOST_LAYERS:
        return
    flat = {layer.name: layer for layer in net.design.flat().layers}
    for idle in net.design.unproductive().layers:
        if idle.why == BY_PATHS:
            sizes = "x".join(map(str, (whole(n) for n in net.inputs[0].axes)))
            yield at(
                flat[idle.name],
                f"each path to '{idle.kind}' has seen {'x'.join(map(str, idle.narrow))} or more, of {sizes}",
                waste={"params": idle.params, "macs": idle.macs},
            )


@network_rule(
    "F302",
    "field-below-input",
    "note",
    about="Each position of the output sees a part of the input only, though the network narrows and widens again.",
    advice="add a stage, dilation, or a path through global pooling, if the whole image matters for each output",
    source="Luo et al. 2016, Understanding the effective receptive field, arXiv:1701.04128",
)
def field_below_input(net: Net) -> Iterator[Hit]:
    """An output with positions that sees locally and less than the input, of a network that strides."""
    for number in sorted(net.outputs):
        layer, fields = net.maker.get(number), net.fields(number)
        if layer is None or not layer.run.output.axes:
            continue
        for source, field in enumerate(fields):
            sizes = net.inputs[source].axes
            if field is None or field.state != LOCAL or not field.axes or len(field.axes) != len(sizes):
                continue
            seen = [whole(axis.size) for axis in field.axes]
            if _narrows(net, layer, net.inputs[source]) and all(
                size < whole(n) for size, n in zip(seen, sizes, strict=True)
            ):
                whole_size = "x".join(map(str, sizes))
                yield at(layer, f"an output sees {'x'.join(map(str, seen))} of an input of {whole_size}")
                break


def _narrows(net: Net, last: FlatLayer, source: Shape) -> bool:
    """Whether the last layer depends on a map of half the positions of the input and of its own, or fewer."""
    positions = min(whole(last.run.output.positions), whole(source.positions))
    return any(2 < 2 * whole(net.shape(number).positions) <= positions for number in net.before(last.target))


@network_rule(
    "F303",
    "unaligned-join",
    "warning",
    about="The paths of a join see around different centres: what is added or stacked lies apart in the image.",
    advice="make the paths' paddings and strides agree, or align them by `crop` or `pad`",
    source="Araujo, Norris, Sim 2019, Computing receptive fields of CNNs, Distill, doi:10.23915/distill.00021",
)
def unaligned_join(net: Net) -> Iterator[Hit]:
    """A join whose paths' centres lie farther apart than those within any of them; but for paths that end alike (they
    are causal), and those whose positions see by turns (upsampled). A note up to half a position."""
    for layer in net.layers:
        if len(layer.sources) < 2 or not layer.run.layer.is_join:
            continue
        for source, field in enumerate(layer.fields):
            if field is None or field.state == GLOBAL:
                continue
            before = [fields[source] for fields in map(net.fields, layer.sources)]
            paths = [each for each in before if each is not None]
            apart, inner = _apart(field), max(map(_apart, paths), default=0)
            if apart > inner and not _by_turns(field) and not _end_alike(paths):
                stride = max((whole(axis.stride) for axis in field.axes), default=0)
                yield at(
                    layer,
                    f"the paths of '{layer.run.kind}' see around centres that lie {apart / 2:g} px apart, "
                    f"its positions {stride} px",
                    level="note" if apart <= stride else "",
                )
                break


def _by_turns(field: Field) -> bool:
    return any(len(axis.phases) > 1 for axis in field.axes)


def _end_alike(paths: list[Field]) -> bool:
    ends = {tuple([axis.phases[-1].high for axis in path.axes]) for path in paths if path.axes}
    return len(ends) == 1


def _apart(field: Field) -> int:
    """Twice the distance between the outermost centres, in positions of the input."""
    return max((whole(axis.misalignment) for axis in field.axes), default=0)


@network_rule(
    "F304",
    "gridding",
    "warning",
    about="Dilated layers behind each other whose taps leave holes: neighbouring outputs are made of different pixels.",
    advice="choose rates that fill each other's holes, like 1, 2, 5, or put an undilated layer behind",
    source="Wang et al. 2018, Understanding convolution for semantic segmentation, arXiv:1702.08502, section 3.2",
)
def gridding(net: Net) -> Iterator[Hit]:
    """A dilated layer behind another such that an output never sees some positions between of the chain's input."""
    chains = Chains()
    taken = [(layer, chain) for layer in net.layers if (chain := chains.take(layer)) is not None]
    filled: set[int] = set()  # tensors whose holes, if there are any, are filled farther on in their chain
    for layer, chain in reversed(taken):
        if not any(chain.holes) or layer.target in filled:
            filled.update(number for number in layer.sources if chains.root(number) == chain.root)
    for layer, chain in taken:
        if chain.dilated >= DILATED and is_dilated(layer) and any(chain.holes) and layer.target not in filled:
            seen = "x".join(str(len(each)) for each in chain.offsets)
            spans = "x".join(str(max(each) - min(each) + 1) for each in chain.offsets)
            yield at(
                layer,
                f"{chain.dilated} dilated layers behind each other see {seen} of {spans} positions, the rest are holes",
            )
