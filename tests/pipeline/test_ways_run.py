"""Ways of travelling in whole runs of the toy town: whose pace, which vehicle, hills and lights."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.transform import from_origin
from shapely import Point

import siting
from siting import rules
from siting.errors import StudyError
from siting.pipeline import Run
from tests.mutation import tiny
from tests.pipeline.test_hostile import _toml as toml

TIME_RULE = "clinic.walk_30min"


class Town:
    """The toy town, its study with one clinic, and what it is asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths, declared, self.crs = tiny.build(folder / "town")
        self.content = tomllib.loads(tiny.study_toml(paths, declared))
        for key in ("green", "decide"):
            self.content.pop(key)
        clinic = self.content["services"]["clinic"] | {"rules": [TIME_RULE]}
        self.content["services"] = {"clinic": clinic}
        self.bounds = tiny.frame("zones").to_crs(self.crs).total_bounds
        self.runs = 0

    def run(self, services: dict[str, Any], *, minutes: float, network: dict[str, Any]) -> Run:
        """Run the town with services made of the clinic's, judged by some minutes."""
        self.runs += 1
        content = self.content | {"network": self.content.get("network", {}) | network}
        clinic = self.content["services"]["clinic"]
        content["services"] = {name: clinic | more for name, more in services.items()}
        content["rules"] = {TIME_RULE: {"value": minutes, "reason": "a town of toys"}}
        file = self.folder / f"s{self.runs}" / "study.toml"
        file.parent.mkdir()
        lines = [f"{toml(k)} = {toml(v)}" for k, v in content.items()]
        file.write_text("\n".join(lines), "utf-8")
        return siting.run(siting.read_study(file))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(tmp_path_factory.mktemp("ways"))


def reach(done: Run, service: str) -> pd.DataFrame:
    """Milliseconds from every home to its nearest open site, and those of its own access leg."""
    here = done.results.region
    found = here.service(service).times("time").reach(here.today.open_sites(service))
    reached: pd.DataFrame = found[found["state"] == "reached"]
    assert len(reached) > 3
    return reached


def times(done: Run, service: str) -> pd.Series[int]:
    return reach(done, service)["impedance"]


def test_each_group_walks_at_its_own_pace_and_the_pages_say_so(town: Town) -> None:
    done = town.run(
        {
            "clinic": {},
            "old": {"walkers": "elderly"},
            "young": {"walkers": "children"},
            "wheel": {"mode": "cycle"},
            "motor": {"mode": "ebike"},
        },
        minutes=17,
        network={},
    )
    book = rules.load()
    usual = times(done, "clinic")
    for service, rule in (("old", "walk.speed_elderly"), ("young", "walk.speed_children")):
        pace = book["walk.speed"].value / book[rule].value
        # every part of a way is rounded to the millisecond at either pace
        assert np.abs(times(done, service) - usual * pace).max() < 60
        assert done.results.region.service(service).speed.id == rule
    assert (times(done, "wheel") < usual).all()
    assert (times(done, "motor") <= times(done, "wheel")).all()
    assert sorted(done.results.region.inputs.networks) == [
        "cycle", "ebike", "walk", "walk.children", "walk.elderly",
    ]  # fmt: skip
    people = done.results.region.inputs.demand.set_index("demand_id")["population"]
    covered = done.coverage.groupby("service")[["covered_low", "covered", "covered_high"]].sum()
    for service, rule_id in (("clinic", "walk.speed"), ("old", "walk.speed_elderly")):
        rule, found = book[rule_id], reach(done, service)
        # the range of the headline is that of the group's own speed; its upper end is kind: it
        # takes no access leg either
        # and its lower end takes it 1.4 times
        for kph, leg, persons in zip(
            (rule.low, rule.value, rule.high), (0.4, 0, -1), covered.loc[service], strict=True
        ):
            ms = found["impedance"] + leg * found["access"]
            near = found.index[ms <= 17 * 60_000 * kph / rule.value]
            assert persons == people[near].sum() > 0
    assert covered["covered"]["old"] < covered["covered"]["clinic"] < covered["covered"]["wheel"]
    (record,) = done.tables_folder.rglob("run.json")
    used = {rule["id"] for rule in json.loads(record.read_text("utf-8"))["rules"]}
    assert {r for r in used if r.startswith(("walk.", "cycle.", "ebike.", "drive."))} == {
        "walk.speed", "walk.speed_elderly", "walk.speed_children", "cycle.speed_factor",
        "ebike.speed_factor",
    }  # fmt: skip
    (page,) = done.maps_folder.rglob("coverage.html")
    html = page.read_text("utf-8")
    for word in ("walk.speed_elderly", "老年人步速", "儿童步速", "骑自行车", "骑电动自行车"):
        assert word in html


def test_hills_and_lights_lengthen_journeys_and_are_sources_of_the_run(town: Town) -> None:
    west, south, east, north = town.bounds
    cell = 20.0
    columns, rows = int((east - west + 8000) / cell), int((north - south + 8000) / cell)
    ground = np.add.outer(np.zeros(rows), 0.08 * cell * np.arange(columns)).astype(np.float32)
    hill = town.folder / "dem.tif"
    profile = {
        "driver": "GTiff", "height": rows, "width": columns, "count": 1, "dtype": "float32",
        "crs": town.crs.to_wkt(), "transform": from_origin(west - 4000, north + 4000, cell, cell),
    }  # fmt: skip
    with rasterio.open(hill, "w", **profile) as out:
        out.write(ground, 1)
    flat = town.run({"clinic": {}}, minutes=4, network={})
    hilly = town.run({"clinic": {}}, minutes=4, network={"elevation": {"file": str(hill)}})
    assert (times(hilly, "clinic") >= times(flat, "clinic") * 0.83).all()  # e^(−3.5 · 0.05) down
    assert times(hilly, "clinic").sum() > times(flat, "clinic").sum()
    assert "network.elevation" in {layer.layer for layer in hilly.results.region.inputs.layers}

    roads = flat.results.region.inputs.networks["walk"]
    streets = np.bincount(np.concatenate([roads.tail, roads.head]))
    crossings = roads.node_xy[streets >= 3]
    lights = town.folder / "lights.gpkg"
    points = [Point(xy + 3) for xy in crossings]
    points.append(Point(crossings.max(axis=0) + 500))
    gpd.GeoDataFrame({"id": range(len(points))}, geometry=points, crs=town.crs).to_file(lights)
    slow = town.folder / "speeds.toml"
    slow.write_text("[delay]\nwalk = { signal_s = 60 }\n", "utf-8")
    asked = {"signals": {"file": str(lights)}, "speeds": str(slow)}
    waiting = town.run({"clinic": {}}, minutes=4, network=asked)
    lit = waiting.results.region.inputs.networks["walk"]
    assert lit.half_delay_ms[lit.signal].tolist() == [30_000] * len(crossings)
    more = times(waiting, "clinic") - times(flat, "clinic")
    assert (more >= 0).all()
    assert more.max() >= 30_000
    drops = waiting.results.region.inputs.drops
    assert (drops["table"] == "signals").sum() == 1


@pytest.mark.parametrize("line", ["[walk]\nkph = 5\n", "[drive]\naccess_kph = 5\n"])
def test_a_pace_in_a_speeds_file_is_refused_and_not_passed_over(town: Town, line: str) -> None:
    """Walking speed is a rule with a range: a file that says another would have no effect."""
    speeds = town.folder / "pace.toml"
    speeds.write_text(line, "utf-8")
    with pytest.raises(StudyError, match=r"(walk.kph|drive.access_kph) would not be used"):
        town.run({"clinic": {}}, minutes=4, network={"speeds": str(speeds)})


def test_only_walkers_have_a_pace(town: Town) -> None:
    with pytest.raises(StudyError, match="walkers"):
        town.run({"clinic": {"mode": "drive", "walkers": "children"}}, minutes=4, network={})
