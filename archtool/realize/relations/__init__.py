"""Relations between networks on numbers: proved, and measured in torch; or refuted by a counterexample."""

from archtool.realize.relations.decide import equivalent, expressible

__all__ = ["equivalent", "expressible"]
