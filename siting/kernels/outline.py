"""The outline of a set of cells, as rings."""

from __future__ import annotations

from typing import Any

import numpy as np

from siting.kernels.compile import I64, compiled

EAST, NORTH, WEST, SOUTH = 0, 1, 2, 3


@compiled
def _corners(mask: Any, left: Any) -> I64:
    """Return the corners that an outline passes, south to north and west to east, as flat places.

    ``left`` is filled with the directions in which it leaves each corner, as bits; the inside is
    on its left. Corner (row, column) is the south-west corner of cell (row, column).
    """
    rows, columns = mask.shape
    found = np.empty(4096, dtype=np.int64)
    size = 0
    for row in range(rows + 1):
        south_west = north_west = False
        for column in range(columns + 1):
            south_east = row > 0 and column < columns and mask[row - 1, column]
            north_east = row < rows and column < columns and mask[row, column]
            if not (north_west == north_east == south_west == south_east):
                bits = 0
                if north_east and not south_east:
                    bits |= 1 << EAST
                if north_west and not north_east:
                    bits |= 1 << NORTH
                if south_west and not north_west:
                    bits |= 1 << WEST
                if south_east and not south_west:
                    bits |= 1 << SOUTH
                left[row, column] = bits
                if size == found.size:
                    bigger = np.empty(2 * size, dtype=np.int64)
                    bigger[:size] = found
                    found = bigger
                found[size] = row * (columns + 1) + column
                size += 1
            south_west, north_west = south_east, north_east
    return found[:size]


@compiled
def outline_rings(mask: Any) -> Any:
    """Return the rings round the true cells of a mask.

    Parameters
    ----------
    mask
        bool (rows, columns), row 0 in the south. Cells that touch at a corner only are apart.

    Returns
    -------
    tuple
        ``corner`` (int64, (c, 2): column and row of corners where a ring turns, first one not
        repeated), ``start`` (int64, rings + 1) and ``shell`` (int64: the ring itself where it is
        a shell, else the shell it is a hole of). Shells run counter-clockwise and holes
        clockwise; no ring touches itself.
    """
    rows, columns = mask.shape
    left = np.zeros((rows + 1, columns + 1), dtype=np.uint8)
    places = _corners(mask, left)
    # a corner where two cells touch is passed twice
    corner = np.empty((2 * places.size, 2), dtype=np.int64)
    start = np.zeros(places.size + 1, dtype=np.int64)
    path = np.empty((2 * places.size, 2), dtype=np.int64)
    # by vertical side, the ring that runs along it: what a hole meets on its way west
    ring_at = np.full((rows, columns + 1), -1, dtype=np.int32)
    rings = 0
    total = 0
    for place in places:
        row, column = place // (columns + 1), place % (columns + 1)
        while left[row, column]:
            # walk until the ring closes; a corner met twice closes a ring of its own
            x, y = column, row
            direction = 0
            while not (left[y, x] >> direction) & 1:
                direction += 1
            size = 0
            while True:
                path[size, 0], path[size, 1] = x, y
                size += 1
                left[y, x] &= ~np.uint8(1 << direction)
                if direction == EAST:
                    x += 1
                elif direction == NORTH:
                    y += 1
                elif direction == WEST:
                    x -= 1
                else:
                    y -= 1
                first = -1
                if x == column and y == row:
                    first = 0
                elif _saddle(mask, y, x):
                    for i in range(size - 1, -1, -1):
                        if path[i, 0] == x and path[i, 1] == y:
                            first = i
                            break
                if first >= 0:
                    total = _close(path, first, size, corner, total, ring_at, rings)
                    rings += 1
                    start[rings] = total
                    size = first
                    if first == 0:
                        break
                # at a saddle keep to the cell we came along: turn left
                direction = (direction + 1) % 4
                while not (left[y, x] >> direction) & 1:
                    direction = (direction + 3) % 4
    shell = np.empty(rings, dtype=np.int64)
    for ring in range(rings):
        shell[ring] = _shell(mask, corner, start, ring_at, ring)
    for ring in range(rings):
        # a hole may have met another hole first
        while shell[shell[ring]] != shell[ring]:
            shell[ring] = shell[shell[ring]]
    return corner[:total].copy(), start[: rings + 1].copy(), shell


@compiled
def _close(
    path: I64, first: int, size: int, corner: I64, total: int, ring_at: Any, ring: int
) -> int:
    """Keep the corners where ``path[first:size]`` turns; return how many corners are kept now."""
    for i in range(first, size):
        before = path[i - 1] if i > first else path[size - 1]
        after = path[i + 1] if i + 1 < size else path[first]
        if path[i, 0] == after[0]:
            ring_at[min(path[i, 1], after[1]), path[i, 0]] = ring
        if before[0] != after[0] and before[1] != after[1]:
            corner[total, 0], corner[total, 1] = path[i, 0], path[i, 1]
            total += 1
    return total


@compiled
def _shell(mask: Any, corner: I64, start: I64, ring_at: Any, ring: int) -> int:
    """Return the ring itself where it is a shell, else the ring met on the way west of the hole."""
    twice = 0
    lowest = start[ring]
    for i in range(start[ring], start[ring + 1]):
        after = i + 1 if i + 1 < start[ring + 1] else start[ring]
        twice += corner[i, 0] * corner[after, 1] - corner[after, 0] * corner[i, 1]
        if (corner[i, 1], corner[i, 0]) < (corner[lowest, 1], corner[lowest, 0]):
            lowest = i
    if twice > 0:
        return ring
    column, row = corner[lowest, 0] - 1, corner[lowest, 1]
    while column > 0 and mask[row, column - 1]:
        column -= 1
    return int(ring_at[row, column])


@compiled
def _saddle(mask: Any, row: int, column: int) -> bool:
    """Whether exactly two cells that touch at this corner only are true."""
    rows, columns = mask.shape
    if row == 0 or column == 0 or row == rows or column == columns:
        return False
    north_east, south_west = mask[row, column], mask[row - 1, column - 1]
    north_west, south_east = mask[row, column - 1], mask[row - 1, column]
    return bool(north_east == south_west and north_west == south_east and north_east != north_west)


@compiled
def bevelled(corner: I64, start: I64) -> Any:
    """Return the rings with steps of one cell cut off, always inwards.

    A corner that juts out between two that fold in is left out where one of its sides is a single
    cell: the triangle that goes is part of the cells along that side, so what is left lies
    within what was.
    """
    out = np.empty_like(corner)
    out_start = np.zeros_like(start)
    total = 0
    for ring in range(start.size - 1):
        first, last = start[ring], start[ring + 1]
        size = last - first
        for i in range(size):
            here = corner[first + i]
            before = corner[first + (i - 1) % size]
            after = corner[first + (i + 1) % size]
            if (
                size > 4
                and _turn(before, here, after) > 0
                and _turn(corner[first + (i - 2) % size], before, here) < 0
                and _turn(here, after, corner[first + (i + 2) % size]) < 0
                and min(_span(before, here), _span(here, after)) == 1
            ):
                continue
            out[total] = here
            total += 1
        out_start[ring + 1] = total
    return out[:total].copy(), out_start


@compiled
def _turn(a: Any, b: Any, c: Any) -> int:
    """Return above zero where a → b → c turns left (the inside is on the left: juts out)."""
    return (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])  # type: ignore[no-any-return]  # integers


@compiled
def _span(a: Any, b: Any) -> int:
    return abs(b[0] - a[0]) + abs(b[1] - a[1])  # type: ignore[no-any-return]  # integers
