"""`archtool schema`."""

from __future__ import annotations

import json

import click


@click.command()
def command() -> None:
    """Print a JSON Schema of the spec language, for editors that complete and check YAML.

    For example: archtool schema > archtool.schema.json, and in the spec's first line
    "# yaml-language-server: $schema=archtool.schema.json".
    """
    from archtool.spec.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=1))
