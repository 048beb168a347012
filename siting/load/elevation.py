"""Elevation rasters → heights at places in the working CRS."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyproj
import shapely

from siting import crs as crs_
from siting.load.files import refuse
from siting.load.raster import cells_at, cells_of, moved, opened, placed, window_of
from siting.tables import label

F64 = npt.NDArray[np.float64]
TABLE: Final = "elevation"
PLAUSIBLE_M: Final = (-12_000.0, 9_000.0)
"""No ground is higher or lower: such a number stands for no data and was not declared."""

USUAL_NO_DATA: Final = -9999.0
"""Written for no data more often than any other number, and not always declared."""

METRES: Final = {"", "m", "metre", "metres", "meter", "meters"}
CHUNK: Final = 1_000_000


@dataclass(frozen=True, eq=False)
class Elevation:
    """Heights of the ground on a grid of cells.

    Attributes
    ----------
    crs
        CRS of the places that are asked for: the working CRS.
    raster_crs
        CRS of the grid, as in the file: it is not resampled.
    affine
        ``(a, b, c, d, e, f)``: ``x = a·column + b·row + c``, ``y = d·column + e·row + f``, of the
        corners of cells of the whole raster.
    heights
        float32 (rows, columns), metres; NaN where there is no data.
    left, top
        Column and row of the raster that ``heights`` begins with: positions are counted over the
        whole raster, so that a height does not depend, in its last bits, on the window read.
    """

    crs: pyproj.CRS
    raster_crs: pyproj.CRS
    affine: tuple[float, float, float, float, float, float]
    heights: npt.NDArray[np.float32] = field(repr=False)
    left: int = 0
    top: int = 0

    def at(self, xy: npt.ArrayLike) -> F64:
        """Return heights (n) at places (n, 2) in ``crs``; NaN where they are not known.

        Between the centres of four cells heights are bilinear; in the outer half of the outer
        cells they go on as at the centre. Where one of the cells needed has no data, nothing is
        known.

        Examples
        --------
        >>> grid = np.array([[10, 20], [30, 40]], dtype=np.float32)
        >>> metric = pyproj.CRS(4547)
        >>> ground = Elevation(metric, metric, (10, 0, 0, 0, -10, 20), grid)
        >>> ground.at([(5, 15), (10, 10), (0, 20), (25, 10)]).tolist()
        [10.0, 25.0, 10.0, nan]
        """
        places = np.asarray(xy, dtype=np.float64).reshape(-1, 2)
        parts = [self._at(places[i : i + CHUNK]) for i in range(0, len(places), CHUNK)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _at(self, places: F64) -> F64:
        column, row = cells_at(self.affine, *moved(places, self.crs, self.raster_crs))
        column, row = column - 0.5, row - 0.5
        rows, columns = self.heights.shape
        first_column, first_row = self.left - 0.5, self.top - 0.5
        with np.errstate(invalid="ignore"):
            inside = (column >= first_column) & (column <= first_column + columns)
            inside &= (row >= first_row) & (row <= first_row + rows)
        result = np.full(len(places), np.nan)
        across = np.clip(column[inside], self.left, self.left + columns - 1)
        down = np.clip(row[inside], self.top, self.top + rows - 1)
        left, top = np.floor(across).astype(np.int64), np.floor(down).astype(np.int64)
        to_right, to_bottom = across - left, down - top
        left, top = left - self.left, top - self.top
        right, bottom = np.minimum(left + 1, columns - 1), np.minimum(top + 1, rows - 1)
        total = np.zeros(left.size)
        for r, c, weight in (
            (top, left, (1 - to_bottom) * (1 - to_right)),
            (top, right, (1 - to_bottom) * to_right),
            (bottom, left, to_bottom * (1 - to_right)),
            (bottom, right, to_bottom * to_right),
        ):
            # a cell without weight may well have no data
            total += np.where(weight > 0, weight * self.heights[r, c].astype(np.float64), 0.0)
        result[inside] = total
        return result


def read_elevation(
    path: Path | str,
    crs: pyproj.CRS,
    *,
    area: shapely.Geometry | None = None,
    declared: crs_.Declared = None,
    band: int = 1,
) -> Elevation:
    """Return the heights of a raster file, for places in ``crs``.

    The raster is kept on its own grid: places are brought to it, and it is not resampled.

    Parameters
    ----------
    path
        GeoTIFF or another raster that GDAL reads; heights in metres.
    crs
        The working CRS.
    area
        In ``crs``: only the window that holds it is read, two cells more on every side.
    declared
        CRS of a raster that does not say; a contradiction is an error.
    band
        Which band holds the heights, from 1.

    Raises
    ------
    DataError
        The file cannot be read, is not placed on the ground, does not reach the area, is too
        large to be read whole, has no such band, is not in metres, or holds numbers that are no
        heights, such as a value for no data that is not declared.
    StudyError
        The declared CRS does not exist.

    Examples
    --------
    >>> read_elevation("dem.tif", pyproj.CRS(4547))  # doctest: +SKIP
    """
    file = Path(path)
    with opened(file, table=TABLE) as raster:
        return _read(raster, file, crs, area, declared, band)


def _read(
    raster: Any,
    file: Path,
    crs: pyproj.CRS,
    area: shapely.Geometry | None,
    declared: crs_.Declared,
    band: int,
) -> Elevation:
    name = label(file.name)
    raster_crs = placed(raster, file, table=TABLE, declared=declared, band=band)
    unit = (raster.units[band - 1] or "").strip().lower()
    if unit not in METRES:
        refuse(TABLE, f"{name} holds heights in {label(unit)}", "Convert them to metres.")
    affine = tuple(raster.transform)[:6]
    window = window_of(raster, file, table=TABLE, crs=crs, raster_crs=raster_crs, area=area)
    cells = cells_of(raster, file, window, table=TABLE, band=band).astype(np.float32)
    if count := int((cells == USUAL_NO_DATA).sum() or 0):  # masked where there are no data at all
        refuse(
            TABLE,
            f"{name} holds {USUAL_NO_DATA:g} in {count} cells and does not declare it",
            "Declare its value for no data (gdal_edit.py -a_nodata -9999).",
        )
    heights = cells.filled(np.nan) * np.float32(raster.scales[band - 1])
    heights = heights + np.float32(raster.offsets[band - 1])
    known = heights[np.isfinite(heights)]
    if not known.size:
        refuse(TABLE, f"{name} has no data in the area", "Give a raster of the area.")
    low, high = float(known.min()), float(known.max())
    if low < PLAUSIBLE_M[0] or high > PLAUSIBLE_M[1]:
        refuse(
            TABLE,
            f"{name} holds heights from {low:g} to {high:g} m",
            "Declare its value for no data (gdal_edit.py -a_nodata), or convert it to metres.",
        )
    heights[~np.isfinite(heights)] = np.nan
    heights.setflags(write=False)
    return Elevation(
        crs, raster_crs, affine, heights, left=int(window.col_off), top=int(window.row_off)
    )
