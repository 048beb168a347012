"""Small hostile networks for property tests, and their answers by networkx alone.

Numbers are small so that ties abound. Lengths of zero, loops, parallel edges, one-ways, islands,
points at the ends of edges and several points on one edge all occur.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import networkx as nx
import numpy as np
import pandas as pd
import pyproj
import shapely
from hypothesis import strategies as st

from siting.network.graph import RoadNetwork, assemble, drops_table

CRS = pyproj.CRS(4547)


@dataclass(frozen=True)
class World:
    network: RoadNetwork
    demand_at: pd.DataFrame
    site_at: pd.DataFrame


def network_of(
    nodes: int,
    edges: list[tuple[int, int, int, int, int]],
    half_delay: list[int] | None = None,
) -> RoadNetwork:
    """A network of (tail, head, length_mm, forward_ms, backward_ms)."""
    xy = np.array([[10.0 * i, float(i * i)] for i in range(nodes)])
    tail, head, length, forward, backward = (
        np.array(column) for column in zip(*edges, strict=True)
    )
    return assemble(
        mode="walk",
        access_kph=3.6,
        crs=CRS,
        node_id=np.arange(nodes) + 100,
        node_xy=xy,
        tail=tail,
        head=head,
        length_mm=length,
        forward_ms=forward,
        backward_ms=backward,
        stoppable=np.ones(len(edges), bool),
        highway=["residential"] * len(edges),
        geometry=shapely.linestrings(np.stack([xy[tail], xy[head]], axis=1)),
        way_id=np.arange(len(edges)),
        bridge=np.zeros(len(edges), bool),
        tunnel=np.zeros(len(edges), bool),
        half_delay_ms=half_delay,
        drops=drops_table([]),
    )


def attachments(network: RoadNetwork, rows: list[tuple[str, int, int, int]]) -> pd.DataFrame:
    """Rows of (point_id, edge or -1, offset_mm, access_mm)."""
    table = pd.DataFrame(rows, columns=["point_id", "edge_id", "offset_mm", "access_mm"])
    table["point_id"] = table["point_id"].astype("str")
    for column in ("edge_id", "offset_mm", "access_mm"):
        table[column] = table[column].astype("int64")
    on = table["edge_id"] >= 0
    component = network.component[network.tail[table["edge_id"].where(on, 0)]]
    table["component"] = np.where(on, component, -1)
    table["why"] = np.where(on, "", "beyond_max_access")
    return table


@st.composite
def worlds(draw: st.DrawFn) -> World:
    nodes = draw(st.integers(1, 7))
    node = st.integers(0, nodes - 1)
    cost = st.one_of(st.just(-1), st.integers(0, 12))
    edges = draw(
        st.lists(
            st.tuples(node, node, st.integers(0, 9), cost, cost).filter(
                lambda e: e[3] >= 0 or e[4] >= 0
            ),
            min_size=1,
            max_size=14,
        )
    )
    half_delay = draw(st.none() | st.lists(st.integers(0, 4), min_size=nodes, max_size=nodes))
    network = network_of(nodes, edges, half_delay)
    usable = [i for i, edge in enumerate(edges) if edge[2] > 0]

    def place() -> tuple[int, int, int]:
        edge = draw(st.sampled_from([-1, *usable]))
        if edge < 0:
            return -1, -1, draw(st.integers(-1, 5))
        return edge, draw(st.integers(0, edges[edge][2])), draw(st.integers(0, 5))

    demand = [(f"D{i}", *place()) for i in range(draw(st.integers(0, 6)))]
    # "S10" sorts before "S2": owners are in string order
    names = st.sampled_from(["S2", "S10", "S1", "Z", "学校"])
    sites = [(draw(names), *place()) for _ in range(draw(st.integers(0, 6)))]
    return World(network, attachments(network, demand), attachments(network, sites))


def half_up(value: Fraction) -> int:
    return int((value + Fraction(1, 2)) // 1)


def split(graph: nx.MultiDiGraph, stops: list[tuple[int, object]]) -> None:
    """Cut an edge at every place on it: lengths add up exactly."""
    length = stops[-1][0]
    for (a, p), (b, q) in pairwise(stops):
        graph.add_edge(p, q, weight=b - a)
        if a == b and length:  # two points at one place
            graph.add_edge(q, p, weight=0)


def joined_once(
    graph: nx.MultiDiGraph,
    first: int,
    last: int,
    places: list[tuple[int, tuple[str, int, int]]],
    time: int,
    length: int,
    half_delay: list[int],
) -> None:
    """Join each place to the ends and to the places ahead: a part is rounded once, as a whole."""
    for along, place in places:
        if place[0] == "arrive":
            part = half_up(Fraction(time * along, length))
            graph.add_edge(first, place, weight=part + half_delay[first])
        else:
            part = half_up(Fraction(time * (length - along), length))
            graph.add_edge(place, last, weight=part + half_delay[last])
            for further, other in places:
                if other[0] == "arrive" and further >= along:
                    part = half_up(Fraction(time * (further - along), length))
                    graph.add_edge(place, other, weight=part)


def expected(world: World, impedance: str) -> dict[str, dict[str, int]]:
    """Least impedance of every demand to every site it can travel to, by networkx."""
    network = world.network
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(network.node_id.size))
    inner: dict[int, set[tuple[str, int, int]]] = {}
    for kind, table in (("leave", world.demand_at), ("arrive", world.site_at)):
        for row in table.itertuples():
            if row.edge_id < 0:
                continue
            if row.offset_mm == 0:
                where: object = int(network.tail[row.edge_id])
            elif row.offset_mm == network.length_mm[row.edge_id]:
                where = int(network.head[row.edge_id])
            else:
                where = (kind, row.edge_id, row.offset_mm)
                inner.setdefault(row.edge_id, set()).add(where)
            # at 3.6 km/h a millimetre takes a millisecond, so the leg is one number for both
            name = (kind, row.point_id)
            ends = (name, where) if kind == "leave" else (where, name)
            graph.add_edge(*ends, weight=row.access_mm)
    for edge in range(network.tail.size):
        u, v = int(network.tail[edge]), int(network.head[edge])
        length = int(network.length_mm[edge])
        for time, first, last, turned in (
            (int(network.forward_ms[edge]), u, v, False),
            (int(network.backward_ms[edge]), v, u, True),
        ):
            if time < 0:
                continue
            places = [
                (length - place[2] if turned else place[2], place) for place in inner.get(edge, ())
            ]
            if impedance == "length":
                split(graph, [(0, first), *sorted(places), (length, last)])
                graph.add_edge(first, last, weight=length)
            else:
                delay = network.half_delay_ms.tolist()
                graph.add_edge(first, last, weight=time + delay[first] + delay[last])
                joined_once(graph, first, last, places, time, length, delay)
    result: dict[str, dict[str, int]] = {}
    for row in world.demand_at.itertuples():
        result[row.point_id] = {}
        if row.edge_id < 0:
            continue
        found = nx.single_source_dijkstra_path_length(graph, ("leave", row.point_id))
        for target, value in found.items():
            if isinstance(target, tuple) and target[0] == "arrive" and len(target) == 2:
                result[row.point_id][target[1]] = value
    return result
