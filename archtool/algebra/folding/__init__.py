"""Linear parts of a network composed into the fewest layers, exactly (docs/folding.md)."""

from archtool.algebra.folding.fold import fold
from archtool.algebra.folding.folding import FoldedLayer, Folding, Refusal

__all__ = ["FoldedLayer", "Folding", "Refusal", "fold"]
