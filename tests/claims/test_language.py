"""Claims are read to parts, and what is no claim is refused by name."""

import pytest

from archtool import RuleError
from archtool.claims.language import read, read_condition
from archtool.claims.parts import All, Comparison, Fact, Not, Some, leaves
from archtool.claims.words import FACTS, NUMBERS

NAMES = ("c", "k", "mid")


def test_numbers_of_networks_stand_in_expressions_once_each():
    claim = read("params(P) / params(Q) == (c + params(P)) / k", NAMES)
    assert isinstance(claim, Comparison)
    assert [number.text for number in claim.numbers.values()] == ["params(P)", "params(Q)"]
    assert [side.text for side in claim.sides] == ["params(P) / params(Q)", "(c + params(P)) / k"]
    assert claim.signs == ("==",)


def test_arguments_may_be_expressions_words_steps_and_texts():
    claim = read(
        'params(block(mid=2 * c, act=relu, op=conv(out=mid, kernel=1), pad="{reflect: 1}", sizes=[1, k])) > 0', NAMES
    )
    (number,) = claim.numbers.values()
    kinds = {name: type(value).__name__ for name, value in number.subject.arguments}
    assert kinds == {"mid": "Expression", "act": "Word", "op": "Step", "pad": "Word", "sizes": "Expression"}


def test_facts_and_their_options():
    claim = read("expressible(direct, as=P(act=identity))", NAMES)
    assert isinstance(claim, Fact)
    assert [subject.text for subject in claim.subjects] == ["direct", "P(act=identity)"]
    assert read("permutation_equivariant(P, axis=channels)", NAMES).options == {"axis": "channels"}
    assert read("mixes_channels(P) == groups", NAMES).options == {"how": "groups"}
    assert read("mixes_channels(P)", NAMES).options == {"how": "full"}
    assert read("pointwise()", NAMES).subjects[0].name == "this"
    assert read("fits(P, abs(x1 - x2))", NAMES).options == {"target": "abs(x1 - x2)"}
    assert read("fits(P, [[0, 1], [1, 0]], error=0.1)", NAMES).options == {"target": [[0, 1], [1, 0]], "error": 0.1}


def test_parts_joined():
    claim = read("linear(P) and (not affine(Q) or c > 1) and k == 1", NAMES)
    assert isinstance(claim, All)
    assert [type(part) for part in claim.parts] == [Fact, Some, Comparison]
    assert isinstance(claim.parts[1].parts[0], Not)
    assert len(list(leaves(claim))) == 4
    assert isinstance(read("mixes_channels(P) != full", NAMES), Not)


def test_a_bare_metric_is_that_of_the_network_itself_and_a_var_of_that_name_is_not():
    (number,) = read("params == 10", NAMES).numbers.values()
    assert (number.function, number.subject.name) == ("params", "this")
    assert not read("params == 10", (*NAMES, "params")).numbers


def test_a_name_inside_a_network_is_no_property():
    assert isinstance(read("params(linear(out=3)) > 0", NAMES), Comparison)


def test_approx_is_relative_to_its_second_side():
    claim = read("approx(c, k, rel=0.1)", NAMES)
    assert [side.text for side in claim.sides] == ["c", "k"]
    assert claim.truth.evaluate({"c": 110, "k": 100})
    assert not claim.truth.evaluate({"c": 111, "k": 100})
    assert read("approx(c, k, abs=1)", NAMES).truth.evaluate({"c": 5, "k": 4})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("params(P)", "is a number; compare it"),
        ("parms(P) == 1", "did you mean 'params'"),
        ("linear(P) == 1", "true or false"),
        ("x == 3", "are tensors"),
        ("input.channels == 3", "are tensors"),
        ("params(P(c=2 * x)) == 3", "are tensors"),
        ("params(P) + 3", "neither true nor false"),
        ("3", "neither true nor false"),
        ("linear(P) and 3", "neither true nor false"),
        ("fits(P, xorr)", "did you mean 'xor'"),
        ("fits(P, xor, error=abc)", "more than 0, not 'abc'"),
        ("fits(P, xor, error=0)", "more than 0, not '0'"),
        ("linear(P)(c=3)", "a property is true or false"),
        ("abs(linear(P))", "a property is true or false"),
        ("max(linear(P), 1) > 0", "a property is true or false"),
        ("peak_memory(P, mode=train) > 0", "did you mean 'training'"),
        ("linear(P, Q)", "takes one network"),
        ("equivalent(P)", "takes two networks"),
        ("linear(P, axis=1)", "has no 'axis'"),
        ("permutation_equivariant(P, axis=time)", "one of pixels, channels"),
        ("mixes_channels(P) == some", "full, groups, none"),
        ("fits(P)", "a network and a function"),
        ("params(P, Q) == 1", "takes one network"),
        ("params(P, size=3) == 1", "has no 'size'"),
        ("params(block(64)) == 1", "arguments of a network are named"),
        ("params(3) == 1", "names no network"),
        ("approx(c, k)", "write approx"),
        ("unknown > 1", "unknown name"),
        ("c >", "is no claim"),
        ("__import__('os').system('true') == 0", "nothing that a claim knows|only the language|not a value"),
        ("params(P(**c)) == 1", "not part of the language"),
        ("params(P(c=1, c=2)) == 1", "given twice"),
        (" and ".join(["linear(P)"] * 70), "at most"),
    ],
)
def test_what_is_no_claim_says_why(text, reason):
    with pytest.raises(RuleError, match=reason.replace("(", r"\(")):
        read(text, NAMES)


def test_a_condition_has_numbers_alone():
    assert read_condition("c > 1 and params(P) > 3", NAMES).numbers
    with pytest.raises(RuleError, match="a property can't stand there"):
        read_condition("linear(P)", NAMES)
    with pytest.raises(RuleError, match="rank\\(P\\) can't stand in 'when'"):
        read_condition("rank(P) <= 3", NAMES)


def test_no_word_means_two_things():
    assert not FACTS.keys() & NUMBERS
