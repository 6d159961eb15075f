"""Options that commands over a space of designs share, and the sweep that they choose."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from archtool.analysis.modes import MODES
from archtool.analysis.options import ACTS, OPTIMIZERS
from archtool.cli._options import chosen
from archtool.errors import SpecError
from archtool.explore.asked import commas
from archtool.explore.sweep import Sweep, sweep


def space_arguments(is_drawn: bool = True) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """SPEC, what to vary, and what is told of each design: the arguments of `swept`. Where designs can't be drawn at
    random, `sample` is an option that help does not show."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed((*_SPACE, *_sampling(is_drawn), *_TOLD)):
            command = option(command)
        return command

    return add


def _sampling(is_drawn: bool) -> tuple[Callable[..., Any], ...]:
    about = "Of what is drawn." if is_drawn else "The same seed finds the same."
    return (
        click.option(
            "--sample", type=click.IntRange(min=1), metavar="N", help="Draw N designs at random.", hidden=not is_drawn
        ),
        click.option("--seed", type=click.IntRange(min=0), metavar="N", default=0, show_default=True, help=about),
    )


_SPACE = (
    click.argument("spec", metavar="SPEC"),
    click.argument("more", nargs=-1, metavar="[KNOB=DOMAIN]..."),
    click.option(
        "--over", multiple=True, metavar="KNOB=DOMAIN",
        help="Vary a var, or an item of one (depths[0]): a..b, a..b:step, odd a..b, or values with commas; further "
        "knobs may follow. In place of the spec's own `explore: over`.",
    ),
    click.option("--zip", "zipped", multiple=True, metavar="KNOB,KNOB", help="Knobs that move together."),
    click.option("--where", multiple=True, metavar="CONDITION", help="Keep the designs for which this holds."),
)  # fmt: skip

_TOLD = (
    click.option("--metrics", metavar="NAME,NAME", help="What is told of a design: metrics, or expressions of them."),
    click.option("--minimize", metavar="NAME,NAME", help="What is to be small, in place of the spec's own."),
    click.option("--maximize", metavar="NAME,NAME", help="What is to be great, in place of the spec's own."),
    click.option("--design", metavar="NAME", help="A design of the spec, in place of its default."),
    click.option("--set", "knobs", multiple=True, metavar="NAME=VALUE", help="Fix a var of the spec."),
    click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Inputs at once."),
    click.option("--dtype", default="float32", show_default=True, help="Of the bytes: float32, bfloat16, int8 ..."),
    click.option("--acts", type=click.Choice(ACTS), default="all", show_default=True, help="Whose outputs count."),
    click.option("--convention", metavar="NAME", help="What FLOPs are: a name or a YAML file, as for `analyze`."),
    click.option("--exact-padding", is_flag=True, help="Leave out the products of convolutions with padding."),
    click.option("--mode", type=click.Choice(MODES), default="inference", show_default=True, help="Of peak_memory."),
    click.option(
        "--optimizer", type=click.Choice(list(OPTIMIZERS)), default="sgd", show_default=True,
        help="Of peak_memory in training.",
    ),
    click.option("--in-place", is_flag=True, help="Of peak_memory: layers that can write over their input."),
)  # fmt: skip


def swept(
    spec: str,
    more: tuple[str, ...],
    over: tuple[str, ...],
    zipped: tuple[str, ...],
    where: tuple[str, ...],
    sample: int | None,
    seed: int,
    metrics: str | None,
    minimize: str | None,
    maximize: str | None,
    design: str | None,
    knobs: tuple[str, ...],
    **options: Any,
) -> Sweep:
    """The sweep that the arguments and options of `space_arguments` choose; raises SpecError."""
    if more and not over:
        raise SpecError(f"unexpected '{more[0]}'; write --over before what is to vary")
    domains: dict[str, object] = {}
    for text in (*over, *more):
        name, equals, domain = text.partition("=")
        if not equals or not name.strip():
            raise SpecError(f"--over takes KNOB=DOMAIN, not '{text}'")
        if name.strip() in domains:
            raise SpecError(f"'{name.strip()}' is varied twice")
        domains[name.strip()] = domain
    base = chosen(spec, design, knobs)
    found = sweep(
        base, domains, commas(metrics or ""), zipped=[commas(group) for group in zipped], where=where,
        minimize=commas(minimize or ""), maximize=commas(maximize or ""), sample=sample, seed=seed, **options,
    )  # fmt: skip
    fixed = {text.partition("=")[0].strip() for text in knobs}
    for knob in found.space.knobs:
        if knob.name in fixed or (knob.among is not None and knob.var in fixed):
            raise SpecError(f"'{knob.var}' is varied, so that --set can't fix it; leave one of the two out")
    return found
