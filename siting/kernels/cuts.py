"""Part of a cell: a bound that is convex over the cell, by its value at the four corners.

A cell of a lattice that is neither within a threshold as a whole nor beyond it is cut. For every
street that may be nearest somewhere in it, a function is found that is *convex* over the cell and
above zero wherever that street would take somebody beyond the threshold:

- the impedance by that street less the threshold: the leg is a distance to a straight piece
  (convex), the way along the piece is linear in its foot, and which way round is fixed;
- or, where another street is nearer: the distance to that one (convex) less a plane below the
  distance to this one (its tangent in the middle of the cell).

The greatest of convex functions is convex. So where it is at most zero at one corner and above at
the next, all of the side up to where the straight line between the two values meets zero is
claimed, and so is the hull of all such places.

Numba does not notice when a compiled function in another file has changed: whoever edits this file
removes the compiled files beside it (``__pycache__``).
"""

from __future__ import annotations

import math
from typing import Any

from siting.kernels.bounds import (
    BY_HEAD,
    BY_MM,
    BY_TAIL,
    DX,
    DY,
    FROM_MM,
    HEAD,
    HEAD_DELAY,
    LENGTH_MM,
    MAYBE_MM,
    PER_SQUARE,
    ROUNDING,
    SITE_EDGE,
    SURELY_MM,
    TAIL,
    TAIL_DELAY,
    TO_HEAD,
    TO_TAIL,
    X,
    Y,
    end_delays,
    straight,
)
from siting.kernels.compile import F64, I32, compiled
from siting.kernels.tiles import SLACK_M

Four = tuple[float, float, float, float]
"""Of a cell's corners: south-west, south-east, north-west, north-east."""


@compiled
def _held(share: float) -> float:
    return min(max(share, 0.0), 1.0)


@compiled
def _at_corners(along: float, east: float, north: float) -> Any:
    """Return what is linear and ``along`` in the middle of a cell, at its four corners."""
    return (
        along - east - north, along + east - north, along - east + north, along + east + north,
    )  # fmt: skip


@compiled
def _positive(value: Four) -> float:
    """Return by how much the corners are above zero, put together."""
    return (
        max(value[0], 0.0) + max(value[1], 0.0) + max(value[2], 0.0) + max(value[3], 0.0)
    )  # fmt: skip


@compiled
def _convex(value: Four, low: float, high: float, toward_head: bool, toward_tail: bool) -> Any:
    """Return values at the corners of a function that is convex over the cell and no less.

    ``low`` … ``high`` is where the corners' feet lie along the piece, as shares of it, before they
    are held within it. A way that gets longer towards one end stands still beyond that end, which
    is not convex: there the greatest value counts everywhere.
    """
    if (toward_head and low < 1.0 < high) or (toward_tail and low < 0.0 < high):
        most = max(max(value[0], value[1]), max(value[2], value[3]))
        return (most, most, most, most)
    return value


@compiled
def _better(one: Four, other: Four) -> Any:
    """Return the way that is shorter over all four corners."""
    shorter = one[0] + one[1] + one[2] + one[3] <= other[0] + other[1] + other[2] + other[3]
    return one if shorter else other


@compiled
def _along(rows: F64, s: int, foot: Four, low: float, high: float, sites: F64) -> Any:
    """Return a convex bound of the impedance from the corners' feet to the site.

    ``foot`` holds the feet of the four corners as shares of the piece, not held within it, and
    ``low`` and ``high`` the least and the greatest of them.
    """
    start, by, length = rows[s, FROM_MM], rows[s, BY_MM], rows[s, LENGTH_MM]
    first_mm, last_mm = start + _held(low) * by, start + _held(high) * by
    a, b = start + _held(foot[0]) * by, start + _held(foot[1]) * by
    c, d = start + _held(foot[2]) * by, start + _held(foot[3]) * by
    # who stands at an end of the edge, to the millimetre, is at the junction itself
    floor = 0.0
    if first_mm < MAYBE_MM:
        floor = rows[s, TAIL]
    if last_mm > length - MAYBE_MM:
        floor = max(floor, rows[s, HEAD])
    best = (math.inf, math.inf, math.inf, math.inf)
    to_tail, to_head = rows[s, TO_TAIL], rows[s, TO_HEAD]
    if last_mm < SURELY_MM or first_mm > length - SURELY_MM:
        best = (floor, floor, floor, floor)
    else:
        base = rows[s, BY_TAIL]
        if base < math.inf:
            value = (
                max(base + to_tail * a, floor), max(base + to_tail * b, floor),
                max(base + to_tail * c, floor), max(base + to_tail * d, floor),
            )  # fmt: skip
            best = _convex(value, low, high, True, False)
        base = rows[s, BY_HEAD] + to_head * length
        if base < math.inf:
            value = (
                max(base - to_head * a, floor), max(base - to_head * b, floor),
                max(base - to_head * c, floor), max(base - to_head * d, floor),
            )  # fmt: skip
            best = _better(best, _convex(value, low, high, False, True))
    if rows[s, SITE_EDGE] >= 0.0:
        for j in range(len(sites)):
            if sites[j, 0] == rows[s, SITE_EDGE]:
                site = sites[j, 1]
                more = sites[j, 2] + end_delays(
                    first_mm, last_mm, site, length, rows[s, TAIL_DELAY], rows[s, HEAD_DELAY]
                )
                value = (
                    more + straight(a, site, to_tail, to_head),
                    more + straight(b, site, to_tail, to_head),
                    more + straight(c, site, to_tail, to_head),
                    more + straight(d, site, to_tail, to_head),
                )
                best = _better(best, _convex(value, low, high, True, True))
    return best


@compiled
def _leg(px: float, py: float, dx: float, dy: float, foot: float) -> float:
    ex, ey = _held(foot) * dx - px, _held(foot) * dy - py
    return math.sqrt(ex * ex + ey * ey)


@compiled
def cut(
    x: float, y: float, width: float, held: I32, start: int, size: int, near: F64, rows: F64,
    sites: F64, rate: float, max_access_m: float, threshold: float, bound: F64,
) -> Any:  # fmt: skip
    """Return a bound that is convex over a cell, at its corners: at most zero where claimed.

    Parameters
    ----------
    x, y, width
        Middle and side of the cell, m.
    held, start, size, near
        ``held[start : start + size]`` are the rows of the streets that may be nearest somewhere in
        the cell; ``near[i, 0]`` is how far the i-th of them is from its middle, m.
    rows, sites
        See :mod:`siting.kernels.bounds`.
    rate, max_access_m, threshold
        Impedance of a metre of leg, the longest leg, and the most that is claimed.
    bound
        Room for a row of eight a street; written over.

    Returns
    -------
    Whether any of the cell is claimed, and the bound south-west, south-east, north-west and
    north-east.
    """
    half = width / 2.0
    first = -1
    for i in range(size):
        s = held[start + i]
        dx, dy, per_square = rows[s, DX], rows[s, DY], rows[s, PER_SQUARE]
        px, py = x - rows[s, X], y - rows[s, Y]
        foot = _at_corners(
            (px * dx + py * dy) * per_square, half * dx * per_square, half * dy * per_square
        )
        low = min(min(foot[0], foot[1]), min(foot[2], foot[3]))
        high = max(max(foot[0], foot[1]), max(foot[2], foot[3]))
        way = _along(rows, s, foot, low, high, sites)
        legs = (
            _leg(px - half, py - half, dx, dy, foot[0]),
            _leg(px + half, py - half, dx, dy, foot[1]),
            _leg(px - half, py + half, dx, dy, foot[2]),
            _leg(px + half, py + half, dx, dy, foot[3]),
        )
        some = False
        for c in range(4):
            bound[i, c] = way[c] + legs[c] * rate + rows[s, ROUNDING] - threshold
            bound[i, 4 + c] = legs[c]
            some |= bound[i, c] <= 0.0
        if some and (first < 0 or near[i, 0] < near[first, 0]):
            first = i
    if first < 0:
        return False, (math.inf, math.inf, math.inf, math.inf)
    legs = (bound[first, 4], bound[first, 5], bound[first, 6], bound[first, 7])
    access = max_access_m - 0.001
    best = (
        max(bound[first, 0], (legs[0] - access) * rate),
        max(bound[first, 1], (legs[1] - access) * rate),
        max(bound[first, 2], (legs[2] - access) * rate),
        max(bound[first, 3], (legs[3] - access) * rate),
    )
    for i in range(size):
        if i == first:
            continue
        value = (bound[i, 0], bound[i, 1], bound[i, 2], bound[i, 3])
        over = _positive(value)
        if over == 0.0:
            continue
        # nobody gets to this street where the first one is nearer
        s = held[start + i]
        px, py = x - rows[s, X], y - rows[s, Y]
        at = _held((px * rows[s, DX] + py * rows[s, DY]) * rows[s, PER_SQUARE])
        nx, ny = px - at * rows[s, DX], py - at * rows[s, DY]
        scale = half / near[i, 0] if near[i, 0] > 1e-6 else 0.0
        plane = _at_corners(near[i, 0], nx * scale, ny * scale)
        farther = (
            (legs[0] + SLACK_M - plane[0]) * rate, (legs[1] + SLACK_M - plane[1]) * rate,
            (legs[2] + SLACK_M - plane[2]) * rate, (legs[3] + SLACK_M - plane[3]) * rate,
        )  # fmt: skip
        if _positive(farther) < over:
            value = farther
        best = (
            max(best[0], value[0]), max(best[1], value[1]),
            max(best[2], value[2]), max(best[3], value[3]),
        )  # fmt: skip
    return min(min(best[0], best[1]), min(best[2], best[3])) <= 0.0, best
