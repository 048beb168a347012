"""Admission areas: in which zone a child lives, and to which schools its zone may send it."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import pandas as pd
import shapely

from siting import demand as demand_room
from siting import tables
from siting.errors import StudyError
from siting.quality import Row
from siting.rules import Rule
from siting.study import Schools

COMPULSORY = "school.compulsory_grades"


def with_areas(asked: Schools, rule: Rule) -> tuple[str, ...]:
    """Return the services that have admission areas: named, joint, or of compulsory schooling."""
    named = asked.admission.services
    if named is None:
        low, high = rule.bounds
        named = tuple(n for n, (a, b) in asked.services.items() if low <= a and b <= high)
    return tuple(n for n in asked.services if n in named or n in asked.admission.joint)


def eligibility(
    asked: Schools,
    teaching: pd.DataFrame,
    zone_of_site: Mapping[str, str],
    zones: gpd.GeoDataFrame,
    rule: Rule,
) -> pd.DataFrame:
    """Return which schools a zone's children may go to, by service.

    Parameters
    ----------
    teaching
        Who teaches what.
    zone_of_site
        The zone of the admission zoning each school lies in, ``""`` where in none: such a school is
        nobody's where there are admission areas.
    zones
        The zones of that zoning.
    rule
        ``school.compulsory_grades``.

    Returns
    -------
    pd.DataFrame
        ``zone_id``, ``site_id``, ``service``. Zone ``""`` are the children in no zone: they may go
        where there are no admission areas.
    """
    areas = with_areas(asked, rule)
    every = ["", *sorted(map(str, zones["zone_id"]))]
    rows = []
    for service in asked.services:
        group = _groups(asked, service, zones)
        mine = teaching.loc[teaching["service"] == service, "site_id"]
        for site in mine:
            own = zone_of_site.get(site, "")
            if service not in areas:
                rows += [(zone, site, service) for zone in every]
            elif own:
                same = [z for z in every if z and group.get(z, z) == group.get(own, own)]
                rows += [(zone, site, service) for zone in same]
    found = pd.DataFrame(sorted(rows), columns=["zone_id", "site_id", "service"], dtype="str")
    return tables.check("eligibility", found)


def _groups(asked: Schools, service: str, zones: gpd.GeoDataFrame) -> dict[str, str]:
    """Return the group of the zones that admit together, by zone id; raises on unknown zones."""
    told: list[str] = []
    found: dict[str, str] = {}
    ids = {str(z): str(z) for z in zones["zone_id"]}
    called: dict[str, list[str]] = {}
    for zone, name in zip(zones["zone_id"], zones["name"], strict=True):
        called.setdefault(str(name), []).append(str(zone))
    for number, group in enumerate(asked.admission.joint.get(service, ())):
        for name in group:
            meant = [ids[name]] if name in ids else called.get(name, [])
            if len(meant) != 1:
                told.append(
                    f'schools.admission.joint.{service}: "{name}" names {len(meant)} zones of '
                    f"{asked.admission.zoning}. Use a zone_id of it."
                )
            found |= dict.fromkeys(meant, f"joint {number}")
    if told:
        raise StudyError("\n".join(told))
    return found


def catchments(
    areas: gpd.GeoDataFrame,
    demand: gpd.GeoDataFrame,
    teaching: pd.DataFrame,
) -> tuple[pd.DataFrame, list[Row]]:
    """Return whose catchment every place is in, by service, and what is odd about it.

    A place in two catchments of a service is the smaller ``site_id``'s, and listed; a place in
    none has no row.
    """
    told: list[Row] = []
    parts = []
    for service, rows in teaching.groupby("service", sort=True):
        mine = areas[
            areas["site_id"].isin(rows["site_id"]) & areas["service"].isin(["", str(service)])
        ]
        if mine.empty:
            continue
        tree = shapely.STRtree(mine.geometry.to_numpy())
        place, area = tree.query(demand.geometry.to_numpy(), predicate="intersects")
        pairs = pd.DataFrame(
            {
                "demand_id": demand["demand_id"].to_numpy()[place],
                "service": str(service),
                "site_id": mine["site_id"].to_numpy()[area],
            }
        ).drop_duplicates()
        pairs = pairs.sort_values(["demand_id", "site_id"], ignore_index=True)
        for home, several in pairs[pairs.duplicated("demand_id", keep=False)].groupby("demand_id"):
            named = ", ".join(several["site_id"])
            told.append(("catchments", str(home), "in_two_catchments", f"{service}: {named}"))
        parts.append(pairs.drop_duplicates("demand_id"))
        alone = ~demand_room.among(demand["demand_id"], pairs["demand_id"])
        if alone.any():
            persons = int(demand.loc[alone, "population"].sum())
            what = f"{service}: {int(alone.sum())} places with {persons} people"
            told.append(("catchments", "", "in_no_catchment", what))
        empty = sorted(set(mine["site_id"]) - set(pairs["site_id"]))
        told += [("catchments", s, "catchment_without_place", str(service)) for s in empty]
    columns = ["demand_id", "service", "site_id"]
    found = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    return tables.check("catchments", found.astype("str")[columns]), told
