"""`archtool fold`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archtool.cli._options import chosen, spec_arguments
from archtool.errors import MissingExtra, SpecError

if TYPE_CHECKING:
    from archtool.algebra.folding import Folding
    from archtool.realize.folding import Checked

STDOUT = Path("-")


@click.command()
@spec_arguments
@click.option("--dense", is_flag=True, help="Fold wherever it is exact, also where that costs more.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
    help="Write the folded network as a spec; - for standard output, in place of all else.",
)  # fmt: skip
@click.option(
    "--weights", type=click.Path(path_type=Path), metavar="FILE",
    help="Weights of the network, a state_dict by torch.save, to be folded; goes with --to.",
)  # fmt: skip
@click.option(
    "--to", type=click.Path(path_type=Path), metavar="FILE", help="Write the folded weights, for the folded spec."
)
@click.option(
    "--check/--no-check", "check", default=None,
    help="Run both networks in torch and measure how equal they are; by default where there is torch.",
)  # fmt: skip
@click.option("--draws", type=click.IntRange(min=1), default=1, show_default=True, help="Of weights and inputs.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draws.")
@click.option("--all", "every", is_flag=True, help="List every fold and every refusal.")
@click.option("--force", is_flag=True, help="Replace files that are there.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    spec: str,
    design: str | None,
    knobs: tuple[str, ...],
    dense: bool,
    output: Path | None,
    weights: Path | None,
    to: Path | None,
    check: bool | None,
    draws: int,
    seed: int,
    every: bool,
    force: bool,
    form: str,
) -> None:
    """Compose the linear layers of a network into the fewest, as it runs at inference: batch norm and scales into
    convolutions, parallel branches into one, stacked convolutions where that is exact at the border too.

    Layers are folded where the result is equal at every position, and costs neither more stored numbers nor more
    multiply-adds. What was not folded is told, and why. Exit code 1 where the two networks measure unequal.
    """
    if weights is not None and to is None:
        raise SpecError("--weights needs --to FILE, where the folded weights are written")
    if to is not None and weights is None:
        raise SpecError("--to needs --weights FILE, the weights that are folded")
    files = [path for path in (output, to) if path is not None and path != STDOUT]
    if len({path.absolute() for path in files}) < len(files):
        raise SpecError(f"{to} can't be both the spec and its weights")
    _writable(files, force)
    from archtool.algebra.folding import fold
    from archtool.render import fold as render
    from archtool.render.folding.spec import spec as spec_of
    from archtool.render.picture import write

    found = chosen(spec, design, knobs)
    folding = fold(found.flat(), dense=dense)
    about = f"{found.name} with its linear layers folded (archtool fold), for inference"
    told = spec_of(folding, f"{found.name}_folded", about)
    data = None
    if weights is not None:
        from archtool.realize.folding.files import folded_weights

        data = folded_weights(folding, weights, told.names)
    checked, unchecked = _measured(folding, check if output != STDOUT else bool(check), draws, seed)
    equal = checked is None or checked.ok
    written = {path: content for path, content in ((output, told.text.encode()), (to, data)) if path in files and equal}
    for path, content in written.items():
        if path is not None and content is not None:
            write(content, path)
    if output == STDOUT:
        click.echo(told.text, nl=False)
    elif form == "json":
        click.echo(json.dumps(render.to_dict(found.name, folding, checked, told.text), indent=1))
    else:
        click.echo(render.text(found.name, folding, checked, unchecked, every), nl=False)
        for path in written:
            click.echo(f"written: {path}")
    sys.exit(0 if equal else 1)


def _writable(paths: list[Path], force: bool) -> None:
    """Refuse, before anything is done, files that are there already, unless they are to be replaced."""
    for path in paths:
        if path.is_dir():
            raise SpecError(f"{path}: this is a folder")
        if path.exists() and not force:
            raise SpecError(f"{path} is there already: --force replaces it")
        if not path.parent.is_dir():
            raise SpecError(f"{path}: there is no folder '{path.parent}'")


def _measured(folding: Folding, check: bool | None, draws: int, seed: int) -> tuple[Checked | None, str]:
    """How equal the networks are; None, and why, where that was not measured."""
    if check is False:
        return None, "--no-check"
    try:
        from archtool.realize.folding import check as measure
    except MissingExtra as error:
        if check:
            raise
        return None, str(error)
    return measure(folding.original, folding, draws=draws, seed=seed), ""
