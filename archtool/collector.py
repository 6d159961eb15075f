"""Python's garbage collector, out of the way while a large structure grows."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection while a tree grows: nothing in it is garbage, and looking costs up to half of the time.

    Freezing and unfreezing moves the tree to the oldest generation, so that the next small collection does not
    walk it either.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            if not gc.get_freeze_count():
                gc.freeze()
                gc.unfreeze()
            gc.enable()
