"""What several tests use: the command line called in this process, texts kept in files."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from archtool import Design
from archtool.cli import main

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--overwrite", action="store_true", help="renew the files in tests/golden")


class Called(NamedTuple):
    """What a call of the command line left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
def archtool(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Called]:
    """The `archtool` program, called in this process; not on a terminal."""

    def call(*arguments: str, stdin: bytes = b"") -> Called:
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        monkeypatch.setattr(sys, "argv", ["archtool", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), "utf-8"))
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ending:
            main()
        texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
        return Called(ending.value.code or 0, *texts)  # type: ignore[arg-type]

    return call


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compare a text with a file of tests/golden, or renew the file (--overwrite)."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--overwrite"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8"), f"tests/golden/{name} differs; --overwrite renews it"

    return compare


@pytest.fixture(scope="session")
def readings() -> Mapping[str, Callable[[Design], Any]]:
    """Every reading of a design that needs no torch."""
    return {
        "analyze": lambda design: design.analyze(),
        "exact padding": lambda design: design.flops(exact_padding=True, mode="training"),
        "memory": lambda design: design.memory(mode="training"),
        "field": lambda design: design.field(),
        "projective": lambda design: design.projective(),
        "support": lambda design: design.support(),
        "unclipped": lambda design: design.support(clipped=False),
        "projective support": lambda design: design.support(projective=True),
        "effective": lambda design: design.effective(),
        "unproductive": lambda design: design.unproductive(),
        "picture": lambda design: design.dot(),
    }
