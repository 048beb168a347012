"""Children by single year at every place, with the totals of zones and of places kept."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from siting.demand import largest_remainder
from siting.errors import DataError, Problem, first_ids


def children(
    demand: pd.DataFrame,
    ages: pd.DataFrame,
    *,
    zone_of: pd.Series[Any],
    year: int,
    weight: pd.Series[int] | None = None,
) -> pd.DataFrame:
    """Return the persons of every single year of age at every place.

    A zone's people of these ages are divided over its places in proportion to ``weight``; then all
    its single years are mixed as evenly as whole persons can be, and dealt out to the places one
    after another. So every zone keeps every age, every place keeps its number, and no place has
    more than two persons of an age above or below its fair part.

    Parameters
    ----------
    demand
        ``demand_id``, ``population``.
    ages
        ``zone_id``, ``age``, ``persons``, from :func:`siting.cohorts.single_years`; only the ages
        wanted.
    zone_of
        Zone of each demand point, indexed by ``demand_id``; of a zone without ages none are made.
    year
        Year the ages are of.
    weight
        By ``demand_id``: what the places share by, such as the people of an age group; all people
        unless given.

    Returns
    -------
    pd.DataFrame
        ``demand_id``, ``year``, ``age``, ``persons``, without rows of nobody; sorted.

    Raises
    ------
    DataError
        Zones that have children and nobody to have them.

    Examples
    --------
    >>> spots = pd.DataFrame({"demand_id": ["a", "b"], "population": [10, 30]})
    >>> known = pd.DataFrame({"zone_id": "z", "age": [6, 7], "persons": [2, 2]})
    >>> children(spots, known, zone_of=pd.Series({"a": "z", "b": "z"}), year=2025).values.tolist()
    [['a', 2025, 6, 1], ['b', 2025, 6, 1], ['b', 2025, 7, 2]]
    """
    people = demand.set_index("demand_id")["population"] if weight is None else weight
    people = people.reindex(demand["demand_id"]).fillna(0).astype("int64")
    zone = zone_of.reindex(people.index)
    wanted = {str(z): rows for z, rows in ages.groupby("zone_id", sort=True)}
    ids: list[str] = []
    years: list[np.ndarray[Any, Any]] = []
    counts: list[np.ndarray[Any, Any]] = []
    empty = []
    for zone_id, rows in wanted.items():
        rows = rows.sort_values("age")
        persons = rows["persons"].to_numpy(dtype=np.int64)
        here = people[(zone == zone_id).to_numpy()]
        here = here[here > 0]
        if persons.sum() == 0:
            continue
        if here.empty:
            empty.append(zone_id)
            continue
        here = here.sort_index()
        size = largest_remainder(here, int(persons.sum()))
        dealt = _mixed(persons)
        place = np.repeat(np.arange(len(here)), size)
        table = np.zeros((len(here), len(persons)), dtype=np.int64)
        np.add.at(table, (place, dealt), 1)
        at, age = np.nonzero(table)
        ids += here.index[at].astype(str).tolist()
        years.append(rows["age"].to_numpy(dtype=np.int64)[age])
        counts.append(table[at, age])
    if empty:
        raise DataError(
            Problem(
                "people.ages",
                f"{len(empty)} zones have children and no people ({first_ids(empty)})",
                "Correct the people or the ages of these zones.",
                tuple(empty),
            )
        )
    found = pd.DataFrame(
        {
            "demand_id": pd.Series(ids, dtype="str"),
            "year": np.int64(year),
            "age": np.concatenate([*years, np.zeros(0, np.int64)]),
            "persons": np.concatenate([*counts, np.zeros(0, np.int64)]),
        }
    )
    return found.sort_values(["demand_id", "age"], ignore_index=True)


def _mixed(persons: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return every person's age (its number), all ages as evenly mixed as can be.

    The k-th of n persons stands at (2k + 1) / 2n of the way, so that any stretch of the row has of
    each age its part, give or take one at either end. Fractions are compared as whole numbers.
    """
    age = np.repeat(np.arange(len(persons)), persons)
    nth = np.arange(len(age)) - np.repeat(np.cumsum(persons) - persons, persons)
    spot = (2 * nth + 1) / (2 * persons[age])
    return age[np.lexsort((age, spot))]
