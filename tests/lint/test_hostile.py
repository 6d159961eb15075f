"""Whatever can be written can be linted, or ends in an error that is located; and it does not take for ever."""

from __future__ import annotations

import time
from typing import Any

import pytest

from archtool.claims.lint.engine import asked, lint
from archtool.errors import ArchtoolError
from archtool.layer import Example, find, kinds
from archtool.shape import Shape
from archtool.spec.reader import read_text


def linted(text: str) -> list[str]:
    return [each.diagnostic.rule for each in lint(asked(read_text(text, "net.yaml"), None, None))]


def written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"[{', '.join(map(written, value))}]" if isinstance(value, list | tuple) else str(value)


EXAMPLES = [
    pytest.param(kind, example, id=f"{kind}-{index}")
    for kind in sorted(kinds())
    for index, example in enumerate(find(kind).examples)
    if not find(kind).is_join and not find(kind).sides
]


@pytest.mark.parametrize(("kind", "example"), EXAMPLES)
def test_every_kind_is_linted(kind: str, example: Example) -> None:
    """Alone, behind a ReLU and before a batch norm, in a residual where its shape allows that."""
    x = example.input
    head = f"input: {list(x.dims)}" if not x.is_tokens else f"input: {{tokens: {x.spatial[0]}, channels: {x.channels}}}"
    fields = ", ".join(f"{name}: {written(value)}" for name, value in example.fields.items())
    if x.grid:  # tokens that were a map's positions
        head = f"input: {[x.channels, *x.grid]}"
    step = f"{kind}: {{{fields}}}"
    for body in ([step], ["relu", step, "batch_norm", "relu"], [f"add: {{a: [], b: [{step}, relu]}}", "tanh"]):
        layers = "".join(f"  - {each}\n" for each in ([*(["tokens"] if x.grid else []), *body]))
        try:
            linted(f"{head}\nlayers:\n{layers}")
        except ArchtoolError as error:  # its shape does not join, a class token is lacking
            assert str(error).startswith("net.yaml:")


@pytest.mark.parametrize(
    "text",
    [
        "input: [8, 10**9, 10**9]\nlayers: [conv: {out: 8, kernel: 3, stride: 4}]",
        "input: [8, 10**9]\nlayers: [conv: {out: 8, kernel: 10**9}]",
        "input: [8, 64]\nlayers: [conv: {out: 8, kernel: 3, padding: 10**12}]",
        "input: [8, 64]\nlayers: [conv: {out: 8, kernel: 3, dilation: 10**12, padding: half}]",
        "input: [8, 64, 64]\nlayers: [max_pool: {kernel: 1, stride: 10**12}]",
        "input: [10**40, 4096, 4096]\nlayers: [conv: {out: 10**40, kernel: 1, stride: 3}]",
        "input: [8, 64]\nlayers: [{do: [{do: [dropout, relu], repeat: 10**9}], repeat: 10**9}, linear: {out: 8}]",
        "input: [8, 33, 33]\nlayers: [{do: [conv: {out: 8, kernel: 3, dilation: 2, padding: half}], repeat: 10**12}]",
        "input: [8, 4096, 4096]\nlayers: [{for: i, in: range(300), do: [{max_pool: {kernel: 1, stride: 1}}, dropout]}]",
        "input: [8, 64]\nlayers: [{for: i, in: range(8000), do: [dropout, batch_norm, relu]}]",
        "input: [8, 64]\nlayers: [{for: i, in: range(4000), do: [add: {x: [], f: [batch_norm, relu]}]}]",
    ],
)
def test_extreme_sizes_and_depths(text: str) -> None:
    start = time.perf_counter()
    try:
        linted(text)
    except ArchtoolError as error:
        assert "net.yaml" in str(error) or "layers" in str(error)
    assert time.perf_counter() - start < 10


def test_an_empty_network_has_nothing() -> None:
    assert linted("input: [8]\nlayers: []") == []


def test_shapes_are_what_the_examples_say() -> None:
    assert all(isinstance(parameter.values[1].input, Shape) for parameter in EXAMPLES) and len(EXAMPLES) > 50
