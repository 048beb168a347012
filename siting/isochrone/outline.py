"""Claimed cells → polygons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import shapely

from siting import kernels

I32 = npt.NDArray[np.int32]
I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
Objects = npt.NDArray[np.object_]


class Rings(NamedTuple):
    """The rings of one area: corners (m), where each ring starts, and the shell it belongs to."""

    xy: F64
    start: I64
    shell: I64


def rings(cells: I32, cut_at: I64, cut_value: F64, *, x0: float, y0: float, cell_m: float) -> Rings:
    """Return the rings round what is claimed of the cells of a lattice.

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
    """
    xy, start, shell = kernels.outline_rings(cells, cut_at, cut_value)
    return Rings(xy * cell_m + (x0, y0), start, shell)


def polygons(areas: Sequence[Rings]) -> Objects:
    """Return a MultiPolygon for each area, with holes; all at once, for calls are dear.

    Examples
    --------
    Cells that end where nothing is known of what follows: corners are cut off, and a 64th of a
    side is left out all round.

    >>> cells = np.zeros((4, 5), dtype=np.int32)
    >>> cells[1:3, 1:4] = kernels.WHOLE
    >>> no_cuts = np.empty((0, 2), dtype=np.int64), np.empty((0, 4))
    >>> found = polygons([rings(cells, *no_cuts, x0=0, y0=0, cell_m=10)])
    >>> round(found[0].area, 1)
    390.7
    """
    found: Objects = np.full(len(areas), shapely.MultiPolygon(), dtype=object)
    many = np.array([area.shell.size for area in areas])
    before = np.cumsum(many) - many
    shell = np.concatenate([area.shell + b for area, b in zip(areas, before, strict=True)])
    if not shell.size:
        return found
    # a polygon after the other, its shell first
    order = np.lexsort((shell != np.arange(shell.size), shell))
    size = np.concatenate([np.diff(area.start) for area in areas])
    start = np.cumsum(size) - size
    ring = np.repeat(np.arange(order.size), size[order])
    at = np.arange(ring.size) - np.repeat(np.cumsum(size[order]) - size[order], size[order])
    xy = np.concatenate([area.xy for area in areas])[at + start[order][ring]]
    shells, polygon = np.unique(shell[order], return_inverse=True)
    parts = shapely.polygons(shapely.linearrings(xy, indices=ring), indices=polygon)
    owner = np.repeat(np.arange(len(areas)), many)[shells]
    shapely.multipolygons(parts, indices=owner, out=found)
    return found


def joined(large: Objects, small: Objects) -> Objects:
    """Return larger areas with the smaller ones in them, as MultiPolygons."""
    parts, owner = shapely.get_parts(shapely.union(large, small), return_index=True)
    found: Objects = np.full(len(large), shapely.MultiPolygon(), dtype=object)
    shapely.multipolygons(parts, indices=owner, out=found)
    return found
