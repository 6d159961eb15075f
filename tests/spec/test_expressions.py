"""Expressions: a closed language, whose names are resolved and whose work is bounded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from archtool.errors import RuleError
from archtool.shape import Shape
from archtool.spec.expressions import MAX_LENGTH, compile_expression, number
from archtool.spec.lists import LONGEST_LIST
from archtool.spec.values import HERE, INPUT, WORK, Allowance, Tensor, tensor_key


def refusal(text: str, **variables: object) -> str:
    """What is said of a text that is refused when it is read, or when it is evaluated."""
    with pytest.raises(RuleError) as caught:
        compile_expression(text, variables, ()).evaluate({WORK: Allowance(10**6), **variables})
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lambda: 1", "'lambda' is not part of the language"),
        ("__import__('os')", "'__import__' is not a function of the language"),
        ("().__class__", "unknown attribute '.__class__'"),
        ("a.__class__", "unknown attribute '.__class__'"),
        ("a.channels", "5 is not a tensor; it has no .channels"),
        ("open('x')", "'open' is not a function of the language"),
        ("eval('1')", "'eval' is not a function of the language"),
        ("(lambda: 1)()", "only the language's functions can be called, by name (in '(lambda: 1)()')"),
        ("__import__('os').system('id')", "only the language's functions can be called, by name"),
        ("a == silu", "'silu' is a layer kind: words and steps can't stand in an expression"),
        ("a == half", "'half' is a word of a field: words and steps can't stand in an expression"),
        ("a == no", "unknown name 'no'; write true or false"),
        ("a and Off", "unknown name 'Off'; write true or false"),
        ("max(*[1])", "max(...) takes plain arguments only"),
        ("max(key=1)", "max(...) takes plain arguments only"),
        ("{1: 2}", "{ } is not part of the language"),
        ("{1, 2}", "{ } is not part of the language"),
        ("f'{a}'", "a text is not part of the language"),
        ("(a := 1)", "':=' is not part of the language"),
        ("'text'", "'text' is not a value"),
        ("...", "is not a value"),
        ("None", "is not a value"),
        ("1j", "is not a value"),
        ("a[1:2]", "slices are not part of the language"),
        ("a @ a", "operator MatMult is not part of the language"),
        ("~a", "operator ~ is not part of the language"),
        ("a << 2", "operator LShift is not part of the language"),
        ("a is a", "compare with == != < <= > >= only"),
        ("a in [1]", "compare with == != < <= > >= only"),
        ("[i for i in [1] for j in [2]]", "one 'for' at a time"),
        ("[i for i.x in [1]]", "a loop has names only"),
        ("await a", "'await' is not part of the language"),
        ("import os", "is not an expression"),
        ("a = 1", "is not an expression"),
        ("1 +", "is not an expression"),
        ("(1", "is not an expression"),
        ("1 2", "is not an expression"),
        ("\x00", "is not an expression"),
        ("1if true else 2", "is not an expression"),
        ("max", "'max' is a function; write max(...)"),
        ("gcd()", "gcd(...) takes at least 1 arguments, not 0"),
        ("log(1, 2, 3)", "log(...) takes 1 to 2 arguments, not 3"),
        ("b + 1", "unknown name 'b'; allowed: a, input, x"),
        ("widht * 2", "unknown name 'widht'; did you mean 'width'?"),
        ("a.chanels", "unknown attribute '.chanels'; did you mean 'channels'?"),
        ("flor(a)", "did you mean 'floor'?"),
    ],
)
def test_what_is_not_in_the_language_is_refused(text: str, said: str) -> None:
    variables: dict[str, object] = {"width": 1} if "widht" in text else {"a": 5}
    assert said in refusal(text, **variables)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a[2]", "index 2 is outside a list of 2 (in 'a[2]')"),
        ("[1] * 10**9", "[1] is not a number (in '[1] * 10**9')"),
        ("a * 10**9", "[1, 2] is not a number (in 'a * 10**9')"),
        ("-[1]", "[1] is not a number (in '-[1]')"),
        ("list(i for i in 5)", "5 is not a list (in 'list(i for i in 5)')"),
        ("8 / 0", "division by zero (in '8 / 0')"),
        ("8 / 0" + " + 1" * 20, f"division by zero (in '8 / 0{' + 1' * 13}...')"),
        ("range(10**6)", "range(1000000) has more than 100,000 items (in 'range(10**6)')"),
        ("range(0, 10**6)", "range(0, 1000000) has more than 100,000 items (in 'range(0, 10**6)')"),
        ("floor(sqrt(10**1000))", "sqrt(1000000000... (1,001 digits)) is too large (in 'floor(sqrt(10**1000))')"),
        ("sqrt(-1)", "sqrt(-1) is not defined (in 'sqrt(-1)')"),
        ("[1][10**1000]", "index 1000000000... (1,001 digits) is outside a list of 1 (in '[1][10**1000]')"),
        ("sqrt(4)**10**5", "2.0 ** 100000 is too large (in 'sqrt(4)**10**5')"),
        ("sqrt(0)**(-1)", "division by zero (in 'sqrt(0)**(-1)')"),
    ],
)
def test_a_message_names_the_expression_once_and_no_long_number(text: str, said: str) -> None:
    assert refusal(text, a=(1, 2)) == said


def test_true_and_false_may_begin_with_a_capital_in_an_expression() -> None:
    assert compile_expression("not False and True", (), ()).constant is True


def test_tensors_are_read_by_their_attributes() -> None:
    image, tokens, line = Shape(3, (4, 5)), Shape(8, (9,), True), Shape(2, (7,))
    environment = {WORK: Allowance(99), HERE: Tensor(image, (), 0), INPUT: Tensor(tokens, (), 0)}
    environment[tensor_key("skip")] = Tensor(line, (), 0)

    def read(text: str) -> object:
        return compile_expression(text, (), ("skip", "later")).evaluate(environment)

    assert [read(f"x.{name}") for name in ("channels", "height", "width", "size")] == [3, 4, 5, (4, 5)]
    assert [read(f"input.{name}") for name in ("channels", "tokens")] == [8, 9]
    assert (read("skip.length"), read("skip.width"), read("x.size[1] * 2")) == (7, 7, 10)
    for text, said in (
        ("x.tokens", "a tensor of 3x4x5 has no .tokens"),
        ("x.length", "a tensor of 3x4x5 has no .length"),
        ("input.height", "a tensor of 9x8 has no .height"),
        ("skip.height", "a tensor of 2x7 has no .height"),
        ("later.width", "'later' has no tensor yet"),
        ("x + 1", "is not a number"),
    ):
        with pytest.raises(RuleError, match=said.replace("+", r"\+")):
            read(text)


# --- bounds ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "list(list(list(k for k in range(4000)) for j in range(4000)) for i in range(4000))",
        "sum(list(sum(range(1000)) for i in range(1000)))",
        "list(range(100000) for i in range(100000))",
        "list(count(range(50000), i) for i in range(50000))",
        "list(max(range(90000)) for i in range(90000))",
        "range(10**12)",
        "range(10**4)[0] + len(range(10**9))",
        "zip(range(99999), range(99999), range(99999))",
        "9**9**9",
        "2**10**10",
        "10**400**2",
        "1e999999999",
        "0x" + "f" * 1500,
    ],
)
def test_bombs_are_refused(text: str) -> None:
    said = refusal(text)
    assert len(said) < 300
    assert "too much work" in said or "more than" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1" + "+1" * MAX_LENGTH, "an expression of more than 2,000 characters"),
        ("1" * 1500, "a number of more than 1,000 digits"),
        ("1" + "+1" * 10**5, "an expression of more than 2,000 characters"),
        ("(" * 900 + "1" + ")" * 900, "not an expression"),
        ("-" * 900 + "1", "too deeply"),
        ("1" + "+1" * 900, "too deeply"),
        ("[" * 80 + "]" * 80, "too deeply"),
        ("not " * 200 + "true", "too deeply"),
    ],
)
def test_long_and_deep_expressions_are_refused(text: str, said: str) -> None:
    assert said in refusal(text)


def test_lists_in_lists_are_counted_with_all_they_hold() -> None:
    held: object = (1, 1)
    for _ in range(LONGEST_LIST.bit_length() - 3):
        held = compile_expression("[a, a]", ("a",), ()).evaluate({WORK: Allowance(10**9), "a": held})
    assert "a list of more than 100,000 items" in refusal("[a, a]", a=held)


def test_numbers_as_yaml_1_2_reads_them() -> None:
    found = {
        text: number(text) for text in ("12", "-3", "+4", "1_000", "0x1F", "0o17", "010", "1:20", "1.5", "0b1", "x", "")
    }
    values = {text: expression.constant for text, expression in found.items() if expression}
    assert values == {"12": 12, "-3": -3, "+4": 4, "1_000": 1000, "0x1F": 31, "0o17": 15, "010": 10}


def test_reading_an_expression_warns_of_nothing() -> None:
    read = "from archtool.spec.expressions import compile_expression as read"
    code = f"{read}\ntry: read('1if 2else 3', (), ())\nexcept Exception: pass"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True
    )
    assert done.stderr == ""
