"""The generated county: people by township and access to services, from its raw files alone."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

import geopandas as gpd
import networkx as nx
import pandas as pd
import pytest
import shapely
from county_roads import County
from finished_run import Finished
from malta_independent import Place
from malta_reach import placed
from search import Search

METRIC = 4547
# service: car?, the column of its people, how its sites are told, its rules with their strict end,
# headline and loose end; times at 3.4 to 5 km/h on foot, at 0.8 to 1.2 by car
SCHOOLS, CARE = "学校.gpkg", "医疗机构.csv"
CLINICS = ["村卫生室", "卫生院", "社区卫生服务中心", "社区卫生服务站"]
SERVICES = {
    "primary": (False, "6-11岁", SCHOOLS, ["小学", "教学点"], {
        "primary.radius": (500_000, 500_000, 500_000),
        "school.journey_grades_1_3": (1_700_000, 1_800_000, 2_500_000),
    }),
    "junior": (True, "12-14岁", SCHOOLS, ["初中"], {
        "junior.radius": (1_000_000, 1_000_000, 1_000_000),
        "school.journey": (1_920_000, 2_400_000, 2_880_000),
    }),
    "clinic": (False, "常住人口", CARE, CLINICS, {
        "circle_15min": (800_000, 800_000, 1_000_000),
        "clinic.walk_30min": (1_700_000, 1_800_000, 2_500_000),
    }),
    "hospital": (True, "常住人口", CARE, ["医院"], {
        "hospital.drive_30min": (1_440_000, 1_800_000, 2_160_000),
    }),
}  # fmt: skip
PAIRS = [(service, rule) for service, asked in SERVICES.items() for rule in asked[4]]
WITHIN = 100_000  # the study's people.within_m, in mm; at 3.6 km/h a millimetre is a millisecond
SEATED = ("junior",)  # the study asks who of those in reach has a seat
BY_LENGTH = ("primary.radius", "junior.radius", "circle_15min")


class Raw:
    """The county's files, in metres."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.people = self.points("常住人口点.csv", "utf-8-sig").set_index("点号")
        self.towns = gpd.read_file(folder / "乡镇街道.shp").set_index("代码")
        self.towns.index = self.towns.index.astype(str)
        names = sorted(self.towns.index)
        shapes = [self.towns.geometry[n] for n in names]
        self.town = {
            home: min(
                (n for n, s in zip(names, shapes, strict=True) if s.intersects(p)), default=""
            )
            for home, p in self.people.geometry.items()
        }

    def points(self, name: str, encoding: str) -> gpd.GeoDataFrame:
        rows = pd.read_csv(self.folder / name, encoding=encoding)
        spots = gpd.points_from_xy(rows["经度"], rows["纬度"], crs=4490)
        return gpd.GeoDataFrame(rows, geometry=spots).to_crs(METRIC)

    def sites(self, service: str) -> dict[str, shapely.Point]:
        _, _, file, kinds, _ = SERVICES[service]
        if file == SCHOOLS:
            rows = gpd.read_file(self.folder / file).to_crs(METRIC)
            rows = rows[rows["学段"].isin(kinds)].set_index("学校代码")
        else:
            rows = self.points(file, "gb18030")
            rows = rows[rows["类别"].isin(kinds)].set_index("机构代码")
        return dict(rows.geometry)

    @cache  # noqa: B019 - one county a test run
    def roads(self, *, car: bool, lengths: bool) -> tuple[Search, dict[str, Place]]:
        water = gpd.read_file(self.folder / "水系.geojson").to_crs(METRIC)
        lakes = [part for part in shapely.get_parts(water.geometry) if part.area]
        roads = gpd.read_file(self.folder / "道路.gpkg")
        streets = County(roads, lakes, car=car, lengths=lengths)
        return Search(streets, "ms"), placed(streets, dict(self.people.geometry))

    @cache  # noqa: B019
    def nearest(self, service: str, *, lengths: bool) -> dict[str, int]:
        search, homes = self.roads(car=SERVICES[service][0], lengths=lengths)
        return search.nearest(placed(search.streets, self.sites(service)).values(), homes)


@pytest.fixture(scope="module")
def raw(demo_run: Finished) -> Raw:
    return Raw(demo_run.folder / "data" / "raw" / "demo")


def test_people_by_township(raw: Raw, demo_run: Finished) -> None:
    table = demo_run.table("coverage")
    table = table[(table["level"] == "zone") & (table["zoning"] == "township")]
    table = table[(table["plan"] == "today") & (table["settlement"] != "judged")]
    for service, (_, column, _, _, rules) in SERVICES.items():
        people = raw.people[column].groupby([pd.Series(raw.town), raw.people["settlement"]]).sum()
        for rule in rules:
            rows = table[(table["service"] == service) & (table["rule_id"] == rule)]
            shown = rows.set_index(["zone_id", "settlement"])["persons"]
            assert shown.to_dict() == people.to_dict(), (service, rule)
    # the shapefile's own column of people says the same
    assert (
        raw.people["常住人口"].groupby(pd.Series(raw.town)).sum().to_dict()
        == raw.towns["常住人口"].astype(int).to_dict()
    )


@pytest.mark.parametrize(("service", "rule"), PAIRS)
def test_persons_covered_to_the_person(
    raw: Raw, demo_run: Finished, service: str, rule: str
) -> None:
    car, column, _, _, rules = SERVICES[service]
    low, judged, high = rules[rule]
    lengths = rule in BY_LENGTH
    _, homes = raw.roads(car=car, lengths=lengths)
    near = raw.nearest(service, lengths=lengths)
    sites = raw.sites(service)
    tree = shapely.STRtree(list(sites.values()))
    radius = rule.endswith(".radius")
    mine: dict[tuple[str, str], dict[str, int]] = {}
    for home, n in raw.people[column].items():
        key = (raw.town[home], raw.people["settlement"][home])
        row = mine.setdefault(key, {})
        off = home not in near  # no way leads from it to any of today's sites
        value = math.inf if off else near.get(home, math.inf)
        leg = 0 if off else homes[home].access
        spot = raw.people.geometry[home]
        direct = math.floor(spot.distance(tree.geometries[tree.nearest(spot)]) * 1000 + 0.5)
        line = direct if radius else 0
        near_line, far_line = (line - WITHIN, line + WITHIN) if radius else (0, 0)
        covered = value <= judged and line <= judged
        # at worst everybody lives at the far end, and the way to the street is 1.4 times as long
        worst, best = value + WITHIN + leg * 2 // 5, value - leg - WITHIN
        for figure, true in {
            "covered": covered,
            "out_of_reach": not off and not covered,
            "not_assessed": off,
            "covered_low": worst <= low and far_line <= low,
            "covered_high": best <= high and near_line <= high,
            **({"covered_straight": not off and line <= judged} if radius else {}),
        }.items():
            row[figure] = row.get(figure, 0) + int(n) * true
    table = demo_run.table("coverage")
    table = table[(table["service"] == service) & (table["rule_id"] == rule)]
    table = table[(table["level"] == "zone") & (table["zoning"] == "township")]
    table = table[(table["plan"] == "today") & (table["settlement"] != "judged")]
    shown = table.set_index(["zone_id", "settlement"])
    assert set(shown.index) == set(mine)
    for key, figures in mine.items():
        row = {f: int(shown.loc[key, f]) for f in figures}
        if service in SEATED:
            # within reach with a seat or without one; who has one is asked below
            row["covered"] += int(shown.loc[key, "no_seat"])
            assert row.pop("covered_low") <= figures.pop("covered_low"), key
            assert row.pop("covered_high") <= figures.pop("covered_high"), key
        assert row == figures, key


@pytest.mark.parametrize(("service", "rule"), [pair for pair in PAIRS if pair[0] in SEATED])
def test_as_many_have_a_seat_as_a_maximum_flow_seats(
    raw: Raw, demo_run: Finished, service: str, rule: str
) -> None:
    """Homes to schools within the limit to seats, on the other program's streets, by networkx."""
    car, column, file, _, rules = SERVICES[service]
    _, judged, _ = rules[rule]
    search, homes = raw.roads(car=car, lengths=rule in BY_LENGTH)
    seats = gpd.read_file(raw.folder / file).set_index("学校代码")["学位数"]
    flow = nx.DiGraph()
    for home, n in raw.people[column].items():
        flow.add_edge("from", ("home", home), capacity=int(n))
    where = raw.sites(service)
    doors = placed(search.streets, where)
    for site in doors:
        flow.add_edge(("site", site), "to", capacity=int(seats[site]))
    for home, near in search.pairs(doors, homes, judged).items():
        for site in near:
            line = raw.people.geometry[home].distance(where[site]) * 1000
            if line <= judged or not rule.endswith(".radius"):
                flow.add_edge(("home", home), ("site", site))
    most = nx.maximum_flow_value(flow, "from", "to")
    table = demo_run.table("coverage")
    table = table[(table["service"] == service) & (table["rule_id"] == rule)]
    table = table[(table["level"] == "zone") & (table["zoning"] == "township")]
    table = table[(table["plan"] == "today") & (table["settlement"] != "judged")]
    assert table["covered"].sum() == most


def covered_by(raw: Raw, near: dict[str, int], column: str, limit: int) -> int:
    """People within a limit: every home lies in a town, and all classes are judged."""
    return sum(
        int(n) for home, n in raw.people[column].items() if near.get(home, math.inf) <= limit
    )


def test_what_each_hospital_loses_to_the_person(raw: Raw, demo_run: Finished) -> None:
    """Shut one by one and searched again, on the other program's streets."""
    _, column, _, _, rules = SERVICES["hospital"]
    (limit,) = [judged for _, judged, _ in rules.values()]
    search, homes = raw.roads(car=True, lengths=False)
    sites = placed(search.streets, raw.sites("hospital"))
    assert "" not in raw.town.values()
    now = covered_by(raw, raw.nearest("hospital", lengths=False), column, limit)
    table = demo_run.table("losses")
    shown = table[table["service"] == "hospital"].set_index("site_id")["lost_persons"]
    assert set(shown.index) == set(sites)
    for shut in sites:
        left = [place for site, place in sites.items() if site != shut]
        assert shown[shut] == now - covered_by(raw, search.nearest(left, homes), column, limit)


def test_missing_roads_of_the_school_radius_to_the_person(raw: Raw, demo_run: Finished) -> None:
    _, column, _, _, rules = SERVICES["primary"]
    judged = rules["primary.radius"][1]
    near = raw.nearest("primary", lengths=True)
    tree = shapely.STRtree(list(raw.sites("primary").values()))
    road = facility = 0
    for home, n in raw.people[column].items():
        spot = raw.people.geometry[home]
        line = math.floor(spot.distance(tree.geometries[tree.nearest(spot)]) * 1000 + 0.5)
        away = home in near and (near[home] > judged or line > judged)
        if raw.people["settlement"][home] == "urban" and away:
            road += int(n) * (line <= judged)
            facility += int(n) * (line > judged)
    gaps = demo_run.table("gaps")
    gaps = gaps[(gaps["service"] == "primary") & (gaps["rule_id"] == "primary.radius")]
    assert gaps["missing_road_persons"].sum() == road > 0
    assert gaps["missing_facility_persons"].sum() == facility > 0
