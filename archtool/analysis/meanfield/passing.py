"""Which rule passes which layer: one for each way of mixing (`archtool.mixing`)."""

from __future__ import annotations

from collections.abc import Sequence

from archtool import mixing
from archtool.analysis.meanfield import functions, joins, singles, tokens
from archtool.analysis.meanfield.blends import reach_behind
from archtool.analysis.meanfield.moments import Moments
from archtool.analysis.meanfield.passage import Passage, sizes
from archtool.analysis.meanfield.readings import Lag
from archtool.errors import RuleError
from archtool.flatten import FlatLayer
from archtool.mixing import Mixing


def how_mixed(layer: FlatLayer) -> Mixing:
    """How a layer mixes; RuleError where that is not known."""
    how = layer.run.layer.mixing(layer.run.inputs[0])
    if how is None:
        raise RuleError(f"'{layer.name}': no rule is known for how a '{layer.run.kind}' passes squared gradients on")
    return how


def passage(layer: FlatLayer, inputs: Sequence[Moments], behind: FlatLayer | None) -> Passage:
    """Pass a layer of which `behind` is the only reader, if any is; RuleError where no rule is known for it."""
    how, run, x = how_mixed(layer), layer.run, inputs[0]
    match how:
        case mixing.Weighted():
            return singles.mixed(run, x, how.border)
        case mixing.Copied():
            return singles.copied(run, x, how.border) if how.in_place else singles.rearranged(run, x)
        case mixing.Framed():
            return singles.framed(x, how)
        case mixing.Preceded():
            return tokens.preceded(x)
        case mixing.Picked():
            return tokens.picked(x, how)
        case mixing.Standing():
            return tokens.standing(run, how)
        case mixing.Attended():
            return tokens.attended(run, inputs, how, layer.name)
        case mixing.Collapsed():
            return tokens.collapsed(x, how, layer.name)
        case mixing.Chosen():
            several = run.layer.is_join
            return (
                joins.chosen_of_several(inputs, how, layer.name) if several else singles.chosen(run, x, how, layer.name)
            )
        case mixing.Blended():
            return singles.blended(run, x)
        case mixing.Applied():
            return functions.applied(x, how.function, layer.name)
        case mixing.Normalised():
            return singles.normalised(x, how, layer.name)
        case mixing.Summed():
            then = behind and how_mixed(behind)
            return (
                joins.coupled_sum(inputs, how, then) if isinstance(then, mixing.Applied) else joins.summed(inputs, how)
            )
        case mixing.Multiplied():
            return joins.multiplied(inputs, layer.name)
        case mixing.Concatenated():
            return joins.concatenated(inputs)


def reach_of(layer: FlatLayer, reaches: Sequence[Lag]) -> Lag:
    """The largest lag, along each axis of a layer's output, whose correlation bears on lags up to `reaches` at its
    inputs: 0 but behind layers that read a position several times with fixed weights."""
    how, run = how_mixed(layer), layer.run
    rank = len(sizes(run.output))
    if run.layer.is_join:
        return tuple(max(column) for column in zip(*reaches, strict=True))
    reach = reaches[0]
    ends = mixing.Chosen | mixing.Attended | mixing.Standing | mixing.Preceded
    if isinstance(how, ends) or len(reach) != rank or (isinstance(how, mixing.Copied) and not how.in_place):
        return (0,) * rank
    axes = singles.weights_of(run)
    if axes is not None:
        return reach_behind(axes, reach)
    readings = singles.readings_of(run) if isinstance(how, mixing.Weighted | mixing.Copied | mixing.Blended) else ()
    if not readings:
        return reach
    return tuple(
        most // reading.stride * reading.period if reading.stride else 0
        for most, reading in zip(reach, readings, strict=True)
    )
