"""Goals that have to be measured, design by design: numbers of users' functions, and training-free scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

from archtool.analysis.measures import METRICS
from archtool.errors import ArchtoolError, RuleError, nearest
from archtool.explore.search.functions import MeasureError, UserFunction, number
from archtool.explore.search.judge import Goal

if TYPE_CHECKING:
    from archtool.design import Design

SCORES: Final = ("synflow", "naswot", "grad_norm", "zen")  # of realize/scores.py, which imports torch


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """How scores are measured: inputs at once, draws of weights and inputs, the first one's seed, where, in what."""

    batch: int = 16
    draws: int = 1
    seed: int = 0
    device: str = "auto"
    dtype: str = "float32"


class Measured:
    """Measures the `goals` of one design at a time."""

    def __init__(
        self, goals: Sequence[Goal], functions: Sequence[UserFunction], scores: Sequence[str], scoring: Scoring
    ) -> None:
        self.goals = tuple(goals)
        self.functions = tuple(functions)
        self.scores = tuple(scores)
        self.scoring = scoring

    @classmethod
    def chosen(
        cls,
        goals: Sequence[Goal],
        objectives: Sequence[str | Callable[[Design], Any]],
        scores: Sequence[str],
        scoring: Scoring | None,
        known: Sequence[str],
    ) -> tuple[Measured, list[Goal]]:
        """What of some goals has to be measured, and the others, which formulas tell.

        A goal is a score by its name; where functions are given, it is theirs where its name is neither a metric nor
        one of the `known` vars. A score that is no goal yet is one to be maximized.
        """
        functions = [UserFunction(path) for path in objectives]
        for name in scores:
            if name not in SCORES:
                raise RuleError(f"there is no score '{name}'" + nearest(name, SCORES))
        named = [goal.name for goal in goals]
        goals = [*goals, *(Goal(name, True) for name in dict.fromkeys(scores) if name not in named)]
        wanted = [goal.name for goal in goals if goal.name in SCORES]
        theirs = [goal.name for goal in goals if _is_of_functions(goal.name, known)] if functions else []
        for function in functions:
            if function.name in (*METRICS, *SCORES, *known):
                raise RuleError(f"the function '{function.path}' has the name of a metric, score or var; rename it")
        if functions and not theirs:
            names = " and ".join(function.name for function in functions)
            raise RuleError(f"say whether to --minimize or --maximize {names} (or the names of numbers in its answer)")
        scoring = scoring or Scoring()
        if wanted:
            from archtool.realize.scores import checked  # raises MissingExtra now, not after an hour

            checked(scoring.device, scoring.dtype)
        own = {*wanted, *theirs}
        mine = [goal for goal in goals if goal.name in own]
        return cls(mine, functions, wanted, scoring), [goal for goal in goals if goal.name not in own]

    def __call__(self, design: Design) -> dict[str, float]:
        """The goals' numbers by name. Raises MeasureError where this design has none, RuleError where no design can:
        an answer without one of the names."""
        answer: dict[str, float] = {}
        for function in self.functions:
            answer |= function(design)
        missing = [goal.name for goal in self.goals if goal.name not in answer and goal.name not in self.scores]
        if missing:
            raise RuleError(
                f"'{missing[0]}' is neither a metric nor in the answer of {self._names}" + nearest(missing[0], answer)
            )
        if self.scores:
            answer |= self._scored(design)
        return {goal.name: answer[goal.name] for goal in self.goals}

    def _scored(self, design: Design) -> dict[str, float]:
        from archtool.realize.scores import measure

        try:
            found = measure(design, self.scores, **asdict(self.scoring))
        except (ArchtoolError, RuntimeError, ValueError) as error:  # no activations, say; what torch says of memory
            raise MeasureError(str(error).splitlines()[0]) from error
        return {name: number(score.value, f"{name} is") for name, score in found.items()}

    @property
    def _names(self) -> str:
        return " and ".join(function.name for function in self.functions)

    def describe(self) -> dict[str, Any]:
        """What decides the numbers, as JSON."""
        if not self.goals:
            return {}
        return {
            "objectives": [function.path for function in self.functions],
            "scores": list(self.scores),
            **({"scoring": asdict(self.scoring)} if self.scores else {}),
        }


def _is_of_functions(name: str, known: Sequence[str]) -> bool:
    return name.isidentifier() and name not in (*METRICS, *SCORES, *known)
