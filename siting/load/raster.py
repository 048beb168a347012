"""What all rasters share: a band placed on the ground, and the window of it that is wanted."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio
import rasterio.windows
import shapely

from siting import crs as crs_
from siting.load.files import existing, reading, refuse
from siting.tables import label

F64 = npt.NDArray[np.float64]

MOST_CELLS: Final = 400_000_000
"""Cells held in memory, four bytes each; a raster of more is read for an area only."""

CORNERS: Final = 21  # points on each side of an area, for a window in a raster that lies askew


def placed(
    raster: Any, file: Path, *, table: str, declared: crs_.Declared, band: int
) -> pyproj.CRS:
    """Return the horizontal CRS of an open raster that has the band and lies on the ground.

    Raises
    ------
    DataError
        There is no such band, no georeference or no CRS, or the declared one contradicts it.
    StudyError
        The declared CRS does not exist.
    """
    name = label(file.name)
    if not 1 <= band <= raster.count:
        refuse(table, f"{name} has {raster.count} bands and no band {band}", "Name one of them.")
    with reading(file, table=table, kind="a raster"):
        own = None if raster.crs is None else pyproj.CRS.from_wkt(raster.crs.to_wkt())
    if own is not None and own.is_compound:
        own = own.sub_crs_list[0]  # heights have a CRS of their own, which is not asked for
    if raster.transform.is_identity or raster.transform.is_degenerate:
        refuse(
            table,
            f"{name} is not placed on the ground: it has no georeference, or one without extent",
            "Export it again as GeoTIFF with its position, or keep its world file beside it.",
        )
    return crs_.of_layer(own, declared, table=table)


@contextmanager
def opened(file: Path, *, table: str) -> Iterator[Any]:
    """Open a raster, or tell why it is none."""
    with reading(file, table=table, kind="a raster"):
        raster = rasterio.open(file)
    with raster:
        yield raster


def cells_of(raster: Any, file: Path, window: Any, *, table: str, band: int) -> Any:
    """Return the cells of a window, masked where there are no data."""
    with reading(file, table=table, kind="a raster"):
        return raster.read(band, window=window, masked=True)


def raster_bounds(path: Path | str, *, table: str, declared: crs_.Declared = None) -> crs_.Bounds:
    """Return west, south, east, north of a raster in degrees, for ``crs.working_crs``.

    Raises
    ------
    DataError
        The file is no raster, or not placed on the ground.
    """
    file = existing(path, table=table)
    with opened(file, table=table) as raster:
        own = placed(raster, file, table=table, declared=declared, band=1)
        west, south, east, north = raster.bounds
    side = np.linspace(0, 1, CORNERS)
    x, y = np.meshgrid(west + side * (east - west), south + side * (north - south))
    lon, lat = crs_.to_lonlat(own, x.ravel(), y.ravel())
    return float(min(lon)), float(min(lat)), float(max(lon)), float(max(lat))


def window_of(
    raster: Any,
    file: Path,
    *,
    table: str,
    crs: pyproj.CRS,
    raster_crs: pyproj.CRS,
    area: shapely.Geometry | None,
) -> Any:
    """Return the cells to read: those of ``area`` (in ``crs``) and two more on every side.

    Raises
    ------
    DataError
        The raster does not reach the area, or has too many cells in it.
    """
    name = label(file.name)
    if area is None:
        window = rasterio.windows.Window(0, 0, raster.width, raster.height)
    else:
        west, south, east, north = shapely.bounds(area).tolist()
        side = np.linspace(0, 1, CORNERS)
        x, y = (v.reshape(-1) for v in np.meshgrid(west + side * (east - west),
                                                   south + side * (north - south)))  # fmt: skip
        affine = tuple(raster.transform)[:6]
        column, row = cells_at(affine, *moved(np.column_stack([x, y]), crs, raster_crs))
        there = np.isfinite(column) & np.isfinite(row)
        first = [math.floor(float(v[there].min(initial=np.inf))) - 2 if there.any() else 0
                 for v in (column, row)]  # fmt: skip
        last = [math.ceil(float(v[there].max(initial=-np.inf))) + 2 if there.any() else 0
                for v in (column, row)]  # fmt: skip
        left, top = max(0, first[0]), max(0, first[1])
        right, bottom = min(raster.width, last[0]), min(raster.height, last[1])
        if right <= left or bottom <= top:
            refuse(
                table,
                f"{name} does not reach the study area",
                "Give a raster of the area, or correct its CRS.",
            )
        window = rasterio.windows.Window(left, top, right - left, bottom - top)
    if window.width * window.height > MOST_CELLS:
        refuse(
            table,
            f"{name} has {window.width} × {window.height} cells in the area",
            "Give the zones of the study, cut the raster to its area, or take a coarser one.",
        )
    return window


def cells_at(affine: Any, x: F64, y: F64) -> tuple[F64, F64]:
    """Return columns and rows of places, whole numbers at the corners of cells."""
    a, b, c, d, e, f = affine
    scale = a * e - b * d
    return (e * (x - c) - b * (y - f)) / scale, (a * (y - f) - d * (x - c)) / scale


def moved(places: F64, crs: pyproj.CRS, raster_crs: pyproj.CRS) -> tuple[F64, F64]:
    """Return x and y of places in the CRS of the raster."""
    x, y = places[:, 0], places[:, 1]
    if crs_.same(crs, raster_crs):
        return x, y
    x, y = crs_.from_lonlat(raster_crs, *crs_.to_lonlat(crs, x, y))
    return np.asarray(x), np.asarray(y)
