"""What a formula comes to as a symbol grows: a limit, and where that is infinite the term that grows most."""

from __future__ import annotations

import json

import pytest

from archtool import load


@pytest.mark.parametrize(
    ("spec", "symbols", "name", "said"),
    [
        ("resnet50", "width", "width", "969024*width**2"),
        ("resnet50", "width, n", "n_0", "53312*width**2*n_0"),
        ("vgg16", "res=32*m", "m", "313196544*m**2"),
        ("resnet18", "res", "res", None),
    ],
)
def test_the_leading_term_is_all_in_the_end(spec, symbols, name, said):
    total = load(spec).formula("macs", symbols).total
    leading = total.leading(name)
    assert said is None or str(leading) == said
    values = dict.fromkeys(total.symbols, 3) | {name: 10**9}
    assert abs(total.at(**values) / leading.at(**values) - 1) < 1e-6


def test_an_infinite_limit_says_how_fast(archtool):
    called = archtool("formula", "resnet50", "--in", "width", "--limit", "width=oo")
    assert called.out.startswith("limit of macs = oo\nmacs ~ 969024*width**2\n")
    told = json.loads(archtool("formula", "resnet50", "--in", "width", "--limit", "width=oo", "--format", "json").out)
    assert (told["totals"], told["leading"]) == ({"limit of macs": "oo"}, {"macs": "969024*width**2"})


def test_a_finite_limit_has_none(archtool):
    arguments = ("depthwise_separable", "--ratio", "depthwise_separable", "direct", "--in", "out", "--limit", "out=oo")
    called = archtool("formula", *arguments)
    assert called.code == 0 and "~" not in called.out
    assert "leading" not in json.loads(archtool("formula", *arguments, "--format", "json").out)
