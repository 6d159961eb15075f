"""What a broken spec most likely meant: YAML's complaints, and the slips it does not see, in plain words.

Everything here works on the text alone, after the reader has met a fault (or a suspicion of one): a good spec never
loads this module. Offsets count characters from 0; lines and columns count from 1.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any, NamedTuple

from archtool.errors import SpecError

if TYPE_CHECKING:
    from archtool.spec.reader import Source

LONGEST_HINT = 120  # characters; a longer correction shows its entry alone, or nothing
DEEPEST_HINT = 50  # brackets within brackets; deeper ones are shown as they stand

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


# --- flow collections, read again with every bracket balanced ---------------------------------------------------

_QUOTED = r""" (?<!\w) (?: "[^"\\]*(?:\\.[^"\\]*)*"? | '[^']*(?:''[^']*)*'? ) """
_COMMENT = r" (?<!\S) \#[^\n]* "
_QUOTED_OR_COMMENT = re.compile(f"(?P<quoted>{_QUOTED}) | {_COMMENT}", re.VERBOSE | re.DOTALL)
_TOKEN = re.compile(
    rf"{_QUOTED} | {_COMMENT} | (?P<mark> [\[\](){{}},] | : (?= [\s,\[\]{{}}] | \Z ) | (?<= [\"'] ) : )",
    re.VERBOSE | re.DOTALL,
)
_NOT_APART = re.compile(r"(?P<key>\w+)(?:\s*(?=\{)|:(?=[^\s,}\]]))")  # `conv {out: 3}`, `out:3`
_LEADING = re.compile(r"(?:\s|#[^\n]*)*")
_CLOSING = {"[": "]", "{": "}", "(": ")"}


class Group:
    """A pair of brackets: the offsets of both, of the commas and key colons directly inside, and the groups inside."""

    __slots__ = ("depth", "end", "inner", "marks", "start")

    def __init__(self, start: int, depth: int) -> None:
        self.start = start
        self.end = -1
        self.depth = depth
        self.marks: list[int] = []
        self.inner: dict[int, Group] = {}


class Entry(NamedTuple):
    """One entry of a flow collection, between two commas.

    `key` is None for an item without one; `collection` is the group that is the whole value, and `value` the text of
    any other value; `colons` are the offsets of key colons, one at most in a good entry; `apart`: a colon and a space
    stand between key and value.
    """

    start: int
    key: str | None
    value: str
    collection: Group | None
    colons: list[int]
    apart: bool = True

    @property
    def needs_quotes(self) -> bool:
        if len(self.colons) > 1:  # a comma is missing, and where the value ends is a guess
            return False
        return any(text != _quoted_where_needed(text) for text in (self.key or "", self.value))


def bracketed(text: str, start: int, stop: int = sys.maxsize) -> tuple[Group, Group | None]:
    """The group that opens at `start`, and the group without a closing bracket before `stop` if there is one."""
    root = Group(start, 0)
    stack = [root]
    for match in _TOKEN.finditer(text, start + 1, stop):
        mark, at, top = match["mark"], match.start(), stack[-1]
        if mark is None or (mark == ")" and text[top.start] != "("):  # to YAML a ) is a letter
            continue
        if mark in ",:":
            top.marks.append(at)
        elif mark in _CLOSING:
            top.inner[at] = Group(at, len(stack))
            stack.append(top.inner[at])
        elif mark != _CLOSING[text[top.start]]:
            return root, top
        else:
            top.end = at
            stack.pop()
            if not stack:
                return root, None
    return root, root


def entries(text: str, group: Group) -> Iterator[Entry]:
    """The entries of a closed collection, in the order written."""
    start, colons = group.start + 1, []
    for at in [*group.marks, group.end]:
        if text[at] == ":":
            colons.append(at)
            continue
        start = _past_blanks(text, start)
        if start < at:
            yield _entry(text, group, start, at, colons)
        start, colons = at + 1, []


def _entry(text: str, group: Group, start: int, end: int, colons: list[int]) -> Entry:
    key = _clean(text[start : colons[0]]) if colons else None
    value = _past_blanks(text, colons[0] + 1) if colons else start
    apart = not colons or text[colons[0] + 1] not in "[{" or text[colons[0] - 1] in "'\""
    found = None if colons else _NOT_APART.match(text, start, end)
    if found and (text[group.start] == "{" or text[found.end()] == "{"):
        key, value, apart = found["key"], found.end(), False
    inner = group.inner.get(value)
    if inner and text[value] != "(" and not _clean(text[inner.end + 1 : end]):
        return Entry(start, key, "", inner, colons, apart)
    return Entry(start, key, _clean(text[value:end]), None, colons, apart)


def flow_slip(source: Source, start: int, stop: int) -> SpecError | None:
    """The first slip in the flow collection at `start`, as an error; None without one.

    That is an expression that needs quotes, or a key without a colon and a space between it and its value.

    The collection is known to end before `stop`.
    """
    root, unmatched = bracketed(source.text, start, stop)
    pending = [] if unmatched else [root]
    while pending:
        group = pending.pop()
        inside = list(entries(source.text, group))
        for entry in inside:
            if entry.needs_quotes:
                return _quotes_needed(source, group, entry)
            if not entry.apart:
                return _not_apart(source, group, entry)
        pending.extend(entry.collection for entry in reversed(inside) if entry.collection)
    return None


def _quotes_needed(source: Source, group: Group, entry: Entry) -> SpecError:
    brackets = "{ }" if source.text[group.start] == "{" else "[ ]"
    reason = f"an expression with [ ] or a comma needs quotes inside {brackets}"
    return source.error(reason, entry.start, source.line_at(entry.start), _write(source, group, entry, "it in quotes"))


def _not_apart(source: Source, group: Group, entry: Entry) -> SpecError:
    has_colon = source.text.startswith(f"{entry.key}:", entry.start)
    if source.text[group.start] == "[":
        reason = f"'{entry.key}' needs a colon and a space before its fields"
    else:
        reason = f"'{entry.key}' needs " + ("a space after the colon" if has_colon else "a colon and a space after it")
    write = _write(source, group, entry, f"{entry.key}: ...")
    return source.error(reason, entry.start, source.line_at(entry.start), write)


def _write(source: Source, group: Group, entry: Entry, otherwise: str) -> str:
    """The hint that shows the collection, or its entry, as it should be; `otherwise` where both are long."""
    write = _corrected(source.text, group)
    if len(write) > LONGEST_HINT:
        write = _corrected_entry(source.text, entry)
    return f"write {write if len(write) <= LONGEST_HINT else otherwise}"


def _corrected(text: str, group: Group) -> str:
    """The collection on one line, each expression that needs quotes in quotes."""
    if group.depth > DEEPEST_HINT:
        return _clean(text[group.start : group.end + 1])
    inside = ", ".join(_corrected_entry(text, entry) for entry in entries(text, group))
    return f"{text[group.start]}{inside}{text[group.end]}"


def _corrected_entry(text: str, entry: Entry) -> str:
    value = _corrected(text, entry.collection) if entry.collection else entry.value
    if entry.needs_quotes and not entry.collection:
        value = _quoted_where_needed(value)
    return value if entry.key is None else f"{_quoted_where_needed(entry.key)}: {value}"


def _quoted_where_needed(value: str) -> str:
    if value[:1] in ("'", '"') or not re.search(r"[,\[\]{}]", value):
        return value
    if '"' in value or "\\" in value:
        return "'" + value.replace("'", "''") + "'"
    return f'"{value}"'


def _clean(text: str) -> str:
    """The text on one line, without comments."""
    text = _QUOTED_OR_COMMENT.sub(lambda match: match["quoted"] or "", text)
    return " ".join(text.split()) if "\n" in text else text.strip()


def _past_blanks(text: str, start: int) -> int:
    match = _LEADING.match(text, start)
    return match.end() if match else start


# --- slips that stand in lines ----------------------------------------------------------------------------------

_BARE_STEP = re.compile(r"\s*(?:(?P<dash>-)[ ]+)+(?P<word>\w+)\s*(?:\s#.*)?")
_KEY = re.compile(r"\s*(?P<word>\w+)\s*:(?:\s|$)")
_NOT_KEYED = re.compile(r"(?P<blank>\s*)(?P<dashes>(?:-\s+)*)(?P<word>\w+)(?:(?P<colon>:)|\s*)(?=[\[{])")
_GOES_ON = re.compile(r"\s*(?!(?:if|else|and|or|not|in|for)\b)(?P<word>(?:-\s+)?\w+)")


def colon_slip(source: Source, line: int) -> SpecError | None:
    """`- word` with a key indented below it, on `line`: the word lacks its colon."""
    key = _KEY.match(source.raw_line(line))
    above = _line_above(source, line)
    step = _BARE_STEP.fullmatch(source.raw_line(above))
    if not key or not step or key.start("word") < step.end("dash"):
        return None
    return source.error(
        f"'{step['word']}' needs a colon before '{key['word']}' can stand beside it",
        source.offset(above, step.start("word") + 1),
        f'write "- {step["word"]}:"',
    )


def _line_above(source: Source, line: int) -> int:
    """The nearest line above that is neither empty nor a comment; 0 without one."""
    line -= 1
    while line > 0 and source.raw_line(line).strip()[:1] in ("", "#"):
        line -= 1
    return line


def key_slip(source: Source, line: int) -> SpecError | None:
    """`- conv {out: 3}`, `- conv:{out: 3}` or `input [3, 32, 32]` on `line`: a colon or its space is missing."""
    key = _NOT_KEYED.match(source.raw_line(line))
    if not key:
        return None
    at = source.offset(line, key.end() + 1)
    bracket, is_step = source.text[at], bool(key["dashes"])
    if bracket == "[" and (is_step or not (key["colon"] or source.text[at - 1].isspace())):  # w[i], an expression
        return None
    group, unmatched = bracketed(source.text, at)
    value = "" if unmatched else _corrected(source.text, group)
    if not value or len(value) > LONGEST_HINT:
        value = f"{bracket}...{_CLOSING[bracket]}"
    lacks = "a space after the colon" if key["colon"] else "a colon"
    reason = f"'{key['word']}' needs " + ("a colon and a space before its fields" if is_step else lacks)
    written = f"{'- ' * key['dashes'].count('-')}{key['word']}: {value}"
    return source.error(reason, source.offset(line, key.start("word") + 1), f'write "{written}"')


def run_on_slip(source: Source, line: int) -> SpecError | None:
    """A bare step on `line` that YAML reads together with the line below: no expression puts two names side by side."""
    step = _BARE_STEP.fullmatch(source.raw_line(line))
    below = _GOES_ON.match(source.raw_line(line + 1))
    if not step or not below:
        return None
    return colon_slip(source, line + 1) or source.error(
        f"'{step['word']}' runs on into the next line, '{source.line(line + 1)}'",
        source.offset(line, step.start("word") + 1),
        "line up each step's '- ' with the one above; write a key beside a step with a ':'",
    )


# --- YAML's own complaints --------------------------------------------------------------------------------------

# What PyYAML says (its C and its Python parser differ), what we say, and whether the fault is where it began
# reading (the context) rather than where it stopped. {char} is the character there.
_FAULTS = (
    ("unexpected end of stream|unexpected document", "this quoted text is never closed", True),
    ("(alias|anchor).*alphabetic", "a value cannot start with {char}; quote it", True),
    (r"\btag\b", "tags (!...) are refused: archtool decides the type of a value by its place", True),
    ("unexpected ':'", "a ':' needs a space and a value after it", True),
    ("expected ':'", "a key needs a ':' after it", True),
    ("cannot start any token|keys are not allowed", "a value cannot start with {char}; quote it", False),
    (
        "mapping values are not allowed",
        "a ':' cannot stand here: a text with ': ' needs quotes, a key lines up with the keys beside it",
        False,
    ),
    ("sequence entries are not allowed", "a list cannot start here: put its first '- ' on a line of its own", False),
    ("escape", "an unknown escape in a text in double quotes: write \\\\ for a backslash, or use single quotes", False),
    ("block scalar", "after | or > only + or - and a digit may stand", False),
    ("incompatible YAML|YAML directive", "only YAML 1.1 and 1.2 are read", False),
    ("document start", "unexpected text after the end of the spec", False),
    ("node content", "a value is missing before {char}", False),
    ("expected ',' or", "expected ',' or the closing bracket before {char}", False),
)
_MISALIGNED = re.compile("expected key|expected '-'|expected <block end>")


def explain(source: Source, error: Exception, flow: tuple[int, int] | None, inside: bool) -> SpecError:
    """PyYAML's `error` as a SpecError in plain words.

    `flow` is the line and column of the outermost flow collection begun last; `inside`: it was still open.
    """
    mark = getattr(error, "problem_mark", None)
    if mark is None:  # the text never got as far as YAML's grammar
        return refused_character(source)
    at = source.offset(mark.line + 1, mark.column + 1)
    start = source.offset(*flow) if flow else 0
    return (
        (flow and inside and _flow_fault(source, start))
        or (flow and not inside and _goes_on_after_bracket(source, start, at))
        or _tab(source, at)
        or colon_slip(source, mark.line + 1)
        or key_slip(source, mark.line + 1)
        or key_slip(source, _line_above(source, mark.line + 1))
        or _plain_words(source, error, at)
    )


def refused_character(source: Source) -> SpecError:
    """The error for a character that YAML does not take."""
    match = _UNPRINTABLE.search(source.text)
    if not match:
        return source.error("a character that YAML refuses", 0)
    return source.error(f"the character U+{ord(match[0]):04X} is not allowed in a spec", match.start())


def _flow_fault(source: Source, start: int) -> SpecError | None:
    slip = flow_slip(source, start, len(source.text))
    if slip:
        return slip
    root, unmatched = bracketed(source.text, start)
    if unmatched:
        opening = source.text[unmatched.start]
        reason = f"this '{opening}' has no matching '{_CLOSING[opening]}'"
        return source.error(reason, unmatched.start, source.line_at(unmatched.start))
    return _comma_missing(source, root)


def _comma_missing(source: Source, root: Group) -> SpecError | None:
    """`{out: 64 kernel: 3}`: the word before the second colon should follow a comma."""
    pending = [root]
    while pending:
        group = pending.pop()
        pending.extend(group.inner.values())
        for entry in entries(source.text, group):
            for first, second in zip(entry.colons, entry.colons[1:], strict=False):
                key = re.search(r"\S\s+(\w+)\s*\Z", source.text[first + 1 : second])
                if key:
                    at = first + 1 + key.start(1)
                    return source.error(f"a ',' is missing before '{key[1]}'", at, source.line_at(at))
    return None


def _goes_on_after_bracket(source: Source, start: int, at: int) -> SpecError | None:
    """`in: [0, 1][i]`: an expression that begins like a list or a mapping."""
    root, unmatched = bracketed(source.text, start)
    text = source.text
    line = source.position(at).line
    if unmatched or text[root.end + 1 : at].strip() or not root.end < at or source.position(root.end).line != line:
        return None
    if text[at : at + 1] in _CLOSING.values():
        return source.error(f"this '{text[at]}' closes nothing", at, source.line_at(at))
    end = source.offset(line, 1) + len(source.raw_line(line))
    write = _quoted_where_needed("x" + _clean(text[start:end])).replace("x", "", 1)
    return source.error(f"an expression that starts with {text[start]} needs quotes", start, f"write {write}")


def _tab(source: Source, at: int) -> SpecError | None:
    """A tab at the fault or in the indentation of its line."""
    position = source.position(at)
    blanks = "".join(takewhile(str.isspace, source.raw_line(position.line)))
    if source.text[at : at + 1] != "\t" and "\t" not in blanks:
        return None
    column = blanks.index("\t") + 1 if "\t" in blanks else position.column
    return source.error("a tab in the indentation: YAML takes only spaces", source.offset(position.line, column))


def _plain_words(source: Source, error: Any, at: int) -> SpecError:
    said = f"{error.context or ''} {error.problem or ''}"
    if _MISALIGNED.search(said):
        return _misaligned(source, error, at)
    for pattern, words, at_context in _FAULTS:
        if re.search(pattern, said):
            if at_context and error.context_mark:
                at = source.offset(error.context_mark.line + 1, error.context_mark.column + 1)
            char = f"'{source.text[at]}'" if source.text[at : at + 1].strip() else "the end of the line"
            line = source.line_at(at)
            return source.error(words.format(char=char), at, *([line] if line else []))
    return source.error(f"YAML: {said.strip()}", at)


def _misaligned(source: Source, error: Any, at: int) -> SpecError:
    line, column = source.position(at)[1:]
    if source.raw_line(line)[: column - 1].strip(" -"):
        return source.error("unexpected text after the value: quote the whole of it", at, source.line(line))
    begun = f" that began on line {error.context_mark.line + 1}" if error.context_mark else ""
    what = "list" if "collection" in (error.context or "") else "mapping"
    return source.error(f"this line does not line up with the {what}{begun}", at, source.line(line))
