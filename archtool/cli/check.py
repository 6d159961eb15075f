"""`archtool check`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from archtool.errors import SpecError, nearest

if TYPE_CHECKING:
    from archtool.algebra.settings import Settings
    from archtool.claims.check import Checked
    from archtool.spec.spec import Spec

FORMATS = ("text", "json", "junit", "github", "sarif")


@click.command()
@click.argument("specs", metavar="SPEC...", nargs=-1, required=True)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("--why", is_flag=True, help="Show how each verdict follows, step by step.")
@click.option("--claim", "names", multiple=True, metavar="NAME", help="Only the claims of this name or text.")
@click.option(
    "--test/--no-test", default=True, help="Test what structure does not decide in torch, where there is one."
)
@click.option("--draws", type=click.IntRange(min=1), default=None, help="Random draws for each test.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the draws.")
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True, help="Of the tests.")
@click.option(
    "--dtype", type=click.Choice(["float64", "float32"]), default="float64", show_default=True, help="Of the tests."
)
def command(
    specs: tuple[str, ...],
    form: str,
    why: bool,
    names: tuple[str, ...],
    test: bool,
    draws: int | None,
    seed: int,
    device: str,
    dtype: str,
) -> None:
    """Prove, test or refute the claims that specs make; exit code 1 where one is refuted or undecided.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec. Each claim is *proved* (for all values of
    its free sizes and all weights), *holds* (at the values that are named, or on random draws), is *refuted* (with a
    counterexample) or *undecided* (and why).
    """
    if why and form != "text":
        raise SpecError("--why is of the text; the other formats have the derivation anyway")
    from archtool.claims.check import check

    settings = _settings(draws, seed, device, dtype) if test else None
    read = [_spec(source) for source in specs]
    for name in names:
        known = [word for spec in read for claim in spec.claims for word in (claim.name, claim.that) if word]
        if name not in known:
            raise SpecError(f"no claim has the name or text '{name}'" + nearest(name, known))
    checked = [check(spec, settings, claims=names) for spec in read]
    click.echo(_written(checked, form, why), nl=False)
    if not all([each.ok for each in checked]):
        sys.exit(1)


def _spec(where: str) -> Spec:
    """A spec as it stands, without one of its designs chosen."""
    from archtool.loading import source
    from archtool.spec.reader import read_bytes
    from archtool.spec.spec import Spec

    if where == "-":
        return Spec(read_bytes(sys.stdin.buffer.read(), "<stdin>"))
    found = source(where)
    return Spec(found.document, None, found.folder)


def _settings(draws: int | None, seed: int, device: str, dtype: str) -> Settings:
    from archtool.algebra.settings import Settings

    given = {} if draws is None else {"draws": draws}
    return Settings(seed=seed, device=device, dtype=dtype, **given)


def _written(checked: list[Checked], form: str, why: bool) -> str:
    if form == "json":
        return json.dumps([each.to_dict() for each in checked], indent=1) + "\n"
    if form == "text":
        from archtool.render.claims import text

        return text(checked, why)
    from archtool.render.verdicts import written

    return written(checked, form)
