"""What a verification found, as plain frozen objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Value = int | str | tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One quantity of one layer, or of the whole network (`kind` is then 'network').

    what        predicted and measured
    output      the output's sizes without the batch (channels first, or tokens and channels)
    params      parameters
    macs        multiply-adds
    sees        'local', 'local and global', 'everything' or 'nothing'
    height ...  the receptive field along an axis: (stride, low, high), position q seeing the input's positions
                [stride*q + low, stride*q + high]; with several phases a low and a high for each, in turn (1 and 0 for
                one that sees nothing); the stride is 0 where there is one position. Where all is mixed, what was seen
                before that

    live           the most bytes alive at once, of the memory that a run makes
    buffers ...    bytes of the network (params bytes, buffers) and of its training (gradients, optimizer state)

    With several inputs, `sees` and the axes are followed by 'of' and the input's name. `measured` is a text where torch
    could not give a value: it says why. A difference of no more than `tolerance`, as a share, is none.
    """

    name: str
    kind: str
    what: str
    predicted: Value
    measured: Value
    tolerance: float = 0.0

    @property
    def agrees(self) -> bool:
        """Whether the prediction is what was measured."""
        if self.tolerance and isinstance(self.predicted, int) and isinstance(self.measured, int):
            return abs(self.measured - self.predicted) <= self.tolerance * self.measured
        return self.predicted == self.measured

    @property
    def difference(self) -> Value:
        """Measured less predicted, number by number where there are as many; for texts 0, or 'differs'."""
        predicted, measured = self.predicted, self.measured
        if isinstance(predicted, int) and isinstance(measured, int):
            return measured - predicted
        if isinstance(predicted, tuple) and isinstance(measured, tuple) and len(predicted) == len(measured):
            return tuple(m - p for m, p in zip(measured, predicted, strict=True))
        return 0 if predicted == measured else "differs"

    def to_dict(self) -> dict[str, Any]:
        """The row for JSON; tuples are lists there."""
        return {
            "name": self.name,
            "kind": self.kind,
            "what": self.what,
            "predicted": self.predicted,
            "measured": self.measured,
            "difference": self.difference,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Verification:
    """A network held against torch: `totals` of the whole network, `rows` layer by layer, and what else is to be
    known (what could not be checked, and why)."""

    name: str
    device: str
    dtype: str
    totals: tuple[Row, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether everything that was checked agrees."""
        return not self.differences

    @property
    def differences(self) -> tuple[Row, ...]:
        """The rows that do not agree."""
        return tuple(row for row in (*self.totals, *self.rows) if not row.agrees)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            "name": self.name,
            "device": self.device,
            "dtype": self.dtype,
            "ok": self.ok,
            "totals": [row.to_dict() for row in self.totals],
            "layers": [row.to_dict() for row in self.rows],
            "notes": list(self.notes),
        }
