"""Seats, beds or square metres per thousand residents, by zone and settlement class."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.coverage.limits import exact
from siting.coverage.members import Members, members
from siting.demand import membership as zones_of
from siting.demand import whole_persons
from siting.errors import DataError, Problem, StudyError, first_ids
from siting.rules import PER_1000, Rule

PER = 1_000
CLASSES = ("judged", "urban", "township_seat", "village")


def provision(
    demand: gpd.GeoDataFrame,
    membership: pd.DataFrame | Members,
    sites: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame,
    capacity: pd.Series[int],
    *,
    service: str,
    rule: Rule,
) -> pd.DataFrame:
    """Hold the seats that stand in each zone against a norm per thousand residents.

    A site counts where it stands (a polygon by a point inside it), whoever uses it: a ratio of
    stock, which says nothing about reach. Its settlement class is that of the nearest demand point
    with people (straight line, ties to the smallest id). Residents are all people, whatever group
    the service is for.

    Parameters
    ----------
    demand
        ``demand_id``, ``population``, ``settlement``, point ``geometry``, metric CRS.
    membership
        ``demand_id``, ``zoning``, ``zone_id``; or :func:`siting.coverage.members` of it.
    sites
        ``site_id`` and ``geometry`` of the open sites, in the same CRS.
    zones
        ``zoning``, ``zone_id`` and polygons.
    capacity
        Seats, beds or m² by site id, missing where unknown.
    service
        Name written into the rows.
    rule
        A norm in ``seats_per_1000``, ``beds_per_1000`` or ``m2_per_1000``: one number, or both ends
        of a range.

    Returns
    -------
    pd.DataFrame
        Sorted by level, zoning, zone and class: ``level`` (``region``, ``zone``), ``service``,
        ``rule_id``, ``zoning``, ``zone_id`` (``""``: outside every zone, and the region),
        ``settlement`` (``judged``: all classes that the rule judges together; then each by itself),
        ``persons``, ``sites``, ``sites_unknown`` (of them without a number), ``capacity`` (of
        those with one), ``per_1000`` (missing where there is nobody, or a site without a number),
        ``norm_low``, ``norm_high``, ``short`` (what is missing to the lower end, rounded up;
        missing like ``per_1000``), ``verdict`` and ``why``:

        ``pass`` at the upper end or above, ``fail`` below the lower, ``not_robust`` between them;
        ``not_judged`` where the rule does not judge the class (``settlement``), nobody lives there
        (``no_persons``), the rule is there to be known and judges nobody (``to_know``), it is for
        other zonings (``zoning``), or the known seats do not reach the norm and others are unknown
        (``capacity_unknown``: unknown is neither none nor unlimited). Figures and what is missing
        are told all the same. A fail of a zone in which no site stands says ``no_sites``.

    Raises
    ------
    StudyError
        The rule is no norm per thousand, or for a zoning that is not there.
    DataError
        Tables that do not fit each other.
    """
    if rule.measure != "count" or rule.unit not in PER_1000:
        raise StudyError(
            f"rule {rule.id} measures {rule.measure} in {rule.unit}; provision is judged by a "
            f"count in {', '.join(PER_1000)}. Name another rule."
        )
    member = members(demand["demand_id"], membership)
    there = set(member.zones["zoning"])
    if other := sorted(set(rule.zonings) - there):
        raise StudyError(
            f"rule {rule.id} is for zonings that are not there ({first_ids(other)}); there are "
            f"{first_ids(sorted(there))}. Correct its zonings."
        )
    if demand.crs != sites.crs or demand.crs != zones.crs:
        raise DataError(
            Problem("sites", "not in the CRS of demand and zones", "Load all in the working CRS.")
        )
    persons = whole_persons(
        demand.set_index("demand_id")["population"], demand["demand_id"].to_numpy()
    )
    people = member.summed(pd.DataFrame({"persons": persons}), demand["settlement"])
    stock = _stock(demand, persons, sites, zones, capacity)
    columns = ["persons", "sites", "sites_unknown", "capacity"]
    keys = ["zoning", "zone_id", "settlement"]
    every = pd.concat([people, stock], ignore_index=True).fillna(dict.fromkeys(columns, 0))
    every = every.astype(dict.fromkeys(columns, "int64"))
    judged = every[every["settlement"].isin(rule.judges)].assign(settlement="judged")
    every = pd.concat([every, judged], ignore_index=True)
    parts = []
    for level, by in (("region", ["zoning", "settlement"]), ("zone", keys)):
        part = every.groupby(by, sort=True)[columns].sum().reset_index()
        part["level"] = level
        if level == "region":
            part["zone_id"] = ""
        parts.append(part)
    table = pd.concat(parts, ignore_index=True)
    told = [_told(row, rule) for row in table.to_dict("records")]
    table = table.assign(service=service, rule_id=rule.id)
    table["norm_low"], table["norm_high"] = rule.bounds
    for name, dtype in (
        ("per_1000", float),
        ("short", "Int64"),
        ("verdict", "str"),
        ("why", "str"),
    ):
        table[name] = pd.Series([row[name] for row in told], dtype=dtype)
    order = {name: n for n, name in enumerate(CLASSES)}
    first = ["level", "service", "rule_id", "zoning", "zone_id", "settlement"]
    table = table.sort_values(
        ["level", "zoning", "zone_id", "settlement"],
        key=lambda c: c.map(order) if c.name == "settlement" else c,
        ignore_index=True,
    )
    figures = ["per_1000", "norm_low", "norm_high", "short", "verdict", "why"]
    return table[[*first, *columns, *figures]]


def _stock(
    demand: gpd.GeoDataFrame,
    persons: np.ndarray[Any, np.dtype[np.int64]],
    sites: gpd.GeoDataFrame,
    zones: gpd.GeoDataFrame,
    capacity: pd.Series[int],
) -> pd.DataFrame:
    """Return the sites as rows by zoning: zone, settlement class and capacity."""
    spots = gpd.GeoSeries(
        shapely.point_on_surface(sites.geometry.to_numpy()), crs=sites.crs, index=sites.index
    )
    lived = demand[persons > 0].sort_values("demand_id", ignore_index=True)
    settlement = np.full(len(sites), "village", dtype=object)
    if len(lived):
        tree = shapely.STRtree(lived.geometry.to_numpy())
        site, home = tree.query_nearest(spots.to_numpy(), all_matches=True)
        nearest = pd.Series(home).groupby(site).min()  # ids are sorted: ties to the smallest
        settlement[nearest.index] = lived["settlement"].to_numpy()[nearest.to_numpy()]
    places = gpd.GeoDataFrame({"demand_id": sites["site_id"].to_numpy()}, geometry=spots.array)
    number = capacity.reindex(sites["site_id"]).astype("Int64")
    rows = pd.DataFrame(
        {
            "settlement": settlement,
            "sites": 1,
            "sites_unknown": number.isna().to_numpy(dtype=np.int64),
            "capacity": number.fillna(0).to_numpy(dtype=np.int64),
        }
    )
    where = zones_of(places, zones)
    at = pd.Index(sites["site_id"]).get_indexer(pd.Index(where["demand_id"]))
    standing = rows.iloc[at].reset_index(drop=True)
    return pd.DataFrame(
        {"zoning": where["zoning"], "zone_id": where["zone_id"], **standing.to_dict("series")}
    )


def _told(row: Mapping[Hashable, Any], rule: Rule) -> dict[str, Any]:
    """Return ratio, shortfall and verdict of one row, compared in exact fractions."""
    persons, seats = int(row["persons"]), int(row["capacity"])
    unknown = int(row["sites_unknown"]) > 0
    low, high = (exact(end) * persons / PER for end in rule.bounds)
    sure = persons > 0 and not unknown
    told: dict[str, Any] = {
        "per_1000": float(Fraction(seats * PER, persons)) if sure else np.nan,
        "short": max(0, math.ceil(low - seats)) if sure else pd.NA,
    }
    reasons = {
        "settlement": row["settlement"] not in ("judged", *rule.judges),
        "no_persons": persons == 0,
        "to_know": rule.strength == "to_know",
        "zoning": bool(rule.zonings) and row["zoning"] not in rule.zonings,
    }
    if any(reasons.values()):
        why = next(reason for reason, holds in reasons.items() if holds)
        return {**told, "verdict": "not_judged", "why": why}
    if seats >= high:
        return {**told, "verdict": "pass", "why": ""}
    if unknown:
        return {**told, "verdict": "not_judged", "why": "capacity_unknown"}
    if seats >= low:
        return {**told, "verdict": "not_robust", "why": ""}
    return {**told, "verdict": "fail", "why": "" if row["sites"] else "no_sites"}
