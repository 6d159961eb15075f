"""Ending early, and in good order, when the user or the system asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from signal import SIGINT, SIGTERM, Handlers, Signals, getsignal, signal
from types import FrameType
from typing import Final

from archtool.explore.storing.run import Watch

SHELL: Final = 128  # a shell tells of a program that a signal ended by this and the signal's number


class Stopping(Watch):
    """Lets a sweep go on until a signal comes."""

    def __init__(self, tell: Callable[[int, str], object]) -> None:
        self.by: Signals | None = None
        self._tell = tell

    def go_on(self) -> bool:
        return self.by is None

    def tell(self, done: int) -> None:
        self._tell(done, "designs")

    def take_over(self, done: int) -> None:
        self._tell(done, "taking over")

    @property
    def exit_code(self) -> int:
        """What a program that was ended by the signal exits with."""
        return SHELL + (self.by or SIGINT)


@contextmanager
def stoppable(tell: Callable[[int, str], object] = lambda *_: None) -> Iterator[Stopping]:
    """Within, the first Ctrl-C or SIGTERM ends in good order whatever watches what this gives; a second one raises
    KeyboardInterrupt. `tell` is told how many designs are done, and what is done. For the main thread alone, as
    signals are.
    """
    stopping = Stopping(tell)

    def take_down(number: int, _: FrameType | None) -> None:
        if stopping.by is not None:
            raise KeyboardInterrupt
        stopping.by = Signals(number)

    handlers = {number: getsignal(number) for number in (SIGINT, SIGTERM)}
    before = {number: handler for number, handler in handlers.items() if handler is not Handlers.SIG_IGN}  # else: nohup
    try:
        for number in before:
            signal(number, take_down)
        yield stopping
    finally:
        for number, handler in before.items():
            signal(number, handler)
