"""Which cells of a lattice are proved to lie within a threshold, whatever point of them is asked.

A point belongs to the nearest street it can get to, and its impedance jumps where the nearest
street changes. So a cell is proved, not sampled: every street segment that is nearest to *some*
point of the cell must be within the threshold from *every* point of it. A cell that can be
neither proved nor refuted is cut in four, down to the finest; what is then still open is not
claimed.

Lengths are metres and impedances ms (or mm), both as floats with a margin for every rounding that
the integers go through.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from siting.kernels.compile import I32, I64, NEVER, compiled
from siting.kernels.legs import BLOCKED, FREE, UNKNOWN, foot, leg_state
from siting.kernels.tiles import SLACK_M, Grid, room

SURELY_MM, MAYBE_MM = 0.4, 0.6  # a place this near to an end of its edge rounds to it


F64 = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]


class Tiles(NamedTuple):
    """Tiles that have a street in reach, and what :func:`siting.kernels.candidates` says of them.

    ``tile`` (row · columns + column of the grid) and, in compressed rows, streets and barriers;
    all streets within ``limit_m`` of the middle of a tile are listed.
    """

    tile: I64
    street_indptr: I64
    street: I32
    limit_m: F64
    wall_indptr: I64
    wall: I32


class Walls(NamedTuple):
    """Straight pieces of barriers: ends (w, 4), and whether their left is the inside of an area."""

    xy: F64
    solid: Bool


class Streets(NamedTuple):
    """Straight pieces of the streets that a point may attach to, and their edges.

    Of pieces, ``piece`` (s, 8): x, y of one end, dx, dy to the other, 1 / length² and 1 / length
    (m), place of that end on the edge (mm from its tail) and how much farther the other is; then
    ``edge``, and whether they enter the inside of a barrier. Of edges: end nodes, length, and
    impedance of a millimetre towards head and tail, −1 where closed. Of nodes: half of the delay.
    """

    piece: F64
    edge: I32
    in_barrier: Bool
    tail: I32
    head: I32
    length_mm: F64
    forward: F64
    backward: F64
    half_delay: I64


class Asked(NamedTuple):
    """What is asked: a site and the thresholds, ascending.

    ``label`` is the impedance from each node to the site, ``NEVER`` beyond the search; ``edge``,
    ``offset_mm`` and ``leg`` are where the site is entered. ``access_rate`` is the impedance of a
    millimetre of access leg.
    """

    label: I64
    edge: I64
    offset_mm: I64
    leg: I64
    access_rate: float
    max_access_m: float
    threshold: I64


@compiled
def _place(x: float, y: float, piece: F64, s: int) -> Any:
    """Return the distance from a point to a piece of street, and where its foot is (0–1)."""
    ax, ay, dx, dy = piece[s, 0], piece[s, 1], piece[s, 2], piece[s, 3]
    at = min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) * piece[s, 4]))
    ex, ey = ax + at * dx - x, ay + at * dy - y
    return math.sqrt(ex * ex + ey * ey), at


@compiled
def _on_edge(
    low: float,
    high: float,
    length: float,
    forward: float,
    backward: float,
    at_tail: float,
    at_head: float,
    delay_tail: float,
    delay_head: float,
) -> Any:
    """Return bounds of the impedance from places ``low`` … ``high`` (mm) of an edge to the site.

    ``at_tail`` and ``at_head`` are the impedances of its end nodes, infinite where none is known.
    The way by the tail rises along the edge and the way by the head falls, so the better of the
    two is greatest at an end or where they meet.
    """
    by_tail = at_tail + delay_tail if backward >= 0.0 else math.inf
    by_head = at_head + delay_head if forward >= 0.0 else math.inf
    up, down = max(backward, 0.0), max(forward, 0.0)
    tail_low, tail_high = by_tail + up * low, by_tail + up * high
    head_low, head_high = by_head + down * (length - low), by_head + down * (length - high)
    least = min(tail_low, head_high)
    if tail_high <= head_high:
        most = tail_high
    elif head_low <= tail_low:
        most = head_low
    else:
        # by_tail + up·o = by_head + down·(length − o)
        most = by_tail + up * (by_head + down * length - by_tail) / (up + down)
    # who stands at an end of the edge, to the millimetre, is at the junction itself
    if low < MAYBE_MM:
        most = at_tail if high < SURELY_MM else max(most, at_tail)
        least = min(least, at_tail)
    if high > length - MAYBE_MM:
        most = at_head if low > length - SURELY_MM else max(most, at_head)
        least = min(least, at_head)
    return least, most


@compiled
def _direct(low: float, high: float, site: float, forward: float, backward: float) -> Any:
    """Return bounds of the impedance along one edge from ``low`` … ``high`` to ``site`` (mm)."""
    least, most = math.inf, 0.0
    for place in (low, high):
        rate = forward if place < site else backward
        value = abs(site - place) * rate if rate >= 0.0 else math.inf
        if place == site:
            value = 0.0
        least, most = min(least, value), max(most, value)
    if low <= site <= high:
        least = 0.0
    return least, most


@compiled
def _out_of_reach(
    listed: I32, edge: I32, tail: I32, head: I32, label: I64, site_edge: I64, limit: float
) -> bool:
    """Whether no street of a tile has an end within the limit, nor the site on it."""
    for s in listed:
        e = edge[s]
        if label[tail[e]] <= limit or label[head[e]] <= limit:
            return False
        for j in range(site_edge.size):
            if site_edge[j] == e:
                return False
    return True


@compiled
def _sort(held: I32, start: int, size: int, distance: F64, middle: F64, highest: F64) -> None:
    """Put the streets held for a cell in the order of their distance; few, so by insertion."""
    for i in range(1, size):
        s, far, at, most = held[start + i], distance[i], middle[i], highest[i]
        j = i
        while j > 0 and distance[j - 1] > far:
            held[start + j], distance[j] = held[start + j - 1], distance[j - 1]
            middle[j], highest[j] = middle[j - 1], highest[j - 1]
            j -= 1
        held[start + j], distance[j], middle[j], highest[j] = s, far, at, most


@compiled
def _certain(
    held: I32, edge: I32, distance: F64, state: I64, size: int, radius: float, within: float
) -> int:
    """Return the street that a point of the cell finds at the latest, −1 where none is certain.

    It is the nearest whose legs are free of walls from the whole cell, and whose edge has no
    nearer place that is not: an edge whose nearest place lies behind a wall is out of the question.
    """
    chosen = -1
    for i in range(size):
        if state[i] != FREE or (chosen >= 0 and distance[i] >= distance[chosen]):
            continue
        reach = distance[i] + 2.0 * radius + SLACK_M
        clear = reach <= within
        for j in range(size):
            if state[j] != FREE and distance[j] <= reach and edge[held[j]] == edge[held[i]]:
                clear = False
                break
        if clear:
            chosen = i
    return chosen


@compiled
def claim(
    wanted: I64,
    grid: Grid,
    tiles: Tiles,
    walls: Walls,
    streets: Streets,
    asked: Asked,
    raster: Any,
    raster_column: int,
    raster_row: int,
) -> Any:
    """Write into ``raster`` the least threshold that each finest cell is proved to lie within.

    Parameters
    ----------
    wanted
        Positions in ``tiles.tile`` of the tiles to look at.
    grid, tiles, walls, streets, asked
        See there.
    raster
        uint8 (rows, columns), filled with the number of thresholds; cell (0, 0) is finest cell
        (``raster_row``, ``raster_column``) of the whole grid. It holds all wanted tiles.

    Returns
    -------
    First row and column and row and column after the last of what was written.
    """
    # out of their tuples once: to reach into a tuple costs as much as to bound a street
    piece, edge = streets.piece, streets.edge
    tail, head, length_mm = streets.tail, streets.head, streets.length_mm
    forward, backward, half_delay = streets.forward, streets.backward, streets.half_delay
    label, threshold, rate = asked.label, asked.threshold, asked.access_rate
    site_edge, site_offset, site_leg = asked.edge, asked.offset_mm, asked.leg
    max_access_m = asked.max_access_m
    x0, y0, depth = grid.x0, grid.y0, grid.depth
    per_tile = 1 << depth
    fine = grid.side_m / per_tile
    top = threshold.size
    last_threshold = float(threshold[top - 1])
    whole = grid.side_m * math.sqrt(0.5)

    own_start = np.zeros(depth + 1, dtype=np.int64)
    own_stop = np.zeros(depth + 1, dtype=np.int64)
    column = np.zeros(depth + 1, dtype=np.int64)
    row = np.zeros(depth + 1, dtype=np.int64)
    child = np.zeros(depth + 1, dtype=np.int64)
    bound_m = np.zeros(depth + 1)
    held = np.empty(1024, dtype=np.int32)
    wall_stop = np.zeros(depth + 2, dtype=np.int64)  # of a level: from here to the next
    held_walls = np.empty(1024, dtype=np.int32)
    # of the streets held for a cell
    distance, middle, farthest = np.empty(256), np.empty(256), np.empty(256)
    lowest, highest = np.empty(256), np.empty(256)
    state = np.zeros(256, dtype=np.int64)
    hull = np.empty((6, 2))
    written = np.array([raster.shape[0], raster.shape[1], 0, 0])

    for t in wanted:
        if tiles.limit_m[t] < 0.0:
            continue
        near_walls = tiles.wall[tiles.wall_indptr[t] : tiles.wall_indptr[t + 1]]
        walled = near_walls.size > 0
        held_walls = room(held_walls, near_walls.size * (depth + 2))
        held_walls[: near_walls.size] = near_walls
        wall_stop[0] = near_walls.size
        # however near the nearest street is, the leg to it takes its time
        leg_m = 0.0 if walled else max(tiles.limit_m[t] - 3.0 * whole - SLACK_M, 0.0)
        listed = tiles.street[tiles.street_indptr[t] : tiles.street_indptr[t + 1]]
        limit = last_threshold - leg_m * 1000.0 * rate
        if _out_of_reach(listed, edge, tail, head, label, site_edge, limit):
            continue
        held = room(held, listed.size)
        held[: listed.size] = listed
        if listed.size > distance.size:
            distance, middle = np.empty(2 * listed.size), np.empty(2 * listed.size)
            farthest, lowest = np.empty(2 * listed.size), np.empty(2 * listed.size)
            highest, state = np.empty(2 * listed.size), np.empty(2 * listed.size, dtype=np.int64)
        own_start[0], own_stop[0] = 0, listed.size
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
                start, stop = own_start[level], own_stop[level]
                held = room(held, 2 * stop - start)
                for i in range(start, stop):
                    held[stop - start + i] = held[i]
                own_start[level + 1], own_stop[level + 1] = stop, 2 * stop - start
                # every street within this of the quarter's middle is held
                bound_m[level + 1] = bound_m[level] - half * fine * math.sqrt(0.5)
                level += 1
                child[level] = -1
                continue

            cells = per_tile >> level
            width = cells * fine
            radius = width * math.sqrt(0.5)
            west, south = x0 + column[level] * fine, y0 + row[level] * fine
            x, y = west + width / 2.0, south + width / 2.0
            start, stop = own_start[level], own_stop[level]
            nearest = math.inf
            for i in range(stop - start):
                s = held[start + i]
                distance[i], middle[i] = _place(x, y, piece, s)
                nearest = min(nearest, distance[i])
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
            wall_stop[level + 1] = last_wall
            near_walls = held_walls[wall_stop[level] : last_wall]
            walled = near_walls.size > 0
            if not walled:
                within = min(within, nearest + 2.0 * radius + SLACK_M)
            # hold only what may be nearest somewhere in the cell
            size = 0
            chosen = -1
            for i in range(stop - start):
                if distance[i] <= within:
                    if distance[i] == nearest:
                        chosen = size
                    held[start + size] = held[start + i]
                    distance[size] = distance[i]
                    middle[size] = middle[i]
                    size += 1
            own_stop[level] = start + size
            bound_m[level] = within

            # Roughly first: a foot is no farther from that of the cell's middle than the place from
            # the middle. The feet of the corners hold all others between them; they are worth
            # their time where no smaller cell will follow, and needed to look at walls: those are
            # looked at street by street, nearest first, until one is certain.
            proved, possible = top, 0
            exact = False
            low_i, high_i = 0, size
            while True:
                refuted = True
                for i in range(low_i, high_i):
                    s = held[start + i]
                    if exact:
                        first, last, far = 1.0, 0.0, 0.0
                        for corner in range(4):
                            px, py = west + width * (corner & 1), south + width * (corner >> 1)
                            leg, at = _place(px, py, piece, s)
                            far = max(far, leg)
                            first, last = min(first, at), max(last, at)
                            hull[corner, 0], hull[corner, 1] = px, py
                    else:
                        aside = radius * piece[s, 5]
                        first, last = max(middle[i] - aside, 0.0), min(middle[i] + aside, 1.0)
                        far = distance[i] + radius
                    low = piece[s, 6] + first * piece[s, 7]
                    high = piece[s, 6] + last * piece[s, 7]
                    e = edge[s]
                    u, v = tail[e], head[e]
                    length, forth, back = length_mm[e], forward[e], backward[e]
                    at_tail = float(label[u]) if label[u] < NEVER else math.inf
                    at_head = float(label[v]) if label[v] < NEVER else math.inf
                    delay_tail, delay_head = float(half_delay[u]), float(half_delay[v])
                    least, most = _on_edge(
                        low, high, length, forth, back, at_tail, at_head, delay_tail, delay_head
                    )
                    for j in range(site_edge.size):
                        if site_edge[j] == e:
                            site = float(site_offset[j])
                            less, more = _direct(low, high, site, forth, back)
                            # a way that starts or ends at a junction pays half of its delay
                            if site == 0.0 or low < MAYBE_MM:
                                more += delay_tail
                            if site == length or high > length - MAYBE_MM:
                                more += delay_head
                            least = min(least, less + site_leg[j])
                            most = min(most, more + site_leg[j])
                    # the leg (twice), the part of the edge and the offset are rounded
                    slack = 1.5 + rate + 1.5 * max(forth, back, 0.0)
                    near = max(distance[i] - radius, 0.0)
                    lowest[i] = near * 1000.0 * rate + least - slack
                    highest[i] = far * 1000.0 * rate + most + slack
                    farthest[i] = far
                    if walled and exact:
                        ax, ay, dx, dy = piece[s, 0], piece[s, 1], piece[s, 2], piece[s, 3]
                        hull[4, 0], hull[4, 1] = ax + first * dx, ay + first * dy
                        hull[5, 0], hull[5, 1] = ax + last * dx, ay + last * dy
                        state[i] = leg_state(
                            hull, walls.xy, walls.solid, near_walls, ax, ay, ax + dx, ay + dy
                        )
                        if streets.in_barrier[s] and state[i] == FREE:
                            state[i] = UNKNOWN
                    else:
                        state[i] = FREE
                    if state[i] != BLOCKED and near <= max_access_m and lowest[i] <= last_threshold:
                        refuted = False
                if not exact:
                    if refuted:
                        possible = top
                        break
                    if walled:
                        _sort(held, start, size, distance, middle, highest)
                        exact = True
                        low_i, high_i, chosen = 0, 1, -1
                        continue
                elif walled:
                    # whichever street turns out to be certain, this one may be nearer to somebody
                    if state[low_i] != BLOCKED and highest[low_i] > last_threshold:
                        break
                    chosen = _certain(held[start:], edge, distance, state, high_i, radius, within)
                    reach = distance[chosen] + 2.0 * radius + SLACK_M if chosen >= 0 else math.inf
                    if high_i < size and distance[high_i] <= reach:
                        low_i, high_i = high_i, high_i + 1
                        continue
                if chosen >= 0 and farthest[chosen] <= max_access_m - 0.001:
                    reach = distance[chosen] + 2.0 * radius + SLACK_M
                    worst, best = -math.inf, math.inf
                    for i in range(high_i):
                        if distance[i] <= reach and state[i] != BLOCKED:
                            worst = max(worst, highest[i])
                            best = min(best, lowest[i])
                    bound_m[level] = min(within, reach)
                    while proved > 0 and worst <= threshold[proved - 1]:
                        proved -= 1
                    while possible < top and best > threshold[possible]:
                        possible += 1
                if exact or level < depth or possible >= proved:
                    break
                exact = True
            if proved < top:
                first_column, first_row = column[level] - raster_column, row[level] - raster_row
                for r in range(first_row, first_row + cells):
                    for c in range(first_column, first_column + cells):
                        raster[r, c] = min(raster[r, c], proved)
                written[0] = min(written[0], first_row)
                written[1] = min(written[1], first_column)
                written[2] = max(written[2], first_row + cells)
                written[3] = max(written[3], first_column + cells)
            if possible >= proved or level == depth:
                level -= 1
            else:
                child[level] = 0
    return written
