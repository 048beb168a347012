"""Bounds of the impedance from ranges of places to a site.

A piece of street is a row of plain numbers, put together for the pieces round a tile by
:func:`look_up`, so that they lie close in memory. What runs for every piece of every cell takes
numbers and no arrays: a call counts references to every array it is given, which takes longer
than the sums.

Numba does not notice when a compiled function in another file has changed: whoever edits this file
removes the compiled files beside it (``__pycache__``).
"""

from __future__ import annotations

import math
from typing import Any

from siting.kernels.compile import F64, I32, NEVER, compiled
from siting.kernels.streets import Asked, Streets

SURELY_MM, MAYBE_MM = 0.4, 0.6  # a place this near to an end of its edge rounds to it

# columns of a row: one end and the way to the other (m), 1 / length² and 1 / length
X, Y, DX, DY, PER_SQUARE, PER_M = 0, 1, 2, 3, 4, 5
# where that end lies on the edge and how much farther the other is, and the whole edge (mm)
FROM_MM, BY_MM, LENGTH_MM = 6, 7, 8
# impedance of a millimetre towards tail and head, −1 where closed
TO_TAIL, TO_HEAD = 9, 10
# impedance to the site from the end nodes, and from the edge's ends on the way through them
TAIL, HEAD, BY_TAIL, BY_HEAD = 11, 12, 13, 14
# half the delay of the end nodes, what rounding may add, and the edge where a site is on it or −1
TAIL_DELAY, HEAD_DELAY, ROUNDING, SITE_EDGE = 15, 16, 17, 18
# the edge, and whether the piece enters the inside of a barrier
EDGE, IN_BARRIER = 19, 20
COLUMNS = 21


@compiled
def look_up(listed: I32, streets: Streets, asked: Asked, rows: F64) -> None:
    """Fill ``rows`` with what is asked of pieces: a row each, in their order."""
    for i in range(listed.size):
        s = listed[i]
        e = streets.edge[s]
        u, v = streets.tail[e], streets.head[e]
        forward, backward = streets.forward[e], streets.backward[e]
        rows[i, :8] = streets.piece[s]
        rows[i, LENGTH_MM] = streets.length_mm[e]
        rows[i, TO_TAIL], rows[i, TO_HEAD] = backward, forward
        rows[i, TAIL] = float(asked.label[u]) if asked.label[u] < NEVER else math.inf
        rows[i, HEAD] = float(asked.label[v]) if asked.label[v] < NEVER else math.inf
        rows[i, TAIL_DELAY], rows[i, HEAD_DELAY] = streets.half_delay[u], streets.half_delay[v]
        rows[i, BY_TAIL] = rows[i, TAIL] + rows[i, TAIL_DELAY] if backward >= 0.0 else math.inf
        rows[i, BY_HEAD] = rows[i, HEAD] + rows[i, HEAD_DELAY] if forward >= 0.0 else math.inf
        # of the leg (twice), the part of the edge and the offset
        rows[i, ROUNDING] = 1.5 + asked.access_rate + 1.5 * max(forward, backward, 0.0)
        rows[i, EDGE], rows[i, IN_BARRIER] = e, streets.in_barrier[s]
        rows[i, SITE_EDGE] = -1.0
        for j in range(asked.edge.size):
            if asked.edge[j] == e:
                rows[i, SITE_EDGE] = e


@compiled
def place(x: float, y: float, ax: float, ay: float, dx: float, dy: float, per_square: float) -> Any:
    """Return the distance from a point to a piece of street, and where its foot is (0–1)."""
    at = min(1.0, max(0.0, ((x - ax) * dx + (y - ay) * dy) * per_square))
    ex, ey = ax + at * dx - x, ay + at * dy - y
    return math.sqrt(ex * ex + ey * ey), at


@compiled
def by_the_ends(
    low: float, high: float, length: float, to_tail: float, to_head: float,
    tail: float, head: float, by_tail: float, by_head: float,
) -> Any:  # fmt: skip
    """Return bounds of the impedance from places ``low`` … ``high`` (mm) of an edge to the site.

    Without the leg and without rounding. The way by the tail rises along the edge and the way by
    the head falls, so the better of the two is greatest at an end or where they meet.
    """
    tail_low, tail_high = by_tail + to_tail * low, by_tail + to_tail * high
    head_low, head_high = by_head + to_head * (length - low), by_head + to_head * (length - high)
    least = min(tail_low, head_high)
    if tail_high <= head_high:
        most = tail_high
    elif head_low <= tail_low:
        most = head_low
    else:
        # by_tail + to_tail·o = by_head + to_head·(length − o)
        most = by_tail + to_tail * (by_head + to_head * length - by_tail) / (to_tail + to_head)
    # who stands at an end of the edge, to the millimetre, is at the junction itself
    if low < MAYBE_MM:
        most = tail if high < SURELY_MM else max(most, tail)
        least = min(least, tail)
    if high > length - MAYBE_MM:
        most = head if low > length - SURELY_MM else max(most, head)
        least = min(least, head)
    return least, most


@compiled
def straight(at: float, site: float, to_tail: float, to_head: float) -> float:
    """Return the impedance along one edge from ``at`` to ``site`` (mm), delays apart."""
    if at == site:
        return 0.0
    rate = to_head if at < site else to_tail
    return abs(site - at) * rate if rate >= 0.0 else math.inf


@compiled
def end_delays(
    low: float, high: float, site: float, length: float, tail_delay: float, head_delay: float
) -> float:
    """Return what a way along one edge pays at most at junctions that it may start or end at."""
    delay = 0.0
    if site == 0.0 or low < MAYBE_MM:
        delay += tail_delay
    if site == length or high > length - MAYBE_MM:
        delay += head_delay
    return delay


@compiled
def along_to_sites(low: float, high: float, rows: F64, i: int, sites: F64) -> Any:
    """Return bounds of the impedance from places of an edge to the sites on it, along the edge."""
    least, most = math.inf, math.inf
    for j in range(len(sites)):
        if sites[j, 0] != rows[i, SITE_EDGE]:
            continue
        site, leg = sites[j, 1], sites[j, 2]
        first = straight(low, site, rows[i, TO_TAIL], rows[i, TO_HEAD])
        last = straight(high, site, rows[i, TO_TAIL], rows[i, TO_HEAD])
        least = min(least, leg + (0.0 if low <= site <= high else min(first, last)))
        delays = end_delays(
            low, high, site, rows[i, LENGTH_MM], rows[i, TAIL_DELAY], rows[i, HEAD_DELAY]
        )
        most = min(most, leg + max(first, last) + delays)
    return least, most
