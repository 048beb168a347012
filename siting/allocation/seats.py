"""Seats: how many each site has, known for every one or refused by name."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from siting.demand import not_whole
from siting.errors import DataError, Problem


def seats_of(offers: pd.DataFrame, service: str, *, column: str = "capacity") -> pd.Series[int]:
    """Return the seats of a service by site, missing where unknown.

    A site may offer several levels of one service: its seats are added up, and unknown in one is
    unknown in all.

    Parameters
    ----------
    offers
        ``site_id``, ``service``, and ``column`` (nullable; absent: all unknown).
    service
        Which service.
    column
        ``capacity`` or ``enrolment``.

    Examples
    --------
    >>> offers = pd.DataFrame({"site_id": ["a", "a", "b"], "service": "school",
    ...                        "capacity": pd.array([90, 30, None], dtype="Int64")})
    >>> seats_of(offers, "school").tolist()
    [120, <NA>]
    """
    rows = offers[offers["service"] == service]
    known = rows[column] if column in rows else pd.Series(pd.NA, index=rows.index)
    summed = known.astype("Int64").groupby(rows["site_id"]).agg(lambda v: v.sum(skipna=False))
    return summed.astype("Int64").rename(column)


def seats_at(capacity: pd.Series[int], open_sites: Collection[str]) -> NDArray[np.int64]:
    """Return the seats of these sites, sorted by id, or name those without a number.

    Parameters
    ----------
    capacity
        By site id, nullable; further sites are left aside.
    open_sites
        The sites that need one.

    Raises
    ------
    DataError
        A site that is not there, has no number, a negative or a broken one, or stands there twice.
    """
    ids = sorted(set(open_sites))
    problems = []
    twice = capacity.index[capacity.index.duplicated()].unique()
    if len(twice):
        problems.append(
            Problem(
                "capacity",
                f"{len(twice)} sites stand there twice",
                "Add up the seats of a site first (siting.allocation.seats_of).",
                tuple(map(str, sorted(twice))),
            )
        )
        raise DataError(problems)
    numbers = pd.to_numeric(capacity.reindex(ids), errors="coerce")
    unknown = numbers.isna().to_numpy()
    if unknown.any():
        problems.append(
            Problem(
                "capacity",
                f"{unknown.sum()} of {len(ids)} open sites have no capacity",
                "Unknown is not unlimited: fill the column, or use a rule that counts no seats.",
                tuple(np.array(ids, dtype=object)[unknown]),
            )
        )
    wrong = ~unknown & not_whole(numbers)
    if wrong.any():
        problems.append(
            Problem(
                "capacity",
                f"{wrong.sum()} of {len(ids)} open sites have a capacity that is no whole number "
                "of 0 or more",
                "Correct the values.",
                tuple(np.array(ids, dtype=object)[wrong]),
            )
        )
    if problems:
        raise DataError(problems)
    return numbers.to_numpy(dtype=np.int64)
