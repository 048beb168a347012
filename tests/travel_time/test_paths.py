"""Ways are whole, cost what the search says, and are the ones the tie rule names."""

from __future__ import annotations

from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from road_worlds import World, attachments, expected, half_up, network_of, worlds

from siting.travel_time import nearest
from siting.travel_time.paths import Paths, paths


def walked(world: World, way: Paths, i: int, impedance: str) -> int:
    """What a way costs, step by step; fails where the steps do not hang together."""
    network = world.network
    home = world.demand_at.iloc[i]
    entry = world.site_at.iloc[way.entry[i]]
    delay = network.half_delay_ms.tolist() if impedance == "time" else [0] * 99
    steps = range(way.indptr[i], way.indptr[i + 1])
    total = int(home.access_mm + entry.access_mm)

    def node_at(edge: int, mm: int) -> int | None:
        if mm == 0:
            return int(network.tail[edge])
        return int(network.head[edge]) if mm == network.length_mm[edge] else None

    def place(edge: int, mm: int) -> tuple:
        node = node_at(edge, mm)
        return ("node", node) if node is not None else ("edge", edge, mm)

    here = place(int(home.edge_id), int(home.offset_mm))
    for k in steps:
        edge, begin, stop = int(way.edge[k]), int(way.from_mm[k]), int(way.to_mm[k])
        length = int(network.length_mm[edge])
        ahead = bool(way.forward[k])
        first, last = place(edge, begin), place(edge, stop)
        if length == 0:  # either end is at 0
            ends = ("node", int(network.tail[edge])), ("node", int(network.head[edge]))
            first, last = ends if ahead else ends[::-1]
        else:
            assert (begin < stop) == ahead
            assert begin != stop
        assert first == here
        here = last
        cost = int((network.forward_ms if ahead else network.backward_ms)[edge])
        assert cost >= 0
        if impedance == "length":
            total += abs(stop - begin)
        elif length == 0:
            total += cost
        else:
            total += half_up(Fraction(cost * abs(stop - begin), length))
        total += sum(delay[p[1]] for p in (first, last) if p[0] == "node")
    assert here == place(int(entry.edge_id), int(entry.offset_mm))
    return total


@settings(max_examples=100)
@given(worlds(), st.sampled_from(["time", "length"]))
def test_ways_are_whole_and_cost_what_networkx_finds(world, impedance):
    way = paths(world.network, world.demand_at, world.site_at, impedance=impedance)
    told = nearest(world.network, world.demand_at, world.site_at, impedance=impedance)
    assert way.demand_id.tolist() == told.index.tolist()
    assert way.site_id.tolist() == told["site_id"].tolist()
    assert way.impedance.tolist() == told["impedance"].tolist()
    answers = expected(world, impedance)
    for i, home in enumerate(way.demand_id):
        found = answers[home]
        if not found:
            assert (way.site_id[i], way.impedance[i], way.entry[i]) == (None, -1, -1)
            assert way.indptr[i] == way.indptr[i + 1]
            continue
        least = min(found.values())
        assert way.impedance[i] == least
        assert way.site_id[i] == min(s for s, v in found.items() if v == least)
        assert way.site_id[i] == world.site_at["point_id"].iloc[way.entry[i]]
        assert walked(world, way, i, impedance) == least


@settings(max_examples=50)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(world, random):
    way = paths(world.network, world.demand_at, world.site_at)
    demand = list(range(len(world.demand_at)))
    sites = list(range(len(world.site_at)))
    random.shuffle(demand)
    random.shuffle(sites)
    other = paths(world.network, world.demand_at.iloc[demand], world.site_at.iloc[sites])
    by = ["demand_id"]
    one = way.steps().sort_values(by, kind="stable", ignore_index=True)
    two = other.steps().sort_values(by, kind="stable", ignore_index=True)
    assert one.equals(two)


@settings(max_examples=30)
@given(st.integers(0, 10**6))
def test_of_equal_ways_that_of_fewest_edges(seed):
    """A lattice of equal streets with short cuts: ties abound."""
    rng = np.random.default_rng(seed)
    size = 4
    edges = []
    for x in range(size):
        for y in range(size):
            node = x * size + y
            for step in ((1, 0), (0, 1)):
                to = (x + step[0], y + step[1])
                if max(to) < size:
                    edges.append((node, to[0] * size + to[1], 2, 2, 2))
    for _ in range(3):  # as long as two streets, but one edge
        x, y = rng.integers(0, size - 2, 2).tolist()
        edges.append((x * size + y, (x + 2) * size + y, 4, 4, 4))
    edges = [edges[i] for i in rng.permutation(len(edges))]
    a, b = rng.choice(size * size, 2, replace=False).tolist()
    # home and site within dead ends of their own
    edges += [(size * size, a, 2, 2, 2), (size * size + 1, b, 2, 2, 2)]
    network = network_of(size * size + 2, edges)
    home = attachments(network, [("D", len(edges) - 2, 1, 0)])
    goal = attachments(network, [("S", len(edges) - 1, 1, 0)])
    way = paths(network, home, goal)
    graph = nx.MultiDiGraph()
    for i, (u, v, _, cost, _) in enumerate(edges):
        graph.add_edge(u, v, key=i, cost=cost, arc=i)
        graph.add_edge(v, u, key=i, cost=cost, arc=i + len(edges))
    # cost first, then edges, then the numbers of arcs from the home on
    best = min(
        (
            sum(graph.edges[e]["cost"] for e in way),
            len(way),
            [graph.edges[e]["arc"] for e in way],
        )
        for way in nx.all_simple_edge_paths(graph, a, b, cutoff=6)
    )
    arcs = [int(e) + len(edges) * (not f) for e, f in zip(way.edge, way.forward, strict=True)]
    assert int(way.impedance[0]) == best[0] + 2
    assert arcs[1:-1] == best[2]


def test_a_round_about_and_a_site_behind_on_a_one_way_street():
    # 0 → 1 one way, back by 2
    network = network_of(3, [(0, 1, 10, 10, -1), (1, 2, 5, 5, 5), (2, 0, 5, 5, 5)])
    home = attachments(network, [("D", 0, 6, 1)])
    goal = attachments(network, [("S", 0, 4, 2)])
    way = paths(network, home, goal)
    assert way.steps()[["edge_id", "from_mm", "to_mm"]].values.tolist() == [
        [0, 6, 10], [1, 0, 5], [2, 0, 5], [0, 0, 4],
    ]  # fmt: skip
    assert way.impedance.tolist() == [1 + 4 + 5 + 5 + 4 + 2]


def test_nothing_to_go_to():
    network = network_of(2, [(0, 1, 10, 10, 10)])
    home = attachments(network, [("D", 0, 6, 1), ("E", -1, -1, -1)])
    way = paths(network, home, attachments(network, [("S", -1, -1, -1)]))
    assert way.site_id.tolist() == [None, None]
    assert way.steps().empty
    none = paths(network, home.iloc[:0], home.iloc[:1])
    assert none.indptr.tolist() == [0]


def test_impedance_is_checked():
    network = network_of(2, [(0, 1, 10, 10, 10)])
    home = attachments(network, [("D", 0, 6, 1)])
    with pytest.raises(Exception, match="impedance is 'miles'"):
        paths(network, home, home, impedance="miles")
