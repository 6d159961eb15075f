"""A long picture goes on in another column."""

import pytest

from archtool import load
from archtool.render.scene import scene
from archtool.render.wrap import wrapped

CHAIN = "archtool: 1\nname: n\ninput: [3, 8, 8]\nlayers:\n" + "  - conv: {out: 3, kernel: 1}\n" * 60


def both(design, direction="TB"):
    plain = scene(design.run, tuple(design.spec.inputs), design.name)
    return plain, wrapped(plain, direction)


def test_a_short_picture_stays_as_it_is():
    plain, picture = both(load("lenet5"))
    assert picture is plain


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("source", [CHAIN, "resnet50", "squeezenet1_0"], ids=["chain", "resnet50", "squeezenet"])
def test_tags_lead_from_column_to_column(source, direction):
    plain, picture = both(load(source), direction)
    columns = len(picture.heads)
    tags = [node.id for node in picture.nodes() if node.role == "tag"]
    assert tags == [f"@{i}{side}" for i in range(1, columns) for side in ("", "'")]
    # Taking the tags, and the tensors said again behind them, out again gives the plain picture.
    again = {head for tail, head in picture.edges if tail.endswith("'") and tail.startswith("@")}
    kept = [edge for edge in picture.edges if edge.head not in again and not edge.head.startswith(tuple("@123456789"))]
    assert {(tail.removesuffix("'"), head) for tail, head in kept} == {
        (tail, head) for tail, head in plain.edges if not head.startswith("@")
    }


def test_a_picture_that_nothing_cuts_stays_whole():
    """A skip from the input to the output passes every place."""
    text = CHAIN.replace("layers:\n", "layers:\n  - add:\n      skip: []\n      main:\n", 1).replace(
        "  - conv", "        - conv"
    )
    plain, picture = both(load(text))
    assert picture is plain


def test_columns_are_about_as_long_as_each_other():
    _, picture = both(load(CHAIN))
    lengths, length = [], 0
    for node in picture.nodes():
        if node.id in picture.heads and length:
            lengths.append(length)
            length = 0
        length += node.role == "layers"
    lengths.append(length)
    assert sum(lengths) == 60
    assert max(lengths) - min(lengths) <= len(lengths)
