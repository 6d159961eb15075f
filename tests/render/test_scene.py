"""What a picture shows: every layer or folded block once, with costs that add up."""

import pytest

from archtool import load
from archtool.errors import RuleError
from archtool.render import scene as scenes
from archtool.render.scene import Cluster, scene

RESIDUAL = """
archtool: 1
name: net
input: [3, 8, 8]
blocks:
  inner:
    body: [{conv: {out: x.channels, kernel: 1}}, relu]
  outer:
    body:
      - add:
          main: [inner, {inner: {}, name: second}]
          skip: []
layers:
  - conv: {out: 4, kernel: 3}
  - outer:
    repeat: 5
  - relu
"""
SHARED = """
archtool: 1
name: net
input: [4, 8, 8]
blocks:
  twice:
    body:
      - conv: {out: 4, kernel: 1}
        shares: weights
        repeat: 2
      - conv: {out: 4, kernel: 1}
        shares: weights
layers:
  - twice:
    repeat: 3
"""
OUTPUTS = """
archtool: 1
name: net
inputs: {left: [3, 8, 8], right: [3, 8, 8]}
blocks:
  split:
    body:
      - relu
      - conv: {out: 4, kernel: 1}
        name: middle
      - conv: {out: 5, kernel: 1}
    outputs: [middle]
layers:
  - add: {}
    at: [left, right]
  - split:
    name: halves
  - concat: {}
    at: [halves, halves.middle]
    name: both
outputs: [both, halves]
"""


def drawn(design, depth=None):
    return scene(design.run, tuple(design.spec.inputs), design.name, depth)


def assert_sound(design, depth):
    """Ids are distinct, edges go forward between nodes that exist, and costs add up."""
    picture = drawn(design, depth)
    nodes = list(picture.nodes())
    ids = [node.id for node in nodes]
    assert len(set(ids)) == len(ids)
    reached = {node.id for node in nodes if node.role == "end"}
    for tail, head in picture.edges:
        assert {tail, head} <= set(ids)
        assert tail in reached
        reached.add(head)
    assert reached == set(ids)
    parts = [part for node in nodes if node.role in ("layers", "block") for part in node.parts]
    assert len(parts) == scenes.size(design.run, depth or scenes.legible_depth(design.run))
    assert sum(part.cost.params for part in parts) == design.run.cost.params
    assert sum(part.cost.macs for part in parts) == design.run.cost.macs
    return picture


@pytest.mark.parametrize("depth", [None, 1, 2, 99])
@pytest.mark.parametrize("text", [RESIDUAL, SHARED, OUTPUTS], ids=["residual", "shared", "outputs"])
def test_small_networks(text, depth):
    assert_sound(load(text), depth)


def test_shipped(shipped):
    for depth in (None, 1, 99):
        assert_sound(shipped, depth)


@pytest.mark.parametrize(("depth", "count"), [(1, 3), (2, 5), (3, 7), (4, 7)])
def test_depth_folds_blocks(depth, count):
    """conv, relu and the block; its join and two blocks; their conv and relu each."""
    assert scenes.size(load(RESIDUAL).run, depth) == count
    assert_sound(load(RESIDUAL), depth)


def test_a_repeat_is_drawn_once():
    [outer] = [member for member in drawn(load(RESIDUAL)).members if isinstance(member, Cluster)]
    title = outer.members[0].parts[0]
    assert (title.name, title.turns) == ("outer.0-4", 5)
    assert title.cost.params == 5 * 2 * (4 * 4 + 4)


def test_layers_that_see_nothing_around_them_go_with_the_layer_before():
    stacks = [
        [part.words for part in node.parts] for node in drawn(load("resnet50"), 1).nodes() if node.role == "layers"
    ]
    assert stacks[0] == ["stem: conv 7x7 /2, 64", "batch_norm", "relu"]
    assert ["linear, 1000"] in stacks


def test_a_layer_with_two_readers_stands_alone():
    text = (
        "archtool: 1\nname: n\ninput: [3, 8, 8]\nlayers:\n  - conv: {out: 3, kernel: 1}\n  - add: {a: [relu], b: []}\n"
    )
    assert [len(node.parts) for node in drawn(load(text)).nodes() if node.role == "layers"] == [1, 1, 1]


def test_a_tensor_is_said_once():
    shapes = [node.parts[0].words for node in drawn(load(OUTPUTS)).nodes() if node.role == "tensor"]
    assert shapes == ["3x8x8", "3x8x8", "3x8x8", "3x8x8", "4x8x8", "5x8x8", "9x8x8"]


def test_a_repeat_of_any_length_is_drawn():
    text = "archtool: 1\nname: n\ninput: [3, 8, 8]\nlayers:\n  - conv: {out: 3, kernel: 1}\n    repeat: 10**12\n"
    assert_sound(load(text), None)


def test_a_block_of_one_block_is_no_bottom():
    text = "archtool: 1\nname: n\ninput: [3, 8, 8]\nblocks: {a: {body: [b]}, b: {body: [relu, relu]}}\nlayers: [a]\n"
    run = load(text).run
    assert [scenes.size(run, depth) for depth in (1, 2, 3)] == [1, 1, 2]
    assert scenes.levels(run) == scenes.legible_depth(run) == 3


def test_too_large():
    chain = "archtool: 1\nname: n\ninput: [3, 8, 8]\nlayers:\n" + "  - relu\n" * (scenes.MOST + 1)
    with pytest.raises(RuleError, match=r"'n' to depth 1 has 3,001 layers and blocks, at most 3,000 fit: write"):
        drawn(load(chain))
    block = chain.replace("  - relu", "    - relu").replace("layers:", "blocks:\n  b:\n    body:") + "layers: [b]\n"
    assert scenes.legible_depth(load(block).run) == 1
    with pytest.raises(RuleError, match="take a smaller depth"):
        drawn(load(block), 2)


@pytest.mark.parametrize("depth", [0, -1])
def test_depth_must_be_positive(depth):
    with pytest.raises(RuleError, match="at least 1"):
        drawn(load("lenet5"), depth)
