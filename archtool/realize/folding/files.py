"""Weights in files: a state_dict in, that of the folded network out."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from archtool.algebra.folding.folding import Folding
from archtool.errors import RuleError
from archtool.realize.build import Network, realize
from archtool.realize.folding.weights import weights

MOST_NAMED = 3


def folded_weights(folding: Folding, path: Path, names: Mapping[str, str]) -> bytes:
    """The state_dict of the folded network as torch saves it, from a file with the original's.

    `names` are the layers' names there, by those of the folding. Raises RuleError for a file that is not one.
    """
    network = loaded(folding, path)
    out = io.BytesIO()
    torch.save(renamed(weights(folding, network), names), out)
    return out.getvalue()


def renamed(state: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """Weights under other names of their layers; the longest name that a weight's begins with is its layer's."""
    layers = sorted(names, key=len, reverse=True)
    found = {}
    for key, value in state.items():
        layer = next(name for name in layers if key.startswith(f"{name}."))
        found[names[layer] + key[len(layer) :]] = value
    return found


def loaded(folding: Folding, path: Path) -> Network:
    """The original network with the weights of a file, of their dtype."""
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise RuleError(f"{path}: {error.strerror or error}") from None
    except Exception as error:  # in a file of something else torch's reader stumbles over anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise RuleError(f"{path} is no file of weights (a state_dict, by torch.save): {reason}") from None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise RuleError(f"{path} holds no state_dict: names and their tensors")
    network = realize(folding.original).eval().requires_grad_(False)
    floating = [value.dtype for value in state.values() if value.is_floating_point()]
    _check(path, state, network.state_dict())
    network = network.to(floating[0]) if floating else network
    network.load_state_dict(dict(state))
    return network


def _check(path: Path, state: Mapping[str, Tensor], needed: Mapping[str, Tensor]) -> None:
    """Raises RuleError for weights that are missing, unknown, or of another shape."""
    missing = [name for name in needed if name not in state]
    unknown = [name for name in state if name not in needed]
    shapes = [name for name in needed if name in state and state[name].shape != needed[name].shape]
    for names, what in (
        (missing, "lacks"),
        (unknown, "has, as the network has not,"),
        (shapes, "has of another shape"),
    ):
        if names:
            more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
            raise RuleError(
                f"{path} {what} {', '.join(map(repr, names[:MOST_NAMED]))}{more}; names are those of design.torch()"
            )
