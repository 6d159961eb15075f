"""The rank of a linear network's kernel: through how few channels everything flows, whatever the weights.

The kernel K[o, i, t] of a network of convolutions is a matrix of polynomials K(z)[o, i] = sum of K[o, i, t] z^t, one
variable an axis. Layers one behind the other multiply (a stride s of the first puts z^s into the second), parallel
ones add. The rank of K(z), at all but a few z, is what is told; where there are no positions it is the matrix's own.
"""

from __future__ import annotations

from typing import NamedTuple

from archtool.algebra.relations.drawing import reached_rank
from archtool.algebra.relations.graphs import Linear, Open, Source, graph
from archtool.algebra.relations.kernels import Kernels, lowest
from archtool.algebra.relations.modular import PRIME
from archtool.algebra.relations.parts import leaf, passes
from archtool.errors import RuleError
from archtool.flatten import FlatLayer, FlatNetwork
from archtool.layer import Join
from archtool.mixing import Concatenated, Summed
from archtool.nature import WINDOWED, Groups
from archtool.shape import Shape
from archtool.size import Size, divides, equal, exact_div, minimum, product


class NotLinear(RuleError):
    """A network of which no rank can be told."""


class Ranked(NamedTuple):
    """The rank of a network's kernel: at most `bound` for all weights; where it is `exact`, no less for some.

    `by_inputs` and `by_outputs` bound the ranks of the kernel unfolded by input channels (c_in x taps c_out) and by
    output channels (c_out x taps c_in), which are no less than its rank; None where they are not known. `at` names the
    layers with the fewest channels; `steps` are the derivation. `of_kernel`: the kernel is the same at all positions;
    else the rank is that of the whole matrix, of positions and channels together.
    """

    bound: Size
    exact: bool
    at: str
    steps: tuple[str, ...]
    of_kernel: bool = True
    by_inputs: Size | None = None
    by_outputs: Size | None = None


_Limits = dict[Size, str]  # through how many channels all flows, at most, and at which layers


def rank(flat: FlatNetwork) -> Ranked:
    """The greatest rank that the kernel of a linear network can have, over all weights: a bound by structure, see
    'relations-rank' in docs/proofs.md. Raises NotLinear where it isn't linear (but for constants), has several inputs
    or outputs, or layers that vary with its sizes."""
    require_linear(flat)
    of_kernel = all([_slides(layer) for layer in flat.layers])
    width = _channels if of_kernel else _elements
    (x,) = flat.inputs.values()
    target = next(iter(flat.outputs.values()))
    flows: dict[int, _Limits] = {0: {width(x): "the input"}}
    before: dict[int, tuple[int, ...]] = {0: ()}  # the tensors that all ways to a tensor lead through
    for layer in flat.layers:
        through = _common([(*before[source], source) for source in layer.sources])
        before[layer.target] = through
        joined = _joined(layer, [flows[source] for source in layer.sources])
        own = {width(layer.run.output): layer.name}
        flows[layer.target] = _lowest(*[flows[number] for number in through], joined, own)
    what = "channels" if of_kernel else "numbers"
    bound, at = _told(flows[target])
    ranked = Ranked(bound, False, at, (f"all flows through {bound} {what} at {at}",), of_kernel)
    return _sharpened(flat, ranked) if of_kernel else ranked


def _sharpened(flat: FlatNetwork, ranked: Ranked) -> Ranked:
    """With what is known where the network is one part of which every kernel can be told."""
    reach = reach_of(flat)
    if reach is not None and reach.is_dense and reach.onto:
        settled = reach.settled()
        first, last = minimum(*settled.first), minimum(*settled.last)
        step = "some weights reach it: each layer passes so many channels on at one tap, and drops the others"
        return ranked._replace(exact=True, by_inputs=first, by_outputs=last, steps=(*ranked.steps, step))
    reached = reached_rank(flat)
    if reached is not None and equal(reached, ranked.bound) is True:
        step = f"some weights reach it: whole numbers drawn modulo {PRIME}, at one z"
        return ranked._replace(exact=True, steps=(*ranked.steps, step))
    return ranked


def reach_of(flat: FlatNetwork) -> Kernels | None:
    """The kernels, with all their taps, of a network that is one linear part of its input."""
    try:
        nodes = graph(flat, whole=True)
    except Open:
        return None
    ((node, _),) = nodes.outputs.values()
    return node.part.reach if isinstance(node, Linear) and isinstance(node.of, Source) else None


def require_linear(flat: FlatNetwork) -> None:
    """Raises NotLinear where a network is not linear, but for constants, as its layers tell it."""
    if len(flat.inputs) != 1 or len(flat.outputs) != 1:
        raise NotLinear("a rank is one of a network with one input and one output")
    if flat.merges or any([layer.taken is not True or equal(layer.times, 1) is not True for layer in flat.layers]):
        raise NotLinear("which layers it has varies with its sizes")
    for layer in flat.layers:
        if not layer.run.layer.nature(layer.run.inputs[0]).affine:
            raise NotLinear(f"'{layer.name}' is not linear")


def _slides(layer: FlatLayer) -> bool:
    """Whether a layer does the same at all positions, each output position reading those around its own."""
    run = layer.run
    joins = isinstance(run.layer, Join)
    one_phase = joins or all([len(axis.phases) == 1 for axis in run.field.axes])
    alike = run.layer.symmetry(run.inputs[0]).positions in WINDOWED
    return alike and one_phase and all([len(x.axes) == len(run.output.axes) for x in run.inputs])


def _channels(shape: Shape) -> Size:
    return shape.channels


def _elements(shape: Shape) -> Size:
    return shape.elements


def _common(ways: list[tuple[int, ...]]) -> tuple[int, ...]:
    first, *others = ways
    return tuple([number for number in first if all([number in other for other in others])])


def _joined(layer: FlatLayer, flows: list[_Limits]) -> _Limits:
    """What flows into a layer: of several tensors that are added or stacked, all of them together."""
    if layer.run.layer.ignores_input:
        return {0: layer.name}
    mixing = layer.run.layer.mixing(layer.run.inputs[0])
    if len(flows) == 1 or not isinstance(mixing, Summed | Concatenated):
        return flows[0]
    total: Size = 0
    for flow in flows:
        total = total + minimum(*flow)
    return {total: " and ".join(dict.fromkeys([name for flow in flows for name in flow.values()]))}


def _lowest(*flows: _Limits) -> _Limits:
    """The limits of all, without those that another one is never above; the first of equal ones."""
    names: _Limits = {}
    for flow in flows:
        for limit, name in flow.items():
            names.setdefault(limit, name)
    return {limit: names[limit] for limit in lowest(*names)}


def _told(limits: _Limits) -> tuple[Size, str]:
    """The least of some limits, and at which layers they are."""
    return minimum(*limits), " or ".join(dict.fromkeys(limits.values()))


def slice_rank(flat: FlatNetwork) -> Ranked:
    """The greatest rank that the slice K[:, i, :] of one input channel (c_out x taps) can have, over all weights: 1
    for a depthwise convolution and a pointwise one. A bound by structure, see 'relations-slice-rank' in docs/proofs.md;
    raises as `rank`."""
    require_linear(flat)
    for layer in flat.layers:
        if not _slides(layer):
            raise NotLinear(f"'{layer.name}' is not the same at all positions")
    (x,) = flat.inputs.values()
    target = next(iter(flat.outputs.values()))
    before: dict[int, tuple[int, ...]] = {0: ()}
    spans: dict[int, Size] = {0: 1}  # how many channels one input channel reaches
    shapes = {0: x}
    for layer in flat.layers:
        before[layer.target] = _common([(*before[source], source) for source in layer.sources])
        spans[layer.target] = _reached(layer, [spans[source] for source in layer.sources])
        shapes[layer.target] = layer.run.output
    spatial = {layer.target for layer in flat.layers if not _is_pointwise(layer)}
    reached = "the output's channels that one input channel reaches"
    cuts: list[_Limits] = [{spans[target]: reached}]
    for cut in before[target]:
        after = [layer.target for layer in flat.layers if cut in before[layer.target] or cut in layer.sources]
        if not spatial & set(after):
            name = next((layer.name for layer in flat.layers if layer.target == cut), "the input")
            cuts.append({spans[cut]: f"the channels that one input channel reaches at {name}"})
    field = next((layer.fields[0] for layer in flat.layers if layer.target == target), None)
    taps = product(axis.size for axis in (field.axes if field is not None else ()))
    found, at = _told(_lowest(*cuts, {taps: "the taps"}))
    steps = (f"the slice of an input channel has rank at most {found}: {at}",)
    reach = reach_of(flat)
    if reach is not None and reach.is_dense and reach.onto:
        most = minimum(*lowest(reach.size, *reach.settled().last))
        return Ranked(most, True, "the taps or the output", (f"some kernel's slice has rank {most}, and none more",))
    exact = found == 1 and all([leaf(layer) is not None or passes(layer.run) for layer in flat.layers])
    return Ranked(found, exact, at, (*steps, "and rank 1 wherever it is not 0") if exact else steps)


def _is_pointwise(layer: FlatLayer) -> bool:
    """Whether a layer reads one position of its input for each of its output."""
    if isinstance(layer.run.layer, Join):
        return True
    reaches = [reach for axis in layer.run.field.axes for reach in axis.phases]
    return all([equal(reach.low, reach.high) is True for reach in reaches])


def _reached(layer: FlatLayer, spans: list[Size]) -> Size:
    """How many channels of a layer's output one input channel of the network reaches, where it reached so many of its
    tensors: all, or one of the runs of so many that they are cut into."""
    run = layer.run
    channels = run.output.channels
    if len(spans) > 1:  # of a sum, the same run of channels each time, where the runs are as long and none stretches
        sums = isinstance(run.layer.mixing(run.inputs[0]), Summed)
        alike = all([equal(span, spans[0]) is True for span in spans])
        stretches = any([equal(x.channels, channels) is not True for x in run.inputs])
        return spans[0] if sums and alike and not stretches else channels
    coupling = run.layer.coupling(run.inputs[0])
    if not isinstance(coupling, Groups):
        return channels
    own = exact_div(run.inputs[0].channels, coupling.groups)  # channels of a group, of which the run is one or a part
    return exact_div(channels, coupling.groups) if divides(spans[0], own) is True else channels
