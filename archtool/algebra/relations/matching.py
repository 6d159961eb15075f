"""Two networks' nodes side by side: the same set of functions, or one within the other."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import permutations
from typing import Any, Final, NamedTuple

from archtool.algebra.relations.graphs import Graph, Linear, Node, Open, Other, Source
from archtool.algebra.relations.kernels import Kernels, Limits, lowest, refines, taps_in
from archtool.algebra.relations.order import at_most, same
from archtool.algebra.relations.parts import Chain, Doubled, Leaf, Part, Stack, Sum
from archtool.layer import Layer, attribute
from archtool.layers.activation import ReLU
from archtool.layers.join import Elementwise
from archtool.mixing import Applied, Summed
from archtool.runs import LayerRun
from archtool.shape import Shape
from archtool.size import Condition, Size, all_of, any_of, equal
from archtool.trace import Expr

MOST_PATHS: Final = 5  # of a join, that are tried in every order
MOST_PAIRS: Final = 50_000  # of nodes, that are looked at: a second; two equal networks take one a node
CALLS: Final = 6  # inside each other, for a node and the one before it


class Pair(NamedTuple):
    """Two linear parts: every kernel of the left is one of the right; or they have the `same_layers`, in the same
    way."""

    left: Part
    right: Part
    same_layers: bool = False


class Match(NamedTuple):
    """How one network's functions are another's.

    `pairs` are the linear parts that correspond, `twins` other layers with weights that do; `zeros` and `identities`
    parts of the right that are to be 0, or to pass everything. `conditions` are what has to hold, where it is not
    known to, and as texts.
    """

    pairs: tuple[Pair, ...]
    twins: tuple[tuple[Other, Other], ...]
    zeros: tuple[Part, ...]
    identities: tuple[Part, ...]
    conditions: tuple[tuple[Expr, str], ...]

    @property
    def condition(self) -> Condition:
        """All conditions together."""
        return all_of(*[condition for condition, _ in self.conditions])


def match(left: Graph, right: Graph, *, within: bool) -> Match | None:
    """Each node of one network with one of the other; where `within`, the left one's functions need only be among the
    right one's. None where they do not correspond. A match without conditions is preferred. Raises Open where there are
    too many ways in which they might."""
    if len(left.inputs) != len(right.inputs) or len(left.outputs) != len(right.outputs):
        return None
    with _room(CALLS * MOST_PAIRS):
        return _matched(left, right, _Search(within, False)) or _matched(left, right, _Search(within, True))


@contextmanager
def _room(calls: int) -> Iterator[None]:
    """Room for so many more calls inside each other: nodes are as deep as networks, ResNet-152 too deep for Python's
    own limit."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + calls)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _matched(left: Graph, right: Graph, search: _Search) -> Match | None:
    for (x, shape), (y, other) in zip(left.outputs.values(), right.outputs.values(), strict=True):
        if not search.shape(shape, other) or not search.node(x, y):
            return None
    return Match(
        tuple(search.pairs), tuple(search.twins), tuple(search.zeros), tuple(search.identities),
        tuple(dict.fromkeys(search.conditions)),
    )  # fmt: skip


class _Search:
    """What corresponds so far; what turns out not to is taken back. Conditions that are not known to hold are noted
    where that is `lenient`, else they do not hold."""

    def __init__(self, within: bool, lenient: bool) -> None:
        self.within, self.lenient = within, lenient
        self.of: dict[Node, Node] = {}
        self.back: dict[Node, Node] = {}
        self.weights: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.pairs: list[Pair] = []
        self.twins: list[tuple[Other, Other]] = []
        self.zeros: list[Part] = []
        self.identities: list[Part] = []
        self.conditions: list[tuple[Expr, str]] = []
        self.looked_at = 0

    @contextmanager
    def tried(self, found: list[bool]) -> Iterator[None]:
        """What is noted inside is taken back unless `found` ends up true."""
        names = ("of", "back", "weights", "owners", "pairs", "twins", "zeros", "identities", "conditions")
        before = {name: getattr(self, name).copy() for name in names}
        yield
        if not found[-1]:
            for name, value in before.items():
                setattr(self, name, value)

    def holds(self, condition: Condition, text: str) -> bool:
        """Whether a condition holds, or may; then it is noted."""
        if isinstance(condition, Expr):
            self.conditions.append((condition, text))
            return self.lenient
        return condition

    def size(self, left: Size, right: Size) -> bool:
        return self.holds(same(left, right), f"{left} = {right}")

    def shape(self, left: Shape, right: Shape, channels: bool = True) -> bool:
        """Whether two shapes are the same, their `channels` too."""
        alike = len(left.spatial) == len(right.spatial) and left.is_tokens == right.is_tokens
        sizes = [(left.channels, right.channels)] if channels else []
        return alike and all([self.size(a, b) for a, b in (*sizes, *zip(left.spatial, right.spatial, strict=True))])

    def positions(self, left: Shape, right: Shape) -> bool:
        """Whether two tensors have the same positions, in whatever layout."""
        if len(left.axes) == len(right.axes):
            return all([self.size(a, b) for a, b in zip(left.axes, right.axes, strict=True)])
        return self.size(left.positions, right.positions)

    def node(self, x: Node, y: Node) -> bool:
        """Whether two nodes correspond."""
        if x in self.of or y in self.back:
            return self.of.get(x) is y
        self.looked_at += 1
        if self.looked_at > MOST_PAIRS:
            raise Open(f"more than {MOST_PAIRS:,} ways in which their layers might correspond were tried")
        found = [False]
        for way in (self.alike, self.doubled, self.beside, self.behind) if self.within else (self.alike,):
            with self.tried(found):
                found.append(way(x, y))
                if found[-1]:
                    self.of[x], self.back[y] = y, x
            if found[-1]:
                return True
        return False

    def claimed(self, x: Node, *nodes: Node) -> bool:
        """Whether some nodes of the right network are still free; then they get weights for this one's sake alone."""
        free = not any([each in self.back for each in nodes])
        self.back.update(dict.fromkeys(nodes, x))
        return free

    def alike(self, x: Node, y: Node) -> bool:
        """Nodes of one kind."""
        if isinstance(x, Source) and isinstance(y, Source):
            return x.number == y.number and self.shape(x.shape, y.shape)
        if isinstance(x, Linear) and isinstance(y, Linear):
            return self.positions(x.shape, y.shape) and self.node(x.of, y.of) and self.part(x.part, y.part)
        return isinstance(x, Other) and isinstance(y, Other) and self.other(x, y)

    def other(self, x: Other, y: Other) -> bool:
        """Two layers of one kind and one order of tensors, or any order where that makes no difference."""
        one, two = x.layer.run, y.layer.run
        widens = self.within and _by_element(one.layer, one.inputs[0]) and not x.weights
        same = len(x.of) == len(y.of) and self.layer(one.layer, two.layer)
        same = same and self.inputs(one, two, not widens)
        return same and self.owner(x, y) and self.ordered(x, y)

    def inputs(self, one: LayerRun, two: LayerRun, channels: bool) -> bool:
        """Whether two layers of one kind take the same shapes; a function of each element, in any layout."""
        pairs = list(zip(one.inputs, two.inputs, strict=True))
        if isinstance(one.layer.mixing(one.inputs[0]), Applied):
            return all([self.positions(a, b) and (not channels or self.size(a.channels, b.channels)) for a, b in pairs])
        return all([self.shape(a, b, channels) for a, b in pairs])

    def owner(self, x: Other, y: Other) -> bool:
        """Whether two layers' weights correspond: shared with the same layers."""
        if x.weights not in self.weights and y.weights not in self.owners:
            self.weights[x.weights], self.owners[y.weights] = y.weights, x.weights
            if x.weights:
                self.twins.append((x, y))
        return self.weights.get(x.weights) == y.weights and self.owners.get(y.weights) == x.weights

    def ordered(self, x: Other, y: Other) -> bool:
        orders: Sequence[tuple[Node, ...]] = [y.of]
        if x.in_any_order and len(y.of) <= MOST_PATHS:
            orders = list(permutations(y.of))
        found = [False]
        for order in orders:
            with self.tried(found):
                found.append(all([self.node(a, b) for a, b in zip(x.of, order, strict=True)]))
            if found[-1]:
                return True
        return False

    def layer(self, left: Layer, right: Layer) -> bool:
        """Whether two layers' fields are the same."""
        if type(left) is not type(right):
            return False
        names = [attribute(name) for name in type(left).field_kinds() if name not in left.sides]
        return all([self.value(getattr(left, name), getattr(right, name)) for name in names])

    def value(self, left: Any, right: Any) -> bool:
        if isinstance(left, tuple) and isinstance(right, tuple) and len(left) == len(right):
            return all([self.value(a, b) for a, b in zip(left, right, strict=True)])
        if isinstance(left, int | Expr) and isinstance(right, int | Expr):
            return self.size(left, right)
        return bool(left == right)

    def part(self, left: Part, right: Part) -> bool:
        """Whether two linear parts have the same kernels, or the right one at least the left one's."""
        found = [False]
        with self.tried(found):
            found.append(self.within_reach(left, right) if self.within else self.same_reach(left, right))
            if found[-1]:
                self.pairs.append(Pair(left, right))
        if not found[-1]:
            with self.tried(found):
                found.append(self.same_tree(left, right))
                if found[-1]:
                    self.pairs.append(Pair(left, right, same_layers=True))
        return found[-1]

    def same_reach(self, left: Part, right: Part) -> bool:
        one, two = left.reach.settled(), right.reach.settled()
        if not (one.onto and two.onto and one.border == two.border and one.bias == two.bias):
            return False
        if len(one.taps) != len(two.taps):
            return False
        sizes = [(one.inputs, two.inputs), (one.outputs, two.outputs), (one.groups, two.groups)]
        sizes += [pair for a, b in zip(one.taps, two.taps, strict=True) for pair in zip(a, b, strict=True)]
        ranks = one.is_full and two.is_full
        ranks = ranks or (
            self.below(one.first, two.first)
            and self.below(two.first, one.first)
            and self.below(one.last, two.last)
            and self.below(two.last, one.last)
        )
        return ranks and all([self.size(a, b) for a, b in sizes])

    def within_reach(self, left: Part, right: Part) -> bool:
        one, two = left.reach.settled(), right.reach
        if not two.onto or (one.bias and not two.bias):
            return False
        if not self.holds(taps_in(one, two), "the taps of one are among the other's"):
            return False
        if not two.is_dense:
            same = self.size(one.inputs, two.inputs) and self.size(one.outputs, two.outputs)
            return same and (refines(two, one) or self.size(one.groups, two.groups))
        channels = self.below((one.inputs,), (two.inputs,)) and self.below((one.outputs,), (two.outputs,))
        return channels and self.below(one.first, two.first) and self.below(one.last, two.last)

    def below(self, ones: Limits, others: Limits) -> bool:
        """Whether the least of some limits is at most the least of others."""
        for other in others:
            ways = [at_most(one, other) for one in ones]
            open_ways = [str(one) for one, way in zip(ones, ways, strict=True) if way is not False]
            if not self.holds(any_of(*ways), " or ".join([f"{one} <= {other}" for one in open_ways])):
                return False
        return True

    def same_tree(self, left: Part, right: Part) -> bool:
        """Whether two parts consist of the same layers in the same way."""
        if type(left) is not type(right):
            return False
        if isinstance(left, Leaf) and isinstance(right, Leaf):
            one, two = left.layer.run, right.layer.run
            return self.layer(one.layer, two.layer) and self.shape(one.inputs[0], two.inputs[0])
        if isinstance(left, Chain) and isinstance(right, Chain):
            return self.same_tree(left.first, right.first) and self.same_tree(left.then, right.then)
        if isinstance(left, Sum) and isinstance(right, Sum) and len(left.parts) == len(right.parts):
            return all([self.same_tree(a, b) for a, b in zip(left.parts, right.parts, strict=True)])
        return not isinstance(left, Leaf | Chain | Sum | Stack | Doubled)

    def doubled(self, x: Node, y: Node) -> bool:
        """A linear part as two with relu between, of twice as many channels: z = relu(z) - relu(-z)."""
        if not (isinstance(x, Linear) and isinstance(y, Linear) and isinstance(y.of, Other)):
            return False
        middle = y.of
        if not isinstance(middle.layer.run.layer, ReLU) or not isinstance(middle.of[0], Linear):
            return False
        first = middle.of[0]
        part = halved(first.part, y.part)
        if part is None or not self.positions(x.shape, y.shape) or not self.claimed(x, middle, first):
            return False
        return self.node(x.of, first.of) and self.part(x.part, part)

    def beside(self, x: Node, y: Node) -> bool:
        """One of the terms of a sum, whose others can be 0; of a difference the first."""
        mixing = y.layer.run.layer.mixing(y.shape) if isinstance(y, Other) else None
        if not isinstance(y, Other) or not isinstance(mixing, Summed):
            return False
        found = [False]
        for index, term in enumerate(y.of if mixing.others == 1 else y.of[:1]):
            rest = [each for at, each in enumerate(y.of) if at != index]
            if not all([isinstance(each, Linear) and each.part.reach.onto for each in rest]):
                continue
            with self.tried(found):
                free = self.claimed(x, *rest) and self.shape(term.shape, y.shape)
                found.append(free and self.node(x, term))
                self.zeros += [each.part for each in rest if isinstance(each, Linear)]
            if found[-1]:
                return True
        return False

    def behind(self, x: Node, y: Node) -> bool:
        """What stands before a part that can pass everything, and before relu that stands behind relu already."""
        if isinstance(y, Other) and isinstance(y.layer.run.layer, ReLU) and isinstance(y.of[0], Linear):
            inner = y.of[0].of
            again = isinstance(inner, Other) and isinstance(inner.layer.run.layer, ReLU)
            return again and self.claimed(x, y.of[0]) and self.behind(x, y.of[0])
        if not isinstance(y, Linear) or not can_pass(y.part.reach):
            return False
        self.identities.append(y.part)
        return self.shape(y.of.shape, y.shape) and self.node(x, y.of)


def can_pass(reach: Kernels) -> bool:
    """Whether some kernel of a set is the identity."""
    if not reach.onto or equal(reach.inputs, reach.outputs) is not True:
        return False
    point = reach._replace(taps=(), border="")
    return (not reach.is_dense or reach.is_full) and taps_in(point, reach) is True


def halved(first: Part, then: Part) -> Doubled | None:
    """Two parts around relu as a linear one, of half as many channels between."""
    one, two = first.reach, then.reach
    if not (one.is_dense and two.is_dense and one.onto and two.onto and (one.is_pointwise or two.is_pointwise)):
        return None
    if not one.is_full or not two.is_full:
        return None
    width = one.outputs // 2
    rows = lowest(one.inputs, width) if one.is_pointwise else (one.inputs,)
    columns = lowest(two.outputs, width) if two.is_pointwise else (two.outputs,)
    spatial = two if one.is_pointwise else one
    reach = Kernels(spatial.taps, one.inputs, two.outputs, 1, rows, columns, spatial.border, two.bias, True)
    return Doubled(first, then, reach)


def _by_element(layer: Layer, x: Shape) -> bool:
    """Whether a layer treats each element by itself, or joins tensors element by element."""
    return isinstance(layer, Elementwise) or isinstance(layer.mixing(x), Applied)
