"""The verdict on a claim, and what it rests on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from archtool.algebra.finding import Finding
from archtool.errors import Position

PROVED: Final = "proved"
HOLDS: Final = "holds"
REFUTED: Final = "refuted"
UNDECIDED: Final = "undecided"
STATUSES: Final = (PROVED, HOLDS, REFUTED, UNDECIDED)
FAILING: Final = (REFUTED, UNDECIDED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """A claim and what was found out about it.

    that, name, why, when   the claim as written
    position                where it stands
    status                  'proved', for all values of the free sizes; 'holds', at some values or on random draws;
                            'refuted', with a counterexample; 'undecided'
    scope                   for which values, in words
    finding                 what it rests on, how it follows, and the counterexample
    """

    that: str
    name: str
    why: str
    when: str
    position: Position
    scope: str
    finding: Finding

    @property
    def status(self) -> str:
        """One of STATUSES."""
        if self.finding.truth is None:
            return UNDECIDED
        if not self.finding.truth:
            return REFUTED
        return PROVED if self.finding.is_proof and not self.finding.at else HOLDS

    @property
    def title(self) -> str:
        """The claim in one line, behind its name where it has one."""
        return f"{self.name}: {self.that}" if self.name else self.that

    @property
    def ok(self) -> bool:
        """Whether the claim stands."""
        return self.status not in FAILING

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON."""
        finding, witness = self.finding, self.finding.witness
        return {
            "that": self.that,
            "name": self.name,
            "why": self.why,
            "when": self.when,
            "file": self.position.file,
            "line": self.position.line,
            "column": self.position.column,
            "status": self.status,
            "scope": self.scope,
            "basis": [each._asdict() for each in finding.basis],
            "assumptions": list(finding.assumptions),
            "steps": list(finding.steps),
            "reason": finding.reason,
            "counterexample": None
            if witness is None
            else {
                "text": witness.text,
                "sizes": {name: plain(value) for name, value in witness.sizes.items()},
                "left": plain(witness.left),
                "right": plain(witness.right),
                "recipe": dict(witness.recipe),
            },
        }


def plain(value: Any) -> Any:
    """A value as JSON has it; fractions, words of the language and steps as text."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    return str(value)
