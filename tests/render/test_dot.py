"""Pictures as text: valid, and the same bytes for the same spec."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pygraphviz import AGraph

from archtool import load
from archtool.errors import RuleError
from archtool.render.scene import scene
from archtool.render.wrap import wrapped

GOLDEN = Path(__file__).with_name("basic.dot")  # archtool render basic -o tests/render/basic.dot


def test_golden():
    assert load("basic").dot() == GOLDEN.read_text(encoding="utf-8")


def test_the_same_bytes_in_another_process():
    script = "import archtool; print(archtool.load('squeezenet1_0').dot())"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", script], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_graphviz_reads_what_the_scene_has(shipped, direction):
    picture = wrapped(scene(shipped.run, tuple(shipped.spec.inputs), shipped.name), direction)
    graph = AGraph(string=shipped.dot(direction=direction))
    heads = max(0, len(picture.heads) - 1)  # held in a row by invisible edges
    assert set(graph.nodes()) == {node.id for node in picture.nodes()}
    assert graph.number_of_edges() == len(picture.edges) + heads


def test_names_are_quoted():
    text = 'archtool: 1\nname: we"ird\\ <&>\ninput: [3, 8, 8]\nlayers: [relu]\n'
    assert AGraph(string=load(text).dot()).name == 'we"ird\\\\ <&>'


def test_direction():
    assert "rankdir=LR" in load("lenet5").dot(direction="LR")
    with pytest.raises(RuleError, match="direction 'up' is not one of TB, LR"):
        load("lenet5").dot(direction="up")
