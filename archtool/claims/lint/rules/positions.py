"""F2: positions that are never read, taps that never meet any, outputs that see nothing."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import TYPE_CHECKING, Final

from archtool.analysis.numbers import whole
from archtool.claims.lint.net import Net, kind, macs, owned_params, taps
from archtool.claims.lint.reads import AxisReads, reads
from archtool.claims.lint.rule import Hit, at, network_rule, percent
from archtool.field import GLOBAL

if TYPE_CHECKING:
    from archtool.analysis.maps import Bools

LARGEST_MAP: Final = 2**22  # positions that are marked one by one
LEAST_LOST: Final = 0.01  # of an input, below which a lost border is a note
WEIGHS: Final = ("conv", "locally_connected")


@network_rule(
    "F201",
    "unseen-positions",
    "warning",
    about="A stride steps over positions that no tap of the kernel reads: what they hold is lost.",
    advice="use a kernel at least as large as the stride, or pool before the 1x1 (avg_pool: {kernel: 2}, as ResNet-D)",
    source="He et al. 2018, Bag of tricks for image classification, arXiv:1812.01187, section 4.2",
)
def unseen_positions(net: Net) -> Iterator[Hit]:
    """A window with a stride between whose reads positions lie that it never reads; a note where others read them."""
    for layer in net.layers:
        axes = reads(layer)
        skipping = [axis for axis in axes if len(_residues(axis)) < min(axis.stride, axis.n)]
        if not skipping:
            continue
        share = 1 - prod(len(axis.read()) / axis.n for axis in axes)
        if not share:  # what is stepped over lies in padding
            continue
        lost = _unread(net, layer.sources[0])
        told = _along(axes, [(axis, _skipped(axis)) for axis in skipping])
        yield at(
            layer,
            f"'{layer.run.kind}' with stride {_by(axis.stride for axis in axes)} reads by a kernel of "
            f"{_by(axis.kernel for axis in axes)}: it never sees {told}, {percent(share, 1)} of its input"
            + ("" if lost else "; others that read the same tensor see them"),
            level="warning" if lost else "note",
        )


def _residues(axis: AxisReads) -> set[int]:
    """Which positions of each step of the stride the taps reach."""
    return {axis.spacing * tap % axis.stride for tap in range(min(axis.kernel, axis.stride))}


def _along(axes: tuple[AxisReads, ...], told: list[tuple[AxisReads, str]]) -> str:
    """What is told of some axes, once where it is the same of all."""
    if len({said for _, said in told}) == 1 and len(told) == len(axes) > 1:
        return f"{told[0][1]} along each axis"
    return ", ".join(f"{said} along the {axis.name}" for axis, said in told)


def _skipped(axis: AxisReads) -> str:
    unread = axis.stride - len(_residues(axis))
    return f"{unread} of {axis.stride} positions"


def _by(sizes: Iterator[int]) -> str:
    listed = list(sizes)
    return str(listed[0]) if len(set(listed)) == 1 else "x".join(map(str, listed))


def _unread(net: Net, number: int) -> bool:
    """Whether some positions of a tensor are read by none of its readers."""
    import numpy as np

    shape = net.shape(number)
    sizes = [whole(size) for size in shape.spatial]
    if number in net.outputs:
        return False
    if prod(sizes) > LARGEST_MAP:
        return True
    seen: Bools = np.zeros(sizes, bool)
    for layer in net.readers[number]:
        axes = reads(layer) if layer.sources[0] == number and layer.run.field.state != GLOBAL else ()
        if not axes:
            return False
        seen[np.ix_(*[sorted(axis.read()) for axis in axes])] = True
    return not bool(seen.all())


@network_rule(
    "F202",
    "border-lost",
    "warning",
    about="The size and the stride don't go together: the last positions along an axis are never read.",
    advice="pad, use `ceil_mode`, or choose a size that the strides divide",
    source="Dumoulin, Visin 2016, A guide to convolution arithmetic, arXiv:1603.07285, relationship 6 (the floor)",
)
def border_lost(net: Net) -> Iterator[Hit]:
    """Positions behind the last window of a stride, which no other reader of the tensor sees either; a note where they
    are fewer than one in a hundred."""
    for layer in net.layers:
        axes = reads(layer)
        lost = [(axis, axis.n - 1 - axis.last_read()) for axis in axes]
        lost = [(axis, rest) for axis, rest in lost if rest >= max(1, axis.stride - len(_residues(axis)) + 1)]
        if lost and _unread(net, layer.sources[0]):
            told = _along(axes, [(axis, f"the last {rest} of {axis.n} positions") for axis, rest in lost])
            share = 1 - prod(1 - rest / axis.n for axis, rest in lost)
            yield at(
                layer,
                f"'{layer.run.kind}' with stride {lost[0][0].stride} never reads {told}, {percent(share, 1)} of all",
                level="" if share >= LEAST_LOST else "note",
            )


@network_rule(
    "F203",
    "checkerboard",
    "warning",
    about="A transposed convolution whose kernel is no multiple of its stride: outputs sum up unequally many inputs.",
    advice="use a kernel that the stride divides (4 for 2), or `upsample` and a convolution",
    source="Odena, Dumoulin, Olah 2016, Deconvolution and checkerboard artifacts, Distill, doi:10.23915/distill.00003",
)
def checkerboard(net: Net) -> Iterator[Hit]:
    """A transposed convolution whose output phases read different numbers of inputs."""
    for layer in net.layers:
        if kind(layer) != "conv_transpose":
            continue
        counts = [[len(offsets) for offsets in axis.offsets] for axis in taps(layer) or ()]
        if any(min(axis) < max(axis) for axis in counts):
            least, most = prod(map(min, counts)), prod(map(max, counts))
            nothing = ", and so nothing but the bias" if not least else ""
            yield at(
                layer,
                f"outputs of '{layer.run.kind}' sum up {least} to {most} inputs, by turns{nothing}",
            )


@network_rule(
    "F204",
    "dead-taps",
    "warning",
    about="Taps of a kernel that meet padding alone at every position: their weights are multiplied by zero for ever.",
    advice="use a smaller kernel or dilation here, or a larger input",
    source="Chen et al. 2017, Rethinking atrous convolution, arXiv:1706.05587, section 3.3 and figure 4",
)
def dead_taps(net: Net) -> Iterator[Hit]:
    """A convolution with zeros around its input, some of whose taps never meet the input."""
    for layer in net.layers:
        axes = reads(layer) if kind(layer) == "conv" else ()
        if not axes or getattr(layer.run.layer, "padding_mode", "zeros") != "zeros":
            continue
        total, live = prod(axis.kernel for axis in axes), prod(axis.live_taps() for axis in axes)
        if live < total:
            biases = whole(layer.run.output.channels) if getattr(layer.run.layer, "bias", False) else 0
            weights = owned_params(layer) - biases if layer.owns_weights else 0
            spans, sizes = _by(axis.spacing * (axis.kernel - 1) + 1 for axis in axes), _by(axis.n for axis in axes)
            yield at(
                layer,
                f"{total - live} of the {total} taps of '{layer.run.kind}' meet padding alone: the kernel spans "
                f"{spans}, its input {sizes}",
                waste={"params": weights * (total - live) // total, "macs": macs(layer) * (total - live) // total},
            )


@network_rule(
    "F205",
    "blind-outputs",
    "warning",
    about="Output positions whose whole window lies in padding: they hold the bias and nothing of the input.",
    advice="leave the padding out: a 1x1 kernel needs none, a k x k at most (k - 1) // 2 (`half`)",
    source="Dumoulin, Visin 2016, A guide to convolution arithmetic, arXiv:1603.07285, section 2.2",
)
def blind_outputs(net: Net) -> Iterator[Hit]:
    """A convolution with positions that see nothing but zeros."""
    for layer in net.layers:
        axes = reads(layer) if kind(layer) in WEIGHS else ()
        if not axes or getattr(layer.run.layer, "padding_mode", "zeros") != "zeros":
            continue
        all_of, seeing = prod(axis.m for axis in axes), prod(axis.m - axis.blind() for axis in axes)
        if seeing < all_of:
            channels = whole(layer.run.output.channels)
            yield at(
                layer,
                f"{all_of - seeing:,} of the {all_of:,} positions of '{layer.run.kind}' see padding alone",
                waste={"macs": macs(layer) // all_of * (all_of - seeing), "elements": channels * (all_of - seeing)},
            )


@network_rule(
    "F206",
    "even-window",
    "warning",
    about="A kernel of even size with stride 1: it sees half a pixel off, and the size grows or shrinks by one.",
    advice="use an odd kernel; or pad one side only where that is meant (a causal convolution)",
    source="Wu et al. 2019, Convolution with even-sized kernels and symmetric padding, arXiv:1903.08385",
)
def even_window(net: Net) -> Iterator[Hit]:
    """A padded window of even size and stride 1; padding of one side alone is meant so."""
    for layer in net.layers:
        window = layer.run.layer.window(layer.run.inputs[0]) if reads(layer) else None
        for axis, part in zip(reads(layer), window or (), strict=True):
            one_sided = part.before == 0 or part.after == 0
            if part.stride == 1 and whole(part.size) % 2 == 0 and not one_sided:
                shift = (whole(part.size) - 1 - 2 * whole(part.before)) / 2
                size = "" if axis.m == axis.n else f", and its {axis.n} positions become {axis.m}"
                yield at(
                    layer,
                    f"a window of {part.size} along the {axis.name}: each output sees {abs(shift):g} pixel off{size}",
                )
                break
