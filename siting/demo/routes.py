"""Which pieces of the net become roads, and of which class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from siting.demo.chance import Floats, Ints, below, shuffled, stream
from siting.demo.mesh import BRIDGE, STREET, Mesh
from siting.demo.scale import Scale
from siting.demo.settlements import Seats, Villages
from siting.demo.streets import NO_ROAD, RANK, StreetPlan
from siting.demo.terrain import Terrain


@dataclass(frozen=True, eq=False)
class Routes:
    """The chosen roads.

    Attributes
    ----------
    rank
        Class of every piece of the net, ``NO_ROAD`` where there is none.
    ref
        Number of the road (``"G990"``), empty for lanes and streets.
    seat_node, village_node
        Where seats and villages lie on the net.
    hamlet_node, hamlet_village
        Node and village of every hamlet.
    """

    rank: Ints
    ref: NDArray[np.object_]
    seat_node: Ints
    village_node: Ints
    hamlet_node: Ints
    hamlet_village: Ints


TILE_M, AROUND_M = 12_000.0, 9_000.0  # local routes are looked for tile by tile


class _Router:
    """Cheapest routes over the net; roads already built are cheaper, so that routes share them."""

    def __init__(self, seed: int, terrain: Terrain, mesh: Mesh) -> None:
        rng = stream(seed, "routes")
        self.mesh = mesh
        a, b = mesh.edges[:, 0], mesh.edges[:, 1]
        step = mesh.xy[a] - mesh.xy[b]
        length = np.sqrt(step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1])
        climb = np.abs(terrain.height(mesh.xy[a]) - terrain.height(mesh.xy[b]))
        rough = 0.75 + 0.6 * rng.random(len(a))
        self.base = np.where(mesh.kind == BRIDGE, length, (length + 11.0 * climb) * rough)
        self.rank = mesh.rank.copy()
        self.ref = np.full(len(a), "", dtype=np.object_)
        n = len(mesh.xy)
        number = sparse.csr_matrix(
            (np.tile(np.arange(1, len(a) + 1), 2),
             (np.concatenate([a, b]), np.concatenate([b, a]))),
            shape=(n, n),
        )  # fmt: skip
        self.piece = number.data - 1
        ones = np.ones(len(self.piece), dtype=np.float64)
        self.graph: sparse.csr_matrix[np.float64] = sparse.csr_matrix(
            (ones, number.indices, number.indptr), shape=(n, n)
        )
        low, high = np.minimum(a, b), np.maximum(a, b)
        self.key_piece = np.argsort(low * n + high, kind="stable")
        self.keys = (low * n + high)[self.key_piece]

    def _priced(self) -> sparse.csr_matrix[np.float64]:
        discount = np.array([1, 1, 0.5, 0.5, 0.55, 0.6, 0.7, 0.95, 1, 1, 1, 1.0])
        price = np.floor(self.base * discount[self.rank] * 256.0) + 1.0
        self.graph.data = price[self.piece]
        return self.graph

    def connect(self, start: int, ends: list[int], rank: str, ref: str = "") -> None:
        """Build the cheapest routes from ``start`` to each of ``ends``."""
        step = self.mesh.xy[np.array(ends)] - self.mesh.xy[start]
        near = 256.0 * 1.6 * float(np.sqrt((step * step).sum(axis=1).max()))
        graph = self._priced()
        before = _ways(graph, start, near)
        if (before[np.array(ends)] < 0).any():  # most routes are found nearby
            before = _ways(graph, start, np.inf)
        at = np.zeros(len(ends), dtype=np.int64)
        self._build(before[None], at, np.array(ends), np.full(len(ends), RANK[rank]), ref)

    def local(self, starts: Ints, ends: Ints, rank: str, limits_m: Floats) -> None:
        """Build the cheapest route of each pair that costs no more metres of level track.

        Pairs are looked for independently of each other, so those of one tile go together, on the
        net of the tile and the ground around it.
        """
        graph, xy = self._priced(), self.mesh.xy
        tile = np.floor(xy[starts] / TILE_M).astype(np.int64)
        for corner in np.unique(tile, axis=0):
            mine = np.nonzero((tile == corner).all(axis=1))[0]
            low, high = corner * TILE_M - AROUND_M, (corner + 1) * TILE_M + AROUND_M
            here = np.nonzero(((xy >= low) & (xy <= high)).all(axis=1))[0]
            part = graph[here][:, here]
            number = np.full(len(xy), -1, dtype=np.int64)
            number[here] = np.arange(len(here))
            for some in np.array_split(mine, len(mine) // 100 + 1):
                cost, before = csgraph.dijkstra(
                    part, directed=False, indices=number[starts[some]], return_predecessors=True,
                    limit=256.0 * float(limits_m[some].max()),
                )  # fmt: skip
                row, column = np.arange(len(some)), number[ends[some]]
                near = np.nonzero(cost[row, column] <= 256.0 * limits_m[some])[0]
                before = np.where(before >= 0, here[np.maximum(before, 0)], -1)
                self._build(before, near, ends[some[near]], np.full(len(near), RANK[rank]), "",
                            number)  # fmt: skip

    def join(self, ends: Ints, ranks: list[str]) -> None:
        """Build the cheapest route from each of ``ends`` to the roads there are."""
        roads = np.unique(self.mesh.edges[self.rank < NO_ROAD])
        _, before, _ = csgraph.dijkstra(
            self._priced(), directed=False, indices=roads, min_only=True, return_predecessors=True
        )
        self._build(before[None], np.zeros(len(ends), dtype=np.int64), ends,
                    np.array([RANK[rank] for rank in ranks]), "")  # fmt: skip

    def _build(
        self,
        before: NDArray[Any],
        row: Ints,
        ends: Ints,
        ranks: Ints,
        ref: str,
        column: Ints | None = None,
    ) -> None:
        """Walk back from all ends at once; a piece takes the best class that passes over it.

        ``before`` holds the node before each on the cheapest ways (−1: none), a row a search;
        ``column`` is the column of every node, where they are not one and the same.
        """
        n, node = len(self.mesh.xy), ends
        while len(node):
            ahead = before[row, node if column is None else column[node]].astype(np.int64)
            on = ahead >= 0
            row, node, ahead, ranks = row[on], node[on], ahead[on], ranks[on]
            key = np.minimum(node, ahead) * n + np.maximum(node, ahead)
            piece = self.key_piece[np.searchsorted(self.keys, key)]
            better = ranks < self.rank[piece]
            np.minimum.at(self.rank, piece[better], ranks[better])
            self.ref[piece[better]] = ref
            node = ahead


def _ways(graph: sparse.csr_matrix[np.float64], start: int, limit: float) -> NDArray[np.int32]:
    _, before = csgraph.dijkstra(
        graph, directed=False, indices=np.array(start), return_predecessors=True, limit=limit
    )
    return np.asarray(before)


def choose_roads(
    seed: int,
    terrain: Terrain,
    mesh: Mesh,
    plans: list[StreetPlan],
    seats: Seats,
    villages: Villages,
    scale: Scale,
) -> Routes:
    """Return the roads of the region, from the national road down to field paths."""
    router = _Router(seed, terrain, mesh)
    centre = np.array([int(s) + p.centre for s, p in zip(mesh.plan_start, plans, strict=True)])
    node = centre if scale.many else centre[seats.plan]  # seats 0 and 1 share the southern plan
    joined = _largest_field(mesh)
    tree = cKDTree(mesh.xy[joined])

    def nearest(km: tuple[float, float]) -> int:
        return int(joined[int(tree.query(terrain.place(*km))[1])])

    south, north = int(centre[0]), int(centre[1])
    toll = mesh.toll.tolist()
    router.connect(north, [nearest((27.0, 42.0))], "trunk", "G990")
    router.connect(south, [north, toll[0]], "trunk", "G990")
    router.connect(toll[0], [nearest((21.0, -2.0))], "trunk", "G990")
    router.connect(south, [nearest((53.0, 17.0)), nearest((8.0, 12.0))], "primary", "S991")
    router.connect(north, [nearest((9.0, 30.0)), nearest((52.0, 30.0))], "primary", "S992")
    banks = terrain.north_bank[terrain.at(mesh.xy[node])]
    over = np.nonzero(mesh.kind == BRIDGE)[0][1:]
    for bridge in mesh.edges[over]:
        for end, bank in ((int(bridge[0]), False), (int(bridge[1]), True)):
            mine = np.nonzero(banks == bank)[0]
            near = _nearest_nodes(mesh, end, node[mine], 2)
            router.connect(end, near, "secondary", "X901")
    router.rank[over] = RANK["secondary"]
    for gate in toll[1:]:
        router.connect(gate, _nearest_nodes(mesh, gate, node, 2), "primary", "S993")
    if scale.many:  # the county towns are joined to each other
        towns = centre[: len(scale.towns)]
        tree_pairs, extra = _links(mesh.xy[towns], banks[: len(towns)])
        for number, (i, j) in enumerate(tree_pairs + extra):
            router.connect(int(towns[i]), [int(towns[j])], "primary", f"S{994 + number}")
    tree_pairs, extra = _links(mesh.xy[node], banks)
    for number, (i, j) in enumerate(tree_pairs):
        router.connect(int(node[i]), [int(node[j])], "secondary", f"X{902 + number}")
    for number, (i, j) in enumerate(extra):
        router.connect(int(node[i]), [int(node[j])], "tertiary", f"Y{number + 1:03d}")

    village_node = joined[tree.query(villages.xy)[1]]
    router.join(village_node, ["tertiary" if k % 3 == 0 else "unclassified"
                               for k in range(len(village_node))])  # fmt: skip
    rng = stream(seed, "village roads")
    pairs = np.array(_gabriel(villages.xy), dtype=np.int64)
    pairs = pairs[rng.random(len(pairs)) < 0.62]
    gap = villages.xy[pairs[:, 0]] - villages.xy[pairs[:, 1]]
    straight = np.sqrt(gap[:, 0] * gap[:, 0] + gap[:, 1] * gap[:, 1])
    router.local(village_node[pairs[:, 0]], village_node[pairs[:, 1]], "unclassified",
                 1.9 * straight)  # fmt: skip
    hamlet_node, hamlet_village = _hamlets(seed, terrain, mesh, joined, village_node, scale)
    router.join(hamlet_node, ["path" if rng.random() < 0.12 else "unclassified"
                              for _ in hamlet_node])  # fmt: skip
    first = np.arange(0, len(hamlet_node) - 1, 3)
    first = first[hamlet_village[first] == hamlet_village[first + 1]]
    router.local(hamlet_node[first], hamlet_node[first + 1], "path", np.full(len(first), 1500.0))
    return Routes(router.rank, router.ref, node, village_node, hamlet_node, hamlet_village)


def _largest_field(mesh: Mesh) -> Ints:
    """Return the nodes outside towns that hang together with the county's net."""
    n = len(mesh.xy)
    graph = sparse.csr_matrix(
        (np.ones(len(mesh.edges)), (mesh.edges[:, 0], mesh.edges[:, 1])), shape=(n, n)
    )
    _, piece = csgraph.connected_components(graph, directed=False)
    inside = piece == int(np.bincount(piece).argmax())
    inside[mesh.edges[mesh.kind == STREET].ravel()] = False
    return np.nonzero(inside)[0].astype(np.int64)


def _nearest_nodes(mesh: Mesh, end: int, nodes: Ints, count: int) -> list[int]:
    gap = ((mesh.xy[nodes] - mesh.xy[end]) ** 2).sum(axis=1)
    return [int(nodes[k]) for k in np.argsort(gap, kind="stable")[:count]]


def _links(
    xy: Floats, banks: NDArray[np.bool_]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Return the pairs of seats on the shortest tree, and other neighbouring pairs."""
    step = xy[:, None, :] - xy[None, :, :]
    gap = np.floor(np.sqrt((step * step).sum(axis=2)))
    gap += np.where(banks[:, None] != banks[None, :], 30_000.0, 0.0)
    tree = csgraph.minimum_spanning_tree(sparse.csr_matrix(gap)).tocoo()
    pairs = sorted((min(i, j), max(i, j)) for i, j in zip(tree.row, tree.col, strict=True))
    chosen = [(int(i), int(j)) for i, j in pairs]
    extra = [
        p for p in _gabriel(xy) if p not in chosen and banks[p[0]] == banks[p[1]] and p[1] != 1
    ]
    return chosen, extra


def _gabriel(xy: Floats) -> list[tuple[int, int]]:
    """Return the pairs of points between which no third one lies (Gabriel and Sokal 1969)."""
    step = xy[:, None, :] - xy[None, :, :]
    square = (step * step).sum(axis=2)
    pairs: list[tuple[int, int]] = []
    for i in range(len(xy)):
        near = np.nonzero(square[i] < 36e6 * 6)[0].tolist()
        pairs += [
            (i, j) for j in near if j > i and not (square[i] + square[j] < square[i, j]).any()
        ]
    return pairs


def _hamlets(
    seed: int,
    terrain: Terrain,
    mesh: Mesh,
    joined: Ints,
    village_node: Ints,
    scale: Scale,
) -> tuple[Ints, Ints]:
    """Return the villages' nodes and some around every village, apart from each other."""
    rng = stream(seed, "hamlets")
    reach_m, apart_m = scale.hamlet_m
    least, more = scale.hamlets
    tree = cKDTree(mesh.xy[joined])
    free = terrain.height(mesh.xy[joined]) < 520.0
    for taken in tree.query_ball_point(mesh.xy[village_node], apart_m):
        free[taken] = False
    at, owner = [int(k) for k in village_node], list(range(len(village_node)))
    for village, node in enumerate(village_node.tolist()):
        near = np.sort(tree.query_ball_point(mesh.xy[node], reach_m))
        wanted = least + below(rng, more)
        for k in near[shuffled(rng, len(near))].tolist():
            if wanted == 0:
                break
            if free[k]:
                free[tree.query_ball_point(mesh.xy[joined[k]], apart_m)] = False
                at.append(int(joined[k]))
                owner.append(village)
                wanted -= 1
    order = np.argsort(np.array(owner), kind="stable")
    return np.array(at)[order], np.array(owner)[order]
