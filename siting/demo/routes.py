"""Which pieces of the net become roads, and of which class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.spatial import cKDTree

from siting.demo.chance import Floats, Ints, below, shuffled, stream
from siting.demo.mesh import BRIDGE, STREET, Mesh
from siting.demo.settlements import Villages
from siting.demo.streets import NO_ROAD, RANK, StreetPlan
from siting.demo.terrain import EAST0, NORTH0, Terrain


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
        self.keys = np.sort(a * n + b)
        self.key_piece = np.argsort(a * n + b, kind="stable")

    def _priced(self) -> sparse.csr_matrix[np.float64]:
        discount = np.array([1, 1, 0.5, 0.5, 0.55, 0.6, 0.7, 0.95, 1, 1, 1, 1.0])
        price = np.floor(self.base * discount[self.rank] * 256.0) + 1.0
        self.graph.data = price[self.piece]
        return self.graph

    def connect(self, start: int, ends: list[int], rank: str, ref: str = "") -> None:
        """Build the cheapest routes from ``start`` to each of ``ends``."""
        _, before = csgraph.dijkstra(
            self._priced(), directed=False, indices=np.array(start), return_predecessors=True
        )
        for end in ends:
            self._build(before, start, end, RANK[rank], ref)

    def local(self, start: int, end: int, rank: str, limit_m: float) -> None:
        """Build the cheapest route if it costs no more than ``limit_m`` metres of level track."""
        _, before = csgraph.dijkstra(
            self.graph, directed=False, indices=np.array(start), return_predecessors=True,
            limit=limit_m * 256.0,
        )  # fmt: skip
        self._build(before, start, end, RANK[rank], "")

    def join(self, ends: Ints, ranks: list[str]) -> None:
        """Build the cheapest route from each of ``ends`` to the roads there are."""
        roads = np.unique(self.mesh.edges[self.rank < NO_ROAD])
        _, before, _ = csgraph.dijkstra(
            self._priced(), directed=False, indices=roads, min_only=True, return_predecessors=True
        )
        for end, rank in zip(ends.tolist(), ranks, strict=True):
            self._build(before, -1, end, RANK[rank], "")

    def _build(self, before: NDArray[np.int32], start: int, end: int, rank: int, ref: str) -> None:
        n = len(self.mesh.xy)
        node = end
        while node != start and before[node] >= 0:
            a, b = int(before[node]), node
            node = a
            at = int(np.searchsorted(self.keys, a * n + b))
            if at == len(self.keys) or self.keys[at] != a * n + b:
                at = int(np.searchsorted(self.keys, b * n + a))
            piece = int(self.key_piece[at])
            if rank < self.rank[piece]:
                self.rank[piece] = rank
                self.ref[piece] = ref


def choose_roads(
    seed: int,
    terrain: Terrain,
    mesh: Mesh,
    plans: list[StreetPlan],
    villages: Villages,
) -> Routes:
    """Return the roads of the county, from the national road down to field paths."""
    router = _Router(seed, terrain, mesh)
    centre = [int(s) + p.centre for s, p in zip(mesh.plan_start, plans, strict=True)]
    node = np.array([centre[0], centre[0], *centre[1:]])  # seats 0 and 1 share the southern plan
    joined = _largest_field(mesh)
    tree = cKDTree(mesh.xy[joined])

    def nearest(km: tuple[float, float]) -> int:
        point = np.array([EAST0, NORTH0]) + 1000.0 * np.array(km)
        return int(joined[int(tree.query(point)[1])])

    south, north = int(node[0]), int(node[2])
    toll = mesh.toll.tolist()
    router.connect(north, [nearest((27.0, 42.0))], "trunk", "G990")
    router.connect(south, [north, toll[0]], "trunk", "G990")
    router.connect(toll[0], [nearest((21.0, -2.0))], "trunk", "G990")
    router.connect(south, [nearest((53.0, 17.0)), nearest((8.0, 12.0))], "primary", "S991")
    router.connect(north, [nearest((9.0, 30.0)), nearest((52.0, 30.0))], "primary", "S992")
    bridge = mesh.edges[mesh.kind == BRIDGE][1]
    banks = np.array([terrain.north_bank[terrain.at(xy)] for xy in mesh.xy[node]])
    for end, bank in ((int(bridge[0]), False), (int(bridge[1]), True)):
        mine = np.nonzero(banks == bank)[0]
        gap = ((mesh.xy[node[mine]] - mesh.xy[end]) ** 2).sum(axis=1)
        near = node[mine[np.argsort(gap, kind="stable")[:2]]]
        router.connect(end, [int(k) for k in near], "secondary", "X901")
    router.rank[np.nonzero(mesh.kind == BRIDGE)[0][1]] = RANK["secondary"]
    router.connect(toll[1], _nearest_nodes(mesh, toll[1], node, 2), "primary", "S993")
    tree_pairs, extra = _links(mesh.xy[node], banks)
    for number, (i, j) in enumerate(tree_pairs):
        router.connect(int(node[i]), [int(node[j])], "secondary", f"X{902 + number}")
    for number, (i, j) in enumerate(extra):
        router.connect(int(node[i]), [int(node[j])], "tertiary", f"Y{number + 1:03d}")

    village_node = joined[tree.query(villages.xy)[1]]
    router.join(village_node, ["tertiary" if k % 3 == 0 else "unclassified"
                               for k in range(len(village_node))])  # fmt: skip
    router._priced()
    rng = stream(seed, "village roads")
    for i, j in _gabriel(villages.xy):
        if rng.random() < 0.62:
            gap = villages.xy[i] - villages.xy[j]
            straight = float(np.sqrt(gap[0] * gap[0] + gap[1] * gap[1]))
            router.local(int(village_node[i]), int(village_node[j]), "unclassified", 1.9 * straight)
    hamlet_node, hamlet_village = _hamlets(seed, terrain, mesh, joined, village_node)
    router.join(hamlet_node, ["path" if rng.random() < 0.12 else "unclassified"
                              for _ in hamlet_node])  # fmt: skip
    router._priced()
    for k in range(0, len(hamlet_node) - 1, 3):
        if hamlet_village[k] == hamlet_village[k + 1]:
            router.local(int(hamlet_node[k]), int(hamlet_node[k + 1]), "path", 1500.0)
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
) -> tuple[Ints, Ints]:
    """Return four to seven nodes around every village, apart from each other."""
    rng = stream(seed, "hamlets")
    tree = cKDTree(mesh.xy[joined])
    at, owner = [int(k) for k in village_node], list(range(len(village_node)))
    for village, node in enumerate(village_node.tolist()):
        near = joined[np.sort(tree.query_ball_point(mesh.xy[node], 1150.0))]
        wanted = 3 + below(rng, 4)
        for k in near[shuffled(rng, len(near))].tolist():
            if wanted == 0:
                break
            gap = ((mesh.xy[np.array(at)] - mesh.xy[k]) ** 2).sum(axis=1)
            if float(gap.min()) > 330.0 * 330.0 and terrain.height(mesh.xy[k]) < 520.0:
                at.append(k)
                owner.append(village)
                wanted -= 1
    order = np.argsort(np.array(owner), kind="stable")
    return np.array(at)[order], np.array(owner)[order]
