"""Seats in whole runs of the toy town: table, page, workbook, and what is refused."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import page_data
import pandas as pd
import pytest

import siting
from siting import evaluate
from siting import plan as plans
from siting.errors import DataError, StudyError
from siting.pipeline import Run
from tests.mutation import tiny
from tests.pipeline.test_hostile import _toml as toml

PARTS = ["covered", "no_seat", "out_of_reach", "not_assessed"]


class Town:
    """The toy town with three schools for all its 1,182 people: 535 seats, the pupils of today."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths, declared, _ = tiny.build(folder / "town")
        self.content = tomllib.loads(tiny.study_toml(paths, declared))
        for key in ("green", "decide"):
            self.content.pop(key)
        school = self.content["services"]["school"]
        school.pop("group")
        school["columns"] = {"site_id": "id", "name": "name", "capacity": "pupils"}
        local = tomllib.loads(
            'text_zh = "n"\ntext_en = "n"\nvalue = 60\nunit = "seats_per_1000"\n'
            'measure = "count"\nsource = "t"\nstatus = "assumed"\nreason = "test"\n'
        )
        self.content["rules"] = {
            "circle_15min": {"value": 1_500, "reason": "a town of toys"},
            "provision.local": local | {"zonings": ["county"]},
            "provision.here": local | {"zonings": ["township"]},
        }
        self.runs = 0

    def study(self, *, network: dict[str, Any] | None = None, **school: Any) -> Path:
        """Write the study with these keys of the school, and of the network, added."""
        self.runs += 1
        content = json.loads(json.dumps(self.content))
        content["services"]["school"] |= school
        content["network"] = content.get("network", {}) | (network or {})
        file = self.folder / f"s{self.runs}" / "study.toml"
        file.parent.mkdir()
        file.write_text("\n".join(f"{toml(k)} = {toml(v)}" for k, v in content.items()), "utf-8")
        return file

    def run(self, **school: Any) -> Run:
        return siting.run(siting.read_study(self.study(**school)))


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    return Town(tmp_path_factory.mktemp("seats"))


@pytest.fixture(scope="module")
def seated(town: Town) -> Run:
    return town.run(seats="max_served")


def test_who_is_in_reach_and_has_no_seat_is_not_covered(town: Town, seated: Run) -> None:
    plain, ours = town.run().coverage, seated.coverage
    keys = ["zoning", "zone_id", "settlement", "service"]
    both = ours.merge(plain, on=keys, suffixes=("", "_plain"), validate="one_to_one")
    assert (ours[PARTS].sum(axis=1) == ours["persons"]).all()
    assert (both["covered"] + both["no_seat"] == both["covered_plain"]).all()
    assert (both["out_of_reach"] == both["out_of_reach_plain"]).all()
    clinic = ours[ours["service"] == "clinic"]
    assert clinic["no_seat"].sum() == 0
    school = ours[ours["service"] == "school"]
    assert school["no_seat"].sum() > 0
    assert 0 < school["covered"].sum() <= 535


def test_table_workbook_and_page_show_the_four_populations(seated: Run) -> None:
    table = pd.read_csv(seated.tables_folder / "tables" / "coverage.csv")
    rows = table[(table["level"] == "region") & (table["settlement"] == "judged")]
    (school,) = rows[rows["service"] == "school"].to_dict("records")
    assert school["no_seat"] > 0
    page = (seated.maps_folder / "coverage.html").read_text("utf-8")
    data = page_data.read(page)
    shown = {m["service"]: m for m in data["measures"]}
    assert "no_seat" in shown["school"]["row_keys"]
    assert "no_seat" not in shown["clinic"]["row_keys"]  # a row of zeros would be a lie
    region = data["figures"]["school circle_15min"]["township"]["region"]
    assert region["b"] == [school[part] for part in PARTS]
    assert "无位" in shown["school"]["finding"]
    assert "无位" not in shown["clinic"]["finding"]
    assert sum(m["seats"] for m in shown.values()) == 1


def test_gaps_and_closures_know_seats(town: Town, seated: Run) -> None:
    folder = seated.tables_folder / "tables"
    gaps = pd.read_csv(folder / "gaps.csv", keep_default_na=False)
    coverage = seated.coverage[seated.coverage["judged"]]
    zoning = seated.results.region.zoning
    for service in ("school", "clinic"):
        mine = gaps[gaps["service"] == service].groupby("why")["persons"].sum()
        rows = coverage[(coverage["service"] == service) & (coverage["zoning"] == zoning)]
        assert mine.get("no_seat", 0) == rows["no_seat"].sum()
        assert mine.get("out_of_reach", 0) == rows["out_of_reach"].sum()
    school = gaps[(gaps["service"] == "school") & (gaps["why"] == "no_seat")]
    assert (school["no_seat_persons"] == school["persons"]).all()
    assert len(school)
    # a closure loses what a plan without the school serves fewer
    losses = pd.read_csv(folder / "losses.csv").set_index(["service", "site_id"])["lost_persons"]
    here = seated.results.region
    (service,) = [s for s in here.services if s.name == "school"]
    served = {}
    for shut in (None, *service.existing):
        plan = here.today if shut is None else plans.close(here.today, "school", shut)
        found = evaluate.evaluate(
            plan, services=[service], demand=here.inputs.demand,
            membership=here.member, zoning=zoning,
        ).coverage  # fmt: skip
        found = found[(found["zoning"] == zoning) & found["judged"]]
        served[shut] = found["covered"].sum()
    for shut in service.existing:
        assert losses["school", shut] == served[None] - served[shut]
    assert losses["school"].max() > 0
    page = (seated.maps_folder / "gaps.html").read_text("utf-8")
    shown = {m["service"]: m for m in page_data.read(page)["measures"]}
    assert [row["seatless"] for row in shown["school"]["rows"]] == [
        int(n) for n in gaps.loc[gaps["service"] == "school", "no_seat_persons"]
    ]
    assert "无位" in shown["school"]["finding"]
    assert "无位" not in shown["clinic"]["finding"]
    assert "seatless" not in shown["clinic"]["rows"][0]


def test_invariant_13_schools_without_seats_stop_the_run_by_name(town: Town) -> None:
    columns = {"site_id": "id", "name": "name"}  # the seats are not mapped
    with pytest.raises(DataError) as refused:
        town.run(seats="max_served", columns=columns)
    assert str(refused.value) == (
        "services.school: 3 of 3 sites have no capacity (S1, S2, S3). "
        'services.school.seats = "max_served" needs one, for unknown is not unlimited. Fill the '
        "column and map it (columns.capacity), or remove seats."
    )


def test_per_thousand_residents_in_table_and_on_the_page(town: Town) -> None:
    run = town.run(provision="provision.primary")
    table = pd.read_csv(run.tables_folder / "tables" / "provision.csv", keep_default_na=False)
    schools, people = tiny.frame("school"), tiny.frame("people")
    whole = table[(table["level"] == "region") & (table["settlement"] == "judged")]
    (row,) = whole.to_dict("records")
    assert row["capacity"] == schools["pupils"].sum()
    assert row["persons"] == people["people"].sum()
    assert row["per_1000"] == pytest.approx(1_000 * row["capacity"] / row["persons"])
    page = (run.maps_folder / "coverage.html").read_text("utf-8")
    assert "provision.primary" in page
    shown = page_data.read(page)["figures"]

    def told(entry: dict[str, Any]) -> list[dict[str, str]]:
        return [line for line in entry["x"] if line["k"].startswith("provision ")]

    (line,) = told(shown["school circle_15min"]["township"]["region"])
    assert line["v"].startswith(f"{row['per_1000']:.1f}（参照 60 个/千人、仅提示，不作评价")
    assert "达标" not in line["v"]  # the norm shipped is there to be known
    assert set(table["verdict"]) == {"not_judged"}
    assert told(shown["clinic circle_15min"]["township"]["region"]) == []
    assert "provision.primary（本工具假定）" in line["l"]
    zones = {z["i"] for z in shown["school circle_15min"]["township"]["zones"] if told(z)}
    assert len(zones) == len(tiny.frame("zones"))


def test_a_local_norm_of_a_zoning_is_a_verdict(town: Town) -> None:
    run = town.run(provision="provision.here")
    table = pd.read_csv(run.tables_folder / "tables" / "provision.csv", keep_default_na=False)
    assert {"pass", "fail"} & set(table["verdict"])


def test_a_plan_that_moves_seats_is_evaluated_beside_today(town: Town, seated: Run) -> None:
    today = seated.results.region.today
    wider = plans.give_seats(today, "school", {"S1": 2_000}, name="wider")
    file = town.folder / "plan.json"
    file.write_text(plans.to_json(wider), "utf-8")
    study = siting.read_study(town.study(seats="max_served"))
    rows = siting.run(study, only="coverage", plan=file).results.comparison
    school = rows[rows["service"] == "school"].set_index("plan")
    assert school.loc["wider", "no_seat_persons"] < school.loc["today", "no_seat_persons"]
    assert school.loc["wider", "covered_persons"] > school.loc["today", "covered_persons"]
    assert school["out_of_reach_persons"].nunique() == 1
    clinic = rows[rows["service"] == "clinic"].drop(columns="plan").astype(object)
    assert clinic.iloc[0].equals(clinic.iloc[1])
    file.write_text(plans.to_json(wider).replace('"S1": 2000', '"S7": 2000'), "utf-8")
    with pytest.raises(StudyError, match=r"seats at 1 sites that are not open \(S7\)"):
        siting.run(study, only="coverage", plan=file)


@pytest.mark.parametrize(
    ("school", "told"),
    [
        ({"provision": "circle_15min"}, '"circle_15min" is no norm per thousand residents'),
        ({"provision": "provision.primry"}, '"provision.primary"'),
        ({"provision": "provision.local"}, 'provision.local".zonings: "county" is not among'),
        ({"seats": "nearest"}, "max_served"),
        ({"seats": "max_served", "rules": []}, "seats are counted within rules"),
        (
            {"seats": "max_served", "mode": "bus", "bus": {"how": "route", "seats": 30}},
            'set bus.how = "detour"',
        ),
    ],
)
def test_studies_that_ask_for_seats_in_vain(town: Town, school: dict[str, Any], told: str) -> None:
    with pytest.raises(StudyError, match=re.escape(told)):
        siting.read_study(town.study(**school))


def test_seats_are_looked_for_up_to_the_loose_end_or_nothing_is_computed(town: Town) -> None:
    """1.5 km, and half a kilometre of access leg that the loose end does not count."""
    said: list[str] = []
    short = {"cutoff_km": 1.6}
    study = siting.read_study(town.study(network=short, seats="max_served"))
    with pytest.raises(StudyError, match=r"cutoff_km = 1.6.*seats are counted.*Set it to 2 or mor"):
        siting.run(study, say=lambda step, _done, _total: said.append(step))
    assert not [step for step in said if "attach" in step or "travel times" in step]
    assert len(siting.run(siting.read_study(town.study(network=short))).coverage)
    enough = town.study(network={"cutoff_km": 2.0}, seats="max_served")
    assert len(siting.run(siting.read_study(enough)).coverage)
