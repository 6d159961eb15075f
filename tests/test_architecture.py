"""The shape of the house: imports go one way, the core is light, files are small."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "archtool"
FILES = sorted(PACKAGE.rglob("*.py"))

# The design's line of rooms, from the ground up, with the modules that stand between its rooms: a room imports from
# rooms before it, never from one behind it.
LINE = (
    ("errors", "collector", "units"),
    ("trace", "formula"),
    ("size",),
    ("shape", "codegen"),
    ("window", "cost"),
    ("field", "taps"),
    ("fields",),
    ("mixing", "nature", "product", "stencil"),
    ("layer",),
    ("axes", "stage", "modules", "modules_attention", "modules_parts", "modules_tokens"),  # what layers have in common
    ("layers",),
    ("spec",),
    ("loading",),
    ("runs", "merging"),
    ("network", "frame", "repeats", "growing", "alternatives", "choices", "sides", "flatten"),
    ("design",),  # the face of it all: what it can be asked, it imports when asked
    ("analysis",),
    ("algebra",),
    ("realize",),
    ("claims", "explore", "interop"),
    ("render",),
    ("studio",),
    ("cli",),
    ("__init__", "__main__"),
)
RANK = {room: rank for rank, rooms in enumerate(LINE) for room in rooms}
# Functions may import what stands behind them here only: a design's methods are doors to all rooms, a report shows
# itself in a notebook, an expression as text.
DOORS = ("design.py", "analysis/report.py", "explore/fronts/front.py", "explore/search/found.py", "trace/expr.py")
HEAVY = (
    "torch", "sympy", "pandas", "numpy", "networkx", "rich", "matplotlib", "PIL", "pyarrow", "duckdb", "distributed",
    "moocore", "pymoo", "optuna", "z3",
)  # fmt: skip
# Where these may be imported at all; a layer names its torch module in its own `torch` method.
WHO_KNOWS_TORCH = ("layers", "modules", "modules_attention", "modules_parts", "modules_tokens", "realize", "interop")


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_typing(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def imported(tree: ast.AST, inside: bool) -> list[str]:
    """The modules that a file imports when it is imported; `inside`: also those that its functions import.

    Imports for type checkers alone never run, so that they bind nothing; they are left out.
    """
    found: list[str] = []
    for node in ast.iter_child_nodes(tree):
        if is_typing(node) or (isinstance(node, ast.FunctionDef | ast.Lambda) and not inside):
            continue
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            below = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name for name in below if (PACKAGE.parent / name.replace(".", "/")).with_suffix(".py").exists()]
            found.append(node.module or "")
        found += imported(node, inside)
    return found


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    own = room(path)
    for name in imported(parsed(path), inside=str(path.relative_to(PACKAGE)) not in DOORS):
        if name.split(".")[0] == "archtool" and "." in name:
            other = name.split(".")[1]
            assert RANK[other] <= RANK[own], f"{own} imports {other}, which stands behind it"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_torch_is_known_to_few(path: Path) -> None:
    tops = {name.split(".")[0] for name in imported(parsed(path), inside=True)}
    assert "torch" not in tops or room(path) in WHO_KNOWS_TORCH
    if room(path) == "layers":
        assert not {name.split(".")[0] for name in imported(parsed(path), inside=False)} & set(HEAVY)


def test_every_room_has_its_place_in_the_line() -> None:
    assert {room(path) for path in FILES} <= set(RANK)


def modules_after(code: str) -> set[str]:
    """The heavy modules that a fresh process has loaded after some code."""
    listing = f"import sys; {code}; print(' '.join(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", listing], check=True, capture_output=True, text=True, cwd=PACKAGE.parent
    )
    return set(done.stdout.split())


def test_the_core_loads_nothing_heavy() -> None:
    assert modules_after("import archtool") == set()
    assert modules_after("import archtool; archtool.load('resnet50').run.cost") == set()


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_small_has_a_name_that_says_something_and_docstrings(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 400
    assert path.stem not in ("utils", "util", "helpers", "common", "misc")
    tree = parsed(path)
    assert ast.get_docstring(tree) or not tree.body
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{node.name} has no docstring"
