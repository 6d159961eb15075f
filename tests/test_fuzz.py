"""Good specs, broken at random: whatever comes of them, it is a result or an error that a person can read."""

from __future__ import annotations

import os
import re
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from archtool import ArchtoolError, load
from archtool.flatten import flat_network

TESTS = Path(__file__).parent
SMALL = """\
archtool: 1
name: small
input: [3, res, 32]
vars: {width: 8, depths: [2, 3], res: 32, act: relu, rates: [1, 2]}
blocks:
  unit:
    args: {mid: required, stride: 1, out: 4 * mid, act: relu}
    body:
      - add:
          main:
            - conv: {out: mid, kernel: [1, 3], padding: half, bias: false}
            - batch_norm
            - act
            - depthwise_conv: {kernel: 3, stride: stride, padding: [[1, 1], 1]}
            - pointwise_conv: {out: out, groups: 2}
              name: narrow
          shortcut:
            - if: stride != 1 or input.channels != out
              then:
                - conv: {out: out, kernel: 1, stride: stride}
              else: [identity]
      - act
    outputs: [narrow]
layers:
  - conv: {out: width, kernel: 7, stride: 2, padding: half, bias: false}
    name: stem
  - for: [i, n]
    in: zip(range(2), depths)
    name: stage
    do:
      - unit: {mid: width * 2**i, act: act}
        repeat: n
        first: {stride: 1 if i == 0 else 2}
        name: u
  - concat:
      kept: {when: res > 16, do: []}
      rate: {each: r, in: rates, do: [conv: {out: "max(r, 2)", kernel: 3, dilation: r, padding: half}]}
  - max_pool: {kernel: 3, stride: 2, ceil_mode: true}
  - do: [{conv: {out: x.channels, kernel: 3, padding: 1}, shares: w}, dropout: {p: 0.2}]
    repeat: depths[0] + 1
  - global_avg_pool
  - flatten
  - linear: {out: 10}
designs:
  wide: {vars: {width: 16}, expect: {params: {value: 5, rel: 0.1}}}
  other: [relu, adaptive_avg_pool: {size: [3, 4]}]
expect: {params: 1_234}
given: {width: 1.., res: odd 1..99}
claims: [params > 0, {that: width > 0, why: because}]
explore: {over: {width: 8..64:8}, minimize: params}
"""
SPECS = [SMALL, *(path.read_text() for path in sorted((TESTS.parent / "specs").rglob("*.yaml")))]
WORDS = re.compile(r"[\w.]+|[^\w\s]|\n *")
STRANGE = [
    "0", "-1", "1", "2", "7", "0.5", "1e9", "1e999", "10**12", "10**4000", "9**9**9", "2**64", "1/3", "1/0", "-5 % 0",
    "[]", "[1]", "[[1, 2], 3]", "{}", "{conv: {out: 3, kernel: 1}}", "''", "\"", "'", "{", "}", "[", "]", ":", ",", "-",
    "#", "&a", "*a", "!t", "|", ">", "%", "@", "`", "\t", "\x00", "\ufeff", "\ud7ff", "\xe9", "\xb2", "null", "~",
    "true", "false", "required", "x", "input", "x.channels", "input.size", "x.size", "x[0]", "range(10**9)",
    "list(i for i in range(99))", "zip(1, 2)", "sum(depths)", "unique([1, 1])", "log(0)", "sqrt(-1)", "exp(10**9)",
    "round(0.5)", "max()", "min([])", "len(5)", "relu", "conv", "add", "concat", "linear", "flatten", "batch_norm",
    "half", "same", "reflect", "name", "at", "repeat", "first", "shares", "for", "in", "do", "if", "then", "else",
    "when", "each", "args", "body", "outputs", "layers", "blocks", "vars", "designs", "expect", "include", "inputs",
    "resnet.yaml", "zoo/lenet5.yaml", "__class__", "lambda: 1", "x.__class__", "import os", "().__class__", "a.b.c",
    "1 if", "not", "and or", "==", "stem", "stage[0]", "u[5]", "narrow", "u.narrow",
]  # fmt: skip
EXAMPLES = int(os.environ.get("ARCHTOOL_FUZZ", "600"))


@st.composite
def broken(draw: st.DrawFn) -> str:
    """A good spec after a few strokes of bad luck."""
    text = draw(st.sampled_from(SPECS))
    for _ in range(draw(st.integers(1, 3))):
        text = draw(st.sampled_from([by_line, by_word, by_character]))(draw, text)
    return text


def by_line(draw: st.DrawFn, text: str) -> str:
    lines = text.splitlines(keepends=True) or [""]
    at, other = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    stroke = draw(st.sampled_from(["delete", "double", "swap", "indent", "dedent", "cut"]))
    if stroke == "delete":
        del lines[at]
    elif stroke == "double":
        lines.insert(other, lines[at])
    elif stroke == "swap":
        lines[at], lines[other] = lines[other], lines[at]
    elif stroke == "indent":
        lines[at] = " " * draw(st.integers(1, 4)) + lines[at]
    elif stroke == "dedent":
        lines[at] = lines[at].lstrip(" ")
    else:
        del lines[at:]
    return "".join(lines)


def by_word(draw: st.DrawFn, text: str) -> str:
    words = list(WORDS.finditer(text))
    if not words:
        return text
    word, other = draw(st.sampled_from(words)), draw(st.sampled_from(words))
    new = draw(st.sampled_from(STRANGE) | st.just(other[0]) | st.integers(-(2**70), 2**70).map(str))
    return text[: word.start()] + new + text[word.end() :]


def by_character(draw: st.DrawFn, text: str) -> str:
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from(STRANGE) | st.text(max_size=3)) + text[at + draw(st.integers(0, 2)) :]


def check_answer(text: str) -> None:
    """A result, or an error whose text begins with a place; flattening has a limit and says so."""
    try:
        design = load(text + "\n\n")
        design.run  # noqa: B018 - evaluated when asked for
        flat_network(design.run, tuple(design.inputs), limit=500)
    except ArchtoolError as error:
        said = str(error)
        assert said
        assert len(said) < 5000
        assert "Traceback" not in said


@settings(max_examples=EXAMPLES, deadline=None)
@given(broken())
def test_a_broken_spec_ends_in_a_result_or_a_readable_error(text: str) -> None:
    check_answer(text)


@settings(max_examples=EXAMPLES // 3, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from(STRANGE), max_size=12).map(" ".join))
def test_a_broken_value_ends_in_a_result_or_a_readable_error(value: str) -> None:
    check_answer(f"input: [3, 8, 8]\nvars: {{a: 2}}\nlayers:\n  - conv: {{out: 4, kernel: 1}}\n    repeat: {value}\n")
    check_answer(f"input: [3, 8, 8]\nvars:\n  a: {value}\nlayers:\n  - conv:\n      out: a\n      kernel: 1\n")
