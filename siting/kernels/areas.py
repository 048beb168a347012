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
from typing import Any

import numpy as np

from siting.kernels.compile import I32, I64, NEVER, compiled
from siting.kernels.legs import BLOCKED, FREE, UNKNOWN, foot, leg_state
from siting.kernels.tiles import SLACK_M, room

SURELY_MM, MAYBE_MM = 0.4, 0.6  # a place this near to an end of its edge rounds to it


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
    up, down = max(backward, 0.0) / length, max(forward, 0.0) / length
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
def _direct(
    low: float, high: float, site: float, length: float, forward: float, backward: float
) -> Any:
    """Return bounds of the impedance along one edge from ``low`` … ``high`` to ``site`` (mm)."""
    least, most = math.inf, 0.0
    for place in (low, high):
        rate = forward if place < site else backward
        value = abs(site - place) * rate / length if rate >= 0.0 else math.inf
        if place == site:
            value = 0.0
        least, most = min(least, value), max(most, value)
    if low <= site <= high:
        least = 0.0
    return least, most


@compiled
def claim(
    wanted: I64,
    tile: I64,
    columns: int,
    x0: float,
    y0: float,
    side_m: float,
    depth: int,
    street_indptr: I64,
    street: I32,
    limit_m: Any,
    barrier_indptr: I64,
    barrier: I32,
    wall: Any,
    solid: Any,
    segment: Any,
    segment_at: Any,
    segment_edge: I32,
    in_barrier: Any,
    tail: I32,
    head: I32,
    length_mm: I64,
    forward: I64,
    backward: I64,
    half_delay: I64,
    label: I64,
    site_edge: I64,
    site_offset: I64,
    site_leg: I64,
    access_rate: float,
    max_access_m: float,
    threshold: I64,
    raster: Any,
    raster_column: int,
    raster_row: int,
) -> Any:
    """Write into ``raster`` the least threshold that each finest cell is proved to lie within.

    Parameters
    ----------
    wanted
        Positions in ``tile`` of the tiles to look at.
    tile
        Bins of the grid of ``columns`` by rows, of ``side_m``, from (x0, y0).
    depth
        A tile is cut into ``2**depth`` by ``2**depth`` finest cells.
    street_indptr, street, limit_m, barrier_indptr, barrier
        From :func:`candidates`, one row a tile.
    wall, segment
        float64 (s, 4): ends of barrier and of street segments.
    solid
        Bool, barrier segments that are the outline of an area, its inside on their left.
    segment_at, segment_edge, in_barrier
        Of street segments: float64 (s, 2), their ends in mm from the tail of the edge; the edge;
        bool, whether they enter the inside of a barrier.
    tail, head, length_mm, forward, backward, half_delay
        The network: edges with their impedances, −1 where closed, and half of the delay at nodes.
    label
        Impedance from each node to the site, ``NEVER`` beyond the search.
    site_edge, site_offset, site_leg
        Where the site is entered: edge, mm from its tail, impedance of the leg.
    access_rate
        Impedance of a millimetre of access leg.
    threshold
        Ascending; in the unit of the impedances.
    raster
        uint8 (rows, columns), to be filled with the number of thresholds; cell (0, 0) is finest
        cell (``raster_row``, ``raster_column``) of the whole lattice. It holds all wanted tiles.

    Returns
    -------
    First row and column and row and column after the last of what was written.
    """
    per_tile = 1 << depth
    fine = side_m / per_tile
    top = threshold.size
    own_start = np.zeros(depth + 1, dtype=np.int64)
    own_stop = np.zeros(depth + 1, dtype=np.int64)
    column = np.zeros(depth + 1, dtype=np.int64)
    row = np.zeros(depth + 1, dtype=np.int64)
    child = np.zeros(depth + 1, dtype=np.int64)
    bound_m = np.zeros(depth + 1)
    held = np.empty(1024, dtype=np.int32)
    distance = np.empty(256)
    lowest = np.empty(256)
    highest = np.empty(256)
    farthest = np.empty(256)
    state = np.empty(256, dtype=np.int64)
    hull = np.empty((6, 2))
    written = np.array([raster.shape[0], raster.shape[1], 0, 0])

    for t in wanted:
        if limit_m[t] < 0.0:
            continue
        first_wall, last_wall = barrier_indptr[t], barrier_indptr[t + 1]
        walled = last_wall > first_wall
        level = 0
        column[0] = (tile[t] % columns) * per_tile
        row[0] = (tile[t] // columns) * per_tile
        child[0] = -1
        bound_m[0] = limit_m[t]
        many = street_indptr[t + 1] - street_indptr[t]
        held = room(held, many)
        held[:many] = street[street_indptr[t] : street_indptr[t + 1]]
        own_start[0], own_stop[0] = 0, many
        while level >= 0:
            if child[level] >= 0:  # on to the next quarter
                if child[level] == 4:
                    level -= 1
                    continue
                quarter = child[level]
                child[level] += 1
                half = per_tile >> (level + 1)
                column[level + 1] = column[level] + (quarter & 1) * half
                row[level + 1] = row[level] + (quarter >> 1) * half
                own_start[level + 1] = own_stop[level + 1] = own_stop[level]
                size = own_stop[level] - own_start[level]
                held = room(held, own_stop[level] + size)
                for i in range(own_start[level], own_stop[level]):
                    held[own_stop[level + 1]] = held[i]
                    own_stop[level + 1] += 1
                # every street within this of the quarter's centre is held
                bound_m[level + 1] = bound_m[level] - half * fine * math.sqrt(0.5)
                level += 1
                child[level] = -1
                continue

            cells = per_tile >> level
            width = cells * fine
            radius = width * math.sqrt(0.5)
            west = x0 + column[level] * fine
            south = y0 + row[level] * fine
            x, y = west + width / 2.0, south + width / 2.0
            start, stop = own_start[level], own_stop[level]
            size = stop - start
            if size > distance.size:
                distance = np.empty(2 * size)
                lowest = np.empty(2 * size)
                highest = np.empty(2 * size)
                farthest = np.empty(2 * size)
                state = np.empty(2 * size, dtype=np.int64)

            nearest = math.inf
            for i in range(size):
                s = held[start + i]
                distance[i], _ = foot(
                    x, y, segment[s, 0], segment[s, 1], segment[s, 2], segment[s, 3]
                )
                nearest = min(nearest, distance[i])
            within = bound_m[level]
            if not walled:
                within = min(within, nearest + 2.0 * radius + SLACK_M)
            # hold only what may be nearest somewhere in the cell
            kept = 0
            for i in range(size):
                if distance[i] <= within:
                    held[start + kept] = held[start + i]
                    distance[kept] = distance[i]
                    kept += 1
            size = kept
            own_stop[level] = start + size

            refuted = True
            for i in range(size):
                s = held[start + i]
                e = segment_edge[s]
                ax, ay, bx, by = segment[s, 0], segment[s, 1], segment[s, 2], segment[s, 3]
                first, last = 1.0, 0.0
                far = 0.0
                for corner in range(4):
                    px = west + width * (corner & 1)
                    py = south + width * (corner >> 1)
                    leg, at = foot(px, py, ax, ay, bx, by)
                    far = max(far, leg)
                    first, last = min(first, at), max(last, at)
                    hull[corner, 0], hull[corner, 1] = px, py
                span = segment_at[s, 1] - segment_at[s, 0]
                low = segment_at[s, 0] + first * span
                high = segment_at[s, 0] + last * span
                length = float(length_mm[e])
                forth, back = float(forward[e]), float(backward[e])
                at_tail, at_head = math.inf, math.inf
                if label[tail[e]] < NEVER:
                    at_tail = float(label[tail[e]])
                if label[head[e]] < NEVER:
                    at_head = float(label[head[e]])
                least, most = _on_edge(
                    low, high, length, forth, back, at_tail, at_head,
                    float(half_delay[tail[e]]), float(half_delay[head[e]]),
                )  # fmt: skip
                for j in range(site_edge.size):
                    if site_edge[j] == e:
                        less, more = _direct(low, high, float(site_offset[j]), length, forth, back)
                        # a way that starts or ends at a junction pays half of its delay
                        if site_offset[j] == 0 or low < MAYBE_MM:
                            more += half_delay[tail[e]]
                        if site_offset[j] == length_mm[e] or high > length - MAYBE_MM:
                            more += half_delay[head[e]]
                        least = min(least, less + site_leg[j])
                        most = min(most, more + site_leg[j])
                # the leg (twice), the part of the edge and the offset are rounded
                slack = 1.5 + access_rate + 1.5 * max(forth, back, 0.0) / length
                near = max(distance[i] - radius, 0.0)
                lowest[i] = near * 1000.0 * access_rate + least - slack
                highest[i] = far * 1000.0 * access_rate + most + slack
                farthest[i] = far
                state[i] = FREE
                if walled:
                    hull[4, 0], hull[4, 1] = ax + first * (bx - ax), ay + first * (by - ay)
                    hull[5, 0], hull[5, 1] = ax + last * (bx - ax), ay + last * (by - ay)
                    state[i] = leg_state(
                        hull, wall, solid, barrier, first_wall, last_wall, ax, ay, bx, by
                    )
                    if in_barrier[s] and state[i] == FREE:
                        state[i] = UNKNOWN
                if state[i] != BLOCKED and near <= max_access_m and lowest[i] <= threshold[top - 1]:
                    refuted = False

            if refuted:
                level -= 1
                continue

            # the nearest street whose legs are free of walls from the whole cell, and whose edge
            # has no nearer place that is not
            chosen = -1
            for i in range(size):
                if state[i] != FREE or (chosen >= 0 and distance[i] >= distance[chosen]):
                    continue
                reach = distance[i] + 2.0 * radius + SLACK_M
                if walled:
                    if reach > within:
                        continue
                    clear = True
                    for j in range(size):
                        if (
                            state[j] != FREE
                            and distance[j] <= reach
                            and segment_edge[held[start + j]] == segment_edge[held[start + i]]
                        ):
                            clear = False
                            break
                    if not clear:
                        continue
                chosen = i
            proved = top
            possible = 0
            if chosen >= 0 and farthest[chosen] <= max_access_m - 0.001:
                reach = distance[chosen] + 2.0 * radius + SLACK_M
                worst = -math.inf
                best = math.inf
                kept = 0
                for i in range(size):
                    if distance[i] <= reach:
                        if state[i] != BLOCKED:
                            worst = max(worst, highest[i])
                            best = min(best, lowest[i])
                        held[start + kept] = held[start + i]
                        kept += 1
                own_stop[level] = start + kept
                bound_m[level] = min(within, reach)
                while proved > 0 and worst <= threshold[proved - 1]:
                    proved -= 1
                while possible < top and best > threshold[possible]:
                    possible += 1
                if proved < top:
                    west_cell = column[level] - raster_column
                    south_cell = row[level] - raster_row
                    for r in range(south_cell, south_cell + cells):
                        for c in range(west_cell, west_cell + cells):
                            raster[r, c] = min(raster[r, c], proved)
                    written[0] = min(written[0], south_cell)
                    written[1] = min(written[1], west_cell)
                    written[2] = max(written[2], south_cell + cells)
                    written[3] = max(written[3], west_cell + cells)
            if possible >= proved or level == depth:
                level -= 1
            else:
                child[level] = 0
    return written
