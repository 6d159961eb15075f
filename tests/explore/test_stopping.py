"""Signals end a sweep in good order; a second one ends it at once."""

from __future__ import annotations

from pathlib import Path
from signal import SIG_IGN, SIGINT, SIGTERM, getsignal, raise_signal, signal

import pytest

from archtool import load
from archtool.explore.storing.stopping import stoppable
from archtool.explore.storing.store import Store


@pytest.mark.parametrize(("number", "code"), [(SIGINT, 130), (SIGTERM, 143)])
def test_a_signal_is_taken_down_and_a_second_one_interrupts(number, code) -> None:
    before = getsignal(SIGINT), getsignal(SIGTERM)
    with stoppable() as stopping:
        assert stopping.go_on()
        raise_signal(number)
        assert not stopping.go_on()
        assert stopping.exit_code == code
        with pytest.raises(KeyboardInterrupt):
            raise_signal(SIGINT)
    assert (getsignal(SIGINT), getsignal(SIGTERM)) == before


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal(SIGINT, SIG_IGN)
    try:
        with stoppable() as stopping:
            raise_signal(SIGINT)
            assert stopping.go_on()
    finally:
        signal(SIGINT, before)


def test_what_is_done_is_told_copying_too(tmp_path: Path) -> None:
    sweep = load("resnet50").explore({"width": "16..64:16"}, metrics=["params"])
    told: list[tuple[int, str]] = []
    with stoppable(lambda done, what: told.append((done, what))) as stopping:
        Store(sweep, tmp_path / "designs.parquet").fill(2, stopping)
        assert {what for _, what in told} == {"designs"}
        told.clear()
        Store(sweep, tmp_path / "designs.parquet", resume=True).fill(None, stopping)
    assert (told[0], told[-1]) == ((2, "taking over"), (4, "designs"))
