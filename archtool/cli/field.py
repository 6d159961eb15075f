"""`archtool field`."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archtool.cli._options import chosen, spec_arguments

if TYPE_CHECKING:
    from archtool.design import Design

WIDEST = 100  # columns of a drawing


class PositionType(click.ParamType):  # type: ignore[type-arg]  # generic in some versions of click alone
    """Whole numbers, one an axis: 10,20."""

    name = "position"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        try:
            return tuple(int(part) for part in str(value).split(","))
        except ValueError:
            self.fail(f"'{value}' is no position; write one whole number an axis, as in 10,20", param, ctx)


@click.command()
@spec_arguments
@click.option("--at", metavar="NAME", help="A layer, block or named output; by default the last that sees locally.")
@click.option("--position", type=PositionType(), metavar="Q,R", help="A position of it; by default the middle one.")
@click.option(
    "--input", "of", metavar="NAME", help="The input, or a layer, that it is seen in; by default the first it sees."
)
@click.option("--support", is_flag=True, help="The exact set of positions that are seen, holes included.")
@click.option("--unclipped", is_flag=True, help="The exact set, as if all tensors went on for ever.")
@click.option("--effective", is_flag=True, help="How strongly each is seen: the expected squared gradient.")
@click.option("--projective", is_flag=True, help="Reversed: which positions a --position of the input reaches.")
@click.option("--unproductive", is_flag=True, help="Convolutions whose input has seen the whole image, and their cost.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="A picture: .png, .svg or .pdf.")
@click.option("--image", type=click.Path(path_type=Path), metavar="FILE", help="A photo to lay the picture over.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    spec: str,
    design: str | None,
    knobs: tuple[str, ...],
    at: str | None,
    position: tuple[int, ...] | None,
    of: str | None,
    support: bool,
    unclipped: bool,
    effective: bool,
    projective: bool,
    unproductive: bool,
    output: Path | None,
    image: Path | None,
    form: str,
) -> None:
    """Tell what the positions of a layer see of the input: along each axis, and for one position exactly.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec or of one of its designs
    (resnet50; `archtool zoo` lists them). All sizes are in positions (pixels) of the input; what lies outside of it is
    padding.
    """
    if unproductive and (at or position or support or effective or projective or unclipped or output):
        raise click.UsageError("--unproductive is about the whole network: it goes with --input and --format alone")
    if projective and effective:
        raise click.UsageError("--effective is about what is seen: it does not go with --projective")
    if projective and unclipped:
        raise click.UsageError("--unclipped is about what is seen: it does not go with --projective")
    if image is not None and (output is None or projective):
        raise click.UsageError("--image is for a picture of what is seen: it goes with -o, and not with --projective")
    asked = chosen(spec, design, knobs)
    width = min(shutil.get_terminal_size().columns, WIDEST) - 2 if sys.stdout.isatty() else None
    if output is not None:
        asked.draw_field(output, at, position, of, effective=effective, projective=projective, image=image)
    if unproductive:
        _tell_unproductive(asked, of, form)
    elif projective:
        _tell_projective(asked, at, position, of, support, form, width)
    else:
        _tell_field(asked, at, position, of, support or unclipped, not unclipped, effective, form, width)


def _tell_unproductive(design: Design, of: str | None, form: str) -> None:
    from archtool.render.field import unproductive_text

    found = design.unproductive(of)
    click.echo(json.dumps(found.to_dict(), indent=1) + "\n" if form == "json" else unproductive_text(found), nl=False)


def _tell_projective(
    design: Design,
    at: str | None,
    position: tuple[int, ...] | None,
    of: str | None,
    support: bool,
    form: str,
    width: int | None,
) -> None:
    from archtool.render.blocks import WIDTH
    from archtool.render.field import projective_text, support_text

    found = design.projective(at, position, of)
    exact = design.support(at, position, of, projective=True) if support else None
    if form == "json":
        click.echo(json.dumps(found.to_dict() | ({"support": exact.to_dict()} if exact else {}), indent=1))
        return
    parts = [projective_text(found)] + ([support_text(exact, width or WIDTH)] if exact else [])
    click.echo("\n".join(parts), nl=False)


def _tell_field(
    design: Design,
    at: str | None,
    position: tuple[int, ...] | None,
    of: str | None,
    support: bool,
    clipped: bool,
    effective: bool,
    form: str,
    width: int | None,
) -> None:
    from archtool.render.blocks import WIDTH
    from archtool.render.field import effective_text, support_text, text

    field = design.field(at, position, of)
    exact = design.support(at, position, of, clipped=clipped) if support else None
    map_of = design.effective(at, position, of) if effective else None
    if form == "json":
        found = field.to_dict()
        if exact is not None:
            found["support"] = exact.to_dict()
        if map_of is not None:
            found["effective"] = map_of.to_dict()
        click.echo(json.dumps(found, indent=1))
        return
    parts = [text(field, width or WIDTH)]
    if exact is not None:
        parts.append(support_text(exact, width or WIDTH))
    if map_of is not None:
        parts.append(effective_text(field, map_of, width or WIDTH))
    click.echo("\n".join(parts), nl=False)
