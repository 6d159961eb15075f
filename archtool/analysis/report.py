"""What a network costs and sees, as plain frozen objects: totals at once, rows when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.analysis.measures import activations, counted, flops
from archtool.analysis.notes import notes
from archtool.analysis.numbers import whole
from archtool.analysis.options import Options
from archtool.analysis.tree import Branch, folded
from archtool.collector import collector_paused
from archtool.cost import TERMS, Cost, without_params
from archtool.field import GLOBAL, Field
from archtool.flatten import FlatLayer, flatten
from archtool.runs import LayerRun
from archtool.shape import Shape

if TYPE_CHECKING:
    import os

    import pandas as pd

    from archtool.analysis.operations.convention import Convention
    from archtool.design import Design

Number = int | float


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceptiveField:
    """What one position sees of the network's input, one item an axis.

    size: input positions that the hull of all paths spans; stride: input positions from one output position to the
    next; start: the first input position that output position 0 sees (negative in padding), over all positions where
    paths drift apart; is_global: some path sees everything; aligned: the centres of all paths agree. After everything
    was mixed (global pooling), size, stride and start keep what was seen before, and is_local is false. misalignment
    is the distance of the outermost centres, in input positions.
    """

    size: tuple[int, ...]
    stride: tuple[Number, ...]
    start: tuple[int, ...]
    is_global: bool
    is_local: bool
    aligned: bool
    misalignment: tuple[Number, ...]

    def to_dict(self) -> dict[str, Any]:
        """The stable form of the JSON."""
        return {
            "size": list(self.size),
            "stride": list(self.stride),
            "start": list(self.start),
            "global": self.is_global,
            "aligned": self.aligned,
        }


class Row(NamedTuple):
    """One layer: sizes in elements, for the batch that was asked for. A join has one input for each of its paths."""

    name: str
    kind: str
    inputs: tuple[tuple[int, ...], ...]
    output: tuple[int, ...]
    params: int
    macs: int
    flops: Number
    activations: int
    receptive_field: ReceptiveField | None

    def to_dict(self) -> dict[str, Any]:
        """The stable form of the JSON."""
        inputs = [list(dims) for dims in self.inputs]
        return {
            "name": self.name,
            "kind": self.kind,
            "input": inputs[0] if len(inputs) == 1 else inputs,
            "output": list(self.output),
            "params": self.params,
            "macs": self.macs,
            "flops": self.flops,
            "activations": self.activations,
            "receptive_field": self.receptive_field and self.receptive_field.to_dict(),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """The whole network's sums; `operations` are events by cost term, `bytes` by what they hold."""

    params: int
    macs: int
    flops: Number
    activations: int
    receptive_field: ReceptiveField | None
    operations: Mapping[str, int]
    bytes: Mapping[str, int]

    def to_dict(self) -> dict[str, Any]:
        """The stable form of the JSON."""
        return {
            "params": self.params,
            "macs": self.macs,
            "flops": self.flops,
            "activations": self.activations,
            "receptive_field": self.receptive_field and self.receptive_field.to_dict(),
            "bytes": dict(self.bytes),
        }


class Report:
    """An analysis of a design; made by `Design.analyze`.

    Operations and activations are those of `batch` inputs, bytes those of `dtype`. `flops` are by `convention`, where
    there is one.

    >>> from archtool import load
    >>> load("lenet5").analyze()
    <report of lenet5: 61,706 params, 416,520 macs>
    """

    def __init__(
        self,
        design: Design,
        *,
        batch: int = 1,
        dtype: str = "float32",
        acts: str = "all",
        convention: str | os.PathLike[str] | Convention | None = None,
        exact_padding: bool = False,
    ) -> None:
        self.design = design
        self.options = Options(batch=batch, dtype=dtype, acts=acts, convention=convention, exact_padding=exact_padding)
        self.batch = batch
        self.dtype = dtype
        self.acts = acts
        self.exact_padding = exact_padding
        self.convention = self.options.pricing
        self.run = counted(design.run, self.options, design.spec.functional)

    @property
    def name(self) -> str:
        """The design's name."""
        return self.design.name

    @property
    def inputs(self) -> dict[str, tuple[int, ...]]:
        """The inputs' sizes by name."""
        return {name: sizes(shape) for name, shape in zip(self.design.spec.inputs, self.run.inputs, strict=True)}

    @property
    def output(self) -> tuple[int, ...]:
        """The output's size."""
        return sizes(self.run.output.shape)

    @cached_property
    def totals(self) -> Totals:
        """Sums over the network; in time that grows with its distinct blocks, not with its layers.

        >>> from archtool import load
        >>> load("resnet50").analyze().totals.macs
        4089184256
        """
        cost = self.run.cost
        itemsize = self.options.itemsize
        activations = self.activations(cost)
        params, macs = whole(cost.params), self.batch * whole(cost.macs)
        return Totals(
            params=params,
            macs=macs,
            flops=self.flops(cost),
            activations=activations,
            receptive_field=receptive_field(self.run.output.fields),
            operations={term: self.batch * whole(n) for term, n in cost.operations.items() if term in TERMS},
            bytes={"params": params * itemsize, "activations": activations * itemsize},
        )

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """Every layer with its full name; raises RuleError where there are too many to tell apart.

        >>> from archtool import load
        >>> [(row.name, row.params) for row in load("lenet5").analyze().rows if row.params][:2]
        [('c1', 156), ('c3', 2416)]
        """
        with collector_paused():
            return tuple(self._rows(flatten(self.run)))

    def tree(self, depth: int | None = None) -> Branch:
        """The network nested as it was written, repeats folded, cut below `depth`.

        Raises RuleError where that has too many rows.

        >>> from archtool import load
        >>> [branch.label for branch in load("resnet50").analyze().tree(depth=1).children][4:6]
        ['stage.0', 'stage.1']
        """
        return folded(self.run, self.name, depth)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing about these numbers, one sentence each.

        >>> from archtool import load
        >>> load("resnet50").analyze().notes[0]
        'the receptive field (427x427) is larger than the input (224x224)'
        """
        return notes(self)

    def activations(self, cost: Cost) -> int:
        """The output elements that `acts` counts."""
        return whole(activations(cost, self.options))

    def flops(self, cost: Cost) -> Number:
        """What a cost counts under the report's convention: two for each multiply-accumulate where it has none."""
        found = flops(cost, self.options)
        return found if isinstance(found, int) else float(found)  # type: ignore[arg-type]  # no expression

    def _rows(self, layers: Iterable[FlatLayer]) -> Iterator[Row]:
        """Rows; what several layers have in common (a run, a field) is worked out once."""
        seen: dict[int, ReceptiveField | None] = {}
        counted: dict[tuple[int, bool], tuple[Any, ...]] = {}
        kept = []  # so that no number of `seen` is given to another object
        for layer in layers:
            run, fields = layer.run, layer.fields
            if id(fields) not in seen:
                seen[id(fields)] = receptive_field(fields)
                kept.append(fields)
            key = (id(run), layer.owns_weights)
            if key not in counted:
                counted[key] = self._counts(run, run.cost if layer.owns_weights else without_params(run.cost))
            inputs, output, params, macs, flops, activations = counted[key]
            yield Row(layer.name, run.kind, inputs, output, params, macs, flops, activations, seen[id(fields)])

    def _counts(self, run: LayerRun, cost: Cost) -> tuple[Any, ...]:
        """A row's sizes and counts, in its order."""
        inputs = tuple([sizes(shape) for shape in run.inputs])
        macs = self.batch * whole(cost.macs)
        return (
            inputs,
            sizes(run.output),
            whole(cost.params),
            macs,
            self.flops(cost),
            self.activations(cost),
        )

    def summary_dict(self) -> dict[str, Any]:
        """The documented JSON without its rows and notes."""
        inputs = {name: list(dims) for name, dims in self.inputs.items()}
        asked: dict[str, Any] = {"exact_padding": True} if self.exact_padding else {}
        if self.convention is not None:
            asked["convention"] = {"name": self.convention.name, "unit": self.convention.unit}
        return {
            "name": self.name,
            "input": next(iter(inputs.values())) if len(inputs) == 1 else inputs,
            "batch": self.batch,
            "dtype": self.dtype,
            **asked,
            "totals": self.totals.to_dict(),
        }

    def to_dict(self) -> dict[str, Any]:
        """The documented JSON, as plain dicts and lists."""
        layers = [row.to_dict() for row in self.rows]
        return {**self.summary_dict(), "layers": layers, "notes": list(self.notes)}

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a data frame, one column a key of the JSON; raises MissingExtra without pandas.

        >>> from archtool import load
        >>> int(load("lenet5").analyze().to_pandas().params.sum())
        61706
        """
        from archtool.errors import missing_extra

        try:
            import pandas as pd
        except ImportError as error:
            raise missing_extra("a data frame", "pandas", "pandas", error) from None
        return pd.DataFrame([row.to_dict() for row in self.rows])

    def _repr_html_(self) -> str:
        from archtool.render.table import to_html

        return to_html(self)

    def __repr__(self) -> str:
        totals = self.totals
        return f"<report of {self.name}: {totals.params:,} params, {totals.macs:,} macs>"


def receptive_field(fields: tuple[Field | None, ...]) -> ReceptiveField | None:
    """The field in the first input that a tensor depends on; None for a tensor that depends on none."""
    for field in fields:
        if field is not None:
            break
    else:
        return None
    axes = field.axes
    return ReceptiveField(
        size=tuple([whole(axis.size) for axis in axes]),
        stride=tuple([ratio(whole(axis.stride), len(axis.phases)) for axis in axes]),
        start=tuple([whole(axis.start) for axis in axes]),
        is_global=field.is_global,
        is_local=field.state != GLOBAL,
        aligned=field.is_aligned,
        misalignment=tuple([ratio(whole(axis.misalignment), 2) for axis in axes]),
    )


def ratio(numerator: int, denominator: int) -> Number:
    """A quotient, an int where it is whole."""
    return numerator // denominator if numerator % denominator == 0 else numerator / denominator


def sizes(shape: Shape) -> tuple[int, ...]:
    """A shape's sizes in the order of its axes."""
    return shape.dims  # type: ignore[return-value]  # numbers, not expressions
