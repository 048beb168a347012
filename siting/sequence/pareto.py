"""Money against children's time: the programmes of which none is better in both."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.errors import InfeasibleError, StudyError, first_ids
from siting.sequence.conflict import conflict
from siting.sequence.model import Model, build
from siting.sequence.result import told
from siting.sequence.rules import Row
from siting.sequence.solver import solved
from siting.sequence.start import begun
from siting.sequence.tables import Question, check

Values = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Pareto:
    """A front, cheapest first.

    Attributes
    ----------
    points
        ``point`` (0, 1, …), ``money`` (running, choices' own and building, all years),
        ``person_min`` (all years), ``person_min_bound`` (no programme for that money or less has
        fewer), ``gap`` (what may have been missed, as a share of the person-minutes between the
        ends of the front), ``status`` (``optimal`` or ``time_limit``).
    moves, steps
        As of :class:`siting.sequence.Programme`, with ``point``.
    """

    points: pd.DataFrame
    moves: pd.DataFrame
    steps: pd.DataFrame


def pareto(
    asked: Question,
    *,
    points: int,
    gap: float = 0.0,
    time_limit_s: float | None = None,
    threads: int = 1,
) -> Pareto:
    """Return programmes of which none costs less without taking children longer.

    The ε-constraint method (Haimes, Lasdon & Wismer 1971): the least person-minutes for at most so
    much money, then the least money for these person-minutes, with the limits on money evenly
    apart between the two ends. So unsupported points, which no weighting of the two would find, are
    found too. ``person_min_cost`` plays no part.

    Parameters
    ----------
    asked
        The question.
    points
        Limits on money tried, both ends included; fewer points where several give the same.
    gap
        As of :func:`siting.sequence.programme`, of every solve.
    time_limit_s
        Of the whole front, shared evenly by the solves that are left.
    threads
        Of the solver.

    Raises
    ------
    DataError, InfeasibleError, SolverError
        As :func:`siting.sequence.programme`.
    StudyError
        Fewer than two points.
    """
    if points < 2:
        raise StudyError(f"pareto: {points} points are no front. Ask for 2 or more.")
    check(asked)
    model = build(asked)
    money, minutes = _apart(asked)
    began = begun(model, asked)
    left = _Clock(time_limit_s, 2 * points + 1)

    def least(of: Model, rows: tuple[Row, ...], start: Values | None) -> _Solved | None:
        limited = replace(of, rows=(*model.rows, *rows))
        begin = start if start is not None and not limited.broken(start) else None
        values, bound, proved = solved(
            limited, start=begin, gap=gap, deadline=left.share(), threads=threads
        )
        return None if values is None else _Solved(values, bound, proved)

    def point(cap: Fraction | None, start: Values) -> _Point:
        """Least minutes for the money, then least money for these minutes; ``start`` keeps both."""
        row = () if cap is None else (_at_most(money, cap),)
        first = least(minutes, row, start)
        assert first is not None  # the start is an answer
        spent = minutes.objective(first.values)
        second = least(money, (*row, _at_most(minutes, spent)), first.values)
        assert second is not None
        best = second.values
        sure = first.proved and second.proved
        bound = Fraction(0) if first.bound is None else first.bound
        return _Point(best, money.objective(best), minutes.objective(best), bound, sure)

    cheapest = least(money, (), began)
    if cheapest is None:
        at_odds = conflict(model, threads=threads)
        raise InfeasibleError(
            f"pareto: these rules cannot all be kept: {first_ids(at_odds)}. Relax one of them."
        )
    first = point(money.objective(cheapest.values), cheapest.values)
    last = point(None, cheapest.values)
    low, high, found = first.money, last.money, [first, last]
    for k in range(1, points - 1):
        cap = low + (high - low) * Fraction(k, points - 1)
        start = min((p for p in found if p.money <= cap), key=lambda p: p.minutes)
        found.append(point(cap, start.values))
    return _front(model, asked, found)


@dataclass(frozen=True, eq=False)
class _Solved:
    values: Values
    bound: Fraction | None
    proved: bool


@dataclass(frozen=True, eq=False)
class _Point:
    values: Values
    money: Fraction
    minutes: Fraction
    bound: Fraction
    proved: bool


class _Clock:
    """Shares what is left of the time by the solves that are left."""

    def __init__(self, limit_s: float | None, solves: int) -> None:
        self._end = None if limit_s is None else time.monotonic() + limit_s
        self._solves = solves

    def share(self) -> float | None:
        """Return the deadline of the next solve."""
        self._solves = max(self._solves, 1)
        if self._end is None:
            return None
        now = time.monotonic()
        mine = max(0.0, self._end - now) / self._solves
        self._solves -= 1
        return now + mine


def _apart(asked: Question) -> tuple[Model, Model]:
    """Return the model in money alone, and in person-minutes alone; columns are the same."""
    free = asked.choices.assign(cost=0)
    timed = replace(
        asked,
        person_min_cost=1,
        choices=free,
        sites=asked.sites.assign(running_cost=0, build_cost=0),
        expansions=asked.expansions.assign(cost=0),
    )
    return build(replace(asked, person_min_cost=0)), build(timed)


def _at_most(of: Model, limit: Fraction) -> Row:
    """Return the condition that an objective is no more than a limit, in whole numbers."""
    room = limit - of.keep_all
    scale = math.lcm(*(g.denominator for g in of.gains), 1)
    terms = {c: int(g * scale) for c, g in enumerate(of.gains) if g}
    return Row("front", terms, math.floor(room * scale))


def _front(model: Model, asked: Question, found: list[_Point]) -> Pareto:
    """Leave out what is dominated, cheapest first, and tell each point's programme."""
    kept: list[_Point] = []
    for point in sorted(found, key=lambda p: (p.money, p.minutes)):
        if not kept or point.minutes < kept[-1].minutes:
            kept.append(point)
    span = kept[0].minutes - kept[-1].minutes
    rows, moves, steps = [], [], []
    for n, point in enumerate(kept):
        missed = max(point.minutes - point.bound, Fraction(0))
        share = 0.0 if not missed else float(missed / span) if span else math.inf
        rows.append(
            (
                n,
                int(point.money),
                float(point.minutes),
                float(min(point.bound, point.minutes)),
                share,
                "optimal" if point.proved else "time_limit",
            )
        )
        plain = told(model, asked, point.values, bound=None, proved=point.proved, unique=None)
        moves.append(plain.moves.assign(point=n))
        steps.append(plain.steps.assign(point=n))
    columns = ["point", "money", "person_min", "person_min_bound", "gap", "status"]
    return Pareto(
        pd.DataFrame(rows, columns=columns),
        pd.concat(moves, ignore_index=True),
        pd.concat(steps, ignore_index=True),
    )
