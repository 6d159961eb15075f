"""What formulas assume: rules that a symbol's parity decides say so, and how to ask for the values that keep them."""

from __future__ import annotations

import pytest

from archtool import load
from archtool.algebra.assumed import asked
from archtool.algebra.inequality import solve
from archtool.algebra.polynomial import Atom, Polynomial, implied, symbol
from archtool.algebra.reading import formula
from archtool.errors import RuleError, SpecError
from archtool.spec.domains import Range, parse_range

ODD = 'k is odd, by a rule of conv64: --in "k=odd 1.." keeps to these'


def chain(layers: int, fields: str = "out: w, kernel: k, padding: half") -> str:
    steps = "".join([f"  - conv: {{{fields}}}\n"] * layers)
    return f"input: [3, 64, 64]\nvars: {{w: 16, k: 3}}\nlayers:\n{steps}"


def test_a_rule_that_parity_decides_says_so():
    """An even kernel, half padded, takes 1 off each of 64 times."""
    assert ODD not in formula(load(chain(63))).assumptions
    found = formula(load(chain(100)))
    assert found.assumptions[1:] == (ODD,)
    assert found.at(w=16, k=3) == load(chain(100)).analyze().totals.macs
    with pytest.raises(RuleError, match="no valid network has these values: k is odd"):
        found.at(w=16, k=2)
    with pytest.raises(SpecError, match="larger than its padded input"):
        load(chain(100), k=2).analyze()
    assert formula(load(chain(100)), "macs", "w, k=odd 1..").assumptions == ("w >= 1", "k >= 1, odd")


def test_bounds_leave_out_what_parity_breaks():
    found = solve(load(chain(64)), "macs <= 1e9", "k", "k")
    assert [value for run in found.runs for value in range(run.low, (run.high or 0) + 1, run.step)] == [1, 3]
    assert ODD in found.assumptions


@pytest.mark.parametrize("values", [Range(1, None, 2), Range(2, 8, 2), Range(4, None, 4), Range(5, 26, 7)])
def test_values_are_written_as_they_are_asked_for(values):
    assert parse_range(asked(values)) == values


def test_rules_that_others_imply():
    def positive(part: Polynomial) -> Atom:
        return Atom("positive", part)

    x, y = symbol("x"), symbol("y")
    strong, weak, other = positive(x - 3), positive(x - 1), positive(x * 2 - 1)
    assert implied([strong, weak, other, positive(y)]) == {weak}
    assert implied([weak, Atom("zero", x - 3)]) == {weak}
    assert implied([Atom("zero", x - 1), Atom("zero", x - 3)]) == set()


def test_what_nobody_could_read_ends_early():
    """Of 1,600 different layers the products alone are 6,400: `w` alone is told, both together are refused."""
    design = load(chain(1600))
    found = formula(design)
    assert found.symbols == ("w",)
    assert found.at(w=16) == design.analyze().totals.macs
    with pytest.raises(SpecError, match="in w, k this network has more than 6,000 different products; make fewer"):
        formula(design, "macs", "w, k")
    assert formula(design, "macs", "w, k=odd 1..").at(w=16, k=3) == design.analyze().totals.macs
