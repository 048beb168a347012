"""The lattice that service areas are proved on: streets and barriers as segments, in tiles."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

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

DEPTH = 5
"""A tile is halved this often each way: 32 × 32 finest cells."""

AROUND_M = 150.0
"""How much farther than the nearest street to look where a barrier may stand before it. A place
that has to go farther round a barrier is not claimed."""


@dataclass(frozen=True, eq=False)
class Lattice:
    """Tiles of a network, and what may matter to the points of each.

    Attributes
    ----------
    cell_m, side_m
        Side of a finest cell and of a tile.
    x0, y0, columns, rows
        The grid of tiles; (x0, y0) is a whole multiple of ``side_m``, so that cells are the same
        whatever part of a network is looked at.
    segment, at_mm, edge, in_barrier
        Straight pieces of the streets that a point may attach to: ends (s, 4) in m, where they
        lie on their edge in mm from its tail (s, 2), the edge, and whether they enter the inside
        of a barrier.
    wall, solid
        Straight pieces of barriers (w, 4), and which of them are the outline of an area, its
        inside on the left.
    tile
        Tiles that have a street in reach, ascending.
    street_indptr, street, limit_m, wall_indptr, walls
        By tile, as :func:`siting.kernels.areas.candidates` returns them.
    """

    cell_m: float
    side_m: float
    x0: float
    y0: float
    columns: int
    rows: int
    segment: F64 = field(repr=False)
    at_mm: F64 = field(repr=False)
    edge: I32 = field(repr=False)
    in_barrier: Bool = field(repr=False)
    wall: F64 = field(repr=False)
    solid: Bool = field(repr=False)
    tile: I64 = field(repr=False)
    street_indptr: I64 = field(repr=False)
    street: I32 = field(repr=False)
    limit_m: F64 = field(repr=False)
    wall_indptr: I64 = field(repr=False)
    walls: I32 = field(repr=False)


def lattice(
    network: RoadNetwork,
    usable: Bool,
    box: tuple[float, float, float, float],
    *,
    cell_m: float,
    max_access_m: float,
    barriers: Objects,
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
    """
    side_m = cell_m * 2**DEPTH
    edges = np.flatnonzero(usable).astype(np.int32)
    segment, at_mm, of = _pieces(network, edges)
    lines: Objects = np.asarray(shapely.linestrings(segment.reshape(-1, 2, 2)))
    wall, solid = _walls(barriers)

    # streets in reach of the box, and one tile more, so that edges of the grid need no care
    margin = max_access_m + AROUND_M + 2 * side_m
    x0 = math.floor((box[0] - margin) / side_m) * side_m
    y0 = math.floor((box[1] - margin) / side_m) * side_m
    columns = math.ceil((box[2] + margin - x0) / side_m)
    rows = math.ceil((box[3] + margin - y0) / side_m)
    grid = (x0, y0, side_m, columns, rows)
    bins = columns * rows
    where, which = kernels.segments_in_bins(segment, *grid)
    indptr, order = kernels.compressed_rows(where, rows=bins)
    wall_where, wall_which = kernels.segments_in_bins(wall, *grid)
    wall_indptr, wall_order = kernels.compressed_rows(wall_where, rows=bins)

    near = (np.diff(indptr) > 0).reshape(rows, columns)
    steps = math.ceil(max_access_m / side_m) + 1
    near = ndimage.maximum_filter(near, size=2 * steps + 1, mode="constant")
    column, row = np.arange(columns), np.arange(rows)
    near &= (x0 + (column + 1) * side_m >= box[0]) & (x0 + column * side_m <= box[2])
    near &= ((y0 + (row + 1) * side_m >= box[1]) & (y0 + row * side_m <= box[3]))[:, None]
    tile = np.flatnonzero(near).astype(np.int64)
    found = kernels.candidates(
        tile, segment, indptr, which[order], wall, wall_indptr, wall_which[wall_order], *grid,
        float(max_access_m), AROUND_M,
    )  # fmt: skip
    return Lattice(
        cell_m, side_m, x0, y0, columns, rows, segment, at_mm, of, _within(lines, barriers), wall,
        solid, tile, *found,
    )  # fmt: skip


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


def _walls(barriers: Objects) -> tuple[F64, Bool]:
    """Return the straight pieces of barriers, and which are outlines with an area on their left."""
    flat = shapely.get_dimensions(barriers) == 2
    outlines = shapely.get_rings(shapely.orient_polygons(barriers[flat]))
    lines = np.concatenate([barriers[~flat], outlines])
    xy, line = shapely.get_coordinates(lines, return_index=True)
    start = np.flatnonzero(line[:-1] == line[1:])
    pieces = np.ascontiguousarray(np.hstack([xy[start], xy[start + 1]]).reshape(-1, 4))
    return pieces, line[start] >= int((~flat).sum())


def _within(lines: Objects, barriers: Objects) -> Bool:
    """Return which lines enter the inside of a barrier that is an area."""
    inside = np.zeros(len(lines), dtype=bool)
    areas = barriers[shapely.get_dimensions(barriers) == 2]
    if len(areas):
        tree = shapely.STRtree(areas)
        line, area = tree.query(lines, predicate="intersects")
        enters = ~shapely.touches(lines[line], areas[area])
        inside[line[enters]] = True
    return inside
