"""One design of a space, as a Design to be asked anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archtool.design import Design
from archtool.explore.describe import written
from archtool.explore.reading import settled
from archtool.network import Evaluation

if TYPE_CHECKING:
    from archtool.explore.sweep import Sweep


def design_at(sweep: Sweep, places: Sequence[int]) -> Design:
    """The design at these places of the axes: the sweep's own with the knobs' values there."""
    own = sweep.design
    axes = sweep.space.axes
    values = [[knob.values[place] for knob in axis.knobs] for axis, place in zip(axes, places, strict=True)]
    environment = Evaluation().vars(*settled(own.block, axes, values))
    texts = {name: written(environment[name]) for name in {knob.var for axis in axes for knob in axis.knobs}}
    return Design(own.spec.document, own.spec.design, {**own.knobs, **texts}, own.spec.folder, own.spec.library)


def knobs_at(sweep: Sweep, places: Sequence[int]) -> dict[str, str]:
    """The knobs' values at these places of the axes, as a spec has them."""
    pairs = zip(sweep.space.axes, places, strict=True)
    return {knob.name: written(knob.values[place]) for axis, place in pairs for knob in axis.knobs}
