"""What the tests of the torch realization use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # these tensors are small: on two cores, threads that wait for each other cost minutes


@pytest.fixture(autouse=True)
def reproducible() -> Iterator[None]:
    """The same random weights and inputs in every run."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield
