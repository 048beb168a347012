"""Which cells of a lattice are proved to lie within a threshold, whatever point of them is asked.

A point belongs to the nearest street it can get to, and its impedance jumps where the nearest
street changes. So a cell is proved, not sampled: every street segment that is nearest to *some*
point of the cell must be within the threshold from *every* point of it. A cell that can be
neither proved nor refused is cut in four, down to the finest; of those, what
:mod:`siting.kernels.cuts` proves is claimed.

Numba does not notice when a compiled function in another file has changed: whoever edits this file
removes the compiled files beside it (``__pycache__``).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from siting.kernels.bounds import (
    BY_HEAD,
    BY_MM,
    BY_TAIL,
    COLUMNS,
    DX,
    DY,
    EDGE,
    FROM_MM,
    HEAD,
    IN_BARRIER,
    LENGTH_MM,
    PER_M,
    PER_SQUARE,
    ROUNDING,
    SITE_EDGE,
    TAIL,
    TO_HEAD,
    TO_TAIL,
    X,
    Y,
    along_to_sites,
    by_the_ends,
    look_up,
    place,
)
from siting.kernels.compile import F64, I32, I64, compiled
from siting.kernels.cuts import cut
from siting.kernels.legs import BLOCKED, FREE, UNKNOWN, foot, leg_state
from siting.kernels.outline import WHOLE
from siting.kernels.streets import Asked, Streets, Tiles, Walls
from siting.kernels.tiles import SLACK_M, Grid, room

_REFUSED, _OPEN, _CLAIMED = 0, 1, 2


@compiled
def _out_of_reach(listed: I32, streets: Streets, asked: Asked, limit: float) -> bool:
    """Whether no street of a tile has an end within the limit, nor the site on it."""
    for s in listed:
        e = streets.edge[s]
        if asked.label[streets.tail[e]] <= limit or asked.label[streets.head[e]] <= limit:
            return False
        for j in range(asked.edge.size):
            if asked.edge[j] == e:
                return False
    return True


@compiled
def _bounds(first: float, last: float, rows: F64, s: int, sites: F64) -> Any:
    """Return bounds of the impedance to the site from shares ``first`` … ``last`` of a piece."""
    low = rows[s, FROM_MM] + first * rows[s, BY_MM]
    high = rows[s, FROM_MM] + last * rows[s, BY_MM]
    least, most = by_the_ends(
        low, high, rows[s, LENGTH_MM], rows[s, TO_TAIL], rows[s, TO_HEAD],
        rows[s, TAIL], rows[s, HEAD], rows[s, BY_TAIL], rows[s, BY_HEAD],
    )  # fmt: skip
    if rows[s, SITE_EDGE] >= 0.0:
        less, more = along_to_sites(low, high, rows, s, sites)
        least, most = min(least, less), min(most, more)
    return least, most


@compiled
def _roughly(
    held: I32, start: int, size: int, near: F64, radius: float, rows: F64, sites: F64,
    rate: float, max_access_m: float, threshold: float,
) -> int:  # fmt: skip
    """Return whether a cell is claimed, refused or open where no barrier is near.

    A foot is no farther from that of the cell's middle than the place from the middle.
    """
    # what _bounds does stands here again: to hand it two arrays for every piece takes longer
    refused = True
    worst, nearest = -math.inf, math.inf
    for i in range(size):
        s = held[start + i]
        distance, middle = near[i, 0], near[i, 1]
        aside = radius * rows[s, PER_M]
        low = rows[s, FROM_MM] + max(middle - aside, 0.0) * rows[s, BY_MM]
        high = rows[s, FROM_MM] + min(middle + aside, 1.0) * rows[s, BY_MM]
        least, most = by_the_ends(
            low, high, rows[s, LENGTH_MM], rows[s, TO_TAIL], rows[s, TO_HEAD],
            rows[s, TAIL], rows[s, HEAD], rows[s, BY_TAIL], rows[s, BY_HEAD],
        )  # fmt: skip
        if rows[s, SITE_EDGE] >= 0.0:
            less, more = along_to_sites(low, high, rows, s, sites)
            least, most = min(least, less), min(most, more)
        closest = max(distance - radius, 0.0)
        if closest <= max_access_m and closest * rate + least - rows[s, ROUNDING] <= threshold:
            refused = False
        worst = max(worst, (distance + radius) * rate + most + rows[s, ROUNDING])
        nearest = min(nearest, distance)
        if not refused and worst > threshold:
            return _OPEN
    if refused:
        return _REFUSED
    if worst <= threshold and nearest + radius <= max_access_m - 0.001:
        return _CLAIMED
    return _OPEN


@compiled
def _sort(held: I32, near: F64) -> None:
    """Put the streets held for a cell in the order of their distance; few, so by insertion."""
    for i in range(1, held.size):
        s, far, at = held[i], near[i, 0], near[i, 1]
        j = i
        while j > 0 and near[j - 1, 0] > far:
            held[j], near[j, 0], near[j, 1] = held[j - 1], near[j - 1, 0], near[j - 1, 1]
            j -= 1
        held[j], near[j, 0], near[j, 1] = s, far, at


@compiled
def _state(rows: F64, s: int, corner: F64, walls: Walls, near: I32, hull: F64) -> Any:
    """Return what barriers do to legs from a cell to a street, its farthest corner and its feet.

    ``corner`` holds the four corners of the cell; ``hull`` is room for them and the ends of the
    range of feet: all legs run within the convex hull of these.
    """
    ax, ay, dx, dy = rows[s, X], rows[s, Y], rows[s, DX], rows[s, DY]
    first, last, far = 1.0, 0.0, 0.0
    for c in range(4):
        leg, at = place(corner[c, 0], corner[c, 1], ax, ay, dx, dy, rows[s, PER_SQUARE])
        far = max(far, leg)
        first, last = min(first, at), max(last, at)
        hull[c] = corner[c]
    hull[4, 0], hull[4, 1] = ax + first * dx, ay + first * dy
    hull[5, 0], hull[5, 1] = ax + last * dx, ay + last * dy
    state = leg_state(hull, walls.xy, walls.solid, near, ax, ay, ax + dx, ay + dy)
    if rows[s, IN_BARRIER] > 0.0 and state == FREE:
        state = UNKNOWN
    return state, far, first, last


@compiled
def _certain(
    held: I32, rows: F64, near: F64, state: I64, size: int, radius: float, within: float
) -> int:
    """Return the street that a point of the cell finds at the latest, −1 where none is certain.

    It is the nearest whose legs are free of walls from the whole cell, and whose edge has no
    nearer place that is not: an edge whose nearest place lies behind a wall is out of the question.
    """
    chosen = -1
    for i in range(size):
        if state[i] != FREE or (chosen >= 0 and near[i, 0] >= near[chosen, 0]):
            continue
        reach = near[i, 0] + 2.0 * radius + SLACK_M
        clear = reach <= within
        for j in range(size):
            same = rows[held[j], EDGE] == rows[held[i], EDGE]
            if same and state[j] != FREE and near[j, 0] <= reach:
                clear = False
                break
        if clear:
            chosen = i
    return chosen


@compiled
def _among_walls(
    held: I32, near: F64, corner: F64, radius: float, within: float,
    rows: F64, walls: Walls, near_walls: I32, sites: F64,
    rate: float, max_access_m: float, threshold: float, state: I64, farthest: F64, hull: F64,
) -> Any:  # fmt: skip
    """Return whether a cell is claimed or open, and how far from its middle streets matter.

    Streets come nearest first, all within ``within`` of the middle, and are looked at one by one
    until one is certain: no place of the cell goes on to a farther one.
    """
    chosen, reach = -1, within
    for i in range(held.size):
        if chosen >= 0 and near[i, 0] > reach:
            break
        s = held[i]
        state[i], farthest[i], first, last = _state(rows, s, corner, walls, near_walls, hull)
        # whichever street turns out to be certain, this one may be nearer to somebody
        if state[i] != BLOCKED:
            _, most = _bounds(first, last, rows, s, sites)
            if most + farthest[i] * rate + rows[s, ROUNDING] > threshold:
                return _OPEN, within
        chosen = _certain(held, rows, near, state, i + 1, radius, within)
        if chosen >= 0:
            reach = near[chosen, 0] + 2.0 * radius + SLACK_M
    if chosen < 0:
        return _OPEN, within
    return _CLAIMED if farthest[chosen] <= max_access_m - 0.001 else _OPEN, reach


@compiled
def _all_free(
    held: I32, near: F64, corner: F64, radius: float,
    rows: F64, walls: Walls, near_walls: I32, hull: F64,
) -> int:  # fmt: skip
    """Return how many streets may be nearest somewhere in a cell, 0 if one is not free of walls.

    Streets come nearest first.
    """
    reach = near[0, 0] + 2.0 * radius + SLACK_M
    for i in range(held.size):
        if near[i, 0] > reach:
            return i
        state, _, _, _ = _state(rows, held[i], corner, walls, near_walls, hull)
        if state != FREE:
            return 0
    return int(held.size)


@compiled
def claim(
    wanted: I64,
    grid: Grid,
    tiles: Tiles,
    walls: Walls,
    streets: Streets,
    asked: Asked,
    cells: Any,
    first_column: int,
    first_row: int,
) -> Any:
    """Write into ``cells`` which finest cells are proved to lie within the threshold.

    Parameters
    ----------
    wanted
        Positions in ``tiles.tile`` of the tiles to look at.
    grid, tiles, walls, streets, asked
        See there.
    cells
        int32 (rows, columns) of ``NOTHING``; cell (0, 0) is finest cell (``first_row``,
        ``first_column``) of the whole grid. It holds all wanted tiles. ``WHOLE`` is written.

    Returns
    -------
    tuple
        The cells of which a part is claimed: row and column (int64, (c, 2)), and a bound by
        corner (float64, (c, 4)) as :func:`siting.kernels.cuts.cut` gives it.
    """
    rate, max_access_m, threshold = 1000.0 * asked.access_rate, asked.max_access_m, asked.threshold
    sites = np.empty((asked.edge.size, 3))
    sites[:, 0], sites[:, 1], sites[:, 2] = asked.edge, asked.offset_mm, asked.leg
    x0, y0, depth = grid.x0, grid.y0, grid.depth
    per_tile = 1 << depth
    fine = grid.side_m / per_tile
    whole = grid.side_m * math.sqrt(0.5)

    # of the cells that lead to the one looked at, by level
    start = np.zeros(depth + 1, dtype=np.int64)
    stop = np.zeros(depth + 1, dtype=np.int64)
    column = np.zeros(depth + 1, dtype=np.int64)
    row = np.zeros(depth + 1, dtype=np.int64)
    child = np.zeros(depth + 1, dtype=np.int64)
    bound_m = np.zeros(depth + 1)
    wall_stop = np.zeros(depth + 2, dtype=np.int64)  # of a level: from here to the next
    held = np.empty(1024, dtype=np.int32)
    held_walls = np.empty(1024, dtype=np.int32)
    # of the streets held for a cell
    near, farthest = np.empty((256, 2)), np.empty(256)
    state = np.zeros(256, dtype=np.int64)
    bound, rows = np.empty((256, 8)), np.empty((256, COLUMNS))
    corner, hull = np.empty((4, 2)), np.empty((6, 2))
    cut_at, cut_value, cuts = np.empty((256, 2), dtype=np.int64), np.empty((256, 4)), 0

    for t in wanted:
        if tiles.limit_m[t] < 0.0:
            continue
        near_walls = tiles.wall[tiles.wall_indptr[t] : tiles.wall_indptr[t + 1]]
        held_walls = room(held_walls, near_walls.size * (depth + 2))
        held_walls[: near_walls.size] = near_walls
        wall_stop[0] = near_walls.size
        # however near the nearest street is, the leg to it takes its time
        leg_m = 0.0 if near_walls.size else max(tiles.limit_m[t] - 3.0 * whole - SLACK_M, 0.0)
        listed = tiles.street[tiles.street_indptr[t] : tiles.street_indptr[t + 1]]
        if _out_of_reach(listed, streets, asked, threshold - leg_m * rate):
            continue
        held = room(held, listed.size)
        held[: listed.size] = np.arange(listed.size)
        if listed.size > len(near):
            most = 2 * listed.size
            near, farthest = np.empty((most, 2)), np.empty(most)
            state = np.empty(most, dtype=np.int64)
            bound, rows = np.empty((most, 8)), np.empty((most, COLUMNS))
        look_up(listed, streets, asked, rows)
        start[0], stop[0] = 0, listed.size
        level = 0
        column[0] = (tiles.tile[t] % grid.columns) * per_tile
        row[0] = (tiles.tile[t] // grid.columns) * per_tile
        child[0] = -1
        bound_m[0] = tiles.limit_m[t]
        while level >= 0:
            if child[level] == 4:
                level -= 1
                continue
            if child[level] >= 0:  # on to the next quarter
                quarter = child[level]
                child[level] += 1
                half = per_tile >> (level + 1)
                column[level + 1] = column[level] + (quarter & 1) * half
                row[level + 1] = row[level] + (quarter >> 1) * half
                a, b = start[level], stop[level]
                held = room(held, 2 * b - a)
                for i in range(a, b):
                    held[b - a + i] = held[i]
                start[level + 1], stop[level + 1] = b, 2 * b - a
                # every street within this of the quarter's middle is held
                bound_m[level + 1] = bound_m[level] - half * fine * math.sqrt(0.5)
                level += 1
                child[level] = -1
                continue

            many = per_tile >> level
            width = many * fine
            radius = width * math.sqrt(0.5)
            west, south = x0 + column[level] * fine, y0 + row[level] * fine
            x, y = west + width / 2.0, south + width / 2.0
            first, many_held = start[level], stop[level] - start[level]
            nearest = math.inf
            for i in range(many_held):
                s = held[first + i]
                near[i, 0], near[i, 1] = place(
                    x, y, rows[s, X], rows[s, Y], rows[s, DX], rows[s, DY], rows[s, PER_SQUARE]
                )
                nearest = min(nearest, near[i, 0])
            within = bound_m[level]
            # legs from the cell end within this of its middle, and walls farther off are no matter
            first_wall = 0 if level == 0 else wall_stop[level - 1]
            last_wall = wall_stop[level]
            for i in range(first_wall, wall_stop[level]):
                b = held_walls[i]
                far, _ = foot(x, y, walls.xy[b, 0], walls.xy[b, 1], walls.xy[b, 2], walls.xy[b, 3])
                if far <= within + 2.0 * radius + SLACK_M:
                    held_walls[last_wall] = b
                    last_wall += 1
            walled = last_wall > wall_stop[level]
            wall_stop[level + 1] = last_wall
            if not walled:
                within = min(within, nearest + 2.0 * radius + SLACK_M)
            # hold only what may be nearest somewhere in the cell
            size = 0
            for i in range(many_held):
                if near[i, 0] <= within:
                    held[first + size] = held[first + i]
                    near[size, 0], near[size, 1] = near[i, 0], near[i, 1]
                    size += 1
            stop[level] = first + size

            verdict = _roughly(
                held, first, size, near, radius, rows, sites, rate, max_access_m, threshold
            )
            may_cut = size if verdict == _OPEN and level == depth else 0
            if walled and verdict != _REFUSED:
                here, near_walls = (
                    held[first : first + size],
                    held_walls[wall_stop[level] : last_wall],
                )
                _sort(here, near)
                for c in range(4):
                    corner[c, 0], corner[c, 1] = west + width * (c & 1), south + width * (c >> 1)
                verdict, within = _among_walls(
                    here, near, corner, radius, within,
                    rows, walls, near_walls, sites, rate, max_access_m, threshold,
                    state, farthest, hull,
                )  # fmt: skip
                may_cut = 0
                if verdict == _OPEN and level == depth and size:
                    may_cut = _all_free(here, near, corner, radius, rows, walls, near_walls, hull)
            bound_m[level] = within
            if verdict == _CLAIMED:
                r, c = row[level] - first_row, column[level] - first_column
                for i in range(r, r + many):
                    for j in range(c, c + many):
                        cells[i, j] = WHOLE
            if verdict == _OPEN and level < depth:
                child[level] = 0
                continue
            if verdict == _OPEN and may_cut:
                some, value = cut(
                    x, y, width, held, first, may_cut, near, rows, sites,
                    rate, max_access_m, threshold, bound,
                )  # fmt: skip
                if some:
                    if cuts == len(cut_at):
                        cut_at, cut_value = _longer(cut_at), _longer(cut_value)
                    cut_at[cuts, 0] = row[level] - first_row
                    cut_at[cuts, 1] = column[level] - first_column
                    for c in range(4):
                        cut_value[cuts, c] = value[c]
                    cuts += 1
            level -= 1
    return cut_at[:cuts].copy(), cut_value[:cuts].copy()


@compiled
def _longer(rows: Any) -> Any:
    """Return a copy of ``rows`` with room for as many again."""
    bigger = np.empty((2 * len(rows), rows.shape[1]), dtype=rows.dtype)
    bigger[: len(rows)] = rows
    return bigger
