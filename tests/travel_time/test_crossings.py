"""Crossings of trunk roads and railways: against curves drawn beside the way, and case by case."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiLineString, Point

from siting import network
from siting.errors import DataError
from siting.network.crossings import crossing_rules, crossings
from siting.rules import load
from siting.travel_time import paths

CRS = 4547
RULES = crossing_rules()
LIGHTS_AT_5 = load({"crossing.lights": {"value": 5, "reason": "a town of narrow streets"}})
APART = replace(RULES, same_road_m=0.0)


def row(*xy, highway="residential", **more) -> dict:
    return {"highway": highway, "geometry": LineString(xy), **more}


def trunk(*xy, **more) -> dict:
    return row(*xy, highway="trunk", **more)


def points(*xy) -> gpd.GeoSeries:
    return gpd.GeoSeries([Point(p) for p in xy], index=[f"P{i}" for i in range(len(xy))], crs=CRS)


def built(rows: list[dict]) -> network.RoadNetwork:
    return network.from_lines(gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS), mode="walk")


def reversed_ways(ways, homes: int) -> SimpleNamespace:
    """The same ways from the site to the home: one site each."""
    parts = [slice(a, b) for a, b in itertools.pairwise(ways.indptr.tolist())]

    def turned(column):
        return np.concatenate([column[part][::-1] for part in parts]) if parts else column

    return SimpleNamespace(
        demand_id=np.array([f"S{i}" for i in range(homes)], dtype=object),
        entry=np.where(ways.entry < 0, -1, np.arange(homes)),
        indptr=ways.indptr,
        edge=turned(ways.edge),
        forward=~turned(ways.forward),
        from_mm=turned(ways.to_mm),
        to_mm=turned(ways.from_mm),
    )


def counted(rows, home, gate, rules=APART, net=None, **more) -> dict[str, int]:
    """What is crossed from a home to a gate, both ways; only what is not nought."""
    net = net or built(rows)
    at = network.attach(net, points(home, gate), max_access_m=1e4, min_component_km=0)
    one, two = at.iloc[:1], at.iloc[1:]
    ways = paths(net, one, two)
    told = {"rules": rules, "homes": points(home), "gates": points(gate), **more}
    there = crossings(net, ways, one, two, **told)
    told |= {"homes": points(gate), "gates": points(home)}
    back = crossings(net, reversed_ways(ways, 1), two, one, **told)
    assert there.iloc[0].tolist() == back.iloc[0].tolist()
    return {name: int(n) for name, n in there.iloc[0].items() if n}


# an independent reckoning: draw a curve beside the way, on every choice of sides, and count
R, SIDE = 1.0, 0.02


def least_by_drawing(net, ways, i, hazards: MultiLineString, legs) -> int:
    """Least crossings of curves that keep within centimetres of the way."""
    steps = []
    for k in range(ways.indptr[i], ways.indptr[i + 1]):
        line = np.array(net.geometry[ways.edge[k]].coords)  # straight
        ends = [line[0] + (line[1] - line[0]) * mm / net.length_mm[ways.edge[k]]
                for mm in (ways.from_mm[k], ways.to_mm[k])]  # fmt: skip
        steps.append(ends)
    best = None
    for sides in itertools.product((1, -1), repeat=len(steps)):
        for rounds in itertools.product((1, -1), repeat=len(steps) - 1):
            curve = [tuple(legs[0])]
            for k, (a, b) in enumerate(steps):
                unit = (b - a) / np.hypot(*(b - a))
                left = np.array([-unit[1], unit[0]]) * SIDE * sides[k]
                first = a if k == 0 else a + unit * R
                last = b if k == len(steps) - 1 else b - unit * R
                if k == 0:  # from the home to its own side of the street
                    curve[0] = tuple(legs[0])
                curve += [tuple(first + left), tuple(last + left)]
                if k < len(steps) - 1:
                    out = steps[k + 1][1] - steps[k + 1][0]
                    out /= np.hypot(*out)
                    beside = np.array([-out[1], out[0]]) * SIDE * sides[k + 1]
                    begin = np.arctan2(*(last + left - b)[::-1])
                    stop = np.arctan2(*(out * R + beside)[::-1])
                    turn = (stop - begin) % (2 * np.pi)
                    if rounds[k] < 0:
                        turn -= 2 * np.pi
                    curve += [
                        (b[0] + R * np.cos(begin + f * turn), b[1] + R * np.sin(begin + f * turn))
                        for f in np.linspace(0, 1, 40)
                    ]
            curve.append(tuple(legs[1]))
            met = LineString(curve).intersection(hazards)
            assert met.geom_type in ("Point", "MultiPoint", "LineString", "GeometryCollection"), met
            count = 0 if met.is_empty else len(getattr(met, "geoms", [met]))
            best = count if best is None else min(best, count)
    return best


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_as_drawn_beside_the_way(seed):
    """Streets and trunk roads on a lattice, so that three and four of them meet in places."""
    rng = np.random.default_rng(seed)
    rows = []
    for x, y in itertools.product(range(3), range(3)):
        for dx, dy in ((1, 0), (0, 1)):
            if x + dx < 3 and y + dy < 3 and rng.random() < 0.85:
                rows.append(row(
                    (100 * x, 100 * y), (100 * (x + dx), 100 * (y + dy)),
                    highway="trunk" if rng.random() < 0.5 else "residential",
                ))  # fmt: skip
    if not rows:
        return
    net = built(rows)
    where = points(*rng.uniform(5, 195, (4, 2)))
    at = network.attach(net, where, max_access_m=1e4, min_component_km=0)
    homes, gates = at.iloc[:3], at.iloc[3:]
    ways = paths(net, homes, gates)
    told = crossings(
        net, ways, homes, gates, rules=APART, homes=where.iloc[:3], gates=where.iloc[3:]
    )
    hazards = MultiLineString([r["geometry"] for r in rows if r["highway"] == "trunk"])
    for i in range(3):
        count = int(ways.indptr[i + 1] - ways.indptr[i])
        if ways.entry[i] < 0:
            assert told.iloc[i].isna().all()
            continue
        if not 1 <= count <= 4:
            continue
        legs = [np.array(where.iloc[j].coords[0]) for j in (i, 3)]
        assert told["road_level"].iloc[i] == least_by_drawing(net, ways, i, hazards, legs)
        assert told.iloc[i].sum() == told["road_level"].iloc[i]
    back = crossings(
        net, reversed_ways(ways, 3), gates.iloc[[0, 0, 0]], homes, rules=APART,
        homes=gpd.GeoSeries(where.iloc[[3, 3, 3]]), gates=where.iloc[:3],
    )  # fmt: skip
    assert back.reset_index(drop=True).equals(told.reset_index(drop=True))


CROSS = [
    trunk((-200, 0), (0, 0)), trunk((0, 0), (200, 0)),
    row((0, -200), (0, 0)), row((0, 0), (0, 200)),
]  # fmt: skip


def test_a_junction_crossed_or_not():
    assert counted(CROSS, (5, 100), (5, -100)) == {"road_level": 1}
    # a street that only touches the trunk road from one side
    same = [*CROSS[:3], row((0, 0), (-80, -80))]
    assert counted(same, (5, -100), (-75, -85)) == {}
    assert counted([row((0, -200), (0, 0)), row((0, 0), (0, 200))], (5, 100), (5, -100)) == {}
    # a secondary street is none, unless the rules say so
    minor = [r | {"highway": "secondary"} if r["highway"] == "trunk" else r for r in CROSS]
    assert counted(minor, (5, 100), (5, -100)) == {}
    more = replace(APART, classes=RULES.classes | {"secondary"})
    assert counted(minor, (5, 100), (5, -100), rules=more) == {"road_level": 1}


def test_two_trunk_roads_that_cross():
    rows = [
        *CROSS[:2], trunk((0, -200), (0, 0)), trunk((0, 0), (0, 200)),
        row((0, 0), (-90, -90)), row((0, 0), (90, 90)), row((0, 0), (90, -90)),
    ]  # fmt: skip
    assert counted(rows, (-80, -85), (80, 85)) == {"road_level": 2}
    assert counted(rows, (-80, -85), (80, -85)) == {"road_level": 1}


def test_walking_along_a_trunk_road():
    rows = [
        trunk((0, 0), (100, 0)), trunk((100, 0), (200, 0)), trunk((200, 0), (300, 0)),
        row((100, 0), (100, 90)), row((200, 0), (200, -90)), row((200, 0), (200, 90)),
    ]  # fmt: skip
    assert counted(rows, (105, 80), (205, -80)) == {"road_level": 1}
    assert counted(rows, (105, 80), (205, 80)) == {}


def test_a_home_beside_the_trunk_road():
    rows = [trunk((0, 0), (200, 0)), trunk((200, 0), (400, 0)), row((200, 0), (200, 90))]
    assert counted(rows, (100, 8), (205, 80)) == {}
    assert counted(rows, (100, -8), (205, 80)) == {"road_level": 1}
    # both beside it, on one edge and on two
    assert counted(rows, (100, 8), (150, 8)) == {}
    assert counted(rows, (100, -8), (150, 8)) == {"road_level": 1}
    assert counted(rows, (100, -8), (300, 8)) == {"road_level": 1}
    assert counted(rows, (100, -8), (300, -8)) == {}
    # face to face, at the same place of the street; and at a junction
    assert counted(rows, (100, -8), (100, 8)) == {"road_level": 1}
    assert counted(rows, (200, -8), (195, 80)) == {"road_level": 1}
    # on the very line: the side that suits
    assert counted(rows, (100, 0), (205, 80)) == {}


def test_lights():
    net = built(CROSS)
    lit = network.with_signals(net, points((0, 0)), reach_m=5)
    assert counted(None, (5, 100), (5, -100), net=lit) == {"road_signalled": 1}
    assert counted(CROSS, (5, 100), (5, -100), signals=points((20, 10))) == {"road_signalled": 1}
    assert counted(CROSS, (5, 100), (5, -100), signals=points((50, 10))) == {"road_level": 1}
    # who walks along the road crosses it where there are lights
    rows = [
        trunk((0, 0), (100, 0)), trunk((100, 0), (200, 0)), trunk((200, 0), (300, 0)),
        trunk((300, 0), (400, 0)), row((100, 0), (100, 90)), row((300, 0), (300, -90)),
        row((200, 0), (200, 9)),
    ]  # fmt: skip
    assert counted(rows, (105, 80), (305, -80), signals=points((200, 0))) == {"road_signalled": 1}


def test_bridges_and_tunnels():
    way = [row((0, -200), (0, -20)), row((0, 20), (0, 200))]
    over = row((0, -20), (0, 20), bridge="yes")
    road = trunk((-200, 0), (200, 0))
    assert counted([*way, over, road], (5, 100), (5, -100)) == {"road_grade_separated": 1}
    under = over | {"bridge": "no", "tunnel": "yes"}
    assert counted([*way, under, road], (5, 100), (5, -100)) == {"road_grade_separated": 1}
    # the road is on the bridge
    plain = row((0, -20), (0, 20))
    raised = road | {"bridge": "yes"}
    assert counted([*way, plain, raised], (5, 100), (5, -100)) == {"road_grade_separated": 1}
    # neither says so: at grade, for safety
    assert counted([*way, plain, road], (5, 100), (5, -100)) == {"road_level": 1}


def test_dual_carriageways_are_one_road():
    def dual(gap: float) -> list[dict]:
        return [
            trunk((-200, 0), (0, 0), oneway="yes"), trunk((0, 0), (200, 0), oneway="yes"),
            trunk((200, gap), (0, gap), oneway="yes"), trunk((0, gap), (-200, gap), oneway="yes"),
            row((0, -200), (0, 0)), row((0, 0), (0, gap)), row((0, gap), (0, 200)),
        ]  # fmt: skip

    assert counted(dual(20), (5, 100), (5, -100), rules=RULES) == {"road_level": 1}
    assert counted(dual(20), (5, 100), (5, -100)) == {"road_level": 2}
    assert counted(dual(60), (5, 100), (5, -100), rules=RULES) == {"road_level": 2}
    # lights on one carriageway only are not enough
    half = points((0, 20))
    near = crossing_rules(LIGHTS_AT_5)
    assert counted(dual(20), (5, 100), (5, -100), rules=near, signals=half) == {"road_level": 1}
    both = points((0, 20), (0, 0))
    assert counted(dual(20), (5, 100), (5, -100), rules=near, signals=both) == {"road_signalled": 1}
    # over and back is crossing twice
    rows = [
        trunk((0, 0), (30, 0)), trunk((30, 0), (60, 0)), trunk((-90, 0), (0, 0)),
        trunk((60, 0), (90, 0)), row((0, 0), (0, -90)), row((0, 0), (5, 9)), row((5, 9), (25, 9)),
        row((25, 9), (30, 0)), row((30, 0), (30, -90)),
    ]  # fmt: skip
    net = built(rows)
    slow = [network.Retime("walk", way=0, time_factor=50)]
    assert counted(None, (-5, -80), (35, -80), rules=RULES, net=network.edited(net, slow)) == {
        "road_level": 2
    }
    assert counted(None, (-5, -80), (35, -80), rules=RULES, net=net) == {}


def rails(*shapes, raised=None) -> gpd.GeoDataFrame:
    more = {} if raised is None else {"raised": raised}
    return gpd.GeoDataFrame(
        {"hazard": ["rail"] * len(shapes), **more}, geometry=list(shapes), crs=CRS
    )


def test_railways_are_lines_of_their_own():
    street = [row((0, -200), (0, 200))]
    track = LineString([(-90, 0), (90, 0)])
    assert counted(street, (5, 100), (5, -100), lines=rails(track)) == {"rail_level": 1}
    assert counted(street, (5, 100), (5, 50), lines=rails(track)) == {}
    assert counted(street, (5, 100), (5, -100), lines=rails(track, raised=[True])) == {
        "rail_grade_separated": 1
    }
    bridge = [street[0] | {"bridge": "yes"}, row((0, 200), (0, 300)), row((0, -200), (0, -300))]
    assert counted(bridge, (5, 250), (5, -250), lines=rails(track)) == {"rail_grade_separated": 1}
    assert counted(street, (5, 100), (5, -100), lines=rails(track), signals=points((9, 9))) == {
        "rail_signalled": 1
    }
    # two tracks are one railway
    double = rails(track, LineString([(-90, 5), (90, 5)]))
    assert counted(street, (5, 100), (5, -100), rules=RULES, lines=double) == {"rail_level": 1}
    assert counted(street, (5, 100), (5, -100), lines=double) == {"rail_level": 2}
    # a level crossing drawn as a node of the street; a track in two pieces that meet there
    noded = [row((0, -200), (0, 0)), row((0, 0), (0, 200))]
    halves = rails(LineString([(-90, 0), (0, 0)]), LineString([(0, 0), (90, 9)]))
    for streets in (street, noded):
        for tracks in (rails(track), halves):
            assert counted(streets, (5, 100), (5, -100), lines=tracks) == {"rail_level": 1}
    # a track that ends at the street
    assert counted(street, (5, 100), (5, -100), lines=halves.iloc[:1]) == {}


def test_legs_cross_too():
    street = [row((-200, 0), (200, 0))]
    track = LineString([(-90, 10), (90, 10)])
    assert counted(street, (0, 20), (50, 5), lines=rails(track)) == {"rail_level": 1}
    assert counted(street, (0, 20), (50, 25), lines=rails(track)) == {"rail_level": 2}
    net = built(street)
    at = network.attach(net, points((0, 20), (50, 5)), max_access_m=1e4, min_component_km=0)
    ways = paths(net, at.iloc[:1], at.iloc[1:])
    without = crossings(net, ways, at.iloc[:1], at.iloc[1:], lines=rails(track))
    assert without.iloc[0].sum() == 0


def test_nothing_to_cross_and_nowhere_to_go():
    street = [row((-200, 0), (200, 0)), row((0, 900), (200, 900))]
    assert counted(street, (0, 20), (50, 5)) == {}
    assert counted(street, (0, 20), (50, 5), lines=rails().iloc[:0]) == {}
    net = built(street)
    where = points((0, 20), (50, 905))
    at = network.attach(net, where, max_access_m=100, min_component_km=0)
    ways = paths(net, at.iloc[:1], at.iloc[1:])
    told = crossings(net, ways, at.iloc[:1], at.iloc[1:], homes=where.iloc[:1])
    assert told.iloc[0].isna().all()
    assert told.index.name == "demand_id"
    assert (told.dtypes.astype(str) == "Int64").all()


def test_what_is_refused():
    net = built(CROSS)
    where = points((5, 100), (5, -100))
    at = network.attach(net, where, max_access_m=100, min_component_km=0)
    one, two = at.iloc[:1], at.iloc[1:]
    ways = paths(net, one, two)
    with pytest.raises(DataError, match="2 points do not fit 1 rows"):
        crossings(net, ways, one, two, homes=where)
    bad = rails(LineString([(-90, 0), (90, 0)])).assign(hazard="river")
    with pytest.raises(DataError, match="hazard that is none of road, rail"):
        crossings(net, ways, one, two, lines=bad)
    with pytest.raises(DataError, match="their CRS"):
        crossings(net, ways, one, two, signals=points((0, 0)).to_crs(4326))
