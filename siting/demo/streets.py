"""Street plans: the slightly crooked grids of the county town and the township seats."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from siting.demo.chance import Floats, Ints, noise, stream
from siting.demo.scale import Scale
from siting.demo.settlements import Seats, Towns
from siting.demo.terrain import Terrain

# Classes of roads, most important first. A road that two routes share takes the better class.
CLASSES = (
    "motorway", "motorway_link", "trunk", "primary", "secondary", "tertiary", "unclassified",
    "residential", "service", "footway", "path",
)  # fmt: skip
RANK = {name: number for number, name in enumerate(CLASSES)}
NO_ROAD = len(CLASSES)


@dataclass(frozen=True, eq=False)
class StreetPlan:
    """One grid of streets.

    Attributes
    ----------
    seat
        Row of the seats' table it belongs to.
    xy
        Junctions ``(n, 2)``, EPSG:4547 metres.
    edges
        ``(m, 2)`` junction numbers.
    rank
        Class of every edge, see ``CLASSES``.
    street
        Number of the line of the grid an edge lies on (a street's name), ``(m,)``.
    blocks
        ``(k, 4)`` junction numbers around every block, counter-clockwise.
    old
        Whether a block belongs to the old quarter.
    spacing_m
        Mean distance of streets.
    centre
        The junction nearest to the plan's centre.
    """

    seat: int
    xy: Floats
    edges: Ints
    rank: Ints
    street: Ints
    blocks: Ints
    old: NDArray[np.bool_]
    spacing_m: float
    centre: int


def street_plan(
    seed: int,
    terrain: Terrain,
    *,
    seat: int,
    centre: Floats,
    radius_m: float,
    spacing_m: float,
    old_m: float,
    every: int,
) -> StreetPlan:
    """Return a grid of streets around a centre, bounded by a ragged edge, water and the county.

    Parameters
    ----------
    old_m
        Blocks whose middle is closer to the centre than this are old, with narrower streets.
    every
        Every so many lines of the grid there is a main street.
    """
    rng = stream(seed, f"streets {seat}")
    angle = 2.0 * rng.random() - 1.0  # tangent of half the turn, at most some 25 degrees
    angle *= 0.22
    cos = (1.0 - angle * angle) / (1.0 + angle * angle)
    sin = 2.0 * angle / (1.0 + angle * angle)
    u, main_u = _lines(rng, radius_m, spacing_m, old_m, every)
    v, main_v = _lines(rng, radius_m, spacing_m, old_m, every)
    uu, vv = np.meshgrid(u, v, indexing="ij")
    bend = 0.75 * spacing_m
    wide = max(3.2 * spacing_m, 500.0)
    uu = uu + bend * (noise(seed, f"bend u {seat}", uu, vv, [wide, wide / 2]) - 0.5)
    vv = vv + bend * (noise(seed, f"bend v {seat}", uu, vv, [wide, wide / 2]) - 0.5)
    x, y = centre[0] + uu * cos - vv * sin, centre[1] + uu * sin + vv * cos
    reach = radius_m * (0.62 + 0.8 * noise(seed, f"edge {seat}", uu, vv, [radius_m, radius_m / 3]))
    at = terrain.at(np.stack([x, y], axis=-1))
    kept = (uu * uu + vv * vv < reach * reach) & (terrain.water_m[at] > 75.0 * terrain.grain)
    kept &= terrain.border_m[at] > 150.0
    cells = kept[:-1, :-1] & kept[1:, :-1] & kept[1:, 1:] & kept[:-1, 1:]
    cells = _connected(cells)
    return _plan(rng, seat, x, y, uu, vv, cells, (main_u, main_v), spacing_m, old_m)


def _lines(
    rng: np.random.Generator, radius: float, spacing: float, old: float, every: int
) -> tuple[Floats, NDArray[np.bool_]]:
    """Return the offsets of the lines of one direction and which of them are main streets."""
    sides: list[list[float]] = []
    for _ in range(2):
        side, at = [], 0.0
        while at < radius * 1.25:
            width = spacing * (0.72 if at < old else 1.0) * (0.78 + 0.44 * rng.random())
            at += width
            side.append(at)
        sides.append(side)
    offsets = np.array([-o for o in reversed(sides[0])] + [0.0] + sides[1])
    number = np.arange(len(offsets)) - len(sides[0])
    return offsets, np.asarray(number % every == 0)


def _connected(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pieces, count = ndimage.label(cells)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    sizes[0] = 0
    return np.asarray(pieces == int(sizes.argmax()))


def _plan(
    rng: np.random.Generator,
    seat: int,
    x: Floats,
    y: Floats,
    uu: Floats,
    vv: Floats,
    cells: NDArray[np.bool_],
    main: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    spacing_m: float,
    old_m: float,
) -> StreetPlan:
    """Return a plan with junctions, streets and blocks numbered; leave out some minor streets."""
    columns = x.shape[1]
    ci, cj = np.nonzero(cells)
    corners = np.column_stack(
        [ci * columns + cj, (ci + 1) * columns + cj, (ci + 1) * columns + cj + 1,
         ci * columns + cj + 1]
    )  # fmt: skip
    sides = np.vstack([corners[:, [k, (k + 1) % 4]] for k in range(4)])
    sides.sort(axis=1)
    pairs, count = np.unique(sides, axis=0, return_counts=True)
    along_u = pairs[:, 1] - pairs[:, 0] == 1  # both ends on line i of u
    line_i, line_j = pairs[:, 0] // columns, pairs[:, 0] % columns
    is_main = np.where(along_u, main[0][line_i], main[1][line_j])
    street = np.where(along_u, line_i, len(main[0]) + line_j)
    degree = np.bincount(pairs.ravel(), minlength=x.size)
    keep = np.ones(len(pairs), dtype=np.bool_)
    for k in np.nonzero((count == 2) & ~is_main & (rng.random(len(pairs)) < 0.16))[0]:
        if (degree[pairs[k]] > 3).all():  # a missing street merges two blocks, never cuts one off
            keep[k] = False
            degree[pairs[k]] -= 1
    pairs, is_main, street = pairs[keep], is_main[keep], street[keep]
    used, renumbered = np.unique(pairs, return_inverse=True)
    town = spacing_m > 150.0
    rank = np.where(is_main, RANK["secondary" if town else "tertiary"], RANK["residential"])
    if town:  # between the main streets every other one collects
        collector = ~is_main & (street % 2 == 0)
        rank[collector] = RANK["tertiary"]
    position = np.full(x.size, -1, dtype=np.int64)
    position[used] = np.arange(len(used))
    xy = np.round(np.column_stack([x.ravel()[used], y.ravel()[used]]), 2)
    far = uu.ravel()[used] ** 2 + vv.ravel()[used] ** 2
    middle_u = uu.ravel()[corners].sum(axis=1) / 4.0
    middle_v = vv.ravel()[corners].sum(axis=1) / 4.0
    return StreetPlan(
        seat=seat,
        xy=xy,
        edges=renumbered.reshape(pairs.shape).astype(np.int64),
        rank=rank.astype(np.int64),
        street=street.astype(np.int64),
        blocks=position[corners],
        old=np.asarray(middle_u * middle_u + middle_v * middle_v < old_m * old_m),
        spacing_m=spacing_m,
        centre=int(far.argmin()),
    )


def town_plans(
    seed: int, terrain: Terrain, towns: Towns, seats: Seats, scale: Scale
) -> list[StreetPlan]:
    """Return the plans of the towns, then one of every township's seat."""
    first = [int(np.argmax(seats.plan == number)) for number in range(len(scale.towns))]
    plans = [
        street_plan(
            seed, terrain, seat=first[k], centre=towns.xy[k],
            radius_m=town.radius_m, spacing_m=town.spacing_m, old_m=town.old_m, every=town.every,
        )
        for k, town in enumerate(scale.towns)
    ]  # fmt: skip
    wide = 1.0 if not scale.many else 1.15
    seat_plans = [
        street_plan(
            seed, terrain, seat=k, centre=seats.xy[k],
            radius_m=wide * (250.0 + 75.0 * float(seats.weight[k])), spacing_m=118.0,
            old_m=140.0, every=3,
        )
        for k in np.nonzero(seats.plan >= len(scale.towns))[0].tolist()
    ]  # fmt: skip
    return [*plans, *seat_plans]
