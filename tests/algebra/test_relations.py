"""Relations between networks: sets of kernels against ranks and derivatives computed another way."""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archtool import load
from archtool.algebra.bounded import BoundedTrace
from archtool.algebra.closed import Reader
from archtool.algebra.relations import NotLinear, equivalent, expressible, freedom, rank, slice_rank
from archtool.algebra.relations.graphs import Linear, Other, graph
from archtool.algebra.relations.jacobian import moved
from archtool.algebra.relations.kernels import Taps, lie_among, offsets
from archtool.algebra.relations.modular import PRIME, product_of, rank_of
from archtool.algebra.relations.parts import read_at_all
from archtool.flatten import FlatNetwork, flat_network

OFTEN = settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
DEPTHWISE = "depthwise_conv: {kernel: 3, padding: half, bias: false}"
ORDER = """
archtool: 1
name: order
input: [c_in, h, w]
vars: {c_in: 3, mid: 2, c_out: 4, k: 3, h: 9, w: 8, act: identity}
blocks:
  point: {args: {out: required}, body: [conv: {out: out, kernel: 1, bias: false}]}
  dense: {args: {out: required, k: required}, body: [conv: {out: out, kernel: k, padding: half, bias: false}]}
designs:
  P: {layers: [{point: {out: mid}}, act, {dense: {out: c_out, k: k}}]}
  Q: {layers: [{dense: {out: mid, k: k}}, act, {point: {out: c_out}}]}
  direct: {layers: [{dense: {out: c_out, k: k}}]}
"""


def order(name: str, **knobs: Any) -> FlatNetwork:
    return load(ORDER, name, **knobs).flat()


def net(*layers: str, x: str = "[4, 9, 8]") -> FlatNetwork:
    """A network of some layers, each one line of YAML."""
    return load(f"archtool: 1\nname: net\ninput: {x}\nlayers:\n" + "".join([f"  - {each}\n" for each in layers])).flat()


def conv(out: int, kernel: int = 1, bias: bool = False, padding: Any = "half", more: str = "") -> str:
    return f"conv: {{out: {out}, kernel: {kernel}, bias: {str(bias).lower()}, padding: {padding}{more}}}"


def chain(c: int, before: list[int], mid: int, after: list[int], kernel: int = 3) -> FlatNetwork:
    """Pointwise layers, a spatial one, and pointwise ones."""
    layers = [*map(conv, before), conv(mid, kernel), *map(conv, after)]
    return net(*layers, x=f"[{c}, 9, 8]")


def generic_ranks(c: int, before: list[int], mid: int, after: list[int], taps: int) -> tuple[int, int]:
    """The ranks of a random kernel of such a chain, unfolded by input and by output channels: floating point, in
    another way than the package's."""
    random = np.random.default_rng(0)
    kernel = np.eye(c)
    for width in before:
        kernel = random.standard_normal((width, len(kernel))) @ kernel
    whole = np.einsum("omt,mi->oit", random.standard_normal((mid, len(kernel), taps)), kernel)
    for width in after:
        whole = np.einsum("om,mit->oit", random.standard_normal((width, len(whole))), whole)
    d = len(whole)
    by_inputs = np.linalg.matrix_rank(whole.transpose(1, 0, 2).reshape(c, -1))
    return int(by_inputs), int(np.linalg.matrix_rank(whole.reshape(d, -1)))


SIZES = st.integers(1, 12)
WIDTHS = st.integers(1, 6)
CHAINS = st.tuples(
    st.lists(WIDTHS, max_size=2), WIDTHS, st.lists(WIDTHS, max_size=2), st.sampled_from([1, 2, 3])
)  # fmt: skip


@given(WIDTHS, WIDTHS, CHAINS, CHAINS)
@OFTEN
def test_linear_chains_are_the_same_sets_where_their_ranks_are(c: int, d: int, one: Any, other: Any) -> None:
    """Both generic ranks decide: the sets of kernels of limited ranks are closed under what limits them."""
    (before, mid, after, kernel), (more, width, behind, _) = one, other
    left, right = chain(c, before, mid, [*after, d], kernel), chain(c, more, width, [*behind, d], kernel)
    ranks = generic_ranks(c, before, mid, [*after, d], kernel**2)
    others = generic_ranks(c, more, width, [*behind, d], kernel**2)
    assert equivalent(left, right).truth is (ranks == others)
    assert expressible(left, right).truth is (ranks[0] <= others[0] and ranks[1] <= others[1])


@given(WIDTHS, CHAINS)
@OFTEN
def test_ranks_and_freedom_of_chains(c: int, one: Any) -> None:
    """The closed form against the derivatives of the kernel by its weights, which know nothing of ranks."""
    before, mid, after, kernel = one
    flat = chain(c, before, mid, after, kernel)
    by_inputs, by_outputs = generic_ranks(c, before, mid, after, kernel**2)
    ranked, free = rank(flat), freedom(flat)
    assert (ranked.by_inputs, ranked.by_outputs) == (by_inputs, by_outputs)
    assert ranked.bound == min(by_inputs, by_outputs) and ranked.exact
    shown = moved(flat)
    assert free.exact and shown is not None and free.value == shown.rank
    assert free.value <= min(free.params, free.dense)


@pytest.mark.parametrize(
    ("layers", "value"),
    [
        ([conv(2, 3), conv(3, 3)], 122),  # 4 * 2 * 9 + 2 * 3 * 9 - 2^2
        (["depthwise_conv: {kernel: 3, bias: false}", conv(5)], 52),  # 36 + 20 - a factor for each of 4 channels
        ([conv(5), "depthwise_conv: {kernel: 3, bias: false}"], 60),
        ([conv(5, 3, more=", groups: 1"), "batch_norm"], 185),  # 5 * 4 * 9, and 5 constants
        (["add: {a: [conv: {out: 4, kernel: 1, bias: false}], b: []}"], 16),
        ([f"add: {{a: [{conv(2)}, {conv(4)}], b: [{conv(2)}, {conv(4)}]}}"], 16),  # two of rank 2: every matrix
    ],
)
def test_freedom_of_other_networks(layers: list[str], value: int) -> None:
    found = freedom(net(*layers))
    assert (found.value, found.exact) == (value, True)
    shown = moved(net(*layers))
    assert shown is not None and not product_of(shown.directions, shown.derivatives).any()  # they move nothing


def test_freedom_that_is_not_known_is_not_told() -> None:
    with pytest.raises(NotLinear):
        freedom(net(conv(3), "relu"))
    with pytest.raises(NotLinear, match="constants"):
        freedom(net(conv(2, 3), "batch_norm", conv(5)))


@pytest.mark.parametrize(
    ("layers", "bound", "exact"),
    [
        ([conv(2, 3), conv(5, 3)], 2, True),
        ([conv(2), "batch_norm", conv(5, 3)], 2, True),
        ([f"add: {{a: [{conv(1)}, {conv(6)}], b: [{conv(2, 3)}, {conv(6)}]}}"], 3, True),
        ([f"add: {{a: [{conv(1)}, {conv(6)}], b: [{conv(1)}, {conv(6)}]}}", conv(1)], 1, True),
        ([conv(1), f"add: {{a: [{conv(6)}], b: [{conv(6, 3)}]}}"], 1, True),  # both through the one before
        ([f"concat: {{a: [{conv(1)}], b: [{conv(2)}]}}"], 3, True),
        (["depthwise_conv: {kernel: 3, bias: false}", conv(3)], 3, True),
        ([conv(3), "global_avg_pool", "flatten", "linear: {out: 7}"], 3, False),
        ([conv(1), "flatten", "linear: {out: 7}"], 7, False),  # 72 numbers, though one channel
        (["conv: {out: 4, kernel: 3, stride: 2, bias: false}", conv(3, 3)], 3, True),
    ],
)
def test_ranks(layers: list[str], bound: int, exact: bool) -> None:
    found = rank(net(*layers))
    assert (found.bound, found.exact) == (bound, exact)


@pytest.mark.parametrize(
    ("layers", "bound"),
    [
        (["depthwise_conv: {kernel: 3, bias: false}", conv(6)], 1),
        (["depthwise_conv: {kernel: 3, multiplier: 2, bias: false}", conv(6)], 2),
        ([conv(6), "depthwise_conv: {kernel: 3, bias: false}"], 6),
        ([conv(12), "depthwise_conv: {kernel: 3, bias: false}"], 9),
        ([conv(3, 3)], 3),
        ([conv(2, 3), conv(6)], 2),
        (["depthwise_conv: {kernel: 3, bias: false}", "conv: {out: 6, kernel: 1, stride: 2}"], 1),
        (["conv: {out: 8, kernel: 3, groups: 2, bias: false}", conv(6)], 4),
        ([f"add: {{a: [{DEPTHWISE}], b: [depthwise_conv: {{kernel: 5, padding: 2}}]}}", conv(6)], 1),
        (["depthwise_conv: {kernel: 3, bias: false}", "channel_shuffle: {groups: 2}", conv(6)], 1),
        (["add: {a: [conv: {out: 1, kernel: 1}], b: [depthwise_conv: {kernel: 3, padding: 1}]}", conv(6)], 4),
    ],
)  # fmt: skip
def test_ranks_of_slices(layers: list[str], bound: int) -> None:
    found = slice_rank(net(*layers))
    assert found.bound >= bound if "shuffle" in str(layers) else found.bound == bound


# --- on symbols --------------------------------------------------------------------------------------------------


def traced(name: str, trace: BoundedTrace, **knobs: Any) -> FlatNetwork:
    sizes = {each: trace.symbol(each) for each in ("c_in", "mid", "c_out", "h", "w")}
    sizes["k"] = trace.symbol("k", 1, 11, 2)
    design = load(ORDER, name, **knobs)
    return flat_network(design.evaluate(sizes, trace=trace), tuple(design.spec.inputs), turns=2)


@pytest.mark.parametrize("act", ["identity", "relu"])
@pytest.mark.parametrize("name", ["P", "Q"])
def test_conditions_are_what_decides_numbers(name: str, act: str) -> None:
    """mid >= min(c_in, k^2 c_out) for P, min(c_out, k^2 c_in) for Q; twice as much through ReLU."""
    trace = BoundedTrace()
    found = expressible(traced("direct", trace), traced(name, trace, act=act))
    assert found.truth is None
    condition = Reader().of(found.facts["condition"])
    for c_in in (1, 2, 3, 10):
        for c_out in (1, 2, 11):
            for k in (1, 3):
                for mid in (1, 2, 3, 6, 9, 10, 11, 20, 22):
                    sizes = {"c_in": c_in, "c_out": c_out, "k": k, "mid": mid}
                    least = min(c_in, k * k * c_out) if name == "P" else min(c_out, k * k * c_in)
                    expected = mid // (2 if act == "relu" else 1) >= least
                    assert bool(condition.at(sizes)) is expected, sizes
                    numbers = expressible(order("direct", **sizes), order(name, act=act, **sizes))
                    if k > 1 or act == "identity":  # at k = 1 both are taken for pointwise
                        assert (numbers.truth is True) is expected, sizes


def test_what_holds_for_all_sizes_is_proved_for_all() -> None:
    trace = BoundedTrace()
    for name in ("P", "Q"):
        found = expressible(traced(name, trace), traced("direct", trace))
        assert found.truth is True and "condition" not in found.facts
        assert equivalent(traced(name, trace), traced(name, BoundedTrace())).truth is True  # of two traces
    assert equivalent(traced("P", trace, act="relu"), traced("Q", trace, act="relu")).truth is None


def test_rank_and_freedom_on_symbols() -> None:
    trace = BoundedTrace()
    reader, flat = Reader(), traced("P", trace)
    for sizes in ({"c_in": 3, "mid": 2, "c_out": 4, "k": 3}, {"c_in": 9, "mid": 7, "c_out": 1, "k": 1}):
        numbers = order("P", **sizes)
        assert reader.of(rank(flat).bound).at(sizes) == rank(numbers).bound
        assert reader.of(freedom(flat).value).at(sizes) == freedom(numbers).value
    assert Fraction(reader.of(freedom(flat).value).at({"c_in": 8, "mid": 2, "c_out": 5, "k": 3})) == 2 * (8 + 45 - 2)


# --- normal forms ------------------------------------------------------------------------------------------------


def test_sharing_weights_is_no_freedom() -> None:
    """Two layers with the same weights are not two layers; nor is the pairing of them free."""
    shared = load(
        "archtool: 1\nname: s\ninput: [4, 9, 8]\nlayers:\n"
        "  - {conv: {out: 4, kernel: 1}, shares: a}\n  - relu\n  - {conv: {out: 4, kernel: 1}, shares: a}\n"
    ).flat()
    free = net(conv(4, bias=True), "relu", conv(4, bias=True))
    assert equivalent(shared, free).truth is None
    assert equivalent(shared, shared).truth is True
    assert expressible(shared, free).truth is None  # it is, but no rule says so yet
    assert expressible(free, shared).truth is None


def test_a_part_is_taken_up_where_nothing_else_takes_it() -> None:
    assert equivalent(net(f"add: {{a: [{conv(4)}, {conv(4, 3)}], b: [{conv(4)}]}}"), net(conv(4, 3))).truth is True
    through_one = net(conv(1), f"add: {{a: [{conv(1)}], b: []}}", conv(4))
    assert equivalent(through_one, net(conv(1), conv(4))).truth is True
    both = load(
        "archtool: 1\nname: both\ninput: [4, 9, 8]\nlayers:\n"
        f"  - {conv(2)}\n    name: first\n  - {conv(3, 3)}\n    name: second\n  - concat:\n    at: [first, second]\n"
    ).flat()
    ((joined, _),) = graph(both).outputs.values()
    assert isinstance(joined, Other)
    first, second = joined.of
    assert isinstance(second, Linear) and second.of is first


def test_other_shapes_are_other_functions() -> None:
    assert equivalent(net(conv(4)), net(conv(5))).truth is False
    assert equivalent(net(conv(4, 3, padding=0)), net(conv(4, 3))).truth is False
    assert equivalent(net(conv(4)), net(conv(4), x="[4, 9, 9]")).truth is False


@given(st.builds(Taps, st.integers(1, 9), st.integers(1, 5), st.integers(-6, 12), st.integers(1, 7)), SIZES, SIZES)
@OFTEN
def test_taps_that_never_read_are_left_out_at_both_ends(taps: Taps, n: int, m: int) -> None:
    places = [at for at in offsets(taps) if any(0 <= taps.stride * p + at < n for p in range(m))]
    found = read_at_all(taps, n, m)
    if not places:
        assert found == taps
    else:
        assert (offsets(found)[0], offsets(found)[-1]) == (places[0], places[-1])
        assert (found.dilation, found.stride) == (taps.dilation, taps.stride)


@given(*[st.builds(Taps, st.integers(1, 9), st.integers(1, 5), st.integers(-6, 12), st.just(1)) for _ in "ab"])
@OFTEN
def test_taps_lie_among_others_where_each_is_one_of_them(one: Taps, other: Taps) -> None:
    assert lie_among(one, other) == (set(offsets(one)) <= set(offsets(other)))


@pytest.mark.parametrize(
    "layers",
    [
        [conv(4, 1_000_000_001)],
        [conv(4, 1_000_001, padding=0), conv(4, 1_000_001, padding=0)],
        [conv(100_000), DEPTHWISE, conv(100_000)],
        [conv(3000, 3), conv(3000, 3)],
    ],
)
def test_of_large_kernels_no_more_is_told_than_can_be(layers: list[str]) -> None:
    large = net(*layers, x="[4, 3000000, 3000000]")
    assert rank(large).bound == 4
    assert equivalent(large, large).truth is True
    with suppress(NotLinear):
        assert freedom(large).value > 0


def test_networks_are_compared_whatever_their_depth() -> None:
    for layers in ([conv(4)] * 1500, [conv(4), "relu"] * 800):
        one, other = net(*layers), net(*layers[:-2], conv(4, 5), *layers[-1:])
        assert equivalent(one, one).truth is True
        assert equivalent(one, other).truth is not True


def test_of_joins_with_too_many_ways_to_correspond_nothing_is_told() -> None:
    def nested(depth: int, kernel: int) -> str:
        if not depth:
            return f"[{{{conv(4, kernel)}}}, relu]"
        paths = [f"p{index}: {nested(depth - 1, kernel if index == 4 else 1)}" for index in range(5)]
        return f"[{{add: {{{', '.join(paths)}}}}}, relu]"

    one, other = (load(f"input: [4, 8, 8]\nlayers: {nested(3, kernel)}").flat() for kernel in (3, 5))
    found = equivalent(one, other)
    assert found.truth is None
    assert "ways in which their layers might correspond" in found.reason
    assert equivalent(one, one).truth is True


def test_products_of_wide_matrices_do_not_overflow() -> None:
    wide = np.full((1, 20_000), PRIME - 1)
    assert product_of(wide, wide.T) == [[20_000]]


def test_the_modulus_is_prime_and_ranks_are_of_whole_numbers() -> None:
    assert all(PRIME % each for each in range(2, 5793))  # up to its root
    matrix = np.array([[1, 2, 3], [2, 4, 6], [0, 1, PRIME - 1]])
    assert rank_of(matrix) == 2
    assert rank_of(np.zeros((3, 2), dtype=np.int64)) == 0


def test_of_a_difference_the_second_tensor_does_not_pass() -> None:
    """0 - x is not x, and with a pointwise layer that is relu's it can't be made so."""
    plain = net("relu")
    assert expressible(plain, net("relu", "subtract: {a: [], b: [conv: {out: 4, kernel: 1}]}")).truth is True
    assert expressible(plain, net("relu", "subtract: {a: [conv: {out: 4, kernel: 1}], b: []}")).truth is not True


def test_padding_that_repeats_the_input_reads_it_again() -> None:
    """On one position both taps of the second read that one."""
    around = "conv: {out: 4, kernel: 2, padding: 1, dilation: 2, bias: false, padding_mode: replicate}"
    for size, truth in ((1, None), (8, False)):
        one, other = (net(each, x=f"[4, {size}]") for each in (conv(4), around))
        assert expressible(one, other).truth is truth


@pytest.mark.parametrize("layers", [[conv(4, 3)], [conv(4), conv(4, 3)], ["depthwise_conv: {kernel: 3, padding: 1}"]])
def test_kernels_are_whole_however_few_the_positions(layers: list[str]) -> None:
    """What is told on symbols holds for all sizes: on one position too, where most taps read padding alone."""
    small, large = (net(*layers, x=f"[4, {size}, 7]") for size in (1, 7))
    assert freedom(small).value == freedom(large).value
    assert slice_rank(small).bound == slice_rank(large).bound
