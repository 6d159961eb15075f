"""What is assumed of a formula's symbols besides their domains: the rules of layers that only some values keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from archtool.algebra.closed import Reader
from archtool.algebra.functions import floors
from archtool.algebra.integers import NotExact, holds, joined
from archtool.algebra.polynomial import Atom, Polynomial, implied, single
from archtool.algebra.shown import Layout
from archtool.algebra.subject import Evaluated
from archtool.algebra.text import divisor, test, write
from archtool.runs import Problem
from archtool.spec.domains import Range

LONGEST_RULE: Final = 100  # characters of what is assumed, and how much of it is shown
MOST_RULES: Final = 12


class Classes(NamedTuple):
    """A rule that decides by a symbol's remainder alone: the values of the symbol that keep it."""

    symbol: str
    values: Range


def conditions(found: Evaluated, layout: Layout, reader: Reader) -> Iterable[str]:
    """What has to hold for a formula to be right besides its symbols' domains, as texts."""
    for name, expression in found.names.written.items():
        yield f"{name} = {expression}"
    yield from short(list(rules(found.problems, found.names.domains, layout, reader)))


def short(rules: list[str]) -> Iterator[str]:
    """Of some rules those that can be read, and how many there are besides."""
    shown = [rule for rule in rules if len(rule) <= LONGEST_RULE][:MOST_RULES]
    yield from shown
    if len(shown) < len(rules):
        yield f"and {len(rules) - len(shown)} more rules of layers; `analyze` says where one is broken"


def rules(
    problems: Iterable[Problem],
    domains: Mapping[str, Range],
    layout: Layout,
    reader: Reader,
    hint: str = ': --in "{}" keeps to these',
) -> Iterator[str]:
    """The rules of layers that only some values keep, as conditions; those that others imply are left out. `hint` says
    how to keep to the values of one remainder."""
    texts = {reader.of(problem.holds): problem.rule for problem in reversed([*problems])}
    conditions = [each for each in reversed(texts) if each.constant is None]
    weak = implied([atom for each in conditions if (atom := each.atom) is not None and atom.is_truth])
    multiples = [parts for each in conditions if (parts := divided(each)) is not None]
    classes: set[Classes] = set()
    for each in conditions:
        parts = divided(each)
        if parts is not None:
            whole, below, _ = parts
            if not any([below == other[1] and _is_multiple(whole, other[0]) for other in multiples]):
                yield f"{write(below, layout)} divides {write(whole, layout)}"
        elif each.atom in weak:
            continue
        elif (own := by_remainder(each, domains)) is None:
            yield test(layout.of(each), layout) or f"not: {texts[each]}"
        elif own not in classes:
            classes.add(own)
            place = texts[each].partition(":")[0]
            yield f"{said(own)}, by a rule of {place}" + hint.format(f"{own.symbol}={asked(own.values)}")


def by_remainder(rule: Polynomial, domains: Mapping[str, Range]) -> Classes | None:
    """The values of a rule's one symbol that keep it, where they are those of one remainder (the odd ones, say); None
    for a rule of another kind."""
    names = rule.symbols()
    if len(names) != 1 or not floors(rule):
        return None
    (name,) = names
    domain = domains[name]
    try:
        kept = holds(rule, name, domain)
    except NotExact:
        return None
    runs = joined(kept, max([run.step for run in kept], default=1))
    if len(runs) != 1 or runs[0].step <= domain.step:
        return None
    (run,) = runs
    is_whole = run.low - domain.low < run.step and (
        run.high is None if domain.high is None else run.high is not None and domain.high - run.high < run.step
    )
    return Classes(name, Range(run.low, run.high, run.step)) if is_whole else None


def said(classes: Classes) -> str:
    """Which values of a symbol these are, in words."""
    name, (low, _, step) = classes
    if step == 2:
        return f"{name} is {'odd' if low % 2 else 'even'}"
    more = f"{low % step} more than " if low % step else ""
    return f"{name} is {more}a multiple of {step}"


def asked(values: Range) -> str:
    """Some values as `--in` takes them.

    >>> asked(Range(1, None, 2)), asked(Range(4, 32, 4))
    ('odd 1..', '4..32:4')
    """
    low, high, step = values
    text = f"{low}..{'' if high is None else high}"
    return f"{'odd' if low % 2 else 'even'} {text}" if step == 2 else f"{text}:{step}"


def divided(rule: Polynomial) -> tuple[Polynomial, Polynomial, Atom] | None:
    """What is a multiple of what, and the floor of their quotient, where a rule says that: a == d * floor(a / d)."""
    zero = rule.atom
    if zero is None or zero.op != "zero":
        return None
    inside: Polynomial = zero.args[0]
    for atom in inside.atoms():
        if atom.op == "floor":
            below = divisor(atom.args[0])
            for sign in (1, -1):
                whole = inside * sign + single(atom) * below
                if whole == atom.args[0] * below:
                    return whole, below, atom
    return None


def _is_multiple(whole: Polynomial, other: Polynomial) -> bool:
    """Whether a formula is more than once another."""
    times = whole.over(other).constant if len(other.terms) == 1 else None
    return isinstance(times, int) and times > 1
