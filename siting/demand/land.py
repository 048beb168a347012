"""Residential land cut into cells, each with a point to start from."""

from __future__ import annotations

from typing import Any, Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from siting import tables
from siting.demand.divide import largest_remainder
from siting.errors import DataError, Problem
from siting.load.shapes import farthest_m

_AREA_STEP: Final = 1024  # areas are whole 1024ths of a m², as siting.load makes them


def cells(residential: gpd.GeoDataFrame, *, cell_m: float) -> gpd.GeoDataFrame:
    """Cut residential land along a grid that hangs on the origin of the working CRS.

    Parameters
    ----------
    residential
        From :func:`siting.load.residential`.
    cell_m
        Side of a grid square, m.

    Returns
    -------
    geopandas.GeoDataFrame
        ``cell_id`` (``residential_id/column/row``), ``residential_id``, ``settlement``,
        ``quarter``, ``area_m2``, polygon. The areas of a polygon's cells add up to its
        ``area_m2`` exactly, in any order: they are whole 1024ths of a m².

    Raises
    ------
    DataError
        ``cell_m`` is not above 0.

    Examples
    --------
    >>> land = gpd.GeoDataFrame(
    ...     {"residential_id": ["r"], "settlement": ["urban"], "quarter": [""], "area_m2": 7500.0},
    ...     geometry=[shapely.box(0, 0, 150, 50)],
    ...     crs=4547,
    ... )
    >>> cells(land, cell_m=100)[["cell_id", "area_m2"]].values.tolist()
    [['r/0/0', 5000.0], ['r/1/0', 2500.0]]
    """
    tables.check("residential", residential)
    if not (np.isfinite(cell_m) and cell_m > 0):
        raise DataError(
            Problem("residential", f"cell_m is {cell_m}", "Give a side above 0 m, such as 100.")
        )
    shapes = residential.geometry.to_numpy()
    low = np.floor(shapely.bounds(shapes)[:, :2] / cell_m).astype(np.int64)
    high = np.floor(shapely.bounds(shapes)[:, 2:] / cell_m).astype(np.int64)
    wide, tall = (high - low + 1).T
    owner = np.repeat(np.arange(len(shapes)), wide * tall)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(wide * tall) - wide * tall, wide * tall)
    column = low[owner, 0] + place % wide[owner]
    row = low[owner, 1] + place // wide[owner]
    squares = shapely.box(column * cell_m, row * cell_m, (column + 1) * cell_m, (row + 1) * cell_m)
    shapely.prepare(shapes)
    near = shapely.intersects(shapes[owner], squares)
    owner, column, row, squares = owner[near], column[near], row[near], squares[near]
    whole = shapely.covers(shapes[owner], squares)
    pieces = np.array(squares, dtype=object)
    pieces[~whole] = shapely.intersection(shapes[owner[~whole]], squares[~whole])
    flat = shapely.get_dimensions(pieces) == 2
    sizes = np.where(flat, shapely.area(pieces), 0.0)
    steps = np.rint(residential["area_m2"].to_numpy() * _AREA_STEP).astype(np.int64)
    ids = residential["residential_id"].to_numpy()
    names = np.array(
        [f"{ids[o]}/{c}/{r}" for o, c, r in zip(owner, column, row, strict=True)], dtype=object
    )
    exact = np.zeros(len(owner), dtype=np.int64)
    for start, stop in _runs(owner):
        part = slice(start, stop)
        exact[part] = largest_remainder(
            sizes[part], int(steps[owner[start]]), ids=names[part].tolist()
        )
    keep = exact > 0
    table = gpd.GeoDataFrame(
        {
            "cell_id": pd.Series(names[keep], dtype="str"),
            "residential_id": pd.Series(ids[owner[keep]], dtype="str"),
            "settlement": pd.Series(residential["settlement"].to_numpy()[owner[keep]], dtype="str"),
            "quarter": pd.Series(residential["quarter"].to_numpy()[owner[keep]], dtype="str"),
            "area_m2": exact[keep] / _AREA_STEP,
        },
        geometry=_polygonal(pieces[keep]),
        crs=residential.crs,
    )
    return table.sort_values("cell_id", kind="stable").reset_index(drop=True)


def carriers_of(cells: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return cells of residential land as carriers: a point inside each, with its area.

    ``spread_m`` is how far the cell's farthest corner is from its point.
    """
    shapes = cells.geometry.to_numpy()
    points = shapely.point_on_surface(shapes)
    table = gpd.GeoDataFrame(
        {
            "carrier_id": cells["cell_id"],
            "settlement": cells["settlement"],
            "area_m2": cells["area_m2"],
            "spread_m": farthest_m(shapes, points),
        },
        geometry=points,
        crs=cells.crs,
    )
    return tables.check("carriers", table, layer="residential")


def _runs(owner: npt.NDArray[Any]) -> list[tuple[int, int]]:
    """Return (start, stop) of runs of equal values."""
    if not len(owner):
        return []
    edges = np.flatnonzero(np.diff(owner)) + 1
    starts = [0, *edges.tolist()]
    return list(zip(starts, [*edges.tolist(), len(owner)], strict=True))


def _polygonal(pieces: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """Return pieces without the lines and points that a cut may leave behind."""
    pieces = pieces.copy()
    mixed = shapely.get_type_id(pieces) == shapely.GeometryType.GEOMETRYCOLLECTION
    for i in np.flatnonzero(mixed):
        parts = shapely.get_parts(pieces[int(i)])
        pieces[int(i)] = shapely.union_all(parts[shapely.get_dimensions(parts) == 2])
    return pieces
