"""The JSON Schema of the language: it accepts what the reader accepts, and knows every kind and field."""

from __future__ import annotations

import re
from typing import Any

import jsonschema
import pytest
import yaml

from archtool import SpecError, load
from archtool.layer import find, kinds
from archtool.spec.catalog import shipped_files
from archtool.spec.schema import json_schema
from archtool.spec.spec import KEYS

SCHEMA = json_schema()
CHECK = jsonschema.Draft202012Validator(SCHEMA)
WHOLE = """
archtool: 1
name: whole
about: what the language has
source: https://example.org
inputs: {left: [c, 16, 16], right: [8, 16, 16], words: {tokens: 7, channels: 4}}
vars: {c: 8, act: relu, op: {conv: {out: 8, kernel: 3, padding: half}}, widths: [8, 2 * c, [1, 2]], wide: true, r: 1.5}
include: {}
blocks:
  unit:
    args: {out: required, k: 3, pad: "[[1, 1], [k // 2, 1]]", act: {leaky_relu: {negative_slope: 0.1}}}
    body:
      - conv: {out: out, kernel: [k, 3], padding: "pad"}
        name: wide
      - act
    outputs: [wide]
layers:
  - unit: {out: c}
    name: first
  - op
  - op: {kernel: 5}
  - add: {a: [], b: [conv: {out: c, kernel: 1}]}
  - concat:
    at: [left, right, first.wide]
  - for: [i, w]
    in: zip([0, 1], [8, 16])
    name: stage
    do:
      - if: i == 0 and w > 4
        then: [relu]
        else:
          - conv: {out: w, kernel: [1, 3], padding: [0, [1, 1]], bias: wide}
            name: turn
      - do: [relu, {batch_norm: {eps: 0.01}}]
        repeat: 2
        shares: both
        name: pair
        at: turn
  - for: j
    in: [1, 2]
    do: [relu]
  - conv: {out: x.channels, kernel: 3, padding: same, padding_mode: zeros}
    repeat: c
    first: {stride: 2}
    shares: weights
  - concat:
      some: {when: c > 4, do: []}
      each: {each: d, in: [1, 2], do: [conv: {out: 4, kernel: 3, padding: half, dilation: d}]}
  - dropout:
  - flatten: {}
outputs: [turn]
expect: {params: 1, macs: {value: 100, rel: 0.1}, output: [1]}
designs:
  narrow: {vars: {c: 4}, expect: {params: 2}}
  short: [relu]
given: {c: 1.., k: odd 1..11, s: [1, 2]}
claims:
  - params(whole) > 0
  - {that: params(whole) == c, name: one, why: so it is, when: c > 2}
explore: {over: {c: 1..4, "widths[0]": [1, 2], op: {each: 2, of: [relu, tanh]}}, minimize: macs, sample: 10}
lint: {select: [C, W301], ignore: [bias-before-norm]}
"""


def read(text: str) -> Any:
    """What an editor sees: YAML 1.1 as PyYAML loads it."""
    return yaml.safe_load(text)


def errors(text: str) -> list[str]:
    return [error.message for error in CHECK.iter_errors(read(text))]


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", shipped_files(), ids=lambda path: path.stem)
def test_shipped_specs_are_valid(path):
    assert errors(path.read_text(encoding="utf-8")) == []


def test_the_whole_language_is_valid():
    assert errors(WHOLE) == []
    assert load(WHOLE).designs == ("narrow", "short")


def test_every_key_and_kind_and_field_is_there():
    assert set(SCHEMA["properties"]) == set(KEYS)
    for kind in kinds():
        described = SCHEMA["$defs"][kind]
        assert described["description"], kind
        if find(kind).is_join:
            assert described["additionalProperties"] == {"$ref": "#/$defs/path"}
        else:
            assert list(described["properties"]) == list(find(kind).field_kinds())
            assert described["additionalProperties"] is False


def test_every_reference_leads_somewhere():
    found = set(re.findall(r"'\$ref': '#/\$defs/(\w+)'", str(SCHEMA)))
    assert found <= set(SCHEMA["$defs"])


def test_words_of_fields_are_there():
    assert "half" in str(SCHEMA["$defs"]["conv"]["properties"]["padding"])
    assert "reflect" in str(SCHEMA["$defs"]["conv"]["properties"]["padding_mode"])


HEAD = "input: [3, 16, 16]\n"


@pytest.mark.parametrize(
    "text",
    [
        "layer: [relu]",
        "layers: relu",
        "layers: [conv: {out: 8, kernal: 3}]",
        "layers: [conv: {out: 8, kernel: 3, bias: 3}]",
        "layers: [conv: {out: 0, kernel: 3}]",
        "layers: [conv: {out: 1.5, kernel: 3}]",
        "layers: [conv: {out: 8, kernel: 3, padding: [[1, 2, 3], 1]}]",
        "layers: [relu: {slope: 3}]",
        "layers: [add: {a: relu}]",
        "layers: [add: {a: {when: true}}]",
        "layers: [{for: i, in: [1], do: [relu], repeat: 3}]",
        "layers: [{if: true, do: [relu]}]",
        "layers: [relu]\nblocks: {unit: {args: {out: required}}}",
        "layers: [relu]\nblocks: {unit: {body: [relu], argument: {}}}",
        "layers: [relu]\narchtool: 2",
        "layers: [relu]\nexplore: {minimise: macs}",
        "layers: [relu]\nlint: {disable: [C101]}",
        "layers: [relu]\nlint: {ignore: C101}",
        "layers: [relu]\nclaims: [{name: no claim}]",
        "name: nothing",
    ],
)
def test_slips_are_refused_by_both(text):
    assert errors(HEAD + text)
    with pytest.raises(SpecError):
        load(HEAD + text).analyze()


def test_a_slip_in_a_design_is_refused_by_both():
    text = HEAD + "layers: [relu]\ndesigns: {small: {var: {}}}"
    assert errors(text)
    with pytest.raises(SpecError, match="'var'"):
        load(text, "small")


@pytest.mark.parametrize("kind", sorted(kind for kind in kinds() if not find(kind).is_join))
def test_misspelt_fields_are_refused(kind):
    assert errors(HEAD + f"layers: [{kind}: {{qwerty: 1}}]")
    assert errors(HEAD + f"layers: [{kind}: {{qwerty: expression + 1}}]")


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_expressions_are_allowed_in_every_field(kind):
    if find(kind).is_join:
        return
    required = "".join(f", {name}: n" for name in find(kind).required())
    for field in find(kind).field_kinds():
        others = required.replace(f", {field}: n", "")
        assert errors(HEAD + f"layers: [{kind}: {{{field}: some * expression{others}}}]") == []


@pytest.mark.parametrize("kind", [kind for kind in sorted(kinds()) if find(kind).required()])
def test_required_fields_are_required(kind):
    assert errors(HEAD + f"layers: [{kind}: {{}}]")


@pytest.mark.parametrize("kind", sorted(kinds()))
def test_examples_of_kinds_are_valid(kind):
    for example in find(kind).examples:
        if not find(kind).is_join:
            fields = {name: "other" if name in find(kind).sides else value for name, value in example.fields.items()}
            step = {kind: fields}
            assert list(CHECK.iter_errors({"input": [3, 4, 4], "layers": [step]})) == []
