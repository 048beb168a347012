"""Legs from places to streets: how far, and whether a barrier stands between.

Numba does not notice when a compiled function in another file has changed: whoever edits this file
removes the compiled files beside it (``__pycache__``).
"""

from __future__ import annotations

import math
from typing import Any

from siting.kernels.compile import I32, compiled

FREE, UNKNOWN, BLOCKED = 0, 1, 2


@compiled
def foot(px: float, py: float, ax: float, ay: float, bx: float, by: float) -> Any:
    """Return the distance from a point to a segment, and where its foot is (0 at a, 1 at b)."""
    dx, dy = bx - ax, by - ay
    square = dx * dx + dy * dy
    at = 0.0
    if square > 0.0:
        at = ((px - ax) * dx + (py - ay) * dy) / square
        at = min(1.0, max(0.0, at))
    ex, ey = ax + at * dx - px, ay + at * dy - py
    return math.sqrt(ex * ex + ey * ey), at


@compiled
def _apart(hull: Any, nx: float, ny: float, ax: float, ay: float, bx: float, by: float) -> bool:
    """Whether the direction (nx, ny) separates the six points of ``hull`` from a segment.

    By a micrometre at least: what touches is not apart, whatever the last bits say.
    """
    low, high = math.inf, -math.inf
    for i in range(6):
        value = hull[i, 0] * nx + hull[i, 1] * ny
        low, high = min(low, value), max(high, value)
    a, b = ax * nx + ay * ny, bx * nx + by * ny
    gap = 1e-6 * math.sqrt(nx * nx + ny * ny)
    return bool(high + gap < min(a, b) or max(a, b) + gap < low)


@compiled
def _wall_state(hull: Any, ax: float, ay: float, bx: float, by: float) -> int:
    """Return what a wall does to all legs from a cell to its feet on a street.

    ``hull`` holds the cell's four corners and the two ends of its range of feet: every leg runs
    within their convex hull. FREE: the wall does not touch the hull. BLOCKED: it crosses every
    leg, properly and within itself. UNKNOWN: neither is certain.
    """
    if (
        max(ax, bx) + 1e-6 < hull[:, 0].min()
        or min(ax, bx) - 1e-6 > hull[:, 0].max()
        or max(ay, by) + 1e-6 < hull[:, 1].min()
        or min(ay, by) - 1e-6 > hull[:, 1].max()
    ):
        return FREE
    if _apart(hull, ay - by, bx - ax, ax, ay, bx, by):
        return FREE
    for corner in range(4):
        for end in range(4, 6):
            dx, dy = hull[end, 0] - hull[corner, 0], hull[end, 1] - hull[corner, 1]
            if _apart(hull, -dy, dx, ax, ay, bx, by):
                return FREE
    # the wall's line must part corners from feet, and meet every leg within the wall
    nx, ny = ay - by, bx - ax
    base = ax * nx + ay * ny
    tiny = 1e-6 * math.sqrt(nx * nx + ny * ny)
    first = hull[0, 0] * nx + hull[0, 1] * ny - base
    sign = 1.0 if first > 0.0 else -1.0
    for i in range(6):
        value = sign * (hull[i, 0] * nx + hull[i, 1] * ny - base)
        if (i < 4 and value <= tiny) or (i >= 4 and value >= -tiny):
            return UNKNOWN
    square = (bx - ax) * (bx - ax) + (by - ay) * (by - ay)
    for corner in range(4):
        for end in range(4, 6):
            p = hull[corner, 0] * nx + hull[corner, 1] * ny - base
            q = hull[end, 0] * nx + hull[end, 1] * ny - base
            share = p / (p - q)
            mx = hull[corner, 0] + share * (hull[end, 0] - hull[corner, 0])
            my = hull[corner, 1] + share * (hull[end, 1] - hull[corner, 1])
            along = ((mx - ax) * (bx - ax) + (my - ay) * (by - ay)) / square
            if along <= 1e-6 or along >= 1.0 - 1e-6:
                return UNKNOWN
    return BLOCKED


@compiled
def _along(
    wall: Any, b: int, solid: bool, hull: Any, ax: float, ay: float, bx: float, by: float
) -> bool:
    """Whether a wall lies on the line of a street: legs end on it and do not cross it.

    The outline of an area (``solid``) has its inside on the left, and legs from there do cross.
    """
    dx, dy = bx - ax, by - ay
    size = math.sqrt(dx * dx + dy * dy)
    if size == 0.0:
        return False
    first = abs((wall[b, 0] - ax) * dy - (wall[b, 1] - ay) * dx) / size
    second = abs((wall[b, 2] - ax) * dy - (wall[b, 3] - ay) * dx) / size
    if first > 1e-7 or second > 1e-7:
        return False
    if solid:
        dx, dy = wall[b, 2] - wall[b, 0], wall[b, 3] - wall[b, 1]
        for corner in range(4):
            px, py = hull[corner, 0] - wall[b, 0], hull[corner, 1] - wall[b, 1]
            if dx * py - dy * px > 0.0:
                return False
    return True


@compiled
def leg_state(
    hull: Any, wall: Any, solid: Any, near: I32, ax: float, ay: float, bx: float, by: float
) -> int:
    """Return whether the legs from a cell to a street are FREE of walls, BLOCKED, or UNKNOWN."""
    state = FREE
    for b in near:
        one = _wall_state(hull, wall[b, 0], wall[b, 1], wall[b, 2], wall[b, 3])
        if one == FREE or _along(wall, b, solid[b], hull, ax, ay, bx, by):
            continue
        if one == BLOCKED:
            return BLOCKED
        state = UNKNOWN
    return state
