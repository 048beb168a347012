"""The kernels by themselves, against a naive second implementation that knows no queue."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from siting import kernels
from siting.kernels import NEVER

# arcs of nothing beside arcs as long as a year: buckets that hold whole ways, and rings that wrap
WEIGHTS = st.one_of(
    st.integers(0, 3), st.integers(0, 200), st.integers(10**9, 10**9 + 5), st.just(2**40)
)


@st.composite
def graphs(draw):
    nodes = draw(st.integers(1, 12))
    place = st.integers(0, nodes - 1)
    arcs = draw(st.lists(st.tuples(place, place, WEIGHTS), max_size=40))
    owners = draw(st.integers(1, 4))
    seeds = draw(
        st.lists(st.tuples(place, WEIGHTS, st.integers(0, owners - 1)), max_size=8)
    )  # node, impedance, owner
    return nodes, arcs, owners, seeds


def rows(nodes, arcs):
    start, end, weight = np.array(arcs, dtype=np.int64).reshape(-1, 3).T
    indptr, order = kernels.compressed_rows(start, rows=nodes)
    return indptr, end[order].astype(np.int32), weight[order]


def naive(nodes, arcs, seeds, owner):
    """Return the least impedance of every node from one owner's seeds: arcs relaxed to the end."""
    least = [NEVER] * nodes
    for node, value, who in seeds:
        if who == owner:
            least[node] = min(least[node], value)
    for _ in range(nodes):
        for a, b, weight in arcs:
            if least[a] < NEVER:
                least[b] = min(least[b], least[a] + weight)
    return least


def arrays(seeds, owners):
    node = np.array([s[0] for s in seeds], dtype=np.int32)
    label = np.array([s[1] * owners + s[2] for s in seeds], dtype=np.int64)
    return node, label


@given(graphs())
@example((2, [(0, 1, 0), (1, 0, 0)], 2, [(0, 5, 1), (1, 5, 0)]))
@settings(max_examples=150, deadline=None)
def test_nearest_labels_are_the_least_impedance_and_then_the_smallest_owner(graph):
    nodes, arcs, owners, seeds = graph
    got = kernels.nearest_labels(*rows(nodes, arcs), *arrays(seeds, owners), owners)
    each = [naive(nodes, arcs, seeds, owner) for owner in range(owners)]
    for node in range(nodes):
        value, owner = min((each[o][node], o) for o in range(owners))
        assert got[node] == (NEVER if value == NEVER else value * owners + owner)


def test_one_arc_far_longer_than_the_rest_makes_buckets_wide_not_many():
    count, far = 30_000, 2**40
    arcs = [(i, i + 1, 1) for i in range(count)] + [(0, count, count - 1), (count, count + 1, far)]
    graph = rows(count + 2, arcs)
    want = [*range(count), count - 1, count - 1 + far]
    seed = np.zeros(1, dtype=np.int32), np.zeros(1, dtype=np.int64)
    assert kernels.nearest_labels(*graph, *seed, 1).tolist() == want
    assert kernels.nearest_k_labels(*graph, *seed, 1, 1)[:, 0].tolist() == want


@given(graphs(), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_k_labels_are_the_least_of_distinct_owners(graph, k):
    nodes, arcs, owners, seeds = graph
    got = kernels.nearest_k_labels(*rows(nodes, arcs), *arrays(seeds, owners), owners, k)
    each = [naive(nodes, arcs, seeds, owner) for owner in range(owners)]
    for node in range(nodes):
        want = sorted(each[o][node] * owners + o for o in range(owners) if each[o][node] < NEVER)[
            :k
        ]
        assert got[node].tolist() == want + [NEVER] * (k - len(want))


@given(graphs(), st.one_of(st.integers(0, 300), st.just(10**9 + 100)), st.data())
@settings(max_examples=150, deadline=None)
def test_pairs_within_are_all_that_the_naive_search_finds(graph, cutoff, data):
    nodes, arcs, owners, seeds = graph
    places = st.tuples(st.integers(0, nodes - 1), st.integers(0, 4), st.integers(0, 90))
    stubs = data.draw(st.lists(places, max_size=8))  # node, demand, impedance
    node, value, owner = np.array(seeds, dtype=np.int64).reshape(-1, 3).T
    seed_indptr, by_owner = kernels.compressed_rows(owner, rows=owners)
    stub_indptr, by_node = kernels.compressed_rows(
        np.array([s[0] for s in stubs], dtype=np.int64), rows=nodes
    )
    graph_rows = rows(nodes, arcs)
    count, demand, ms = kernels.pairs_within(
        *graph_rows,
        seed_indptr, node[by_owner].astype(np.int32), value[by_owner],
        stub_indptr,
        np.array([stubs[i][1] for i in by_node], dtype=np.int32),
        np.array([stubs[i][2] for i in by_node], dtype=np.int64),
        np.zeros(owners + 1, dtype=np.int64), np.empty(0, np.int32), np.empty(0, np.int64),
        kernels.pairs_workspace(graph_rows[2], nodes, 5, cutoff), cutoff, 0, owners,
    )  # fmt: skip
    got = dict(
        zip(zip(np.repeat(np.arange(owners), count).tolist(), demand.tolist(), strict=True),
            ms.tolist(), strict=True)
    )  # fmt: skip
    assert len(got) == demand.size
    want: dict[tuple[int, int], int] = {}
    for who in range(owners):
        least = naive(nodes, arcs, seeds, who)
        for at, whose, leg in stubs:
            if least[at] < NEVER and least[at] + leg <= cutoff:
                key = (who, whose)
                want[key] = min(want.get(key, NEVER), least[at] + leg)
    assert got == want


@given(st.lists(st.integers(0, 6), max_size=30))
def test_rows_are_as_numpy_sorts_them(row):
    given_rows = np.array(row, dtype=np.int64)
    indptr, order = kernels.compressed_rows(given_rows, rows=7)
    assert order.tolist() == np.argsort(given_rows, kind="stable").tolist()
    assert np.diff(indptr).tolist() == [row.count(i) for i in range(7)]


def test_the_curve_goes_from_neighbour_to_neighbour():
    """Through every cell of a grid once, each step to the next one: as Hilbert defined it."""
    grid = np.stack(np.meshgrid(np.arange(32.0), np.arange(32.0)), axis=-1).reshape(-1, 2)
    order = kernels.order_along_curve(grid)
    assert sorted(order.tolist()) == list(range(1024))
    assert set(np.abs(np.diff(grid[order], axis=0)).sum(axis=1).tolist()) == {1.0}


def test_a_network_without_coordinates_keeps_its_order():
    nowhere = np.full((3, 2), np.nan)
    assert kernels.order_along_curve(nowhere).tolist() == [0, 1, 2]
    assert kernels.order_along_curve(np.zeros((3, 2))).tolist() == [0, 1, 2]
