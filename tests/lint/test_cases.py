"""Cases at the edge of a rule: what looks like its finding and is none, what does not look like it and is one."""

from __future__ import annotations

import pytest

from archtool.claims.lint.engine import asked, lint
from archtool.spec.reader import read_text


def has(code: str, layers: str, head: str = "input: [8, 32, 32]") -> bool:
    found = lint(asked(read_text(f"{head}\nlayers:\n{layers}", "net.yaml"), None, None), [code])
    return bool(found)


NORMED = """\
  - conv: {{out: 8, kernel: 1}}
    name: made
  - {between}
  - batch_norm{after}
"""


@pytest.mark.parametrize(
    ("between", "after", "found"),
    [
        ("dropout", "", False),  # while training it scales the bias, element by element
        ("relu", "", False),
        ("identity", "", False),  # told of the next layer alone
        ("group_norm: {groups: 2}", "", False),
    ],
)
def test_biases_with_something_before_the_norm(between: str, after: str, found: bool) -> None:
    assert has("N401", NORMED.format(between=between, after=after)) == found


def test_a_bias_that_someone_else_reads_or_the_network_puts_out_is_needed() -> None:
    both = "  - add: {a: [batch_norm], b: []}\n"
    assert not has("N401", "  - conv: {out: 8, kernel: 1}\n" + both)
    named = (
        "  - conv: {out: 8, kernel: 1}\n    name: made\n  - batch_norm:\n    name: normed\noutputs: [made, normed]\n"
    )
    assert not has("N401", named)
    assert has("N401", named.replace("made, ", ""))
    assert has("N401", "  - linear: {out: 8}\n  - batch_norm\n", "input: [8]")
    assert has("N401", "  - conv: {out: 8, kernel: 1}\n  - instance_norm\n")
    assert not has("N401", "  - conv: {out: 8, kernel: 1}\n  - layer_norm\n")


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ("  - conv: {out: 8, kernel: 3, stride: 2, dilation: 2, padding: half}\n", True),  # taps on even places alone
        ("  - conv: {out: 8, kernel: 2, stride: 2, dilation: 3}\n", False),  # one on even, one on odd places
        ("  - conv: {out: 8, kernel: [3, 1], stride: 2, padding: half}\n", True),  # along one axis alone
        ("  - max_pool: {kernel: 2, stride: 3}\n", True),
        ("  - global_avg_pool\n  - conv: {out: 8, kernel: 1, stride: 2}\n", False),  # one position: nothing to skip
        ("  - pixel_unshuffle: {factor: 2}\n", False),
    ],
)
def test_which_strides_skip(layers: str, found: bool) -> None:
    assert has("F201", layers) == found


TWO_READERS = """\
  - add:
      even: [conv: {{out: 8, kernel: 1, stride: 2, bias: false}}]
      other: [{pad}conv: {{out: 8, kernel: {kernel}, stride: 2, padding: {padding}, bias: false}}]
"""


def test_positions_that_two_readers_see_between_them() -> None:
    """Four of nine taps and the other five: together they see all; two of the same see the same quarter."""
    layers = TWO_READERS.format(pad="", kernel=3, padding="half")
    found = lint(asked(read_text(f"input: [8, 32, 32]\nlayers:\n{layers}", "net.yaml"), None, None), ["F201"])
    assert [each.diagnostic.level for each in found] == ["note"]
    layers = TWO_READERS.format(pad="", kernel=1, padding=0)
    found = lint(asked(read_text(f"input: [8, 32, 32]\nlayers:\n{layers}", "net.yaml"), None, None), ["F201"])
    assert [each.diagnostic.level for each in found] == ["warning", "warning"]


RESIDUAL = "  - add: {x: [], f: [conv: {out: 8, kernel: 3, padding: half}, %s]}\n"
LONG_SKIP = """\
  - add:
      x: []
      f:
        - conv: {out: 8, kernel: 3, stride: 2, padding: half}
        - relu
        - upsample: {scale: 2}
        - conv: {out: 8, kernel: 3, padding: half}
        - relu
"""


def test_only_a_residual_that_keeps_the_resolution_is_rectified() -> None:
    assert has("W502", RESIDUAL % "relu")
    assert has("W502", RESIDUAL % "relu, dropout")
    assert not has("W502", RESIDUAL % "leaky_relu: {negative_slope: 0.1}")
    assert not has("W502", LONG_SKIP), "what an encoder had is added to what a decoder makes"
    two = "  - add: {a: [conv: {out: 8, kernel: 1}, relu], b: [conv: {out: 8, kernel: 1}, relu]}\n"
    assert not has("W502", two), "neither is the other's input"


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ("  - relu\n  - dropout\n  - relu\n", True),
        ("  - concat: {a: [relu], b: [sigmoid]}\n  - relu\n", True),
        ("  - concat: {a: [relu], b: [tanh]}\n  - relu\n", False),
        ("  - relu\n  - pad: {padding: 1}\n  - relu\n", True),
        ("  - relu\n  - pad: {padding: 1, value: -1}\n  - relu\n", False),
        ("  - relu\n  - batch_norm\n  - relu\n", False),
        ("  - softplus: {beta: -1}\n  - relu\n", False),
        ("  - relu\n  - relu6\n", False),  # it cuts off at 6
        ("  - subtract: {a: [relu], b: [relu]}\n  - relu\n", False),
    ],
)
def test_which_rectifiers_are_idle(layers: str, found: bool) -> None:
    assert has("W503", layers) == found


@pytest.mark.parametrize(
    ("layers", "found"),
    [
        ("  - conv: {out: 8, kernel: 1}\n  - conv: {out: 8, kernel: 3, padding: half}\n", True),
        ("  - conv: {out: 8, kernel: 3}\n  - conv: {out: 8, kernel: 3}\n", False),  # a 5x5 has 25 weights, not 18
        ("  - conv: {out: 8, kernel: [3, 1]}\n  - conv: {out: 8, kernel: [1, 3]}\n", False),
        ("  - conv: {out: 16, kernel: 1}\n  - layer_norm\n  - conv: {out: 16, kernel: 1}\n", False),
        ("  - conv: {out: 16, kernel: 1}\n  - add: {a: [], b: [conv: {out: 16, kernel: 1}]}\n", False),
        ("  - conv: {out: 16, kernel: 1, groups: 2}\n  - conv: {out: 16, kernel: 1, groups: 4}\n", True),
        ("  - conv: {out: 16, kernel: 1, groups: 2}\n  - conv: {out: 16, kernel: 1, groups: 2}\n", True),
    ],
)
def test_which_pairs_fold_for_less(layers: str, found: bool) -> None:
    assert has("W507", layers) == found


@pytest.mark.parametrize(
    ("rates", "stride", "found"),
    [
        ("[2, 2]", 1, True),
        ("[1, 2]", 1, False),
        ("[2, 4]", 1, True),
        ("[2, 1]", 1, False),  # the last one fills the holes
        ("[3]", 1, False),  # a single one is no chain
        ("[1, 2, 5]", 1, False),
        ("[2, 2]", 2, False),  # the second one looks at another map
    ],
)
def test_which_rates_leave_holes(rates: str, stride: int, found: bool) -> None:
    layers = f"""\
  - for: rate
    in: {rates}
    do:
      - conv: {{out: 8, kernel: 3, dilation: rate, padding: half}}
      - relu
      - avg_pool: {{kernel: {stride}, stride: {stride}}}
"""
    assert has("F304", layers) == found


def test_holes_are_followed_through_residual_blocks() -> None:
    block = """\
  - do:
      - add:
          x: []
          f: [conv: {out: 8, kernel: 3, dilation: 2, padding: half}, batch_norm, conv: {out: 8, kernel: 1}]
    repeat: 3
"""
    assert has("F304", block)
    assert not has("F304", "  - conv: {out: 8, kernel: 3, padding: half}\n" + block)


def test_causal_paths_and_padding_on_one_side_are_meant() -> None:
    unit = "  - add: {x: [], f: [conv: {out: 8, kernel: 2, padding: [%s]}]}\n"
    assert not has("F303", unit % "[1, 0]", "input: [8, 32]") and not has("F206", unit % "[1, 0]", "input: [8, 32]")
    shifted = "  - add: {x: [], f: [conv: {out: 8, kernel: 5, padding: [[3, 1]]}]}\n"
    assert has("F303", shifted, "input: [8, 32]")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("vars: {n: 3}\nlayers:\n  - relu\n    repeat: n\n".replace("- relu\n    repeat", "- relu:\n    repeat"), []),
        ("vars: {n: 3}\nlayers:\n  - for: i\n    in: range(n)\n    do: [relu]\n", []),
        ("vars: {n: 3}\nlayers:\n  - if: n > 2\n    then: [relu]\n", []),
        ("vars: {n: 3}\nlayers:\n  - add: {a: [], b: {when: n > 2, do: [relu]}}\n", []),
        ("vars: {act: relu}\nlayers: [act]\n", []),
        ("vars: {n: 3}\nlayers: [relu]\nclaims: [params(x) < n]\n", []),
        ("vars: {n: 3, m: 1}\nlayers: [relu]\nexplore: {over: {n: 1..3}, where: m > 0}\n", ["n"]),
        ("vars: {n: 3}\nlayers: [relu]\ndesigns: {a: {vars: {n: 4}}}\n", ["n"]),
        ("vars: {n: 3}\nlayers: [relu]\ndesigns: {a: {layers: [conv: {out: n, kernel: 1}]}, b: {}}\n", []),
    ],
)
def test_which_vars_are_read(text: str, found: list[str]) -> None:
    told = lint(asked(read_text("input: [8, 32, 32]\n" + text, "net.yaml"), None, None), ["U601"])
    assert [each.diagnostic.message for each in told] == [f"nothing reads the var '{name}'" for name in found]


def test_one_design_alone_does_not_make_a_var_unused() -> None:
    text = "input: [8]\nvars: {n: 3}\nlayers: [relu]\ndesigns: {a: {layers: [linear: {out: n}]}, b: {}}\n"
    assert lint(asked(read_text(text, "net.yaml"), None, None, "b"), ["U"]) == []


def test_an_input_that_nothing_depends_on() -> None:
    head = "inputs: {left: [8, 4, 4], right: [8, 4, 4]}"
    assert has("W501", "  - relu\n", head) and not has("W501", "  - add:\n    at: [left, right]\n", head)
