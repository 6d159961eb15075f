"""Every command's help, and the commands that only print: zoo, schema."""

from __future__ import annotations

import json

import click
import pytest

from archtool import __version__
from archtool.cli import cli

COMMANDS = sorted(cli.list_commands(click.Context(cli)))


def test_there_are_commands():
    assert {"analyze", "schema", "zoo"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help(archtool, command, flag):
    called = archtool(command, flag)
    assert (called.code, called.err) == (0, "")
    assert called.out.startswith(f"Usage: archtool {command}")
    assert max(map(len, called.out.splitlines())) <= 80


def test_help_of_the_program(archtool):
    called = archtool("--help")
    assert called.code == 0
    for command in COMMANDS:
        assert f"\n  {command} " in called.out
    assert "Exit code" in called.out


def test_no_command_shows_the_help(archtool):
    called = archtool()
    assert called.code == 2
    assert "Commands:" in called.err


def test_version(archtool):
    assert archtool("--version") == (0, f"archtool, version {__version__}\n", "")


def test_zoo_lists_every_design_once(archtool):
    called = archtool("zoo")
    assert (called.code, called.err) == (0, "")
    names = [line.split()[0] for line in called.out.splitlines() if line.endswith(" met")]
    rows = json.loads(archtool("zoo", "--format", "json").out)
    assert names == [row["name"] for row in rows if row["meets_expectations"]]
    assert "DIFFERS" not in called.out
    assert {"resnet50", "vgg16", "lenet5", "direct"} <= set(names)


def test_zoo_as_json(archtool):
    rows = json.loads(archtool("zoo", "--format", "json").out)
    keys = ["name", "file", "about", "source", "params", "macs", "meets_expectations"]
    assert all(list(row) == keys for row in rows)
    (resnet50,) = (row for row in rows if row["name"] == "resnet50")
    assert (resnet50["file"], resnet50["params"], resnet50["macs"]) == ("zoo/resnet.yaml", 25_557_032, 4_089_184_256)


def test_schema_is_json(archtool):
    called = archtool("schema")
    assert (called.code, called.err) == (0, "")
    assert json.loads(called.out)["title"].startswith("archtool spec")
