"""The ground: county outline, lake, river, ponds and elevation on one raster."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from siting.demo.chance import Floats, axes, noise, smoothstep
from siting.demo.outlines import smooth
from siting.demo.scale import COUNTY, Scale

# South-west corner of the local frame in EPSG:4547. The place is arbitrary: a made-up county has
# to lie somewhere in the zone of the 114th meridian.
EAST0, NORTH0 = 412_000.0, 3_178_000.0
# Extent of the county's rasters, local metres; all lengths below are drawn on the county's ground
# and grow with the scale's ``stretch``.
WEST, SOUTH, WIDTH, HEIGHT = -10_000.0, -2_000.0, 64_000.0, 44_000.0
LAND, LAKE, RIVER, POND = 0, 1, 2, 3


@dataclass(frozen=True, eq=False)
class Terrain:
    """Rasters, row 0 in the south, and the river's centre line.

    Attributes
    ----------
    cell_m, stretch
        Size of the cells; how many times larger than the county the ground is drawn.
    elevation
        Metres above the datum, float64.
    county
        Whether the cell's centre lies in the county.
    water
        ``LAND``, ``LAKE``, ``RIVER`` or ``POND``.
    water_m
        Metres from the cell to the nearest water, 0 in water.
    border_m
        Metres from the cell to the nearest cell outside the county.
    river
        ``(n, 2)`` from the lake upstream, EPSG:4547 metres.
    north_bank
        Whether the cell lies north of the river.
    """

    cell_m: float
    stretch: float
    elevation: Floats
    county: NDArray[np.bool_]
    water: NDArray[np.int8]
    water_m: Floats
    border_m: Floats
    river: Floats
    north_bank: NDArray[np.bool_]

    @property
    def origin(self) -> tuple[float, float]:
        """South-west corner of the rasters."""
        return EAST0 + WEST * self.stretch, NORTH0 + SOUTH * self.stretch

    @property
    def grain(self) -> float:
        """How many times coarser the cells are than a county's, and shores drawn from them."""
        return self.cell_m / COUNTY.cell_m

    def place(self, east_km: float, north_km: float) -> Floats:
        """Return the point, EPSG:4547 metres, that lies there on the county's ground."""
        return np.array([EAST0, NORTH0]) + 1000.0 * self.stretch * np.array([east_km, north_km])

    def random(self, rng: np.random.Generator, count: int) -> Floats:
        """Return random points of the county's rectangle ``(count, 2)``, EPSG:4547 metres."""
        span = self.stretch * np.array([52_000.0, 42_000.0])
        return self.place(0.0, -1.0) + rng.random((count, 2)) * span

    def at(self, xy: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return row and column of the cells that hold the points ``xy`` ``(n, 2)``."""
        column = np.floor((xy[..., 0] - self.origin[0]) / self.cell_m).astype(np.int64)
        row = np.floor((xy[..., 1] - self.origin[1]) / self.cell_m).astype(np.int64)
        rows, columns = self.county.shape
        return np.clip(row, 0, rows - 1), np.clip(column, 0, columns - 1)

    def cell(self, x: float, y: float) -> tuple[int, int]:
        """Return row and column of the cell that holds one point of the rasters."""
        east, north = self.origin
        return floor((y - north) / self.cell_m), floor((x - east) / self.cell_m)

    def height(self, xy: Floats) -> Floats:
        """Return the elevation at points, metres."""
        return np.asarray(self.elevation[self.at(xy)])


def make_terrain(seed: int, scale: Scale = COUNTY) -> Terrain:
    """Return the ground of the region for one seed."""
    cell = scale.cell_m / scale.stretch  # on the county's ground
    columns, rows = int(WIDTH / cell + 0.5), int(HEIGHT / cell + 0.5)
    x, y = axes(rows, columns, cell / 1000.0)
    x, y = x + (WEST + cell / 2.0) / 1000.0, y + (SOUTH + cell / 2.0) / 1000.0
    river = _river(seed)
    river_km, river_y = _river_distance(river, x, y, cell)
    county = _county(seed, x, y)
    lake = _lake(seed, x, y)
    elevation = _elevation(seed, x, y, river_km)
    half_width = 0.125 + 0.05 * smoothstep((26.0 - x) / 18.0) + 0.10 * smoothstep((12.0 - x) / 4.0)
    water = np.zeros((rows, columns), dtype=np.int8)
    water[_ponds(seed, x, y, elevation, county) & (river_km > 0.7)] = POND
    water[river_km < half_width] = RIVER
    water[lake] = LAKE
    elevation = np.where(water == LAKE, 24.0, np.where(water == RIVER, 25.0, elevation))
    return Terrain(
        cell_m=scale.cell_m,
        stretch=scale.stretch,
        elevation=np.round(elevation, 1),
        county=county,
        water=water,
        water_m=np.asarray(ndimage.distance_transform_edt(water == LAND)) * scale.cell_m,
        border_m=np.asarray(ndimage.distance_transform_edt(county)) * scale.cell_m,
        river=np.round(river * 1000.0 * scale.stretch + np.array([EAST0, NORTH0]), 2),
        north_bank=np.broadcast_to(y, county.shape) > river_y + _lake_line(seed, x),
    )


def _river(seed: int) -> Floats:
    """Return the meandering centre line in local kilometres, from the lake to the east."""
    t = np.arange(1.0, 54.0, 0.9)
    zero = np.zeros_like(t)
    bend = noise(seed, "river bends", t, zero, [2.9, 1.3]) - 0.5
    sway = noise(seed, "river sway", t, zero, [14.0]) - 0.5
    drift = noise(seed, "river drift", t, zero, [3.9]) - 0.5
    calm = smoothstep((t - 5.0) / 7.0)
    line = np.column_stack([t + 2.4 * drift * calm, 20.3 + (7.0 * sway + 5.8 * bend) * calm])
    return smooth(line, 5, closed=False)


def _river_distance(river: Floats, x: Floats, y: Floats, cell: float) -> tuple[Floats, Floats]:
    """Return kilometres to the river, and the river's northing over each column."""
    xx, yy = np.broadcast_arrays(x, y)
    dry = np.ones(xx.shape, dtype=np.bool_)
    column = np.floor((river[:, 0] - x[0, 0]) * 1000.0 / cell + 0.5).astype(np.int64)
    row = np.floor((river[:, 1] - y[0, 0]) * 1000.0 / cell + 0.5).astype(np.int64)
    dry[row, np.clip(column, 0, xx.shape[1] - 1)] = False
    distance = np.asarray(ndimage.distance_transform_edt(dry)) * (cell / 1000.0)
    near = distance < 0.9  # only here the width of the river needs the exact figure
    distance[near], _ = cKDTree(river).query(np.column_stack([xx[near], yy[near]]))
    order = np.argsort(river[:, 0], kind="stable")
    return distance, np.interp(x[0], river[order, 0], river[order, 1])[None, :]


def _lake_line(seed: int, x: Floats) -> Floats:
    """Return how far the line between the banks strays, in kilometres, where it is in the lake."""
    stray = noise(seed, "lake line", x, 0.0 * x, [3.1, 1.4, 0.6]) - 0.5
    return np.asarray(7.0 * stray * smoothstep((6.0 - x) / 4.0))


def _county(seed: int, x: Floats, y: Floats) -> NDArray[np.bool_]:
    u, v = (x - 25.6) / 25.0, (y - 20.0) / 19.6
    bulge = noise(seed, "county", x, y, [11.0, 5.0, 2.2, 1.0, 0.5]) - 0.5
    inside = u * u * u * u + v * v * v * v < 0.88 + 1.7 * bulge
    return _largest(inside, fill=True)


def _lake(seed: int, x: Floats, y: Floats) -> NDArray[np.bool_]:
    u, v = (x - 1.2) / 7.2, (y - 19.0) / 18.2
    shore = noise(seed, "lake", x, y, [5.6, 2.9, 1.5, 0.75]) - 0.5
    wet = _largest(u * u + v * v < 0.84 + 2.3 * shore, fill=False)
    islands, count = ndimage.label(~wet)
    sizes = np.bincount(islands.ravel(), minlength=count + 1)
    return np.asarray(wet | (sizes < 130)[islands])


def _elevation(seed: int, x: Floats, y: Floats, river_km: Floats) -> Floats:
    hills = noise(seed, "hills", x, y, [9.0, 4.5, 2.2, 1.1])
    ridges = noise(seed, "ridges", x, y, [5.0, 2.4, 1.2, 0.6])
    crest = 1.0 - np.abs(2.0 * ridges - 1.0)  # sharp where the noise crosses its middle
    ridge = 0.62 * hills + 0.38 * crest * crest
    knolls = noise(seed, "knolls", x, y, [1.6, 0.8])
    away = smoothstep((river_km - 1.2) / 8.0)
    east = smoothstep((x - 13.0) / 26.0)
    upland = smoothstep((ridge - 0.30) / 0.62)
    return np.asarray(
        26.5
        + 3.0 * smoothstep((x - 8.0) / 12.0)
        + 9.0 * knolls * smoothstep((x - 9.0) / 8.0)
        + 560.0 * upland * away * (0.06 + 0.94 * east)
        + 45.0 * east * upland
    )


def _ponds(
    seed: int, x: Floats, y: Floats, elevation: Floats, county: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    hollow = noise(seed, "ponds", x, y, [2.6, 1.1])
    wet = (hollow > 0.85) & county & (elevation < 130.0) & (x > 11.0)
    pieces, count = ndimage.label(wet)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    return np.asarray((sizes > 30)[pieces] & wet)


def _largest(mask: NDArray[np.bool_], *, fill: bool) -> NDArray[np.bool_]:
    """Return the largest connected piece, its holes filled on request."""
    pieces, count = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    piece = pieces == int(sizes.argmax())
    return np.asarray(ndimage.binary_fill_holes(piece) if fill else piece)
