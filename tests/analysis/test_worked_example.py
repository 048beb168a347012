"""The town of docs/method-coverage.md on a real network, held to the figures printed there."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from builders import CRS, times_from
from shapely import LineString, Point, box

from siting import (
    access,
    allocation,
    coverage,
    demand,
    green,
    locate,
    merger,
    network,
    rules,
    travel_time,
)
from siting.evaluate import Service, evaluate
from siting.plan import Period, Plan
from siting.rules import Rule

BOOK = rules.load()
DOC = Path(__file__).parents[2] / "docs" / "method-coverage.md"


def printed(name: str) -> list[dict[str, str]]:
    """Read the table that follows ``<!-- name -->``."""
    lines = DOC.read_text("utf-8").split(f"<!-- {name} -->\n")[1].split("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(cells[0], row, strict=True)) for row in cells[2:]]


@pytest.fixture(scope="module")
def town() -> dict[str, Any]:
    grid = range(5)
    streets = [
        LineString([(100 * i, 100 * j), (100 * (i + di), 100 * (j + dj))])
        for i in grid
        for j in grid
        for di, dj in ((1, 0), (0, 1))
        if i + di < 5 and j + dj < 5
    ]
    streets.append(LineString([(3_000, 3_000), (3_100, 3_000)]))
    roads = gpd.GeoDataFrame({"highway": "residential"}, geometry=streets, crs=CRS,
                             index=range(len(streets)))  # fmt: skip
    homes = [
        (f"h{i}{j}", 10, "village" if j == 4 else "urban", 100.0 * i, 100.0 * j,
         "west" if i < 2 else "east" if i < 4 else "")
        for i in grid for j in grid
    ]  # fmt: skip
    homes += [
        ("x0", 20, "village", 3_000, 3_000, "west"),
        ("x1", 20, "village", 3_100, 3_000, "west"),
        ("far", 30, "urban", 250, 900, "east"),
    ]
    people = gpd.GeoDataFrame(
        pd.DataFrame(homes, columns=["demand_id", "population", "settlement", "x", "y", "zone_id"]),
        geometry=gpd.points_from_xy([h[3] for h in homes], [h[4] for h in homes]), crs=CRS,
    )  # fmt: skip
    places = {"S1": (0, 0), "S2": (400, 0), "A": (300, 300), "B": (400, 400)}
    sites = gpd.GeoDataFrame(
        {"site_id": list(places), "name": list(places)},
        geometry=[Point(p) for p in places.values()], crs=CRS,
    )  # fmt: skip
    walk = network.from_lines(roads, mode="walk")
    options: dict[str, Any] = {"max_access_m": 100, "min_component_km": 0}
    at = network.attach(walk, people.set_index("demand_id").geometry, **options)
    to = network.attach(walk, sites.set_index("site_id").geometry, **options)
    return {
        "demand": people,
        "membership": people[["demand_id", "zone_id"]].assign(zoning="t"),
        "sites": sites,
        "length": travel_time.table(walk, at, to, impedance="length", cutoff=1_000_000),
        "time": travel_time.table(walk, at, to, impedance="time", cutoff=3_600_000),
    }


def clinic(town: dict[str, Any]) -> pd.DataFrame:
    service = Service("clinic", (BOOK["circle_5min"],), ("S1",), town["sites"],
                      length=town["length"], time=town["time"])  # fmt: skip
    plan = Plan(name="today", periods=(Period(open={"clinic": ("S1",)}),))
    return evaluate(
        plan, services=[service], demand=town["demand"], membership=town["membership"], zoning="t"
    ).coverage


def test_coverage_by_zone(town: dict[str, Any]) -> None:
    found = clinic(town)
    rows = [
        {name: str(row[name]) for name in expected}
        for expected, (_, row) in zip(printed("coverage"), found.iterrows(), strict=True)
    ]
    assert rows == printed("coverage")
    goal = Rule(id="t", text_zh="t", text_en="t", source="t", status="assumed", unit="share",
                measure="share", value=0.8)  # fmt: skip
    urban = (
        coverage.summary(found, max_not_assessed=0.05, target=goal).set_index("judged").loc[True]
    )
    assert (urban["persons"], urban["covered"], urban["not_assessed"]) == (230, 100, 70)
    assert urban["covered_share"] == pytest.approx(0.435, abs=5e-4)
    assert urban["covered_share_assessed"] == 0.625
    assert urban["not_assessed_share"] == pytest.approx(0.304, abs=5e-4)
    assert (urban["verdict"], urban["why"]) == ("not_judged", "not_assessed")


def test_the_range_over_where_people_live(town: dict[str, Any]) -> None:
    length = town["length"]
    for side, low, high in ((100, 60, 100), (200, 30, 140)):
        land = town["demand"].assign(area_m2=float(side**2))
        apart = demand.spread_mm(land)
        assert apart.iat[0] == pytest.approx(side * 707.1, abs=side)
        judged = coverage.assess(
            land, length.reach(["S1"]), rule=BOOK["circle_5min"], spread=apart,
            islands=length.islands(["S1"]),
        )  # fmt: skip
        urban = judged[judged["settlement"] == "urban"]
        persons = [
            urban.loc[urban[c], "persons"].sum() for c in ("covered_low", "covered", "covered_high")
        ]
        assert persons == [low, 100, high]


def test_seats(town: dict[str, Any]) -> None:
    people = town["demand"].set_index("demand_id")["population"]
    room = pd.Series({"S1": 45, "S2": 80})
    found = allocation.max_served(
        town["length"], people, open_sites=["S1", "S2"], threshold=300_000, capacity=room
    )
    assert (found.served, found.bound, found.status) == (125, 125, "optimal")
    assert (found.table["persons"] * found.table["impedance"]).sum() == 19_000 * 1_000
    none = found.unserved[found.unserved["why"] == "no_seat"].set_index("demand_id")["persons"]
    assert none.to_dict() == {"h03": 10, "h11": 5, "h12": 10, "h43": 10}
    service = Service("school", (BOOK["circle_5min"],), ("S1", "S2"), town["sites"],
                      length=town["length"], capacity=room)  # fmt: skip
    plan = Plan(name="today", periods=(Period(open={"school": ("S1", "S2")}),))
    rows = evaluate(
        plan, services=[service], demand=town["demand"], membership=town["membership"], zoning="t"
    ).coverage
    shown = printed("seats")
    assert [
        {name: str(row[name]) for name in shown[0]} for row in rows.to_dict("records")
    ] == shown  # fmt: skip


def test_provision(town: dict[str, Any]) -> None:
    norm = Rule(id="n", text_zh="n", text_en="n", source="t", status="assumed",
                unit="seats_per_1000", measure="count", value=200)  # fmt: skip
    zones = gpd.GeoDataFrame(
        {"zoning": "t", "zone_id": ["east", "west"]},
        geometry=[box(150, -50, 350, 950), box(-50, -50, 150, 450)], crs=CRS,
    )  # fmt: skip
    schools = town["sites"][town["sites"]["site_id"].isin(["S1", "S2"])]
    rows = coverage.provision(
        town["demand"], town["membership"], schools, zones, pd.Series({"S1": 45, "S2": 80}),
        service="school", rule=norm,
    )  # fmt: skip
    rows = rows[(rows["level"] == "zone") & (rows["settlement"] == "judged")]
    shown = printed("provision")
    told = rows.assign(per_1000=rows["per_1000"].round(1)).to_dict("records")
    assert [{name: str(row[name]) for name in shown[0]} for row in told] == shown


def test_baskets(town: dict[str, Any]) -> None:
    rule, length = BOOK["circle_5min"], town["length"]
    kinds = {
        kind: coverage.any_of(
            [
                coverage.assess(
                    town["demand"], length.reach([site]), rule=rule, islands=length.islands([site])
                )
            ]
        )
        for kind, site in (("clinic", "S1"), ("shop", "S2"), ("school", "A"))
    }
    table, services = coverage.basket(
        kinds, town["membership"], name="b", rule=rule, max_not_assessed=0.05,
        missing={"park": "no_layer"},
    )  # fmt: skip
    rows = table[(table["level"] == "zone") & (table["settlement"] != "judged")]
    shown = printed("baskets")
    assert [{n: str(row[n]) for n in shown[0]} for row in rows.to_dict("records")] == shown
    (urban,) = table[(table["level"] == "region") & (table["settlement"] == "judged")].to_dict(
        "records"
    )
    assert (urban["persons"], urban["complete"], urban["kinds"], urban["kinds_missing"]) == (
        230, 20, 3, 1,
    )  # fmt: skip
    assert urban["share_low"] == pytest.approx(0.087, abs=5e-4)
    assert urban["complete_share_assessed"] == 0.125
    assert urban["share_high"] == pytest.approx(0.391, abs=5e-4)
    assert urban["why"] == "not_assessed"  # 70 of 230 are too many to state a share
    told = services[(services["level"] == "region") & (services["settlement"] == "judged")]
    told = told.astype(object).where(told.notna(), "")
    lacks = printed("basket_services")
    assert [{n: str(row[n]) for n in lacks[0]} for row in told.to_dict("records")] == lacks


def test_gaps(town: dict[str, Any]) -> None:
    args: dict[str, Any] = {
        "zoning": "t", "service": "clinic", "rule": BOOK["circle_5min"],
        "islands": town["length"].islands(["S1"]),
    }  # fmt: skip
    reach = town["length"].reach(["S1"])
    one = coverage.gaps(town["demand"], town["membership"], reach, link_m=100, **args)
    assert one[["persons", "n_points", "nearest_m", "zone_id"]].values.tolist() == [
        [50, 5, 400.0, "east"],
        [10, 1, 400.0, "west"],
    ]
    assert one.geometry.iat[0].equals(Point(200, 200))
    crow = coverage.straight_mm(town["demand"], town["sites"], ["S1"])
    apart = coverage.gaps(
        town["demand"], town["membership"], reach, link_m=100, crow=crow, **args
    )  # fmt: skip
    assert apart["missing_road_persons"].tolist() == [10, 0]
    assert apart["missing_facility_persons"].tolist() == [40, 10]
    six = coverage.gaps(town["demand"], town["membership"], reach, link_m=99, **args)
    assert six["persons"].tolist() == [10] * 6


def test_supply_within_reach_and_how_far_zones_are_apart(town: dict[str, Any]) -> None:
    length, beds = town["length"], pd.Series({"S1": 12, "S2": 6})
    weights = [BOOK[f"e2sfca.weight_{band}"].strict for band in ("near", "middle", "far")]
    found = {
        name: access.by_zone(
            access.floating_catchment(
                length,
                beds,
                town["demand"].set_index("demand_id")["population"],
                bands=access.bands(300_000, told),
                islands=length.islands(["S1", "S2"]),
            ).points,
            town["membership"],
        )
        for name, told in (("2sfca", [1.0]), ("e2sfca", weights))
    }
    table = found["2sfca"].assign(
        **{k: v["per_1000"].map("{:.2f}".format) for k, v in found.items()}
    )
    rows = table[["zone_id", "persons", "not_assessed", "2sfca", "e2sfca"]].astype(str)
    assert rows.to_dict("records") == printed("accessibility")
    zones = found["2sfca"][1:]
    counted = zones["persons"] - zones["not_assessed"]
    apart = access.equity(zones["per_1000"].tolist(), counted.tolist())
    assert apart.gini == pytest.approx(0.0769, abs=5e-5)
    assert (apart.zones, apart.persons, apart.ratio_of) == (2, 200, "")


def test_what_each_clinic_loses(town: dict[str, Any]) -> None:
    found = coverage.losses(
        town["demand"], town["membership"], town["length"], zoning="t", service="clinic",
        rule=BOOK["circle_5min"], opened=["S1", "S2"], sites=town["sites"],
        islands=town["length"].islands(["S1", "S2"]),
    )  # fmt: skip
    assert found[["site_id", "lost_persons"]].values.tolist() == [["S1", 60], ["S2", 20]]


def test_the_range_of_thirty_minutes() -> None:
    limits = coverage.thresholds(BOOK["clinic.walk_30min"], speed=BOOK["walk.speed"])
    assert limits.low == (28 * 60 + 20) * 1_000
    assert limits.high == (41 * 60 + 40) * 1_000


def test_the_best_new_site(town: dict[str, Any]) -> None:
    persons = town["demand"].set_index("demand_id")["population"]
    found = locate.mclp(
        town["length"], persons, threshold=300_000, n_new=1, candidates=["A", "B"], fixed=["S1"]
    )
    assert (found.chosen, found.objective, found.bound, found.already) == (("A",), 230, 230, 100)
    assert (found.unique, found.uncoverable) == (True, 90)
    second = locate.mclp(
        town["length"], persons, threshold=300_000, n_new=1, candidates=["B"], fixed=["S1"]
    )
    assert second.objective - second.already == 100


def test_closures(town: dict[str, Any]) -> None:
    offers = pd.DataFrame(
        {
            "site_id": ["S1", "S2"], "service": "school",
            "capacity": pd.array([160, 100], dtype="Int64"),
            "enrolment": pd.array([150, 100], dtype="Int64"),
        }
    )  # fmt: skip
    limit = Rule(id="ten", text_zh="t", text_en="t", source="t", status="assumed", unit="min",
                 measure="time_min", value=10, strength="soft")  # fmt: skip
    found = merger.leave_one_out(
        town["time"], offers, town["demand"].set_index("demand_id")["population"],
        service="school", plan=Plan(name="t", periods=(Period(open={"school": ("S1", "S2")}),)),
        rules=[limit], sites=town["sites"],
    ).ranking  # fmt: skip
    assert found["limits_broken"].tolist() == ["ten", "ten"]
    for expected, (_, row) in zip(printed("closures"), found.iterrows(), strict=True):
        for name, text in expected.items():
            got = f"{row[name]:.2f}" if "." in text else str(row[name]).removesuffix(".0")
            assert got == text, name


def test_green_strip() -> None:
    park = gpd.GeoDataFrame(
        {"park_id": ["P"], "name": "p", "kind": "park", "area_m2": 6_000.0},
        geometry=[box(0, 0, 10, 600)], crs=CRS,
    )  # fmt: skip
    land = gpd.GeoDataFrame(
        {"residential_id": ["R"], "settlement": "urban", "quarter": "", "area_m2": 1_000.0},
        geometry=[box(305, 200, 315, 300)], crs=CRS,
    )  # fmt: skip
    cells = demand.cells(land, cell_m=1_000)
    walked = times_from(
        pd.DataFrame({"P": [310_000]}, index=cells["cell_id"]), impedance="length", cutoff=500_000
    )
    member = pd.DataFrame({"demand_id": cells["cell_id"], "zoning": "t", "zone_id": "a"})
    table = green.green_coverage(
        cells, park, member, indicators=green.indicators(BOOK), foot=walked
    ).table.set_index("indicator")
    assert table["straight_m2"].to_dict() == {
        "see_green_300": 500.0, "park_500": 1_000.0, "park_radius_rate": 1_000.0,
    }  # fmt: skip
    assert table["foot_m2"].to_dict() == {
        "see_green_300": 0.0, "park_500": 1_000.0, "park_radius_rate": 1_000.0,
    }  # fmt: skip
    assert green.buffer_error_m(500) == pytest.approx(500 * (1 - math.cos(math.pi / 256)))


def test_parks_per_person_and_pocket_parks_by_pencil() -> None:
    def town(people: int) -> pd.Series[Any]:
        home = gpd.GeoDataFrame(
            {"demand_id": ["h"], "population": [people], "settlement": ["urban"]},
            geometry=[Point(5, 5)], crs=CRS,
        )  # fmt: skip
        parks = gpd.GeoDataFrame(
            {"park_id": ["a", "b"], "kind": "park"},
            geometry=[box(0, 0, 30, 30), box(10, 0, 40, 30)], crs=CRS,
        )  # fmt: skip
        zone = gpd.GeoDataFrame({"zoning": ["t"], "zone_id": ["z"]},
                                geometry=[box(0, 0, 99, 99)], crs=CRS)  # fmt: skip
        member = demand.membership(home, zone)
        rule = BOOK["green.park_m2_per_person"]
        return green.park_per_person(home, member, parks, zone, rule=rule).iloc[0]

    assert [town(n)["m2_per_person"] for n in (100, 150)] == [12.0, 8.0]
    assert [town(n)["verdict"] for n in (100, 150)] == ["pass", "fail"]
    land = gpd.GeoDataFrame(
        {"residential_id": ["R"], "settlement": "urban", "quarter": "", "area_m2": 20_000.0},
        geometry=[box(0, 0, 2_000, 10)], crs=CRS,
    )  # fmt: skip
    park = gpd.GeoDataFrame(
        {"park_id": ["P"], "name": "p", "kind": "park", "area_m2": 2_500.0},
        geometry=[box(0, -20, 50, 30)], crs=CRS,
    )  # fmt: skip
    places = gpd.GeoDataFrame(
        {"place_id": ["A", "B"], "name": "", "area_m2": 2_500.0},
        geometry=[box(700, -20, 750, 30), box(500, -20, 550, 30)], crs=CRS,
    )  # fmt: skip
    cells = demand.cells(land, cell_m=3_000)
    member = pd.DataFrame({"demand_id": cells["cell_id"], "zoning": "t", "zone_id": "a"})
    three = green.indicators(BOOK)
    found = green.pocket_parks(
        green.green_coverage(cells, park, member, indicators=three).cells, park, member, places,
        zoning="t", indicators=three, by="park_radius_rate", target=BOOK["green.target_rate"], n=2,
    )  # fmt: skip
    table = found.places.set_index("place_id")
    assert table["park_radius_rate_new_m2"].to_dict() == {"A": 6_500.0, "B": 5_000.0}
    assert table["adds_m2"].to_dict() == {"A": 6_500.0, "B": 500.0}
    assert (found.before_m2, found.after_m2, found.bound_m2) == (3_500, 10_500, 7_000)
