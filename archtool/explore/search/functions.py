"""A user's own function as an objective, by its dotted path. A path stands on the command line, never in a spec."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from math import isfinite
from numbers import Real
from typing import TYPE_CHECKING, Any

from archtool.errors import RuleError, nearest

if TYPE_CHECKING:
    from archtool.design import Design


class MeasureError(Exception):
    """A function or a score has no number for a design; says why."""


class UserFunction:
    """A function that takes a Design and returns a number, or a mapping of names to numbers; or its path."""

    def __init__(self, function: str | Callable[[Design], Any]) -> None:
        if callable(function):
            kind = function if hasattr(function, "__qualname__") else type(function)
            self.path = f"{kind.__module__}:{kind.__qualname__}"
            self._call = function
        else:
            self.path = function
            self._call = _found(function)
        self.name = self.path.rpartition(":")[2].rpartition(".")[2]

    def __call__(self, design: Design) -> dict[str, float]:
        """The numbers by name, one alone by the function's own name; MeasureError for anything else it does."""
        try:
            found = self._call(design)
        except Exception as error:  # whatever a user's function raises is this design's failure
            said = " ".join(str(error).split())
            raise MeasureError(f"{self.name} raised {type(error).__name__}: {said}") from error
        numbers = found if isinstance(found, Mapping) else {self.name: found}
        return {str(name): number(value, f"{self.name} returned") for name, value in numbers.items()}


def number(value: Any, who: str) -> float:
    """A finite number as a float; raises MeasureError."""
    try:
        found = float(value.item() if hasattr(value, "item") and not isinstance(value, Real) else value)
    except (TypeError, ValueError, RuntimeError):
        raise MeasureError(f"{who} {value!r}, which is no number") from None
    if not isfinite(found):
        raise MeasureError(f"{who} {found}")
    return found


def _found(path: str) -> Callable[[Design], Any]:
    module_name, colon, names = path.partition(":")
    if not colon or not module_name or not names:
        raise RuleError(f"--objective takes package.module:function, not '{path}'")
    try:
        found: Any = import_module(module_name)
    except ModuleNotFoundError as error:
        missing = f"'{error.name}'" if error.name else "it"
        inside = "" if module_name == error.name or module_name.startswith(f"{error.name}.") else ", which it imports"
        raise RuleError(f"--objective {path}: there is no module {missing}{inside}") from None
    except Exception as error:  # a module can raise anything while it is imported
        raise RuleError(
            f"--objective {path}: importing '{module_name}' raised {type(error).__name__}: {error}"
        ) from error
    for name in names.split("."):
        if not hasattr(found, name):
            public = [each for each in dir(found) if not each.startswith("_")]
            raise RuleError(f"--objective {path}: there is no '{name}' in it" + nearest(name, public))
        found = getattr(found, name)
    if not callable(found):
        raise RuleError(f"--objective {path}: this is no function, but {type(found).__name__}")
    return found  # type: ignore[no-any-return]  # whatever it is, it can be called
