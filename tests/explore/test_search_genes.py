"""Rows of whole numbers: drawn, crossed and mutated within the space; budgets on columns of numbers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archtool.errors import RuleError
from archtool.explore.search.breeding import Breeder, population
from archtool.explore.search.budget import parse_budget
from archtool.explore.search.genes import Genes, is_ordered
from archtool.explore.space import Axis, Knob

SPACES = st.lists(st.tuples(st.integers(1, 40), st.booleans()), min_size=1, max_size=6)


def genes(space) -> Genes:
    return Genes([length for length, _ in space], [ordered for _, ordered in space])


@given(SPACES, st.integers(0, 99))
def test_rows_stay_within_the_space(space, seed):
    own, draw = genes(space), np.random.default_rng(seed)
    rows = own.drawn(50, draw)
    children = own.crossed(rows[:25], rows[25:], draw)
    for each in (rows, children, own.mutated(rows, draw)):
        assert each.shape == (50, len(space))
        assert ((each >= 0) & (each < own.lengths)).all()
    pairs = np.stack([rows[:25], rows[25:]])
    for child in (children[:25], children[25:]):
        assert ((child == pairs[0]) | (child == pairs[1])).all(), "a gene is the mother's or the father's"
    assert (children[:25] + children[25:] == pairs.sum(axis=0)).all(), "what one child gets, the other does not"


@given(SPACES)
def test_keys_are_the_designs_numbers(space):
    own = genes(space)
    if own.designs <= 20_000:
        rows = own.all(np.random.default_rng(0))
        assert sorted(own.keys(rows)) == list(range(own.designs))
        assert own.keys(rows) == np.ravel_multi_index(tuple(rows.T), tuple(own.lengths)).tolist()


def test_keys_of_a_space_beyond_64_bits_tell_designs_apart():
    own = Genes([2] * 100, [True] * 100)
    rows = np.eye(100, dtype=np.int64)
    assert len(set(own.keys(np.concatenate([rows, 1 - rows])))) == 200


def test_a_gene_without_order_goes_to_any_other_place_alike():
    own, draw = Genes([5], [False]), np.random.default_rng(0)
    changed = own.mutated(np.full((40_000, 1), 2), draw)
    shares = np.bincount(changed[:, 0], minlength=5) / 40_000
    assert shares[2] == 0, "of one axis the gene always changes"
    np.testing.assert_allclose(shares[[0, 1, 3, 4]], 0.25, atol=0.01)


def test_an_ordered_gene_mostly_goes_a_few_steps():
    own, draw = Genes([101], [True]), np.random.default_rng(0)
    steps = own.mutated(np.full((40_000, 1), 50), draw)[:, 0] - 50
    assert abs(steps.mean()) < 0.5, "up as often as down"
    assert np.mean(np.abs(steps) <= 15) > 0.7
    assert np.mean(np.abs(steps) > 40) > 0.02, "and sometimes far"


def test_each_axis_is_mutated_once_in_so_many_designs_as_there_are_axes():
    own, draw = Genes([9] * 8, [False] * 8), np.random.default_rng(0)
    rows = np.zeros((20_000, 8), np.int64)
    np.testing.assert_allclose((own.mutated(rows, draw) != 0).mean(axis=0), 1 / 8, atol=0.01)


@pytest.mark.parametrize(
    ("worse", "by_crowding", "share"),
    [
        ({"CV": 1.0}, True, 0.25), ({"CV": 1.0, "rank": 0}, True, 0.25), ({"rank": 2}, True, 0.25),
        ({"crowding": 0.1}, True, 0.25), ({}, True, 0.5), ({"CV": 1.0}, False, 0.25), ({"rank": 2}, False, 0.5),
    ],
)  # fmt: skip
def test_the_better_of_two_becomes_a_parent(worse, by_crowding, share):
    """Half of a population is worse: their first gene is 1, the others' is 0. One in four parents is of these."""
    genes, draw = Genes([2] + [1000] * 60, [True] * 61), np.random.default_rng(0)
    breeder = Breeder(genes, by_crowding)
    rows = genes.drawn(2000, draw)
    rows[:, 0] = np.arange(2000) >= 1000
    pop = population(rows)
    for index, one in enumerate(pop):
        told = {"CV": 0.0, "rank": 1, "crowding": 0.5} | (worse if index >= 1000 else {})
        one.judge(np.zeros(2), np.array([told["CV"]]))
        one.set("rank", told["rank"])
        one.set("crowding", told["crowding"])
    children = breeder.do(None, pop, 4000, random_state=draw)
    assert len(children) == 4000
    assert np.mean([one.X[0] for one in children]) == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize(
    ("values", "ordered"),
    [
        (range(16, 128, 8), True), ((1, 2, 4), True), ((4, 2, 1), True), ((Fraction(1, 2), 1), True),
        ((1, 4, 2), False), (("relu", "gelu"), False), ((False, True), False), (((1, 2), (3, 4)), False),
    ],
)  # fmt: skip
def test_an_axis_is_ordered_where_its_numbers_rise_or_fall(values, ordered):
    assert is_ordered(Axis(knobs=(Knob(name="a", values=values),))) is ordered
    both = Axis(knobs=(Knob(name="a", values=values), Knob(name="b", values=range(len(values)))))
    assert is_ordered(both) is ordered


RELATIONS = {"<=": int.__le__, "<": int.__lt__, ">=": int.__ge__, ">": int.__gt__}


@given(
    st.lists(st.integers(-(2**60), 2**60), min_size=1), st.integers(-(2**60), 2**60), st.sampled_from(list(RELATIONS))
)
def test_a_bound_is_exact_on_whole_numbers(numbers, limit, relation):
    (bound,) = parse_budget(f"macs {relation} {limit}", ["macs"])
    expected = [RELATIONS[relation](number, limit) for number in numbers]
    for column in (np.array(numbers), np.array(numbers, object)):
        assert bound.met(column).tolist() == expected
        excess = bound.excess(column)
        assert ((excess == 0) == expected).all()
        assert (excess <= 1).all()


def test_the_further_from_a_bound_the_worse():
    (bound,) = parse_budget("macs <= 100", ["macs"])
    excess = bound.excess(np.array([100, 101, 150, 10_000]))
    assert excess[0] == 0
    assert (np.diff(excess) > 0).all()


def test_bounds_of_fractions():
    (bound,) = parse_budget("ratio < 0.5", ["ratio"])
    assert bound.met(np.array([0.25, 0.5, 0.75])).tolist() == [True, False, False]
    (bound,) = parse_budget("macs <= 2.5", ["macs"])
    assert bound.met(np.array([2, 3])).tolist() == [True, False]


@pytest.mark.parametrize(
    ("text", "limit"),
    [("macs<=600e6", 600_000_000), ("macs <= 5M", 5_000_000), ("macs<=1_000", 1000), ("macs < 1.5G", 1_500_000_000)],
)
def test_numbers_of_a_budget(text, limit):
    (bound,) = parse_budget(text, ["macs"])
    assert bound.limit == limit


def test_a_limit_that_no_float_holds_is_told():
    with pytest.raises(RuleError, match="of more than 10\\*\\*300"):
        parse_budget("macs <= 1e400", ["macs"])


@pytest.mark.parametrize(
    "text",
    ["macs", "macs<=", "<=5", "macs<=x", "macs<=5 params<=3", "macs <= 1e9999", "macs<=5Q", "macs<=_", "macs<=._"],
)
def test_what_is_no_bound_is_told(text):
    with pytest.raises(RuleError, match="is no bound of a budget"):
        parse_budget(text, ["macs", "params"])
