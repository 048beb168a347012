"""Find the programme, with proof; or the rules at odds where there is none."""

from __future__ import annotations

import time
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from siting.errors import InfeasibleError, first_ids
from siting.sequence.conflict import conflict
from siting.sequence.model import Model, build
from siting.sequence.result import Programme, told
from siting.sequence.solver import solved
from siting.sequence.start import begun
from siting.sequence.tables import Question, check


def programme(
    asked: Question, *, gap: float = 0.0, time_limit_s: float | None = None, threads: int = 1
) -> Programme:
    """Return the programme with the least mix of journeys, running cost and building.

    Parameters
    ----------
    asked
        The question.
    gap
        Stop once no more than this share of what can be gained may be missed.
    time_limit_s
        Stop then; the best found is returned and says so.
    threads
        Of the solver.

    Raises
    ------
    DataError
        Tables that do not fit.
    InfeasibleError
        No programme keeps the rules; a small set of rules that are at odds is named.
    SolverError
        HiGHS failed, or stopped before it found anything.
    """
    check(asked)
    deadline = None if time_limit_s is None else time.monotonic() + time_limit_s
    model = build(asked)
    values, bound, proved = solved(
        model, start=begun(model, asked), gap=gap, deadline=deadline, threads=threads
    )
    if values is None:
        at_odds = conflict(model, threads=threads)
        raise InfeasibleError(
            f"programme: these rules cannot all be kept: {first_ids(at_odds)}. Relax one of them."
            if at_odds
            else "programme: no receiver is left for a site that has to close. Add choices."
        )
    unique = None
    if proved and gap == 0:
        unique = _alone(model, values, model.objective(values), deadline, threads)
    return told(model, asked, values, bound=bound, proved=proved, unique=unique)


def _alone(
    model: Model,
    values: NDArray[np.int64],
    objective: Fraction,
    deadline: float | None,
    threads: int,
) -> bool | None:
    """Whether no other programme is as good; None where time ran out."""
    other, _, sure = solved(
        model,
        deadline=deadline,
        threads=threads,
        other_than=values,
        at_most=objective,
        any_will_do=True,
    )
    if other is None:
        return True if sure else None
    return False if model.objective(other) <= objective else None
