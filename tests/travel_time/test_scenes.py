"""Scenes that can be reckoned with a pencil: what a planner would check first.

Walking is at 60 m a minute, so that a metre is a second.
"""

from __future__ import annotations

import geopandas as gpd
import pytest
from shapely import LineString, Point, box

from siting import network
from siting.errors import NetworkError
from siting.network.crossings import crossings
from siting.travel_time import nearest, paths, table

CRS = 4547


def line(*xy, highway="residential", **more) -> dict:
    return {"highway": highway, "geometry": LineString(xy), **more}


def roads(rows: list[dict], mode: str = "walk") -> network.RoadNetwork:
    return network.from_lines(gpd.GeoDataFrame(rows, geometry="geometry", crs=CRS), mode=mode)


def at(net: network.RoadNetwork, barriers=None, **places):
    points = gpd.GeoSeries([Point(xy) for xy in places.values()], index=list(places), crs=CRS)
    return network.attach(
        net, points, max_access_m=200, min_component_km=0, barriers=barriers
    ).set_index("point_id", drop=False)


class TestMotorway:
    """A motorway from west to east; a street 60 m north and 50 m south of it; one underpass."""

    ROWS = (
        line((0, 0), (2000, 0), highway="motorway"),
        line((0, 60), (1500, 60)), line((1500, 60), (2000, 60)),
        line((0, -50), (1500, -50)), line((1500, -50), (2000, -50)),
        line((1500, 60), (1500, -50), tunnel="yes"),
    )  # fmt: skip
    WALL = gpd.GeoSeries([LineString([(0, 0), (2000, 0)])], crs=CRS)
    HOMES = {"north": (500, 10), "south": (500, -15)}

    @pytest.mark.parametrize("mode", ["walk", "drive"])
    def test_homes_attach_to_their_own_side(self, mode):
        net = roads(list(self.ROWS), mode)
        found = at(net, self.WALL, **self.HOMES)
        assert found["access_mm"].to_dict() == {"north": 50_000, "south": 35_000}
        side = {n: net.geometry[e].coords[0][1] for n, e in found["edge_id"].items()}
        assert side == {"north": 60, "south": -50}
        # a home whose own street is too far does not go to the other side's
        far = network.attach(
            net, gpd.GeoSeries([Point(500, -5)], index=["h"], crs=CRS),
            max_access_m=40, min_component_km=0, barriers=self.WALL,
        )  # fmt: skip
        assert far["why"].tolist() == ["beyond_max_access"]

    def test_across_only_by_the_underpass(self):
        net = network.cut(roads(list(self.ROWS)), self.WALL)
        found = at(net, self.WALL, school=(500, -60), **self.HOMES)
        homes, school = found.loc[["north", "south"]], found.loc[["school"]]
        told = nearest(net, homes, school)["impedance"]
        # 50 m of leg, 1000 m east, 110 m under it, 1000 m back, 10 m of leg: 85 m by crow
        assert told.tolist() == [(50 + 1000 + 110 + 1000 + 10) * 1000, (35 + 10) * 1000]
        # without the underpass there is no way
        shut = network.edited(net, [network.Close(near=(1500, 5))])
        found = at(shut, self.WALL, school=(500, -60), **self.HOMES)
        told = nearest(shut, found.loc[["north", "south"]], found.loc[["school"]])
        assert told["state"].tolist() == ["unreachable", "reached"]

    def test_a_street_across_it_at_grade_is_cut(self):
        """A bureau's layer where a street was drawn through the motorway."""
        rows = [*self.ROWS, line((700, 60), (700, -50))]
        net = network.cut(roads(rows), self.WALL)
        found = at(net, self.WALL, school=(500, -60), north=self.HOMES["north"])
        told = nearest(net, found.loc[["north"]], found.loc[["school"]])["impedance"]
        assert told.tolist() == [(50 + 1000 + 110 + 1000 + 10) * 1000]
        assert net.drops["action"].tolist()[-1] == "cut there"

    def test_the_underpass_is_grade_separated(self):
        net = roads(list(self.ROWS))
        wall = gpd.GeoDataFrame({"hazard": ["road"]}, geometry=self.WALL.array, crs=CRS)
        places = {"north": (500, 80), "school": (500, -60)}
        found = at(net, **places)
        one, two = found.loc[["north"]], found.loc[["school"]]
        told = crossings(net, paths(net, one, two), one, two, lines=wall).iloc[0]
        assert told["road_grade_separated"] == 1
        assert told.sum() == 1


def test_a_park_gate_300_m_by_crow_and_900_m_on_foot():
    """A home beside the park's wall; the gate is round two corners."""
    net = roads([line((0, 0), (300, 0)), line((300, 0), (300, 300)), line((300, 300), (0, 300))])
    park = gpd.GeoSeries([box(0, 10, 290, 290)], crs=CRS)
    found = at(net, park, home=(0, 0), gate=(0, 300))
    home, gate = found.loc[["home"]], found.loc[["gate"]]
    assert Point(0, 0).distance(Point(0, 300)) == 300
    assert nearest(net, home, gate, impedance="length")["impedance"].tolist() == [900_000]
    assert nearest(net, home, gate)["impedance"].tolist() == [900_000]
    # within 500 m by crow and not on foot
    foot = table(net, home, gate, impedance="length", cutoff=500_000, k=1).reach(["gate"])
    assert foot["state"].tolist() == ["beyond_cutoff"]


class TestRiver:
    """A river 100 m wide, streets along both banks, one bridge 600 m upstream."""

    ROWS = (
        line((0, 0), (0, 600)), line((0, 600), (0, 1000)),
        line((100, 0), (100, 600)), line((100, 600), (100, 1000)),
        line((0, 600), (100, 600), bridge="yes"),
    )  # fmt: skip
    WATER = gpd.GeoSeries([box(1, -100, 99, 1100)], crs=CRS)

    @pytest.mark.parametrize("north", [0, 200, 600, 800, 1000])
    def test_times_over_the_bridge(self, north):
        net = roads(list(self.ROWS))
        found = at(net, self.WATER, home=(-20, north), school=(120, 0))
        told = nearest(net, found.loc[["home"]], found.loc[["school"]])["impedance"]
        assert told.tolist() == [(20 + abs(600 - north) + 100 + 600 + 20) * 1000]

    def test_a_home_on_the_bank_does_not_step_over(self):
        net = roads(list(self.ROWS))
        found = at(net, self.WATER, near_west=(0.5, 300), near_east=(99.5, 300))
        x = {n: net.geometry[e].coords[0][0] for n, e in found["edge_id"].items()}
        assert x == {"near_west": 0, "near_east": 100}

    def test_the_river_as_a_barrier_changes_nothing_but_what_crosses_it(self):
        rows = [*self.ROWS, line((0, 100), (100, 100))]  # a ford nobody said was one
        joined = [r for r in rows if r["geometry"].coords[0] not in {(0, 0), (100, 0)}]
        joined += [line((x, a), (x, b)) for x in (0, 100) for a, b in ((0, 100), (100, 600))]
        net = roads(joined)
        home, school = (-20, 0), (120, 0)

        def told(built) -> list[int]:
            found = at(built, self.WATER, home=home, school=school)
            return nearest(built, found.loc[["home"]], found.loc[["school"]])["impedance"].tolist()

        assert told(net) == [(20 + 100 + 100 + 100 + 20) * 1000]
        assert told(network.cut(net, self.WATER)) == [(20 + 600 + 100 + 600 + 20) * 1000]
        ford = gpd.GeoSeries([Point(50, 100)], crs=CRS)
        assert told(network.cut(net, self.WATER, crossings=ford)) == told(net)


def test_a_one_way_pair_of_4_and_9_minutes():
    """The home 4 min away is 4 min away; on the way back it is 9."""
    rows = [
        line((0, 0), (1000, 0), oneway="yes", speed_kph=15),
        line((1000, 0), (1000, 500), oneway="yes", speed_kph=15),
        line((1000, 500), (0, 500), oneway="yes", speed_kph=15),
        line((0, 500), (0, 0), oneway="yes", speed_kph=20),
    ]  # fmt: skip
    factor = network.read_speeds().factor("drive")
    assert factor == 1
    net = roads(rows, "drive")
    found = at(net, a=(0, 0), b=(1000, 0))
    one, other = found.loc[["a"]], found.loc[["b"]]
    there = nearest(net, one, other)["impedance"].tolist()
    # 1000 m at 15 km/h; 1500 m at 15 km/h (6 min) and 500 m at 10 km/h (3 min)
    assert there == [4 * 60_000]
    slow = network.edited(net, [network.Retime("drive", way=3, kph=10)])
    found = at(slow, a=(0, 0), b=(1000, 0))
    back = nearest(slow, found.loc[["b"]], found.loc[["a"]])["impedance"].tolist()
    assert back == [9 * 60_000]
    assert nearest(slow, found.loc[["a"]], found.loc[["b"]])["impedance"].tolist() == there


@pytest.mark.parametrize(("km", "fits"), [(1_000, True), (5_000, False)])
def test_no_edge_leaves_64_bits(km, fits):
    """5,000 km at 60 m a minute times its half in mm is over 2**63; it would come out negative."""
    rows = [line((0, 0), (900, 0), length_m=km * 1_000.0)]
    if not fits:
        with pytest.raises(NetworkError, match=r"too long or too slow to share out \(way 0"):
            roads(rows)
        return
    net = roads(rows)
    found = at(net, home=(0, 0), clinic=(450, 0))
    reach = nearest(net, found.loc[["home"]], found.loc[["clinic"]], impedance="time")
    assert reach["impedance"].tolist() == [km * 1_000 * 1_000 // 2]
