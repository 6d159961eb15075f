"""Receptive fields against brute force: sets of input positions, and single paths one by one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import permutations, product
from math import ceil, gcd, lcm
from typing import NamedTuple

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from archtool.codegen import to_numpy
from archtool.errors import RuleError, Untraceable
from archtool.field import (
    EVERYTHING,
    GLOBAL,
    LOCAL,
    LOCAL_AND_GLOBAL,
    POINTWISE,
    POINTWISE_AND_EVERYTHING,
    AxisField,
    Field,
    Reach,
    hull,
    identity,
    of_window,
)
from archtool.layers.conv_transpose import ConvTranspose
from archtool.shape import Shape
from archtool.trace import Trace
from archtool.window import AxisWindow, Window

Sees = Callable[[int], range]  # the positions of the layer's input that a position of its output sees


class Op(NamedTuple):
    """One layer along one axis: its field as archtool has it, and what a position sees, said directly."""

    field: AxisField
    sees: Sees


def window_op(size: int, stride: int, before: int) -> Op:
    (axis,) = of_window(Window([AxisWindow(size, stride, before, 0)])).axes
    return Op(axis, lambda p: range(stride * p - before, stride * p - before + size))


def pooled_op(n: int, m: int) -> Op:
    """An adaptive pool from n to m positions (torch.nn.AdaptiveAvgPool1d)."""

    def sees(p: int) -> range:
        return range(p * n // m, -(-(p + 1) * n // m))

    return phased_op(m // gcd(n, m), n // gcd(n, m), sees)


def transposed_op(kernel: int, stride: int, before: int) -> Op:
    """A transposed convolution without gaps (kernel >= stride): output q takes input i where 0 <= q + before - stride i
    < kernel."""

    def sees(q: int) -> range:
        return range(ceil((q + before - kernel + 1) / stride), (q + before) // stride + 1)

    return phased_op(stride, 1, sees)


def phased_op(period: int, stride: int, sees: Sees) -> Op:
    reaches = [sees(r) for r in range(period)]
    phases = tuple(Reach(seen[0], seen[-1], seen[0] + seen[-1], seen[0] + seen[-1]) for seen in reaches)
    sizes = [len(seen) for seen in reaches]
    return Op(AxisField(stride, phases, min(sizes), max(sizes)), sees)


def windows_ops(strides: st.SearchStrategy[int]) -> st.SearchStrategy[Op]:
    return st.builds(window_op, st.integers(1, 5), strides, st.integers(0, 4))


def any_ops() -> st.SearchStrategy[Op]:
    transposed = st.tuples(st.integers(1, 3), st.integers(0, 3), st.integers(0, 3))
    return (
        windows_ops(st.integers(1, 3))
        | st.builds(pooled_op, st.integers(1, 6), st.integers(1, 6))
        | transposed.map(lambda each: transposed_op(each[0] + each[1], each[0], each[2]))
    )


def chained(ops: Sequence[Op]) -> AxisField:
    field = identity((9,)).axes[0]
    for op in ops:
        field = field.then(op.field)
    return field


def seen_by(ops: Sequence[Op], position: int) -> set[int]:
    """Every input position that one position of the last output sees, layer by layer."""
    positions = {position}
    for op in reversed(ops):
        positions = {inner for each in positions for inner in op.sees(each)}
    return positions


def reach_at(field: AxisField, position: int) -> tuple[int, int]:
    turn, phase = divmod(position, len(field.phases))
    reach = field.phases[phase]
    return field.stride * turn + reach.low, field.stride * turn + reach.high


def check_reach(field: AxisField, ops: Sequence[Op]) -> None:
    """The field's ends are those of the set of positions, at every phase and in several turns."""
    for position in range(-len(field.phases), 2 * len(field.phases)):
        seen = seen_by(ops, position)
        assert reach_at(field, position) == (min(seen), max(seen))
    widths = [max(seen) - min(seen) + 1 for seen in (seen_by(ops, r) for r in range(len(field.phases)))]
    assert field.size == max(widths)
    assert field.start == min(seen_by(ops, 0))


@settings(max_examples=200, deadline=None)
@given(st.lists(any_ops(), min_size=1, max_size=4))
def test_a_chain_sees_from_end_to_end_what_brute_force_says(ops: list[Op]) -> None:
    check_reach(chained(ops), ops)


def gappy_op(kernel: int, stride: int, before: int, dilation: int) -> tuple[AxisField, Callable[[int], set[int]]]:
    """Any transposed convolution: input i adds to outputs stride i - before + dilation t, for each t < kernel."""
    layer = ConvTranspose(out=1, kernel=kernel, stride=stride, padding=before, dilation=dilation)

    def sees(q: int) -> set[int]:
        places = [q + before - dilation * tap for tap in range(kernel)]
        return {place // stride for place in places if place % stride == 0}

    return layer.field(Shape(1, (99,)), None).axes[0], sees


@settings(max_examples=300, deadline=None)
@example([], gappy_op(1, 2, 0, 1), [window_op(1, 2, 1), window_op(2, 1, 0)])  # between all taps, and behind that
@given(
    st.lists(any_ops(), max_size=2),
    st.builds(gappy_op, st.integers(1, 4), st.integers(1, 4), st.integers(0, 3), st.integers(1, 4)),
    st.lists(windows_ops(st.integers(1, 3)) | st.builds(pooled_op, st.integers(1, 6), st.integers(1, 6)), max_size=2),
)
def test_positions_between_the_taps_see_nothing_and_hide_nothing(before, gappy, behind) -> None:
    """What a dilated or sparse transposed convolution leaves out, its neighbours have: behind it windows see exactly as
    far as the positions under them that see anything."""
    own, sees = gappy
    spans = [max(reads) - min(reads) + 1 for reads in map(sees, range(len(own.phases))) if reads]
    assert (own.narrow, own.wide) == (min(spans), max(spans))
    field = chained(before).then(own)
    for op in behind:
        field = field.then(op.field)
    for position in range(-len(field.phases), 2 * len(field.phases)):
        middle = {q for each in seen_by(behind, position) for q in sees(each)}
        seen = {p for q in middle for p in seen_by(before, q)}
        low, high = reach_at(field, position)
        assert (low, high) == (min(seen), max(seen)) if seen else low > high


@settings(max_examples=200, deadline=None)
@given(any_ops(), any_ops(), any_ops())
def test_composition_is_associative(a: Op, b: Op, c: Op) -> None:
    left, right = a.field.then(b.field).then(c.field), a.field.then(b.field.then(c.field))
    period = lcm(len(left.phases), len(right.phases))
    ends = [[reach_at(field, position) for position in range(2 * period)] for field in (left, right)]
    assert ends[0] == ends[1]


@settings(max_examples=100, deadline=None)
@given(windows_ops(st.integers(1, 3)), windows_ops(st.integers(1, 3)), windows_ops(st.integers(1, 3)))
def test_without_phases_composition_is_associative_in_everything(a: Op, b: Op, c: Op) -> None:
    assert a.field.then(b.field).then(c.field) == a.field.then(b.field.then(c.field))
    assert chained([a]) == a.field


@settings(max_examples=100, deadline=None)
@given(windows_ops(st.integers(1, 2)), st.integers(1, 9))
def test_a_power_is_the_field_composed_with_itself(op: Op, n: int) -> None:
    assert op.field.power(n) == chained([op] * n)


@given(any_ops(), st.integers(1, 4))
def test_a_power_of_a_field_with_phases_sees_what_brute_force_says(op: Op, n: int) -> None:
    check_reach(op.field.power(n), [op] * n)


@given(windows_ops(st.just(1)), st.integers(1, 10**15))
def test_a_power_of_stride_1_is_linear_and_its_closed_form_says_the_same(op: Op, n: int) -> None:
    field = op.field.power(n)
    assert field.size == n * (op.field.size - 1) + 1
    assert field.start == n * op.field.start
    varying = op.field.power(Trace().symbol("n", 1, 10**15))
    numbers = to_numpy([varying.stride, *varying.phases[0], varying.narrow, varying.wide])({"n": n})
    assert [int(number) for number in numbers] == [field.stride, *field.phases[0], field.narrow, field.wide]


def test_a_varying_power_of_a_stride_is_refused_and_an_endless_stride_too() -> None:
    field = window_op(3, 2, 1).field
    with pytest.raises(Untraceable):
        field.power(Trace().symbol("n", 1, 5))
    with pytest.raises(RuleError, match="grows beyond all bounds"):
        field.power(10**12)


# --- joins -------------------------------------------------------------------------------------------------------


def joined(paths: Sequence[Sequence[Op]], n: int) -> AxisField:
    return hull([Field((chained(path),)) for path in paths], (n,)).axes[0]


def check_join(field: AxisField, paths: Sequence[Sequence[Op]], n: int) -> None:
    """Each phase's hull is the tightest that holds at all n positions, told relative to the field's stride."""
    period = len(field.phases)
    for r, reach in enumerate(field.phases):
        lows, highs, centres = [], [], []
        for position in range(r, max(n, r + 1), period):
            shift = field.stride * (position // period)
            for path in paths:
                seen = seen_by(path, position)
                lows.append(min(seen) - shift)
                highs.append(max(seen) - shift)
                centres.append(min(seen) + max(seen) - 2 * shift)
        assert (reach.low, reach.high) == (min(lows), max(highs))
        if all(len(path) <= 1 for path in paths):  # behind phases a centre is that of its path, not of what it sees
            assert (reach.first, reach.last) == (min(centres), max(centres))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.lists(windows_ops(st.just(1)), max_size=3), min_size=2, max_size=3),
    st.integers(1, 9),
    st.integers(1, 3),
)
def test_a_join_of_equal_strides_sees_the_union_at_every_position(paths: list[list[Op]], n: int, stride: int) -> None:
    paths = [[*path, window_op(1, stride, 0)] for path in paths]
    field = joined(paths, n)
    assert field.stride == stride
    for position in range(n):
        seen = set().union(*(seen_by(path, position) for path in paths))
        assert reach_at(field, position) == (min(seen), max(seen))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(any_ops(), max_size=2), min_size=2, max_size=3), st.integers(1, 9))
def test_a_join_of_any_strides_sees_the_hull_over_all_positions_in_any_order(paths: list[list[Op]], n: int) -> None:
    assume(lcm(*(len(chained(path).phases) for path in paths)) <= 24)
    field = joined(paths, n)
    check_join(field, paths, n)
    assert all(joined(order, n) == field for order in permutations(paths))


def choices(paths: Sequence[Sequence[Sequence[Op]]]) -> list[list[Op]]:
    """Every single path through a chain of joins: one branch of each."""
    return [[op for branch in chosen for op in branch] for chosen in product(*paths)]


def stage() -> st.SearchStrategy[list[list[Op]]]:
    """A join whose paths have one stride in common."""
    branch = st.lists(windows_ops(st.just(1)), max_size=2)
    stride = st.integers(1, 3)
    return st.tuples(st.lists(branch, min_size=1, max_size=3), stride).map(
        lambda drawn: [[*path, window_op(2, drawn[1], 0)] for path in drawn[0]]
    )


@settings(max_examples=200, deadline=None)
@given(st.lists(stage(), min_size=1, max_size=3))
def test_centres_and_the_smallest_and_largest_path_are_those_of_single_paths(stages: list[list[list[Op]]]) -> None:
    field = identity((9,))
    for paths in stages:
        field = field.then(hull([Field((chained(path),)) for path in paths], (7,)))
    (axis,) = field.axes
    seen = [seen_by(path, 0) for path in choices(stages)]
    sizes = [max(each) - min(each) + 1 for each in seen]
    centres = [max(each) + min(each) for each in seen]
    (reach,) = axis.phases
    assert (axis.narrow, axis.wide) == (min(sizes), max(sizes))
    assert (reach.first, reach.last) == (min(centres), max(centres))
    assert axis.misalignment == max(centres) - min(centres)
    assert field.is_aligned is (len(set(centres)) == 1)
    assert (reach.low, reach.high) == (min(map(min, seen)), max(map(max, seen)))


def test_a_u_net_keeps_its_phases_apart() -> None:
    """Phases joined early would not compose: they would see too much. The lower path of Ronneberger et al. 2015,
    arXiv:1505.04597: two convolutions of 3 a level, four levels down and up again."""
    double = [window_op(3, 1, 0)] * 2
    down = [*double, window_op(2, 2, 0)] * 4 + double
    up = [transposed_op(2, 2, 0), *double] * 4
    field = chained([*down, *up])
    check_reach(field, [*down, *up])
    early = chained(down)
    for op in up:
        early = early.then(op.field)
        lows, highs = zip(*(reach_at(early, r) for r in range(len(early.phases))), strict=True)
        early = AxisField(early.stride, (Reach(min(lows), max(highs), 0, 0),) * len(early.phases), 1, 1)
    assert field.size < early.size


# --- states ------------------------------------------------------------------------------------------------------

THREE = of_window(Window([AxisWindow(3, 1, 1, 1)] * 2))


def test_pointwise_adds_nothing_and_everything_stays() -> None:
    assert THREE.then(POINTWISE) is THREE
    pooled = THREE.then(EVERYTHING)
    assert (pooled.axes, pooled.state) == (THREE.axes, GLOBAL)
    assert pooled.then(THREE) is pooled  # a later window adds nothing to what was mixed
    normed = THREE.then(POINTWISE_AND_EVERYTHING)
    assert (normed.axes, normed.state, normed.is_global) == (THREE.axes, LOCAL_AND_GLOBAL, True)
    later = normed.then(THREE)
    assert (later.axes[0].size, later.state) == (5, LOCAL_AND_GLOBAL)
    assert not THREE.is_global
    assert pooled.power(5) is pooled


def test_a_gate_that_sees_everything_keeps_the_local_path() -> None:
    gate = THREE.then(THREE).then(EVERYTHING)
    both = hull([THREE, gate], (8, 8))
    assert (both.axes, both.state) == (THREE.axes, LOCAL_AND_GLOBAL)
    assert hull([gate, gate], (1, 1)).state == GLOBAL
    assert hull([THREE, THREE.then(THREE)], (8, 8)).state == LOCAL
    assert hull([gate, THREE], (8, 8)) == both


def test_along_an_axis_with_one_position_the_stride_is_0() -> None:
    strided = of_window(Window([AxisWindow(3, 2, 1, 1)] * 2))
    field = strided.settled((1, 4))
    assert [axis.stride for axis in field.axes] == [0, 2]
    assert field.then(THREE).axes[0] == field.axes[0]._replace(narrow=3, wide=3)
    assert strided.settled((2, 2)) is strided
    size = Trace().symbol("n", 1, 8)
    assert strided.settled((size, size)).axes[0].stride != 2  # 0 where n is 1


def test_tensors_of_another_rank_do_not_compose() -> None:
    with pytest.raises(RuleError, match=r"^a window over 2 axes on a tensor that comes from 1$"):
        identity((5,)).then(THREE)
