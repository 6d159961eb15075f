"""Maps drawn with characters say what is in them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from archtool.render.blocks import HALVES, SHADES, blocks, heat

SETS = arrays(bool, st.tuples(st.integers(1, 20), st.integers(1, 40)))


@given(SETS)
def test_blocks_can_be_read_back(seen):
    drawing = blocks(seen, width=40)
    inner = [line[1:-1] for line in drawing.lines[1:-1]]
    if len(seen) == 1:
        assert [[character == "█" for character in line] for line in inner] == seen.tolist()
        return
    halves = [[[HALVES.index(character) >> half & 1 for character in line] for half in (0, 1)] for line in inner]
    rows = [row for pair in halves for row in pair][: len(seen)]
    assert (np.array(rows, bool) == seen).all()


@given(SETS, st.integers(3, 12))
def test_a_drawing_fits_and_leaves_blank_only_what_is_nearly_empty(seen, width):
    drawing = blocks(seen, width)
    wide, tall = drawing.scale
    assert max(map(len, drawing.lines)) <= width + 2
    if wide == 1:
        return
    for y, line in enumerate(drawing.lines[1:-1]):
        for x, character in enumerate(line[1:-1]):
            cell = seen[y * tall : (y + 1) * tall, x * wide : (x + 1) * wide]
            share = cell.mean()
            assert abs(SHADES.index(character) / 4 - share) <= 0.126 or (character == "░" and share > 0.02)


def test_heat_is_relative_to_the_greatest():
    assert heat(np.array([[0.0, 0.25, 0.5], [0.0, 0.25, 0.5]])).lines[1] == "│ ▒█│"
    assert heat(np.zeros((2, 2))).lines[1] == "│  │"


@pytest.mark.parametrize(
    ("shape", "scale"), [((10, 64), (1, 2)), ((10, 65), (2, 4)), ((1, 200), (4, 1)), ((50,), (1, 1))]
)
def test_the_scale(shape, scale):
    assert blocks(np.ones(shape, bool), 64).scale == scale
