"""The weights of folded networks, from those of the original's torch module, and how equal the two are."""

from archtool.realize.folding.checking import Checked, check
from archtool.realize.folding.weights import weights

__all__ = ["Checked", "check", "weights"]
