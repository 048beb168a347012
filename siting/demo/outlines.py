"""From a raster of labels to polygons that share their borders exactly.

Borders are cut into arcs at the points where three labels meet; every arc is smoothed once, with
its ends held, and used by both neighbours. So the polygons tile without gaps or overlaps however
much the lines are rounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from siting.demo.chance import Floats

OUTSIDE = -1


@dataclass(frozen=True)
class _Arc:
    """A border between two labels: lattice vertices, the label on its left and on its right."""

    vertices: list[int]
    left: int
    right: int


def smooth(line: Floats, times: int, *, closed: bool) -> Floats:
    """Cut the corners of a line (Chaikin 1974), ends held unless it is closed.

    Parameters
    ----------
    line
        ``(n, 2)``; a closed line does not repeat its first point.
    """
    for _ in range(times):
        after = np.roll(line, -1, axis=0) if closed else line[1:]
        before = line if closed else line[:-1]
        cut = np.empty((2 * len(before), 2))
        cut[0::2] = 0.75 * before + 0.25 * after
        cut[1::2] = 0.25 * before + 0.75 * after
        line = cut if closed else np.vstack([line[:1], cut, line[-1:]])
    return line


def _dense(line: Floats) -> Floats:
    """Halve every step, so that a straight run can bend."""
    whole = np.empty((2 * len(line) - 1, 2))
    whole[0::2] = line
    whole[1::2] = 0.5 * (line[:-1] + line[1:])
    return whole


def _relaxed(line: Floats, times: int, *, closed: bool) -> Floats:
    """Draw every point to the middle of its neighbours, ends held; short rings are left alone."""
    if len(line) < 8:
        return line
    for _ in range(times):
        if closed:
            line = 0.5 * line + 0.25 * (np.roll(line, 1, axis=0) + np.roll(line, -1, axis=0))
        else:
            inner = 0.5 * line[1:-1] + 0.25 * (line[:-2] + line[2:])
            line = np.vstack([line[:1], inner, line[-1:]])
    return line


def trace(
    labels: NDArray[np.integer],
    *,
    origin: tuple[float, float],
    cell_m: float,
    relax: int = 3,
    rounds: int = 1,
    bend: Callable[[Floats], Floats] | None = None,
) -> dict[int, Polygon | MultiPolygon]:
    """Return the smoothed area of every label ``>= 0``.

    Parameters
    ----------
    labels
        ``(rows, columns)``, row 0 in the south; negative means outside.
    origin
        Coordinates of the south-west corner, metres.
    cell_m
        Cell size, metres.
    relax
        How often every point is drawn to the middle of its neighbours, to lose the raster's steps.
    rounds
        How often corners are cut after that.
    bend
        Moves every point, ``(n, 2)`` in and out; it must not fold the plane.

    Returns
    -------
    dict
        Label to polygon, coordinates rounded to 0.01 m, holes included.

    Examples
    --------
    >>> areas = trace(np.array([[0, 1]]), origin=(0.0, 0.0), cell_m=10.0)
    >>> sorted(areas), areas[0].touches(areas[1])
    ([0, 1], True)
    """
    grid = np.pad(
        _without_corner_touches(np.asarray(labels, dtype=np.int64)), 1, constant_values=-1
    )
    width = grid.shape[1] + 1
    arcs = _arcs(grid, width)
    touched = Counter(end for arc in arcs for end in (arc.vertices[0], arc.vertices[-1]))
    lines: list[Floats] = []
    for arc in arcs:
        v = np.asarray(arc.vertices, dtype=np.int64)
        xy = np.column_stack([v % width - 1, v // width - 1]).astype(np.float64)
        closed = arc.vertices[0] == arc.vertices[-1]
        middles = 0.5 * (xy[:-1] + xy[1:])
        loop = closed and touched[arc.vertices[0]] == 2  # no junction: its start may move too
        line = middles if loop else np.vstack([xy[:1], middles, xy[-1:]])
        line = smooth(_relaxed(line, relax, closed=loop), rounds, closed=loop)
        if loop:
            line = np.vstack([line, line[:1]])
        line = np.asarray(origin) + line * cell_m
        if bend is not None:
            line = bend(_dense(line))
        lines.append(_without_straight_points(np.round(line, 2)))
    return {
        label: _assemble(
            [i for i in range(len(arcs)) if label in (arcs[i].left, arcs[i].right)],
            arcs,
            lines,
            label,
        )
        for label in sorted({a.left for a in arcs} | {a.right for a in arcs})
        if label >= 0
    }


def _without_corner_touches(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Fill one cell wherever a label touches itself at a corner only."""
    grid = labels.copy()
    for _ in range(50):
        a, b = grid[:-1, :-1], grid[:-1, 1:]
        c, d = grid[1:, :-1], grid[1:, 1:]
        rising = (a == d) & (b != a) & (c != a)
        falling = (b == c) & (a != b) & (d != b) & ~rising
        if not (rising.any() or falling.any()):
            break
        r, k = np.nonzero(rising)
        grid[r, k + 1] = grid[r, k]
        r, k = np.nonzero(falling)
        grid[r, k] = grid[r, k + 1]
    return grid


def _arcs(grid: NDArray[np.int64], width: int) -> list[_Arc]:
    """Walk the borders of the raster from junction to junction, then the closed ones."""
    r, c = np.nonzero(grid[:, 1:] != grid[:, :-1])  # borders that run north
    north = np.column_stack(
        [r * width + c + 1, (r + 1) * width + c + 1, grid[r, c], grid[r, c + 1]]
    )
    r, c = np.nonzero(grid[1:, :] != grid[:-1, :])  # borders that run east
    east = np.column_stack(
        [(r + 1) * width + c, (r + 1) * width + c + 1, grid[r + 1, c], grid[r, c]]
    )
    steps = np.vstack([north, east])
    at: dict[int, list[int]] = {}
    rows = steps.tolist()
    for number, (start, end, _, _) in enumerate(rows):
        at.setdefault(start, []).append(number)
        at.setdefault(end, []).append(number)
    used = [False] * len(rows)
    junctions = sorted(v for v, here in at.items() if len(here) != 2)
    arcs: list[_Arc] = []

    def walk(vertex: int, number: int) -> None:
        start, _, left, right = rows[number]
        if start != vertex:
            left, right = right, left
        vertices = [vertex]
        while True:
            used[number] = True
            start, end, _, _ = rows[number]
            vertex = end if start == vertex else start
            vertices.append(vertex)
            here = at[vertex]
            if len(here) != 2 or vertex == vertices[0]:
                break
            number = here[0] if here[1] == number else here[1]
        arcs.append(_Arc(vertices, left, right))

    for vertex in junctions:
        for number in at[vertex]:
            if not used[number]:
                walk(vertex, number)
    for number in range(len(rows)):
        if not used[number]:
            walk(rows[number][0], number)
    return arcs


def _without_straight_points(line: Floats) -> Floats:
    """Drop the inner points that lie on the straight line between their neighbours."""
    step = line[1:] - line[:-1]
    turn = np.abs(step[:-1, 0] * step[1:, 1] - step[:-1, 1] * step[1:, 0])
    return np.asarray(line[np.concatenate([[True], turn > 0.5, [True]])])


def _assemble(
    numbers: list[int], arcs: list[_Arc], lines: list[Floats], label: int
) -> Polygon | MultiPolygon:
    """Chain the arcs that have ``label`` on their left into rings, then rings into polygons."""
    pieces: dict[int, tuple[int, Floats]] = {}
    rings: list[Floats] = []
    for i in numbers:
        arc, line = arcs[i], lines[i]
        if arc.right == label:
            arc, line = _Arc(arc.vertices[::-1], arc.right, arc.left), line[::-1]
        if arc.vertices[0] == arc.vertices[-1]:
            rings.append(line)
        else:
            pieces[arc.vertices[0]] = (arc.vertices[-1], line)
    while pieces:
        first = min(pieces)
        end, line = pieces.pop(first)
        chain = [line]
        while end != first:
            end, line = pieces.pop(end)
            chain.append(line[1:])
        rings.append(np.vstack(chain))
    areas = [_signed_area(ring) for ring in rings]
    shells = [Polygon(ring) for ring, area in zip(rings, areas, strict=True) if area > 0]
    holes: list[list[Floats]] = [[] for _ in shells]
    by_size = sorted(range(len(shells)), key=lambda k: shells[k].area)
    for ring, area in zip(rings, areas, strict=True):
        if area < 0:
            hole = Polygon(ring).representative_point()
            # an island inside the hole may hold the point too, but it is smaller than the hole
            owner = next(k for k in by_size if shells[k].area > -area and shells[k].contains(hole))
            holes[owner].append(ring)
    polygons = [Polygon(shell.exterior, inner) for shell, inner in zip(shells, holes, strict=True)]
    return polygons[0] if len(polygons) == 1 else MultiPolygon(polygons)


def _signed_area(ring: Floats) -> float:
    x, y = ring[:, 0] - ring[0, 0], ring[:, 1] - ring[0, 1]
    return float(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2.0)
