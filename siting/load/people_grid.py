"""A raster of people on its own grid: read, refused where it holds something else, made persons."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyproj
import rasterio.windows
import shapely
from rasterio.enums import ColorInterp

from siting import crs as crs_
from siting.load.files import refuse
from siting.load.raster import cells_of, opened, placed, window_of
from siting.tables import label

F64 = npt.NDArray[np.float64]

STRAIGHT: Final = 1e-3
"""The share of a cell that a grid may lie askew over its whole length: noise of a conversion."""

MOST: Final = 1e10
"""More people than live on Earth, in a cell or on a km²: a no-data value that is not declared."""


class Grid(NamedTuple):
    """Persons on a north-up grid: ``persons`` (rows, columns; NaN: no data), and where it lies.

    ``top`` and ``left`` are the row and column of the first cell in the whole raster, in blocks,
    counted from its north-west corner whichever way its file counts rows.
    """

    persons: F64
    crs: pyproj.CRS
    west: float
    north: float
    width: float
    height: float
    top: int
    left: int


def read_grid(
    file: Path,
    layer: str,
    crs: pyproj.CRS,
    area: shapely.Geometry | None,
    declared: crs_.Declared,
    band: int | None,
    block: int,
    land: Path | str | None,
) -> tuple[Grid, shapely.Geometry]:
    """Return the persons of the area, and the ground of the whole raster in its own CRS."""
    with opened(file, table=layer) as raster:
        if band is None and raster.count > 1:
            names = ", ".join(label(n or "?") for n in raster.descriptions[:5])
            refuse(
                layer,
                f"{label(file.name)} has {raster.count} bands ({names})",
                "Say which one holds the people: band = 1, or another.",
            )
        band = band or 1
        own = placed(raster, file, table=layer, declared=declared, band=band)
        a, b, c, d, e, f = tuple(raster.transform)[:6]
        skew = max(abs(b) * raster.height, abs(d) * raster.width)
        if skew > STRAIGHT * min(abs(a), abs(e)) or a < 0:
            refuse(
                layer,
                f"the grid of {label(file.name)} lies askew to the axes of its CRS",
                "Export it on a grid along the axes (gdalwarp).",
            )
        _refuse_classes(raster, file, band, layer)
        window = window_of(raster, file, table=layer, crs=crs, raster_crs=own, area=area)
        window, top, left = _aligned(window, block, raster.shape, up=e > 0)
        cells = cells_of(raster, file, window, table=layer, band=band)
        _refuse_largest(cells, file, layer)
        values = cells.astype(np.float64).filled(np.nan) * raster.scales[band - 1]
        values += raster.offsets[band - 1]
        extent = shapely.box(c, f, c + a * raster.width, f + e * raster.height)
        whole = raster.shape
    _refuse_numbers(values, file, layer)
    west, north = c + a * window.col_off, f + e * window.row_off
    if land is not None:
        km2 = (
            _cell_km2(own, west, north, a, e, values.shape)
            if land == "cell"
            else _land_km2(Path(land), (a, b, c, d, e, f), whole, own, window, layer)
        )
        values = values * km2
    if e > 0:  # rows counted northwards
        values, north = values[::-1], north + e * len(values)
    persons = _blocks(values, block)
    return Grid(persons, own, west, north, a * block, abs(e) * block, top, left), extent


def _aligned(window: Any, block: int, shape: tuple[int, int], *, up: bool) -> tuple[Any, int, int]:
    """Return the window grown to whole blocks, as far as the raster goes, and its first block.

    Blocks are counted from the north-west, so that they are the same ground whichever way the
    rows of the file go (``up``: northwards) and whatever part of it is read.
    """
    height, width = shape
    first, left = int(window.row_off), int(window.col_off)
    last, right = first + int(window.height), left + int(window.width)
    if up:
        first, last = height - last, height - first
    first, left = first // block * block, left // block * block
    last, right = min(height, -(-last // block) * block), min(width, -(-right // block) * block)
    row = height - last if up else first
    grown = rasterio.windows.Window(left, row, right - left, last - first)
    return grown, first // block, left // block


def _blocks(values: F64, block: int) -> F64:
    """Return sums over squares of ``block`` cells; NaN where none of them has data."""
    if block == 1:
        return values
    rows, columns = (-(-n // block) for n in values.shape)
    padded = np.full((rows * block, columns * block), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    squares: Any = padded.reshape(rows, block, columns, block)
    sums = np.nansum(squares, axis=(1, 3))
    return np.where(np.isnan(squares).all(axis=(1, 3)), np.nan, sums)


def _refuse_classes(raster: Any, file: Path, band: int, layer: str) -> None:
    """Refuse a raster of classes: land cover read as people is a number nobody would notice."""
    tags = {**raster.tags(), **raster.tags(band)}
    thematic = {"DataType", "RepresentationType", "LAYER_TYPE"}
    why = ""
    if any(tags.get(t, "").casefold() == "thematic" for t in thematic):
        why = "its metadata call it thematic"
    elif raster.colorinterp[band - 1] == ColorInterp.palette:
        why = "it has a colour table"
    elif file.with_name(f"{file.name}.vat.dbf").exists():
        why = "it has an attribute table"
    elif np.dtype(raster.dtypes[band - 1]).itemsize == 1:
        why = f"its numbers are of one byte ({raster.dtypes[band - 1]})"
    elif "complex" in raster.dtypes[band - 1]:
        why = f"its numbers are {raster.dtypes[band - 1]}"
    if why:
        refuse(
            layer,
            f"{label(file.name)} holds something else than people: {why}",
            "Give a raster of persons or persons per km²; if these are persons after all, export "
            "them as numbers of four bytes (gdal_translate -ot Int32).",
        )


def _refuse_largest(cells: Any, file: Path, layer: str) -> None:
    """Refuse the largest number of a type of whole numbers: it stands for no data by custom."""
    if cells.dtype.kind in "iu":
        largest = int(np.iinfo(cells.dtype).max)
        if count := int((cells == largest).sum()):
            refuse(
                layer,
                f"{label(file.name)} holds {largest}, the largest number of {cells.dtype}, in "
                f"{count} cells",
                "It is likely to stand for no data: declare it (gdal_edit.py -a_nodata). If so "
                "many people do live there, export the raster as Float64.",
            )


def _refuse_numbers(values: F64, file: Path, layer: str) -> None:
    name = label(file.name)
    if np.isnan(values).all():
        refuse(layer, f"{name} has no data in the area", "Give a raster of the area.")
    wrong = (values > MOST) | (values < 0)
    if wrong.any():
        refuse(
            layer,
            f"{name} holds numbers below 0, endless or above {MOST:g} in {int(wrong.sum())} cells, "
            f"the first {float(values[wrong][0]):g}",
            "If it stands for no data, declare it (gdal_edit.py -a_nodata); else mend the cells.",
        )


def _cell_km2(
    own: pyproj.CRS, west: float, north: float, a: float, e: float, shape: tuple[int, ...]
) -> F64:
    """Return the area of cells on the ellipsoid, km²."""
    rows, columns = shape
    y = north + e * np.arange(rows + 1)
    if own.is_geographic:
        ellipsoid = own.get_geod() or pyproj.Geod(ellps="WGS84")
        to_degrees = own.axis_info[0].unit_conversion_factor * 180 / np.pi
        side = np.array([0.0, a, a, 0.0]) * to_degrees
        m2 = [
            abs(ellipsoid.polygon_area_perimeter(side, np.repeat(y[[i, i + 1]], 2) * to_degrees)[0])
            for i in range(rows)
        ]
        return np.asarray(np.repeat(np.array(m2)[:, None], columns, axis=1) / 1e6)
    metre = own.axis_info[0].unit_conversion_factor
    x: Any = west + a * (np.arange(columns) + 0.5)
    east, middle = np.meshgrid(x, (y[1:] + y[:-1]) / 2)
    lon, lat = crs_.to_lonlat(own, east.ravel(), middle.ravel())
    scale = np.asarray(pyproj.Proj(own).get_factors(lon, lat).areal_scale).reshape(rows, columns)
    return np.asarray(abs(a * e) * metre * metre / scale / 1e6)


def _land_km2(
    file: Path,
    affine: tuple[float, ...],
    shape: tuple[int, int],
    own: pyproj.CRS,
    window: Any,
    layer: str,
) -> F64:
    """Return the land of cells as a raster on the same grid says, km²."""
    table = f"{layer}.land_area"
    with opened(file, table=table) as raster:
        there = placed(raster, file, table=table, declared=own if raster.crs is None else None,
                       band=1)  # fmt: skip
        grid = tuple(raster.transform)[:6]
        same = np.allclose(grid, affine, rtol=1e-9) and raster.shape == shape
        if not same or not crs_.same(there, own):
            refuse(
                table,
                f"{label(file.name)} is not on the grid of the density",
                "Give one with the same cells, or leave it out: whole cells are then land.",
            )
        cells = cells_of(raster, file, window, table=table, band=1)
    km2: F64 = cells.astype(np.float64).filled(np.nan)
    _refuse_numbers(km2, file, table)
    return km2
