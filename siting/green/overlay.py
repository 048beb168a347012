"""Residential land laid over what lies within the radius of a park's edge."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from siting.coverage import exact
from siting.green.indicators import SizeClass

QUAD_SEGS = 64
"""Segments to a quarter circle of a buffer; what that costs is :func:`buffer_error_m`."""
STEP = 1024
"""Areas are added up as whole 1024ths of a m²: no order of rows changes a sum."""

I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Objects = NDArray[np.object_]


def buffer_error_m(radius_m: float) -> float:
    """Return how far the polygon of a buffer falls short of the circle, at most.

    The buffer is inscribed, so land is never claimed that is farther than the radius.

    Examples
    --------
    >>> round(buffer_error_m(500), 3)
    0.038
    """
    return radius_m * (1 - math.cos(math.pi / (4 * QUAD_SEGS)))


def radius_mm(size: SizeClass) -> int:
    """Return how far a size class serves in whole millimetres, rounded down."""
    return math.floor(exact(size.radius_m) * 1_000)


def of_class(parks: gpd.GeoDataFrame, size: SizeClass) -> Bool:
    """Return which parks (``kind``, ``area_m2``) are of the size class."""
    area = parks["area_m2"].to_numpy(dtype=float)
    below = np.inf if size.below_m2 is None else size.below_m2
    return np.asarray(
        parks["kind"].isin(size.kinds).to_numpy() & (area >= size.at_least_m2) & (area < below)
    )


class Around:
    """Buffers of parks, each made once however many indicators ask for it."""

    def __init__(self, parks: gpd.GeoDataFrame) -> None:
        self.parks = parks
        self.made: dict[tuple[int, float], shapely.Geometry] = {}

    def buffers(self, size: SizeClass) -> tuple[I64, Objects]:
        """Return the parks of one size class, by position, and their buffers."""
        at = np.flatnonzero(of_class(self.parks, size))
        new = [i for i in at.tolist() if (i, size.radius_m) not in self.made]
        shapes = self.parks.geometry.to_numpy()[new]
        grown = np.asarray(shapely.buffer(shapes, size.radius_m, quad_segs=QUAD_SEGS))
        shapely.prepare(grown)
        self.made |= {(i, size.radius_m): shape for i, shape in zip(new, grown, strict=True)}
        result = np.empty(len(at), dtype=object)
        result[:] = [self.made[i, size.radius_m] for i in at.tolist()]
        return at, result


class Pairs(NamedTuple):
    """Cells and parks whose buffers may meet: positions, the buffer, the radius in mm."""

    cell: I64
    park: I64
    around: Objects
    radius_mm: I64


def pairs(cells: gpd.GeoDataFrame, around: Around, classes: Sequence[SizeClass]) -> Pairs:
    """Return which cells (``quarter``, polygon) a park of the classes may serve, by boxes."""
    parks, buffers, radii, may = [], [], [], []
    for size in classes:
        at, grown = around.buffers(size)
        parks.append(at)
        buffers.append(grown)
        radii.append(np.full(len(at), radius_mm(size), dtype=np.int64))
        may.append(
            np.ones(len(cells), dtype=bool)
            if size.quarters is None
            else cells["quarter"].isin(size.quarters).to_numpy()
        )
    every = np.concatenate(buffers) if buffers else np.empty(0, object)
    if len(every) == 0 or len(cells) == 0:
        none = np.empty(0, np.int64)
        return Pairs(none, none, np.empty(0, object), none)
    cell, which = shapely.STRtree(every).query(cells.geometry.to_numpy())
    first = np.cumsum([0, *(len(b) for b in buffers)])
    allowed = np.array(may)[np.searchsorted(first, which, side="right") - 1, cell]
    cell, which = cell[allowed], which[allowed]
    return Pairs(cell, np.concatenate(parks)[which], every[which], np.concatenate(radii)[which])


class Served(NamedTuple):
    """How much of each cell is served, in steps, and the shape of what is served in part."""

    steps: I64
    shape: Objects


def served(
    cells: gpd.GeoDataFrame, around: Around, classes: Sequence[SizeClass], land: I64
) -> Served:
    """Return how much of each cell's ``land`` lies within the radius of any park of the classes.

    Parameters
    ----------
    cells
        ``quarter``, polygon.
    around
        Of the parks.
    classes
        Which parks serve whom how far.
    land
        Area of the cells in steps.
    """
    shapes = cells.geometry.to_numpy()
    shape = np.full(len(shapes), None, dtype=object)
    area = np.zeros(len(shapes))
    near = pairs(cells, around, classes)
    within = shapely.covers(near.around, shapes[near.cell])
    whole = np.zeros(len(shapes), dtype=bool)
    whole[near.cell[within]] = True
    area[whole] = shapely.area(shapes[whole])
    partly = ~whole[near.cell] & shapely.intersects(near.around, shapes[near.cell])
    cell, park, buffer = near.cell[partly], near.park[partly], near.around[partly]
    order = np.lexsort((park, cell))
    cell, buffer = cell[order], buffer[order]
    pieces = shapely.intersection(shapes[cell], buffer)
    each, start, count = np.unique(cell, return_index=True, return_counts=True)
    alone = count == 1
    shape[each[alone]] = pieces[start[alone]]
    for at, lo, n in zip(each[~alone], start[~alone], count[~alone], strict=True):
        shape[at] = shapely.union_all(pieces[lo : lo + n])
    area[each] = shapely.area(shape[each])
    return Served(in_steps(area, shapely.area(shapes), land), shape)


def in_steps(area: NDArray[np.float64], of: NDArray[np.float64], land: I64) -> I64:
    """Return served areas of cells in whole steps; all of a cell's shape is all of its land."""
    steps = np.minimum(np.rint(area * STEP).astype(np.int64), land)
    # a cell's stated area may differ from its shape's by a step
    return np.where(area > of - 1 / STEP, land, steps)


def polygons_of(pieces: Objects) -> Objects:
    """Return pieces without the lines and points that an overlay may leave; ``None`` stays.

    Examples
    --------
    >>> beside = shapely.intersection(shapely.box(0, 0, 1, 1), shapely.box(1, 0, 2, 1))
    >>> polygons_of(np.array([beside, None], dtype=object)).tolist()
    [<POLYGON EMPTY>, None]
    """
    result = pieces.copy()
    kind = shapely.get_type_id(pieces)
    areas = (shapely.GeometryType.POLYGON, shapely.GeometryType.MULTIPOLYGON)
    for i in np.flatnonzero((kind >= 0) & ~np.isin(kind, areas)).tolist():
        parts = shapely.get_parts(pieces[i])
        parts = parts[shapely.get_dimensions(parts) == 2]
        result[i] = shapely.union_all(parts) if len(parts) else shapely.Polygon()
    return result
