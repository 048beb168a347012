"""What barriers cut: against networkx on graphs cut by hand, and the cases one at a time."""

from __future__ import annotations

import itertools

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, Point, Polygon, box

from siting import network
from siting.errors import DataError, NetworkError
from siting.network.barriers import cut, over_water

CRS = 4547


def streets(*rows: dict, mode: str = "walk") -> network.RoadNetwork:
    filled = [{"highway": "residential", **row} for row in rows]
    return network.from_lines(gpd.GeoDataFrame(filled, geometry="geometry", crs=CRS), mode=mode)


def street(*xy: tuple[float, float], **more: object) -> dict:
    return {"geometry": LineString(xy), **more}


def series(*shapes: object) -> gpd.GeoSeries:
    return gpd.GeoSeries(list(shapes), crs=CRS)


def graph_of(built: network.RoadNetwork) -> nx.Graph:
    """A graph whose nodes are places; where a node was parted, each part is its own."""
    graph = nx.Graph()
    for i in range(built.tail.size):
        a, b, w = int(built.tail[i]), int(built.head[i]), int(built.forward_ms[i])
        if not graph.has_edge(a, b) or graph[a][b]["weight"] > w:
            graph.add_edge(a, b, weight=w)
    return graph


def between(built: network.RoadNetwork, places: list[tuple[float, float]]) -> dict:
    """Least time between places that are one node each."""
    graph = graph_of(built)
    at = {}
    for i, xy in enumerate(built.node_xy.tolist()):
        at.setdefault(tuple(xy), []).append(i)
    result = {}
    for a, b in itertools.permutations(places, 2):
        ways = []
        for u, v in itertools.product(at.get(a, []), at.get(b, [])):
            if nx.has_path(graph, u, v):
                ways.append(nx.dijkstra_path_length(graph, u, v))
        result[a, b] = min(ways) if ways else None
    return result


COORDINATE = st.integers(0, 6)
PAIR = st.tuples(COORDINATE, COORDINATE)
STREETS = st.lists(
    st.tuples(PAIR, PAIR, st.booleans()).filter(lambda row: row[0] != row[1]),
    min_size=1,
    max_size=14,
)


def ten(p: tuple[float, float]) -> tuple[float, float]:
    return 10.0 * p[0], 10.0 * p[1]


@settings(max_examples=50)
@given(STREETS, st.lists(st.tuples(PAIR, PAIR).filter(lambda w: w[0] != w[1]), max_size=3))
def test_as_a_graph_without_the_streets_that_cross(rows, walls):
    # off the lattice, so that no barrier meets a node or a barrier's end a street
    lines = [
        LineString([(10 * a[0] + 3.71, 10 * a[1] + 2.33), (10 * b[0] + 3.71, 10 * b[1] + 2.33)])
        for a, b in walls
    ]
    built = streets(*(street(ten(a), ten(b), bridge=over) for a, b, over in rows))
    done = cut(built, series(*lines))
    graph = nx.Graph()
    for i in range(built.tail.size):
        line = built.geometry[i]
        if not built.bridge[i] and any(line.crosses(wall) for wall in lines):
            continue
        a, b = (tuple(built.node_xy[n].tolist()) for n in (built.tail[i], built.head[i]))
        w = int(built.forward_ms[i])
        if not graph.has_edge(a, b) or graph[a][b]["weight"] > w:
            graph.add_edge(a, b, weight=w)
    places = [tuple(p) for p in built.node_xy.tolist()]
    expected = {
        (a, b): nx.dijkstra_path_length(graph, a, b)
        if a in graph and b in graph and nx.has_path(graph, a, b)
        else None
        for a, b in itertools.permutations(places, 2)
    }
    assert between(done, places) == expected
    # nothing is gained and nothing is lost on the way
    assert done.length_mm.sum() == built.length_mm.sum()
    assert done.forward_ms.sum() == built.forward_ms.sum()
    crossed = sum(
        any(g.crosses(w) for w in lines) and not b
        for g, b in zip(built.geometry, built.bridge, strict=True)
    )
    assert done.drops["row"].nunique() == crossed if crossed else done is built


@settings(max_examples=50)
@given(STREETS, st.booleans(), st.integers(1, 5))
def test_a_line_through_nodes_parts_them_by_side(rows, down, x):
    """A straight barrier through lattice nodes: each side keeps its own half of every node."""
    rows = [(a, b, False) for a, b, _ in rows]
    built = streets(*(street(ten(a), ten(b)) for a, b, _ in rows))
    ends = [(10 * x, -50), (10 * x, 110)]
    done = cut(built, series(LineString(ends[::-1] if down else ends)))
    left_is_west = not down
    graph = nx.Graph()
    for i in range(built.tail.size):
        a, b = (tuple(built.node_xy[n].tolist()) for n in (built.tail[i], built.head[i]))
        sides = {np.sign(p[0] - 10 * x) for p in (a, b)} - {0}
        if len(sides) == 2:
            continue
        side = sides.pop() if sides else (-1 if left_is_west else 1)
        w = int(built.forward_ms[i])
        named = [(p, side) if p[0] == 10 * x else p for p in (a, b)]
        if not graph.has_edge(*named) or graph.edges[named]["weight"] > w:
            graph.add_edge(*named, weight=w)
    places = [tuple(p) for p in built.node_xy.tolist() if p[0] != 10 * x]
    expected = {
        (a, b): nx.dijkstra_path_length(graph, a, b)
        if a in graph and b in graph and nx.has_path(graph, a, b)
        else None
        for a, b in itertools.permutations(places, 2)
    }
    assert between(done, places) == expected


@settings(max_examples=50)
@given(STREETS, st.lists(st.tuples(PAIR, st.integers(1, 3), st.integers(1, 3)), max_size=3))
def test_nothing_is_left_within_a_polygon(rows, ponds):
    shapes = [box(10 * x, 10 * y, 10 * (x + w), 10 * (y + h)) for (x, y), w, h in ponds]
    built = streets(*(street(ten(a), ten(b), bridge=over) for a, b, over in rows))
    everything_goes = all(
        not over and any(LineString([ten(a), ten(b)]).within(pond) and
                         not LineString([ten(a), ten(b)]).touches(pond) for pond in shapes)
        for a, b, over in rows
    )  # fmt: skip
    if everything_goes:
        with pytest.raises(NetworkError, match=r"no edge is left .* within a barrier: left out"):
            cut(built, series(*shapes))
        return
    try:
        done = cut(built, series(*shapes))
    except NetworkError:
        outside = [
            LineString([ten(a), ten(b)])
            if over
            else LineString([ten(a), ten(b)]).difference(
                MultiLineString() if not shapes else gpd.GeoSeries(shapes).union_all()
            )
            for a, b, over in rows
        ]
        assert sum(line.length for line in outside) < 1e-6
        return
    for line, over in zip(done.geometry, done.bridge, strict=True):
        if not over:
            assert all(line.intersection(pond.buffer(-0.01)).is_empty for pond in shapes)
    # what lies outside is all there
    left = 0.0
    for line, over in zip(built.geometry, built.bridge, strict=True):
        rest = line
        for pond in () if over else shapes:
            rest = rest.difference(pond.buffer(-1e-7))
        left += rest.length
    assert done.length_mm.sum() / 1000 == pytest.approx(left, abs=0.003 * (built.tail.size + 4))


def parts(done: network.RoadNetwork) -> list[list[float]]:
    return sorted(list(line.coords[0] + line.coords[-1]) for line in done.geometry)


def test_a_river_is_crossed_by_its_bridge_only():
    built = streets(
        street((0, 0), (40, 0)), street((40, 0), (60, 0), bridge=True), street((60, 0), (100, 0)),
        street((0, 0), (0, 30), (100, 30), (100, 0)),
    )  # fmt: skip
    river = LineString([(50, -100), (50, 100)])
    done = cut(built, series(river))
    ends = [(0.0, 0.0), (100.0, 0.0)]
    assert between(built, ends)[ends[0], ends[1]] == 100_000
    assert between(done, ends)[ends[0], ends[1]] == 100_000  # by the bridge
    assert (done.tail.size, done.component_km.size) == (5, 1)
    row = done.drops.iloc[-1]
    way = built.way_id[built.length_mm == 160_000][0]
    assert row["row"] == f"way {way}"
    assert (row["table"], row["action"]) == ("roads", "cut there")
    assert row["what"] == "meets a barrier at 50.0 30.0"
    tunnel = cut(streets(street((0, 0), (90, 0), tunnel=True)), series(river))
    assert tunnel.tail.size == 1


def test_a_crossing_opens_what_is_near_it():
    built = streets(street((0, 0), (100, 0)), street((0, 60), (100, 60)))
    rail = series(LineString([(50, -100), (50, 100)]))
    gate = series(Point(45, 5))
    assert cut(built, rail, crossings=gate, crossing_m=10).tail.size == 3
    assert cut(built, rail, crossings=gate, crossing_m=7).tail.size == 4
    assert cut(built, rail, crossings=gate, crossing_m=60) is built
    pond = series(box(40, -10, 60, 70))
    assert parts(cut(built, pond, crossings=gate, crossing_m=10)) == [
        [0, 0, 100, 0], [0, 60, 40, 60], [60, 60, 100, 60],
    ]  # fmt: skip


def test_a_crossing_at_a_shared_node_keeps_it_whole():
    built = streets(street((0, 0), (50, 0)), street((50, 0), (100, 0)))
    rail = series(LineString([(50, -100), (50, 100)]))
    assert cut(built, rail).component_km.size == 2
    assert cut(built, rail, crossings=series(Point(50, 0)), crossing_m=0) is built


@pytest.mark.parametrize(
    "barrier",
    [
        LineString([(50, 0), (50, 90)]),  # ends on the street
        LineString([(0, 50), (50, 0), (100, 50)]),  # touches it with a corner
        LineString([(50, 20), (50, 90)]),  # ends before it
        LineString([(20, 0), (70, 0)]),  # runs along it
        LineString([(-5, 0), (120, 0)]),
        LineString([(20, 20), (20, 0), (70, 0), (70, 20)]),  # joins it and leaves on the same side
        box(0, 0, 100, 40),  # a street along the shore
        box(100, -5, 120, 5),  # ends on the shore
    ],
)
def test_what_only_touches_cuts_nothing(barrier):
    built = streets(street((0, 0), (100, 0)))
    assert cut(built, series(barrier)) is built


@pytest.mark.parametrize(
    ("barriers", "at"),
    [
        # two lines that end on the street from either side are one barrier
        ([LineString([(50, 0), (50, 90)]), LineString([(50, 0), (40, -90)])], 50),
        # joins the street and leaves it on the other side
        ([LineString([(20, 20), (20, 0), (70, 0), (70, -20)])], 70),
        ([LineString([(70, -20), (70, 0), (20, 0), (20, 20)])], 70),
        # a corner on the street
        ([LineString([(30, 40), (50, 0), (30, -40)])], 50),
        # drawn a third of a millimetre apart
        ([LineString([(50, 0.0003), (50, 90)]), LineString([(50, -0.0003), (50, -90)])], 50),
    ],
)
def test_what_passes_from_side_to_side_is_cut_once(barriers, at):
    built = streets(street((0, 0), (100, 0)))
    for order in (barriers, barriers[::-1]):
        done = cut(built, series(*order))
        assert parts(done) == [[0, 0, at, 0], [at, 0, 100, 0]], parts(done)
        assert done.component_km.size == 2


def test_ring_wall_with_a_gate():
    built = streets(
        street((-50, 0), (50, 0)), street((50, 0), (150, 0)), street((50, 0), (50, 150))
    )
    wall = series(box(0, -40, 100, 40).exterior)
    shut = cut(built, wall)
    assert (shut.tail.size, shut.component_km.size) == (6, 4)
    open_ = cut(built, wall, crossings=series(Point(0, 0)), crossing_m=1)
    assert (open_.tail.size, open_.component_km.size) == (5, 3)
    # the seam of the ring is nothing special
    seam = Polygon([(0, 0), (0, 40), (100, 40), (100, -40), (0, -40)]).exterior
    assert parts(cut(built, series(seam))) == parts(shut)


def test_one_way_and_stated_lengths():
    built = streets(
        street((0, 0), (100, 0), oneway="-1", length_m=333.335, highway="primary"), mode="drive"
    )
    done = cut(built, series(LineString([(30, -9), (30, 9)])))
    assert done.length_mm.tolist() == [100001, 233334]
    assert done.forward_ms.tolist() == [-1, -1]
    whole = int(built.backward_ms[0])
    assert done.backward_ms.sum() == whole
    assert done.backward_ms[0] == (whole * 100001 + 333335 // 2) // 333335
    assert done.version != built.version


def test_order_of_barriers_does_not_matter():
    rng = np.random.default_rng(3)
    ends = rng.uniform(0, 500, (40, 2, 2))
    built = streets(*(street(*map(tuple, pair)) for pair in ends))
    walls = [LineString(pair) for pair in rng.uniform(0, 500, (12, 2, 2))]
    shapes = [*walls, box(100, 100, 180, 220), box(150, 150, 300, 180)]
    one = cut(built, series(*shapes))
    other = cut(built, series(*(shapes[i] for i in rng.permutation(len(shapes)))))
    assert one.version == other.version
    assert one.drops.equals(other.drops)
    assert cut(one, series(*shapes)) is one  # cutting twice is cutting once


def test_roads_that_cross_water_at_grade_are_listed():
    built = streets(
        street((0, 0), (100, 0)), street((0, 9), (100, 9), bridge=True), street((0, 20), (100, 20))
    )
    listed = over_water(built, series(box(40, -10, 65, 20), LineString([(10, 0), (10, 90)])))
    assert listed.values.tolist() == [
        ["roads", "way 0", "25 m across water without a bridge or tunnel", "kept"]
    ]


def test_what_is_refused():
    built = streets(street((0, 0), (100, 0)))
    line = LineString([(30, -9), (30, 9)])
    with pytest.raises(DataError, match="barriers: their CRS"):
        cut(built, gpd.GeoSeries([line], crs=4326))
    with pytest.raises(DataError, match="1 of 2 geometries are missing"):
        cut(built, series(line, None))
    with pytest.raises(DataError, match="crossings: 1 of 1"):
        cut(built, series(line), crossings=series(line))
    with pytest.raises(NetworkError, match="crossing_m is -1"):
        cut(built, series(line), crossing_m=-1)
    assert cut(built, gpd.GeoSeries([], crs=CRS)) is built
