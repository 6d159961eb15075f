"""How hard properties are tested, and in which arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

TOLERANCES: Final = {"float64": 1e-9, "float32": 1e-4, "float16": 1e-2, "bfloat16": 1e-1}


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Tests take up to so many `draws` of weights and inputs (fewer of large networks); values that should agree may
    differ by `tolerance` of the largest, by default what goes with the dtype."""

    draws: int = 24
    dtype: str = "float64"
    device: str = "cpu"
    seed: int = 0
    tolerance: float | None = None

    @property
    def allowed(self) -> float:
        """The tolerance."""
        return TOLERANCES[self.dtype] if self.tolerance is None else self.tolerance
