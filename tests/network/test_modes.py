"""Bicycles, surfaces, stated speeds and lights: who goes how fast where."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point
from test_osm import osm, read

from siting import network, rules
from siting.errors import DataError
from siting.kernels import compressed_rows
from siting.network.delay import served
from siting.network.graph import RoadNetwork
from siting.network.tags import blocks, way_use

SPEEDS = network.read_speeds()
STREET = {"highway": "residential"}
ROAD = {"highway": "primary"}
RIDE, WHEEL, PUSH, SHARED = 12.0, 15.0, 3.6, 8.0  # as in speeds.toml, by pencil


@pytest.mark.parametrize(
    ("tags", "there", "back"),
    [
        (STREET, RIDE, RIDE),
        ({"highway": "cycleway"}, RIDE, RIDE),
        ({"highway": "footway"}, PUSH, PUSH),
        ({"highway": "pedestrian"}, PUSH, PUSH),
        ({"highway": "footway", "bicycle": "yes"}, SHARED, SHARED),
        ({"highway": "footway", "bicycle": "designated", "oneway": "yes"}, SHARED, 0),
        ({"highway": "steps"}, 0, 0),
        ({"highway": "steps", "bicycle": "dismount"}, PUSH, PUSH),
        ({"highway": "motorway"}, 0, 0),
        ({"highway": "trunk", "motorroad": "yes"}, 0, 0),
        ({"highway": "trunk", "motorroad": "yes", "bicycle": "yes"}, RIDE, RIDE),
        # the most specific key decides
        ({**STREET, "bicycle": "no"}, 0, 0),
        ({**STREET, "vehicle": "no", "bicycle": "yes"}, RIDE, RIDE),
        ({**STREET, "access": "no", "vehicle": "yes"}, RIDE, RIDE),
        ({**STREET, "access": "private"}, 0, 0),
        ({**STREET, "motor_vehicle": "no"}, RIDE, RIDE),
        ({**STREET, "bicycle": "use_sidepath"}, 0, 0),
        ({**STREET, "bicycle": "dismount"}, PUSH, PUSH),
        ({**STREET, "bicycle": "dismount", "foot": "no"}, 0, 0),
        ({"highway": "path", "bicycle": "no"}, PUSH, PUSH),
        ({"highway": "path", "access": "no"}, 0, 0),
        ({"highway": "footway", "access": "no", "foot": "yes"}, PUSH, PUSH),
        ({**STREET, "route": "ferry"}, 0, 0),
        # one-way streets bind bicycles, unless a sign or a lane says otherwise
        ({**STREET, "oneway": "yes"}, RIDE, 0),
        ({**STREET, "oneway": "-1"}, 0, RIDE),
        ({**STREET, "oneway": "yes", "oneway:bicycle": "no"}, RIDE, RIDE),
        ({**STREET, "oneway:bicycle": "yes"}, RIDE, 0),
        ({**STREET, "oneway": "yes", "oneway:bicycle": "-1"}, 0, RIDE),
        ({**STREET, "oneway": "yes", "cycleway": "opposite"}, RIDE, RIDE),
        ({**STREET, "oneway": "yes", "cycleway": "opposite_lane"}, RIDE, RIDE),
        ({**STREET, "oneway": "yes", "cycleway:left": "opposite_track"}, RIDE, RIDE),
        ({**STREET, "oneway": "yes", "cycleway:left:oneway": "-1"}, RIDE, RIDE),
        ({**STREET, "oneway": "yes", "cycleway": "lane"}, RIDE, 0),
        ({**STREET, "oneway": "yes", "cycleway": "opposite", "oneway:bicycle": "yes"}, RIDE, 0),
        ({**STREET, "oneway:motor_vehicle": "yes"}, RIDE, RIDE),
        ({**STREET, "oneway": "reversible"}, 0, 0),
        ({**STREET, "junction": "roundabout"}, RIDE, 0),
        ({**STREET, "bicycle:backward": "no"}, RIDE, 0),
        ({**STREET, "bicycle:forward": "no", "oneway": "yes"}, 0, 0),
        # a limit binds whoever rides faster
        ({**STREET, "maxspeed": "5"}, 5, 5),
        ({**STREET, "maxspeed:backward": "5"}, RIDE, 5),
    ],
)
def test_where_a_bicycle_may_go(tags, there, back):
    use = way_use(tags, "cycle", SPEEDS)
    assert (use.forward_kph, use.backward_kph) == (there, back)
    assert bool(use.closed) == (there == back == 0)


def test_an_electric_bicycle_goes_where_a_bicycle_goes_at_its_own_speed():
    for tags in ({"bicycle": "no"}, {"oneway": "yes", "cycleway": "opposite"}, {"vehicle": "no"}):
        use = [way_use({**STREET, **tags}, mode, SPEEDS) for mode in ("cycle", "ebike")]
        assert (use[0].forward_kph > 0) == (use[1].forward_kph > 0)
        assert (use[0].backward_kph > 0) == (use[1].backward_kph > 0)
    assert way_use(STREET, "ebike", SPEEDS).forward_kph == WHEEL
    barred = {**STREET, "electric_bicycle": "no"}
    assert way_use(barred, "ebike", SPEEDS).closed == "electric_bicycle=no"
    assert way_use(barred, "cycle", SPEEDS).forward_kph == RIDE


def test_barriers_for_bicycles():
    assert blocks({"barrier": "bollard"}, "cycle") == ""
    assert blocks({"barrier": "stile"}, "cycle") == "barrier=stile"
    assert blocks({"barrier": "stile", "bicycle": "yes"}, "cycle") == ""
    assert blocks({"barrier": "gate", "bicycle": "no"}, "ebike") == "barrier=gate, bicycle=no"
    assert blocks({"barrier": "gate", "access": "no", "bicycle": "yes"}, "cycle") == ""


def test_pushing_is_a_parameter(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text(
        "[cycle]\npush_kph = 0\n[class]\nsteps = { push = true }\n[ebike]\npush_kph = 3", "utf-8"
    )
    mine = network.read_speeds(file)
    assert way_use({"highway": "footway"}, "cycle", mine).closed == "highway=footway"
    assert way_use({"highway": "steps"}, "ebike", mine).forward_kph == 3


def test_points_attach_where_one_may_stop_and_access_legs_are_walked(tmp_path):
    ways = {
        10: ([1, 2], STREET),
        11: ([2, 3], {**STREET, "bridge": "yes"}),
        12: ([3, 4], {"highway": "footway"}),
    }
    nodes = {1: (0, 0), 2: (1, 0), 3: (2, 0), 4: (3, 0)}
    built = read(tmp_path, osm(nodes, ways), "cycle")
    assert dict(zip(built.way_id.tolist(), built.stoppable.tolist(), strict=True)) == {
        10: True, 11: False, 12: True,
    }  # fmt: skip
    assert built.access_kph == SPEEDS.walk_kph
    assert SPEEDS.walking_at(4.0).going_by("cycle", 2.0).access_kph("cycle") == 4.0
    pushed = built.way_id.tolist().index(12)
    assert built.forward_ms[pushed] == built.length_mm[pushed]  # 3.6 km/h: a millisecond each mm


# --- surfaces and stated speeds -------------------------------------------------------------------


def lines(rows: list[dict[str, object]]) -> gpd.GeoDataFrame:
    """Streets of 120 m, each from where the last one ends."""
    shapes = [LineString([(120 * i, 0), (120 * (i + 1), 0)]) for i in range(len(rows))]
    return gpd.GeoDataFrame(rows, geometry=shapes, crs=4547)


def seconds(built: RoadNetwork) -> dict[int, float]:
    """Seconds along each row of the layer."""
    return dict(zip(built.way_id.tolist(), (built.forward_ms / 1000).tolist(), strict=True))


def test_the_surface_slows_bicycles_and_words_nobody_knows_are_listed(tmp_path):
    rows = [{"highway": "residential", "surface": s} for s in ("asphalt", "砂石", "lava", None)]
    built = network.from_lines(lines(rows), mode="cycle")
    usual = 120 / (RIDE / 3.6)
    assert seconds(built) == {0: usual, 1: round(usual / 0.7, 3), 2: usual, 3: usual}
    assert built.drops[["what", "action"]].to_numpy().tolist() == [
        ["1 lines of surface=lava, not known", "at the speed of the class"]
    ]
    nodes = {i: (i, 0) for i in range(1, 6)}
    ways = {
        i: ([i, i + 1], {**STREET, "oneway": "yes", **tags})
        for i, tags in enumerate(
            (
                {"surface": "asphalt"},
                {"surface": "asphalt;gravel", "smoothness": "good"},
                {"surface": "gravel", "smoothness": "very_bad"},
                {"surface": "lava", "tracktype": "grade3"},
            ),
            1,
        )
    }
    built = read(tmp_path, osm(nodes, ways), "cycle")
    pace = {w: mm / ms * 3.6 for w, mm, ms in zip(built.way_id, built.length_mm, built.forward_ms,
                                                  strict=True)}  # fmt: skip
    for way, factor in ((1, 1.0), (2, 0.7), (3, 0.5), (4, 0.8)):
        assert pace[way] == pytest.approx(RIDE * factor, rel=1e-4)
    assert "1 ways surface=lava, not known" in built.drops["what"].tolist()


def test_surfaces_leave_cars_and_walkers_as_they_were(tmp_path):
    """What ships has no factor for them: the same edges and the same times, and nothing listed."""
    nodes = {i: (i, 0) for i in range(1, 5)}
    plain = {i: ([i, i + 1], STREET) for i in range(1, 4)}
    rough = {i: (refs, {**tags, "surface": f"lava{i}"}) for i, (refs, tags) in plain.items()}
    for mode in ("walk", "drive"):
        one, other = (read(tmp_path, osm(nodes, ways), mode) for ways in (plain, rough))
        assert one.version == other.version
        assert other.drops.equals(one.drops)


def test_a_study_may_slow_cars_and_walkers(tmp_path):
    file = tmp_path / "s.toml"
    file.write_text('[surface]\ngravel = { drive = 0.5, walk = 0.8 }\n"渣" = "gravel"\n', "utf-8")
    mine = network.read_speeds(file)
    assert way_use({**STREET, "surface": "gravel"}, "drive", mine).forward_kph == 10
    assert way_use({**STREET, "surface": "渣"}, "walk", mine).forward_kph == pytest.approx(2.88)
    # a limit is not slowed by the surface, only undercut
    slow = {**STREET, "surface": "gravel", "maxspeed": "15"}
    assert way_use(slow, "drive", mine).forward_kph == 10
    # what ships stays for bicycles: rows are replaced key by key
    assert way_use({**STREET, "surface": "gravel"}, "cycle", mine).forward_kph == pytest.approx(8.4)


@pytest.mark.parametrize(
    ("mode", "column", "kph"),
    [("walk", "walk_kph", 4.5), ("cycle", "cycle_kph", 18), ("ebike", "ebike_kph", 24),
     ("drive", "speed_kph", 60)],
)  # fmt: skip
def test_a_stated_speed_wins_over_class_and_surface(mode, column, kph):
    rows = [{"highway": "residential", "surface": "sand", column: value} for value in (kph, None)]
    rows.append({"highway": "motorway", "surface": "sand", column: kph})
    built = network.from_lines(lines(rows), mode=mode)
    assert seconds(built)[0] == pytest.approx(120 / (kph / 3.6), abs=0.0006)
    bare = lines([{"highway": "residential", "surface": "sand"}] * 2)
    assert seconds(built)[1] == seconds(network.from_lines(bare, mode=mode))[1]
    assert (2 in seconds(built)) == (mode == "drive")  # a closed class stays closed
    others = {"walk": "speed_kph", "drive": "walk_kph"}.get(mode, "walk_kph")
    rows[0] = {**rows[0], others: 9.0}
    assert seconds(network.from_lines(lines(rows), mode=mode)) == seconds(built)


@pytest.mark.parametrize(
    ("column", "value"),
    [("walk_kph", 60), ("walk_kph", 0), ("cycle_kph", 200), ("ebike_kph", -1), ("speed_kph", 400),
     ("cycle_kph", "fast"), ("walk_kph", 1e-4), ("speed_kph", 1e-9)],
)  # fmt: skip
def test_speeds_that_cannot_be_are_refused_whatever_the_mode(column, value):
    with pytest.raises(DataError, match=column):
        network.from_lines(lines([{"highway": "residential", column: value}]), mode="drive")


def test_bicycles_on_line_layers_ride_push_or_stay_out():
    rows = [
        {"highway": word, "oneway": "yes"}
        for word in ("主干路", "footway", "steps", "motorway", "residential")
    ]
    built = network.from_lines(lines(rows), mode="cycle")
    back = dict(zip(built.way_id.tolist(), (built.backward_ms >= 0).tolist(), strict=True))
    assert back == {0: False, 1: True, 4: False}  # who pushes is on foot: one-ways do not bind
    assert seconds(built)[1] == 120.0
    assert sorted(built.drops["what"]) == [
        "1 lines of highway=motorway",
        "1 lines of highway=steps",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[cycle]\nkph = 12\n", "cycle.kph"),
        ("[cycle]\npush_kph = -1\n", "cycle.push_kph"),
        ("[surface]\ngravel = { bus = 1 }\n", "surface.gravel.bus"),
        ("[surface]\ngravel = { cycle = 0 }\n", "surface.gravel.cycle"),
        ("[surface]\ngravel = 0.5\n", "surface.gravel"),
        ('[surface]\n"砂" = "grit"\n', "grit"),
        ("[delay]\nwalk = { signal_s = -3 }\n", "delay.walk.signal_s"),
        ("[delay]\nwalk = 3\n", "delay.walk"),
        ('[delay]\nmain = ["big"]\n', "big"),
        ('[delay]\nmain = "primary"\n', "delay.main"),
        ("[delay]\nboat = { signal_s = 3 }\n", "delay.boat"),
        ("[slope]\nsteepest = 100\n", "slope.steepest"),
        ("[slope]\nspacing_m = true\n", "slope.spacing_m"),
        ("[class]\nprimary = { cycle_kph = 1000 }\n", "class.primary.cycle_kph"),
        ("[class]\nprimary = { push = 1 }\n", "class.primary.push"),
        ("[class]\nprimary = { drive_kph = 0.0001 }\n", "class.primary.drive_kph"),
    ],
)
def test_a_speeds_file_that_cannot_be_is_refused(tmp_path, text, said):
    file = tmp_path / "s.toml"
    file.write_text(text, "utf-8")
    with pytest.raises(DataError, match=said):
        network.read_speeds(file)


def test_walking_speeds_by_group_are_rules_and_say_that_they_are_assumed():
    book = rules.load()
    for name in ("walk.speed", "walk.speed_elderly", "walk.speed_children"):
        rule = book[name]
        assert rule.low <= rule.value <= rule.high
        assert (rule.unit, rule.status) == ("kph", "assumed")
    assert book["walk.speed_elderly"].value < book["walk.speed"].value


# --- lights and junctions -------------------------------------------------------------------------

LIGHT = {"highway": "traffic_signals"}
CROSS = {
    1: (0, 0),
    2: (1, 0),
    3: (2, 0),
    4: (3, 0),
    5: (2, 1),
    6: (2, -1),
    7: (1.9, 0),
    8: (2.2, 0),
}
"""A junction at 3; 7 is 9 m before it, 8 is 18 m past it, 2 is 90 m away."""
ARMS = {10: ([1, 2, 7, 3, 8, 4], ROAD), 11: ([5, 3, 6], ROAD)}
WAIT = SPEEDS.waiting("drive", signal_s=15, junction_s=4)


def lit(built: RoadNetwork) -> set[int]:
    return set(built.node_id[built.signal].tolist())


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ([3], {3}),
        ([7], {3}),
        ([8], {3}),
        ([7, 8, 3], {3}),
        ([2], {2}),
        ([2, 7], {2, 3}),
        ([], set()),
    ],
)
def test_lights_are_brought_to_the_junction_they_serve(tmp_path, where, found):
    text = osm(CROSS, ARMS, node_tags=dict.fromkeys(where, LIGHT))
    built = read(tmp_path, text, "drive", speeds=WAIT)
    assert lit(built) == found
    half = dict(zip(built.node_id.tolist(), built.half_delay_ms.tolist(), strict=True))
    # 3 is a junction of main streets, with lights or without
    assert {n: h for n, h in half.items() if h} == {
        3: 2000, **dict.fromkeys(found, 7500),
    }  # fmt: skip


def test_crossings_with_lights_and_those_without(tmp_path):
    for tags, is_lit in (
        ({"highway": "crossing", "crossing": "traffic_signals"}, True),
        ({"highway": "crossing", "crossing:signals": "yes"}, True),
        ({"highway": "crossing", "crossing": "uncontrolled"}, False),
        ({"highway": "crossing", "crossing:signals": "no"}, False),
        ({"highway": "stop"}, False),
    ):
        text = osm(CROSS, ARMS, node_tags={2: tags})
        assert lit(read(tmp_path, text, "drive", speeds=WAIT)) == ({2} if is_lit else set())


def test_without_delays_lights_change_no_edge(tmp_path):
    """What ships gives the same streets and times whether lights are drawn or not."""
    dark = read(tmp_path, osm(CROSS, ARMS), "drive")
    bright = read(tmp_path, osm(CROSS, ARMS, node_tags={2: LIGHT, 7: LIGHT}), "drive")
    for name in ("node_id", "tail", "head", "length_mm", "forward_ms", "backward_ms"):
        assert np.array_equal(getattr(dark, name), getattr(bright, name))
    assert not bright.half_delay_ms.any()
    assert lit(bright) == {3}  # the one at 2 is inside an edge that need not end there


def test_what_ships_has_no_delay():
    assert set(SPEEDS.delay.signal_s.values()) == set(SPEEDS.delay.junction_s.values()) == {0.0}


def test_junctions_are_of_three_streets_one_of_them_main():
    def star(classes: list[str]) -> list[int]:
        ends = [(100, 0), (0, 100), (-100, 0), (0, -100)]
        table = gpd.GeoDataFrame(
            {"highway": classes},
            geometry=[LineString([(0, 0), end]) for end in ends[: len(classes)]],
            crs=4547,
        )
        built = network.from_lines(table, mode="drive", speeds=WAIT)
        middle = np.flatnonzero((built.node_xy == 0).all(axis=1))[0]
        assert not np.delete(built.half_delay_ms, middle).any()
        return int(built.half_delay_ms[middle])

    assert star(["residential", "residential", "tertiary"]) == 2000
    assert star(["次干路", "residential", "residential", "residential"]) == 2000
    assert star(["residential"] * 4) == 0
    assert star(["primary", "primary"]) == 0
    assert star(["primary"] * 3) == 2000
    assert WAIT.waiting("drive", junction_s=3.001).delay.junction_s["drive"] == 3.001


@st.composite
def streets(draw):
    """Streets between a few nodes, lengths in whole metres so that ties abound."""
    nodes = draw(st.integers(2, 9))
    pair = st.tuples(st.integers(0, nodes - 1), st.integers(0, nodes - 1)).filter(
        lambda p: p[0] != p[1]
    )
    pairs = draw(st.lists(pair, min_size=1, max_size=12))
    long = draw(st.lists(st.integers(1, 4), min_size=len(pairs), max_size=len(pairs)))
    lights = draw(st.lists(st.integers(0, nodes - 1), unique=True, max_size=nodes))
    return nodes, pairs, long, sorted(lights)


@settings(max_examples=300)
@given(streets(), st.integers(0, 6))
def test_lights_go_to_the_nearest_junction_as_networkx_finds_it(world, reach):
    nodes, pairs, long, lights = world
    start, stop = (np.array(v, dtype=np.int32) for v in zip(*pairs, strict=True))
    indptr, touching = compressed_rows(np.concatenate([start, stop]), rows=nodes)
    got = served(
        np.array(lights, dtype=np.int64), start, stop, np.array(long, dtype=np.int64) * 10**9,
        indptr, touching % start.size, reach_m=reach,
    )  # fmt: skip
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(range(nodes))
    for (a, b), metres in zip(pairs, long, strict=True):
        graph.add_edge(a, b, weight=metres)
        graph.add_edge(b, a, weight=metres)
    degree = {n: d // 2 for n, d in graph.degree()}
    crossing = {n for n, d in degree.items() if d >= 3}
    # nobody goes on past a junction
    graph.remove_edges_from([e for e in list(graph.edges(keys=True)) if e[0] in crossing])
    junction, alone = set(), set()
    for light in lights:
        far = nx.single_source_dijkstra_path_length(graph, light, cutoff=reach)
        near = sorted((metres, n) for n, metres in far.items() if n in crossing)
        if near:
            junction.add(near[0][1])
        elif degree[light]:
            alone.add(light)
    assert set(np.flatnonzero(got[0]).tolist()) == junction
    assert set(np.flatnonzero(got[1]).tolist()) == alone


def test_lights_as_points_go_to_the_nearest_junction_or_are_listed():
    grid = [LineString([(x, y), (x + 100, y)]) for x in (0, 100) for y in (0, 100, 200)]
    grid += [LineString([(x, y), (x, y + 100)]) for x in (0, 100, 200) for y in (0, 100)]
    table = gpd.GeoDataFrame({"highway": ["primary"] * len(grid)}, geometry=grid, crs=4547)
    built = network.from_lines(table, mode="drive", speeds=WAIT)
    points = [Point(110, 105), Point(100, 21), Point(50, 50), Point(1, 1)]
    lights = gpd.GeoSeries(points, index=["a", "b", "c", "d"], crs=4547)
    bright = network.with_signals(built, lights, reach_m=30)
    assert bright.node_xy[bright.signal].tolist() == [[100.0, 0.0], [100.0, 100.0]]
    assert bright.drops["row"].tolist() == ["c", "d"]  # the corner joins two streets only
    assert not built.signal.any()
    waited = network.with_delay(bright, WAIT)
    assert sorted(waited.half_delay_ms.tolist()) == [0] * 4 + [2000] * 3 + [7500] * 2
    assert waited.version != bright.version
    # a study that gives junctions alone does not make those with lights free
    alone = network.with_delay(bright, SPEEDS.waiting("drive", junction_s=4))
    assert set(alone.half_delay_ms[alone.signal].tolist()) == {2000}
    assert alone.half_delay_ms.max() == 2000
    turned = network.with_signals(built, lights[::-1], reach_m=30)
    assert turned.version == bright.version
    with pytest.raises(DataError, match="CRS"):
        network.with_signals(built, lights.set_crs(4548, allow_override=True), reach_m=30)
    with pytest.raises(DataError, match="of another kind"):
        network.with_signals(built, gpd.GeoSeries([grid[0]], crs=4547), reach_m=30)


def test_networkx_keeps_lights_and_delays_and_reads_those_of_osmnx(tmp_path: Path):
    text = osm(CROSS, ARMS, node_tags={2: LIGHT, 7: LIGHT})
    built = read(tmp_path, text, "drive", speeds=WAIT)
    again = network.from_networkx(network.to_networkx(built), mode="drive", crs=32633)
    assert np.array_equal(again.half_delay_ms, built.half_delay_ms)
    assert np.array_equal(again.signal, built.signal)
    graph = nx.MultiDiGraph(crs="EPSG:4547")
    for i in range(4):
        graph.add_node(i, x=60.0 * i, y=0.0, **({"highway": "traffic_signals"} if i == 2 else {}))
    for u, v in pairwise(range(4)):
        graph.add_edge(u, v, length=60.0, highway="residential", surface="sand", osmid=u)
    wheeled = network.from_networkx(
        graph, mode="cycle", crs=4547, speeds=SPEEDS.waiting("cycle", signal_s=10)
    )
    assert wheeled.signal.tolist() == [False, False, True, False]
    assert wheeled.half_delay_ms.tolist() == [0, 0, 5000, 0]
    assert wheeled.forward_ms.tolist() == [45_000] * 3  # 12 km/h on sand, by 0.4
