"""The lattice that service areas are proved on: streets and barriers as segments, in tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from scipy import ndimage

from siting import kernels
from siting.network import RoadNetwork

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]
Objects = npt.NDArray[np.object_]

DEPTH = 4
"""A tile is halved this often each way: 16 × 16 finest cells."""

AROUND_M = 150.0
"""How much farther than the nearest street to look where a barrier may stand before it. A place
that has to go farther round a barrier is not claimed."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Tiles of a network, and what may matter to the points of each.

    Attributes
    ----------
    cell_m
        Side of a finest cell.
    grid, tiles, walls
        As the kernels take them. The grid starts at a whole multiple of the side of a tile, so
        that cells are the same whatever part of a network is looked at.
    xy, at_mm, edge, in_barrier
        Straight pieces of the streets that a point may attach to: ends (s, 4) in m, where they
        lie on their edge in mm from its tail (s, 2), the edge, and whether they enter the inside
        of a barrier.
    """

    cell_m: float
    grid: kernels.Grid
    tiles: kernels.Tiles
    walls: kernels.Walls
    xy: F64 = field(repr=False)
    at_mm: F64 = field(repr=False)
    edge: I32 = field(repr=False)
    in_barrier: Bool = field(repr=False)


def lattice(
    network: RoadNetwork,
    usable: Bool,
    box: tuple[float, float, float, float],
    *,
    cell_m: float,
    max_access_m: float,
    barriers: Objects,
    threads: int,
) -> Lattice:
    """Return the lattice of a network within a box.

    Parameters
    ----------
    network
        Any mode.
    usable
        Edges a point may attach to.
    box
        West, south, east, north in m: where places may be claimed.
    cell_m
        Side of a finest cell.
    max_access_m
        Longest access leg.
    barriers
        Simple lines and polygons that a leg may not cross.
    threads
        Threads to work with; changes nothing but the time taken.
    """
    side_m = cell_m * 2**DEPTH
    xy, at_mm, edge = _pieces(network, np.flatnonzero(usable).astype(np.int32))
    walls = _walls(barriers)

    # streets in reach of the box, and one tile more, so that edges of the grid need no care
    margin = max_access_m + AROUND_M + 2 * side_m
    x0 = math.floor((box[0] - margin) / side_m) * side_m
    y0 = math.floor((box[1] - margin) / side_m) * side_m
    columns = math.ceil((box[2] + margin - x0) / side_m)
    rows = math.ceil((box[3] + margin - y0) / side_m)
    grid = kernels.Grid(x0, y0, side_m, columns, rows, DEPTH)
    streets_in, walls_in = (_binned(pieces, grid) for pieces in (xy, walls.xy))

    near = (np.diff(streets_in[0]) > 0).reshape(rows, columns)
    steps = math.ceil(max_access_m / side_m) + 1
    near = ndimage.maximum_filter(near, size=2 * steps + 1, mode="constant")
    column, row = np.arange(columns), np.arange(rows)
    near &= (x0 + (column + 1) * side_m >= box[0]) & (x0 + column * side_m <= box[2])
    near &= ((y0 + (row + 1) * side_m >= box[1]) & (y0 + row * side_m <= box[3]))[:, None]
    tile = np.flatnonzero(near).astype(np.int64)

    def look_round(first: int, last: int) -> Any:
        return kernels.candidates(
            tile[first:last], grid, xy, *streets_in, walls.xy, *walls_in,
            float(max_access_m), AROUND_M,
        )  # fmt: skip

    blocks = kernels.parallel_blocks(look_round, tile.size, threads=threads)
    street_many, street, limit_m, wall_many, wall = (
        np.concatenate(parts) for parts in zip(*blocks, strict=True)
    )
    tiles = kernels.Tiles(tile, _starts(street_many), street, limit_m, _starts(wall_many), wall)
    return Lattice(cell_m, grid, tiles, walls, xy, at_mm, edge, _within(xy, barriers))


def _starts(many: I64) -> I64:
    """Return where rows of so many begin, and where the last ends."""
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(many)])


def _binned(pieces: F64, grid: kernels.Grid) -> tuple[I64, I32]:
    """Return straight pieces in compressed rows by the tiles they touch."""
    where, which = kernels.segments_in_bins(pieces, grid)
    indptr, order = kernels.compressed_rows(where, rows=grid.columns * grid.rows)
    return indptr, which[order]


def _pieces(network: RoadNetwork, edges: I32) -> tuple[F64, F64, I32]:
    """Return the straight pieces of edges: ends, places on the edge in mm, and edge."""
    xy, line = shapely.get_coordinates(network.geometry[edges], return_index=True)
    joined = line[:-1] == line[1:]
    step = np.where(joined, np.hypot(*(xy[1:] - xy[:-1]).T), 0.0)
    run = np.concatenate([[0.0], np.cumsum(step)])
    first = np.searchsorted(line, np.arange(edges.size))
    last = np.searchsorted(line, np.arange(edges.size), side="right") - 1
    # a place on an edge is its share of the drawn line, applied to the edge's length
    drawn = np.maximum(run[last] - run[first], 1e-12)
    share = (run - run[first][line]) / drawn[line]
    share[last] = 1.0
    at = share * network.length_mm[edges][line]
    start = np.flatnonzero(joined)
    return (
        np.ascontiguousarray(np.hstack([xy[start], xy[start + 1]])),
        np.column_stack([at[start], at[start + 1]]),
        edges[line[start]],
    )


def _walls(barriers: Objects) -> kernels.Walls:
    """Return the straight pieces of barriers, those of areas with the inside on their left."""
    flat = shapely.get_dimensions(barriers) == 2
    outlines = shapely.get_rings(shapely.orient_polygons(barriers[flat]))
    lines = np.concatenate([barriers[~flat], outlines])
    xy, line = shapely.get_coordinates(lines, return_index=True)
    start = np.flatnonzero(line[:-1] == line[1:])
    pieces = np.ascontiguousarray(np.hstack([xy[start], xy[start + 1]]).reshape(-1, 4))
    return kernels.Walls(pieces, line[start] >= int((~flat).sum()))


def _within(xy: F64, barriers: Objects) -> Bool:
    """Return which straight pieces enter the inside of a barrier that is an area."""
    inside = np.zeros(len(xy), dtype=bool)
    areas = barriers[shapely.get_dimensions(barriers) == 2]
    if len(areas):
        lines: Objects = np.asarray(shapely.linestrings(xy.reshape(-1, 2, 2)))
        # the areas ask, and are prepared for it: there are few of them, with many corners
        area, line = shapely.STRtree(lines).query(areas, predicate="intersects")
        enters = ~shapely.touches(lines[line], areas[area])
        inside[line[enters]] = True
    return inside
