"""The fields a layer kind may have: how a value in a spec is read, and how the JSON Schema says it.

A layer declares each of its fields with one of the functions at the end (`channels`, `per_axis`, `padding` ...), which
stand where `dataclasses.field` would. A kind of field knows its words (`half`, `same`), what it accepts, and says so.
"""

from __future__ import annotations

from dataclasses import MISSING, field
from fractions import Fraction
from typing import Any, ClassVar, Final

from archtool.errors import RuleError, Untraceable, nearest
from archtool.shape import Shape
from archtool.size import Ratio, Size, any_of, at_most, exact_div, less, negate, require
from archtool.trace import CONDITIONS, Expr

Schema = dict[str, Any]
MOST_ITEMS: Final = 12  # of a list that a message shows
EXPRESSION: Final[Schema] = {"type": "string", "description": "an expression"}


class FieldKind:
    """One sort of field. `read` checks and normalises a value, raising RuleError; `schema` describes it."""

    words: ClassVar[tuple[str, ...]] = ()
    allowed: ClassVar[str]

    def read(self, value: object) -> Any:
        raise NotImplementedError

    def schema(self) -> Schema:
        raise NotImplementedError

    def thinned(self, value: Any) -> Any:
        """The value in a network whose tensors have one channel."""
        return value

    def refuse(self, value: object, hint: str = "") -> RuleError | Untraceable:
        """The error for a value that this field does not accept; it might accept one that stays open, once settled."""
        if _stays_open(value):
            return Untraceable(f"what has to be {self.allowed} varies", value)
        return RuleError(f"{describe(value)} is not {self.allowed}{hint}")


def describe(value: object) -> str:
    """A value as an error message names it."""
    if isinstance(value, Fraction):
        return f"{value} (a fraction)"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Ratio):
        return f"{value.numerator} / {value.denominator}"
    if type(value) is tuple:  # a list; not a step as a value, say
        more = ["..."] if len(value) > MOST_ITEMS else []
        return "[" + ", ".join([*map(describe, value[:MOST_ITEMS]), *more]) + "]"
    return f"'{value}'" if isinstance(value, str) else str(value)


def _stays_open(value: object) -> bool:
    """Whether a value is a fraction, a truth value or a choice that varies with the design, or a list of such."""
    if isinstance(value, Expr):
        return value.op in CONDITIONS
    if type(value) is tuple:
        return any(map(_stays_open, value))
    return isinstance(value, tuple) and any([isinstance(part, Expr) for part in value])  # a Ratio, a Choice


class SizeKind(FieldKind):
    """A whole number, of at least `least` where there is one."""

    def __init__(self, least: int | None = 1) -> None:
        self.least = least
        bound = "" if least is None else f" of at least {least}"
        self.allowed = "a whole number" + bound  # type: ignore[misc]  # an instance tells its own bound

    def read(self, value: object) -> Size:
        if type(value) is int and (self.least is None or value >= self.least):
            return value
        if isinstance(value, Ratio):
            return self.read(exact_div(*value))
        if isinstance(value, Expr) and not _stays_open(value):
            if self.least is not None:
                require(at_most(self.least, value), "{} is not {}", value, self.allowed)
            return value
        if isinstance(value, Fraction) and value.denominator == 1:
            return self.read(int(value))
        raise self.refuse(value)

    def schema(self) -> Schema:
        bound = {} if self.least is None else {"minimum": self.least}
        return {"anyOf": [{"type": "integer", **bound}, EXPRESSION]}


class ChannelsKind(SizeKind):
    """A number of channels or of groups of channels: what may be shrunk without changing what is seen; to `thin`."""

    def __init__(self, least: int = 1, thin: int | None = 1) -> None:
        super().__init__(least)
        self.thin = thin

    def thinned(self, value: Any) -> Any:
        return None if value is None else self.thin


class NumberKind(FieldKind):
    """A number, whole or not, of at least `least` and at most `most` where there are such."""

    def __init__(self, least: int | None = None, most: int | None = None) -> None:
        self.least, self.most = least, most
        lower = "" if least is None else f" of at least {least}"
        bounds = lower if most is None else f" between {least} and {most}"
        self.allowed = "a number" + bounds  # type: ignore[misc]  # an instance tells its own bounds

    def read(self, value: object) -> Any:
        is_truth = isinstance(value, bool) or (isinstance(value, Expr) and _stays_open(value))
        if is_truth or not isinstance(value, int | float | Fraction | Expr | Ratio):
            raise self.refuse(value)
        number: Any
        number, unit = value if isinstance(value, Ratio) else (value, 1)
        below = self.least is not None and less(number, self.least * unit)
        above = self.most is not None and less(self.most * unit, number)
        require(negate(any_of(below, above)), "{} is not {}", describe(value), self.allowed)
        return value

    def schema(self) -> Schema:
        bounds = {"minimum": self.least, "maximum": self.most}
        return {"anyOf": [{"type": "number", **{k: v for k, v in bounds.items() if v is not None}}, EXPRESSION]}


class FactorKind(FieldKind):
    """A number above 0 for every axis, or a list of one number an axis."""

    allowed = "a number above 0, or a list of one an axis"

    def read(self, value: object) -> Any:
        if type(value) is tuple and value:
            return tuple(self._one(item, value) for item in value)
        return self._one(value, value)

    def _one(self, item: object, value: object) -> Any:
        if isinstance(item, int | Fraction) and not isinstance(item, bool) and item > 0:
            return item
        if isinstance(item, Expr) and not _stays_open(item):
            require(at_most(1, item), "{} is not {}", item, self.allowed)
            return item
        raise self.refuse(value)

    def schema(self) -> Schema:
        one: list[Schema] = [{"type": "number", "exclusiveMinimum": 0}, EXPRESSION]
        return {"anyOf": [*one, {"type": "array", "items": {"anyOf": one}, "minItems": 1}]}


class TensorKind(FieldKind):
    """Another tensor of the body, by its name; a layer knows its shape."""

    allowed = "the name of a tensor (input, a step's name, c[i], block_name.output)"

    def read(self, value: object) -> Shape:
        if isinstance(value, Shape):
            return value
        raise self.refuse(value)

    def schema(self) -> Schema:
        return {"type": "string", "description": self.allowed}


class FlagKind(FieldKind):
    """true or false."""

    allowed = "true or false"

    def read(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        raise self.refuse(value)

    def schema(self) -> Schema:
        return {"anyOf": [{"type": "boolean"}, EXPRESSION]}


class ChoiceKind(FieldKind):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self.words = words  # type: ignore[misc]  # an instance tells its own words
        self.allowed = "one of " + ", ".join(words)  # type: ignore[misc]

    def read(self, value: object) -> str:
        if isinstance(value, str) and value in self.words:
            return value
        raise self.refuse(value, _closest(value, self.words))

    def schema(self) -> Schema:
        return {"enum": list(self.words)}


class PerAxisKind(FieldKind):
    """A size for every axis, or a list of one size an axis."""

    def __init__(self, least: int | None = 1) -> None:
        self.size = SizeKind(least)
        self.allowed = f"{self.size.allowed}, or a list of one an axis"  # type: ignore[misc]

    def read(self, value: object) -> Any:
        if type(value) is int and (self.size.least is None or value >= self.size.least):
            return value
        if type(value) is tuple:
            if not value:
                raise self.refuse(value)
            return tuple(self._one(item) for item in value)
        return self._one(value)

    def _one(self, value: object) -> Size:
        try:
            return self.size.read(value)
        except RuleError:
            raise self.refuse(value) from None

    def schema(self) -> Schema:
        one = self.size.schema()
        return {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1}]}


class SizesKind(FieldKind):
    """A list of sizes: those of a tensor, in the order of its axes."""

    allowed = "a list of whole numbers of at least 1"

    def __init__(self) -> None:
        self.size = SizeKind()

    def read(self, value: object) -> tuple[Size, ...]:
        if type(value) is not tuple or not value:
            raise self.refuse(value)
        try:
            return tuple(self.size.read(item) for item in value)
        except RuleError:
            raise self.refuse(value) from None

    def thinned(self, value: Any) -> Any:
        """One channel, and one position, which stretches to as many as what joins it has."""
        return (1,) * len(value)

    def schema(self) -> Schema:
        return {"anyOf": [{"type": "array", "items": self.size.schema(), "minItems": 1}, EXPRESSION]}


class PaddingKind(FieldKind):
    """A padding for every axis, a list of one an axis, each a size or [before, after]; or a word."""

    def __init__(self, *words: str) -> None:
        self.words = words  # type: ignore[misc]
        text = "a whole number of at least 0, a list of one an axis, or of [before, after] an axis"
        self.allowed = ", ".join([text, *(f"'{word}'" for word in words)])  # type: ignore[misc]
        self.size = SizeKind(0)

    def read(self, value: object) -> Any:
        if type(value) is int and value >= 0:
            return value
        if isinstance(value, str):
            if value in self.words:
                return value
            raise self.refuse(value, _closest(value, self.words))
        if type(value) is tuple:
            if not value:
                raise self.refuse(value)
            return tuple(self._axis(item, value) for item in value)
        return self._size(value, value)

    def _axis(self, item: object, value: object) -> Any:
        if type(item) is tuple:
            if len(item) != 2:
                raise self.refuse(value)
            return tuple(self._size(end, value) for end in item)
        return self._size(item, value)

    def _size(self, item: object, value: object) -> Size:
        try:
            return self.size.read(item)
        except RuleError:
            raise self.refuse(value) from None

    def schema(self) -> Schema:
        one = self.size.schema()
        pair = {"type": "array", "items": one, "minItems": 2, "maxItems": 2}
        sizes: list[Schema] = [*one["anyOf"], {"type": "array", "items": {"anyOf": [one, pair]}, "minItems": 1}]
        return {"anyOf": [{"enum": list(self.words)}, *sizes] if self.words else sizes}


def _closest(value: object, words: tuple[str, ...]) -> str:
    return nearest(value, list(words)) if isinstance(value, str) else ""


def _declare(kind: FieldKind, default: Any) -> Any:
    return field(default=default, metadata={"kind": kind})


def channels(*, default: Any = MISSING, least: int = 1, thin: int | None = 1) -> Any:
    """A field that holds a number of channels (or of groups of them); `thin` where tensors have one channel."""
    return _declare(ChannelsKind(least, thin), default)


def size(*, default: Any = MISSING, least: int = 1) -> Any:
    """A field that holds one size."""
    return _declare(SizeKind(least), default)


def number(*, default: Any = MISSING, least: int | None = None, most: int | None = None) -> Any:
    """A field that holds a number."""
    return _declare(NumberKind(least, most), default)


def tensor(*, default: Any = MISSING) -> Any:
    """A field that names another tensor, which the layer takes beside its input."""
    return _declare(TensorKind(), default)


def flag(*, default: bool) -> Any:
    """A field that is true or false."""
    return _declare(FlagKind(), default)


def choice(*, default: str, others: tuple[str, ...]) -> Any:
    """A field that is one of a few words, the first by default."""
    return _declare(ChoiceKind(default, *others), default)


def factors(*, default: Any = MISSING) -> Any:
    """A field that holds a number above 0 for all axes, or one an axis."""
    return _declare(FactorKind(), default)


def per_axis(*, default: Any = MISSING, least: int | None = 1) -> Any:
    """A field that holds one size for all axes, or one an axis."""
    return _declare(PerAxisKind(least), default)


def sizes(*, default: Any = MISSING) -> Any:
    """A field that holds the sizes of a tensor."""
    return _declare(SizesKind(), default)


def padding(*, default: Any = MISSING, words: tuple[str, ...] = ()) -> Any:
    """A field that holds a padding, perhaps by a word."""
    return _declare(PaddingKind(*words), default)
