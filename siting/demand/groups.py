"""People of an age group at every point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from siting import tables
from siting.demand.divide import largest_remainder
from siting.errors import DataError, Problem
from siting.tables import label


def cohorts(
    demand: gpd.GeoDataFrame,
    shares: Mapping[str, float],
    *,
    year: int,
    strata: pd.Series[Any] | None = None,
) -> pd.DataFrame:
    """Return the people of groups that are a declared share of all.

    Each group's total is ``share × population`` rounded half up (the share taken as the decimal
    it is written as). It is divided over strata and within each over points by largest remainder,
    so no point has more of a group than people, and no stratum is more than one person off.

    Parameters
    ----------
    demand
        ``demand_id``, ``population``, ``settlement``.
    shares
        Group → share of all people, 0–1. Whoever calls knows the source and prints it.
    year
        Year the shares are of.
    strata
        Zone or class of each demand point, indexed by ``demand_id``; ``settlement`` unless given.

    Returns
    -------
    pandas.DataFrame
        ``demand_id``, ``year``, ``group``, ``persons``; one row for every point and group.

    Examples
    --------
    >>> spots = pd.DataFrame(
    ...     {"demand_id": ["a", "b"], "population": [50, 51], "settlement": ["urban"] * 2}
    ... )
    >>> cohorts(spots, {"age_6_11": 0.066}, year=2025)["persons"].tolist()
    [3, 4]
    """
    bad = [g for g, share in shares.items() if not 0 <= share <= 1]
    if bad:
        raise DataError(
            Problem("people.groups", "a share is not between 0 and 1", "Correct it.", tuple(bad))
        )
    table = demand.sort_values("demand_id", kind="stable").reset_index(drop=True)
    people = table["population"].to_numpy(dtype=np.int64)
    ids = table["demand_id"].astype("str").tolist()
    keys = (
        table["settlement"].astype("str")
        if strata is None
        else table["demand_id"].map(strata).fillna("").astype("str")
    )
    groups = {str(k): np.flatnonzero(keys == k) for k in sorted(set(keys))}
    sizes = [int(people[rows].sum()) for rows in groups.values()]
    found = {}
    for group, share in shares.items():
        exact = Fraction(Decimal(repr(float(share)))) * int(people.sum())
        total = int(exact + Fraction(1, 2))
        persons = np.zeros(len(table), dtype=np.int64)
        parts = largest_remainder(sizes, total, ids=list(groups)) if total else [0] * len(groups)
        for rows, part in zip(groups.values(), parts, strict=True):
            if part:
                persons[rows] = largest_remainder(
                    people[rows], int(part), ids=[ids[i] for i in rows]
                )
        found[group] = persons
    return _long(ids, found, year)


def cohorts_from_columns(people: pd.DataFrame, groups: Sequence[str], *, year: int) -> pd.DataFrame:
    """Return the people of groups that stand in columns of the people table.

    Parameters
    ----------
    people
        From :func:`siting.load.people` with ``groups``.

    Examples
    --------
    >>> spots = pd.DataFrame({"demand_id": ["a"], "age_6_11": [7]})
    >>> cohorts_from_columns(spots, ["age_6_11"], year=2025).values.tolist()
    [['a', 2025, 'age_6_11', 7]]
    """
    missing = [g for g in groups if g not in people]
    if missing:
        raise DataError(
            Problem(
                "people.groups",
                f"the people table has no column {', '.join(missing)}",
                "Read the people with these groups.",
            )
        )
    table = people.sort_values("demand_id", kind="stable")
    ids = table["demand_id"].astype("str").tolist()
    return _long(ids, {g: table[g].to_numpy(dtype=np.int64) for g in groups}, year)


def cohorts_from_totals(
    demand: gpd.GeoDataFrame,
    totals: pd.DataFrame,
    groups: Sequence[str],
    *,
    zone_of: pd.Series[Any],
    year: int,
) -> pd.DataFrame:
    """Return the people of groups whose totals are known by zone, divided as all people are.

    Parameters
    ----------
    demand
        What :func:`spread` made of the same totals.
    totals
        ``zone_id``, ``population`` and a column for each group, from :func:`siting.load.totals`.
    zone_of
        Zone of each demand point, indexed by ``demand_id``.

    Raises
    ------
    DataError
        A zone has people of a group, and nobody in the demand table.

    Examples
    --------
    >>> spots = pd.DataFrame({"demand_id": ["a", "b"], "population": [10, 20]})
    >>> known = pd.DataFrame({"zone_id": ["z"], "population": [30], "old": [4]})
    >>> zone_of = pd.Series({"a": "z", "b": "z"})
    >>> cohorts_from_totals(spots, known, ["old"], zone_of=zone_of, year=2025)["persons"].tolist()
    [1, 3]
    """
    table = demand.sort_values("demand_id", kind="stable").reset_index(drop=True)
    ids = table["demand_id"].astype("str").tolist()
    people = table["population"].to_numpy(dtype=np.int64)
    zone = table["demand_id"].map(zone_of).fillna("").to_numpy()
    found = {}
    empty: set[str] = set()
    for group in groups:
        persons = np.zeros(len(table), dtype=np.int64)
        for zone_id, total in zip(totals["zone_id"], totals[group], strict=True):
            rows = np.flatnonzero(zone == zone_id)
            if total and people[rows].sum() == 0:
                empty.add(str(zone_id))
            elif total:
                persons[rows] = largest_remainder(
                    people[rows], int(total), ids=[ids[i] for i in rows]
                )
        found[group] = persons
    if empty:
        raise DataError(
            Problem(
                "people.groups",
                f"{len(empty)} zones have people of a group but nobody at all",
                "Correct the totals.",
                tuple(sorted(label(z) for z in empty)),
            )
        )
    return _long(ids, found, year)


def _long(ids: list[str], found: Mapping[str, Any], year: int) -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "demand_id": pd.Series(ids, dtype="str"),
                "year": np.int64(year),
                "group": pd.Series([group] * len(ids), dtype="str"),
                "persons": np.asarray(persons, dtype=np.int64),
            }
        )
        for group, persons in sorted(found.items())
    ]
    if not parts:
        return pd.DataFrame(
            {
                "demand_id": pd.Series([], dtype="str"),
                "year": pd.Series([], dtype="int64"),
                "group": pd.Series([], dtype="str"),
                "persons": pd.Series([], dtype="int64"),
            }
        )
    joined = pd.concat(parts, ignore_index=True)
    joined = joined.sort_values(["demand_id", "group"], kind="stable").reset_index(drop=True)
    return tables.check("cohorts", joined)
