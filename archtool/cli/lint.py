"""`archtool lint`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from archtool import __version__

if TYPE_CHECKING:
    from archtool.claims.lint.engine import Asked, Found

FORMATS = ("text", "json", "sarif", "github", "junit")


@click.command()
@click.argument("specs", metavar="SPEC...", nargs=-1)
@click.option(
    "--select", multiple=True, metavar="CODES", help="Only these rules: codes, their beginnings (C,W5) or names."
)
@click.option("--ignore", multiple=True, metavar="CODES", help="All but these rules.")
@click.option("--design", metavar="NAME", help="One design of the spec, in place of all.")
@click.option("--fix", is_flag=True, help="Edit the files where that is safe, and lint them again.")
@click.option("--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
@click.option("--rules", "lists", is_flag=True, help="List all rules.")
def command(
    specs: tuple[str, ...],
    select: tuple[str, ...],
    ignore: tuple[str, ...],
    design: str | None,
    fix: bool,
    form: str,
    lists: bool,
) -> None:
    """Find what networks pay for without use, see without gain, or can't learn, by rules with stable codes.

    SPEC is a YAML file, - for standard input, or the name of a shipped spec; all its designs are looked at. Rules are
    selected and ignored here, in a spec (`lint: {ignore: [C101]}`, or a comment `# lint: ignore[C101]`) and in
    pyproject.toml ([tool.archtool.lint]). Exit code 1: there is a warning, or a note of a rule that was selected.
    """
    if lists:
        from archtool.render.rules import listed

        click.echo(listed(), nl=False)
        return
    if not specs:
        raise click.UsageError("no SPEC is given")
    from archtool.claims.lint.engine import lint

    found: list[Found] = []
    files: list[str] = []
    for name in specs:
        asked = _asked(name, design)
        told = lint(asked, select, ignore)
        if fix:
            told = _fixed(name, asked, told, design, select, ignore)
        found += told
        files.append(asked.document.name)
    _report(found, files, form)
    sys.exit(1 if any(each.fails for each in found) else 0)


def _asked(name: str, design: str | None) -> Asked:
    """The spec that SPEC names."""
    from archtool.claims.lint.engine import asked
    from archtool.loading import Source, source
    from archtool.spec.reader import read_bytes

    found = Source(read_bytes(sys.stdin.buffer.read(), "<stdin>"), None, None) if name == "-" else source(name)
    file = None if found.folder is None else Path(found.document.name)
    return asked(found.document, found.folder, file, design or found.design)


def _fixed(
    name: str, spec: Asked, found: list[Found], design: str | None, select: tuple[str, ...], ignore: tuple[str, ...]
) -> list[Found]:
    """What is left to say of a spec after the safe fixes, each of which is told on standard error."""
    from archtool.claims.lint.engine import lint
    from archtool.claims.lint.fixing import fix_file

    done = fix_file(spec, found)
    for line in done.told:
        click.echo(line, err=True)
    return lint(_asked(name, design), select, ignore) if done.is_written else found


def _report(found: list[Found], files: list[str], form: str) -> None:
    from archtool.claims.diagnostic import Tool
    from archtool.claims.lint.rule import rules
    from archtool.render.diagnostics.github import github
    from archtool.render.diagnostics.json import json
    from archtool.render.diagnostics.junit import junit
    from archtool.render.diagnostics.sarif import sarif
    from archtool.render.diagnostics.text import summary, text

    diagnostics = [each.diagnostic for each in found]
    tool = Tool("archtool lint", __version__, tuple(rule.told for rule in rules().values()))
    if form == "text":
        click.echo(text(diagnostics), nl=False)
        if diagnostics:
            click.echo(summary(diagnostics), err=True)
    elif form == "json":
        click.echo(json(diagnostics, tool), nl=False)
    elif form == "sarif":
        click.echo(sarif(diagnostics, tool), nl=False)
    elif form == "github":
        click.echo(github(diagnostics), nl=False)
    else:
        click.echo(junit(diagnostics, tool, files), nl=False)
