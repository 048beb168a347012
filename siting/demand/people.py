"""People at points, as they are given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from siting import tables
from siting.demand.settlement import Otherwise, classes, finished


class Demand(NamedTuple):
    """The demand table and its drops; persons of sources that are not counted, by source."""

    table: gpd.GeoDataFrame
    drops: pd.DataFrame
    uncounted: Mapping[str, int] = MappingProxyType({})


def from_points(
    people: gpd.GeoDataFrame,
    *,
    declared: str | None = None,
    zones: gpd.GeoDataFrame | None = None,
    land_use: Sequence[gpd.GeoDataFrame] = (),
    settlement: Otherwise = None,
) -> Demand:
    """Return people at points as demand.

    Parameters
    ----------
    people
        From :func:`siting.load.people`.
    declared
        Class of every point of this source whose own row says none.
    zones
        One zoning whose ``settlement`` is taken where neither a point nor land use says one.
    land_use
        Polygons that say the class of points that say none, see
        :func:`siting.demand.settlement.classes`.
    settlement
        Class of every point that nothing says it for, or the density that decides it there.

    Returns
    -------
    Demand
        ``demand_id``, ``population``, ``settlement``, ``class_from`` (what says the class),
        ``area_m2`` (0: no land is known), point.

    Raises
    ------
    DataError
        A point has no settlement class from anywhere.
    """
    tables.check("people", people)
    people = people.reset_index(drop=True)
    said = classes(
        people["settlement"], people.geometry, declared=declared, land_use=land_use, zones=zones
    )
    data = gpd.GeoDataFrame(
        {
            "demand_id": people["demand_id"].astype("str"),
            "population": people["population"].astype("int64"),
            "settlement": said["settlement"],
            "class_from": said["class_from"],
            "area_m2": 0.0,
        },
        geometry=people.geometry.to_numpy(),
        crs=people.crs,
    )
    return Demand(finished(data, "people", settlement), tables.drops_table())
