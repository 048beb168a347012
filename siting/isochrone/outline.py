"""Claimed cells → polygons."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from siting import kernels

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]


def outline(
    cells: I32, cut_at: I64, cut_value: F64, *, x0: float, y0: float, cell_m: float
) -> shapely.MultiPolygon:
    """Return what is claimed of the cells of a lattice as polygons with holes.

    Parameters
    ----------
    cells
        int32 (rows, columns), row 0 in the south; the outermost hold nothing.
    cut_at, cut_value
        Cells of which a part is claimed, as :func:`siting.kernels.claim` returns them.
    x0, y0
        South-west corner of cell (0, 0).
    cell_m
        Side of a cell.

    Examples
    --------
    Cells that end where nothing is known of what follows: corners are cut off, and a 64th of a
    side is left out all round.

    >>> cells = np.zeros((4, 5), dtype=np.int32)
    >>> cells[1:3, 1:4] = kernels.WHOLE
    >>> no_cuts = np.empty((0, 2), dtype=np.int64), np.empty((0, 4))
    >>> round(outline(cells, *no_cuts, x0=0, y0=0, cell_m=10).area, 1)
    390.7
    """
    xy, start, shell = kernels.outline_rings(cells, cut_at, cut_value)
    if not shell.size:
        return shapely.MultiPolygon()
    # a polygon after the other, its shell first
    order = np.lexsort((shell != np.arange(shell.size), shell))
    size = np.diff(start)[order]
    ring = np.repeat(np.arange(order.size), size)
    at = np.arange(ring.size) - np.repeat(np.cumsum(size) - size, size) + start[order][ring]
    rings = shapely.linearrings(xy[at] * cell_m + (x0, y0), indices=ring)
    _, polygon = np.unique(shell[order], return_inverse=True)
    found: shapely.MultiPolygon = shapely.multipolygons(shapely.polygons(rings, indices=polygon))
    return found
