"""Children of an age are children of a grade; and what a total of pupils is by grade."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import pandas as pd

from siting.cohorts.forward import dealt
from siting.demand import largest_remainder
from siting.errors import DataError, Problem

MOVES: Final = ("year", "from_id", "to_id", "age", "persons")


def by_grade(children: pd.DataFrame, *, first_grade_age: int, grades: int = 12) -> pd.DataFrame:
    """Return the children of age for grades 1 … ``grades``.

    Grade = age at the reference date − ``first_grade_age`` + 1. Who is younger or older is of no
    grade and left out: what stays is every child of the ages of these grades.

    Parameters
    ----------
    children
        ``demand_id``, ``year``, ``age``, ``persons``.

    Returns
    -------
    pd.DataFrame
        ``demand_id``, ``year``, ``grade``, ``persons``; sorted, without rows of nobody.

    Examples
    --------
    >>> told = pd.DataFrame({"demand_id": "a", "year": 2025, "age": [5, 6, 8], "persons": 1})
    >>> by_grade(told, first_grade_age=6).values.tolist()
    [['a', 2025, 1, 1], ['a', 2025, 3, 1]]
    """
    grade = children["age"].astype("int64") - first_grade_age + 1
    mine = grade.between(1, grades) & (children["persons"] > 0)
    found = children[mine].assign(grade=grade[mine])[["demand_id", "year", "grade", "persons"]]
    return found.sort_values(["demand_id", "year", "grade"], kind="stable", ignore_index=True)


def to_town(
    children: pd.DataFrame, towns: pd.Series[Any], *, year: int, persons: int
) -> pd.DataFrame:
    """Return who moves from villages to towns in a year, place by place.

    Movers are taken from villages in proportion to their children, place by place and age by age,
    and come to the places of towns in proportion to the children there; both by running sums, so
    that every number is within one of its part.

    Parameters
    ----------
    children
        ``demand_id``, ``age``, ``persons`` of that year, at the ages reached in it.
    towns
        Whether each ``demand_id`` (index) is in a town.
    persons
        How many move.

    Returns
    -------
    pd.DataFrame
        :data:`MOVES`, as :func:`siting.cohorts.carried_forward` takes them.

    Raises
    ------
    DataError
        More move than live in villages, or there is no town with children.

    Examples
    --------
    >>> told = pd.DataFrame({"demand_id": ["t", "v"], "age": [6, 7], "persons": [5, 8]})
    >>> to_town(told, pd.Series({"t": True, "v": False}), year=2026, persons=3).values.tolist()
    [[2026, 'v', 't', 7, 3]]
    """
    if persons == 0:
        return pd.DataFrame({c: pd.Series(dtype="int64") for c in MOVES})
    rows = children.sort_values(["demand_id", "age"], kind="stable", ignore_index=True)
    town = rows["demand_id"].map(towns).fillna(False).to_numpy(dtype=bool)
    there = rows[town].groupby("demand_id", sort=True)["persons"].sum()
    from_rows = rows[~town]
    if persons > int(from_rows["persons"].sum()) or not int(there.sum()):
        raise DataError(
            Problem(
                "schools.children.to_town",
                f"{persons} children are to move to towns in {year}; "
                f"{int(from_rows['persons'].sum())} live in villages and {int(there.sum())} in "
                "towns",
                "State fewer, or correct the settlement classes of the places.",
            )
        )
    leave = dealt(from_rows["persons"].to_numpy(dtype=np.int64), persons)
    come = dealt(there.to_numpy(dtype=np.int64), persons)
    # mover after mover, from one row of both to the next
    ends = np.unique(np.concatenate([[0], np.cumsum(leave), np.cumsum(come)]))
    first, size = ends[:-1], np.diff(ends)
    origin = np.searchsorted(np.cumsum(leave), first, side="right")
    goal = np.searchsorted(np.cumsum(come), first, side="right")
    return pd.DataFrame(
        {
            "year": np.int64(year),
            "from_id": from_rows["demand_id"].to_numpy()[origin],
            "to_id": there.index.to_numpy()[goal],
            "age": from_rows["age"].to_numpy(dtype=np.int64)[origin],
            "persons": size,
        }
    )


def split_by_grade(
    pupils: int, grades: range, weights: Mapping[int, int] | None = None
) -> dict[int, int]:
    """Divide a school's pupils over its grades: by weights, else evenly; earlier grades first.

    Examples
    --------
    >>> split_by_grade(20, range(1, 4))
    {1: 7, 2: 7, 3: 6}
    >>> split_by_grade(20, range(1, 3), {1: 30, 2: 10})
    {1: 15, 2: 5}
    """
    told = [0 if weights is None else int(weights.get(grade, 0)) for grade in grades]
    if not sum(told):
        told = [1] * len(grades)
    parts = largest_remainder(np.array(told, dtype=np.int64), pupils)
    return {g: int(n) for g, n in zip(grades, parts, strict=True)}
