"""What only a whole process shows: pipes, terminals, what is imported."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNSET = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in UNSET} | {
    "PYTHONPATH": str(ROOT),
    "TERM": "xterm-256color",
}
PROGRAM = [sys.executable, "-m", "archtool"]
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def run(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*PROGRAM, *arguments], input=stdin, capture_output=True, env=ENVIRONMENT, check=False)


def on_terminal(columns: int, *arguments: str) -> str:
    """What the program writes on a terminal of that many columns."""
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*PROGRAM, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=ENVIRONMENT
    )
    os.close(theirs)
    data = b""
    while True:
        try:
            more = os.read(ours, 65536)
        except OSError:  # how Linux says that the other end is closed
            break
        if not more:
            break
        data += more
    os.close(ours)
    assert process.wait() == 0
    return data.decode().replace("\r\n", "\n")


def test_the_main_job():
    done = run("analyze", "resnet50")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"  params          25,557,032  (25.6 M, 97.5 MiB in float32)\n" in done.stdout


def test_a_pipe_gets_plain_text():
    text = run("analyze", "resnet50").stdout + run("zoo").stdout
    assert b"\x1b" not in text
    assert text.isascii()


def test_errors_end_with_two():
    done = run("analyze", "-", stdin=b"")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"<stdin>:1:1: the file is empty: a spec has at least 'layers:'\n"


def test_a_reader_that_leaves_is_no_error():
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*PROGRAM, "analyze", "resnet50"], stdout=write, stderr=subprocess.PIPE, env=ENVIRONMENT, check=False
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_head_is_quiet():
    shell = f"'{sys.executable}' -m archtool analyze resnet152 --format json | head -1"
    done = subprocess.run(["sh", "-c", shell], capture_output=True, env=ENVIRONMENT, check=False)
    assert (done.stdout, done.stderr) == (b"{\n", b"")


def test_analyze_imports_no_torch_no_sympy_no_pandas():
    check = "import sys, archtool.cli as c\ntry: c.main()\nexcept SystemExit: pass\n"
    check += "sys.exit(' '.join(n for n in ('torch', 'sympy', 'pandas', 'networkx') if n in sys.modules) or 0)"
    done = subprocess.run(
        [sys.executable, "-c", check, "analyze", "resnet50"], capture_output=True, env=ENVIRONMENT, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("columns", [60, 80])
def test_zoo_is_no_wider_than_the_terminal(columns):
    lines = ANSI.sub("", on_terminal(columns, "zoo")).splitlines()
    assert [line for line in lines if len(line) > columns and "://" not in line] == []


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_a_narrow_terminal_cuts_no_number(columns):
    text = ANSI.sub("", on_terminal(columns, "analyze", "resnet50"))
    assert max(map(len, text.splitlines())) <= columns
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    head = next(line for line in text.splitlines() if "layer" in line).split()
    assert head[0] == "layer"
    assert {"params", "MACs"} <= set(head)
    assert ("kind" in head) == (columns >= 100)
    assert "25,557,032" in text
    assert "4,089,184,256" in text


def test_a_terminal_shows_the_expensive_layers():
    rows = on_terminal(120, "analyze", "vgg16").splitlines()
    heavy = next(row for row in rows if "2.77 G" in row)
    assert "\x1b[" in heavy


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("form", ["table", "json"])
def test_a_full_disk_behind_the_output_is_said(form):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "analyze", "lenet5", "--format", form], stdout=full, stderr=subprocess.PIPE, env=ENVIRONMENT
        )
    assert (done.returncode, done.stderr) == (2, b"can't write the output: No space left on device\n")


def test_a_closed_output_is_no_traceback():
    shell = f"{sys.executable} -m archtool analyze lenet5 >&-"
    done = subprocess.run(shell, shell=True, capture_output=True, env=ENVIRONMENT, check=False)
    assert (done.returncode, done.stderr) == (2, b"")
