"""`archtool memory`."""

from __future__ import annotations

import json

import click

from archtool.analysis.modes import MODES
from archtool.analysis.options import OPTIMIZERS
from archtool.cli._options import chosen, spec_arguments


@click.command()
@spec_arguments
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Inputs at once.")
@click.option("--dtype", default="float32", show_default=True, help="Of all tensors: float32, bfloat16, int8 ...")
@click.option(
    "--mode", type=click.Choice(MODES), default="inference", show_default=True,
    help="The forward pass alone, or forward and backward.",
)  # fmt: skip
@click.option(
    "--optimizer", type=click.Choice(list(OPTIMIZERS)), default="sgd", show_default=True,
    help="What training keeps besides: none, one, two and two numbers a parameter.",
)  # fmt: skip
@click.option(
    "--in-place", is_flag=True, help="Activations write over their input where nobody else needs it (inplace=True)."
)
@click.option("--depth", type=click.IntRange(min=1), help="Fold layers below this level; by default to a page.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(
    spec: str,
    design: str | None,
    knobs: tuple[str, ...],
    batch: int,
    dtype: str,
    mode: str,
    optimizer: str,
    in_place: bool,
    depth: int | None,
    form: str,
) -> None:
    """Tell how much memory a network takes as torch runs it: at its peak, where that is, and along the execution.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec or of one of its designs
    (resnet50; `archtool zoo` lists them). "live" is the most that is alive while a row's layers run, "after" what is
    left behind them. Kernels' workspaces, the allocator's rounding and CUDA's own context are not counted.
    """
    found = chosen(spec, design, knobs).memory(
        batch=batch, dtype=dtype, mode=mode, optimizer=optimizer, in_place=in_place
    )
    if form == "json":
        click.echo(json.dumps(found.to_dict(), indent=1))
        return
    from archtool.render.memory import table

    click.echo(table(found, depth), nl=False)
