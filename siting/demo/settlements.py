"""Where people live: county town, township seats, villages, and the townships' borders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from siting.demo.chance import Floats, Ints, axes, below, noise, smoothstep, stream
from siting.demo.names import COUNTY_CODE, SUBDISTRICTS, TOWNSHIPS, village_name
from siting.demo.terrain import CELL, EAST0, HEIGHT, LAND, NORTH0, WIDTH, Terrain

TOWN_STATION_M = 20_000.0  # local easting where the river passes the county town
ZONE_STEP = 2  # zones are grown on every second cell: borders of 100 m steps


@dataclass(frozen=True, eq=False)
class Seats:
    """Street offices first, then townships; position, name, code and kind of each.

    Attributes
    ----------
    xy
        ``(n, 2)``, EPSG:4547 metres.
    weight
        Relative size of the town at the seat, 1–10.
    """

    xy: Floats
    names: tuple[str, ...]
    codes: tuple[str, ...]
    kinds: tuple[str, ...]
    weight: Ints


@dataclass(frozen=True, eq=False)
class Villages:
    """Administrative villages: ``xy`` ``(n, 2)`` and ``names``."""

    xy: Floats
    names: tuple[str, ...]


def town_centres(terrain: Terrain) -> Floats:
    """Return the centres of the old town, the new town (south bank) and the north bank."""
    river = terrain.river
    at = river[int(np.argmin(np.abs(river[:, 0] - EAST0 - TOWN_STATION_M)))]
    shift = np.array([[0.0, -1750.0], [1900.0, -2300.0], [250.0, 1450.0]])
    return np.asarray(np.round(at + shift, 2))


def place_seats(seed: int, terrain: Terrain, expressway: Floats, *, count: int = 20) -> Seats:
    """Return the seats: three in the county town, the townships apart from each other.

    Parameters
    ----------
    expressway
        Centre line ``(n, 2)``; no seat is put close to it.
    """
    rng = stream(seed, "seats")
    town = town_centres(terrain)
    chosen: list[Floats] = [town[0], town[2]]
    apart = 8200.0
    while len(chosen) < count + 2:
        for _ in range(600):
            xy = _random_point(rng, terrain)
            row, column = terrain.at(xy)
            near_town = min(_gap(xy, town[0]), _gap(xy, town[1]), _gap(xy, town[2]))
            if (
                len(chosen) < count + 2
                and terrain.water_m[row, column] > 600.0
                and terrain.border_m[row, column] > 1500.0
                and terrain.elevation[row, column] < 230.0
                and near_town > 5200.0
                and float(np.min(_gaps(expressway, xy))) > 1500.0
                and min(_gap(xy, other) for other in chosen) > apart
            ):
                chosen.append(xy)
        apart *= 0.93
    order = sorted(range(2, len(chosen)), key=lambda k: float(terrain.height(chosen[k])))
    # lowland names were written first and hill names last
    lowland_first = [TOWNSHIPS[k] for k in _name_order(count)]
    xy = np.vstack([town, *(chosen[k][None] for k in order)])
    names = (*SUBDISTRICTS, *lowland_first)
    kinds = tuple("街道" if n.endswith("街道") else n[-1] for n in names)
    numbers = {"街道": 1, "镇": 100, "乡": 200}
    codes: list[str] = []
    for kind in kinds:
        codes.append(f"{COUNTY_CODE}{numbers[kind]:03d}")
        numbers[kind] += 1
    weight = np.array(
        [10, 8, 5, *(2 + below(rng, 3) + (2 if k in (2, 7, 12) else 0) for k in range(count))]
    )
    return Seats(xy, names, tuple(codes), kinds, weight.astype(np.int64))


def _name_order(count: int) -> list[int]:
    """Which names to use: waterside, plain, then hills."""
    waterside = [0, 1, 9, 12, 14, 20, 2, 3]
    plain = [6, 7, 8, 11, 15, 4, 19]
    hills = [5, 10, 13, 16, 17, 18, 21, 22]
    return (waterside + plain + hills)[:count]


def grow_zones(seed: int, terrain: Terrain, seats: Seats) -> NDArray[np.int64]:
    """Return which seat every 100 m cell belongs to (−1 outside the county).

    A cell belongs to the seat from which it is reached most cheaply; climbing and crossing water
    are dear, so that borders follow ridges and the river. Every zone is one piece.
    """
    half = ZONE_STEP // 2
    county = terrain.county[half::ZONE_STEP, half::ZONE_STEP]
    height = terrain.elevation[half::ZONE_STEP, half::ZONE_STEP]
    wet = terrain.water[half::ZONE_STEP, half::ZONE_STEP] != LAND
    north = terrain.north_bank[half::ZONE_STEP, half::ZONE_STEP]
    rows, columns = county.shape
    x, y = axes(rows, columns, 0.1)
    rough = noise(seed, "zone borders", x, y, [1.6, 0.8, 0.4])
    rough = rough * rough * (0.4 + 1.2 * stream(seed, "zone cells").random(rough.shape))
    number = np.arange(rows * columns).reshape(rows, columns)
    tails, heads, costs = [], [], []
    for here, there in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
    ):
        both = county[here] & county[there]
        climb = np.abs(height[here] - height[there])
        cost = 40.0 + 900.0 * rough[here] + 9.0 * climb
        cost = cost + np.where(wet[here] | wet[there], 90.0, 0.0)
        # the river keeps its banks apart wherever it is the river and not the lake
        cost = cost + np.where(north[here] != north[there], 25_000.0, 0.0)
        tails.append(number[here][both])
        heads.append(number[there][both])
        costs.append(np.floor(cost[both] * 64.0))
    tail, head, cost = np.concatenate(tails), np.concatenate(heads), np.concatenate(costs)
    graph = sparse.csr_matrix((cost, (tail, head)), shape=(number.size, number.size))
    row, column = terrain.at(seats.xy)
    starts = number[row // ZONE_STEP, column // ZONE_STEP]
    _, _, source = csgraph.dijkstra(
        graph, directed=False, indices=starts, min_only=True, return_predecessors=True
    )
    owner = np.full(number.size, -1, dtype=np.int64)
    for k, start in enumerate(starts):
        owner[source == start] = k
    labels = owner.reshape(rows, columns)
    labels[~county] = -1
    return labels


def wander(xy: Floats, *, seed: int, terrain: Terrain, metres: float) -> Floats:
    """Move points of borders ``(n, 2)`` as brooks and field edges would, ever less at the river.

    ``metres`` bounds the shift. Where it is small against the scales of the noise the plane is
    bent and not folded, so that zones go on tiling it.
    """
    local = xy - np.array(terrain.origin)
    corners = np.array([[0.0, 0.0], [WIDTH, HEIGHT]])  # the same lattice whichever points are asked
    x, y = np.vstack([corners, local]).T
    scales = [1500.0, 600.0, 250.0]
    shift = np.column_stack(
        [noise(seed, f"wander {way}", x, y, scales)[2:] - 0.5 for way in ("east", "north")]
    )
    gap = np.asarray(cKDTree(terrain.river).query(xy)[0])
    return np.asarray(xy + metres * shift * smoothstep((gap - 200.0) / 1600.0)[:, None])


def place_villages(
    seed: int, terrain: Terrain, seats: Seats, expressway: Floats, *, count: int = 255
) -> Villages:
    """Return villages apart from each other, denser in the plain than in the hills."""
    rng = stream(seed, "villages")
    points = np.empty((count, 2))
    names: list[str] = []
    taken: set[str] = set()
    crowding = 1.0
    town = np.where(seats.weight >= 5, 2400.0, 1500.0)
    road = cKDTree(expressway)
    while len(names) < count:
        draw = np.array([EAST0, NORTH0 - 1_000.0]) + rng.random((4000, 2)) * [52_000.0, 42_000.0]
        at = terrain.at(draw)
        height = terrain.elevation[at]
        fit = terrain.county[at] & (terrain.water_m[at] > 260.0) & (height < 480.0)
        fit &= (terrain.border_m[at] > 420.0) & (road.query(draw)[0] > 500.0)
        for xy, up in zip(np.round(draw[fit], 2), height[fit].tolist(), strict=True):
            apart = crowding * (1900.0 + 3.2 * min(up, 420.0))
            if len(names) == count:
                break
            if (_gaps(seats.xy, xy) < town).any():
                continue
            if names and float(np.min(_gaps(points[: len(names)], xy))) < apart:
                continue
            points[len(names)] = xy
            names.append(village_name(rng, up, taken))
            taken.add(names[-1])
        crowding *= 0.95
    return Villages(points, tuple(names))


def _random_point(rng: np.random.Generator, terrain: Terrain) -> Floats:
    while True:
        u, v = rng.random(2)
        xy = np.round(np.array([EAST0 + u * 52_000.0, NORTH0 - 1_000.0 + v * 42_000.0]), 2)
        row, column = terrain.at(xy)
        if terrain.county[row, column] and terrain.water[row, column] == LAND:
            return xy


def _gaps(points: Floats, xy: Floats) -> Floats:
    step = points - xy
    return np.sqrt(step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1])


def _gap(a: Floats, b: Floats) -> float:
    return float(_gaps(a[None], b)[0])


def zone_origin(terrain: Terrain) -> tuple[tuple[float, float], float]:
    """Return the south-west corner and the cell size of the zones' raster."""
    return terrain.origin, CELL * ZONE_STEP
