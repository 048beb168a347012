"""The roads as a clean line layer: ends meet exactly, split at junctions, rounded in between."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from siting.demo.chance import Floats, Ints
from siting.demo.expressway import Expressway, carriageways, ramps
from siting.demo.lanes import Lanes
from siting.demo.mesh import BRIDGE, STREET, Mesh, rounded
from siting.demo.names import STREETS
from siting.demo.routes import Routes
from siting.demo.scale import Scale
from siting.demo.streets import CLASSES, NO_ROAD, RANK, StreetPlan
from siting.demo.terrain import Terrain

CRS = "EPSG:4547"
_Row = tuple[str, str, bool, bool, bool, int, shapely.LineString]


@dataclass(frozen=True, eq=False)
class _Pieces:
    """Straight pieces before they are joined into lines; one row each."""

    xy: Floats
    ends: Ints
    rank: Ints
    name: NDArray[np.object_]
    oneway: NDArray[np.bool_]
    bridge: NDArray[np.bool_]
    tunnel: NDArray[np.bool_]
    straight: NDArray[np.bool_]


def road_lines(
    terrain: Terrain,
    mesh: Mesh,
    routes: Routes,
    plans: list[StreetPlan],
    scale: Scale,
    expressway: Expressway,
    lanes: Lanes,
) -> gpd.GeoDataFrame:
    """Return the roads table.

    Returns
    -------
    GeoDataFrame
        ``road_id``, ``highway``, ``name``, ``oneway`` (yes/no), ``bridge``, ``tunnel`` (yes/no),
        ``layer`` (int) and lines in EPSG:4547, vertices rounded to 0.01 m. Lines meet in shared
        end points only; where they cross elsewhere one of them is a bridge.
    """
    pieces = _with_lanes(_pieces(terrain, mesh, routes, plans, scale), lanes)
    rows = _joined(pieces, stops={int(k) for k in mesh.toll})
    below = shapely.STRtree([row[-1] for row in rows])
    for line, joins in carriageways(expressway):
        rows += _elevated(terrain, line, joins, below, "motorway", "G9999", 1)
    below = shapely.STRtree([row[-1] for row in rows])
    for line in ramps(expressway):
        rows += _elevated(terrain, line, [], below, "motorway_link", "", 2)
    table = pd.DataFrame(
        rows, columns=["highway", "name", "oneway", "bridge", "tunnel", "layer", "geometry"]
    )
    table.insert(0, "road_id", [f"R{k:05d}" for k in range(1, len(table) + 1)])
    for flag in ("oneway", "bridge", "tunnel"):
        table[flag] = np.where(table[flag], "yes", "no")
    return gpd.GeoDataFrame(table, geometry="geometry", crs=CRS)


def _pieces(
    terrain: Terrain, mesh: Mesh, routes: Routes, plans: list[StreetPlan], scale: Scale
) -> _Pieces:
    """Keep the pieces that are roads; name streets, make some one-way, put tunnels in passes."""
    kept = np.nonzero(routes.rank < NO_ROAD)[0]
    ends, rank = mesh.edges[kept], routes.rank[kept]
    name = routes.ref[kept].copy()
    plan = np.searchsorted(mesh.plan_start, ends[:, 0], side="right") - 1
    street = mesh.street[kept]
    for k in np.nonzero((mesh.kind[kept] == STREET) & (plan < len(scale.towns)))[0]:
        if name[k] == "" and rank[k] < RANK["residential"]:
            name[k] = STREETS[(int(street[k]) + 7 * int(plan[k])) % len(STREETS)]
    middle = plans[0].xy[plans[0].centre]
    gap = ((mesh.xy[ends] - middle) ** 2).sum(axis=2).max(axis=1)
    inner = (plan == 0) & (street >= 0) & (rank == RANK["residential"]) & (gap < 1300.0 * 1300.0)
    length = np.bincount(street[inner])
    longest = np.argsort(-length, kind="stable")[:4]  # the old town's four longest lanes
    oneway = inner & np.isin(street, longest)
    bridge = mesh.kind[kept] == BRIDGE
    height = terrain.height(mesh.xy[ends[:, 0]])
    pass_ = np.where((rank == RANK["secondary"]) | (rank == RANK["primary"]), height, 0.0)
    tunnel = np.zeros(len(kept), dtype=np.bool_)
    tunnel[np.argsort(-pass_, kind="stable")[:2]] = True
    straight = (mesh.street[kept] >= 0) | bridge | tunnel
    return _Pieces(mesh.xy, ends, rank, name, oneway, bridge, tunnel, straight)


def _with_lanes(pieces: _Pieces, lanes: Lanes) -> _Pieces:
    """Split the pieces that lanes leave from in their middle, and add the lanes."""
    at, middle = lanes.split, lanes.middle
    whole = np.ones(len(pieces.ends), dtype=np.bool_)
    whole[at] = False
    rows = np.concatenate([np.nonzero(whole)[0], at, at])
    ends = np.vstack(
        [pieces.ends[whole], np.column_stack([pieces.ends[at, 0], middle]),
         np.column_stack([middle, pieces.ends[at, 1]]), lanes.ends]
    )  # fmt: skip
    new = len(lanes.ends)
    none = np.zeros(new, dtype=np.bool_)
    return _Pieces(
        xy=np.vstack([pieces.xy, lanes.xy]),
        ends=ends,
        rank=np.concatenate([pieces.rank[rows], lanes.rank]),
        name=np.concatenate([pieces.name[rows], np.full(new, "", dtype=np.object_)]),
        oneway=np.concatenate([pieces.oneway[rows], none]),
        bridge=np.concatenate([pieces.bridge[rows], none]),
        tunnel=np.concatenate([pieces.tunnel[rows], none]),
        straight=np.concatenate([pieces.straight[rows], ~none]),
    )


def _joined(pieces: _Pieces, *, stops: set[int]) -> list[_Row]:
    """Join pieces of equal attributes between junctions (and ``stops``) into lines."""
    kinds = list(
        zip(pieces.rank.tolist(), pieces.name.tolist(), pieces.oneway.tolist(),
            pieces.bridge.tolist(), pieces.tunnel.tolist(), pieces.straight.tolist(), strict=True)
    )  # fmt: skip
    ends = pieces.ends.tolist()
    at: dict[int, list[int]] = {}
    for k, (a, b) in enumerate(ends):
        at.setdefault(a, []).append(k)
        at.setdefault(b, []).append(k)

    def through(node: int) -> bool:
        here = at[node]
        if node in stops or len(here) != 2 or kinds[here[0]] != kinds[here[1]]:
            return False
        # a one-way line goes on only where one piece ends and the next begins
        return not kinds[here[0]][2] or (ends[here[0]][0] == node) != (ends[here[1]][0] == node)

    used = [False] * len(ends)
    chains: list[list[int]] = []
    firsts: list[int] = []

    def walk(node: int, k: int) -> None:
        chain, first = [node], k
        while True:
            used[k] = True
            node = ends[k][1] if ends[k][0] == node else ends[k][0]
            chain.append(node)
            if not through(node) or node == chain[0]:
                break
            k = at[node][1] if at[node][0] == k else at[node][0]
        if kinds[first][2] and ends[first][0] != chain[0]:
            chain.reverse()
        chains.append(chain)
        firsts.append(first)

    for node in sorted(at):
        if not through(node):
            for k in at[node]:
                if not used[k]:
                    walk(node, k)
    for k in range(len(ends)):
        if not used[k]:
            walk(ends[k][0], k)
    lines = [
        pieces.xy[chain] if kinds[first][5] else rounded(pieces.xy[chain])
        for chain, first in zip(chains, firsts, strict=True)
    ]
    shapes: NDArray[np.object_] = np.asarray(
        shapely.linestrings(
            np.concatenate(lines), indices=np.repeat(np.arange(len(lines)), [len(x) for x in lines])
        ),
        dtype=object,
    )
    return [
        (CLASSES[rank], name, oneway, bridge, tunnel, 1 if bridge else -1 if tunnel else 0, shape)
        for (rank, name, oneway, bridge, tunnel, _), shape in zip(
            (kinds[first] for first in firsts), shapes.tolist(), strict=True
        )
    ]


def _elevated(
    terrain: Terrain,
    line: Floats,
    joins: list[int],
    below: shapely.STRtree,
    highway: str,
    name: str,
    level: int,
) -> list[_Row]:
    """Cut a carriageway or ramp at its junctions and lift what crosses other roads or water."""
    parts = np.asarray(shapely.linestrings(np.stack([line[:-1], line[1:]], axis=1)))
    part, other = below.query(parts, predicate="intersects")
    wet = terrain.water_m[terrain.at(line)] < 90.0
    lifted = wet[:-1] | wet[1:]
    ends = {tuple(line[0]), tuple(line[-1])}
    for p, o in zip(part.tolist(), other.tolist(), strict=True):
        touch = shapely.intersection(parts[p], below.geometries[o])
        if any((round(x, 2), round(y, 2)) not in ends for x, y in shapely.get_coordinates(touch)):
            lifted[p] = True
    cuts = {0, len(line) - 1, *joins}
    cuts |= {k for k in range(1, len(parts)) if lifted[k] != lifted[k - 1]}
    marks = sorted(cuts)
    return [
        (highway, name, True, bool(lifted[a]), False, level if lifted[a] else 0,
         shapely.LineString(line[a : b + 1]))
        for a, b in pairwise(marks)
    ]  # fmt: skip
