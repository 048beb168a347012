"""Yueyang: the census to the person in every table, on made roads.

The expected numbers are read from the census file here, row by row, without siting.
"""

import csv
import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from everybody import adds_up
from finished_run import Finished

import siting
from tests.pipeline.yueyang_roads import write_roads

CENSUS_2020 = 5_051_922  # 岳阳市第七次全国人口普查公报
QUYUAN, MILUO, PINGJIANG = 71_521, "430681", "430626"


@pytest.fixture(scope="module")
def census(test_data: Path) -> pd.DataFrame:
    """Persons and townspeople by county code, the codeless district counted to Miluo."""
    file = test_data / "yueyang" / "yueyang_census2020_county_age_sex.csv"
    with file.open(encoding="utf-8-sig", newline="") as lines:
        rows = list(csv.DictReader(lines))
    found: dict[str, list[int]] = {}
    for row in rows:
        if row["区划代码"] == "430600":
            continue
        code = row["区划代码"] or MILUO
        persons = found.setdefault(code, [0, 0])
        persons[0] += int(row["人口数_合计"])
        persons[1] += int(row["城镇人口"])
    return pd.DataFrame.from_dict(found, orient="index", columns=["persons", "towns"])


def test_every_table_holds_everybody(yueyang: Finished) -> None:
    whole = {"coverage", "people", "provision", "accessibility", "comparison", "equity"}
    assert adds_up(yueyang, CENSUS_2020) == whole
    for name in whole - {"comparison"}:
        assert set(yueyang.table(name)["zoning"]) == {"county", "township"}, name
    assert (yueyang.table("comparison")["no_seat_persons"] > 0).all()
    assert json.loads((yueyang.folder / "run.json").read_text("utf-8"))["persons"] == CENSUS_2020
    demand = gpd.read_file(next(yueyang.folder.rglob("results.gpkg")), layer="demand")
    assert demand["population"].sum() == CENSUS_2020


def test_every_county_and_its_towns_are_the_census(yueyang: Finished, census: pd.DataFrame) -> None:
    people = yueyang.table("people")
    county = people[people["zoning"] == "county"]
    town = county["settlement"].isin(["urban", "township_seat"])
    assert county.groupby("zone_id")["persons"].sum().to_dict() == census["persons"].to_dict()
    assert county[town].groupby("zone_id")["persons"].sum().to_dict() == census["towns"].to_dict()
    assert county.loc[town, "persons"].sum() == 3_064_474  # the city's own row


def test_one_source_speaks_for_each_total(yueyang: Finished) -> None:
    people = yueyang.table("people")
    county = people[people["zoning"] == "county"]
    by = county.groupby("source")["zone_id"].unique()
    assert set(by["seats"]) == set(by["seats_for_villages"]) == {PINGJIANG}
    assert PINGJIANG not in set(by["villages"])
    assert len(by["villages"]) == 8
    said = county.groupby("source")["class_from"].unique()
    assert {name: list(words) for name, words in said.items()} == {
        "villages": ["own"], "seats": ["study"], "seats_for_villages": ["study"]
    }  # fmt: skip
    drops = yueyang.table("drops")
    told = drops[drops["table"] == "people.totals"].set_index("row")["what"].to_dict()
    assert told == {
        "岳阳市屈原管理区": f"{QUYUAN} people counted to {MILUO}, as the study says",
        "430600": "the sum of all others, checked",
    }


def test_pages_say_what_is_made_up_and_which_rows_are_no_county(yueyang: Finished) -> None:
    pages = sorted(yueyang.folder.rglob("*.html"))
    assert pages
    for page in pages:
        content = page.read_text("utf-8")
        assert "道路为程序生成" in content
        assert "人口来源" in content
        assert "合计行（430600）只用于核对各行之和，不计入" in content
        assert "岳阳市屈原管理区计入汨罗市" in content


def test_the_plans_path_keeps_every_county(
    test_data: Path,
    census: pd.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """65 % of the people in towns in 2026: 219,275 move, each within the own county."""
    write_roads(test_data / "yueyang", tmp_path)
    monkeypatch.setenv("SITING_MADE_ROADS", str(tmp_path))
    own = Path(__file__).parents[1] / "studies" / "yueyang" / "study.toml"
    asked = """
[people.scenarios.plan]
within = "county"
years = [
    { year = 2026, town_share = "urbanisation.2026" },
    { year = 2029, town_share = "urbanisation.2029" },
]
"""
    text = own.read_text("utf-8").replace(
        "[people]\n", '[people]\nscenario = "plan"\nscenario_year = 2026\n'
    )
    file = tmp_path / "study.toml"
    file.write_text(text + asked, "utf-8")
    found = siting.pipeline.read_inputs(siting.read_study(file))
    assert found.forecast is not None
    assert found.forecast.moved == 3_283_749 - 3_064_474
    demand = pd.DataFrame(found.demand)
    county = found.membership[found.membership["zoning"] == "county"]
    joined = demand.merge(county, on="demand_id")
    sums = joined.groupby("zone_id")["population"].sum()
    assert sums.to_dict() == census["persons"].to_dict()
    town = joined["settlement"].isin(["urban", "township_seat"])
    assert joined.loc[town, "population"].sum() == 3_283_749  # 0.65 × 5,051,922 = 3,283,749.3
    towns = joined[town].groupby("zone_id")["population"].sum()
    assert (towns > census["towns"]).all()
