"""Which names of a design are symbols of its formulas: `width`, `res=32*m`, `kernel=odd 1..`, `depths`, `n`, `c`.

A name is, in this order: a var; an item of one (`depths[0]`); a name of a loop that runs through the items of a list
that is a var; a size of the input. Other vars keep their values.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from archtool.errors import ArchtoolError, RuleError, SpecError, nearest
from archtool.fields import SizeKind, describe
from archtool.size import Size
from archtool.spec.domains import KNOB, Range, parse_range
from archtool.spec.expressions import NAME, compile_expression
from archtool.spec.functions import FUNCTIONS
from archtool.spec.lists import is_list
from archtool.spec.numbers import is_number
from archtool.spec.steps import Body, Loop
from archtool.spec.values import WORK, Allowance, Environment
from archtool.trace import Trace

if TYPE_CHECKING:
    from archtool.algebra.subject import Subject

FAR: Final = 2**100  # turns of a symbol that has a step and no end
WORK_OF_A_LIST: Final = 100_000  # items that an expression of symbols may make


class Asked(NamedTuple):
    """What one part of `--in` says: a name, and the domain or the expression behind its `=`, if any."""

    name: str
    domain: Range | None
    expression: str


class Names(NamedTuple):
    """The symbols of a formula and what they stand for.

    `vars` are the values that the network's vars get, `sizes` those of its input; `symbols` the symbols as they were
    asked for, `families` those of them that are the items of one list; `domains` the values each may take, `usual` the
    value it has where it is no symbol; `written` the vars and sizes that are expressions of symbols.
    """

    vars: Mapping[str, Any]
    sizes: Mapping[str, Size]
    symbols: Mapping[str, Size]
    families: tuple[tuple[str, ...], ...]
    domains: Mapping[str, Range]
    usual: Mapping[str, Any]
    written: Mapping[str, str]

    @property
    def order(self) -> tuple[str, ...]:
        """The symbols' names."""
        return tuple(self.symbols)


def asked(text: str) -> Iterator[Asked]:
    """The parts of a text as `width, res=32*m, kernel=odd 1..7`; raises SpecError for one that is none."""
    for part in _parts(text):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not KNOB.fullmatch(name) or (equals and not value):
            raise SpecError(f"--in takes names with commas between them, NAME=DOMAIN or NAME=EXPRESSION, not '{part}'")
        try:
            domain = parse_range(value)
        except ValueError as error:
            raise SpecError(f"{name}: {error}") from None
        yield Asked(name, domain, "" if domain is not None else value)


def _parts(text: str) -> Iterator[str]:
    """A text's parts between those of its commas that stand in no bracket."""
    depth, part = 0, ""
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            yield part.strip()
            part = ""
        else:
            part += character
    yield part.strip()


class Namer:
    """Makes the symbols of a subject on a trace; those that `numbers` has are these numbers instead."""

    def __init__(self, subject: Subject, trace: Trace, numbers: Mapping[str, int]) -> None:
        self.subject = subject
        self.trace = trace
        self.numbers = numbers
        self.values = subject.values
        self.vars: dict[str, Any] = {}
        self.sizes: dict[str, Size] = {}
        self.symbols: dict[str, Size] = {}
        self.usual: dict[str, Any] = {}
        self.claimed: list[tuple[str, tuple[int, ...]]] = []  # vars and items of vars that are no longer their own
        self.families: list[tuple[str, ...]] = []
        self.domains: dict[str, Range] = {}
        self.written: dict[str, str] = {}

    def names(self, parts: Sequence[Asked]) -> Names:
        """All that is asked for, plain names first: expressions are made of them, and of symbols of their own."""
        for part in parts:
            if [each.name for each in parts].count(part.name) > 1:
                raise SpecError(f"'{part.name}' is named twice")
        for part in parts:
            if not part.expression:
                self._set(part, None)
        for part in parts:
            if part.expression:
                self._set(part, self._evaluated(part))
        return Names(self.vars, self.sizes, self.symbols, tuple(self.families), self.domains, self.usual, self.written)

    def _set(self, part: Asked, value: Any) -> None:
        """Give a var, items of one, or a size its symbol, or the value of its expression."""
        var, places = KNOB.fullmatch(part.name).groups()  # type: ignore[union-attr]  # checked when it was read
        path = tuple([int(place) for place in places[1:-1].split("][")]) if places else ()
        if var in self.values:
            self._set_var(part, var, path, value)
        elif path:
            raise SpecError(self._unknown(var))
        elif (turns := self._loop(var)) is not None:
            name, items = turns
            made = [
                self._symbol(f"{var}_{number}", part, least) if value is None else value
                for number, (_, least) in enumerate(items)
            ]
            if value is None:
                self.families.append(tuple([f"{var}_{number}" for number in range(len(items))]))
            for (at, _), each in zip(items, made, strict=True):
                self._claim(part.name, name, (at,))
                self._replace(name, (at,), each)
        elif (size := self.subject.size(var)) is not None:
            if size in self.sizes:
                raise SpecError(f"'{var}' is named twice: it is the input's {size}")
            usual = self.subject.sizes[size]
            self.sizes[size] = self._symbol(var, part, usual) if value is None else self._whole(part, value)
        else:
            raise SpecError(self._unknown(var))
        if part.expression:
            self.written[part.name] = part.expression

    def _set_var(self, part: Asked, var: str, path: tuple[int, ...], value: Any) -> None:
        try:
            old = _item(self.values[var], path)
        except LookupError:
            raise SpecError(f"'{part.name}' is not there: {var} is {describe(self.values[var])}") from None
        self._claim(part.name, var, path)
        name = "_".join([var, *map(str, path)])
        self._replace(var, path, self._varying(part, name, old) if value is None else value)

    def _varying(self, part: Asked, name: str, old: Any) -> Any:
        """A symbol in the place of a number, symbols in those of a list's items."""
        if is_list(old) and old:
            made = tuple([self._varying(part, f"{name}_{number}", item) for number, item in enumerate(old)])
            self.families.append(tuple([f"{name}_{number}" for number in range(len(old))]))
            return made
        if old is not None and not is_number(old):
            raise SpecError(f"'{name}' is {describe(old)}, which no symbol can stand for, as it can for numbers")
        return self._symbol(name, part, old)

    def _symbol(self, name: str, part: Asked, usual: Any) -> Size:
        """A new symbol; without a domain it is a whole number of at least 1, or 0 where that is its usual value."""
        domain = part.domain or self._given(part.name) or Range(0 if usual == 0 else 1, None)
        if name in self.domains:
            raise SpecError(f"'{name}' is named twice")
        self.domains[name] = domain
        if usual is not None:
            self.usual[name] = usual
        if name in self.numbers or domain.low == domain.high:
            self.symbols[name] = self.numbers.get(name, domain.low)
        elif domain.high is not None or domain.step == 1:
            end = inf if domain.high is None else domain.high
            self.symbols[name] = self.trace.symbol(name, domain.low, end, domain.step)
        else:
            self.symbols[name] = self.trace.symbol(name, domain.low, domain.low + domain.step * FAR, domain.step)
        return self.symbols[name]

    def _given(self, name: str) -> Range | None:
        domain = self.subject.given.get(name)
        return domain if isinstance(domain, Range) else None

    def _claim(self, name: str, var: str, path: tuple[int, ...]) -> None:
        """Take a var, or an item of one; raises SpecError where it, or a part of it, is taken."""
        for other, taken in self.claimed:
            if other == var and (taken[: len(path)] == path or path[: len(taken)] == taken):
                raise SpecError(f"'{name}' is named twice: {var} is a symbol, or has one, already")
        self.claimed.append((var, path))

    def _replace(self, var: str, path: tuple[int, ...], value: Any) -> None:
        self.vars[var] = _replaced(self.vars.get(var, self.values[var]), path, value)

    def _evaluated(self, part: Asked) -> Any:
        """The value of an expression; names in it that are no symbols yet become some."""
        known = dict(self.symbols)
        names = [name for name in NAME.findall(part.expression) if name not in FUNCTIONS]
        try:
            found = compile_expression(part.expression, names, ())
            if part.name in found.uses:
                raise SpecError(f"'{part.name}' can't be written in itself; use another name for the symbol")
            for name in names:
                if name in found.uses and name not in known:
                    known[name] = self._free(name)
            environment: Environment = {**known, WORK: Allowance(WORK_OF_A_LIST)}
            return found.evaluate(environment)
        except ArchtoolError as error:
            raise SpecError(f"{part.name}={part.expression}: {error}") from None

    def _free(self, name: str) -> Any:
        """A new symbol for a name that an expression reads: the var's of that name, where there is one. A var that was
        set by hand keeps its value."""
        if name in self.subject.fixed:
            return self.values[name]
        if name in self.values and is_number(self.values[name]):
            self._set(Asked(name, None, ""), None)
            return self.symbols[name]
        return self._symbol(name, Asked(name, None, ""), None)

    def _whole(self, part: Asked, value: Any) -> Size:
        try:
            return SizeKind().read(value)
        except RuleError as error:
            raise SpecError(f"{part.name}: {error}") from None

    def _loop(self, name: str) -> tuple[str, list[tuple[int, Any]]] | None:
        """The list var whose items a loop's name runs through, and which: its place and usual value, turn by turn."""
        loops = [loop for loop in _loops(self.subject.block.body) if name in loop.names]
        if not loops:
            return None
        for loop in loops:
            for var, value in self.values.items():
                if var in loop.over.uses and is_list(value):
                    found = self._turns(loop, name, var, value)
                    if found is not None:
                        return var, found
        over = " and ".join(sorted(loop.over.uses & self.values.keys()))
        hint = f"; name {over} instead" if over else ", that no var sets"
        raise SpecError(f"'{name}' runs through values of '{loops[0].over.text}'{hint}")

    def _turns(self, loop: Loop, name: str, var: str, value: tuple[Any, ...]) -> list[tuple[int, Any]] | None:
        trace = Trace()
        items = [trace.symbol(str(place)) for place in range(len(value))]
        environment = {**self.values, var: tuple(items), WORK: Allowance(WORK_OF_A_LIST)}
        try:
            turns = loop.over.evaluate(environment)
        except (ArchtoolError, KeyError):  # it needs more than vars, or numbers: it does not just run through the list
            return None
        at = loop.names.index(name)
        read = [turn[at] if len(loop.names) > 1 else turn for turn in turns]
        if len(set(map(id, read))) < len(read) or not all([any(each is item for item in items) for each in read]):
            return None
        places = [next(place for place, item in enumerate(items) if item is each) for each in read]
        return [(place, value[place]) for place in places]

    def _unknown(self, name: str) -> str:
        loops = [each for loop in _loops(self.subject.block.body) for each in loop.names]
        known = [*self.values, *loops, *self.subject.size_names()]
        return f"'{name}' is neither a var of '{self.subject.name}', nor a loop's, nor a size of the input" + nearest(
            name, known, [*self.values]
        )


def is_known(subject: Subject, part: Asked) -> bool:
    """Whether a subject has what a part names."""
    var = KNOB.fullmatch(part.name)[1]  # type: ignore[index]  # checked when it was read
    loops = [name for loop in _loops(subject.block.body) for name in loop.names]
    return var in subject.values or var in loops or subject.size(var) is not None


def _loops(body: Body) -> Iterator[Loop]:
    """The loops of a body, those inside it too."""
    for step in body.steps:
        if isinstance(step, Loop):
            yield step
        for part in step:
            if isinstance(part, Body):
                yield from _loops(part)
            elif isinstance(part, tuple):
                for path in part:
                    if isinstance(getattr(path, "body", None), Body):
                        yield from _loops(path.body)


def _item(value: Any, path: Iterable[int]) -> Any:
    for place in path:
        if not is_list(value):
            raise LookupError
        value = value[place]
    return value


def _replaced(value: Any, path: tuple[int, ...], new: Any) -> Any:
    if not path:
        return new
    at, *rest = path
    return (*value[:at], _replaced(value[at], tuple(rest), new), *value[at + 1 :])
