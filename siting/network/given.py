"""Geometries handed in beside a network: in its CRS, there, and of the kind that is wanted."""

from __future__ import annotations

from typing import Final

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from siting.crs import same
from siting.errors import DataError, Problem

Objects = npt.NDArray[np.object_]

POINTS: Final = (0,)
LINES: Final = (1, 2, 5)
SHAPES: Final = (1, 2, 3, 5, 6, 7)
"""What shapely calls points, lines, and lines and areas, several in one row included."""

FARTHEST_M = 1e9
"""Coordinates beyond this are no metres of any projection, and would leave exact arithmetic."""


def checked(
    crs: pyproj.CRS, shapes: gpd.GeoSeries, table: str, *, kinds: tuple[int, ...]
) -> Objects:
    """Return geometries without heights, or raise DataError with all that is wrong with them.

    Parameters
    ----------
    crs
        That of the network.
    shapes
        What was given; the index names its rows.
    table
        What messages call it.
    kinds
        :data:`POINTS`, :data:`LINES` or :data:`SHAPES`.

    Raises
    ------
    DataError
        No CRS or another one; geometries missing, empty, of another kind or nowhere on earth.

    Examples
    --------
    >>> walls = gpd.GeoSeries([shapely.Point(0, 0)], index=["B1"], crs=4547)
    >>> checked(pyproj.CRS(4547), walls, "barriers", kinds=SHAPES)
    Traceback (most recent call last):
    ...
    siting.errors.DataError: barriers: 1 of 1 geometries are missing, empty, of another kind than \
is wanted here or nowhere on earth (B1). Correct them, or leave them out.
    """
    problems: list[Problem] = []
    if shapes.crs is None or not same(crs, shapes.crs):
        name = "none" if shapes.crs is None else shapes.crs.name
        problems.append(
            Problem(
                table,
                f"their CRS is {name}, that of the network is {crs.name}",
                "Bring both to the working CRS of the study.",
            )
        )
    geometry: Objects = np.asarray(shapes.array, dtype=object)
    bad = ~np.isin(shapely.get_type_id(geometry), kinds) | shapely.is_empty(geometry)
    bad |= ~(np.abs(shapely.bounds(geometry)) <= FARTHEST_M).all(axis=1)
    if bad.any():
        problems.append(
            Problem(
                table,
                f"{int(bad.sum())} of {len(geometry)} geometries are missing, empty, of another "
                "kind than is wanted here or nowhere on earth",
                "Correct them, or leave them out.",
                tuple(str(i) for i in shapes.index[bad]),
            )
        )
    if problems:
        raise DataError(problems)
    return shapely.force_2d(geometry)


def checked_parts(crs: pyproj.CRS, barriers: gpd.GeoSeries | None) -> Objects:
    """Return barriers as simple lines and polygons; none where there are none.

    Raises
    ------
    DataError
        As :func:`checked`.
    """
    if barriers is None or not len(barriers):
        return np.empty(0, dtype=object)
    parts: Objects = shapely.get_parts(checked(crs, barriers, "barriers", kinds=SHAPES))
    kept: Objects = parts[~shapely.is_empty(parts)]
    return kept
