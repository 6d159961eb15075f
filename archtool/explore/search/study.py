"""Optuna's study of a search, and the file it is kept in."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from archtool.errors import missing_extra
from archtool.explore.search.genes import is_ordered
from archtool.explore.search.request import Request
from archtool.explore.search.storage import StorageError, check, told_of
from archtool.explore.space import Space

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

NAME: Final = "archtool"  # of the study in its file
ABOUT: Final = "archtool"  # its attribute that says which search it is
JOURNALS: Final = (".journal", ".log")


def opened(request: Request, path: Path | None, resume: bool) -> optuna.Study:
    """The study of a search: in memory without a path, else in a file, where it is there already to `resume`.

    The sampler's seed is the search's, moved on by the number of trials that there are. Raises StorageError for a file
    that holds no study, or another search; MissingExtra.
    """
    try:
        import optuna
        from sqlalchemy.exc import SQLAlchemyError
    except ImportError as error:
        raise missing_extra("a search trial by trial", "optuna", "search", error) from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    wrong = (OSError, ValueError, KeyError, TypeError, SQLAlchemyError, optuna.exceptions.OptunaError)
    try:
        storage = _storage(path)
        if resume:
            study = optuna.load_study(study_name=NAME, storage=storage)
            told = study.user_attrs.get(ABOUT)
        else:
            goals = (*request.goals, *request.measured.goals)
            ways = optuna.study.StudyDirection
            directions = [ways.MAXIMIZE if goal.maximize else ways.MINIMIZE for goal in goals]
            study = optuna.create_study(study_name=NAME, storage=storage, directions=directions)
            told = told_of(request)
            study.set_user_attr(ABOUT, told)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                study.set_metric_names([goal.name for goal in goals])  # for those who look at the file
        trials = len(study.get_trials(deepcopy=False))
    except wrong as error:
        raise StorageError(f"{path}: this is no study that can be used: {str(error).splitlines()[0]}") from None
    if path is not None:
        check(path, told, request)
    study.sampler = _sampler(request, request.seed + trials)
    return study


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """What Optuna varies: the place on each axis; those of an axis without an order are categories."""
    from optuna.distributions import CategoricalDistribution, IntDistribution

    return {
        name: IntDistribution(0, axis.length - 1) if is_ordered(axis) else CategoricalDistribution(range(axis.length))
        for name, axis in _named(space)
    }


def row_of(space: Space, params: Mapping[str, Any]) -> list[int]:
    """The places on the axes that a trial has."""
    return [int(params[name]) for name, _ in _named(space)]


def _named(space: Space) -> list[tuple[str, Any]]:
    return [("+".join(knob.name for knob in axis.knobs), axis) for axis in space.axes]


def _storage(path: Path | None) -> Any:
    from optuna.storages import InMemoryStorage, JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    if path is None:
        return InMemoryStorage()
    if path.suffix in JOURNALS:
        return JournalStorage(JournalFileBackend(str(path)))
    return RDBStorage(f"sqlite:///{path}")


def _sampler(request: Request, seed: int) -> Any:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if request.algorithm == "tpe":
            return optuna.samplers.TPESampler(seed=seed)
        if request.algorithm == "nsga2":
            return optuna.samplers.NSGAIISampler(population_size=request.population, seed=seed)
        return optuna.samplers.NSGAIIISampler(population_size=request.population, seed=seed)
