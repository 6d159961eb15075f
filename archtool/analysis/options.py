"""How a network is counted: the words that readings of its costs have in common, checked once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from archtool.analysis.modes import INFERENCE, is_training
from archtool.errors import RuleError, nearest

if TYPE_CHECKING:
    from archtool.analysis.operations.convention import Convention

BYTES: Final[Mapping[str, int]] = {
    "float64": 8,
    "float32": 4,
    "bfloat16": 2,
    "float16": 2,
    "float8": 1,
    "int8": 1,
}
TRAINED: Final = ("float64", "float32", "bfloat16", "float16")
OPTIMIZERS: Final[Mapping[str, int]] = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}  # numbers kept for a parameter
LARGEST_BATCH: Final = 2**63
ACTS: Final = ("all", "conv")


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How a network is counted; raises RuleError or SpecError for a word that is none of these.

    batch: inputs at once; dtype: that of all tensors; acts: whose outputs are activations, 'all' layers' or those of
    convolutions and linear layers ('conv'); convention: what FLOPs are, a shipped one's name or a YAML file's path, two
    for each multiply-accumulate where there is none; exact_padding: without the products with padding. mode
    ('inference' or 'training'), optimizer and in_place are those of memory; see `Design.memory`.
    """

    batch: int = 1
    dtype: str = "float32"
    acts: str = ACTS[0]
    convention: str | os.PathLike[str] | Convention | None = None
    exact_padding: bool = False
    mode: str = INFERENCE
    optimizer: str = "sgd"
    in_place: bool = False

    def __post_init__(self) -> None:
        check_batch(self.batch)
        for word, given, known in (("dtype", self.dtype, BYTES), ("optimizer", self.optimizer, OPTIMIZERS)):
            if given not in known:
                raise RuleError(f"unknown {word} '{given}'" + nearest(given, known))
        if self.acts not in ACTS:
            raise RuleError(f"acts is 'all' or 'conv', not '{self.acts}'")
        if is_training(self.mode) and self.dtype not in TRAINED:
            raise RuleError(f"dtype: '{self.dtype}' is not one that networks are trained in: {', '.join(TRAINED)}")
        if self.convention is not None:
            from archtool.analysis.operations.conventions import convention

            object.__setattr__(self, "convention", convention(self.convention))

    @property
    def itemsize(self) -> int:
        """The bytes of an element."""
        return BYTES[self.dtype]

    @property
    def training(self) -> bool:
        """Whether memory is that of training."""
        return is_training(self.mode)

    @property
    def pricing(self) -> Convention | None:
        """The convention, read."""
        return self.convention  # type: ignore[return-value]  # read when this was made

    def to_dict(self) -> dict[str, Any]:
        """The options as JSON, the convention with all its weights."""
        return {
            "batch": self.batch,
            "dtype": self.dtype,
            "acts": self.acts,
            "convention": self.pricing and self.pricing.to_dict(),
            "exact_padding": self.exact_padding,
            "mode": self.mode,
            "optimizer": self.optimizer,
            "in_place": self.in_place,
        }


def check_batch(batch: object) -> None:
    """Raise RuleError for what is no number of inputs."""
    if type(batch) is not int or batch < 1:
        raise RuleError(f"batch (={batch}) must be a whole number of at least 1")
    if batch > LARGEST_BATCH:
        raise RuleError("batch must be at most 2**63")
