"""The expressway: two one-way carriageways above the other roads, and two interchanges."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from siting.demo.chance import Floats, noise
from siting.demo.outlines import smooth
from siting.demo.terrain import EAST0, NORTH0, Terrain

HALF_GAP = 14.0
# Ramps in metres along and left of the expressway, seen from the interchange's middle, which lies
# on the eastbound line's left. Traffic keeps to the right, so eastbound is the southern side.
_RAMPS: dict[str, tuple[tuple[float, ...], ...]] = {
    "off east": ((-340,), (-130, -95), (-30, -115), (-18, -60), (-16, 60), (-10, 250), ()),
    "on east": ((), (10, 250), (18, 60), (20, -60), (32, -115), (130, -95), (340,)),
    "off west": ((330,), (150, 75), (85, 170), (45, 300), ()),
    "on west": ((), (-45, 300), (-85, 170), (-150, 75), (-330,)),
}
TOLL_M = 430.0


@dataclass(frozen=True, eq=False)
class Expressway:
    """Centre line, toll gates, and the middles of the discs kept free of other roads.

    Attributes
    ----------
    line
        ``(n, 2)`` from west to east, EPSG:4547 metres, points some 60 m apart.
    middle
        Point of the line at every interchange.
    toll, clear
        ``(i, 2)`` toll gates and disc centres.
    """

    line: Floats
    middle: tuple[int, ...]
    toll: Floats
    clear: Floats


def make_expressway(seed: int, terrain: Terrain, interchanges_km: tuple[float, ...]) -> Expressway:
    """Return the expressway from the southern border to the eastern one, south of the river."""
    anchors = np.array(
        [[13.0, -2.5], [15.5, 1.5], [18.0, 4.6], [22.5, 7.0], [27.5, 8.2], [32.5, 9.0], [37.0, 9.6],
         [41.0, 10.6], [46.0, 10.9], [50.0, 11.6], [55.0, 12.4]]
    )  # fmt: skip
    sway = noise(seed, "expressway", anchors[:, 0], 0.0 * anchors[:, 0], [4.7]) - 0.5
    anchors[:, 1] += 1.8 * sway
    scaled = anchors * 1000.0 * terrain.stretch + np.array([EAST0, NORTH0])
    line = smooth(scaled, 6 if terrain.stretch < 1.5 else 8, closed=False)
    inside = np.nonzero(terrain.border_m[terrain.at(line)] > 0.0)[0]
    line = np.round(line[inside[0] : inside[-1] + 1], 2)
    middle = tuple(
        int(np.argmin(np.abs(line[:, 0] - terrain.place(km, 0.0)[0]))) for km in interchanges_km
    )
    toll, clear = [], []
    for k in middle:
        _, left = _frame(line, k)
        toll.append(line[k] + TOLL_M * left)
        clear.append(line[k] + 130.0 * left)
    return Expressway(line, middle, np.round(np.array(toll), 2), np.array(clear))


def _frame(line: Floats, k: int) -> tuple[Floats, Floats]:
    """Return the unit vectors along the line and to its left at point ``k``."""
    step = line[min(k + 1, len(line) - 1)] - line[max(k - 1, 0)]
    step = step / np.sqrt(step[0] * step[0] + step[1] * step[1])
    return step, np.array([-step[1], step[0]])


def carriageways(road: Expressway) -> list[tuple[Floats, list[int]]]:
    """Return both one-way lines in driving direction with the points where ramps join.

    Returns
    -------
    list
        Eastbound, then westbound: ``(n, 2)`` and point numbers.
    """
    frames = np.array([_frame(road.line, k)[1] for k in range(len(road.line))])
    joins = sorted({_along(road, k, m) for k in road.middle for m in (-340, 340, -330, 330)})
    east = np.round(road.line - HALF_GAP * frames, 2)
    west = np.round(road.line + HALF_GAP * frames, 2)
    last = len(road.line) - 1
    return [(east, joins), (west[::-1], sorted(last - j for j in joins))]


def _along(road: Expressway, k: int, metres: float) -> int:
    """Return the point of the line some metres after point ``k``."""
    step = 1 if metres > 0 else -1
    left = abs(metres)
    while left > 0 and 0 < k < len(road.line) - 1:
        leg = road.line[k + step] - road.line[k]
        left -= float(np.sqrt(leg[0] * leg[0] + leg[1] * leg[1]))
        k += step
    return k


def ramps(road: Expressway) -> list[Floats]:
    """Return the one-way links between carriageways and toll gates, in driving direction."""
    (east, _), (west, _) = carriageways(road)
    west = west[::-1]
    found: list[Floats] = []
    for k, toll in zip(road.middle, road.toll, strict=True):
        ahead, left = _frame(road.line, k)
        for name, shape in _RAMPS.items():
            points: list[Floats] = []
            for corner in shape:
                if len(corner) == 0:
                    points.append(toll)
                elif len(corner) == 1:
                    side = east if name.endswith("east") else west
                    points.append(side[_along(road, k, corner[0])])
                else:
                    points.append(road.line[k] + corner[0] * ahead + corner[1] * left)
            found.append(np.round(smooth(np.array(points), 3, closed=False), 2))
    return found
