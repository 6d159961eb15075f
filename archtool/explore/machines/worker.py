"""Preloaded by the workers of this machine: Ctrl-C is for the program that started them, which ends them in order."""

from __future__ import annotations

from signal import SIG_IGN, SIGINT, signal
from typing import Any


def dask_setup(_: Any) -> None:
    """Called by dask in the main thread of a worker that starts."""
    signal(SIGINT, SIG_IGN)
