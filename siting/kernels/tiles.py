"""Tiles of a lattice, and the streets and barriers that may matter to the points of each."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from siting.kernels.compile import I32, I64, compiled
from siting.kernels.legs import foot

SLACK_M = 0.004  # streets equally near to the millimetre are chosen by their order: all count


class Grid(NamedTuple):
    """Tiles of ``side_m`` from (x0, y0); each is cut into ``2**depth`` by ``2**depth`` cells."""

    x0: float
    y0: float
    side_m: float
    columns: int
    rows: int
    depth: int


@compiled
def room(array: Any, size: int) -> Any:
    """Return ``array``, or a copy with room for at least ``size``."""
    if size <= array.size:
        return array
    bigger = np.empty(2 * size + 64, dtype=array.dtype)
    bigger[: array.size] = array
    return bigger


@compiled
def segments_in_bins(segment: Any, grid: Grid) -> Any:
    """Return pairs (bin, segment) so that every bin a segment touches is among them.

    Parameters
    ----------
    segment
        float64 (s, 4): x, y of both ends.
    grid
        :class:`siting.kernels.Grid`; bin ``row * columns + column``. What lies outside is left
        out.

    Returns
    -------
    tuple of int64 and int32 arrays; a pair may come twice.
    """
    x0, y0, side_m, columns, rows = grid.x0, grid.y0, grid.side_m, grid.columns, grid.rows
    where = np.empty(4 * segment.shape[0] + 64, dtype=np.int64)
    which = np.empty(where.size, dtype=np.int32)
    size = 0
    for s in range(segment.shape[0]):
        ax, ay, bx, by = segment[s, 0], segment[s, 1], segment[s, 2], segment[s, 3]
        # piece by piece: the box round a long slanting segment holds many bins it never touches
        pieces = int(math.hypot(bx - ax, by - ay) / side_m) + 1
        for i in range(pieces):
            px, qx = ax + (bx - ax) * i / pieces, ax + (bx - ax) * (i + 1) / pieces
            py, qy = ay + (by - ay) * i / pieces, ay + (by - ay) * (i + 1) / pieces
            west = max(math.floor((min(px, qx) - x0) / side_m), 0)
            east = min(math.floor((max(px, qx) - x0) / side_m), columns - 1)
            south = max(math.floor((min(py, qy) - y0) / side_m), 0)
            north = min(math.floor((max(py, qy) - y0) / side_m), rows - 1)
            for row in range(south, north + 1):
                for column in range(west, east + 1):
                    where = room(where, size + 1)
                    which = room(which, size + 1)
                    where[size] = row * columns + column
                    which[size] = s
                    size += 1
    return where[:size].copy(), which[:size].copy()


@compiled
def _gather(
    x: float,
    y: float,
    reach_m: float,
    segment: Any,
    bin_indptr: I64,
    bin_segment: I32,
    grid: Grid,
    stamp: I64,
    mark: int,
    out: I32,
    size: int,
) -> Any:
    """Append the segments within ``reach_m`` of a point, each once; return ``out`` and its size."""
    west = max(math.floor((x - reach_m - grid.x0) / grid.side_m), 0)
    east = min(math.floor((x + reach_m - grid.x0) / grid.side_m), grid.columns - 1)
    south = max(math.floor((y - reach_m - grid.y0) / grid.side_m), 0)
    north = min(math.floor((y + reach_m - grid.y0) / grid.side_m), grid.rows - 1)
    for row in range(south, north + 1):
        for column in range(west, east + 1):
            at = row * grid.columns + column
            for i in range(bin_indptr[at], bin_indptr[at + 1]):
                s = bin_segment[i]
                if stamp[s] == mark:
                    continue
                stamp[s] = mark
                far, _ = foot(x, y, segment[s, 0], segment[s, 1], segment[s, 2], segment[s, 3])
                if far <= reach_m:
                    out = room(out, size + 1)
                    out[size] = s
                    size += 1
    return out, size


@compiled
def candidates(
    tile: I64,
    grid: Grid,
    segment: Any,
    bin_indptr: I64,
    bin_segment: I32,
    wall: Any,
    wall_indptr: I64,
    wall_segment: I32,
    max_access_m: float,
    around_m: float,
) -> Any:
    """Return the street and wall segments that may matter to points of each tile.

    Parameters
    ----------
    tile, grid
        The tiles to look at: bins of the grid.
    segment, bin_indptr, bin_segment
        Streets by bin.
    wall, wall_indptr, wall_segment
        Barriers by bin.
    max_access_m
        Longest access leg.
    around_m
        How much farther than the nearest street to look where a wall is near.

    Returns
    -------
    tuple
        How many streets each tile has and which, one tile after the other; ``limit_m`` (all
        streets within it of the tile's centre are listed; −1 where none is in reach); how many
        walls each tile has and which.
    """
    radius = grid.side_m * math.sqrt(0.5)
    street_many = np.zeros(tile.size, dtype=np.int64)
    streets = np.empty(1024, dtype=np.int32)
    limit = np.full(tile.size, -1.0)
    wall_many = np.zeros(tile.size, dtype=np.int64)
    barriers = np.empty(1024, dtype=np.int32)
    stamp = np.full(segment.shape[0], -1, dtype=np.int64)
    wall_stamp = np.full(wall.shape[0], -1, dtype=np.int64)
    mark = 0
    size = 0
    wall_size = 0
    found = np.empty(256, dtype=np.int32)
    for i in range(tile.size):
        streets_before, walls_before = size, wall_size
        x = grid.x0 + (tile[i] % grid.columns + 0.5) * grid.side_m
        y = grid.y0 + (tile[i] // grid.columns + 0.5) * grid.side_m
        # wider and wider until the nearest street is certain
        reach = grid.side_m
        nearest = math.inf
        while True:
            mark += 1
            found, many = _gather(
                x, y, reach, segment, bin_indptr, bin_segment, grid,
                stamp, mark, found, 0,
            )  # fmt: skip
            for j in range(many):
                s = found[j]
                far, _ = foot(x, y, segment[s, 0], segment[s, 1], segment[s, 2], segment[s, 3])
                nearest = min(nearest, far)
            if nearest < math.inf or reach > max_access_m + radius:
                break
            reach *= 2.0
        if nearest <= max_access_m + radius:
            bound = nearest + 2.0 * radius + SLACK_M
            if wall.shape[0] > 0:
                mark += 1
                barriers, after = _gather(
                    x, y, bound + 2.0 * radius, wall, wall_indptr, wall_segment, grid,
                        wall_stamp, mark, barriers, wall_size,
                )  # fmt: skip
                if after > wall_size:
                    bound = max(bound, min(bound + around_m, max_access_m + 2.0 * radius))
                    mark += 1
                    barriers, wall_size = _gather(
                        x, y, bound + 2.0 * radius, wall, wall_indptr, wall_segment, grid,
                        wall_stamp, mark, barriers, wall_size,
                    )  # fmt: skip
            mark += 1
            streets, size = _gather(
                x, y, bound, segment, bin_indptr, bin_segment, grid,
                stamp, mark, streets, size,
            )  # fmt: skip
            limit[i] = bound
        street_many[i], wall_many[i] = size - streets_before, wall_size - walls_before
    return street_many, streets[:size].copy(), limit, wall_many, barriers[:wall_size].copy()
