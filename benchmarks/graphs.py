"""Made-up street networks and attachments, any size, the same from the same seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely
from scipy.sparse.csgraph import dijkstra

from siting.network import RoadNetwork
from siting.network.graph import assemble, drops_table

SPACING_M = 90.0
KEPT = 0.66  # share of the links of the grid that stay: 2.6 streets a junction
ONE_WAY = 0.05
SPEED_MH = 4800
CRS = pyproj.CRS.from_epsg(4547)


def streets(nodes: int, *, seed: int = 0) -> RoadNetwork:
    """Return a jittered grid with a third of its links taken out, numbered at random.

    A spanning tree stays, so that all is one component; lengths are 1.0 to 1.3 times the straight
    line; one street in twenty is one-way. Nodes and edges are numbered at random, as in a file
    whose order says nothing of where things are.
    """
    rng = np.random.default_rng(seed)
    side = round(nodes**0.5)
    n = side * side
    x, y = np.meshgrid(np.arange(side), np.arange(side))
    grid = np.arange(n).reshape(side, side)
    xy = np.stack([x.ravel(), y.ravel()], axis=1) + rng.uniform(-0.35, 0.35, (n, 2))
    xy *= SPACING_M
    a = np.concatenate([grid[:, :-1].ravel(), grid[:-1].ravel()])
    b = np.concatenate([grid[:, 1:].ravel(), grid[1:].ravel()])
    kept = _spanning(a, b, n, rng)
    share = (KEPT * a.size - kept.sum()) / (a.size - kept.sum())
    kept |= rng.random(a.size) < share
    number = rng.permutation(n)
    a, b = number[a[kept]], number[b[kept]]
    place = np.empty_like(xy)
    place[number] = xy
    mixed = rng.permutation(a.size)
    a, b = a[mixed], b[mixed]
    swap = rng.random(a.size) < 0.5
    a, b = np.where(swap, b, a), np.where(swap, a, b)
    place += (500_000, 3_000_000)
    straight = np.hypot(*(place[a] - place[b]).T)
    length = np.rint(straight * rng.uniform(1.0, 1.3, a.size) * 1000).astype(np.int64)
    ms = (2 * 3600 * length + SPEED_MH) // (2 * SPEED_MH)
    return assemble(
        mode="walk",
        access_kph=4.8,
        crs=CRS,
        node_id=np.arange(n),
        node_xy=place,
        tail=a,
        head=b,
        length_mm=length,
        forward_ms=ms,
        backward_ms=np.where(rng.random(a.size) < ONE_WAY, -1, ms),
        stoppable=np.ones(a.size, dtype=bool),
        highway=np.full(a.size, "residential"),
        geometry=shapely.linestrings(np.stack([place[a], place[b]], axis=1)),
        way_id=np.arange(a.size),
        bridge=np.zeros(a.size, dtype=bool),
        tunnel=np.zeros(a.size, dtype=bool),
        drops=drops_table([]),
    )


def _spanning(
    a: npt.NDArray[np.int64], b: npt.NDArray[np.int64], n: int, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Return which links make a random spanning tree."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    # weights 1 … links, so that the tree names its links
    weight = rng.permutation(a.size) + 1.0
    tree = minimum_spanning_tree(coo_array((weight, (a, b)), shape=(n, n)).tocsr())
    kept = np.zeros(a.size + 1, dtype=bool)
    kept[tree.data.astype(np.int64)] = True
    result: npt.NDArray[np.bool_] = kept[weight.astype(np.int64)]
    return result


def points_on(network: RoadNetwork, count: int, name: str, *, seed: int) -> pd.DataFrame:
    """Return attachments of ``count`` points at random places along the streets, legs to 100 m."""
    rng = np.random.default_rng(seed)
    edge = rng.integers(0, network.tail.size, count)
    return pd.DataFrame(
        {
            "point_id": pd.Series([f"{name}{i:07d}" for i in range(count)], dtype="str"),
            "edge_id": edge,
            "offset_mm": (rng.random(count) * network.length_mm[edge]).astype(np.int64),
            "access_mm": rng.integers(0, 100_000, count),
            "component": network.component[network.tail[edge]],
            "why": "",
        }
    )


def points_at(network: RoadNetwork, node: npt.NDArray[np.int64], name: str) -> pd.DataFrame:
    """Return attachments of points that stand at these nodes, without a leg."""
    edge_of = np.full(network.node_id.size, -1, dtype=np.int64)
    edge_of[network.tail] = np.arange(network.tail.size)
    edge_of[network.head] = np.arange(network.tail.size)
    edge = edge_of[node]
    return pd.DataFrame(
        {
            "point_id": pd.Series([f"{name}{i:07d}" for i in range(node.size)], dtype="str"),
            "edge_id": edge,
            "offset_mm": np.where(network.tail[edge] == node, 0, network.length_mm[edge]),
            "access_mm": np.zeros(node.size, dtype=np.int64),
            "component": network.component[node],
            "why": "",
        }
    )


@dataclass(frozen=True)
class Arcs:
    """The arcs of a network as peers take them: demand → site, the least of parallel ones."""

    nodes: int
    start: npt.NDArray[np.int64]
    end: npt.NDArray[np.int64]
    ms: npt.NDArray[np.int64]


def arcs(network: RoadNetwork) -> Arcs:
    """Return the arcs of a network in the direction of travel."""
    if network.half_delay_ms.any():
        raise ValueError("peers know no delay at junctions")
    ahead, back = network.forward_ms >= 0, network.backward_ms >= 0
    start = np.concatenate([network.tail[ahead], network.head[back]]).astype(np.int64)
    end = np.concatenate([network.head[ahead], network.tail[back]]).astype(np.int64)
    ms = np.concatenate([network.forward_ms[ahead], network.backward_ms[back]])
    order = np.lexsort([ms, end, start])
    start, end, ms = start[order], end[order], ms[order]
    first = np.ones(start.size, dtype=bool)
    first[1:] = (start[1:] != start[:-1]) | (end[1:] != end[:-1])
    return Arcs(network.node_id.size, start[first], end[first], ms[first])


def each_ms(
    onward: Any, starts: list[tuple[int, int]], goals: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return ms by scipy from one place to each of some junctions; inf where there is no way.

    Parameters
    ----------
    onward
        Sparse matrix of the arcs as they are driven.
    starts
        Junctions the place leads to, and ms to them.
    goals
        Junctions.
    """
    node, ms = zip(*starts, strict=True)
    far = dijkstra(onward, indices=list(node))[:, goals]
    found: npt.NDArray[np.float64] = (far + np.array(ms, dtype=float)[:, None]).min(axis=0)
    return found


def ends(
    network: RoadNetwork, at: pd.DataFrame, *, leaving: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return (row, junction, ms) of the ways between attached points and both ends of their edge.

    Written from the method's formulas, not with siting's code, for checks.
    """
    edge, offset = at["edge_id"].to_numpy(), at["offset_mm"].to_numpy()
    length = network.length_mm[edge]
    speed = round(network.access_kph * 1000)
    leg = (2 * 3600 * at["access_mm"].to_numpy() + speed) // (2 * speed)
    out = []
    for node, part, way in (
        (network.head[edge], length - offset, (network.forward_ms, network.backward_ms)),
        (network.tail[edge], offset, (network.backward_ms, network.forward_ms)),
    ):
        ms = way[0 if leaving else 1][edge]
        free = (ms >= 0) | (part == 0)
        along = np.where(part == 0, 0, (ms * part + length // 2) // np.maximum(length, 1))
        out.append((np.flatnonzero(free), node[free].astype(np.int64), (leg + along)[free]))
    return tuple(np.concatenate(column) for column in zip(*out, strict=True))  # type: ignore[return-value]
