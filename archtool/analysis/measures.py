"""The metrics of a network, one number each, from its evaluation on numbers or on expressions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.analysis.depth import depth
from archtool.analysis.options import Options
from archtool.cost import Cost
from archtool.errors import RuleError, nearest
from archtool.field import AxisField
from archtool.runs import BlockRun
from archtool.size import Size, maximum
from archtool.spec.numbers import Number, divide, largest
from archtool.trace import Expr, Trace

if TYPE_CHECKING:
    from archtool.design import Design


class Measures:
    """The metrics of one evaluated network; what several of them need is made once.

    `functional` are the layer kinds that its published code calls as functions (`Design.spec.functional`).

    >>> from archtool import load
    >>> Measures(load("resnet50").run).of("macs")
    4089184256
    """

    def __init__(self, run: BlockRun, options: Options | None = None, functional: frozenset[str] = frozenset()) -> None:
        self.run = run
        self.options = options or Options()
        self.functional = functional

    def of(self, name: str) -> Number:
        """A metric by its name: an int or a Fraction, or where it varies an Expr or a Ratio; RuleError for a name that
        is none, Untraceable for what can't be told while something varies that it names."""
        if name not in METRICS:
            raise RuleError(f"'{name}' is not a metric" + nearest(name, METRICS))
        if self._trace is None:
            return METRICS[name].of(self)
        stated = len(self._trace.problems)
        try:
            return METRICS[name].of(self)
        finally:  # rules that are read again were stated when the network was evaluated
            del self._trace.problems[stated:]

    @cached_property
    def _trace(self) -> Trace | None:
        """The trace of a network of expressions."""
        cost = self.run.cost
        sizes = (*cost.operations.values(), cost.params, cost.activations, cost.read)
        return next((size.trace for size in sizes if isinstance(size, Expr)), None)

    @cached_property
    def live(self) -> Size:
        """The most bytes alive at once of all that a run makes."""
        from archtool.analysis.retention.peak import live

        return live(self.run, self.options)

    @property
    def standing(self) -> Size:
        """The bytes that the network holds between its runs."""
        from archtool.analysis.retention.peak import standing

        return standing(self.run, self.options)

    @cached_property
    def counted(self) -> BlockRun:
        """The network with the costs that the options ask for."""
        return counted(self.run, self.options, self.functional)

    @cached_property
    def seen(self) -> tuple[AxisField, ...] | None:
        """What an output position sees of the first input that it depends on, axis by axis; None where of none."""
        return next((field.axes for field in self.run.output.fields if field is not None), None)


class Metric(NamedTuple):
    """A metric: its unit, what it is, and how it is read."""

    unit: str
    about: str
    of: Callable[[Measures], Number]


def measure(name: str, design: Design, run: BlockRun, options: Options | None = None) -> Number:
    """One metric of a design's evaluation, on numbers or on expressions; see `Measures.of`.

    >>> from archtool import load
    >>> design = load("resnet50")
    >>> measure("receptive_field", design, design.run)
    427
    """
    return Measures(run, options, design.spec.functional).of(name)


def counted(run: BlockRun, options: Options, functional: frozenset[str]) -> BlockRun:
    """A network whose costs are those that the options ask for; a price is told by `flops`."""
    if options.exact_padding:
        from archtool.analysis.operations.touching import touching_network

        run = touching_network(run)
    if options.pricing is not None:
        from archtool.analysis.operations.pricing import priced

        run = priced(run, options.pricing, functional)
    return run


def flops(cost: Cost, options: Options) -> Number:
    """What a cost of a `counted` network comes to: two for each multiply-accumulate, or by the convention."""
    if options.pricing is None:
        return options.batch * cost.flops
    from archtool.analysis.operations.pricing import price_of

    return price_of(cost, options.pricing, options.batch)


def activations(cost: Cost, options: Options) -> Size:
    """The output elements that the options count."""
    return options.batch * (cost.conv_activations if options.acts == "conv" else cost.activations)


def _receptive_field(measures: Measures) -> Number:
    if measures.seen is None:
        return 0
    return largest(1, *[axis.size for axis in measures.seen])  # type: ignore[no-any-return]  # a number


def _stride(measures: Measures) -> Number:
    strides: list[Any] = [divide(axis.stride, len(axis.phases)) for axis in measures.seen or ()]
    return largest(0, *strides)  # type: ignore[no-any-return]  # a number


def _intensity(measures: Measures) -> Number:
    cost, options = measures.run.cost, measures.options
    moved = options.batch * (cost.read + cost.activations) + cost.params
    moved = options.itemsize * maximum(1, moved)  # it is 0 of a network without layers alone
    return divide(flops(measures.counted.cost, options), moved)  # type: ignore[no-any-return]  # a number


METRICS: Final[Mapping[str, Metric]] = {
    "params": Metric("numbers", "learned numbers, shared ones once", lambda m: m.run.cost.params),
    "macs": Metric(
        "multiply-adds", "of convolutions and matrix products", lambda m: m.options.batch * m.counted.cost.macs
    ),
    "flops": Metric(
        "flops", "by the convention; two for each multiply-add where there is none",
        lambda m: flops(m.counted.cost, m.options),
    ),
    "activations": Metric("elements", "of the layers' outputs", lambda m: activations(m.run.cost, m.options)),
    "weight_bytes": Metric("bytes", "of the params", lambda m: m.options.itemsize * m.run.cost.params),
    "activation_bytes": Metric(
        "bytes", "of the activations", lambda m: m.options.itemsize * activations(m.run.cost, m.options)
    ),
    "peak_memory": Metric("bytes", "most alive at once of all that a run makes, with its input", lambda m: m.live),
    "total_memory": Metric(
        "bytes", "peak_memory with params, buffers, and what the optimizer keeps", lambda m: m.live + m.standing
    ),
    "receptive_field": Metric(
        "positions",
        "of the input that one output position sees, along the axis where they are most; as far as it is local: "
        "attention and global pooling, which see everything, leave it as it is",
        _receptive_field,
    ),
    "stride": Metric(
        "positions", "of the input from one output position to the next, along the axis where they are most", _stride
    ),
    "depth": Metric(
        "layers", "convolutions and linear layers on the path that has most of them", lambda m: depth(m.run)
    ),
    "intensity": Metric(
        "flops per byte", "moved, where each layer reads its input and its params once and writes its output once",
        _intensity,
    ),
}  # fmt: skip
