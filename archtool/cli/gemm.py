"""`archtool gemm`."""

from __future__ import annotations

import json
import sys

import click

from archtool.analysis.gemm import CHANNELS_FIRST, LAYOUTS, gemm
from archtool.cli._options import chosen, is_given, spec_arguments
from archtool.design import Design
from archtool.errors import SpecError


@click.command()
@spec_arguments
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True, help="Inputs at once.")
@click.option("--dtype", default="float32", show_default=True, help="Of all tensors: float32, bfloat16, int8 ...")
@click.option(
    "--layout", type=click.Choice(LAYOUTS), default=CHANNELS_FIRST, show_default=True,
    help="How tensors with positions lie in memory; tokens are rows of channels in both.",
)  # fmt: skip
@click.option(
    "--in",
    "symbols",
    multiple=True,
    metavar="NAMES",
    help="Tell M, N and K as formulas in these symbols, as for `archtool formula`: width, res=32*m, h, c ...",
)
@click.option("--block", metavar="NAME", help="With --in: of a block of the spec by itself.")
@click.option("--check", is_flag=True, help="Run each layer in torch, and as these products, in float64; compare.")
@click.option("--distinct", is_flag=True, help="Equal products in one line, with how many there are.")
@click.option("--format", "form", type=click.Choice(["text", "json", "csv", "md"]), default="text", show_default=True)
def command(
    spec: str,
    design: str | None,
    knobs: tuple[str, ...],
    batch: int,
    dtype: str,
    layout: str,
    symbols: tuple[str, ...],
    block: str | None,
    check: bool,
    distinct: bool,
    form: str,
) -> None:
    """Show each layer as the matrix products that it becomes: an M x K matrix of what it reads, a K x N one of weights.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec or of one of its designs
    (resnet50; `archtool zoo` lists them). "left" tells where the M x K matrix comes from: it is the layer's input as it
    lies, or a copy (gathered, unfolded), or what comes out is added up (scattered). Exit code 1 where a check differs.
    """
    of = chosen(spec, design, knobs)
    if symbols:
        for option in ("batch", "dtype", "layout", "check", "distinct"):
            if is_given(option):
                raise SpecError(f"--{option} is of numbers, --in of formulas for one input")
        _in_symbols(of, ", ".join(symbols), block, form)
        return
    if block is not None:
        raise SpecError("--block goes with --in")
    found = gemm(of, batch=batch, dtype=dtype, layout=layout)
    checked = None
    if check:
        from archtool.realize.gemm import check_products

        checked = check_products(of)
    if form == "json":
        click.echo(json.dumps(found.to_dict() | ({"checks": checked.to_dict()} if checked else {}), indent=1))
    else:
        from archtool.render import gemm as render

        if form == "csv":
            click.echo(render.to_csv(found, checked), nl=False)
        else:
            show = render.to_markdown if form == "md" else render.text
            click.echo(show(found, checked, distinct), nl=False)
    if checked is not None and not checked.ok:
        sys.exit(1)


def _in_symbols(of: Design, symbols: str, block: str | None, form: str) -> None:
    from archtool.algebra.products import product_formulas
    from archtool.render import products

    found = product_formulas(of, symbols, block)
    if form == "json":
        click.echo(json.dumps(found.to_dict(), indent=1))
    else:
        show = {"text": products.text, "csv": products.to_csv, "md": products.to_markdown}[form]
        click.echo(show(found), nl=False)
