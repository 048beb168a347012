"""Which zone a point is in."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from siting.errors import DataError, Problem


def membership(demand: gpd.GeoDataFrame, zones: gpd.GeoDataFrame) -> pd.DataFrame:
    """Return the zone of every demand point in every zoning.

    A point on a shared border, or in zones that overlap, belongs to the smallest ``zone_id``; a
    point in none has ``""``. So each zoning sums to the region.

    Parameters
    ----------
    demand
        ``demand_id`` and points.
    zones
        ``zoning``, ``zone_id`` and polygons; several zonings stacked.

    Examples
    --------
    >>> spots = gpd.GeoDataFrame({"demand_id": ["p"]}, geometry=[shapely.Point(1, 1)], crs=4547)
    >>> areas = gpd.GeoDataFrame(
    ...     {"zoning": ["town"] * 2, "zone_id": ["b", "a"]},
    ...     geometry=[shapely.box(0, 0, 1, 2), shapely.box(1, 0, 2, 2)],
    ...     crs=4547,
    ... )
    >>> membership(spots, areas).values.tolist()
    [['p', 'town', 'a']]
    """
    parts = []
    for zoning, polygons in sorted(zones.groupby("zoning", sort=True)):
        parts.append(
            pd.DataFrame(
                {
                    "demand_id": demand["demand_id"].to_numpy(),
                    "zoning": zoning,
                    "zone_id": zone_of_points(demand.geometry, polygons).to_numpy(),
                }
            )
        )
    if not parts:
        raise DataError(Problem("zones", "there are no zones", "Give a layer of zones."))
    joined = pd.concat(parts, ignore_index=True).astype("str")
    return joined.sort_values(["demand_id", "zoning"], kind="stable").reset_index(drop=True)


def zone_of_points(points: gpd.GeoSeries, zones: gpd.GeoDataFrame) -> pd.Series[Any]:
    """Return the smallest ``zone_id`` of the zones that each point touches, ``""`` if none."""
    names = zones["zone_id"].astype("str").to_numpy()
    order = np.argsort(names.astype(object), kind="stable")
    # shapely prepares what it asks with: zones have many corners, points have one
    tree = shapely.STRtree(points.to_numpy())
    zone, point = tree.query(zones.geometry.to_numpy()[order], predicate="intersects")
    first = np.full(len(points), len(order), dtype=np.int64)
    np.minimum.at(first, point, zone)
    lookup = np.append(names[order].astype(object), "")
    return pd.Series(lookup[first], dtype="str")
