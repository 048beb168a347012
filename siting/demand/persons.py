"""Whole persons by demand point: checked once, for every model that counts people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.errors import DataError, Problem

if TYPE_CHECKING:
    Ids = Sequence[str] | pd.Series[Any] | pd.Index[Any] | NDArray[np.object_]


def among(ids: Ids, known: Ids) -> NDArray[np.bool_]:
    """Return which ids are known ones.

    As ``isin``, which reads text that Arrow stores one by one, and takes the longer for it.

    Examples
    --------
    >>> among(["b", "x"], pd.Series(["a", "b"])).tolist()
    [True, False]
    """
    asked, there = pd.Index(ids), pd.Index(known)
    if asked.equals(there):
        return np.ones(len(asked), dtype=bool)
    return np.asarray(there.unique().get_indexer(asked) >= 0)


def not_whole(numbers: pd.Series[Any]) -> NDArray[np.bool_]:
    """Tell which are no whole numbers of 0 or more: parts, negative, endless, missing or text.

    Examples
    --------
    >>> not_whole(pd.Series([3, 0.5, -1, float("inf"), None])).tolist()
    [False, True, True, True, True]
    """
    values = pd.to_numeric(numbers, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.asarray(~(np.isfinite(values) & (values >= 0) & (values == np.floor(values))))


def whole_persons(
    persons: pd.Series[int], demand_id: Sequence[str] | pd.Index[str] | NDArray[np.object_]
) -> NDArray[np.int64]:
    """Return whole persons in the order of ``demand_id``; points not named have none.

    Parameters
    ----------
    persons
        Persons by demand id.
    demand_id
        The demand points, in the order wanted.

    Raises
    ------
    DataError
        Unknown or repeated points, numbers that are negative, missing or not whole; all at once.

    Examples
    --------
    >>> whole_persons(pd.Series({"b": 3, "a": 2}), ["a", "b", "c"]).tolist()
    [2, 3, 0]
    """
    known = pd.Index(demand_id)
    problems = []
    unknown = persons.index[~among(persons.index, known)]
    if len(unknown):
        problems.append(
            Problem(
                "persons",
                f"{len(unknown)} points are not in the demand",
                "Use the demand that the travel times were computed for.",
                tuple(map(str, unknown)),
            )
        )
    twice = persons.index[persons.index.duplicated()]
    if len(twice):
        problems.append(
            Problem(
                "persons",
                f"{len(twice)} points repeat",
                "Sum the persons of a point first.",
                tuple(map(str, twice)),
            )
        )
    wrong = not_whole(persons)
    if wrong.any():
        problems.append(
            Problem(
                "persons",
                f"{wrong.sum()} of {len(persons)} values are not whole numbers of persons",
                "Spread people with the largest remainder (siting.demand).",
                tuple(map(str, persons.index[wrong])),
            )
        )
    if problems:
        raise DataError(problems)
    values = pd.to_numeric(persons).astype("int64")
    if not values.index.equals(known):
        values = values.reindex(known, fill_value=0)
    return np.asarray(values.to_numpy(), dtype=np.int64)
