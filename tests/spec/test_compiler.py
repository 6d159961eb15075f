"""Bad specs: each has its message, with its place and block path, and nothing else ever comes out.

bad_specs.txt holds them one after the other: '=== what is wrong', the spec, and after '---' how what is said begins.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from archtool import SpecError, load
from archtool.design import Design
from archtool.spec.reader import read_text

ROWS = Path(__file__).with_name("bad_specs.txt").read_text().split("=== ")[1:]
CASES = {row.partition("\n")[0]: row.partition("\n")[2] for row in ROWS}


def said_of(text: str, design: str | None = None) -> str:
    with pytest.raises(SpecError) as caught:
        Design(read_text(text, "net.yaml"), design).run  # noqa: B018 - evaluated when asked for
    return str(caught.value)


@pytest.mark.parametrize("case", CASES)
def test_a_bad_spec_is_refused_in_these_words(case: str) -> None:
    text, _, message = CASES[case].partition("--- ")
    assert said_of(text).startswith(message.rstrip("\n"))


def test_the_three_likeliest_slips_read_as_the_design_has_them() -> None:
    """The three likeliest slips, as they should read."""
    lines = "\n" * 11 + "  - conv: {out: widths[i], kernel: 3}\n"
    assert said_of(lines) == (
        "net.yaml:12:12: an expression with [ ] or a comma needs quotes inside { }\n"
        "  - conv: {out: widths[i], kernel: 3}\n"
        '  write {out: "widths[i]", kernel: 3}'
    )
    assert said_of("layers:\n  - mixed_e\n    repeat: 2\n") == (
        "net.yaml:2:5: 'mixed_e' needs a colon before 'repeat' can stand beside it\n  write \"- mixed_e:\""
    )
    assert said_of("input: [3]\nlayers:\n  - add:\n      main: relu\n") == (
        "net.yaml:4:13: layers[0] > add > main: a path is a list of steps, this is the single step 'relu'\n"
        "  write main: [relu]"
    )


@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_a_spec_nested_10_000_deep(brackets: str) -> None:
    left, right = ("[", "]") if brackets == "[]" else ("{a: ", "}")
    assert "nested more than 100 deep" in said_of("layers: " + left * 10_000 + right * 10_000 + "\n")


def test_blocks_may_be_nested_only_so_deep() -> None:
    blocks = "".join(f"  b{i}: {{body: [b{i + 1}]}}\n" for i in range(200))
    text = f"input: [3]\nblocks:\n{blocks}  b200: {{body: [relu]}}\nlayers: [b0]\n"
    assert said_of(text).endswith("blocks are nested more than 64 deep")


def test_a_long_chain_of_vars_holds_no_endless_list() -> None:
    doubled = "".join(f"  a{i + 1}: [a{i}, a{i}]\n" for i in range(60))
    assert said_of(f"input: [3]\nvars:\n  a0: [1, 1]\n{doubled}layers: [relu]\n").endswith(
        "a list of more than 100,000 items"
    )


def test_files_that_are_not_there_and_names_that_are_not_shipped(tmp_path: Path) -> None:
    for source, said in (
        (tmp_path / "none.yaml", "none.yaml:1:1: there is no such file"),
        (tmp_path, "this is a directory, not a file"),
        ("resnt50", "'resnt50' is neither a file nor a shipped spec; did you mean 'resnet50'?"),
    ):
        with pytest.raises(SpecError) as caught:
            load(source)
        assert said in str(caught.value)
    (tmp_path / "latin.yaml").write_bytes(b"input: [3]\nname: caf\xe9\n")
    with pytest.raises(SpecError, match=r"latin\.yaml:2:10: not UTF-8: byte 0xe9 at offset 20"):
        load(tmp_path / "latin.yaml")


def test_knobs_are_checked_like_specs() -> None:
    text = "input: [3, 8, 8]\nvars: {width: 4, depths: [1, 2]}\nlayers:\n  - conv: {out: width, kernel: 1}\n"
    assert load(text, width="2 * 3").run.output.shape.channels == 6
    assert load(text, width=5).run.output.shape.channels == 5
    for knobs, said in (
        ({"width": "2 *"}, "--set width:1:8: '2 *' is not an expression"),
        ({"width": "depths"}, "out: [1, 2] is not a whole number of at least 1"),
        ({"width": object()}, "is not a value of the language"),
        ({"witdh": 3}, "has no var 'witdh'; did you mean 'width'?"),
    ):
        with pytest.raises(SpecError) as caught:
            load(text, **knobs).run  # noqa: B018 - evaluated when asked for
        assert said in str(caught.value)
