"""Edits of a network: as if it had been built from the edited lines."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import geopandas as gpd
import networkx as nx
import numpy as np
import pandas as pd
import pyproj
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, Point

from siting import network, travel_time
from siting.errors import DataError, NetworkError
from siting.network.edits import Add, Close, Retime, absent, edited
from siting.network.speeds import Delay

CRS = 4547


def row(*xy, **more) -> dict:
    return {"highway": "residential", "geometry": LineString(xy), **more}


def built(rows: list[dict], mode: str = "walk") -> network.RoadNetwork:
    return network.from_lines(gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS), mode=mode)


def times(net: network.RoadNetwork) -> dict:
    """Least time between all pairs of junctions, by place; parallel edges and one-ways told."""
    graph = nx.DiGraph()
    place = [tuple(np.round(xy, 3).tolist()) for xy in net.node_xy]
    graph.add_nodes_from(place)
    for i in range(net.tail.size):
        u, v = place[net.tail[i]], place[net.head[i]]
        for a, b, w in ((u, v, int(net.forward_ms[i])), (v, u, int(net.backward_ms[i]))):
            if w >= 0 and (not graph.has_edge(a, b) or graph[a][b]["weight"] > w):
                graph.add_edge(a, b, weight=w)
    return {
        (a, b): value
        for a, found in nx.all_pairs_dijkstra_path_length(graph)
        for b, value in found.items()
    }


PAIR = st.tuples(st.integers(0, 5), st.integers(0, 5))
ONEWAY = st.sampled_from(["no", "yes", "-1"])
LINES = st.lists(
    st.tuples(PAIR, PAIR, ONEWAY, st.sampled_from([None, 17.0, 31.0])).filter(
        lambda r: r[0] != r[1]
    ),
    min_size=1,
    max_size=9,
)


def as_rows(lines) -> list[dict]:
    return [
        row(*((7.0 * x, 7.0 * y) for x, y in (a, b)), oneway=way, speed_kph=kph)
        for a, b, way, kph in lines
    ]


@settings(max_examples=25)
@given(LINES, LINES, st.sampled_from(["walk", "drive"]), st.data())
def test_as_built_from_the_edited_lines(lines, more, mode, data):
    """Without a division everything is the same to the millisecond."""
    base = as_rows(lines)
    today = built(base, mode)
    nodes = {tuple(xy) for xy in today.node_xy.tolist()}
    shut = data.draw(st.sets(st.integers(0, len(base) - 1), max_size=len(base) - 1))
    kept = [r for i, r in enumerate(base) if i not in shut]
    left = {p for r in kept for p in r["geometry"].coords}
    touches = [LineString(r["geometry"]) for r in kept]

    def joins_no_edge(p) -> bool:
        return p in left or all(line.distance(Point(p)) > 1 for line in touches)

    new = [r for r in as_rows(more) if all(joins_no_edge(p) for p in r["geometry"].coords)]
    # an end on the way of another new street would divide it
    new = [
        r for r in new
        if not any(
            s is not r and s["geometry"].distance(Point(p)) <= 1
            and p not in (s["geometry"].coords[0], s["geometry"].coords[-1])
            for s in new for p in r["geometry"].coords
        )
        and not any(
            s is not r and r["geometry"].distance(Point(p)) <= 1
            and p not in (r["geometry"].coords[0], r["geometry"].coords[-1])
            for s in new for p in s["geometry"].coords
        )
    ]  # fmt: skip
    edits = [
        *(Close(way=i, modes=data.draw(st.sampled_from([(), (mode,)]))) for i in sorted(shut)),
        *(
            Add(
                tuple(r["geometry"].coords), "residential",
                oneway=r["oneway"], speed_kph=r["speed_kph"],
            )
            for r in new
        ),
    ]  # fmt: skip
    done = edited(today, edits)
    expected = built([*kept, *new], mode)
    assert times(done) == times(expected)
    assert sorted(done.length_mm.tolist()) == sorted(expected.length_mm.tolist())
    assert np.allclose(sorted(done.component_km), sorted(expected.component_km))
    assert (done is today) == (not edits)
    assert (done.version == today.version) == (not edits)
    again = edited(today, data.draw(st.permutations(edits)))
    assert times(again) == times(done)
    assert nodes == {tuple(xy) for xy in today.node_xy.tolist()}


@settings(max_examples=25)
@given(
    st.lists(st.tuples(PAIR, PAIR).filter(lambda r: r[0] != r[1]), min_size=2, max_size=8),
    st.lists(
        st.tuples(st.integers(0, 7), st.integers(0, 7), st.floats(0.2, 0.8), st.floats(0.2, 0.8)),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from(["walk", "drive"]),
)
def test_an_end_on_a_street_divides_it(lines, links, mode):
    """Divided edges may differ by a millisecond a piece from lines that were drawn divided."""
    base = [row(*((70.0 * x, 70.0 * y) for x, y in pair)) for pair in lines]
    cuts: dict[int, set[tuple[float, float]]] = {}
    new = []
    for i, j, s, t in links:
        i, j = i % len(base), j % len(base)
        ends = []
        for k, share in ((i, s), (j, t)):
            p = base[k]["geometry"].interpolate(share, normalized=True)
            ends.append((round(p.x, 3), round(p.y, 3)))
        near = [
            n for n in range(len(base)) for p in ends if base[n]["geometry"].distance(Point(p)) <= 2
        ]
        taken = [p for each in cuts.values() for p in each]
        corners = [c for r in base for c in r["geometry"].coords]
        if (
            i == j
            or sorted(near) != sorted((i, j))
            or Point(ends[0]).distance(Point(ends[1])) <= 2
            or any(Point(p).distance(Point(q)) <= 2 for p in ends for q in [*taken, *corners])
        ):
            continue
        for k, p in zip((i, j), ends, strict=True):
            cuts.setdefault(k, set()).add(p)
        new.append(ends)
    divided = []
    for k, r in enumerate(base):
        line = r["geometry"]
        stops = [line.coords[0], *sorted(cuts.get(k, ()), key=lambda p: line.project(Point(p)))]
        divided += [row(*pair) for pair in itertools.pairwise([*stops, line.coords[-1]])]
    expected = built([*divided, *(row(*ends) for ends in new)], mode)
    done = edited(built(base, mode), [Add(tuple(ends), "residential") for ends in new])
    assert done.tail.size == expected.tail.size
    # places agree to the millimetre, so centimetres tell them apart
    got = {tuple(tuple(round(c, 1) for c in p) for p in k): v for k, v in times(done).items()}
    wanted = {
        tuple(tuple(round(c, 1) for c in p) for p in k): v for k, v in times(expected).items()
    }
    assert got.keys() == wanted.keys()
    # a millimetre of length is at most a millisecond at 3.6 km/h; half a unit is rounded, twice
    pieces = sum(len(each) + 1 for each in cuts.values()) + 2 * len(new)
    assert all(abs(got[k] - wanted[k]) <= 2 * pieces for k in got)


def points(rng, count: int, size: float) -> gpd.GeoSeries:
    return gpd.GeoSeries(
        [Point(p) for p in rng.uniform(0, size, (count, 2))],
        index=[f"P{i}" for i in range(count)],
        crs=CRS,
    )


@settings(max_examples=12)
@given(LINES, st.integers(0, 10**6), st.integers(1, 3), st.sampled_from(["walk", "drive"]))
def test_adding_makes_nobody_farther_and_closing_nobody_nearer(lines, seed, count, mode):
    rng = np.random.default_rng(seed)
    rows = [row(*((70.0 * x, 70.0 * y) for x, y in (a, b)), oneway=way) for a, b, way, _ in lines]
    today = built(rows, mode)
    where = points(rng, 12, 350)
    # attached to what stays, so that no edit moves a home to another street
    shut = rng.choice(len(rows), size=min(count, len(rows) - 1), replace=False)
    stay = built([r for i, r in enumerate(rows) if i not in shut] or rows, mode)

    def impedance(net) -> np.ndarray:
        """To the nearest of three sites, over the edges that all networks have in common."""
        at = network.attach(stay, where, max_access_m=1e4, min_component_km=0)
        table = {tuple(g.coords): i for i, g in enumerate(net.geometry)}
        edge = [table.get(tuple(stay.geometry[e].coords), -1) for e in at["edge_id"]]
        at = at.assign(edge_id=edge, component=net.component[net.tail[edge]])
        found = travel_time.nearest(net, at.iloc[:9], at.iloc[9:])
        value = found["impedance"].to_numpy()
        return np.where(value < 0, np.iinfo(np.int64).max, value)

    closed = edited(today, [Close(way=int(i)) for i in shut])
    assert (impedance(closed) >= impedance(today)).all()
    ends = [tuple(map(tuple, today.node_xy[rng.integers(0, today.node_id.size, 2)]))
            for _ in range(count)]  # fmt: skip
    grown = edited(today, [Add(e, "residential") for e in ends if e[0] != e[1]])
    assert (impedance(grown) <= impedance(today)).all()


def test_what_a_new_street_joins():
    today = built([row((0, 0), (100, 0)), row((0, 50), (100, 50)), row((50, 90), (50, 120))])
    end_to_end = edited(today, [Add(((50, 0.6), (50, 89.5)), "residential")])
    # at its start a place on a street, at its end a node; what it crosses it does not join
    assert end_to_end.tail.size == 5
    assert end_to_end.component_km.size == 2
    new = end_to_end.geometry[end_to_end.way_id == -1][0]
    assert [tuple(c) for c in new.coords] == [(50, 0), (50, 90)]
    crossing = edited(today, [Add(((50, 0.6), (50, 89.5)), "residential", join="crossings")])
    assert (crossing.tail.size, crossing.component_km.size) == (7, 1)
    bridge = edited(
        today, [Add(((50, 0.6), (50, 89.5)), "residential", join="crossings", bridge=True)]
    )
    assert bridge.component_km.size == 2
    over = bridge.way_id == -1
    assert bridge.bridge[over].all()
    assert not bridge.stoppable[over].any()
    far = edited(today, [Add(((50, 2), (50, 89.5)), "residential", name="支路")])
    assert far.drops.values.tolist() == [
        ["network_edits", "edit 1", "the start of 支路 joins nothing within 1 m",
         "kept as a dead end"],
    ]  # fmt: skip


def test_new_streets_join_each_other():
    today = built([row((0, 0), (100, 0))])
    forked = [
        Add(((100, 0), (150, 0.4)), "residential"),
        Add(((150, 0), (200, 0)), "residential"),
        Add(((150, 0), (150, 80)), "residential"),
        Add(((175, 0.3), (175, 60)), "residential"),  # on the way of the second
        Add(((30, 0), (30, 60)), "residential"),
        Add(((30.4, 0), (60, 60)), "residential"),  # divides the street in the same place
    ]
    done = edited(today, forked)
    assert done.component_km.size == 1
    assert done.tail.size == 2 + 7
    for order in itertools.islice(itertools.permutations(forked), 0, 720, 97):
        assert times(edited(today, list(order))) == times(done)
    ways = sorted(set(done.way_id.tolist()))
    assert ways == [-6, -5, -4, -3, -2, -1, 0]


def test_close_one_edge_of_a_way():
    today = built([row((0, 0), (50, 0)), row((50, 0), (100, 0)), row((50, 0), (50, 70))])
    both = network.from_lines(
        gpd.GeoDataFrame(
            [{"highway": "residential", "geometry": g} for g in (
                gpd.GeoSeries([today.geometry[0], today.geometry[2]]).union_all(),
            )], geometry="geometry", crs=CRS,
        ),
        mode="walk",
    )  # fmt: skip
    assert set(both.way_id.tolist()) == {0}
    done = edited(both, [Close(way=0, near=(90, 3))])
    assert done.tail.size == both.tail.size - 1
    by_point = edited(both, [Close(near=(90, 3))])
    assert by_point.version == done.version
    assert edited(both, [Close(way=0, modes=("drive",))]) is both
    with pytest.raises(NetworkError, match="no edge is left"):
        edited(both, [Close(way=0)])


def test_retime():
    today = built([row((0, 0), (100, 0), oneway="yes"), row((100, 0), (100, 50))], "drive")
    slow = edited(today, [Retime("drive", way=0, kph=10)])
    assert slow.forward_ms[slow.way_id == 0].tolist() == [36_000]
    assert slow.backward_ms[slow.way_id == 0].tolist() == [-1]
    same = slow.forward_ms[slow.way_id == 1]
    assert same.tolist() == today.forward_ms[today.way_id == 1].tolist()
    twice = edited(today, [Retime("drive", way=1, time_factor=1.5)])
    before = int(today.forward_ms[today.way_id == 1][0])
    assert twice.forward_ms[twice.way_id == 1].tolist() == [int(before * 1.5 + 0.5)]
    assert edited(today, [Retime("walk", way=0, kph=10)]) is today
    # what is retimed and divided keeps its time
    both = edited(today, [Add(((40, 0), (40, 9)), "residential"), Retime("drive", way=0, kph=10)])
    assert both.forward_ms[both.way_id == 0].sum() == 36_000


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.25])
def test_a_speed_counts_as_if_the_layer_had_stated_it(factor):
    speeds = network.read_speeds().going_by("drive", factor)
    rows = [row((0, 0), (100, 0), oneway="yes"), row((100, 0), (100, 50))]

    def read(rows: list[dict]) -> network.RoadNetwork:
        layer = gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS)
        return network.from_lines(layer, mode="drive", speeds=speeds)

    done = edited(read(rows), [Retime("drive", way=0, kph=18)], speeds=speeds)
    assert done.forward_ms[done.way_id == 0].tolist() == [round(100 / (5 * factor) * 1000)]
    assert times(done) == times(read([rows[0] | {"speed_kph": 18.0}, rows[1]]))


def test_a_class_closed_to_the_mode_is_listed():
    today = built([row((0, 0), (100, 0))])
    edits = [Add(((0, 0), (0, 90)), "motorway"), Add(((100, 0), (0, 0)), "footway")]
    done = edited(today, edits)
    assert done.drops.values.tolist() == [
        ["network_edits", "edit 1", "highway=motorway", "closed to mode walk"]
    ]
    assert sorted(set(done.way_id.tolist())) == [-2, 0]


def test_nothing_of_a_new_street_is_lost_in_silence():
    today = built([row((0, 0), (100, 0)), row((100, 0), (100, 90))], "drive")
    edits = [
        Add(((99.6, 0.2), (100.3, 0.4)), "residential", name="短巷"),  # both ends join one corner
        Add(((0, 0), (0, 60)), "motorway"),
    ]
    done = edited(today, edits)
    listed = done.drops[["table", "row", "what", "action"]].values.tolist()
    assert ["network_edits", "edit 1", "短巷 has no length between what it joins",
            "left out"] in listed  # fmt: skip
    # which way a motorway goes is said as where one is read
    assert ["network_edits", "", "1 lines of highway=motorway do not say oneway",
            "one-way as drawn"] in listed  # fmt: skip
    assert sorted(set(done.way_id.tolist())) == [-2, 0, 1]
    alone = edited(today, edits[:1])
    assert alone.drops["row"].tolist() == ["edit 1"]
    assert times(alone) == times(today)
    # a crescent from a corner back to it is a street
    loop = edited(today, [Add(((100, 0), (150, 0), (150, 50), (100.2, 0.1)), "residential")])
    assert (loop.tail.size, len(loop.drops)) == (3, 0)


def test_what_is_refused_all_at_once():
    today = built([row((0, 0), (100, 0))])
    with pytest.raises(DataError) as told:
        edited(
            today,
            [
                Close(way=7), Close(), Close(near=(900, 900)), Retime("walk", way=0),
                Retime("walk", way=0, kph=3, time_factor=2), Retime("walk", way=0, kph=-1),
                Retime("walk", way=0, kph=3), Retime("walk", way=0, kph=4),
                Add(((0, 0), (0, 0)), "residential"), Add(((0, 0), (0, 9)), "alley"),
                Add(((0, 0), (0, 9)), "residential", speed_kph=-3),
            ],
        )  # fmt: skip
    said = str(told.value)
    for words in (
        "edit 1 names way 7", "edit 2 names no street", "edit 3: no such street within 50 m",
        "edit 4 retimes", "edit 5 retimes", "edit 6 retimes", "edits 7 and 8 retime the same",
        "edit 9 adds a line of no length. Draw", "unknown class 'alley'", "speed of -3 km/h",
    ):  # fmt: skip
        assert words in said
    assert edited(today, [Close(way=7)], strict=False) is today
    other = built([row((0, 0), (100, 0)), row((0, 0), (0, 100))], "drive")
    assert not absent([today, other], [Close(way=1), Add(((0, 0), (0, 9)), "residential")])
    assert "names way 1" in absent([today, other], [Close(way=1, modes=("walk",))])[0].what


def test_a_street_is_not_closed_and_retimed_at_once():
    """Two wishes that cannot both be meant; a piece of a retimed way may well be closed."""
    today = built([row((0, 0), (100, 0)), row((100, 0), (200, 0))])
    slow = Retime("walk", way=0, kph=3)
    for edits in ([slow, Close(way=0)], [Close(near=(50, 1)), slow]):
        with pytest.raises(DataError, match=r"edit \d retimes a street that another edit closes"):
            edited(today, edits)
    assert edited(today, [slow, Close(way=1)]).tail.size == 1
    assert edited(today, [slow, Close(way=0, modes=("drive",))]).tail.size == 2
    two = built([{"highway": "residential", "geometry": MultiLineString(
        [[(0, 0), (100, 0)], [(100, 0), (200, 0)]])}])  # fmt: skip
    assert edited(two, [slow, Close(near=(50, 1))]).forward_ms.tolist() == [120_000]


def test_a_place_with_no_street_is_told_as_a_plan_says_it():
    """In degrees: the working CRS is not the plan's."""
    line = LineString([(430_000, 3_250_000), (430_100, 3_250_000)])
    today = built([{"highway": "residential", "geometry": line}])
    lon, lat = pyproj.Transformer.from_crs(CRS, 4490, always_xy=True).transform(430_000, 3_251_000)
    with pytest.raises(DataError, match=f"within 50 m of {lon:.5f}, {lat:.5f}"):
        edited(today, [Close(near=(430_000, 3_251_000))])


@pytest.mark.parametrize(
    "edit",
    [
        Retime("walk", way=0, kph=1e-4), Retime("walk", way=0, kph=900),
        Retime("walk", way=0, time_factor=1e-300), Retime("walk", way=0, time_factor=float("nan")),
        Add(((0, 0), (0, 9)), "residential", speed_kph=1e-4),
    ],
)  # fmt: skip
def test_a_crawl_is_no_flight(edit):
    """A speed that rounds to no metres an hour, a factor that rounds to no time: never 0 ms."""
    with pytest.raises(DataError, match="edit 1"):
        edited(built([row((0, 0), (100, 0))]), [edit])


def test_junctions_take_their_time_again():
    delay = Delay({"drive": 20.0}, {"drive": 6.0}, frozenset({"primary"}), 30.0)
    speeds = replace(network.read_speeds(), delay=delay)
    main = {"highway": "primary"}

    def lit(rows: list[dict]) -> network.RoadNetwork:
        light = gpd.GeoSeries([Point(100, 0)], crs=CRS)
        made = network.with_signals(built(rows, "drive"), light, reach_m=10)
        return network.with_delay(made, speeds)

    def by_place(net: network.RoadNetwork) -> dict:
        delays = zip(net.half_delay_ms.tolist(), net.signal.tolist(), strict=True)
        return dict(zip(map(tuple, net.node_xy.tolist()), delays, strict=True))

    cross = [row((0, 0), (100, 0), **main), row((100, 0), (100, 50)), row((100, 0), (100, -50))]
    today = lit([*cross, row((100, 0), (200, 0), **main)])
    done = edited(today, [Add(((150, 0), (150, 9)), "residential")], speeds=speeds)
    whole = lit([
        *cross, row((100, 0), (150, 0), **main), row((150, 0), (200, 0), **main),
        row((150, 0), (150, 9)),
    ])  # fmt: skip
    assert by_place(done) == by_place(whole)
    assert by_place(done)[100, 0] == (10_000, True)
    assert by_place(done)[150, 0] == (3_000, False)


def test_the_first_junction_takes_its_time():
    """And so makes those who pass it slower: the price of a street that others take."""
    delay = Delay({}, {"drive": 6.0}, frozenset({"residential"}), 30.0)
    speeds = replace(network.read_speeds(), delay=delay)

    def read(rows: list[dict]) -> network.RoadNetwork:
        layer = gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS)
        return network.from_lines(layer, mode="drive", speeds=speeds)

    today = read([row((0, 0), (200, 0))])
    assert not today.half_delay_ms.any()
    done = edited(today, [Add(((100, 0), (100, 90)), "residential")], speeds=speeds)
    whole = read([row((0, 0), (100, 0)), row((100, 0), (200, 0)), row((100, 0), (100, 90))])
    places = dict(zip(map(tuple, done.node_xy.tolist()), done.half_delay_ms.tolist(), strict=True))
    assert places == dict(
        zip(map(tuple, whole.node_xy.tolist()), whole.half_delay_ms.tolist(), strict=True)
    )
    assert places[100, 0] == 3_000


@pytest.mark.slow
def test_malta_is_edited_faster_than_it_is_read(test_data):
    began = time.perf_counter()
    today = network.read_osm(test_data / "malta" / "malta.osm.pbf", mode="walk", crs=32633)
    read_s = time.perf_counter() - began
    rng = np.random.default_rng(1)
    homes = today.node_xy[rng.integers(0, today.node_id.size, 10_000)] + rng.normal(
        0, 30, (10_000, 2)
    )
    where = gpd.GeoSeries.from_xy(*homes.T, index=pd.RangeIndex(10_000).astype(str), crs=32633)
    centre = today.node_xy[today.node_id.size // 2]
    edits = [
        Add((tuple(centre), tuple(centre + 400)), "residential"),
        Close(way=int(today.way_id[1000])), Retime("walk", way=int(today.way_id[2000]), kph=2),
    ]  # fmt: skip
    began = time.perf_counter()
    done = edited(today, edits)
    at = network.attach(done, where, max_access_m=500, min_component_km=2)
    edit_s = time.perf_counter() - began
    assert len(at) == 10_000
    assert edit_s < read_s / 2, (edit_s, read_s)


@settings(max_examples=25)
@given(LINES, st.integers(0, 10**6))
def test_who_stands_on_a_street_stays_there(lines, seed):
    """Whole: adding makes nobody farther, and homes on open streets keep their place."""
    rng = np.random.default_rng(seed)
    rows = [row(*((70.0 * x, 70.0 * y) for x, y in (a, b)), oneway=w) for a, b, w, _ in lines]
    today = built(rows, "drive")
    where = points(rng, 12, 350)
    options = {"max_access_m": 300.0, "min_component_km": 0.05}
    at = network.attach(today, where, **options)
    # from a place on a street to a place in the open or on another street
    picks = rng.integers(0, today.tail.size, 2)
    ends = [today.geometry[i].interpolate(rng.random(), normalized=True).coords[0] for i in picks]
    edits = [Add((ends[0], tuple(rng.uniform(0, 350, 2)), ends[1]), "residential")]
    after = network.revised(today, edits)
    moved = network.reattached(after, at, where, **options)
    on = (at["edge_id"] >= 0).to_numpy()
    for old, new in zip(at[on].itertuples(), moved[on].itertuples(), strict=True):
        foot = today.geometry[old.edge_id].interpolate(
            old.offset_mm / today.length_mm[old.edge_id], normalized=True
        )
        share = new.offset_mm / max(after.network.length_mm[new.edge_id], 1)
        there = after.network.geometry[new.edge_id].interpolate(share, normalized=True)
        assert foot.distance(there) < 0.01
        assert (old.point_id, old.access_mm, old.why) == (new.point_id, new.access_mm, new.why)
        assert 0 <= new.offset_mm <= after.network.length_mm[new.edge_id]
    told = [
        travel_time.nearest(net, a.iloc[:9], a.iloc[9:])["impedance"].to_numpy()
        for net, a in ((today, at), (after.network, moved))
    ]
    before, later = (np.where(v < 0, np.iinfo(np.int64).max, v) for v in told)
    # a street divided may add a millisecond at each of its divisions
    assert (later - 4 <= before).all()


def test_who_stood_on_a_closed_street_attaches_anew():
    today = built([row((0, 0), (100, 0)), row((0, 40), (100, 40)), row((0, 900), (100, 900))])
    where = gpd.GeoSeries(
        [Point(50, 10), Point(50, 35), Point(50, 500)], index=list("abc"), crs=CRS
    )
    options = {"max_access_m": 100.0, "min_component_km": 0}
    at = network.attach(today, where, **options)
    assert at["why"].tolist() == ["", "", "beyond_max_access"]
    after = network.revised(today, [Close(way=0), Add(((0, 480), (90, 480)), "residential")])
    moved = network.reattached(after, at, where, **options)
    pd.testing.assert_frame_equal(
        moved, network.attach(after.network, where, **options), check_dtype=True
    )
    assert after.network.way_id[moved["edge_id"]].tolist() == [1, 1, -1]
    with pytest.raises(NetworkError, match="2 points do not fit 3"):
        network.reattached(after, at, where.iloc[:2], **options)


@pytest.mark.parametrize("join_m", [-1.0, float("nan")])
def test_what_is_no_edit_and_no_length_is_refused(join_m):
    """An edit as plan.json has it is a dict, and would change nothing here."""
    today = built([row((0, 0), (100, 0))])
    with pytest.raises(DataError, match=r"edit 2 is a dict\. Give Add, Close or Retime"):
        edited(today, [Retime("walk", way=0, kph=3), {"kind": "close", "way": 0}])
    with pytest.raises(NetworkError, match="join_m is"):
        edited(today, [Add(((0, 0), (0, 90)), "residential")], join_m=join_m)
    with pytest.raises(NetworkError, match="reach_m is"):
        network.with_signals(today, gpd.GeoSeries([Point(0, 0)], crs=CRS), reach_m=join_m)
