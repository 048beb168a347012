"""Residential land as cells: small pieces that each have one point to walk from."""

from __future__ import annotations

from typing import NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from siting.errors import StudyError


class Cells(NamedTuple):
    """Cells, and the land that was taken out because two areas claimed it."""

    table: gpd.GeoDataFrame
    drops: pd.DataFrame


def land_cells(residential: gpd.GeoDataFrame, *, cell_m: float) -> Cells:
    """Cut residential land along a square grid.

    The grid lies on multiples of ``cell_m`` in the working CRS, so a cell does not depend on the
    other areas. Land that several areas claim counts once, for the smallest ``residential_id``.

    Parameters
    ----------
    residential
        ``residential_id``, ``settlement``, ``quarter``, polygon ``geometry`` in a metric CRS.
    cell_m
        Side of the grid squares.

    Returns
    -------
    Cells
        ``table``: ``cell_id`` (area, column, row), ``residential_id``, ``settlement``, ``quarter``,
        ``area_m2``, polygon ``geometry``, sorted by ``cell_id``; the areas of the cells add up to
        the area of the union of the land. ``drops``: ``table``, ``row``, ``what``, ``action``.

    Raises
    ------
    StudyError
        ``cell_m`` is not a positive number.

    Examples
    --------
    >>> land = gpd.GeoDataFrame({"residential_id": ["r"], "settlement": "urban", "quarter": ""},
    ...                         geometry=[shapely.box(0, 0, 150, 50)], crs=32649)
    >>> land_cells(land, cell_m=100).table["area_m2"].tolist()
    [5000.0, 2500.0]
    """
    if not (np.isfinite(cell_m) and cell_m > 0):
        raise StudyError(f"cell_m is {cell_m}; it must be above 0 m. Correct it.")
    land = residential.sort_values("residential_id", ignore_index=True)
    shapes, drops = _without_overlaps(land)
    bounds = shapely.bounds(shapes)
    source: list[NDArray[np.int64]] = []
    column: list[NDArray[np.int64]] = []
    row: list[NDArray[np.int64]] = []
    for at, (west, south, east, north) in enumerate(np.floor(bounds / cell_m)):
        if np.isnan(west):
            continue  # nothing is left of it
        columns, rows = np.meshgrid(np.arange(west, east + 1), np.arange(south, north + 1))
        source.append(np.full(columns.size, at))
        column.append(columns.ravel().astype(np.int64))
        row.append(rows.ravel().astype(np.int64))
    of = np.concatenate(source) if source else np.empty(0, np.int64)
    x = np.concatenate(column) if column else np.empty(0, np.int64)
    y = np.concatenate(row) if row else np.empty(0, np.int64)
    squares = np.asarray(
        shapely.box(x * cell_m, y * cell_m, (x + 1) * cell_m, (y + 1) * cell_m), dtype=object
    )
    shapely.prepare(shapes)
    touched = shapely.intersects(shapes[of], squares)  # cheap; overlay below is not
    of, x, y, squares = of[touched], x[touched], y[touched], squares[touched]
    whole = shapely.covers(shapes[of], squares)
    pieces = squares.copy()
    pieces[~whole] = shapely.intersection(shapes[of[~whole]], squares[~whole])
    area = shapely.area(pieces)
    keep = area > 0
    names = land["residential_id"].to_numpy(dtype=object)[of[keep]]
    table = gpd.GeoDataFrame(
        {
            "cell_id": [
                f"{name}/{a}/{b}" for name, a, b in zip(names, x[keep], y[keep], strict=True)
            ],
            "residential_id": names,
            "settlement": land["settlement"].to_numpy()[of[keep]],
            "quarter": land["quarter"].to_numpy()[of[keep]],
            "area_m2": area[keep],
        },
        geometry=pieces[keep],
        crs=residential.crs,
    )
    return Cells(table.sort_values("cell_id", ignore_index=True), drops)


def cell_points(cells: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a point inside every cell, as a demand table of land without people.

    Its ``demand_id`` is the ``cell_id``: hand it to ``demand.membership`` and ``network.attach``.
    """
    return gpd.GeoDataFrame(
        {
            "demand_id": cells["cell_id"].to_numpy(),
            "population": np.zeros(len(cells), np.int64),
            "settlement": cells["settlement"].to_numpy(),
            "area_m2": cells["area_m2"].to_numpy(),
        },
        geometry=shapely.point_on_surface(cells.geometry.to_numpy()),
        crs=cells.crs,
    )


def _without_overlaps(land: gpd.GeoDataFrame) -> tuple[NDArray[np.object_], pd.DataFrame]:
    """Take land off every area that an earlier one also claims."""
    shapes = land.geometry.to_numpy().astype(object)
    original = shapes.copy()
    tree = shapely.STRtree(original)
    later, earlier = tree.query(original, predicate="intersects")
    rows = []
    for at in np.unique(later[earlier < later]):
        others = original[earlier[(later == at) & (earlier < at)]]
        left = shapely.difference(original[at], shapely.union_all(others))
        lost = original[at].area - left.area
        if lost > 0:
            shapes[at] = _polygons(left)
            rows.append(
                {
                    "table": "residential",
                    "row": str(land["residential_id"].iat[at]),
                    "what": f"{lost:.1f} m² lie in another residential area too",
                    "action": "counted once, for the area of the smallest id",
                }
            )
    return shapes, pd.DataFrame(rows, columns=["table", "row", "what", "action"])


def _polygons(shape: shapely.Geometry) -> shapely.Geometry:
    """Return the areal part of a geometry: differences may leave lines and points behind."""
    parts = shapely.get_parts(shape)
    return shapely.union_all(parts[shapely.get_dimensions(parts) == 2])
