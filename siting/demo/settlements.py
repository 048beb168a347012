"""Where people live: towns, township seats, villages, and the borders around them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from siting.demo.chance import Floats, Ints, axes, below, noise, smoothstep, stream
from siting.demo.names import (
    SUBDISTRICTS,
    TOWNSHIPS,
    office_names,
    township_names,
    village_name,
)
from siting.demo.scale import Scale
from siting.demo.terrain import HEIGHT, LAND, WIDTH, Terrain

TOWN_STATION_KM = 20.0  # easting, on the county's ground, where the river passes the first town
ZONE_STEP = 2  # zones are grown on every second cell: borders of 100 m steps in a county
# metres from there to the county's three subdistricts: old town, new town, north bank
COUNTY_OFFICES = np.array([[0.0, -1750.0], [1900.0, -2300.0], [250.0, 1450.0]])


@dataclass(frozen=True, eq=False)
class Towns:
    """The towns that have a street plan of their own, and the ground each county has.

    Attributes
    ----------
    xy
        ``(n, 2)``, EPSG:4547 metres.
    owner
        County of every second cell, −1 outside; all 0 in a county.
    """

    xy: Floats
    owner: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Seats:
    """County by county subdistricts first, then townships: position, name, code, kind of each.

    Attributes
    ----------
    xy
        ``(n, 2)``, EPSG:4547 metres.
    county
        Number of the county each lies in.
    plan
        Street plan of each: towns first, then one a township; subdistricts share their town's.
    weight
        Relative size of the town at the seat, 1–10.
    clear_xy, clear_m
        Points that villages keep so far away from.
    """

    xy: Floats
    names: tuple[str, ...]
    codes: tuple[str, ...]
    kinds: tuple[str, ...]
    county: Ints
    plan: Ints
    weight: Ints
    clear_xy: Floats
    clear_m: Floats


@dataclass(frozen=True, eq=False)
class Villages:
    """Administrative villages: ``xy`` ``(n, 2)`` and ``names``."""

    xy: Floats
    names: tuple[str, ...]


def place_towns(seed: int, terrain: Terrain, expressway: Floats, scale: Scale) -> Towns:
    """Return the towns: where the scale puts them, and the others far apart.

    Parameters
    ----------
    expressway
        Centre line ``(n, 2)``; no town lies across it.
    """
    if not scale.many:
        offices = _at_river(terrain) + COUNTY_OFFICES
        south = np.round(np.round(offices[0], 2) * 0.55 + np.round(offices[1], 2) * 0.45, 2)
        county = _coarse(terrain.county)
        return Towns(np.vstack([south, np.round(offices[2], 2)]), np.where(county, 0, -1))
    chosen = [
        np.round(_at_river(terrain) + np.array(town.shift_m), 2)
        for town in scale.towns
        if town.shift_m is not None
    ]
    rng = stream(seed, "towns")
    draw = np.round(terrain.random(rng, 6000), 2)
    at = terrain.at(draw)
    height = terrain.elevation[at]
    fit = terrain.county[at] & (terrain.water_m[at] > 900.0) & (height < 140.0)
    fit &= (terrain.border_m[at] > 5000.0) & (cKDTree(expressway).query(draw)[0] > 4200.0)
    draw = draw[fit]
    luck = 0.6 + 0.4 * rng.random(len(draw))
    for _ in range(len(scale.towns) - len(chosen)):
        gap = np.min([_gaps(draw, xy) for xy in chosen], axis=0)
        chosen.append(draw[int((gap * luck).argmax())])
    xy = np.array(chosen)
    return Towns(xy, grow_zones(seed, terrain, xy))


def place_seats(
    seed: int, terrain: Terrain, expressway: Floats, towns: Towns, scale: Scale
) -> Seats:
    """Return the seats: subdistricts in the county towns, townships apart from each other.

    Parameters
    ----------
    expressway
        Centre line ``(n, 2)``; no seat is put close to it.
    """
    xy: list[Floats] = []
    names: list[str] = []
    codes: list[str] = []
    kinds: list[str] = []
    county: list[int] = []
    plan: list[int] = []
    weight: list[int] = []
    taken: set[str] = set()
    plans = len(scale.towns)
    for number, own in enumerate(scale.counties):
        rng = stream(seed, f"seats {number}" if scale.many else "seats")
        if scale.many:
            offices = _offices(rng, terrain, towns, number, own.offices, scale)
            near, chosen = towns.xy, [offices[0]]
            clear = scale.towns[number].radius_m * 1.25 + 2800.0
        else:
            offices = np.round(_at_river(terrain) + COUNTY_OFFICES, 2)
            near, chosen, clear = offices, [offices[0], offices[2]], 5200.0
        inside = towns.owner == number if scale.many else None
        found = _townships(rng, terrain, expressway, inside, near, clear, chosen, own.townships)
        height = terrain.height(found)
        found = found[np.argsort(height, kind="stable")]
        labels = (
            (*office_names(rng, own.offices, taken), *township_names(rng, np.sort(height), taken))
            if scale.many
            # lowland names were written first and hill names last
            else (*SUBDISTRICTS, *(TOWNSHIPS[k] for k in _name_order(own.townships)))
        )
        numbers = {"街道": 1, "镇": 100, "乡": 200}
        for name in labels:
            kind = "街道" if name.endswith("街道") else name[-1]
            names.append(name)
            kinds.append(kind)
            codes.append(f"{own.code}{numbers[kind]:03d}")
            numbers[kind] += 1
        xy += [*offices, *found]
        county += [number] * len(labels)
        # the county's two banks have a plan each; elsewhere a county has one town
        plan += [number] * own.offices if scale.many else [0, 0, 1]
        plan += range(plans, plans + own.townships)
        plans += own.townships
        weight += [10, 8, 5] if not scale.many else [7] * own.offices
        weight += [2 + below(rng, 3) + (2 if k in (2, 7, 12) else 0) for k in range(own.townships)]
    at, sizes = np.array(xy), np.array(weight, dtype=np.int64)
    clear_m = np.where(sizes >= 5, 2400.0, 1500.0)
    if scale.many:  # towns of several sizes are kept clear as a whole
        around = np.array([1.2 * town.radius_m + 300.0 for town in scale.towns])
        clear_xy, clear_m = np.vstack([at, towns.xy]), np.concatenate([clear_m * 0.6, around])
    else:
        clear_xy = at
    return Seats(
        at, tuple(names), tuple(codes), tuple(kinds), np.array(county), np.array(plan), sizes,
        clear_xy, clear_m,
    )  # fmt: skip


def _at_river(terrain: Terrain) -> Floats:
    """Return the point of the river where it passes the first town."""
    station = terrain.place(TOWN_STATION_KM, 0.0)[0]
    return np.asarray(terrain.river[int(np.argmin(np.abs(terrain.river[:, 0] - station)))])


def _offices(
    rng: np.random.Generator, terrain: Terrain, towns: Towns, county: int, count: int, scale: Scale
) -> Floats:
    """Return the subdistricts of a town: its middle, then points far from each other in it."""
    town = scale.towns[county]
    draw = (rng.random((1500, 2)) * 2.0 - 1.0) * 0.8 * town.radius_m
    draw = draw[(draw * draw).sum(axis=1) < (0.8 * town.radius_m) ** 2]
    draw = np.round(towns.xy[county] + draw, 2)
    owner = _cell_of(terrain, towns.owner, draw)
    draw = draw[(owner == county) & (terrain.water_m[terrain.at(draw)] > 250.0)]
    chosen = [towns.xy[county]]
    while len(chosen) < count:
        gap = np.min([_gaps(draw, xy) for xy in chosen], axis=0)
        chosen.append(draw[int(gap.argmax())])
    return np.array(chosen)


def _townships(
    rng: np.random.Generator,
    terrain: Terrain,
    expressway: Floats,
    inside: NDArray[np.bool_] | None,
    near: Floats,
    clear_m: float,
    chosen: list[Floats],
    count: int,
) -> Floats:
    """Return ``count`` places on the ground ``inside``, apart from each other and from towns."""
    found: list[Floats] = []
    apart = 8200.0 * max(1.0, np.sqrt(terrain.stretch))
    if inside is not None:  # a seat does not stand on the county's border
        inside = ndimage.binary_erosion(inside, iterations=4)
    box = _box(terrain, inside)
    while len(found) < count:
        for _ in range(600):
            xy = _random_point(rng, terrain, box, inside)
            row, column = terrain.cell(float(xy[0]), float(xy[1]))
            if (
                len(found) < count
                and terrain.water_m[row, column] > 600.0
                and terrain.border_m[row, column] > 1500.0
                and terrain.elevation[row, column] < 230.0
                and float(np.min(_gaps(near, xy))) > clear_m
                and float(np.min(_gaps(expressway, xy))) > 1500.0
                and float(np.min(_gaps(np.array([*chosen, *found]), xy))) > apart
            ):
                found.append(xy)
        apart *= 0.93
    return np.array(found)


def _name_order(count: int) -> list[int]:
    """Which names to use: waterside, plain, then hills."""
    waterside = [0, 1, 9, 12, 14, 20, 2, 3]
    plain = [6, 7, 8, 11, 15, 4, 19]
    hills = [5, 10, 13, 16, 17, 18, 21, 22]
    return (waterside + plain + hills)[:count]


def _coarse(raster: NDArray[Any]) -> NDArray[Any]:
    """Return every second cell of a raster."""
    half = ZONE_STEP // 2
    return raster[half::ZONE_STEP, half::ZONE_STEP]


def _cell_of(terrain: Terrain, raster: NDArray[Any], xy: Floats) -> NDArray[Any]:
    """Return the values at points of a raster of every second cell."""
    row, column = terrain.at(xy)
    rows, columns = raster.shape
    at = np.minimum(row // ZONE_STEP, rows - 1), np.minimum(column // ZONE_STEP, columns - 1)
    return np.asarray(raster[at])


def grow_zones(
    seed: int, terrain: Terrain, seats: Floats, within: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Return which seat every second cell belongs to (−1 outside the region).

    A cell belongs to the seat from which it is reached most cheaply; climbing and crossing water
    are dear, so that borders follow ridges and the river. Every zone is one piece, and lies in the
    one of the larger zones ``within`` that its seat lies in.
    """
    county = _coarse(terrain.county)
    height = _coarse(terrain.elevation)
    wet = _coarse(terrain.water) != LAND
    north = _coarse(terrain.north_bank)
    rows, columns = county.shape
    x, y = axes(rows, columns, terrain.cell_m * ZONE_STEP / 1000.0)
    rough = noise(seed, "zone borders", x, y, [1.6, 0.8, 0.4])
    rough = rough * rough * (0.4 + 1.2 * stream(seed, "zone cells").random(rough.shape))
    number = np.arange(rows * columns).reshape(rows, columns)
    tails, heads, costs = [], [], []
    for here, there in (
        ((slice(None), slice(None, -1)), (slice(None), slice(1, None))),
        ((slice(None, -1), slice(None)), (slice(1, None), slice(None))),
    ):
        both = county[here] & county[there]
        if within is not None:
            both &= within[here] == within[there]
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
    starts = _cell_of(terrain, number, seats)
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
    # the same lattice whichever points are asked
    corners = np.array([[0.0, 0.0], [WIDTH, HEIGHT]]) * terrain.stretch
    x, y = np.vstack([corners, local]).T
    scales = [1500.0, 600.0, 250.0]
    shift = np.column_stack(
        [noise(seed, f"wander {way}", x, y, scales)[2:] - 0.5 for way in ("east", "north")]
    )
    gap = np.asarray(cKDTree(terrain.river).query(xy)[0])
    return np.asarray(xy + metres * shift * smoothstep((gap - 200.0) / 1600.0)[:, None])


def place_villages(
    seed: int, terrain: Terrain, seats: Seats, expressway: Floats, scale: Scale
) -> Villages:
    """Return villages apart from each other, denser in the plain than in the hills."""
    rng = stream(seed, "villages")
    count = scale.villages
    points = np.empty((count, 2))
    names: list[str] = []
    taken: set[str] = set()
    crowding = 1.0
    road = cKDTree(expressway)
    while len(names) < count:
        draw = terrain.random(rng, 4000)
        at = terrain.at(draw)
        height = terrain.elevation[at]
        fit = terrain.county[at] & (terrain.water_m[at] > 260.0) & (height < 480.0)
        fit &= (terrain.border_m[at] > 420.0) & (road.query(draw)[0] > 500.0)
        for xy, up in zip(np.round(draw[fit], 2), height[fit].tolist(), strict=True):
            apart = crowding * (1900.0 + 3.2 * min(up, 420.0))
            if len(names) == count:
                break
            if (_gaps(seats.clear_xy, xy) < seats.clear_m).any():
                continue
            if names and float(np.min(_gaps(points[: len(names)], xy))) < apart:
                continue
            points[len(names)] = xy
            names.append(village_name(rng, up, taken, more=scale.many))
            taken.add(names[-1])
        crowding *= 0.95
    return Villages(points, tuple(names))


def _box(terrain: Terrain, inside: NDArray[np.bool_] | None) -> tuple[Floats, Floats]:
    """Return corner and size of the region's rectangle, or of that around a part of it."""
    if inside is None:
        return terrain.place(0.0, -1.0), terrain.stretch * np.array([52_000.0, 42_000.0])
    rows, columns = np.nonzero(inside)
    step = terrain.cell_m * ZONE_STEP
    low = np.array(terrain.origin) + step * np.array([columns.min(), rows.min()])
    return low, step * np.array([np.ptp(columns) + 1, np.ptp(rows) + 1])


def _random_point(
    rng: np.random.Generator,
    terrain: Terrain,
    box: tuple[Floats, Floats],
    inside: NDArray[np.bool_] | None,
) -> Floats:
    """Return a dry point of the rectangle, of the part ``inside`` where one is given."""
    low, span = box
    while True:
        xy = np.round(low + rng.random(2) * span, 2)
        row, column = terrain.cell(float(xy[0]), float(xy[1]))
        if inside is not None and not inside[row // ZONE_STEP, column // ZONE_STEP]:
            continue
        if terrain.county[row, column] and terrain.water[row, column] == LAND:
            return np.asarray(xy)


def _gaps(points: Floats, xy: Floats) -> Floats:
    step = points - xy
    return np.sqrt(step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1])


def zone_origin(terrain: Terrain) -> tuple[tuple[float, float], float]:
    """Return the south-west corner and the cell size of the zones' raster."""
    return terrain.origin, terrain.cell_m * ZONE_STEP
