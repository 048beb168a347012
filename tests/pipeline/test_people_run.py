"""Where people come from, from end to end on the toy town: every zoning sums to everybody."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio

import siting
from siting.errors import SitingError
from siting.pipeline import Run
from tests.mutation import tiny

Change = Callable[[dict[str, Any]], object]


class Town:
    """The toy town with people of another origin; only coverage is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths, declared, _ = tiny.build(folder / "town")
        self.content = tomllib.loads(tiny.study_toml(self.paths, declared))
        for key in ("decide", "green", "water", "barriers"):
            del self.content[key]
        for service in self.content["services"].values():
            service.pop("group", None)
        self.runs = 0

    def run(self, people: dict[str, Any], change: Change | None = None) -> Run:
        content = tomllib.loads(_toml_file(self.content)) | {"people": people}
        if change is not None:
            change(content)
        self.runs += 1
        file = self.folder / f"p{self.runs}" / "study.toml"
        file.parent.mkdir()
        file.write_text(_toml_file(content), "utf-8")
        done: Run = siting.run(siting.read_study(file))
        return done


def _toml_file(content: dict[str, Any]) -> str:
    return "\n".join(f"{_toml(k)} = {_toml(v)}" for k, v in content.items())


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(tmp_path_factory.mktemp("people"))


@pytest.fixture(scope="module")
def raster(town: Town) -> Path:
    """A grid of 300 m that hangs over the town's four zones of 1 km; 3.7 people a cell."""
    cells = np.full((8, 8), 3.7, dtype="float32")
    path = town.folder / "count.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=8, height=8, count=1, dtype="float32", crs=4547,
        transform=rasterio.Affine(300, 0, tiny.X0 - 100, 0, -300, tiny.Y0 + 2200), nodata=-1,
    ) as file:  # fmt: skip
        file.write(cells, 1)
    return path


def persons(run: Run) -> pd.DataFrame:
    """Return persons by zone of coverage, after holding every zoning to everybody."""
    table = run.coverage
    total = int(run.results.region.inputs.demand["population"].sum())
    for _, part in table.groupby(["plan", "zoning", "service", "rule_id"]):
        assert part["persons"].sum() == total
    clinic = table[table["service"] == "clinic"]
    return clinic.groupby("zone_id")["persons"].sum()


def test_a_raster_of_people(town: Town, raster: Path) -> None:
    """By pencil: 41.1 people per km²; seven columns of cells (2.1 × 2.4 km) touch 4 km² of zones.

    The eighth column begins where the zones end: its 29.6 people are of other places.
    """
    done = town.run({"raster": {"file": str(raster)}, "settlement": "village"})
    found = persons(done)
    assert found.sum() == 207  # 56 × 3.7 = 207.2
    for zone_id in ("430600", "430601", "430602", "430603"):
        assert abs(found[zone_id] - 3.7 / 0.09) < 1
    assert abs(found[""] - 1.04 * 3.7 / 0.09) < 1
    drops = done.results.region.inputs.drops
    (told,) = drops.loc[drops["what"].str.contains("outside every zone"), "what"]
    assert told.startswith("42.8 people of cells")
    assert "29.6 people in cells that no zone touches: of other places" in set(drops["what"])
    # a whole cell of 300 m reaches half its diagonal, a part of one no farther than its diagonal
    demand = done.results.region.inputs.demand.set_index("demand_id")
    assert demand.loc["1/1/430602", "spread_m"] == pytest.approx(150 * 2**0.5)
    assert demand.loc["1/1/430602", "area_m2"] == 90_000
    assert demand["spread_m"].between(1, 300 * 2**0.5).all()
    sums = done.coverage[["covered_low", "covered", "covered_high"]].sum()
    assert sums["covered_low"] < sums["covered"] < sums["covered_high"]
    page = next(done.maps_folder.rglob("index.html")).read_text("utf-8")
    assert "不知占地" not in page
    left = town.run(
        {"raster": {"file": str(raster), "outside": "left_out"}, "settlement": "village"}
    )
    assert persons(left).sum() == 164  # 4 km² × 41.1
    assert "" not in persons(left).index or persons(left)[""] == 0


def test_totals_spread_by_a_raster(town: Town, raster: Path) -> None:
    """The zones' own totals are kept to the person; the raster only says where in the zone."""
    done = town.run({"raster": {"file": str(raster)}, "spread": "raster", "settlement": "urban"})
    zones = tiny.frame("zones").set_index("code")["pop"]
    assert persons(done).to_dict() == zones.to_dict()
    assert len(done.results.region.inputs.demand) > 60


@pytest.mark.parametrize(
    ("people", "told"),
    [
        ({"spread": "raster"}, 'spread = "raster" needs [people.raster]'),
        ({"raster": {"file": "$R", "zoning": "county"}}, 'zoning = "county" is not among'),
        ({"raster": {"file": "$R", "where": {"a": ["b"]}}}, "where would not be used"),
        ({"raster": {"file": "$R", "land_area": {"file": "$R"}}}, "a count needs no area"),
        ({"raster": {"file": "$R"}, "total": 5}, "bring their own population"),
        ({"raster": {"file": "$R"}}, "have no settlement class"),
        ({"raster": {"file": "$R", "band": 3}, "settlement": "urban"}, "no band 3"),
        ({"raster": {"file": "$T"}, "settlement": "urban"}, "cannot be read as a raster"),
    ],
)
def test_refused(
    town: Town, raster: Path, people: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R", str(raster))
    monkeypatch.setenv("T", str(town.paths["people"]))

    def no_class(content: dict[str, Any]) -> None:
        del content["zones"][0]["columns"]["settlement"]

    if isinstance(town.content["zones"], dict):
        town.content["zones"] = [town.content["zones"]]
    with pytest.raises(SitingError) as caught:
        town.run(people, no_class)
    assert told in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_demand_is_where_its_zone_is(town: Town, raster: Path) -> None:
    done = town.run({"raster": {"file": str(raster)}, "settlement": "village"})
    inputs = done.results.region.inputs
    joined = inputs.membership.merge(
        pd.DataFrame(inputs.demand[["demand_id", "population"]]), on="demand_id"
    )
    zone = joined["demand_id"].str.split("/").str[2]
    assert (zone == joined["zone_id"]).all()
    layer = gpd.read_file(next(done.tables_folder.rglob("results.gpkg")), layer="demand")
    assert layer["population"].sum() == 207


def test_classes_from_land_use_and_density(town: Town, raster: Path) -> None:
    """The residential layer of the town as land use says some classes, density all others."""
    land = town.content["residential"]
    asked = {
        "raster": {"file": str(raster)}, "settlement": "density",
        "land_use": {**{k: v for k, v in land.items() if k != "columns"},
                     "columns": {"residential_id": "land", "settlement": "class"}},
    }  # fmt: skip

    def no_class(content: dict[str, Any]) -> None:
        content["zones"][0]["columns"].pop("settlement", None)

    done = town.run(asked, no_class)
    table = done.results.region.inputs.demand
    by = table.groupby("class_from")["population"].sum()
    assert set(by.index) == {"land_use", "density"}
    assert set(table.loc[table["class_from"] == "density", "settlement"]) == {"village"}
    assert by.sum() == 207
    page = next(done.maps_folder.rglob("coverage.html")).read_text("utf-8")
    assert f"用地图层（{by['land_use']} 人）" in page
    record = json.loads(next(done.tables_folder.rglob("run.json")).read_text("utf-8"))
    used = {rule["id"] for rule in record["rules"]}
    assert {"settlement.codes", "settlement.dense_per_km2", "settlement.moderate_persons"} <= used
    with pytest.raises(SitingError, match="land use says no class"):
        town.run({**asked, "land_use": {"file": land["file"]}}, no_class)


def test_villages_here_and_a_raster_there(town: Town, raster: Path) -> None:
    """The east's two zones by their own points, the others by the raster; nobody twice."""
    points = {k: v for k, v in town.content["people"]["points"].items() if k != "groups"}
    west = ["430600", "430602"]
    parts = [
        {"name": "villages", "points": points, "zones": west},
        {"name": "grid", "raster": {"file": str(raster), "outside": "left_out"}},
    ]
    done = town.run({"parts": parts, "settlement": "village"})
    found = persons(done)
    spots = tiny.frame("people")
    zones = tiny.frame("zones").set_index("code").geometry
    hull = zones.union_all()
    for zone_id in ("430600", "430601", "430602", "430603"):
        own = int(spots.loc[spots.within(zones[zone_id]), "people"].sum())
        expected = own if zone_id in west else 3.7 / 0.09
        assert abs(found[zone_id] - expected) < 1
    inputs = done.results.region.inputs
    assert set(inputs.demand["source"]) == {"villages", "grid"}
    listed = inputs.drops[inputs.drops["action"] == "not counted"]
    assert set(listed["row"]) == {"villages", "grid"}
    table = pd.read_csv(next(done.tables_folder.rglob("people.csv")), dtype={"zone_id": str})
    by = table[table["zone_id"] != ""].groupby("source")["zone_id"].unique()
    assert set(by["villages"]) == set(west)
    page = next(done.maps_folder.rglob("index.html")).read_text("utf-8")
    assert "每个总数只由一个来源分布" in page
    # who is not counted stands on the page, in run.json and in the summary of a check
    outside = sum(s["people"] for _, s in spots.iterrows() if not s.geometry.within(hull))
    uncounted = {
        "villages": int(spots["people"].sum()) - sum(int(found[z]) for z in west) - outside,
        "grid": round(2 * 3.7 / 0.09),
    }
    assert dict(inputs.uncounted) == uncounted
    assert "未计入的人口（所在分区由另一来源代表，或无来源可代表；逐区见 drops.csv）" in page
    for name, many in uncounted.items():
        assert f"{name} {many} 人" in page
        (line,) = [x for x in siting.pipeline.summary(inputs) if f"people of {name} not" in x]
        assert str(many) in line
    record = json.loads(next(done.tables_folder.rglob("run.json")).read_text("utf-8"))
    assert record["uncounted_persons"] == uncounted


def test_one_stray_person_speaks_for_a_zone_and_the_page_says_what_it_costs(
    town: Town, raster: Path, tmp_path: Path
) -> None:
    stray = tmp_path / "stray.csv"
    stray.write_text(f"x,y,n\n{tiny.X0 + 500},{tiny.Y0 + 500},1\n", "utf-8")
    points = {"file": str(stray), "x": "x", "y": "y", "crs": "EPSG:4547",
              "columns": {"population": "n"}}  # fmt: skip
    parts = [
        {"name": "stray", "points": points},
        {"name": "grid", "raster": {"file": str(raster), "outside": "left_out"}},
    ]
    done = town.run({"parts": parts, "settlement": "village"})
    assert persons(done)["430600"] == 1
    inputs = done.results.region.inputs
    assert dict(inputs.uncounted) == {"grid": round(3.7 / 0.09)}
    assert "41 people at 16 places: stray speaks for zone 430600, with 1 people" in set(
        inputs.drops["what"]
    )


def test_a_raster_part_keeps_the_people_outside_its_zones(town: Town, raster: Path) -> None:
    """The grid speaks for the west: of its 300 m cells some lie over the west and south border.

    By pencil, in cells of 0.09 km² with 3.7 people: the west's two zones have 2 km²; outside, all
    of what its cells have beyond the border: 0.1 km along 2.4 km in the west, and 0.2 km in the
    north and south along the cells that the west touches, 1.1 km from the border (cells end at
    x = 1.1 km), so 0.24 + 2 × 0.2 × 1.1 km².
    """
    points = {k: v for k, v in town.content["people"]["points"].items() if k != "groups"}
    parts: list[dict[str, Any]] = [
        {"name": "grid", "raster": {"file": str(raster)}, "zones": ["430600", "430602"]},
        {"name": "villages", "points": points, "zones": ["430601", "430603"]},
    ]
    done = town.run({"parts": parts, "settlement": "village"})
    demand = done.results.region.inputs.demand
    found = persons(done)
    for zone_id in ("430600", "430602"):
        assert abs(found[zone_id] - 3.7 / 0.09) < 1.5
    assert abs(found[""] - (0.24 + 0.44) * 3.7 / 0.09) < 1.5
    spots = tiny.frame("people")
    zones = tiny.frame("zones").set_index("code").geometry
    for zone_id in ("430601", "430603"):
        assert found[zone_id] == spots.loc[spots.within(zones[zone_id]), "people"].sum()
    assert set(demand.loc[demand["demand_id"].str.endswith("/"), "source"]) == {"grid"}


@pytest.mark.parametrize(
    ("people", "told"),
    [
        ({"parts": [{"name": "a"}]}, "needs one of points, raster and spread"),
        ({"parts": [{"name": "a", "spread": "villages"}]}, "carriers come together"),
        ({"parts": [{"name": "a", "raster": {"file": "$R"}}] * 2}, "two have the same name"),
        ({"parts": [{"name": "a", "raster": {"file": "$R"}}], "total": 3}, "not one total"),
        ({"parts": [{"name": "a", "raster": {"file": "$R"}}], "raster": {"file": "$R"}},
         "parts stand in the place of"),
        ({"parts": [{"name": "a", "raster": {"file": "$R", "zoning": "township"}}]},
         "remove zoning"),
        ({"parts": [{"name": "a", "raster": {"file": "$R"}, "zones": ["9"]}],
          "settlement": "village"}, "a part may speak for zones that are not there (9)"),
        ({"parts": [{"name": "a", "raster": {"file": "$R"}, "zones": []}]}, "zones"),
    ],
)  # fmt: skip
def test_parts_refused(
    town: Town, raster: Path, people: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("R", str(raster))
    with pytest.raises(SitingError) as caught:
        town.run(people)
    assert told in str(caught.value)


@pytest.mark.parametrize("totals", [True, False], ids=["with_totals", "without"])
def test_a_parts_class_stands_before_the_zones(town: Town, totals: bool) -> None:
    """The town's zones call two of its four urban; its part of villages is of villages."""
    points = {k: v for k, v in town.content["people"]["points"].items() if k != "groups"}
    columns = {k: v for k, v in points["columns"].items() if k in ("demand_id", "population")}
    if totals:
        columns = {"carrier_id": columns["demand_id"]}
        how: dict[str, Any] = {"spread": "villages", "carriers": {**points, "columns": columns}}
    else:
        how = {"points": {**points, "columns": columns}}
    asked = {
        "parts": [{"name": "v", "settlement": "village", **how}],
        "settlement": "township_seat",
    }
    demand = town.run(asked).results.region.inputs.demand
    assert set(demand["settlement"]) == {"village"}
    assert set(demand["class_from"]) == {"study"}
    del asked["parts"][0]["settlement"]  # type: ignore[attr-defined]
    demand = town.run(asked).results.region.inputs.demand
    assert set(demand["settlement"]) == {"urban", "village"}
    assert set(demand["class_from"]) == {"zones"}


def scenario(**asked: Any) -> dict[str, Any]:
    years = [
        {"year": 2026, "town_share": "urbanisation.2026"},
        {"year": 2029, "town_share": "urbanisation.2029"},
    ]
    return {"years": years, "label_zh": "草案", "source": "征求意见稿", **asked}


def with_people(town: Town, **more: Any) -> dict[str, Any]:
    """Return the town's own people at points, and what is asked of them."""
    return {**town.content["people"], **more}


def test_a_scenario_moves_people_and_says_so(town: Town) -> None:
    spots = tiny.frame("people")
    everybody = int(spots["people"].sum())
    before = int(spots.loc[spots["class"] == "urban", "people"].sum())
    assert before / everybody < 0.65
    asked = {"scenarios": {"plan": scenario()}, "scenario": "plan", "scenario_year": 2029}

    def pupils(content: dict[str, Any]) -> None:
        content["services"]["school"]["group"] = "pupils"

    done = town.run(with_people(town, **asked), pupils)
    inputs = done.results.region.inputs
    demand = inputs.demand
    towns = int(demand.loc[demand["settlement"] == "urban", "population"].sum())
    assert demand["population"].sum() == everybody
    assert towns == int(0.7 * everybody + 0.5)
    assert inputs.cohorts["persons"].sum() == int(spots["age6_11"].sum())
    for _, part in done.coverage.groupby(["zoning", "service", "rule_id"]):
        assert part["persons"].sum() in (everybody, int(spots["age6_11"].sum()))
    for page in sorted(done.maps_folder.rglob("*.html")):
        content = page.read_text("utf-8")
        assert "人口不是现状，而是情景“草案”2029 年的推算（来源：征求意见稿）" in content
        assert f"假定 {towns - before} 名乡村居民在全域内迁入城镇" in content
        assert "urbanisation.2029（征求意见稿）" in content
    record = json.loads(next(done.tables_folder.rglob("run.json")).read_text("utf-8"))
    assert record["forecast"]["moved"] == towns - before
    assert "urbanisation.2029" in {rule["id"] for rule in record["rules"]}


def test_zones_without_a_town_keep_their_people(town: Town) -> None:
    """Within townships people move where both classes live, and nobody comes or goes elsewhere."""
    asked = {
        "scenarios": {"plan": scenario(within="township")}, "scenario": "plan",
        "scenario_year": 2026,
    }  # fmt: skip
    spots = tiny.frame("people")
    zones = tiny.frame("zones").set_index("code").geometry
    zone = spots.geometry.map(lambda p: next(z for z in zones.index if zones[z].intersects(p)))
    before = spots.groupby([zone, "class"])["people"].sum().unstack(fill_value=0)
    both = before[(before["urban"] > 0) & (before["village"] > 0)]
    urban, everybody = int(before["urban"].sum()), int(before.to_numpy().sum())
    able = int(both["village"].sum())
    share = round((urban + able // 2) / everybody, 4)

    def change(content: dict[str, Any]) -> None:
        content["rules"] = {"urbanisation.2026": {"value": share, "reason": "test"}}

    done = town.run(with_people(town, **asked), change)
    inputs = done.results.region.inputs
    joined = pd.DataFrame(inputs.demand).merge(inputs.membership, on="demand_id")
    sums = joined.groupby("zone_id")["population"].sum()
    assert sums.to_dict() == before.sum(axis=1).to_dict()
    towns = joined[joined["settlement"] == "urban"].groupby("zone_id")["population"].sum()
    assert towns.sum() == int(share * everybody + 0.5)
    alone = before.index.difference(both.index)
    assert towns.reindex(alone, fill_value=0).to_dict() == before.loc[alone, "urban"].to_dict()
    assert inputs.forecast is not None
    assert set(inputs.forecast.staying) == set(before.index[(before["urban"] == 0)])
    content = next(done.maps_folder.rglob("index.html")).read_text("utf-8")
    assert "名乡村居民在各自的乡镇内迁入城镇" in content
    with pytest.raises(SitingError, match="villagers would have to move"):
        town.run(
            with_people(town, **asked),
            lambda c: c.update(rules={"urbanisation.2026": {"value": 1.0, "reason": "test"}}),
        )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"scenario": "plan"}, "scenario and scenario_year come together"),
        ({"scenario": "pan", "scenario_year": 2026}, 'scenario = "pan" is not among'),
        ({"scenario": "plan", "scenario_year": 2031}, "2031 is not between 2025 and 2029"),
        ({"scenario": "plan", "scenario_year": 2025}, "is not after 2025"),
        ({"scenario": "plan", "scenario_year": 2026, "year": 2026}, "say of which year today's"),
        ({"scenarios": {"plan": scenario(within="county")}}, 'within = "county" is not among'),
        ({"scenarios": {"plan": scenario(years=[])}}, "people.scenarios"),
        ({"scenarios": {"plan": scenario(years=scenario()["years"][::-1])}}, "stand in order"),
        ({"scenarios": {"plan": scenario(years=[
            {"year": 2026, "town_share": "urbanisation.2026", "total": 5},
            {"year": 2029, "town_share": "urbanisation.2029"}])}}, "or in none"),
        ({"scenarios": {"plan": scenario(years=[{"year": 2026, "town_share": "circle_5min"}])}},
         '"circle_5min" is not a rule that is a share'),
    ],
)  # fmt: skip
def test_scenarios_refused(town: Town, asked: dict[str, Any], told: str) -> None:
    with pytest.raises(SitingError) as caught:
        town.run(with_people(town, **({"scenarios": {"plan": scenario()}} | asked)))
    assert told in str(caught.value)
