"""Baskets in whole runs of the toy town: tables, page, record, and what is refused."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import geopandas as gpd
import page_data
import pandas as pd
import pytest

import siting
from siting.errors import DataError
from siting.pipeline import Run
from tests.mutation import tiny
from tests.pipeline.test_hostile import _toml as toml

PARTS = ["complete", "incomplete", "not_assessed"]
BASKETS: dict[str, Any] = {
    "circle_10min": {
        "kinds": ["primary", "health_station", "market", "junior"],
        "rule": "circle_15min",
        "reason": "a town of toys",
    },
    "village": {},
    "children": {"groups": ["pupils"]},
}


class Town:
    """The toy town: schools (primary) and clinics on foot, clinics at the pace of children too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths, declared, _ = tiny.build(folder / "town")
        self.content = tomllib.loads(tiny.study_toml(paths, declared))
        for key in ("green", "decide"):
            self.content.pop(key)
        services = self.content["services"]
        services["school"] |= {"kind": "primary", "rules": ["circle_15min"]}
        services["clinic"] |= {"kind": "health_station", "rules": []}
        services["clinic_children"] = services["clinic"] | {"walkers": "children"}
        services["far"] = services["clinic"] | {"kind": "junior", "mode": "drive"}
        self.runs = 0

    def run(self, **changes: Any) -> Run:
        self.runs += 1
        content = json.loads(json.dumps(self.content)) | {"baskets": BASKETS} | changes
        file = self.folder / f"s{self.runs}" / "study.toml"
        file.parent.mkdir()
        file.write_text("\n".join(f"{toml(k)} = {toml(v)}" for k, v in content.items()), "utf-8")
        return siting.run(siting.read_study(file))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(tmp_path_factory.mktemp("baskets"))


@pytest.fixture(scope="module")
def run(town: Town) -> Run:
    return town.run()


def table(run: Run, name: str) -> pd.DataFrame:
    file = run.tables_folder / "tables" / f"{name}.csv"
    return pd.read_csv(file, keep_default_na=False, na_values={"lacking_persons": [""]})


def data_of(run: Run) -> dict[str, Any]:
    page = (run.maps_folder / "baskets.html").read_text("utf-8")
    return dict(page_data.read(page))


def test_people_are_those_of_the_raw_layer_in_every_zoning(run: Run) -> None:
    rows, raw = table(run, "baskets"), tiny.frame("people")
    assert (rows[PARTS].sum(axis=1) == rows["persons"]).all()
    apart = rows[rows["settlement"] != "judged"]
    sums = apart.groupby(["basket", "level", "zoning"])["persons"].sum()
    assert set(sums["circle_10min"]) == set(sums["village"]) == {raw["people"].sum()}
    assert set(sums["children"]) == {raw["age6_11"].sum()}
    judged = rows[(rows["settlement"] == "judged") & (rows["level"] == "region")]
    by_class = raw.groupby("class")["people"].sum()
    persons = judged.set_index("basket")["persons"]
    assert persons["circle_10min"] == by_class["urban"]
    assert persons["village"] == by_class["village"]
    assert persons["children"] == raw.loc[raw["class"] == "urban", "age6_11"].sum()


def test_the_whole_basket_recounted_home_by_home(run: Run) -> None:
    """From travel times alone: 800 m for the circle, 30 min for villages, 15 for children."""
    here = run.results.region
    homes = here.inputs.demand.set_index("demand_id")
    inside = here.inputs.membership.set_index("demand_id")["zone_id"] != ""
    pupils = here.inputs.cohorts.set_index("demand_id")["persons"]
    rows = table(run, "baskets")
    some = 0
    for basket, services, impedance, most, settlement, persons in (
        ("circle_10min", ("school", "clinic"), "length", 800_000, "urban", homes["population"]),
        ("village", ("clinic",), "time", 1_800_000, "village", homes["population"]),
        ("children", ("clinic_children",), "time", 900_000, "urban", pupils),
    ):
        counts = dict.fromkeys(PARTS, 0)
        for home in homes.index[homes["settlement"] == settlement]:
            states = set()
            for name in services:
                service = here.service(name)
                reach = service.times(impedance).reach(here.today.open_sites(name)).loc[home]
                known = reach["state"] == "reached" and inside[home]
                states.add(reach["impedance"] <= most if known else None)
            state = "incomplete" if False in states else (
                "not_assessed" if None in states else "complete"
            )  # fmt: skip
            counts[state] += int(persons[home])
        (row,) = rows[
            (rows["basket"] == basket) & (rows["level"] == "region")
            & (rows["settlement"] == "judged")
        ].to_dict("records")  # fmt: skip
        assert {name: row[name] for name in PARTS} == counts, basket
        some += 0 < counts["complete"] < row["persons"]
    assert some  # somebody has it and somebody has not


def test_the_rule_of_a_basket_is_in_coverage_and_gaps_of_its_services(run: Run) -> None:
    pairs = set(table(run, "coverage")[["service", "rule_id"]].itertuples(index=False, name=None))
    assert pairs == {
        ("school", "circle_15min"), ("clinic", "circle_15min"), ("clinic", "life_unit.village"),
        ("clinic_children", "children.walk_15min"),
    }  # fmt: skip
    assert set(table(run, "losses")["rule_id"]) == {rule_id for _, rule_id in pairs}


def test_one_kind_for_all_residents_is_the_coverage_of_its_service(run: Run) -> None:
    rows, of = table(run, "baskets"), table(run, "coverage")
    keys = ["level", "zoning", "zone_id", "settlement"]
    ours = rows[rows["basket"] == "village"].set_index(keys)
    theirs = of[(of["service"] == "clinic") & (of["rule_id"] == "life_unit.village")]
    theirs = theirs.set_index(keys).loc[ours.index]
    same = {"complete": "covered", "incomplete": "out_of_reach", "not_assessed": "not_assessed",
            "complete_low": "covered_low"}  # fmt: skip
    for one, two in same.items():
        assert ours[one].tolist() == theirs[two].tolist()
    high = theirs["covered_high"] + theirs["not_assessed"]
    assert ours["complete_high"].tolist() == high.tolist()


def test_what_is_missing_is_named_in_table_page_and_record(run: Run) -> None:
    lacks = table(run, "basket_services")
    gone = lacks[(lacks["basket"] == "circle_10min") & (lacks["why"] != "")]
    assert dict(zip(gone["kind"], gone["why"], strict=True)) == {
        "market": "no_layer", "junior": "other_way",
    }  # fmt: skip
    assert gone["lacking_persons"].isna().all()
    record = json.loads((run.tables_folder / "run.json").read_text("utf-8"))
    asked = record["baskets"]["circle_10min"]
    assert asked["missing"] == {"market": "no_layer", "junior": "other_way"}
    assert asked["services"] == {"primary": ["school"], "health_station": ["clinic"]}
    assert asked["reason"] == "a town of toys"
    used = {rule["id"] for rule in record["rules"]}
    assert {"circle_15min", "life_unit.village", "children.walk_15min", "provision.primary",
            "circle.no_substitute", "circle.rural_apart"} <= used  # fmt: skip
    measures = {m["key"]: m for m in data_of(run)["measures"]}
    circle = measures["circle_10min"]
    assert [kind["label"] for kind in circle["missing"]] == ["菜市场", "初中"]
    assert circle["missing"][1]["why"] == "只有按其他出行方式的图层"
    assert "应有 4 类，按有图层的 2 类计" in circle["finding"]
    assert "小学（参照 60 个/千人，provision.primary（本工具假定））" in circle["unstocked"]
    assert "a town of toys" in circle["contents"]
    assert "本工具假定" in measures["village"]["contents"]


def test_the_page_shows_the_figures_of_the_table(run: Run) -> None:
    rows, lacks, data = table(run, "baskets"), table(run, "basket_services"), data_of(run)
    for basket in BASKETS:
        entry = data["figures"][basket]["township"]
        own = rows[(rows["basket"] == basket) & (rows["settlement"] == "judged")]
        (whole,) = own[own["level"] == "region"].to_dict("records")
        assert entry["region"]["b"] == [whole[name] for name in PARTS]
        zones = own[own["level"] == "zone"].set_index("zone_id")
        shown = [zone["b"] for zone in entry["zones"] if zone["b"]]
        assert sorted(shown) == sorted(
            [row[name] for name in PARTS] for row in zones[zones["persons"] > 0].to_dict("records")
        )
        told = lacks[
            (lacks["basket"] == basket) & (lacks["level"] == "region") & (lacks["why"] == "")
            & (lacks["settlement"] == "judged")
        ]  # fmt: skip
        ranked = [row["n"] for row in entry["region"]["k"]]
        assert ranked == sorted(told["lacking_persons"], reverse=True)
    (group,) = data["groups"]
    assert group["key"] == "children"
    assert data["groups_finding"].startswith("一老一小：")
    layer = gpd.read_file(run.tables_folder / "results.gpkg", layer="baskets")
    assert set(layer["basket"]) == set(BASKETS)


def test_the_first_page_tells_of_the_first_basket_and_of_the_groups(run: Run) -> None:
    told = [line for line in run.headlines if "服务齐全" in line]
    assert len(told) == 2
    assert "十分钟生活圈" in told[0]
    assert told[1].startswith("一小（")


def test_groups_that_count_somebody_twice_are_refused(town: Town) -> None:
    people = json.loads(json.dumps(town.content["people"]))
    for n in range(2):
        people["groups"][f"all_{n}"] = {"share": 0.7, "source": "made up"}
    with pytest.raises(DataError, match=r"baskets\.children\.groups.*name groups that do not"):
        town.run(people=people, baskets={"children": {"groups": ["all_0", "all_1"]}})


def test_a_study_without_baskets_has_no_page_of_them(town: Town) -> None:
    services = {"school": town.content["services"]["school"]}
    plain = town.run(baskets={}, services=services)
    assert not (plain.maps_folder / "baskets.html").exists()
    assert not (plain.tables_folder / "tables" / "baskets.csv").exists()
    assert "baskets.html" not in (plain.maps_folder / "index.html").read_text("utf-8")
