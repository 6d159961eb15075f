"""The reader: positions, what it refuses and in which words, and that nothing ever ends in a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from archtool.errors import Position, SpecError
from archtool.spec import reader
from archtool.spec.reader import Document, Mapping, Node, Scalar, Sequence, read_file, read_text

RESNET_LIKE = """\
archtool: 1
name: small
about: a text
  over two lines
input: [3, res, res]
vars: {width: 64, depths: [3, 4], res: 224}
blocks:
  unit:
    args: {mid: required, out: 4 * mid}
    body:
      - concat:
          kept: []
          gate: {when: stride == 1 and input.channels == out, do: []}
          wide: [conv: {out: out, kernel: [1, 7], padding: [[1, 2], [3, 4]]}, relu]
layers:
  - for: [i, n]
    in: zip(range(4), depths)
    do:
      - unit: {mid: width * 2**i}
        repeat: n
  - unit:
    repeat: 2
  - linear: {out: round(width * 1.5), shape: [x.tokens, x.channels]}
claims:
  - params(P) ==
    c_in * mid
"""
SPECS = [RESNET_LIKE, *(path.read_text() for path in sorted((Path(__file__).parents[2] / "specs").rglob("*.yaml")))]


@pytest.fixture(params=["libyaml", "pure"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both of PyYAML's parsers: libyaml's, and the Python one where libyaml is missing."""
    if request.param == "pure":
        monkeypatch.setitem(sys.modules, "yaml._yaml", None)
    return str(request.param)


def refusal(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        read_text(text, "net.yaml")
    return str(caught.value)


def plain(node: Node) -> object:
    """The tree without positions."""
    if isinstance(node, Scalar):
        return node.text
    if isinstance(node, Sequence):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, (_, value) in node.entries.items()}


def nodes(node: Node) -> list[Node]:
    if isinstance(node, Sequence):
        return [node, *(inner for item in node.items for inner in nodes(item))]
    if isinstance(node, Mapping):
        return [node, *(inner for pair in node.entries.values() for part in pair for inner in nodes(part))]
    return [node]


# --- what a good spec reads as ---


@pytest.mark.parametrize("text", SPECS)
@pytest.mark.usefixtures("parser")
def test_the_tree_is_what_yaml_reads_with_every_scalar_a_text(text: str) -> None:
    expected = yaml.load(text, Loader=yaml.BaseLoader)  # BaseLoader builds only texts
    assert plain(read_text(text, "net.yaml").root) == expected


@pytest.mark.parametrize("text", SPECS)
@pytest.mark.usefixtures("parser")
def test_every_plain_scalar_stands_where_its_position_says(text: str) -> None:
    document, lines = read_text(text, "net.yaml"), text.splitlines()
    for node in nodes(document.root):
        if isinstance(node, Scalar) and not node.quoted:  # its first word: it may span lines
            assert lines[node.line - 1][node.column - 1 :].startswith(node.text.partition(" ")[0])
        assert document.at(node) == Position("net.yaml", node.line, node.column)


@pytest.mark.parametrize("word", ["no", "on", "1:20", "010", "1_000", "0x1F", "true", ".inf", "2001-01-01", "1..4"])
def test_words_stay_words(word: str) -> None:
    value = read_text(f"a: {word}", "net.yaml").root.entries["a"][1]
    assert isinstance(value, Scalar)
    assert (value.text, value.quoted) == (word, False)


@pytest.mark.parametrize(
    ("written", "text", "quoted"),
    [
        ("", "", False),
        ("~", "", False),
        ("null", "", False),
        ("'null'", "null", True),
        ('""', "", True),
        ("|\n  x: 1\n  y\n", "x: 1\ny\n", True),
        (">\n  x\n  y\n", "x y\n", True),
        ("'x[i]'", "x[i]", True),
    ],
)
@pytest.mark.usefixtures("parser")
def test_null_quoted_and_block_scalars(written: str, text: str, quoted: bool) -> None:
    value = read_text(f"a: {written}", "net.yaml").root.entries["a"][1]
    assert isinstance(value, Scalar)
    assert (value.text, value.quoted) == (text, quoted)


def test_flow_and_block_are_told_apart() -> None:
    root = read_text("a: [1]\nb:\n  - {c: 1}\n", "net.yaml").root
    a, b = (value for _, value in root.entries.values())
    assert isinstance(a, Sequence)
    assert isinstance(b, Sequence)
    assert isinstance(b.items[0], Mapping)
    assert (root.flow, a.flow, b.flow, b.items[0].flow) == (False, True, False, True)


def test_an_empty_step_and_a_byte_order_mark() -> None:
    document = read_text("\ufefflayers:\n  - unit:\n    repeat: 2\n", "<stdin>")
    assert plain(document.root) == {"layers": [{"unit": "", "repeat": "2"}]}
    assert (document.name, document.text[0]) == ("<stdin>", "l")


def test_a_good_spec_loads_no_diagnosis_and_the_reader_alone_no_yaml() -> None:
    code = (
        "import sys; from archtool.spec.reader import read_text; assert 'yaml' not in sys.modules;"
        "read_text('a: [1]', 'x'); assert 'archtool.spec.slips' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# --- the likeliest slips ---

QUOTES = "an expression with [ ] or a comma needs quotes inside"


@pytest.mark.parametrize(
    ("line", "column", "inside", "write"),
    [
        ("    - conv: {out: widths[i], kernel: 3}", 14, "{ }", '{out: "widths[i]", kernel: 3}'),
        ("  - conv: {out: max(a, b), kernel: 3}", 12, "{ }", '{out: "max(a, b)", kernel: 3}'),
        ("  - conv: {kernel: 3, out: f(g(a, b), c)}", 23, "{ }", '{kernel: 3, out: "f(g(a, b), c)"}'),
        ("  - conv: {a: f(x, y), b: g(z, y)}", 12, "{ }", '{a: "f(x, y)", b: "g(z, y)"}'),  # the key y) twice
        ("  - conv: {kernel: [max(a, b), 3]}", 21, "[ ]", '["max(a, b)", 3]'),
        ("  - [max(a, [b, c]), 3]", 6, "[ ]", '["max(a, [b, c])", 3]'),
        ("  - conv: {out: [1, 2][i], k: [f(a, b)]}", 12, "{ }", '{out: "[1, 2][i]", k: ["f(a, b)"]}'),
        ("  - over: {depths[0]: 1..4}", 12, "{ }", '{"depths[0]": 1..4}'),
        ("  - conv: {out: f('a, b'), name: 'x, y'}", 12, "{ }", "{out: \"f('a, b')\", name: 'x, y'}"),
        ('  - conv: {out: f("a, b")}', 12, "{ }", "{out: 'f(\"a, b\")'}"),
        ("  - conv: {about: it's (a, b)}", 12, "{ }", '{about: "it\'s (a, b)"}'),
        ("  - conv: {out: list(w for w in [1, 2])}", 12, "{ }", '{out: "list(w for w in [1, 2])"}'),
        ("  - conv: {out: x[1:2], bias: }", 12, "{ }", '{out: "x[1:2]", bias: }'),
    ],
)
@pytest.mark.usefixtures("parser")
def test_an_expression_that_needs_quotes(line: str, column: int, inside: str, write: str) -> None:
    expected = f"net.yaml:2:{column}: {QUOTES} {inside}\n  {line.strip()}\n  write {write}"
    assert refusal(f"layers:\n{line}\n") == expected
    read_text(f"a: {write}", "net.yaml")  # what we say is right


@pytest.mark.usefixtures("parser")
def test_an_expression_that_needs_quotes_over_several_lines() -> None:
    text = "a: {x: 1,  # not [ this\n  out: max(a,\n    b), c: 3}\n"
    assert refusal(text) == f'net.yaml:2:3: {QUOTES} {{ }}\n  out: max(a,\n  write {{x: 1, out: "max(a, b)", c: 3}}'


def test_a_long_correction_shows_its_entry_alone_and_a_longer_one_nothing() -> None:
    filling = ", ".join(f"k{i}: 1" for i in range(50))
    assert refusal(f"a: {{{filling}, out: w[i]}}").endswith('...\n  write out: "w[i]"')
    assert refusal(f"a: {{out: {'x + ' * 50}w[i]}}").endswith("...\n  write it in quotes")


@pytest.mark.parametrize(
    "value",
    [
        "[x.tokens, x.channels]",
        "{kernel: [1, 7]}",
        "[[1, 2], [3, 4]]",
        "{when: stride == 1 and input.channels == out, do: []}",
        "{squeeze: round(se * input.channels), k: 1}",
        '{out: "max(a, b)", k: (a + b) * 2}',
        "{about: a smile :( here, k: 1}",
    ],
)
@pytest.mark.usefixtures("parser")
def test_what_is_no_slip_is_left_alone(value: str) -> None:
    assert plain(read_text(f"a: {value}", "net.yaml").root) == yaml.load(f"a: {value}", yaml.BaseLoader)


@pytest.mark.parametrize("between", ["", "  # twice", "\n", "\n# twice\n"])
@pytest.mark.usefixtures("parser")
def test_a_step_without_the_colon_its_beside_words_need(between: str) -> None:
    text = f"layers:\n    - mixed_e{between}\n      repeat: 2\n"
    expected = "net.yaml:2:7: 'mixed_e' needs a colon before 'repeat' can stand beside it\n  write \"- mixed_e:\""
    assert refusal(text) == expected


@pytest.mark.parametrize("below", ["    relu", "   - relu"])
@pytest.mark.usefixtures("parser")
def test_a_step_that_swallows_the_next_line(below: str) -> None:
    said = refusal(f"layers:\n  - relu\n{below}\n")
    assert said.startswith(f"net.yaml:2:5: 'relu' runs on into the next line, '{below.strip()}'\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- conv {a: 1, b: 2}", "net.yaml:1:3: 'conv' needs a colon and a space before its fields\n  "),
        ("- conv:{a: 1,\n   b: 2}", "net.yaml:1:3: 'conv' needs a colon and a space before its fields\n  "),
        ("- x\n- conv{a: 1}", "net.yaml:2:3: 'conv' needs a colon and a space before its fields\n  "),
    ],
)
@pytest.mark.usefixtures("parser")
def test_a_step_that_is_stuck_to_its_fields(text: str, said: str) -> None:
    fields = "{a: 1, b: 2}" if "b:" in text else "{a: 1}"
    assert refusal(text) == f'{said}write "- conv: {fields}"'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input [3, 4]\n\n# x\nb: 1", "1:1: 'input' needs a colon\n  write \"input: [3, 4]\""),
        ("b: 1\ninput [3, 4]", "2:1: 'input' needs a colon\n  write \"input: [3, 4]\""),
        ("input {a: 1}", "1:1: 'input' needs a colon\n  write \"input: {a: 1}\""),
        ("a:\n  b:[1]\n  c: 1", "2:3: 'b' needs a space after the colon\n  write \"b: [1]\""),
        ("a: {b:3}", "1:5: 'b' needs a space after the colon\n  a: {b:3}\n  write {b: 3}"),
        (
            "a: {c: 1, b:x + 1}",
            "1:11: 'b' needs a space after the colon\n  a: {c: 1, b:x + 1}\n  write {c: 1, b: x + 1}",
        ),
        ("a: {b:w[i]}", f'1:5: {QUOTES} {{ }}\n  a: {{b:w[i]}}\n  write {{b: "w[i]"}}'),
        ("a: {b {c: 1}}", "1:5: 'b' needs a colon and a space after it\n  a: {b {c: 1}}\n  write {b: {c: 1}}"),
    ],
)
@pytest.mark.usefixtures("parser")
def test_a_key_that_is_stuck_to_its_value(text: str, said: str) -> None:
    assert refusal(text) == f"net.yaml:{said}"


@pytest.mark.parametrize("value", ['{"b:3"}', "{'b:3': }", "{b: c:3}", "{b:3: 4}", '"{b:3}"', "[b:3]"])
def test_a_colon_within_a_word_is_no_slip_elsewhere(value: str) -> None:
    assert plain(read_text(f"a: {value}", "net.yaml").root) == yaml.load(f"a: {value}", yaml.BaseLoader)


@pytest.mark.parametrize(
    "item", ["- a\n    if b else c", "- a +\n    b", "- a\n    and b", "- f(\n    x)", "- 'a\n    b'"]
)
def test_an_expression_may_span_lines(item: str) -> None:
    read_text(f"claims:\n  {item}\n", "net.yaml")


# --- what is refused ---


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "net.yaml:1:1: the file is empty: a spec has at least 'layers:'"),
        ("# nothing\n", "net.yaml:1:1: the file is empty: a spec has at least 'layers:'"),
        ("--- ~\n", "net.yaml:1:1: the file is empty: a spec has at least 'layers:'"),
        ("- a\n", "net.yaml:1:1: a spec is a mapping of keys like 'name:' and 'layers:', this is a list"),
        (
            "\nrelu\n",
            "net.yaml:2:1: a spec is a mapping of keys like 'name:' and 'layers:', this is a single word or text",
        ),
        ("a: x\0", "net.yaml:1:5: the character U+0000 is not allowed in a spec"),
        ("a: \x07", "net.yaml:1:4: the character U+0007 is not allowed in a spec"),
        ("a: \ud800", "net.yaml:1:4: the character U+D800 is not allowed in a spec"),
        ("a: \ufeffb", "net.yaml:1:4: the character U+FEFF is not allowed in a spec"),
        ("a: &x 1", "net.yaml:1:4: anchors (&x) are refused: write the value out where it is used"),
        ("a: &x [1]", "net.yaml:1:4: anchors (&x) are refused: write the value out where it is used"),
        ("a: *x", "net.yaml:1:4: aliases (*x) are refused: write the value out"),
        ("<<: 1", "net.yaml:1:1: merge keys (<<) are refused: write the entries out"),
        ("a: 1\n---\nb: 1", "net.yaml:2:1: a second document: a spec is one"),
        ("a: 1\nb: 2\na: 3", "net.yaml:3:1: the key 'a' stands twice, on lines 1 and 3"),
        ("a: {b: 1, b: 2}", "net.yaml:1:11: the key 'b' stands twice, on line 1"),
        ("? [a]\n: b", "net.yaml:1:3: a key is a word, this is a list"),
        ("{a: 1}: b", "net.yaml:1:1: a key is a word, this is a mapping"),
        ("null: 1", "net.yaml:1:1: a key cannot be empty or null"),
        ("'': 1", "net.yaml:1:1: a key cannot be empty or null"),
        ("a:\n\t- b", "net.yaml:2:1: a tab in the indentation: YAML takes only spaces"),
        ("a:\n  b: 1\n\tc: 2", "net.yaml:3:1: a tab in the indentation: YAML takes only spaces"),
        ("a: [1, 2\nb: 3\n", "net.yaml:1:4: this '[' has no matching ']'\n  a: [1, 2"),
        ("a: {b: [1}\n", "net.yaml:1:8: this '[' has no matching ']'\n  a: {b: [1}"),
        ("a: {b: 1}}\n", "net.yaml:1:10: this '}' closes nothing\n  a: {b: 1}}"),
        ("a: {x: 64 y: 3}", "net.yaml:1:11: a ',' is missing before 'y'\n  a: {x: 64 y: 3}"),
        ("in: [0, 1][i]  # x", 'net.yaml:1:5: an expression that starts with [ needs quotes\n  write "[0, 1][i]"'),
        ('a: "x" + y', 'net.yaml:1:8: unexpected text after the value: quote the whole of it\n  a: "x" + y'),
        ("a: 'x\nb: 1", "net.yaml:1:4: this quoted text is never closed\n  a: 'x"),
        ("a: ? x", "net.yaml:1:4: a value cannot start with '?'; quote it\n  a: ? x"),
        ("a: @x", "net.yaml:1:4: a value cannot start with '@'; quote it\n  a: @x"),
        ("a: 1\nb\nc: 1", "net.yaml:2:1: a key needs a ':' after it\n  b"),
        (
            "a:\n  - b: 1\n c: 1",
            "net.yaml:3:2: this line does not line up with the mapping that began on line 1\n  c: 1",
        ),
        (
            "a: b: c",
            "net.yaml:1:5: a ':' cannot stand here: a text with ': ' needs quotes, "
            "a key lines up with the keys beside it\n  a: b: c",
        ),
    ],
)
@pytest.mark.usefixtures("parser")
def test_refusals_say_what_and_where(text: str, said: str) -> None:
    assert refusal(text) == said


@pytest.mark.parametrize("tag", ["!!python/object:os.system", "!x", "!!int", "!q!x", "!<x y"])
@pytest.mark.usefixtures("parser")
def test_tags_are_refused(tag: str) -> None:
    tags = "net.yaml:1:4: tags (!...) are refused: archtool decides the type of a value by its place"
    assert refusal(f"a: {tag} [1]").startswith(tags)


@pytest.mark.parametrize("opening", ["a: [", "a: {b: ", "a:\n- - ", "a: [{b: "])
@pytest.mark.usefixtures("parser")
def test_deep_nesting_is_refused_and_never_recursed_into(opening: str) -> None:
    assert "nested more than 100 deep" in refusal(opening + opening[3:] * 10_000)


def test_deep_brackets_after_a_fault_are_not_recursed_into() -> None:
    deep = "[" * 10_000 + "]" * 10_000
    assert QUOTES in refusal(f"a: {{x: y[0], z: {deep}}}")
    assert "expected ','" in refusal(f"a: {{'x' y, z: {deep}}}")


def test_the_deepest_nesting_allowed() -> None:
    text = "a: " + "[" * 99 + "]" * 99
    assert isinstance(read_text(text, "net.yaml"), Document)


def test_a_text_larger_than_the_limit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(reader, "MAX_SIZE", 1000)
    assert refusal("#" * 1001) == "net.yaml:1:1: larger than 1_000 characters, the most a spec may have"
    path = tmp_path / "net.yaml"
    path.write_text("a: 1 #" + "é" * 600)
    with pytest.raises(SpecError, match="larger than 1_000 bytes"):
        read_file(path)


# --- files ---


def test_a_file_is_called_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("a: 1\n")
    assert read_file(path).name == str(path)


def test_a_file_that_is_not_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_bytes("a: 1\né: \xe9".encode() + b"\xff")
    with pytest.raises(SpecError) as caught:
        read_file(path)
    assert str(caught.value) == f"{path}:2:5: not UTF-8: byte 0xff at offset 11"


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    cases: list[tuple[str | Path, str]] = [
        (tmp_path / "none.yaml", "there is no such file"),
        (tmp_path, "this is a directory, not a file"),
        (f"{tmp_path}/a\0b", "this is not the name of a file"),
        (tmp_path / ("n" * 1000), "cannot read this file: File name too long"),
    ]
    for path, said in cases:
        with pytest.raises(SpecError) as caught:
            read_file(path)
        assert str(caught.value) == f"{os.fspath(path)}:1:1: {said}"
    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(SpecError, match="no permission to read this file"):
        read_file("net.yaml")


# --- nothing else ever comes out ---

TOKENS = [*":,-?&*!|>%@`#'\"\\[]{}()~ \t\n\r", "- ", ": ", "\n  ", "\r\n", "\x85", "\u2028", "\ufeff", "\0"]
TOKENS += ["<<", "---", "...", "%YAML 1.2\n", "!!x ", '"\\U99999999"', "é", "\U0001f600", "a", "f(a, b)", "w[i]"]


def only_a_document_or_a_spec_error(text: str) -> None:
    try:
        assert isinstance(read_text(text, "net.yaml"), Document)
    except SpecError as error:
        assert error.position is not None
        assert 1 <= error.position.line <= len(text.splitlines()) + 1
        assert 1 <= error.position.column <= len(text) + 1
        assert error.reason


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A spec with a few pieces cut out and a few tokens put in."""
    text = draw(st.sampled_from(SPECS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(["", *TOKENS])) + text[at + draw(st.integers(0, 6)) :]
    return text


@example("a: [")
@example("a: {")
@example("a: '")
@example("a: {b: '")
@example("{a: 1}\r\nb")
@given(st.text() | st.lists(st.sampled_from(TOKENS)).map("".join) | mutations())
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_document_or_a_spec_error(text: str) -> None:
    only_a_document_or_a_spec_error(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "yaml._yaml", None)
        only_a_document_or_a_spec_error(text)


@given(st.binary())
def test_any_bytes_are_a_document_or_a_spec_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("spec") / "net.yaml"
    path.write_bytes(data)
    try:
        read_file(path)
    except SpecError as error:
        assert error.position is not None
