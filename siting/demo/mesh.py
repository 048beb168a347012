"""Where roads may run: a planar net of short pieces over the county, streets and bridges included.

Roads are chosen among the pieces of one triangulated net, so that two roads that meet always meet
in a junction. Only the expressway lies above the net.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from siting.demo.chance import Floats, Ints, noise, stream
from siting.demo.expressway import Expressway
from siting.demo.outlines import smooth
from siting.demo.scale import Scale
from siting.demo.streets import NO_ROAD, StreetPlan
from siting.demo.terrain import Terrain

SPACING = 220.0
FIELD, STREET, GATE, BRIDGE = 0, 1, 2, 3  # kinds of pieces


@dataclass(frozen=True, eq=False)
class Mesh:
    """The net.

    Attributes
    ----------
    xy
        Nodes ``(n, 2)``, EPSG:4547 metres.
    edges
        ``(m, 2)`` node numbers, each pair once.
    kind
        ``FIELD``, ``STREET``, ``GATE`` or ``BRIDGE``.
    rank
        Class of the pieces that are roads already (streets, bridges), else ``NO_ROAD``.
    street
        Street number within its plan, −1 outside plans.
    plan_start
        First node of every street plan.
    toll
        Node of every interchange's toll gate.
    """

    xy: Floats
    edges: Ints
    kind: Ints
    rank: Ints
    street: Ints
    plan_start: Ints
    toll: Ints


def make_mesh(
    seed: int, terrain: Terrain, plans: list[StreetPlan], expressway: Expressway, scale: Scale
) -> Mesh:
    """Return the net for one seed."""
    xy, pairs = _field(seed, terrain, plans, expressway)
    starts, street_xy, street_pairs, ranks, numbers = [], [xy], [], [], []
    count = len(xy)
    for plan in plans:
        starts.append(count)
        street_xy.append(plan.xy)
        street_pairs.append(plan.edges + count)
        ranks.append(plan.rank)
        numbers.append(plan.street)
        count += len(plan.xy)
    toll = np.arange(count, count + len(expressway.toll))
    xy = np.vstack([*street_xy, expressway.toll])
    streets = np.vstack(street_pairs)
    pairs = pairs[~_crosses(xy, pairs, streets)]
    bridges = _bridges(terrain, xy, len(street_xy[0]), plans, starts, scale)
    pairs = pairs[~_crosses(xy, pairs, bridges)]
    gates = _gates(xy, pairs, streets, bridges, plans, starts, toll, len(street_xy[0]))
    dry = _dry(terrain, xy, gates)
    gates = gates[dry]
    edges = np.vstack([pairs, gates, streets, bridges])
    parts = (pairs, gates, streets, bridges)
    kind = np.repeat([FIELD, GATE, STREET, BRIDGE], [len(part) for part in parts])
    rank = np.full(len(edges), NO_ROAD, dtype=np.int64)
    street = np.full(len(edges), -1, dtype=np.int64)
    inside = kind == STREET
    rank[inside] = np.concatenate(ranks)
    street[inside] = np.concatenate(numbers)
    return Mesh(xy, edges, kind.astype(np.int64), rank, street, np.array(starts), toll)


def _field(
    seed: int, terrain: Terrain, plans: list[StreetPlan], expressway: Expressway
) -> tuple[Floats, Ints]:
    """Return nodes and pieces of the jittered triangular lattice outside towns and water."""
    rng = stream(seed, "mesh")
    height, width = terrain.county.shape
    rows = int(height * terrain.cell_m / 190)
    columns = int(width * terrain.cell_m / SPACING)
    r, c = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    jitter = (rng.random((2, rows, columns)) - 0.5) * 0.5 * SPACING
    x = terrain.origin[0] + SPACING * (c + 0.5 + 0.5 * (r % 2)) + jitter[0]
    y = terrain.origin[1] + 190.0 * (r + 0.5) + jitter[1]
    # a slow warp bends the three directions of the lattice, which the eye would find otherwise
    x = x + 1500.0 * (noise(seed, "warp x", x, y, [5200.0]) - 0.5)
    y = y + 1500.0 * (noise(seed, "warp y", x, y, [5200.0]) - 0.5)
    xy = np.round(np.stack([x, y], axis=-1), 2)
    at = terrain.at(xy)
    valid = terrain.county[at] & (terrain.border_m[at] > 100.0)
    valid &= terrain.water_m[at] > 130.0 * terrain.grain
    flat = xy.reshape(-1, 2)
    for clear in sorted({max(150.0, 0.8 * plan.spacing_m) for plan in plans}):
        same = [plan.xy for plan in plans if max(150.0, 0.8 * plan.spacing_m) == clear]
        gap = _nearest(np.vstack(same), flat, 320.0)
        valid &= (gap > clear).reshape(valid.shape)
    gap = _nearest(expressway.line, flat, 200.0)
    valid &= (gap > 85.0).reshape(valid.shape)
    for disc in expressway.clear:
        gap = np.sqrt(((flat - disc) ** 2).sum(axis=1))
        valid &= (gap > 430.0).reshape(valid.shape)
    number = np.arange(rows * columns).reshape(rows, columns)
    odd = (r % 2)[:-1] == 1
    east = np.column_stack([number[:, :-1].ravel(), number[:, 1:].ravel()])
    up = np.column_stack([number[:-1].ravel(), number[1:].ravel()])
    slant_odd = np.column_stack([number[:-1, :-1][odd[:, :-1]], number[1:, 1:][odd[:, :-1]]])
    slant_even = np.column_stack([number[:-1, 1:][~odd[:, 1:]], number[1:, :-1][~odd[:, 1:]]])
    pairs = np.vstack([east, up, slant_odd, slant_even])
    pairs = pairs[valid.ravel()[pairs].all(axis=1)]
    step = flat[pairs[:, 0]] - flat[pairs[:, 1]]
    pairs = pairs[(step * step).sum(axis=1) < 430.0 * 430.0]
    pairs = pairs[_dry(terrain, flat, pairs)]
    over = shapely.intersects(
        shapely.linestrings(flat[pairs]), shapely.linestrings(expressway.line)
    )
    pairs = pairs[~over | (rng.random(len(pairs)) < 0.2)]
    used, renumbered = np.unique(pairs, return_inverse=True)
    return flat[used], renumbered.reshape(pairs.shape).astype(np.int64)


def _nearest(points: Floats, xy: Floats, limit_m: float) -> Floats:
    """Return the distance from each of ``xy`` to the nearest point, infinite beyond the limit."""
    return np.asarray(cKDTree(points).query(xy, distance_upper_bound=limit_m)[0])


def _lines(xy: Floats, pairs: Ints) -> NDArray[np.object_]:
    return np.asarray(shapely.linestrings(xy[pairs]), dtype=np.object_)


def _dry(terrain: Terrain, xy: Floats, pairs: Ints) -> NDArray[np.bool_]:
    """Whether pieces stay on land inside the county."""
    dry = np.ones(len(pairs), dtype=np.bool_)
    for part in (0.0, 0.2, 0.4, 0.6, 0.8, 1.0):
        at = terrain.at(xy[pairs[:, 0]] * (1.0 - part) + xy[pairs[:, 1]] * part)
        dry &= (terrain.water_m[at] > 45.0 * terrain.grain) & terrain.county[at]
    return dry


def _crosses(xy: Floats, pairs: Ints, others: Ints) -> NDArray[np.bool_]:
    """Whether each piece meets one of the others elsewhere than in a shared node."""
    mine, theirs = shapely.STRtree(_lines(xy, others)).query(
        _lines(xy, pairs), predicate="intersects"
    )
    apart = ~(pairs[mine][:, :, None] == others[theirs][:, None, :]).any(axis=(1, 2))
    found = np.zeros(len(pairs), dtype=np.bool_)
    found[mine[apart]] = True
    return found


def _bridges(
    terrain: Terrain,
    xy: Floats,
    fields: int,
    plans: list[StreetPlan],
    starts: list[int],
    scale: Scale,
) -> Ints:
    """Return the pieces over the river: between the town's banks, and upstream."""
    south = np.arange(starts[0], starts[0] + len(plans[0].xy))
    north = np.arange(starts[1], starts[1] + len(plans[1].xy))
    at = terrain.at(xy[:fields])
    bank, shore = terrain.north_bank[at], terrain.water_m[at] < 500.0
    found = [_closest(xy, south, north)]
    for start_km, end_km in scale.bridges_km:
        near = shore & (xy[:fields, 0] > terrain.place(start_km, 0.0)[0])
        near &= xy[:fields, 0] < terrain.place(end_km, 0.0)[0]
        found.append(_closest(xy, np.nonzero(near & ~bank)[0], np.nonzero(near & bank)[0]))
    return np.array(found)


def _closest(xy: Floats, ones: Ints, others: Ints) -> tuple[int, int]:
    step = xy[ones][:, None, :] - xy[others][None, :, :]
    gap = (step * step).sum(axis=2)
    k, other = divmod(int(gap.argmin()), len(others))
    return int(ones[k]), int(others[other])


def _gates(
    xy: Floats,
    pairs: Ints,
    streets: Ints,
    bridges: Ints,
    plans: list[StreetPlan],
    starts: list[int],
    toll: Ints,
    fields: int,
) -> Ints:
    """Return pieces that join the rims of towns (and toll gates) to the field, none crossing."""
    degree = np.bincount(streets.ravel(), minlength=len(xy))
    rim = [
        start + k
        for plan, start in zip(plans, starts, strict=True)
        for k in range(len(plan.xy))
        if degree[start + k] <= 3
    ]
    ends = np.array([*rim, *toll.tolist()], dtype=np.int64)
    inner = np.unique(pairs)
    inner = inner[inner < fields]
    gaps, found = cKDTree(xy[inner]).query(xy[ends], k=5, distance_upper_bound=480.0)
    choice = [
        (float(gap), int(end), int(inner[k]))
        for end, row, ks in zip(ends, np.asarray(gaps), np.asarray(found), strict=True)
        for gap, k in zip(row, ks, strict=True)
        if k < len(inner)
    ]
    gates = np.array([pair[1:] for pair in sorted(choice)], dtype=np.int64)
    gates = gates[~_crosses(xy, gates, np.vstack([pairs, streets, bridges]))]
    lines = _lines(xy, gates)
    mine, theirs = shapely.STRtree(lines).query(lines, predicate="intersects")
    rivals: dict[int, list[int]] = {}
    for a, b in zip(mine.tolist(), theirs.tolist(), strict=True):
        if b < a and not set(gates[a]) & set(gates[b]):
            rivals.setdefault(a, []).append(b)
    kept = np.ones(len(gates), dtype=np.bool_)
    for a in sorted(rivals):
        kept[a] = not any(kept[b] for b in rivals[a])
    return gates[kept]


def rounded(line: Floats) -> Floats:
    """Return a road through the nodes ``line`` ``(n, 2)`` with its corners cut, ends held."""
    return line if len(line) < 3 else np.round(smooth(line, 2, closed=False), 2)
