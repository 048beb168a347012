"""The outline of what is claimed of the cells of a lattice, as rings."""

from __future__ import annotations

from typing import Any

import numpy as np

from siting.kernels.compile import F64, I64, compiled

NOTHING, WHOLE, FIRST_CUT = 0, 1, 2
"""What a cell holds: nothing that is claimed, all of it, or (from there up) the part that row
``value - FIRST_CUT`` of the cuts describes."""

NORTH, EAST, SOUTH, WEST = 0, 1, 2, 3

CLEAR = 1.0 / 64.0
"""Outlines keep this share of a side away from its ends, so that no ring touches itself."""


@compiled
def _share(inside: float, outside: float) -> float:
    """Return how much of a side is claimed, from the bound at the corner inside and outside.

    The bound is convex over the cell: between two of its values it is nowhere above the straight
    line between them.
    """
    return 1.0 if outside <= 0.0 else -inside / (outside - inside)


@compiled
def _inside(cells: Any, cut_at: I64, cut_value: F64) -> Any:
    """Return which corners are claimed by all the cells they belong to (uint8).

    A corner is given up where one of its sides is claimed for hardly more than the corner itself.
    """
    rows, columns = cells.shape
    inside = np.zeros((rows + 1, columns + 1), dtype=np.uint8)
    for row in range(1, rows):
        below, above = cells[row - 1], cells[row]
        for column in range(1, columns):
            inside[row, column] = (
                (below[column - 1] > 0)
                & (below[column] > 0)
                & (above[column - 1] > 0)
                & (above[column] > 0)
            )
    for i in range(len(cut_at)):
        row, column = cut_at[i, 0], cut_at[i, 1]
        for c in range(4):
            if cut_value[i, c] > 0.0:
                inside[row + (c >> 1), column + (c & 1)] = 0
    given_up = np.zeros((len(cut_at), 4), dtype=np.bool_)
    for i in range(len(cut_at)):
        row, column = cut_at[i, 0], cut_at[i, 1]
        for c in range(4):
            for other in (c ^ 1, c ^ 2):
                if (
                    inside[row + (c >> 1), column + (c & 1)]
                    and not inside[row + (other >> 1), column + (other & 1)]
                    and _share(cut_value[i, c], cut_value[i, other]) < CLEAR
                ):
                    given_up[i, c] = True
    for i in range(len(cut_at)):
        row, column = cut_at[i, 0], cut_at[i, 1]
        for c in range(4):
            if given_up[i, c]:
                inside[row + (c >> 1), column + (c & 1)] = 0
    return inside


@compiled
def _crossing(
    cells: Any, cut_value: F64, inside: Any, row: int, column: int, upright: bool
) -> float:
    """Return where the outline crosses a side, as a share of it from its west or south end.

    The side begins at corner (``row``, ``column``) and goes north where ``upright``, else east.
    """
    share = 1.0 - CLEAR
    in_first = inside[row, column] == 1
    for beside in range(2):
        # of the cell before (west or south of it) and of the one behind it
        r, c = (row, column - 1 + beside) if upright else (row - 1 + beside, column)
        which = cells[r, c] - FIRST_CUT
        if which >= 0:
            first = (1 - beside) if upright else 2 * (1 - beside)
            second = first + (2 if upright else 1)
            if not in_first:
                first, second = second, first
            share = min(share, _share(cut_value[which, first], cut_value[which, second]))
    return share if in_first else 1.0 - share


@compiled
def outline_rings(cells: Any, cut_at: I64, cut_value: F64) -> Any:
    """Return the rings round what is claimed of the cells of a lattice.

    Marching squares: the outline crosses the sides between corners that all their cells claim
    and corners that not all do. What it encloses of a cell is the hull of places that the cell
    claims, so nothing is added to it.

    Parameters
    ----------
    cells
        int32 (rows, columns), row 0 in the south: ``NOTHING``, ``WHOLE`` or a cut. The outermost
        cells hold nothing.
    cut_at, cut_value
        As :func:`siting.kernels.claim` returns them; ``cells[cut_at[i]] == FIRST_CUT + i``.

    Returns
    -------
    tuple
        ``xy`` (float64, (c, 2): east and north in cells, first one of a ring not repeated),
        ``start`` (int64, rings + 1) and ``shell`` (int64: the ring itself where it is a shell,
        else the shell it is a hole of). Shells run counter-clockwise and holes clockwise; rings
        touch neither themselves nor each other.
    """
    rows, columns = cells.shape
    inside = _inside(cells, cut_at, cut_value)
    # by level side from (row, column) to the next corner in the east: the ring that crosses it
    ring_at = np.full((rows + 1, columns), -1, dtype=np.int32)
    xy = np.empty((1024, 2))
    start = np.zeros(64, dtype=np.int64)
    west_row, west_column = np.zeros(64, dtype=np.int64), np.zeros(64, dtype=np.int64)
    size, rings = 0, 0
    for first_row in range(1, rows):
        for first_column in range(columns):
            if (
                inside[first_row, first_column] == inside[first_row, first_column + 1]
                or ring_at[first_row, first_column] >= 0
            ):
                continue
            # the inside is on the left, so in the west of who goes north
            row, column = first_row, first_column
            way = NORTH if inside[row, column] else SOUTH
            if rings + 2 > start.size:
                start, west_row, west_column = _more(start), _more(west_row), _more(west_column)
            west_column[rings] = columns
            begin = size
            while True:
                upright = way in (EAST, WEST)
                if not upright:
                    if ring_at[row, column] >= 0:
                        break
                    ring_at[row, column] = rings
                    if column < west_column[rings]:
                        west_row[rings], west_column[rings] = row, column
                at = _crossing(cells, cut_value, inside, row, column, upright)
                x = column + (0.0 if upright else at)
                y = row + (at if upright else 0.0)
                if size - begin > 1 and _straight(xy, size, x, y):
                    size -= 1
                if size == len(xy):
                    bigger = np.empty((2 * size, 2))
                    bigger[:size] = xy
                    xy = bigger
                xy[size, 0], xy[size, 1] = x, y
                size += 1
                # the cell ahead, and its corners ahead on the left and on the right
                r = row - 1 if way == SOUTH else row
                c = column - 1 if way == WEST else column
                north_left = way in (NORTH, EAST)
                if upright:
                    ahead = c + 1 if way == EAST else c
                    left, right = inside[r + north_left, ahead], inside[r + 1 - north_left, ahead]
                else:
                    ahead = r + 1 if way == NORTH else r
                    left, right = inside[ahead, c + 1 - north_left], inside[ahead, c + north_left]
                if right:
                    way = (way + 1) % 4
                elif not left:
                    way = (way + 3) % 4
                row = r + 1 if way == NORTH else r
                column = c + 1 if way == EAST else c
            rings += 1
            start[rings] = size
    shell = np.empty(rings, dtype=np.int64)
    for ring in range(rings):
        shell[ring] = _shell(inside, ring_at, xy[start[ring] : start[ring + 1]], ring,
                             west_row[ring], west_column[ring])  # fmt: skip
    for ring in range(rings):
        # a hole may have met another hole first
        while shell[shell[ring]] != shell[ring]:
            shell[ring] = shell[shell[ring]]
    return xy[:size].copy(), start[: rings + 1].copy(), shell


@compiled
def _more(array: I64) -> Any:
    bigger = np.zeros(2 * array.size, dtype=np.int64)
    bigger[: array.size] = array
    return bigger


@compiled
def _straight(xy: F64, size: int, x: float, y: float) -> bool:
    """Whether the last corner lies on the way from the one before it to (x, y)."""
    ax, ay = xy[size - 1, 0] - xy[size - 2, 0], xy[size - 1, 1] - xy[size - 2, 1]
    bx, by = x - xy[size - 1, 0], y - xy[size - 1, 1]
    return bool(abs(ax * by - ay * bx) < 1e-9 and ax * bx + ay * by > 0.0)


@compiled
def _shell(inside: Any, ring_at: Any, xy: F64, ring: int, row: int, column: int) -> int:
    """Return the ring itself where it is a shell, else the ring met on the way west of the hole.

    (``row``, ``column``) is the westernmost side it crosses.
    """
    twice = 0.0
    for i in range(len(xy)):
        twice += xy[i - 1, 0] * xy[i, 1] - xy[i, 0] * xy[i - 1, 1]
    if twice > 0.0:
        return ring
    while inside[row, column - 1]:
        column -= 1
    return int(ring_at[row, column - 1])
