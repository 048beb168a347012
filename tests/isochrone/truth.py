"""Who is covered, worked out point by point with STRtree and networkx alone: no code of siting.

A point goes to the nearest edge (to the millimetre, first of equals) among those allowed, by a
straight leg that crosses no barrier; else to the next one. Times are integers, rounded as the
method says.
"""

from __future__ import annotations

from fractions import Fraction

import networkx as nx
import numpy as np
import shapely
import shapely.ops

CLOSED = -1


def half_up(value: Fraction) -> int:
    return int((value + Fraction(1, 2)) // 1)


def mm(metres) -> np.ndarray:
    return np.floor(np.asarray(metres) * 1000.0 + 0.5).astype(np.int64)


class Truth:
    """The streets of a network as plain lists, and one site."""

    def __init__(self, network, *, max_access_m, min_component_km, barriers=()):
        # arrays as given by the loader; everything below is worked out again
        self.tail, self.head = network.tail.tolist(), network.head.tolist()
        self.length = network.length_mm.tolist()
        self.forth, self.back = network.forward_ms.tolist(), network.backward_ms.tolist()
        self.delay = network.half_delay_ms.tolist()
        self.metres_per_hour = int(np.floor(network.access_kph * 1000 + 0.5))
        self.lines = network.geometry
        self.limit = int(np.floor(max_access_m * 1000 + 1e-6))
        self.max_access_m = max_access_m
        self.barriers = list(barriers)
        parts = nx.Graph()
        parts.add_nodes_from(range(len(network.node_id)))
        parts.add_edges_from(zip(self.tail, self.head, strict=True))
        km = {}
        for part in nx.connected_components(parts):
            total = (
                sum(self.length[e] for e in range(len(self.tail)) if self.tail[e] in part)
                if len(part) < 50
                else float("inf")
            )
            km.update(dict.fromkeys(part, total / 1e6))
        self.allowed = np.array(
            [
                e
                for e in range(len(self.tail))
                if network.stoppable[e]
                and self.length[e] > 0
                and km[self.tail[e]] >= min_component_km
            ],
            dtype=np.int64,
        )
        self.tree = shapely.STRtree(self.lines[self.allowed])
        self.graph = nx.DiGraph()
        self.graph.add_nodes_from(range(len(network.node_id)))
        for e in range(len(self.tail)):
            for u, v, cost in (
                (self.tail[e], self.head[e], self.forth[e]),
                (self.head[e], self.tail[e], self.back[e]),
            ):
                if cost == CLOSED:
                    continue
                cost += self.delay[u] + self.delay[v]
                # to the site: searched against the way of travel
                if not self.graph.has_edge(v, u) or self.graph[v][u]["weight"] > cost:
                    self.graph.add_edge(v, u, weight=cost)

    def attached(self, points):
        """Edge (−1 where none), offset and leg (mm) of each point."""
        points = np.asarray(points, dtype=object)
        near, line = self.tree.query(points, predicate="dwithin", distance=self.max_access_m + 0.01)
        leg = mm(shapely.distance(points[near], self.lines[self.allowed[line]]))
        order = np.lexsort((line, leg, near))
        near, line, leg = near[order], self.allowed[line[order]], leg[order]
        edge = np.full(len(points), -1)
        access = np.full(len(points), -1, dtype=np.int64)
        if not self.barriers:
            first = np.unique(near, return_index=True)[1]
            edge[near[first]], access[near[first]] = line[first], leg[first]
        else:
            done = np.zeros(len(points), bool)
            for p, e, d in zip(near.tolist(), line.tolist(), leg.tolist(), strict=True):
                if done[p]:
                    continue
                way = shapely.shortest_line(points[p], self.lines[e])
                if d > 1:  # a leg may end on a barrier: its last millimetre does not count
                    way = shapely.ops.substring(way, 0, way.length - 0.001)
                if d > 1 and any(
                    way.intersects(wall) and not way.touches(wall) for wall in self.barriers
                ):
                    continue
                edge[p], access[p], done[p] = e, d, True
        edge[access > self.limit] = -1
        on = edge >= 0
        offset = np.full(len(points), -1, dtype=np.int64)
        share = shapely.line_locate_point(self.lines[edge[on]], points[on], normalized=True)
        length = np.array(self.length)[edge[on]]
        offset[on] = np.clip(np.floor(share * length + 0.5).astype(np.int64), 0, length)
        return edge, offset, access

    def leg_ms(self, leg: int) -> int:
        return half_up(Fraction(3600 * leg, self.metres_per_hour))

    def part(self, cost: int, some: int, length: int) -> int:
        return half_up(Fraction(cost * some, length))

    def times(self, points, site, cutoff):
        """Time (ms) from each point to the site, −1 beyond the cutoff or where there is no way."""
        (site_edge,), (site_offset,), (site_leg,) = (a.tolist() for a in self.attached([site]))
        if site_edge < 0:
            return np.full(len(points), -1, dtype=np.int64)
        edge, offset, leg = (a.tolist() for a in self.attached(points))
        graph = self.graph.copy()
        length = self.length[site_edge]
        goal = self.leg_ms(site_leg)
        if site_offset == 0:
            graph.add_edge("site", self.tail[site_edge], weight=goal)
        elif site_offset == length:
            graph.add_edge("site", self.head[site_edge], weight=goal)
        else:
            for node, cost, some in (
                (self.tail[site_edge], self.forth[site_edge], site_offset),
                (self.head[site_edge], self.back[site_edge], length - site_offset),
            ):
                if cost != CLOSED:
                    weight = goal + self.part(cost, some, length) + self.delay[node]
                    old = graph.get_edge_data("site", node, {"weight": weight})["weight"]
                    graph.add_edge("site", node, weight=min(weight, old))
        label = nx.single_source_dijkstra_path_length(graph, "site", cutoff=cutoff)
        result = np.full(len(edge), -1, dtype=np.int64)
        for i, (e, o, d) in enumerate(zip(edge, offset, leg, strict=True)):
            if e < 0:
                continue
            found = []
            whole, to_head, to_tail = self.length[e], self.forth[e], self.back[e]
            if o in (0, whole):
                node = self.tail[e] if o == 0 else self.head[e]
                if node in label:
                    found.append(label[node])
            else:
                if to_head != CLOSED and self.head[e] in label:
                    node = self.head[e]
                    found.append(
                        label[node] + self.part(to_head, whole - o, whole) + self.delay[node]
                    )
                if to_tail != CLOSED and self.tail[e] in label:
                    node = self.tail[e]
                    found.append(label[node] + self.part(to_tail, o, whole) + self.delay[node])
            if e == site_edge:
                way = site_offset - o
                cost = to_head if way >= 0 else to_tail
                ends = {0: self.delay[self.tail[e]], whole: self.delay[self.head[e]]}
                if way == 0:
                    found.append(goal)
                elif cost != CLOSED:
                    along = self.part(cost, abs(way), whole)
                    found.append(goal + along + ends.get(o, 0) + ends.get(site_offset, 0))
            if found and min(found) + self.leg_ms(d) <= cutoff:
                result[i] = min(found) + self.leg_ms(d)
        return result
