"""Lanes into blocks and to farmsteads, and the yards at their ends where people live.

A lane leaves a piece of road in its middle. In a block it runs towards the block's middle; in the
country towards the far corner of one of the net's triangles beside the piece, less than a third of
the way: roads whose corners are cut stay within half a piece of the corner, so no lane meets one.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from siting.demo.chance import Floats, Ints, stream
from siting.demo.mesh import FIELD, Mesh
from siting.demo.routes import Routes
from siting.demo.scale import Scale, Yards
from siting.demo.streets import NO_ROAD, RANK, StreetPlan

LANE_SHARE = 0.72  # blocks of the county town with a lane inside


@dataclass(frozen=True, eq=False)
class Lanes:
    """Lanes to be added to the pieces of road, in the order of ``mesh.edges`` that are roads.

    Attributes
    ----------
    xy
        New nodes, numbered on from the mesh's.
    split, middle
        Pieces with a node in their middle, ascending; the number of that node.
    ends, rank
        Node numbers of every lane; its class.
    block, yard
        Row of the block and place of every yard in town.
    farmstead
        Places of farmsteads.
    """

    xy: Floats
    split: Ints
    middle: Ints
    ends: Ints
    rank: Ints
    block: Ints
    yard: Floats
    farmstead: Floats


def make_lanes(
    seed: int,
    mesh: Mesh,
    routes: Routes,
    plans: list[StreetPlan],
    blocks: gpd.GeoDataFrame,
    scale: Scale,
) -> Lanes:
    """Return the lanes of a region."""
    kept = np.nonzero(routes.rank < NO_ROAD)[0]
    ends, rank = mesh.edges[kept], routes.rank[kept]
    if scale.yards is None:
        return _of_blocks(seed, mesh, plans[: len(scale.towns)], ends, rank)
    return _of_yards(seed, mesh, plans, blocks, kept, ends, rank, scale.yards)


def _of_blocks(seed: int, mesh: Mesh, plans: list[StreetPlan], ends: Ints, rank: Ints) -> Lanes:
    """Return a lane or two into most blocks of the town; nobody's home is at their ends."""
    rng = stream(seed, "lanes")
    by_ends = {(min(a, b), max(a, b)): k for k, (a, b) in enumerate(ends.tolist())}
    split: dict[int, int] = {}
    xy: list[Floats] = []
    lanes: list[tuple[int, int, int]] = []
    count = len(mesh.xy)
    for plan, start in zip(plans, mesh.plan_start.tolist(), strict=False):
        for block in (plan.blocks + start).tolist():
            sides = [
                by_ends.get((min(a, b), max(a, b)))
                for a, b in zip(block, block[1:] + block[:1], strict=True)
            ]
            free = [s for s in sides if s is not None and s not in split
                    and rank[s] >= RANK["tertiary"]]  # fmt: skip
            draw = rng.random(2)
            if draw[0] > LANE_SHARE or not free:
                continue
            inside = count + len(xy)
            xy.append(np.round(mesh.xy[block].sum(axis=0) / 4.0, 2))
            for number, side in enumerate(free[: 2 if draw[1] < 0.35 else 1]):
                split[side] = count + len(xy)
                xy.append(np.round(mesh.xy[ends[side]].sum(axis=0) / 2.0, 2))
                kind = RANK["service" if number == 0 else "footway"]
                lanes.append((split[side], inside, kind))
    new = np.array(lanes, dtype=np.int64)
    return Lanes(
        xy=np.array(xy),
        split=np.array(sorted(split), dtype=np.int64),
        middle=np.array([split[k] for k in sorted(split)], dtype=np.int64),
        ends=new[:, :2],
        rank=new[:, 2],
        block=np.empty(0, dtype=np.int64),
        yard=np.empty((0, 2)),
        farmstead=np.empty((0, 2)),
    )


def _of_yards(
    seed: int,
    mesh: Mesh,
    plans: list[StreetPlan],
    blocks: gpd.GeoDataFrame,
    kept: Ints,
    ends: Ints,
    rank: Ints,
    yards: Yards,
) -> Lanes:
    rng = stream(seed, "yards")
    side, target, block, corner = _block_sides(mesh, plans, blocks, ends, rank, yards)
    part = 0.42 + 0.16 * rng.random(len(side))
    piece, apex = _farm_sides(rng, mesh, kept, rank, yards)
    farm_part = 0.14 + 0.15 * rng.random(len(piece))
    split, where = np.unique(np.concatenate([side, piece]), return_inverse=True)
    middle = np.round(mesh.xy[ends[split]].sum(axis=1) / 2.0, 2)
    goal = np.vstack([target, mesh.xy[apex]])
    start = middle[where]
    end = np.round(start + np.concatenate([part, farm_part])[:, None] * (goal - start), 2)
    first = len(mesh.xy) + len(split)
    # half of the blocks have their lanes joined in the middle
    hub, hub_of = np.unique(block, return_inverse=True)
    joined = (rng.random(len(hub)) < 0.5)[hub_of]
    centre = np.full((len(hub), 2), np.nan)
    centre[hub_of] = target
    used = np.unique(hub_of[joined])
    number = np.full(len(hub), -1, dtype=np.int64)
    number[used] = np.arange(len(used))
    lane = np.column_stack([len(mesh.xy) + where, first + np.arange(len(end))])
    link = np.column_stack(
        [first + np.nonzero(joined)[0], first + len(end) + number[hub_of[joined]]]
    )
    # a lane off a path is no road for cars either
    on_foot = rank[split][where] >= RANK["footway"]
    kind = np.where(on_foot, RANK["path"], RANK["service"])
    return Lanes(
        xy=np.vstack([middle, end, np.round(centre[used], 2)]),
        split=split,
        middle=len(mesh.xy) + np.arange(len(split)),
        ends=np.vstack([lane, link]),
        rank=np.concatenate([kind, np.full(len(link), RANK["footway"])]),
        block=corner,
        yard=end[: len(side)],
        farmstead=end[len(side) :][rng.random(len(piece)) < yards.lived],
    )


def _block_sides(
    mesh: Mesh,
    plans: list[StreetPlan],
    blocks: gpd.GeoDataFrame,
    ends: Ints,
    rank: Ints,
    yards: Yards,
) -> tuple[Ints, Floats, Ints, Ints]:
    """Return for every lane of a block its piece, the block's middle, number and row."""
    n = len(mesh.xy)
    key = ends.min(axis=1) * n + ends.max(axis=1)
    order = np.argsort(key, kind="stable")
    homes = np.nonzero((blocks["use"] == "home").to_numpy())[0]
    corners = np.array(
        [plans[p].blocks[c] + mesh.plan_start[p]
         for p, c in zip(blocks["plan"].to_numpy()[homes], blocks["corner"].to_numpy()[homes],
                         strict=True)]
    )  # fmt: skip
    sides = np.stack([corners, np.roll(corners, -1, axis=1)], axis=-1)
    wanted = sides.min(axis=-1) * n + sides.max(axis=-1)
    found = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    piece = order[found]
    there = (key[piece] == wanted) & (rank[piece] >= RANK["secondary"])
    most = np.where(blocks["town"].to_numpy()[homes], yards.town, yards.seat)
    there &= np.cumsum(there, axis=1) <= most[:, None]
    row, side = np.nonzero(there)
    middle = mesh.xy[corners].sum(axis=1) / 4.0
    return piece[row, side], middle[row], row, homes[row]


def _farm_sides(
    rng: np.random.Generator, mesh: Mesh, kept: Ints, rank: Ints, yards: Yards
) -> tuple[Ints, Ints]:
    """Return for every lane to a farmstead its piece and the triangle's far corner."""
    n = len(mesh.xy)
    field = mesh.edges[mesh.kind == FIELD]
    net = sparse.csr_matrix((np.ones(len(field)), (field[:, 0], field[:, 1])), shape=(n, n))
    net = net + net.T
    country = np.nonzero((mesh.kind[kept] == FIELD) & (rank >= RANK["tertiary"]))[0]
    ends = mesh.edges[kept[country]]
    both = net[ends[:, 0]].multiply(net[ends[:, 1]]).tocsr()
    both.sort_indices()
    count = np.diff(both.indptr)
    luck = rng.random((len(country), 2))
    chosen: list[NDArray[np.int64]] = []
    corner: list[NDArray[np.int64]] = []
    for k, share in enumerate(yards.farmstead):
        has = np.nonzero((count > k) & (luck[:, k] < share))[0]
        chosen.append(country[has])
        corner.append(both.indices[both.indptr[has] + k].astype(np.int64))
    return np.concatenate(chosen), np.concatenate(corner)
