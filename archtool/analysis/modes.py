"""The two ways of running a network."""

from __future__ import annotations

from typing import Final

from archtool.errors import RuleError, nearest

INFERENCE: Final = "inference"
TRAINING: Final = "training"  # forward and backward
MODES: Final = (INFERENCE, TRAINING)


def is_training(mode: str) -> bool:
    """Whether a mode is that of training; RuleError for what is no mode."""
    if mode not in MODES:
        raise RuleError(f"unknown mode '{mode}'" + nearest(mode, MODES))
    return mode == TRAINING
