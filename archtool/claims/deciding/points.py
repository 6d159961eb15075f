"""The points of some domains, the small ones first, and then those that others are like: corners, far ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product
from math import prod
from random import Random
from typing import Any, Final

from archtool.algebra.formula import said
from archtool.claims.deciding.statement import Domains
from archtool.spec.domains import Range
from archtool.spec.numbers import is_number

MOST_CORNERS: Final = 64
FAR: Final = (4, 4, 7, 10, 16)  # bits of values that are drawn: networks of a size that is met, most of them
DOUBLED: Final = 18  # times that a place is doubled
SEED: Final = 0


def count(domain: Range | tuple[Any, ...]) -> int | None:
    """How many values a domain has; None where it has no end."""
    if not isinstance(domain, Range):
        return len(domain)
    return None if domain.high is None else (domain.high - domain.low) // domain.step + 1


def size(domains: Domains) -> int | None:
    """How many points some domains have; None where there is no end of them."""
    counts = [count(domain) for domain in domains.values()]
    return None if None in counts else prod([each or 0 for each in counts])


def value(domain: Range | tuple[Any, ...], place: int) -> Any:
    """The value at a place of a domain, from 0 on."""
    return domain.low + domain.step * place if isinstance(domain, Range) else domain[place]


def place_of(domain: Range | tuple[Any, ...], given: Any) -> int | None:
    """The place of a value in a domain; None where it is not there."""
    if not isinstance(domain, Range):
        return next((place for place, each in enumerate(domain) if type(each) is type(given) and each == given), None)
    if type(given) is not int or given < domain.low or (domain.high is not None and given > domain.high):
        return None
    steps, rest = divmod(given - domain.low, domain.step)
    return None if rest else steps


def words(domain: Range | tuple[Any, ...]) -> bool:
    """Whether a domain's values have no order of size: words and steps."""
    return not isinstance(domain, Range) and not all([is_number(each) for each in domain])


def everywhere(domains: Domains) -> Iterator[dict[str, Any]]:
    """All points of finite domains."""
    for places in product(*[range(count(domain) or 0) for domain in domains.values()]):
        yield _point(domains, places)


def small_first(domains: Domains) -> Iterator[dict[str, Any]]:
    """All points, by the sum of their places in the domains; at each place all words."""
    sized = {name: domain for name, domain in domains.items() if not words(domain)}
    worded = {name: domain for name, domain in domains.items() if words(domain)}
    ends = [count(domain) for domain in sized.values()]
    last = None if None in ends else sum([(end or 1) - 1 for end in ends])
    total = 0
    while last is None or total <= last:
        for places in _summing_to(total, ends):
            for others in everywhere(worded):
                point = {**_point(sized, places), **others}
                yield {name: point[name] for name in domains}
        total += 1


def _summing_to(total: int, ends: Sequence[int | None]) -> Iterator[tuple[int, ...]]:
    """The tuples of places with this sum, each below its end."""
    if not ends:
        if total == 0:
            yield ()
        return
    first, *others = ends
    room = None if None in others else sum([(end or 1) - 1 for end in others])
    low = 0 if room is None else max(0, total - room)
    high = total if first is None else min(total, first - 1)
    for place in range(low, high + 1):
        for rest in _summing_to(total - place, others):
            yield (place, *rest)


def corners(domains: Domains) -> Iterator[dict[str, Any]]:
    """Points whose values are each the first or the last of their domains."""
    ends = [sorted({0, (count(domain) or 1) - 1}) for domain in domains.values()]
    for places in islice(product(*reversed(ends)), MOST_CORNERS):
        yield _point(domains, places[::-1])


def near(domains: Domains, numbers: Iterable[int], base: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Points like `base` but for one value, which is one of these numbers or a neighbour of it."""
    for number in numbers:
        for name, domain in domains.items():
            if isinstance(domain, Range):
                for each in (number, number - domain.step, number + domain.step):
                    if place_of(domain, each) is not None:
                        yield {**base, name: each}


def growing(domains: Domains) -> Iterator[dict[str, Any]]:
    """Points with one value, or all, or all but one at a place that doubles, the others first in their domains."""
    names = [name for name, domain in domains.items() if not words(domain)]
    groups = [[name] for name in names] + [[other for other in names if other != name] for name in names] + [names]
    for power in range(1, DOUBLED):
        for group in groups:
            places = [min(2**power, (count(domain) or 2**power + 1) - 1) * (name in group)
                      for name, domain in domains.items()]  # fmt: skip
            yield _point(domains, places)


def drawn(domains: Domains) -> Iterator[dict[str, Any]]:
    """Points drawn at random, without end, the same ones each time; small values are as likely as large ones."""
    random = Random(SEED)
    while True:
        places = []
        for domain in domains.values():
            end = count(domain)
            bits = random.choice(FAR)
            top = 2 ** random.randint(0, bits) if not words(domain) else (end or 1)
            places.append(random.randrange(top if end is None else min(top, end)))
        if random.randrange(2) and places:  # from the far end, where there is one
            at = random.randrange(len(places))
            end = count([*domains.values()][at])
            if end is not None:
                places[at] = end - 1 - places[at]
        yield _point(domains, places)


def _point(domains: Domains, places: Iterable[int]) -> dict[str, Any]:
    return {name: value(domain, place) for (name, domain), place in zip(domains.items(), places, strict=True)}


def described(domains: Domains) -> list[str]:
    """What the free names may be, in words."""
    ranges = {name: domain for name, domain in domains.items() if isinstance(domain, Range)}
    lists = {name: domain for name, domain in domains.items() if not isinstance(domain, Range)}
    return [*said(ranges), *[f"{name} is one of {listed(domain)}" for name, domain in lists.items()]]


def listed(values: Sequence[Any]) -> str:
    """Some values one after the other."""
    return ", ".join([shown(each) for each in values])


def shown(given: Any) -> str:
    """A value as a sentence has it."""
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, tuple) and not hasattr(given, "_fields"):
        return f"[{listed(given)}]"
    return getattr(given, "word", None) or str(given)


def placed(point: Mapping[str, Any]) -> str:
    """A point in words.

    >>> placed({"c": 3, "k": 1})
    'c = 3, k = 1'
    """
    return ", ".join([f"{name} = {shown(each)}" for name, each in point.items()])
