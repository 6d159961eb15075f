"""The words that claims know: numbers of networks, properties of one, relations between two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from archtool.analysis.measures import METRICS

AXES: Final = ("height", "width")


class Word(NamedTuple):
    """A function of networks that claims know: how many it takes, and the options that it has, each with the words
    that may stand there (none: any value)."""

    about: str
    subjects: int = 1
    options: Mapping[str, tuple[str, ...]] = {}


COUNTED: Final = ("batch", "dtype", "acts", "convention", "exact_padding", "mode", "optimizer", "in_place")
SIZES: Final = ("channels", "height", "width")  # of what a network makes
SEEN: Final = "seen"  # how many positions of the input one of the output sees, holes left out, padding counted
BOUNDED: Final[Mapping[str, str]] = {  # numbers that structure bounds, and does not always know exactly
    "rank": "how many channels everything in a linear network flows through, the greatest over all weights",
    "slice_rank": "the same, of the slice of each input channel",
    "freedom": "the dimension of the set of functions that a linear network can be",
    "lipschitz": "how much further apart its outputs can be than its inputs",
}
NUMBERS: Final = frozenset({*METRICS, *SIZES, SEEN, *BOUNDED})

PROPERTIES: Final[Mapping[str, Word]] = {
    "pointwise": Word("no position sees another one"),
    "linear": Word("f(x + y) = f(x) + f(y) and f(t x) = t f(x)"),
    "affine": Word("linear but for what it makes of zeros"),
    "positively_homogeneous": Word("f(t x) = t f(x) for t >= 0"),
    "additive_over_positions": Word("a sum of functions of one position each"),
    "additive_over_channels": Word("a sum of functions of one channel each"),
    "translation_equivariant": Word("shifted inputs make shifted outputs"),
    "translation_invariant": Word("shifted inputs make the same output"),
    "permutation_equivariant": Word("permuted inputs make permuted outputs", 1, {"axis": ("pixels", "channels")}),
    "flip_equivariant": Word("mirrored inputs make mirrored outputs"),
    "rotation_equivariant": Word("inputs turned by 90 degrees make turned outputs"),
    "shape_preserving": Word("the output is as large as the input"),
    "mixes_channels": Word("which channels reach which", 1, {"how": ("full", "groups", "none")}),
    "identity_at_init": Word("with its first weights it passes its input"),
}
RELATIONS: Final[Mapping[str, Word]] = {
    "equivalent": Word("the same set of functions", 2),
    "expressible": Word("each function of the first is one of the second", 2),
    "fits": Word("it is a function that is told, for some weights", 1),
}
FACTS: Final[Mapping[str, Word]] = {**PROPERTIES, **RELATIONS}
THIS: Final = "this"  # the spec's own network
