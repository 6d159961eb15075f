"""Exact arithmetic on the values of the spec language.

A value is an int, a Fraction (`/` and decimal literals are exact), a float (from log, exp, sqrt alone), an `Expr` or
a `Ratio` of two sizes where a knob varies. Work and the size of a result are bounded: specs are untrusted.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from typing import Any, Final

from archtool.errors import RuleError, Untraceable
from archtool.fields import describe
from archtool.size import Condition, Ratio, Size, all_of, any_of, ceil_div, equal, less, maximum, minimum, negate, where
from archtool.spec.values import Choice
from archtool.trace import Expr, bounds, is_condition

MAX_BITS: Final = 4096


Number = int | Fraction | float | Expr | Ratio


def checked(value: Any) -> Any:
    """A result, refused where it is larger than anything a network needs; a whole fraction becomes an int."""
    if type(value) is int and value.bit_length() <= MAX_BITS:
        return value
    if type(value) is Fraction:
        if value.denominator == 1:
            return checked(value.numerator)
        if max(value.numerator.bit_length(), value.denominator.bit_length()) <= MAX_BITS:
            return value
    elif type(value) is float:
        if math.isfinite(value):
            return value
        raise RuleError("the result is not a finite number")
    elif type(value) is not int:
        return value
    raise RuleError(f"the result has more than {MAX_BITS} bits")


def is_number(value: object) -> bool:
    """Whether a value takes part in arithmetic (a truth value does not)."""
    return isinstance(value, int | Fraction | float | Expr | Ratio) and not is_condition(value)


def numeric(value: Any, what: str) -> Any:
    """The value, which must be a number."""
    if not is_number(value):
        raise RuleError(f"{describe(value)} is not a number (in {what})")
    return value


def brief(value: Any) -> str:
    """A number as a message shows it: a long one by its first digits and how many it has."""
    text = str(value)
    return text if len(text) <= 24 else f"{text[:10]}... ({sum(map(str.isdigit, text)):,} digits)"


def _parts(value: Any) -> tuple[Size, Size]:
    if isinstance(value, Ratio):
        return value
    if isinstance(value, Fraction):
        return value.numerator, value.denominator
    return value, 1


def _both(a: Any, b: Any) -> tuple[tuple[Size, Size], tuple[Size, Size]]:
    """Numerator and denominator of two numbers of which one varies."""
    if isinstance(a, float) or isinstance(b, float):
        raise Untraceable("a rounded real number meets a varying size", a, b)
    return _parts(a), _parts(b)


def _ratio(numerator: Size, denominator: Size) -> Any:
    if isinstance(denominator, int):
        if denominator < 0:
            numerator, denominator = -numerator, -denominator
        if isinstance(numerator, int):
            return checked(Fraction(numerator, denominator))
    elif bounds(denominator)[0] <= 0:
        raise Untraceable("the sign of a divisor varies", denominator)
    trace = denominator.trace if isinstance(denominator, Expr) else numerator.trace  # type: ignore[union-attr]
    whole = trace.cancelled(numerator, denominator)
    return Ratio(numerator, denominator) if whole is None else whole


def _varies(a: object, b: object) -> bool:
    return isinstance(a, Expr | Ratio) or isinstance(b, Expr | Ratio)


def _real(operation: Callable[[Any, Any], Any], a: Any, b: Any) -> Any:
    """An operation of which one side may be a rounded real number, which an exact one may be too large for."""
    try:
        return checked(operation(a, b))
    except OverflowError:
        raise RuleError("the result is not a finite number") from None


def add(a: Any, b: Any) -> Any:
    """a + b."""
    if type(a) is int and type(b) is int:
        return checked(a + b)
    if isinstance(a, Ratio) or isinstance(b, Ratio) or (_varies(a, b) and (type(a) is not int or type(b) is not int)):
        (n, d), (m, e) = _both(a, b)
        return _ratio(n * e + m * d, d * e)
    return _real(operator.add, a, b)


def subtract(a: Any, b: Any) -> Any:
    """a - b."""
    return add(a, negative(b))


def negative(a: Any) -> Any:
    """-a."""
    return Ratio(-a.numerator, a.denominator) if isinstance(a, Ratio) else -a


def multiply(a: Any, b: Any) -> Any:
    """a * b."""
    if type(a) is int and type(b) is int:
        return checked(a * b)
    if _varies(a, b):
        (n, d), (m, e) = _both(a, b)
        return _ratio(n * m, d * e)
    return _real(operator.mul, a, b)


def divide(a: Any, b: Any) -> Any:
    """a / b, exact."""
    if not isinstance(b, Expr | Ratio) and b == 0:
        raise RuleError("division by zero")
    if _varies(a, b):
        (n, d), (m, e) = _both(a, b)
        return _ratio(n * e, d * m)
    if isinstance(a, float) or isinstance(b, float):
        return _real(operator.truediv, a, b)
    return checked(Fraction(a) / Fraction(b))


def floor_divide(a: Any, b: Any) -> Any:
    """floor(a / b)."""
    if type(a) is int and type(b) is int and b:
        return a // b
    return floor(divide(a, b))


def modulo(a: Any, b: Any) -> Any:
    """a - b * floor(a / b)."""
    return subtract(a, multiply(b, floor_divide(a, b)))


def power(a: Any, b: Any) -> Any:
    """a ** b; whole exponents are exact."""
    if type(a) is int and type(b) is int and b >= 0 and b * a.bit_length() <= MAX_BITS:
        return a**b
    if isinstance(b, Expr | Ratio):
        raise Untraceable("an exponent varies", b)
    if isinstance(b, Fraction):
        raise RuleError(f"the exponent {brief(b)} is not whole")
    if isinstance(a, Expr | Ratio):
        if not isinstance(b, int) or not 0 <= b <= 64:
            raise Untraceable("a varying size to a power other than 0 to 64", a)
        result: Any = 1
        for _ in range(b):
            result = multiply(result, a)
        return result
    if isinstance(a, float) or isinstance(b, float):
        try:
            result = a**b
        except OverflowError:
            raise RuleError(f"{brief(a)} ** {brief(b)} is too large") from None
        except ZeroDivisionError:
            raise RuleError("division by zero") from None
        if isinstance(result, complex):
            raise RuleError(f"{brief(a)} ** {brief(b)} is not a real number")
        return checked(result)
    if a == 0 and b < 0:
        raise RuleError("division by zero")
    base = Fraction(a)
    if (max(base.numerator.bit_length(), base.denominator.bit_length()) - 1) * abs(b) > MAX_BITS and abs(base) != 1:
        raise RuleError(f"the result has more than {MAX_BITS} bits")
    return checked(base**b)


def compare(op: str, a: Any, b: Any) -> Condition:
    """a op b for numbers; == and != also for words, truth values, lists and steps."""
    if type(a) is int and type(b) is int:
        return bool(_PLAIN[op](a, b))
    if op in ("==", "!="):
        same = _same(a, b)
        if op == "==":
            return same
        return same.trace.negate(same) if isinstance(same, Expr) else not same
    for value in (a, b):
        numeric(value, f"a comparison by {op}")
    if op in (">", ">="):
        a, b = b, a
    if _varies(a, b):
        (n, d), (m, e) = _both(_exact(a), _exact(b))  # what is compared is not rounded, not on ints either
        return less(n * e, m * d + (1 if op in ("<=", ">=") else 0))
    return bool(a < b) if op in ("<", ">") else bool(a <= b)


_PLAIN: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _same(a: Any, b: Any) -> Condition:
    if isinstance(a, Choice):
        return any_of(*(all_of(equal(a.number, i), _same(option, b)) for i, option in enumerate(a.options)))
    if isinstance(b, Choice):
        return _same(b, a)
    if _varies(a, b) and is_number(a) and is_number(b):
        (n, d), (m, e) = _both(_exact(a), _exact(b))
        return equal(n * e, m * d)
    if type(a) is tuple and type(b) is tuple:
        return len(a) == len(b) and all_of(*map(_same, a, b))
    if is_condition(a) and is_condition(b):
        return any_of(all_of(a, b), all_of(negate(a), negate(b)))
    return is_condition(a) == is_condition(b) and bool(a == b)


def floor(a: Any) -> Size:
    """The greatest whole number up to a."""
    if isinstance(a, Ratio):
        return a.numerator // a.denominator
    return a if isinstance(a, Expr) else math.floor(a)


def ceil(a: Any) -> Size:
    """The least whole number from a on."""
    if isinstance(a, Ratio):
        return ceil_div(a.numerator, a.denominator)
    return a if isinstance(a, Expr) else math.ceil(a)


def round_half_even(a: Any) -> Size:
    """The nearest whole number, ties to the even one."""
    if not isinstance(a, Ratio):
        return a if isinstance(a, Expr) else round(a)
    n, d = a
    up = (2 * n + d) // (2 * d)
    tie = equal(2 * d * up, 2 * n + d)
    odd = equal(2 * (up // 2) + 1, up)
    return where(tie, where(odd, up - 1, up), up)  # type: ignore[no-any-return]  # where of sizes


def round_to(value: Any, multiple: Any) -> Any:
    """The nearest multiple, halves up."""
    if not isinstance(multiple, Expr | Ratio) and multiple <= 0:
        raise RuleError(f"round_to needs a positive multiple, not {brief(multiple)}")
    return multiply(multiple, floor(add(divide(_exact(value), multiple), Fraction(1, 2))))


def divisible(value: Any, multiple: Any) -> Any:
    """The nearest multiple, at least one of them and never below 90% of the value (MobileNet's _make_divisible)."""
    value = _exact(value)
    nearest = largest(multiple, round_to(value, multiple))
    return choose(compare("<", multiply(10, nearest), multiply(9, value)), add(nearest, multiple), nearest)


def _exact(value: Any) -> Any:
    return Fraction(value) if isinstance(value, float) else value


def largest(*values: Any) -> Any:
    """The greatest of some numbers."""
    return _extreme(max, maximum, values)


def smallest(*values: Any) -> Any:
    """The least of some numbers."""
    return _extreme(min, minimum, values)


def _extreme(concrete: Callable[..., Any], varying: Callable[..., Size], values: tuple[Any, ...]) -> Any:
    if not any(isinstance(value, Expr | Ratio) for value in values):
        return concrete(values)
    if all(isinstance(value, int | Expr) for value in values):
        return varying(*values)
    best = values[0]
    for value in values[1:]:
        smaller = compare("<", value, best)
        best = choose(smaller, value, best) if concrete is min else choose(smaller, best, value)
    return best


def absolute(a: Any) -> Any:
    """|a|."""
    return largest(a, negative(a))


def choose(condition: Condition, yes: Any, no: Any) -> Any:
    """yes where the condition holds, else no; both values of one sort where the condition varies."""
    if not isinstance(condition, Expr):
        return yes if condition else no
    if yes is no or (type(yes) is type(no) and yes == no):
        return yes
    if type(yes) is tuple and type(no) is tuple and len(yes) == len(no):
        return tuple(choose(condition, a, b) for a, b in zip(yes, no, strict=True))
    if is_condition(yes) and is_condition(no):
        return any_of(all_of(condition, yes), all_of(negate(condition), no))
    if is_number(yes) and is_number(no):
        (n, d), (m, e) = _both(yes, no)
        return _ratio(where(condition, n, m), where(condition, d, e))
    if any(is_number(value) or is_condition(value) or type(value) is tuple for value in (yes, no)):
        raise Untraceable(f"which of {describe(yes)} and {describe(no)} varies with the design", condition)
    return _either(condition, yes, no)


def _either(condition: Expr, yes: Any, no: Any) -> Choice:
    """A choice between two words or steps, or between the options of choices."""
    yes, no = (value if isinstance(value, Choice) else Choice(0, (value,)) for value in (yes, no))
    number = where(condition, yes.number, len(yes.options) + no.number)
    return Choice(number, (*yes.options, *no.options))


def real(function: Callable[..., float], name: str) -> Callable[..., Any]:
    """A function of real numbers; what it can't take is an error of the spec."""

    def evaluate(*values: Any) -> Any:
        for value in values:
            if isinstance(numeric(value, name), Expr | Ratio):
                raise Untraceable(f"{name} of a varying size", *values)
        try:
            return checked(function(*map(float, values)))
        except (ValueError, OverflowError, ZeroDivisionError) as error:
            why = "too large" if isinstance(error, OverflowError) else "not defined"
            raise RuleError(f"{name}({', '.join(map(brief, values))}) is {why}") from None

    return evaluate
