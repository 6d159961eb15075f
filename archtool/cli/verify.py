"""`archtool verify`."""

from __future__ import annotations

import json
import sys
from itertools import groupby
from typing import TYPE_CHECKING, NoReturn

import click

from archtool.analysis.modes import MODES
from archtool.analysis.options import OPTIMIZERS
from archtool.cli._options import chosen, spec_arguments
from archtool.render.columns import aligned

if TYPE_CHECKING:
    from archtool.design import Design
    from archtool.realize.result import Row, Value, Verification

DRAWS = 256


@click.command()
@spec_arguments
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda", "meta"]), default="auto", show_default=True,
    help="Where to run; auto: CUDA where there is one. meta takes no memory, and does not measure what layers see.",
)  # fmt: skip
@click.option(
    "--dtype", type=click.Choice(["float32", "float64", "float16", "bfloat16"]), default="float32", show_default=True,
    help="Of the run on a real device.",
)  # fmt: skip
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.option("--all-layers/--differences", default=False, help="List every layer, or those that differ (the default).")
@click.option("--memory", is_flag=True, help="Compare the memory that a run takes, in place of all else.")
@click.option(
    "--mode", type=click.Choice(MODES), default="inference", show_default=True, help="With --memory: of the run."
)
@click.option(
    "--optimizer", type=click.Choice(list(OPTIMIZERS)), default="sgd", show_default=True,
    help="With --memory: in training.",
)  # fmt: skip
@click.option(
    "--batch", type=click.IntRange(min=1), default=1, show_default=True, help="With --memory: inputs at once."
)
@click.option("--in-place", is_flag=True, help="With --memory: activations write over their input where they may.")
@click.option("--effective", is_flag=True, help="Compare the effective field's widths with gradients, instead.")
@click.option(
    "--at", metavar="NAME", help="With --effective: a layer, block or output; by default the last that sees locally."
)
@click.option(
    "--draws", type=click.IntRange(min=2), default=DRAWS, show_default=True, help="With --effective: of weights."
)
def command(
    spec: str,
    design: str | None,
    knobs: tuple[str, ...],
    device: str,
    dtype: str,
    form: str,
    all_layers: bool,
    memory: bool,
    mode: str,
    optimizer: str,
    batch: int,
    in_place: bool,
    effective: bool,
    at: str | None,
    draws: int,
) -> None:
    """Hold what is predicted against torch, layer by layer: exit code 1 where anything differs.

    The network is built in torch. Compared are output sizes, parameters, multiply-adds, and what each layer really sees
    of the input, along each axis: `32q-213 .. 32q+213` is what position q sees. With --memory the most bytes alive at
    once are compared instead, of a run and while each layer runs. With --effective the widths of the effective
    receptive field of one layer are, with squared gradients averaged over draws of the weights.
    """
    of_memory = (mode, optimizer, batch, in_place) != ("inference", "sgd", 1, False)
    if of_memory and not memory:
        raise click.UsageError("--mode, --optimizer, --batch and --in-place go with --memory")
    if (at is not None or draws != DRAWS) and not effective:
        raise click.UsageError("--at and --draws go with --effective")
    if memory and effective:
        raise click.UsageError("--memory and --effective are two comparisons: choose one")
    found = chosen(spec, design, knobs)
    if effective:
        _effective(found, at, draws, device, form)
    if memory:
        verification = found.verify_memory(
            device, dtype, batch=batch, mode=mode, optimizer=optimizer, in_place=in_place
        )
    else:
        verification = found.verify(device, dtype)
    if form == "json":
        click.echo(json.dumps(verification.to_dict(), indent=1))
    else:
        click.echo(table(verification, all_layers), nl=False)
    sys.exit(0 if verification.ok else 1)


def _effective(design: Design, at: str | None, draws: int, device: str, form: str) -> NoReturn:
    """Print the effective field's comparison, and end."""
    from archtool.realize.effective import measured
    from archtool.realize.forward import chosen_device
    from archtool.render.effective import table as effective_table

    found = measured(design, at, draws=draws, device=chosen_device(device))
    click.echo(json.dumps(found.to_dict(), indent=1) if form == "json" else effective_table(found).rstrip("\n"))
    sys.exit(0 if found.ok else 1)


def table(verification: Verification, all_layers: bool) -> str:
    """A verification as text: the totals, what was compared, every difference (or every layer), and the notes."""
    header = ("", "kind", "quantity", "predicted", "measured", "difference")
    rows = [row for row in verification.rows if all_layers or not row.agrees]
    parts = [
        f"{verification.name} on {verification.device}, {verification.dtype}\n",
        aligned([header, *map(_cells, (*verification.totals, *rows))], numbers=(3, 4, 5)),
        "".join(f"{line}\n" for line in _summaries(verification)),
        "".join(f"note: {note}\n" for note in verification.notes),
    ]
    return "\n".join(part for part in parts if part)


def _cells(row: Row) -> tuple[str, ...]:
    predicted, measured = (_text(row.what, value) for value in (row.predicted, row.measured))
    return (row.name, row.kind, row.what, predicted, measured, _difference(row))


def _text(what: str, value: Value) -> str:
    """A value as people write it: `9,408`, `64x112x112`, `2q-3 .. 2q+3`, equal phases together."""
    if isinstance(value, str):
        return value
    if isinstance(value, int):
        return f"{value:,}"
    if what.startswith("output"):
        return "x".join(map(str, value))
    stride, *ends = value
    position = {0: "", 1: "q"}.get(stride, f"{stride}q")
    sign = "+" if position else ""
    pairs = zip(ends[::2], ends[1::2], strict=True)
    phases = groupby(f"{position}{low:{sign}} .. {position}{high:{sign}}" for low, high in pairs)
    counted = [(text, len(list(equal))) for text, equal in phases]
    return ", ".join(f"{text} ({count} times)" if count > 1 else text for text, count in counted)


def _difference(row: Row) -> str:
    """The numbers that differ, by how much: `+64`, `0x+1x+1`, `low -1, high +1`."""
    difference = row.difference
    if row.agrees:
        return "0"
    if isinstance(difference, str):
        return difference
    if isinstance(difference, int):
        return f"{difference:+,}"
    if row.what.startswith("output"):
        return "x".join(f"{each:+}" if each else "0" for each in difference)
    words = ("stride", *("low", "high") * (len(difference) // 2))
    return ", ".join(f"{word} {each:+}" for word, each in zip(words, difference, strict=True) if each)


def _summaries(verification: Verification) -> list[str]:
    """For each quantity, on how many layers both agree."""
    rows: dict[str, list[Row]] = {}
    for row in verification.rows:
        rows.setdefault(row.what, []).append(row)
    lines = []
    for what, compared in rows.items():
        agreeing = sum(row.agrees for row in compared)
        if agreeing == len(compared):
            lines.append(f"{what}: all {agreeing} layers agree")
        else:
            lines.append(f"{what}: {agreeing} of {len(compared)} layers agree, {len(compared) - agreeing} differ")
    return lines
