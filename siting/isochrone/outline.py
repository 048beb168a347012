"""Claimed cells → polygons."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import shapely

from siting import kernels

Bool = npt.NDArray[np.bool_]


def outline(mask: Bool, *, x0: float, y0: float, cell_m: float) -> shapely.MultiPolygon:
    """Return the true cells of a mask as polygons with holes, steps of one cell cut off inwards.

    Parameters
    ----------
    mask
        bool (rows, columns), row 0 in the south.
    x0, y0
        South-west corner of cell (0, 0).
    cell_m
        Side of a cell.

    Examples
    --------
    >>> outline(np.ones((2, 3), dtype=bool), x0=0, y0=0, cell_m=10).area
    600.0
    """
    if not mask.any():
        return shapely.MultiPolygon()
    corner, start, shell = kernels.outline_rings(mask)
    # a polygon after the other, its shell first
    order = np.lexsort((shell != np.arange(shell.size), shell))
    cut, cut_start = kernels.bevelled(corner, start)
    size = np.diff(cut_start)[order]
    ring = np.repeat(np.arange(order.size), size)
    at = np.arange(ring.size) - np.repeat(np.cumsum(size) - size, size) + cut_start[order][ring]
    xy = cut[at] * cell_m + (x0, y0)
    rings = shapely.linearrings(xy, indices=ring)
    _, polygon = np.unique(shell[order], return_inverse=True)
    found: shapely.MultiPolygon = shapely.multipolygons(shapely.polygons(rings, indices=polygon))
    return found
