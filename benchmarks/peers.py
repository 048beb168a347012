"""The peers: each takes the arcs of a network once, and answers as it does best.

All search the reversed graph from the sites, as siting does, so that the way is demand → site.
A peer that is not installed is left out and named.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.graphs import Arcs

I64 = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]
FAR = 1 << 60
Triples = tuple[I64, I64, I64]
"""Site, demand (both as positions in what was asked) and ms."""


def whole(values: F64) -> I64:
    """Return float ms as integers, ``FAR`` where there is no way."""
    out = np.full(values.shape, FAR, dtype=np.int64)
    there = np.isfinite(values) & (values < 1e15)
    out[there] = np.rint(values[there]).astype(np.int64)
    return out


class Peer:
    """A program that answers the same questions."""

    name: str
    threads = 1
    long = False
    """Takes minutes on a large city: raced after the others, beside siting alone."""

    def __init__(self, arcs: Arcs, xy: F64) -> None:
        raise NotImplementedError

    def nearest(self, sites: I64, maximum: int | None) -> Any:
        """Return, in the peer's own form, every junction's way to its nearest site."""
        raise NotImplementedError

    def ms(self, answer: Any) -> I64:
        """Return such an answer in ms by junction, ``FAR`` where there is none."""
        return whole(np.asarray(answer, dtype=float))

    def table(self, sites: I64, demands: I64, maximum: int) -> Triples:
        """Return all pairs within the maximum."""
        raise NotImplementedError


class Scipy(Peer):
    """``csgraph.dijkstra`` on a float matrix; ms up to 2^53 are exact."""

    name = "scipy"

    def __init__(self, arcs: Arcs, xy: F64) -> None:
        from scipy.sparse import csr_array

        shape = (arcs.nodes, arcs.nodes)
        self.matrix = csr_array((arcs.ms.astype(float), (arcs.end, arcs.start)), shape=shape)

    def nearest(self, sites: I64, maximum: int | None) -> Any:
        """One search, ``min_only``, without owners."""
        from scipy.sparse.csgraph import dijkstra

        limit = np.inf if maximum is None else maximum
        return dijkstra(self.matrix, indices=sites, min_only=True, limit=limit)

    def table(self, sites: I64, demands: I64, maximum: int) -> Triples:
        """Bounded searches, 50 sites at a time."""
        from scipy.sparse.csgraph import dijkstra

        parts = []
        for first in range(0, sites.size, 50):
            rows = dijkstra(self.matrix, indices=sites[first : first + 50], limit=maximum)
            rows = rows[:, demands]
            site, demand = np.nonzero(rows <= maximum)
            parts.append((site + first, demand, whole(rows[site, demand])))
        return joined(parts)


class ScipyOwners(Scipy):
    """The same with the owner of each junction, as siting gives it."""

    name = "scipy with owners"

    def nearest(self, sites: I64, maximum: int | None) -> Any:
        """One search, ``min_only``, with the source of each junction."""
        from scipy.sparse.csgraph import dijkstra

        limit = np.inf if maximum is None else maximum
        return dijkstra(
            self.matrix, indices=sites, min_only=True, limit=limit, return_predecessors=True
        )

    def ms(self, answer: Any) -> I64:
        """The first of distances, predecessors and sources."""
        return whole(answer[0])


class Pandana(Peer):
    """Contraction hierarchies in C++; seconds, of which it keeps three digits."""

    name = "pandana"
    threads = 2
    long = True
    unbounded_s = 4_000_000  # its distances are 32-bit thousandths

    def __init__(self, arcs: Arcs, xy: F64) -> None:
        import pandana

        # from the junctions out to the places it looks for
        self.xy = apart(xy)
        self.network = self._network(pandana, arcs.start, arcs.end, arcs, self.xy)

    def _network(self, pandana: Any, start: I64, end: I64, arcs: Arcs, xy: F64) -> Any:
        return pandana.Network(
            pd.Series(xy[:, 0]),
            pd.Series(xy[:, 1]),
            pd.Series(start),
            pd.Series(end),
            # it cuts to thousandths: 0.123 would become 0.122
            pd.DataFrame({"s": arcs.ms / 1000.0 + 0.0002}),
            twoway=False,
        )

    def nearest(self, sites: I64, maximum: int | None) -> Any:
        """``nearest_pois`` with ids; it rounds to thousandths, so its ms are exact."""
        far = self.unbounded_s if maximum is None else maximum / 1000.0
        self.network.set_pois(
            "site", far, 1, pd.Series(self.xy[sites, 0]), pd.Series(self.xy[sites, 1])
        )
        return self.network.nearest_pois(
            far, "site", num_pois=1, max_distance=np.inf, include_poi_ids=True
        )

    def ms(self, answer: Any) -> I64:
        """It keeps thousandths of a second."""
        return whole(answer[1].to_numpy(dtype=float) * 1000.0)


class PandanaTable(Pandana):
    """The same on the reversed graph."""

    def __init__(self, arcs: Arcs, xy: F64) -> None:
        import pandana

        self.xy = apart(xy)
        self.network = self._network(pandana, arcs.end, arcs.start, arcs, self.xy)

    def table(self, sites: I64, demands: I64, maximum: int) -> Triples:
        """``nodes_in_range``, from the sites."""
        found = self.network.nodes_in_range(sites, maximum / 1000.0)
        number = np.full(self.xy.shape[0], -1)
        number[demands] = np.arange(demands.size)
        site_of = pd.Series(np.arange(sites.size), index=sites)
        demand = number[found["destination"].to_numpy()]
        on = demand >= 0
        site = site_of.loc[found["source"].to_numpy()[on]].to_numpy()
        return site, demand[on], whole(found["s"].to_numpy(dtype=float)[on] * 1000.0)


class Igraph(Peer):
    """C; one virtual junction leads to all sites."""

    name = "igraph"

    def __init__(self, arcs: Arcs, xy: F64) -> None:
        self.arcs = arcs
        self.graph = self._graph(arcs.end, arcs.start, arcs.nodes)
        self.graph.es["ms"] = arcs.ms.astype(float).tolist()

    def _graph(self, start: I64, end: I64, nodes: int) -> Any:
        import igraph

        return igraph.Graph(n=nodes, edges=np.stack([start, end], axis=1), directed=True)

    def nearest(self, sites: I64, maximum: int | None) -> Any:
        """One search from the virtual junction; no maximum can be set."""
        start = np.concatenate([self.arcs.end, np.full(sites.size, self.arcs.nodes)])
        end = np.concatenate([self.arcs.start, sites])
        if not hasattr(self, "joined"):
            self.joined = self._graph(start, end, self.arcs.nodes + 1)
            ms = np.concatenate([self.arcs.ms, np.zeros(sites.size, dtype=np.int64)])
            self.virtual_ms = ms.astype(float).tolist()
        return self.joined.distances(source=[self.arcs.nodes], weights=self.virtual_ms)[0]

    def ms(self, answer: Any) -> I64:
        """Without the virtual junction."""
        return whole(np.array(answer[:-1]))


class Networkit(Peer):
    """C++; one virtual junction leads to all sites."""

    name = "networkit"

    def __init__(self, arcs: Arcs, xy: F64) -> None:
        self.arcs = arcs
        self.graph = self._graph(arcs.end, arcs.start, arcs.ms, arcs.nodes)

    def _graph(self, start: I64, end: I64, ms: I64, nodes: int) -> Any:
        import networkit

        made = networkit.GraphFromCoo(
            (ms.astype(float), (start, end)), n=nodes, weighted=True, directed=True
        )
        made.sortEdges()
        return made

    def nearest(self, sites: I64, maximum: int | None) -> Any:
        """One search from the virtual junction; no maximum can be set."""
        import networkit

        if not hasattr(self, "joined"):
            start = np.concatenate([self.arcs.end, np.full(sites.size, self.arcs.nodes)])
            end = np.concatenate([self.arcs.start, sites])
            ms = np.concatenate([self.arcs.ms, np.zeros(sites.size, dtype=np.int64)])
            self.joined = self._graph(start, end, ms, self.arcs.nodes + 1)
        search = networkit.distance.Dijkstra(self.joined, self.arcs.nodes, False, False)
        search.run()
        return search.getDistances()

    def ms(self, answer: Any) -> I64:
        """Without the virtual junction."""
        return whole(np.array(answer[:-1]))


class NetworkitTable(Networkit):
    """``SPSP``: whole searches in threads, cut afterwards; it has no maximum."""

    name = "networkit"
    threads = 2

    def table(self, sites: I64, demands: I64, maximum: int) -> Triples:
        """50 sites at a time, for memory."""
        import networkit

        parts = []
        for first in range(0, sites.size, 50):
            search = networkit.distance.SPSP(self.graph, sites[first : first + 50].tolist())
            search.run()
            rows = np.asarray(search.getDistances(asarray=True))[:, demands]
            site, demand = np.nonzero(rows <= maximum)
            parts.append((site + first, demand, whole(rows[site, demand])))
        return joined(parts)


class Cch(Peer):
    """RoutingKit's customizable contraction hierarchies: unsigned 32-bit ms."""

    name = "routingkit-cch"
    threads = 2

    def __init__(self, arcs: Arcs, xy: F64) -> None:
        import routingkit_cch as kit

        self.kit = kit
        tail, head = arcs.end.tolist(), arcs.start.tolist()
        order = kit.compute_order_inertial(
            arcs.nodes, tail, head, xy[:, 1].tolist(), xy[:, 0].tolist()
        )
        self.cch = kit.CCH(order, tail, head, False)
        self.metric = kit.CCHMetric(self.cch, arcs.ms.tolist())
        self.every = kit.CCHOneToMany(self.metric, list(range(arcs.nodes)))

    def nearest(self, sites: I64, maximum: int | None) -> Any:
        """From all sites at once to every junction, which is pinned beforehand."""
        return self.every.distances_from_multi([(int(s), 0) for s in sites])

    def ms(self, answer: Any) -> I64:
        """A list with gaps."""
        return listed(answer)

    def table(self, sites: I64, demands: I64, maximum: int) -> Triples:
        """From each site to all demand; whole searches, in threads, cut afterwards."""

        def block(part: I64) -> Triples:
            search = self.kit.CCHOneToMany(self.metric, demands.tolist())
            parts = []
            for i in part.tolist():
                row = listed(search.distances_from(int(sites[i])))
                demand = np.flatnonzero(row <= maximum)
                parts.append((np.full(demand.size, i), demand, row[demand]))
            return joined(parts)

        with ThreadPoolExecutor(self.threads) as pool:
            return joined(list(pool.map(block, np.array_split(np.arange(sites.size), 2))))


class Networkx(Peer):
    """Python."""

    name = "networkx"

    def __init__(self, arcs: Arcs, xy: F64) -> None:
        import networkx as nx

        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(range(arcs.nodes))
        self.graph.add_weighted_edges_from(
            zip(arcs.end.tolist(), arcs.start.tolist(), arcs.ms.tolist(), strict=True), weight="ms"
        )

    def nearest(self, sites: I64, maximum: int | None) -> Any:
        """``multi_source_dijkstra_path_length``."""
        import networkx as nx

        return nx.multi_source_dijkstra_path_length(
            self.graph, set(sites.tolist()), cutoff=maximum, weight="ms"
        )

    def ms(self, answer: Any) -> I64:
        """A dict of those reached."""
        return listed([answer.get(i) for i in range(self.graph.number_of_nodes())])

    def table(self, sites: I64, demands: I64, maximum: int) -> Triples:
        """A bounded search from each site."""
        import networkx as nx

        number = {node: i for i, node in enumerate(demands.tolist())}
        parts = []
        for i, site in enumerate(sites.tolist()):
            found = nx.single_source_dijkstra_path_length(
                self.graph, site, cutoff=maximum, weight="ms"
            )
            pairs = [(number[node], ms) for node, ms in found.items() if node in number]
            row = np.array(pairs, dtype=np.int64).reshape(-1, 2)
            parts.append((np.full(len(row), i), row[:, 0], row[:, 1]))
        return joined(parts)


NEAREST: list[type[Peer]] = [Scipy, ScipyOwners, Pandana, Igraph, Networkit, Cch, Networkx]
TABLE: list[type[Peer]] = [Scipy, PandanaTable, NetworkitTable, Cch, Networkx]


def apart(xy: F64) -> F64:
    """Return junctions with those at one place a millimetre apart, for peers that find by place.

    Where a barrier parts a street there are two junctions at one place.
    """
    order = np.lexsort(xy.T)
    same = np.concatenate([[False], (xy[order[1:]] == xy[order[:-1]]).all(axis=1)])
    count = np.arange(same.size)
    nth = count - np.maximum.accumulate(np.where(same, 0, count))
    moved = xy.copy()
    moved[order, 0] += 0.001 * nth
    return moved


def listed(row: list[int | None]) -> I64:
    """Return a list with gaps as an array with ``FAR``."""
    return np.array([FAR if ms is None else ms for ms in row], dtype=np.int64)


def within(ms: I64, maximum: int | None) -> I64:
    """Return ms with what is beyond the maximum as ``FAR``."""
    return ms if maximum is None else np.where(ms <= maximum, ms, FAR)


def joined(parts: list[Triples]) -> Triples:
    """Return blocks of pairs as one."""
    site, demand, ms = (np.concatenate(column) for column in zip(*parts, strict=True))
    return site, demand, ms


def made(
    kinds: list[type[Peer]], arcs: Arcs, xy: F64, clock: Callable[..., tuple[Any, float]]
) -> tuple[list[tuple[Peer, float]], list[str]]:
    """Return the peers that can be had with the seconds each took to get ready, and who cannot."""
    ready, absent = [], []
    for kind in kinds:
        try:
            peer, seconds = clock(lambda kind=kind: kind(arcs, xy))
        except ImportError as error:
            absent.append(f"{kind.name}: not installed ({error})")
            continue
        print(f"    {kind.name}: ready in {seconds:.1f} s", flush=True)
        ready.append((peer, seconds))
    return ready, absent
