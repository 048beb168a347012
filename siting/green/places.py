"""Where a new park might be tried: a lattice over land that has none near, or places given."""

from __future__ import annotations

from collections.abc import Mapping

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from siting.errors import StudyError


def squares_at(points: NDArray[np.object_], area_m2: float) -> NDArray[np.object_]:
    """Return a square of ``area_m2``, sides east and north, around each point.

    Examples
    --------
    >>> squares_at(shapely.points([[0.0, 0.0]]), 2500)[0].bounds
    (-25.0, -25.0, 25.0, 25.0)
    """
    half = np.sqrt(area_m2) / 2
    x, y = shapely.get_x(points), shapely.get_y(points)
    return np.asarray(shapely.box(x - half, y - half, x + half, y + half), dtype=object)


def lattice(land: gpd.GeoDataFrame, *, spacing_m: float, area_m2: float) -> gpd.GeoDataFrame:
    """Return places on a regular lattice, on land or within ``spacing_m`` of it.

    The lattice hangs on the origin of the working CRS, so that no place moves with the land. Every
    piece of land has a place within 0.71 × ``spacing_m``.

    Parameters
    ----------
    land
        Polygons, such as cells of residential land that are not wholly served; metric CRS.
    spacing_m
        From place to place.
    area_m2
        Of the square park that is tried at each.

    Returns
    -------
    gpd.GeoDataFrame
        ``place_id`` (``column/row`` of the lattice), ``name`` (``""``), ``area_m2``, square.

    Raises
    ------
    StudyError
        ``spacing_m`` or ``area_m2`` is not above 0.

    Examples
    --------
    >>> land = gpd.GeoDataFrame(geometry=[shapely.box(30, 30, 70, 70)], crs=4547)
    >>> lattice(land, spacing_m=100, area_m2=400)["place_id"].tolist()
    ['-1/0', '0/-1', '0/0', '0/1', '1/0']
    """
    for name, value in (("spacing_m", spacing_m), ("area_m2", area_m2)):
        if not (np.isfinite(value) and value > 0):
            raise StudyError(f"pocket parks: {name} is {value}; it must be above 0. Correct it.")
    shapes = land.geometry.to_numpy()
    bounds = shapely.bounds(shapes).reshape(-1, 4)
    low = np.ceil((bounds[:, :2] - spacing_m) / spacing_m - 0.5).astype(np.int64)
    high = np.floor((bounds[:, 2:] + spacing_m) / spacing_m - 0.5).astype(np.int64)
    wide, tall = (high - low + 1).T
    owner = np.repeat(np.arange(len(shapes)), wide * tall)
    turn = np.arange(len(owner)) - np.repeat(np.cumsum(wide * tall) - wide * tall, wide * tall)
    at = np.column_stack([low[owner, 0] + turn % wide[owner], low[owner, 1] + turn // wide[owner]])
    at = np.unique(at, axis=0)
    points = np.asarray(shapely.points((at + 0.5) * spacing_m), dtype=object)
    near = np.zeros(len(points), dtype=bool)
    near[shapely.STRtree(shapes).query(points, predicate="dwithin", distance=spacing_m)[0]] = True
    ids = [f"{column}/{row}" for column, row in at[near].tolist()]
    found = gpd.GeoDataFrame(
        {"place_id": pd.Series(ids, dtype="str"), "name": "", "area_m2": float(area_m2)},
        geometry=squares_at(points[near], area_m2),
        crs=land.crs,
    )
    return found.sort_values("place_id", ignore_index=True)


def taken(
    places: gpd.GeoDataFrame, by: Mapping[str, gpd.GeoDataFrame | None]
) -> NDArray[np.object_]:
    """Return by what each place is taken, the first that overlaps it, and ``""`` where by nothing.

    Parameters
    ----------
    places
        Polygons.
    by
        Layers by the word to return, such as ``{"water": water, "green": parks}``. To touch is not
        to overlap.

    Examples
    --------
    >>> spot = gpd.GeoDataFrame(geometry=[shapely.box(0, 0, 9, 9)], crs=4547)
    >>> lake = gpd.GeoDataFrame(geometry=[shapely.box(5, 5, 50, 50)], crs=4547)
    >>> taken(spot, {"green": None, "water": lake}).tolist()
    ['water']
    """
    shapes = places.geometry.to_numpy()
    found = np.full(len(shapes), "", dtype=object)
    for word, layer in reversed(list(by.items())):
        if layer is None or layer.empty:
            continue
        there = layer.geometry.to_numpy()
        # shapely prepares what it asks with: a lake has many corners, a square has four
        thing, place = shapely.STRtree(shapes).query(there, predicate="intersects")
        over = ~shapely.touches(shapes[place], there[thing])
        found[place[over]] = word
    return found
