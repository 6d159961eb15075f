"""Memory as it is taken and let go: storages that several tensors may have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from archtool.analysis.numbers import whole
from archtool.size import Condition, Size


class Held(NamedTuple):
    """A piece of memory: the layer that it is of (empty for the network's own), what it is for, and its bytes."""

    name: str
    what: str
    bytes: int


@dataclass(slots=True)
class _Storage:
    held: Held
    holders: int


class Heap:
    """The storages alive, and the most that there ever was.

    Every taking of memory is a moment, with a number. Of the moment `watched`, `seen` is what was alive in it, and
    `seen_at` the name of the layer that took the last of it.
    """

    def __init__(self, watched: int | None = None) -> None:
        self.live = self.peak = self.peak_moment = self.moment = 0
        self.high = 0  # the most since a layer began
        self.watched = watched
        self.seen: tuple[Held, ...] = ()
        self.seen_at = ""
        self._storages: dict[int, _Storage] = {}
        self._made = 0

    def begin(self, taken: Condition) -> None:
        """A layer begins, which all designs have that there are."""
        self.high = self.live

    def take(self, name: str, what: str, size: Size) -> int:
        """New memory, with one holder; its number."""
        size = whole(size)
        self._made += 1
        self._storages[self._made] = _Storage(Held(name, what, size), 1)
        self.live += size
        self.moment += 1
        self.high = max(self.high, self.live)
        if self.live > self.peak:
            self.peak, self.peak_moment = self.live, self.moment
        if self.moment == self.watched:
            self.seen_at = name
            self.seen = tuple(storage.held for storage in self._storages.values())
        return self._made

    def hold(self, number: int) -> int:
        """One holder more; the same number."""
        self._storages[number].holders += 1
        return number

    def drop(self, number: int) -> None:
        """One holder less; the last one lets it go."""
        storage = self._storages[number]
        storage.holders -= 1
        if storage.holders == 0:
            self.live -= storage.held.bytes
            del self._storages[number]

    def either(self, condition: Condition, yes: int, no: int) -> int:
        """The one of two that a condition takes."""
        return yes if condition else no

    def narrow(self, number: int, condition: Condition) -> None:
        """One holder less where a condition does not hold."""
        if not condition:
            self.drop(number)

    def is_shared(self, number: int) -> bool:
        """Whether it has more than one holder."""
        return self._storages[number].holders > 1
