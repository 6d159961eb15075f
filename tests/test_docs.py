"""README.md and docs/ are true: specs load, Python examples run, shown commands print what is shown."""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from archtool import SpecError, load
from archtool.analysis.kinds import catalogue
from archtool.cost import TERMS
from archtool.fields import describe
from archtool.layer import kinds, snake_case
from archtool.render.kinds import page as kinds_page
from archtool.spec.expressions import compile_expression
from archtool.spec.functions import FUNCTIONS
from archtool.spec.values import WORK, Allowance

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (\S+\.yaml)\n")
SHELL = re.compile(r"[|;<>&]")
LIKE = doctest.OutputChecker()


class Block(NamedTuple):
    """A fenced block of a page: its language, the words behind it, its text and line."""

    page: Path
    language: str
    words: str
    text: str
    line: int


def blocks(language: str) -> list:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            if match[1] == language:
                block = Block(page, match[1], match[2].strip(), match[3], text.count("\n", 0, match.start()) + 1)
                found.append(pytest.param(block, id=f"{page.name}:{block.line}"))
    return found


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with the specs of a page that have a file's name in their first line."""

    def filled(page: Path) -> Path:
        for match in FENCE.finditer(page.read_text(encoding="utf-8")):
            if match[1] == "yaml" and (name := FILE.match(match[3])):
                path = tmp_path / name[1]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(match[3], encoding="utf-8")
        monkeypatch.chdir(tmp_path)
        return tmp_path

    return filled


def whole(text: str) -> str:
    """A spec around a fragment: steps, or some of a spec's keys."""
    bare = re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE)
    if bare.startswith("- "):
        text = "layers:\n" + text
    if not re.search(r"^inputs?:", text, re.MULTILINE):
        text = "input: [16, 32, 32]\n" + text
    if not re.search(r"^(layers|designs):", text, re.MULTILINE):
        text = text + "layers: [relu]\n"
    return text


@pytest.mark.parametrize("block", blocks("yaml"))
def test_specs_load(block, folder):
    path = folder(block.page) / "block.yaml"
    path.write_text(whole(block.text), encoding="utf-8")
    if "refused" in block.words:
        with pytest.raises(SpecError):
            load(path).analyze()
        return
    designs = load(path, *re.findall(r"^designs:.*\n  (\w+):", block.text, re.MULTILINE)[:1]).designs
    for name in designs or (None,):
        assert load(path, name).analyze().totals.activations > 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_python_examples(page, folder):
    folder(page)
    text = page.read_text(encoding="utf-8")
    lines = [""] * (text.count("\n") + 1)
    for match in FENCE.finditer(text):
        if match[1] == "python":
            first = text.count("\n", 0, match.start()) + 1
            lines[first : first + match[3].count("\n")] = match[3].splitlines()
    test = doctest.DocTestParser().get_doctest("\n".join(lines), {}, page.name, str(page), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE, verbose=False)
    said: list[str] = []
    runner.run(test, out=said.append)
    assert runner.failures == 0, "".join(said)


def calls(text: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output that is shown."""
    return [(command, shown) for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", text, re.MULTILINE)]


@pytest.mark.parametrize("block", blocks("console"))
def test_commands(block, folder, archtool):
    where = folder(block.page)
    for command, shown in calls(block.text):
        words = shlex.split(command, comments=True)
        if words[:2] == ["archtool", "verify"] and importlib.util.find_spec("torch") is None:
            pytest.skip("needs torch")
        if SHELL.search(command):
            got = in_shell(command, where)
        else:
            assert words[0] == "archtool"
            called = archtool(*words[1:])
            got = called.out + called.err
        assert not shown or LIKE.check_output(shown, got, doctest.ELLIPSIS), f"$ {command}\n{got}"


def in_shell(command: str, where: Path) -> str:
    program = where / "archtool"
    if not program.exists():
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m archtool "$@"\n')
        program.chmod(0o755)
    environment = os.environ | {"PATH": f"{where}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    shell = ["sh", "-c", command]
    done = subprocess.run(
        shell, cwd=where, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    return done.stdout.decode()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


# --- tables that must be complete --------------------------------------------------------------------------------


def test_expressions_have_the_values_shown():
    text = (ROOT / "docs" / "language.md").read_text(encoding="utf-8")
    text = text.split("\n## Expressions\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|", text, re.MULTILINE)
    assert len(rows) > 30
    for expression, value in rows:
        found = compile_expression(expression, (), ()).evaluate({WORK: Allowance(1000)})
        assert describe(found).removesuffix(" (a fraction)") == value, expression
    shown = "\n".join(expression for expression, _ in rows)
    for name in FUNCTIONS:
        assert f"{name}(" in shown, name


def test_the_catalogue_is_what_the_kinds_say(request):
    page = ROOT / "docs" / "layers.md"
    text = page.read_text(encoding="utf-8")
    table = re.search(r"<!-- kinds -->\n(.*?)<!-- end -->", text, re.DOTALL)
    said = kinds_page(catalogue())
    if request.config.getoption("--overwrite"):
        page.write_text(text[: table.start(1)] + said + text[table.end(1) :], encoding="utf-8")
        return
    assert table[1] == said, "docs/layers.md lacks a kind or a field; --overwrite renews it"


SECTIONS = (
    "activation", "batchnorm", "channelshuffle", "conv", "dropout", "flatten", "fold", "instancenorm", "linear",
    "normalization", "padding", "pixelshuffle", "pooling", "rnn", "sparse", "transformer", "upsampling",
)  # fmt: skip


@pytest.mark.parametrize("section", SECTIONS)
def test_what_torch_nn_has_is_here_or_named_as_absent(section):
    module = pytest.importorskip(f"torch.nn.modules.{section}")
    page = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
    for name in module.__all__:
        family = re.sub(r"[123]d$", "", name)  # "torch.nn.Conv1d, 2d, 3d" names all three
        named = re.search(rf"\b({name}|{family}[123]d)\b", page)
        assert named or snake_case(name) in kinds(), f"torch.nn.{name} is neither here nor said to be absent"


def test_every_term_is_listed():
    text = (ROOT / "docs" / "counting.md").read_text(encoding="utf-8")
    for term in TERMS:
        assert f"| `{term}` |" in text


def test_the_change_log_has_the_version():
    from archtool import __version__

    assert re.search(rf"^## \[{re.escape(__version__)}\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
