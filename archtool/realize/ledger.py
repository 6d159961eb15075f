"""A counting allocator hook: the bytes of all tensors that torch makes, while they are alive, on any device."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any, Final

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

# Of a sum of gradients that only autograd has: how often it is referred to within a mode, and how often its storage,
# the reference asked with included.
REFERENCES: Final = 4
STORAGE_REFERENCES: Final = 2


class Ledger(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """While it is entered, counts the storages of the tensors that operations give back: `live` bytes now, `peak` at
    most, `high` the most since that was set last. Storages `known` before count as nothing. What a kernel allocates and
    frees by itself is not seen.

    Within a mode autograd would add gradients into new tensors. It does not do so otherwise, where nobody else has the
    sum so far (torch/csrc/autograd/input_buffer.cpp, can_accumulate_inplace); nor does it here.
    """

    def __init__(self, known: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.live = self.peak = self.high = 0
        self._known = [tensor.untyped_storage() for tensor in known]
        self._storages: dict[int, weakref.ref[Any]] = {}
        self._old = {storage._cdata for storage in self._known}

    def count(self, tensor: Tensor) -> None:
        """Count a tensor's storage, once, until it goes."""
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        if key in self._old or key in self._storages:
            return
        self._storages[key] = weakref.ref(storage, lambda _: self._gone(key, size))
        self.live += size
        self.peak = max(self.peak, self.live)
        self.high = max(self.high, self.live)

    def _gone(self, key: int, size: int) -> None:
        del self._storages[key]
        self.live -= size

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten.add.Tensor and _may_add_in_place(*args[:2]):
            args[0].add_(args[1])
            return args[0]
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self.count(tensor)
        return made


def _may_add_in_place(total: Any, other: Any) -> bool:
    """Whether this is autograd adding a gradient to a sum that is its own."""
    if torch._C._current_autograd_node() is None or not isinstance(other, Tensor):
        return False
    return (
        total.shape == other.shape
        and total._use_count() == REFERENCES
        and torch._C._storage_Use_Count(total.untyped_storage()._cdata) == STORAGE_REFERENCES
        and _is_dense(total)
    )


def _is_dense(tensor: Tensor) -> bool:
    """Whether its elements lie side by side, in whatever order of its axes."""
    expected = 1
    for stride, size in sorted(zip(tensor.stride(), tensor.shape, strict=True)):
        if size != 1:
            if stride != expected:
                return False
            expected *= size
    return True
