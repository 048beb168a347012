"""People of a later year: a total and a share in towns, reached by villagers who move to towns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from siting import tables
from siting.demand.divide import digest, largest_remainder
from siting.demand.spread import TOWNS
from siting.errors import DataError, Problem
from siting.tables import label

Ints = npt.NDArray[np.int64]


class Projection(NamedTuple):
    """People of a later year.

    Attributes
    ----------
    demand, cohorts
        As before, with the people of that year.
    total_before, towns_before
        People, and those of them in towns, before.
    total, towns
        The same after.
    moved
        People who moved from villages to towns.
    staying
        Zones with villagers of which nobody moves, for they have no town.
    """

    demand: gpd.GeoDataFrame
    cohorts: pd.DataFrame
    total_before: int
    towns_before: int
    total: int
    towns: int
    moved: int
    staying: tuple[str, ...]


def on_path(points: Mapping[int, float | Fraction], year: int) -> Fraction:
    """Return the value in ``year`` on straight lines between years, exactly.

    Raises
    ------
    DataError
        The year lies outside those given.

    Examples
    --------
    >>> on_path({2026: 0.65, 2029: 0.7}, 2027)
    Fraction(2, 3)
    """
    exact = {
        y: v if isinstance(v, Fraction) else Fraction(Decimal(repr(float(v))))
        for y, v in points.items()
    }
    before, after = [y for y in exact if y <= year], [y for y in exact if y >= year]
    if not before or not after:
        raise DataError(
            Problem(
                "people.scenario_year",
                f"{year} is not between {min(exact)} and {max(exact)}, the years that are known",
                "Name a year in between, or give the scenario a later one.",
            )
        )
    first, last = max(before), min(after)
    if first == last:
        return exact[first]
    return exact[first] + (exact[last] - exact[first]) * Fraction(year - first, last - first)


def project(
    demand: gpd.GeoDataFrame,
    cohorts: pd.DataFrame,
    *,
    town_share: float | Fraction,
    year: int,
    total: int | None = None,
    zone_of: pd.Series[Any] | None = None,
) -> Projection:
    """Return the people of a later year: everybody scaled to a total, then villagers moved.

    All places keep their share of the people when the total changes. Towns (urban places and
    township seats) then hold ``town_share`` of the people, rounded half up: the villagers that
    this takes leave every village alike and settle in the towns of their own zone alike, in
    proportion to the people there. So no zone gains or loses people by a move, and nobody is lost.
    Age groups go with their people.

    Parameters
    ----------
    demand
        ``demand_id``, ``population``, ``settlement``.
    cohorts
        ``demand_id``, ``year``, ``group``, ``persons``; may be empty.
    town_share
        Share of the people who live in towns, 0–1.
    year
        Year of the result.
    total
        Everybody; as many as before unless given.
    zone_of
        Zone of each demand point, indexed by ``demand_id``, that people stay in; the whole region
        unless given. Outside every zone is one zone.

    Raises
    ------
    DataError
        More people live in towns already, or too few villagers live in zones with a town.

    Examples
    --------
    >>> homes = gpd.GeoDataFrame(
    ...     {
    ...         "demand_id": ["hill", "town"],
    ...         "population": [60, 40],
    ...         "settlement": ["village", "township_seat"],
    ...         "area_m2": 0.0,
    ...     },
    ...     geometry=gpd.points_from_xy([0, 9], [0, 0]),
    ...     crs=4547,
    ... )
    >>> nobody = pd.DataFrame({"demand_id": [], "year": [], "group": [], "persons": []})
    >>> project(homes, nobody, town_share=0.65, year=2026).demand["population"].tolist()
    [35, 65]
    """
    table = demand.sort_values("demand_id", kind="stable").reset_index(drop=True)
    ids = table["demand_id"].astype("str").tolist()
    old = table["population"].to_numpy(dtype=np.int64)
    town = table["settlement"].isin(TOWNS).to_numpy()
    zone = (
        pd.Series("", index=table.index) if zone_of is None
        else table["demand_id"].map(zone_of).fillna("")
    )  # fmt: skip
    zones = {str(z): np.sort(i) for z, i in table.groupby(zone.to_numpy()).indices.items()}
    everybody = int(old.sum()) if total is None else total
    grown = _scaled(old, everybody, zones, ids)
    groups = {
        str(name): _of_places(part, ids)
        for name, part in cohorts.groupby("group", sort=True)
    }  # fmt: skip
    if everybody != int(old.sum()):
        groups = {g: _rounded(n * grown, old, ids) for g, n in groups.items()}

    exact = town_share if isinstance(town_share, Fraction) else Fraction(Decimal(repr(town_share)))
    wanted = math.floor(exact * everybody + Fraction(1, 2))
    going = wanted - int(grown[town].sum())
    movers, staying = _movers(grown, town, zones, going, everybody, exact)
    new = grown.copy()
    for name, count in movers.items():
        rows = zones[name]
        left, reached = rows[~town[rows]], rows[town[rows]]
        lost = largest_remainder(grown[left], count, ids=[ids[i] for i in left])
        gained = largest_remainder(grown[reached], count, ids=[ids[i] for i in reached])
        new[left] -= lost
        new[reached] += gained
        for persons in groups.values():
            gone = _rounded(persons[left] * lost, grown[left], [ids[i] for i in left])
            persons[left] -= gone
            persons[reached] += largest_remainder(
                gained, int(gone.sum()), ids=[ids[i] for i in reached]
            )
    later = table.assign(population=new)
    return Projection(
        demand=tables.check("demand", later),
        cohorts=_long(groups, ids, year, cohorts),
        total_before=int(old.sum()),
        towns_before=int(old[town].sum()),
        total=int(new.sum()),
        towns=int(new[town].sum()),
        moved=max(going, 0),
        staying=staying,
    )


def _scaled(old: Ints, total: int, zones: Mapping[str, Ints], ids: Sequence[str]) -> Ints:
    """Return people scaled to a total: zones first, then their places."""
    if total == int(old.sum()):
        return old.copy()
    sums = [int(old[rows].sum()) for rows in zones.values()]
    parts = largest_remainder(sums, total, ids=list(zones))
    result = np.zeros(len(old), dtype=np.int64)
    for rows, part in zip(zones.values(), parts, strict=True):
        if part:
            result[rows] = largest_remainder(old[rows], int(part), ids=[ids[i] for i in rows])
    return result


def _movers(
    people: Ints,
    town: npt.NDArray[np.bool_],
    zones: Mapping[str, Ints],
    going: int,
    total: int,
    share: Fraction,
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Return how many villagers move in each zone that has a town, and the zones without one."""
    if going < 0:
        now = (share * total - going) / total if total else Fraction(0)
        raise DataError(
            Problem(
                "people.scenario",
                f"{float(now):.2%} of the people live in towns already, more than "
                f"{float(share):.2%}",
                "A scenario moves people into towns only: correct the classes, or the share.",
            )
        )
    villagers = {z: int(people[r][~town[r]].sum()) for z, r in zones.items()}
    able = {z: n for z, n in villagers.items() if n and people[zones[z]][town[zones[z]]].sum()}
    staying = tuple(sorted(label(z) for z, n in villagers.items() if n and z not in able))
    if going > sum(able.values()):
        raise DataError(
            Problem(
                "people.scenario",
                f"{going} villagers would have to move, and {sum(able.values())} live in zones "
                "with a town",
                "Let people move anywhere (leave out within), or correct the share.",
            )
        )
    counts = largest_remainder(list(able.values()), going, ids=list(able))
    return {z: int(n) for z, n in zip(able, counts, strict=True) if n}, staying


def _of_places(part: pd.DataFrame, ids: Sequence[str]) -> Ints:
    persons = part.set_index("demand_id")["persons"].reindex(pd.Index(ids)).fillna(0)
    return persons.to_numpy(dtype=np.int64).copy()


def _rounded(numerators: Ints, denominators: Ints, ids: Sequence[str]) -> Ints:
    """Return quotients as whole numbers, each up or down, their sum rounded half up.

    Persons of a group that stay, go or are scaled with their place are never more than the place
    has: a quotient that is at most a whole number is so after rounding up.
    """
    safe = np.maximum(denominators, 1)
    whole = numerators // safe
    rest = (numerators - whole * safe) / safe  # equal quotients are equal floats
    extra = math.floor(math.fsum(rest) + 0.5)
    if extra:
        order = sorted(range(len(ids)), key=lambda i: (-rest[i], digest(ids[i])))
        whole = whole.copy()
        whole[order[:extra]] += 1
    return np.asarray(whole, dtype=np.int64)


def _long(
    groups: Mapping[str, Ints], ids: Sequence[str], year: int, cohorts: pd.DataFrame
) -> pd.DataFrame:
    if not groups:
        return cohorts.copy()
    table = pd.DataFrame(
        {
            "demand_id": pd.Series([i for _ in groups for i in ids], dtype="str"),
            "year": np.int64(year),
            "group": pd.Series([g for g in groups for _ in ids], dtype="str"),
            "persons": np.concatenate(list(groups.values())),
        }
    )
    table = table.sort_values(["demand_id", "group"], kind="stable").reset_index(drop=True)
    return tables.check("cohorts", table)
