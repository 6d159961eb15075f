"""W: how a network is put together, and what it can't compute for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from archtool.analysis.numbers import whole
from archtool.claims.lint.net import Net, does_nothing, elements, kind, macs, owned_params
from archtool.claims.lint.rule import Hit, at, network_rule
from archtool.flatten import FlatLayer
from archtool.mixing import Copied, Summed
from archtool.nature import Groups
from archtool.shape import Shape

RECTIFIERS: Final = ("relu", "relu6")
POSITIVE: Final = (*RECTIFIERS, "sigmoid", "hardsigmoid", "softmax")
POOLS: Final = ("max_pool", "avg_pool", "global_avg_pool", "global_max_pool", "adaptive_avg_pool", "adaptive_max_pool")
KEEPS_SIGN: Final = (*POOLS, "concat", "add", "multiply", "maximum", "minimum", "pixel_shuffle", "pixel_unshuffle")


@network_rule(
    "W501",
    "dead-branch",
    "warning",
    about="Layers whose output nothing reads: they are paid for and decide nothing.",
    advice="take the layers out, read them (`at`), or name them in `outputs`",
    source="Aho, Lam, Sethi, Ullman 2006, Compilers, section 9.1.6 (dead code)",
)
def dead_branch(net: Net) -> Iterator[Hit]:
    """What no output of the network depends on; said at the last layer of the branch, with the cost of all of it."""
    needed = set(net.outputs)
    for layer in reversed(net.layers):
        if layer.target in needed:
            needed.update(layer.sources)
    branches: dict[int, list[FlatLayer]] = {}
    end_of: dict[int, int] = {}
    for layer in reversed(net.layers):
        if layer.target not in needed:
            readers = net.readers[layer.target]
            end = end_of[layer.target] = end_of[readers[0].target] if readers else layer.target
            branches.setdefault(end, []).append(layer)
    for number, (name, (node, _)) in enumerate(net.design.spec.inputs.items()):
        if number not in needed:
            yield Hit(node, f"nothing that the network puts out depends on the input '{name}'")
    for end, layers in branches.items():
        last = net.maker[end]
        times = whole(last.times)
        params = sum(owned_params(layer) * whole(layer.times) for layer in layers) // times
        work = sum(macs(layer) * whole(layer.times) for layer in layers) // times
        more = f", nor the {len(layers) - 1} layers before it" if len(layers) > 1 else ""
        yield at(last, f"nothing reads {last.name}{more}", waste={"params": params, "macs": work})


@network_rule(
    "W502",
    "rectified-residual",
    "warning",
    about="A rectifier at the end of a residual branch: what is added is never negative, so the sum can only grow.",
    advice="end the branch with its last convolution or norm, and rectify behind the sum if at all",
    source="He et al. 2016, Identity mappings in deep residual networks, arXiv:1603.05027, section 4.1",
)
def rectified_residual(net: Net) -> Iterator[Hit]:
    """A sum of a tensor with a function of it that ends in a rectifier, at one resolution (not that of a decoder with
    what an encoder had)."""
    for layer in net.layers:
        if kind(layer) != "add":
            continue
        for end in layer.sources:
            branch = net.made_by(end)
            if branch is None or kind(branch) not in RECTIFIERS:
                continue
            if any(_is_branch_of(net, branch, number) for number in layer.sources if number != end):
                yield at(
                    branch,
                    f"{layer.name} adds what '{kind(branch)}' makes to its own input: each element can only grow",
                    waste={"elements": elements(branch.run.output)},
                )


def _is_branch_of(net: Net, branch: FlatLayer, number: int) -> bool:
    """Whether a branch begins at a tensor and keeps its positions, but for gates, which have one."""
    between = net.before(branch.target, number)
    sizes = {
        shape.axes for shape in map(net.shape, (each for each in between if each >= number)) if _positions(shape) > 1
    }
    return number in between and len(sizes) <= 1


def _positions(shape: Shape) -> int:
    return whole(shape.positions)


@network_rule(
    "W503",
    "idle-rectifier",
    "warning",
    about="A ReLU of what is never negative: it passes everything as it is.",
    advice="take it out",
    source="max(0, x) = x for x >= 0; Nair, Hinton 2010, Rectified linear units improve restricted Boltzmann machines",
)
def idle_rectifier(net: Net) -> Iterator[Hit]:
    """A ReLU whose input is known not to be negative: rectified already, pooled, stacked or added since."""
    positive: dict[int, str] = {}
    for layer in net.layers:
        word = kind(layer)
        known = [positive.get(number) for number in layer.sources]
        if word == "relu" and known[0] is not None:
            yield at(
                layer,
                f"'relu' of what {known[0]} makes, which is never negative",
                waste={"elements": elements(layer.run.output)},
            )
        if word in POSITIVE:
            positive[layer.target] = layer.name
        elif all(known) and (word in KEEPS_SIGN or does_nothing(layer) or _moves(layer)):
            positive[layer.target] = known[0] or ""


def _moves(layer: FlatLayer) -> bool:
    """Whether a layer moves elements, or chooses some (zeros besides)."""
    own = layer.run.layer
    mixing = None if own.is_join else own.mixing(layer.run.inputs[0])
    return isinstance(mixing, Copied) and not own.sides and not getattr(own, "value", 0)


@network_rule(
    "W504",
    "redundant-biases",
    "note",
    about="Several paths of a sum end with biases of their own: only the sum of these biases matters.",
    advice="keep the bias of one path (`bias: false` in the others)",
    source="f + b + g + c = f + g + (b + c): one vector of freedom, not two",
)
def redundant_biases(net: Net) -> Iterator[Hit]:
    """A sum that several convolutions or linear layers with biases go into, read by nothing else."""
    for layer in net.layers:
        if not isinstance(_sum(layer), Summed):
            continue
        makers = [net.maker[number] for number in layer.sources if number in net.maker]
        biased = [
            each
            for each in makers
            if kind(each) in ("conv", "conv_transpose", "linear")
            and getattr(each.run.layer, "bias", False)
            and net.only_reader(each.target) is layer
        ]
        if len(biased) > 1:
            channels = whole(layer.run.output.channels)
            yield at(
                layer,
                f"{len(biased)} paths of '{layer.run.kind}' end with {channels:,} biases each, where one would do",
                waste={"params": channels * (len(biased) - 1) if biased[-1].owns_weights else 0},
            )


def _sum(layer: FlatLayer) -> object:
    return layer.run.layer.mixing(layer.run.inputs[0]) if layer.run.layer.is_join else None


@network_rule(
    "W505",
    "does-nothing",
    "note",
    about="A layer that changes nothing at this size: a pooling of single positions, a shuffle of one group.",
    advice="take it out, unless other sizes need it",
    source="each output element is the input element of its own place",
)
def does_nothing_here(net: Net) -> Iterator[Hit]:
    """A pooling of 1 x 1 windows, or to the size that is there, an upsampling by 1, a shuffle of one group."""
    for layer in net.layers:
        own, x, y = layer.run.layer, layer.run.inputs[0], layer.run.output
        if own.is_join or x != y or layer.run.kind == "identity":
            continue
        if kind(layer) in POOLS:
            idle = not x.spatial or all(axis == 1 for axis in _kernel(layer)) or _adapts_to_itself(layer)
        elif kind(layer) == "channel_shuffle":
            idle = getattr(own, "groups", 0) in (1, x.channels)
        else:
            idle = kind(layer) in ("pixel_shuffle", "pixel_unshuffle", "upsample", "pad", "crop")
        if idle:
            yield at(layer, f"'{layer.run.kind}' passes {x} as it is", waste={"elements": elements(y)})


def _kernel(layer: FlatLayer) -> tuple[object, ...]:
    kernel = getattr(layer.run.layer, "kernel", None)
    return kernel if isinstance(kernel, tuple) else (kernel,)


def _adapts_to_itself(layer: FlatLayer) -> bool:
    """An adaptive or global pooling that leaves the size as it is: windows of one position each."""
    return kind(layer).startswith(("adaptive", "global"))


@network_rule(
    "W506",
    "groups-never-mixed",
    "warning",
    about="Grouped convolutions behind each other with nothing that mixes the groups: each sees its own channels only.",
    advice="put a `channel_shuffle` or a 1x1 convolution of all channels between them",
    source="Zhang et al. 2017, ShuffleNet, arXiv:1707.01083, section 3.1",
)
def groups_never_mixed(net: Net) -> Iterator[Hit]:
    """A grouped convolution of a tensor whose channels were last mixed within groups that it keeps apart."""
    kept: dict[int, tuple[int, str]] = {}  # by tensor: into how many equal runs its channels fell, and at which layer
    for layer in net.layers:
        own, x = layer.run.layer, layer.run.inputs[0]
        if own.is_join or own.sides:
            states = [kept.get(number) for number in layer.sources]
            first = states[0]
            if isinstance(_sum(layer), Summed) and first and all(state and state[0] == first[0] for state in states):
                kept[layer.target] = first
            continue
        coupling, before = own.coupling(x), kept.get(layer.sources[0])
        if not isinstance(coupling, Groups) or coupling.groups == 1:
            continue
        groups, channels = whole(coupling.groups), whole(x.channels)
        if kind(layer) != "conv" or channels == groups:  # each channel by itself keeps what there is
            if before is not None:
                kept[layer.target] = before
            continue
        if before is not None and _apart(before[0], groups):
            yield at(
                layer,
                f"'{layer.run.kind}' in {groups} groups of what {before[1]} made in {before[0]}: "
                "in between, no channel has met those of other groups",
            )
        kept[layer.target] = (groups, layer.name)


def _apart(first: int, second: int) -> bool:
    """Whether runs of channels that one layer keeps apart stay apart in another: one's are parts of the other's."""
    return first % second == 0 or second % first == 0
