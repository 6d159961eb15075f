"""How the functions of networks relate: the same, one within another, of what rank, of how many free parameters."""

from archtool.algebra.relations.equivalence import equivalent, expressible
from archtool.algebra.relations.freedoms import Freedom, freedom
from archtool.algebra.relations.ranks import NotLinear, Ranked, rank, slice_rank

__all__ = ["Freedom", "NotLinear", "Ranked", "equivalent", "expressible", "freedom", "rank", "slice_rank"]
