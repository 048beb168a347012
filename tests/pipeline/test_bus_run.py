"""School buses in whole runs of the toy town: routes, a detour, and a lower bound."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from shapely import LineString

import siting
from siting import network, rules, school_bus
from siting.errors import StudyError
from siting.pipeline import Run
from siting.pipeline.buses import Terms, _on_foot, _plans
from siting.study.model import Bus
from tests.pipeline.test_ways_run import TIME_RULE, Town

ROUTE = {"how": "route", "seats": 30, "max_walk_m": 400, "dwell_s": 20, "board_s": 1, "wait_min": 2}


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(tmp_path_factory.mktemp("buses"))


def bus(**words: Any) -> dict[str, Any]:
    return {"mode": "bus", "bus": words}


@pytest.fixture(scope="module")
def done(town: Town) -> Run:
    return town.run(
        {
            "car": {"mode": "drive"},
            "direct": bus(how="direct"),
            "detour": bus(how="detour"),
            "route": bus(**ROUTE),
        },
        minutes=10,
        network={},
    )


def table(done: Run, name: str) -> pd.DataFrame:
    return pd.read_csv(done.tables_folder / "tables" / f"{name}.csv", encoding="utf-8-sig")


def reach(done: Run, service: str) -> pd.DataFrame:
    here = done.results.region
    return here.service(service).times("time").reach(here.today.open_sites(service))


def test_a_detour_is_the_drive_by_car_times_the_rule(done: Run) -> None:
    book = rules.load()
    car, found = reach(done, "car"), reach(done, "detour")
    known = car["impedance"] >= 0
    assert known.sum() > 3
    more = round((book["bus.stop_walk"].strict + book["bus.wait"].strict) * 60_000)
    expected = (car["impedance"][known] * 14 + 5) // 10 + more
    assert (found["impedance"][known] == expected).all()
    assert (found["site_id"][known] == car["site_id"][known]).all()


def test_direct_time_is_the_drive_by_car_and_says_it_is_a_bound(done: Run) -> None:
    car, found = reach(done, "car"), reach(done, "direct")
    assert (found["impedance"] == car["impedance"]).all()
    assert set(found["bound"]) == {"lower"}
    shown = table(done, "comparison").set_index("service")
    assert shown["bound"].to_dict() == {
        "car": "exact", "direct": "lower", "detour": "exact", "route": "exact",
    }  # fmt: skip
    # the rule is not hard: people count, and the page says what the time is
    assert rules.load()[TIME_RULE].strength != "hard"
    assert shown.loc["direct", "covered_persons"] == shown.loc["car", "covered_persons"]
    page = (done.maps_folder / "coverage.html").read_text("utf-8")
    assert "仅为直达时间，是下限" in page


def test_every_pupil_is_on_a_bus_on_foot_or_listed(done: Run) -> None:
    pupils, routes, lines = (table(done, f"bus_{n}") for n in ("pupils", "routes", "lines"))
    people = done.results.region.inputs.demand.set_index("demand_id")["population"]
    assert pupils.groupby("demand_id")["persons"].sum().to_dict() == people[people > 0].to_dict()
    aboard = pupils[pupils["route_id"].notna()]
    assert aboard["persons"].sum() == routes["boarding"].sum() == lines["persons"].sum() > 0
    assert (routes["load"] <= 30).all()
    assert (aboard["total_min"] >= aboard["walk_min"] + 2 + aboard["ride_min"] - 1e-9).all()
    walkers = pupils[pupils["route_id"].isna() & pupils["why"].isna()]
    assert (walkers["total_min"] == walkers["walk_min"]).all()
    assert set(pupils["why"].dropna()) <= {
        "no_stop", "unattached", "unreachable", "too_far", "no_seat", "beyond_cutoff"
    }  # fmt: skip
    covered = pupils.groupby("demand_id")["total_min"].agg(lambda v: v.max(skipna=False)) <= 10
    figures = table(done, "comparison").set_index("service").loc["route"]
    assert figures["covered_persons"] == people[covered[covered].index].sum()


def test_no_ride_beats_the_car(done: Run) -> None:
    """A bus drives the same streets, stops on them and goes round: by 20 s a stop at the least."""
    routes, stops = table(done, "bus_routes"), table(done, "bus_lines")
    assert (routes["ride_min"] > routes["dwell_min"]).all()
    assert (routes["dwell_min"] * 60).round(6).tolist() == (20 + routes["boarding"]).tolist()
    assert routes.groupby("route_id")["leg_min"].sum().round(6).tolist() == (
        stops.set_index("route_id")["drive_min"].sort_index().round(6).tolist()
    )


def test_layers_notes_and_rules(done: Run) -> None:
    lines = gpd.read_file(done.tables_folder / "results.gpkg", layer="bus_lines")
    halts = gpd.read_file(done.tables_folder / "results.gpkg", layer="bus_stops")
    assert set(lines.geom_type) == {"LineString"}
    assert halts["persons"].sum() == lines["persons"].sum()
    # a line goes along the road, so it is as long as the road and its length says so
    assert lines.length.sum() / 1_000 == pytest.approx(lines["length_km"].sum(), rel=0.02)
    page = (done.maps_folder / "index.html").read_text("utf-8")
    assert "bus.detour_factor" in page
    assert "节约法" in page
    record = json.loads((done.tables_folder / "run.json").read_text("utf-8"))
    assert {"drive", "walk"} <= set(record["networks"])


def test_a_hard_rule_is_not_passed_by_direct_time(town: Town) -> None:
    hard = {TIME_RULE: {"value": 10, "strength": "hard", "reason": "a town of toys"}}
    study = _with_rules(town, {"direct": bus(how="direct")}, hard)
    done = siting.run(study)
    row = table(done, "comparison").iloc[0]
    assert row["covered_persons"] == 0
    assert row["not_assessed_persons"] + row["out_of_reach_persons"] == row["persons"]
    assert row["not_assessed_persons"] > 0
    figures = table(done, "coverage")
    assert figures["covered_share_assessed"].isna().all()
    assert "下限" in done.headlines[0]


def _with_rules(town: Town, services: dict[str, Any], hard: dict[str, Any]) -> siting.study.Study:
    """Return the study of the town as written by ``Town.run``, with the rule made hard."""
    done = town.run(services, minutes=10, network={})
    file = Path(done.results.study.path)
    words = file.read_text("utf-8")
    lines = [line for line in words.splitlines() if not line.lstrip('"').startswith("rules")]
    fields = hard[TIME_RULE]
    lines += [f'[rules."{TIME_RULE}"]'] + [f"{k} = {json.dumps(v)}" for k, v in fields.items()]
    file.write_text("\n".join(lines), "utf-8")
    return siting.read_study(file)


def test_what_contradicts_itself_is_refused(town: Town) -> None:
    for service, told in (
        ({"mode": "bus"}, "come together"),
        ({"bus": {"how": "direct"}}, "come together"),
        (bus(how="route"), "needs seats"),
        (bus(how="detour", seats=40), "seats would not be used"),
        (bus(how="direct", wait_min=3), "wait_min would not be used"),
    ):
        with pytest.raises(StudyError, match=told):
            town.run({"clinic": service}, minutes=10, network={})


@pytest.mark.parametrize("kph", [3.6, 0.5])
def test_a_slow_walk_is_as_long_as_a_quick_one(kph: float) -> None:
    """300 m are within 400 m, however steep or muddy: at 0.5 km/h they take 36 minutes."""
    lane = gpd.GeoDataFrame(
        {"highway": ["residential"], "walk_kph": [kph]},
        geometry=[LineString([(0, 0), (900, 0)])],
        crs=4547,
    )
    roads = network.from_lines(lane, mode="walk")
    where = gpd.GeoSeries.from_xy([0, 300, 500], [0] * 3, index=["D", "near", "far"], crs=4547)
    at = network.attach(roads, where, max_access_m=50, min_component_km=0)
    inputs: Any = SimpleNamespace(networks={"walk": roads})
    found = _on_foot(
        inputs, "walk", at.iloc[:1], at.iloc[1:], pd.Series({"D": 7}), Terms(400, 0, 0, 0),
        choose=False,
    )  # fmt: skip
    assert found.walks[["stop_id", "persons", "walk_mm"]].values.tolist() == [["near", 7, 300_000]]
    assert found.walks["walk_ms"].tolist() == [round(0.3 / kph * 3_600_000)]


def test_few_buses_go_through_the_school_to_the_other_side() -> None:
    """Stops 4 minutes east and west of the school: one bus takes both in 12, and has the time."""
    road = gpd.GeoDataFrame(
        {"highway": ["residential"], "speed_kph": [36.0]},
        geometry=[LineString([(-3_000, 0), (3_000, 0)])],
        crs=4547,
    )
    drive = network.from_lines(road, mode="drive")
    at = network.attach(
        drive,
        gpd.GeoSeries.from_xy([0, -2_400, 2_400], [0] * 3, index=["S", "east", "west"], crs=4547),
        max_access_m=50,
        min_component_km=0,
    )
    chosen = school_bus.Stops(
        ("east", "west"),
        pd.DataFrame(
            {
                "demand_id": ["D1", "D2"], "stop_id": ["east", "west"], "persons": [3, 4],
                "walk_ms": 0, "walk_mm": 0,
            }
        ),
        pd.DataFrame({"demand_id": [], "persons": [], "why": []}),
    )  # fmt: skip
    study: Any = SimpleNamespace(network=SimpleNamespace(cutoff_min=30))
    inputs: Any = SimpleNamespace(networks={"drive": drive})
    found = {}
    for buses in (1, 2, None):
        asked = Bus(how="route", seats=20, buses=buses)
        plans = _plans(
            study, asked, Terms(400, 0, 0, 0), inputs, chosen, pd.Series("S", index=["D1", "D2"]),
            at.iloc[1:], at.iloc[:1],
        )  # fmt: skip
        assert [len(plan.unserved) for plan in plans] == [0]
        found[buses] = sorted(plans[0].routes.groupby("route_id")["leg_ms"].sum().tolist())
    assert found == {1: [720_000], 2: [240_000, 240_000], None: [240_000, 240_000]}
