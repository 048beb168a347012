"""Entrances: points that belong to a place, and a point for a place without any."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from siting.load.geometry import shapes_of
from siting.load.intake import Columns, Intake, Layer


def gates_of(
    raw: gpd.GeoDataFrame,
    places: gpd.GeoSeries,
    *,
    crs: pyproj.CRS,
    key: str,
    columns: Columns | None,
    layer: str,
    reach_m: float = 20.0,
) -> Layer:
    """Return entrance points with the id of the place each belongs to.

    Parameters
    ----------
    raw
        Points; a column ``key`` naming the place, or each belongs to the nearest place within
        ``reach_m`` (of equals the smallest id). Others are dropped and listed.
    places
        Geometries by id.
    """
    intake = Intake(raw, layer=layer, columns=columns or {}, known=(key,))
    shapes = shapes_of(intake, crs, kinds=("Point",))
    known = [str(i) for i in places.index]
    if intake.has(key):
        owners = intake.text(key)
        intake.wrong([not o for o in owners], f"have no {key}", "Fill the column.")
        lost = [bool(o) and o not in set(known) for o in owners]
        intake.wrong(
            lost, f"name a {key} that is not in the layer", "Correct the ids, or add the place."
        )
    else:
        owners = [""] * len(intake)
        order = np.argsort(np.array(known, dtype=object), kind="stable")
        ordered = places.to_numpy()[order]
        tree = shapely.STRtree(ordered)
        there = np.flatnonzero(~shapely.is_missing(shapes))
        point, place = tree.query_nearest(shapes[there], max_distance=reach_m)
        for p, q in sorted(zip(point.tolist(), place.tolist(), strict=True), reverse=True):
            owners[int(there[p])] = known[int(order[q])]  # ends with the smallest id
        intake.drop([not o for o in owners], f"no place within {reach_m:g} m of the entrance")
    intake.finish()
    frame = gpd.GeoDataFrame({key: pd.Series(owners, dtype="str")}, geometry=shapes, crs=crs)
    frame = frame[intake.keep]
    spot = frame.geometry.get_coordinates()
    frame = frame.assign(_x=spot["x"], _y=spot["y"]).sort_values([key, "_x", "_y"])
    return Layer(frame[[key, "geometry"]].reset_index(drop=True), intake.listed())


def points_of(shapes: Any) -> Any:
    """Return points as they are and, for polygons, a point inside."""
    shapes = np.array(shapes, dtype=object)
    flat = shapely.get_dimensions(shapes) == 2
    shapes[flat] = shapely.point_on_surface(shapes[flat])
    return shapes
