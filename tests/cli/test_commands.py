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


def test_zoo_of_some(archtool):
    rows = json.loads(archtool("zoo", "lenet5", "vgg", "--format", "json").out)
    assert [row["name"] for row in rows] == ["lenet5", "vgg11", "vgg13", "vgg16", "vgg19"]
    called = archtool("zoo", "lenet")
    assert (called.code, called.out) == (2, "")
    assert "did you mean 'lenet5'?" in called.err


def test_the_zoo_held_against_torch(archtool):
    pytest.importorskip("torch")
    called = archtool("zoo", "lenet5", "resnet18", "--verify", "--device", "meta")
    assert called.code == 0
    lines = called.out.splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["lenet5", "resnet18"]
    assert lines[-1].startswith("2 of 2 designs agree: ")
    assert lines[-1].endswith(" 0 differences")


def test_a_zoo_that_is_wrong_is_a_failure(archtool, monkeypatch):
    pytest.importorskip("torch")
    from archtool.layers.conv import Conv

    monkeypatch.setattr(Conv, "params", lambda self, x: 1)
    called = archtool("zoo", "lenet5", "--verify", "--device", "meta", "--format", "json")
    assert called.code == 1
    (row,) = json.loads(called.out)
    assert row["meets_expectations"] is False
    assert {each["name"] for each in row["differences"]} >= {"c1", "c3", "total"}
