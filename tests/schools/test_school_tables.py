"""From files to the tables of schools, against numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

import siting
from siting import quality, tables, text
from siting.cohorts import by_grade, split_by_grade, to_town
from siting.errors import DataError
from siting.load import age_bands, enrolment
from siting.pipeline import pupils, region
from siting.pipeline.cache import Cache
from siting.pipeline.inputs import read_inputs
from siting.pipeline.schools import Schools, by_zone, times, written
from siting.pipeline.steps import Steps, quiet
from siting.study import Schools as Asked
from tests.mutation.tiny import CRS, X0, Y0
from tests.schools.world import World, changed

# of age 6: 84, then 4 fewer a year (108 − 4a, docs/method-schools.md), in each county
OF_GRADE = {grade: 108 - 4 * (grade + 5) for grade in range(1, 13)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Schools:
    return schools_of(World(), tmp_path_factory.mktemp("world"))


def schools_of(world: World, folder: Path) -> Schools:
    found = world.read(folder).schools
    assert found is not None
    return found


def test_every_table_keeps_its_contract(whole: Schools) -> None:
    for name in ("schools", "teaching", "enrolment", "children", "eligibility", "findings"):
        tables.check(name, getattr(whole, name))
    assert whole.years == (2025, 2026, 2027)
    assert whole.catchments is None


def test_the_register_is_read_in_its_own_words(whole: Schools) -> None:
    rows = whole.schools.set_index("site_id")
    assert rows["stage"].tolist() == ["primary", "nine_year", "primary", "junior", "teaching_point"]
    assert rows["level"].tolist() == [
        "county_town", "township_seat", "township_seat", "county_town", "village"
    ]  # fmt: skip
    assert rows["condition"].tolist() == ["good", "fair", "poor", "good", "unsafe"]
    assert rows.loc["S2", ["seats", "beds", "running_cost_yuan"]].tolist() == [900, 100, 5_000_000]


def test_a_nine_year_school_teaches_twice_with_the_seats_of_each_stage(whole: Schools) -> None:
    assert whole.teaching.values.tolist() == [
        ["S1", "primary", 1, 6, 540],
        ["S2", "primary", 1, 6, 540],
        ["S2", "junior", 7, 9, 360],
        ["S3", "primary", 1, 6, 270],
        ["S4", "junior", 7, 9, 450],
        ["S5", "primary", 1, 3, 90],
    ]


def test_children_are_the_census_year_by_year(whole: Schools) -> None:
    found = whole.children.groupby(["year", "grade"])["persons"].sum().unstack("year")
    now = {grade: 2 * n for grade, n in OF_GRADE.items()}
    # ages 5 and 4 have 88 and 92 in each county, and nobody dies or moves
    assert found[2025].to_dict() == now
    assert found[2026].to_dict() == {1: 176} | {g + 1: n for g, n in now.items() if g < 12}
    assert found[2027].to_dict() == {1: 184, 2: 176} | {g + 2: n for g, n in now.items() if g < 11}


def test_children_live_as_the_people_of_their_county_do(whole: Schools) -> None:
    now = whole.children[whole.children["year"] == 2025]
    homes = now.groupby("demand_id")["persons"].sum()
    total = sum(OF_GRADE.values())
    # 60, 30 and 10 of a hundred in one county, 50, 30 and 20 in the other; the deal by age leaves
    # a home within two children an age of its part
    for home, share in zip(homes.index, (0.6, 0.3, 0.1, 0.5, 0.3, 0.2), strict=True):
        assert abs(homes[home] - share * total) <= 12 * 2, home
    counties = by_zone(
        whole.children,
        pd.DataFrame(
            {"demand_id": homes.index, "zoning": "county", "zone_id": ["a"] * 3 + ["b"] * 3}
        ),
    )
    one = counties[(counties["year"] == 2025) & (counties["zone_id"] == "a")]
    assert one.set_index("grade")["persons"].to_dict() == OF_GRADE


def test_flows_between_years_add_up(whole: Schools) -> None:
    assert whole.flows is not None
    rows = whole.flows[whole.flows["zone_id"] == ""].set_index("year")
    assert rows["births"].to_dict() == {2026: 150, 2027: 140}
    for sign, columns in (
        (1, ["before", "births", "moved_in"]),
        (-1, ["died", "grew_up", "moved_out", "after"]),
    ):
        rows[sign] = rows[columns].sum(axis=1)
    assert (rows[1] == rows[-1]).all()


def test_everybody_goes_to_school_in_the_own_county_by_default(whole: Schools) -> None:
    pairs = whole.eligibility.groupby(["zone_id", "service"])["site_id"].agg(list).to_dict()
    assert pairs == {
        ("430601", "primary"): ["S1", "S2"], ("430601", "junior"): ["S2"],
        ("430602", "primary"): ["S3", "S5"], ("430602", "junior"): ["S4"],
    }  # fmt: skip
    assert whole.zone_of.to_dict() == dict.fromkeys(("P0", "P1", "P2"), "430601") | dict.fromkeys(
        ("P3", "P4", "P5"), "430602"
    )


def test_zones_may_admit_together_and_services_be_free(tmp_path: Path) -> None:
    world = World()
    world.content["schools"]["admission"] = {
        "services": [], "joint": {"junior": [["甲县", "430602"]]}
    }  # fmt: skip
    found = schools_of(world, tmp_path).eligibility
    pairs = found.groupby(["zone_id", "service"])["site_id"].agg(list).to_dict()
    assert pairs == {
        **{(z, "primary"): ["S1", "S2", "S3", "S5"] for z in ("", "430601", "430602")},
        ("430601", "junior"): ["S2", "S4"], ("430602", "junior"): ["S2", "S4"],
    }  # fmt: skip


def test_places_are_in_the_catchment_they_lie_in(tmp_path: Path) -> None:
    world = World()
    world.catchments = gpd.GeoDataFrame(
        {"school": ["S2", "S1", "S5"], "service": ["", "primary", "primary"]},
        geometry=[shapely.box(X0 + a, Y0, X0 + b, Y0 + 1000)
                  for a, b in ((600, 2000), (0, 800), (3950, 3990))],
        crs=CRS,
    )  # fmt: skip
    world.content["schools"]["admission"] = {
        "catchments": {"file": "catchments.gpkg", "columns": {"site_id": "school"}}
    }
    found = schools_of(world, tmp_path)
    assert found.catchments is not None
    assert found.catchments.values.tolist() == [
        ["P1", "junior", "S2"], ["P2", "junior", "S2"],
        ["P0", "primary", "S1"], ["P1", "primary", "S1"], ["P2", "primary", "S2"],
    ]  # fmt: skip
    told = found.findings[found.findings["table"] == "catchments"]
    assert set(zip(told["id"], told["what"], told["detail"], strict=True)) == {
        ("P1", "in_two_catchments", "primary: S1, S2"),
        ("", "in_no_catchment", "primary: 3 places with 3000 people"),
        ("", "in_no_catchment", "junior: 4 places with 4800 people"),
        ("S5", "catchment_without_place", "primary"),
    }


def test_totals_are_divided_as_declared_and_only_so(tmp_path: Path) -> None:
    world = World()
    world.enrolment = pd.DataFrame({"school": ["S1", "S5"], "y24": [None, 20], "y25": [444, 22]})
    world.content["schools"]["enrolment"] |= {"years": {"2024": "y24", "2025": "y25"}}
    with pytest.raises(DataError, match=r"3 numbers are of a school as a whole.*split"):
        schools_of(world, tmp_path)
    world.content["schools"]["enrolment"]["split"] = "as_children"
    found = schools_of(world, tmp_path)
    pupils = found.enrolment[found.enrolment["site_id"] == "S1"].set_index("grade")["pupils"]
    # the county's children of grades 1–6 are 84 + 80 + 76 + 72 + 68 + 64 = 444
    assert pupils.to_dict() == {1: 84, 2: 80, 3: 76, 4: 72, 5: 68, 6: 64}
    point = found.enrolment[found.enrolment["site_id"] == "S5"]
    # 84 : 80 : 76 of 240 → 7, 6⅔, 6⅓ of 20 and 7.7, 7⅓, 6.97 of 22
    assert point["pupils"].tolist() == [7, 7, 6, 8, 7, 7]
    assert set(found.enrolment["how"]) == {"split"}
    told = found.findings[found.findings["what"] == "no_enrolment"]
    assert set(zip(told["id"], told["detail"], strict=True)) == {
        ("S1", "2024"), *((s, "2024, 2025") for s in ("S2", "S3", "S4"))
    }  # fmt: skip


def test_a_total_is_divided_evenly_where_nobody_knows_whom_a_grade_admits(tmp_path: Path) -> None:
    def complete(world: World) -> None:
        world.register.loc[3, ["学段", "终止年级"]] = ["完全中学", 12]  # no service has 10–12
        world.enrolment = pd.DataFrame({"school": ["S4"], "y25": [600]})
        told = {"years": {"2025": "y25"}, "split": "as_children"}
        world.content["schools"]["enrolment"] |= told

    found = schools_of(changed(complete), tmp_path)
    assert found.enrolment["grade"].tolist() == [7, 8, 9, 10, 11, 12]
    assert found.enrolment["pupils"].tolist() == [100] * 6
    told = found.findings[found.findings["what"] == "split_evenly"]
    assert told[["id", "detail"]].values.tolist() == [
        ["S4", "2025: whom it admits to grade 10, 11, 12 is not known"]
    ]


def test_a_grade_that_is_admitted_and_has_no_child_gets_no_pupil() -> None:
    asked = Asked.model_validate(
        {**World().content["schools"], "enrolment": {"file": "x.csv", "split": "as_children"}}
    )
    children = pd.DataFrame({"demand_id": "P", "year": 2025, "grade": [1, 3], "persons": [10, 30]})
    rows, told = pupils.enrolment(
        asked,
        pupils.Files(
            None, enrolment(pd.DataFrame({"site_id": ["S"], "year": 2025, "pupils": 80})),
            None, None, None,
        ),
        pd.DataFrame({"site_id": ["S"], "grade_from": 1, "grade_to": 3}),
        pd.DataFrame({"site_id": ["S"], "service": "primary", "grade_from": 1, "grade_to": 3}),
        children,
        pd.DataFrame({"zone_id": ["z"], "site_id": "S", "service": "primary"}),
        pd.Series({"P": "z"}),
    )  # fmt: skip
    assert rows["pupils"].tolist() == [20, 0, 60]
    assert told == []


def test_a_census_before_the_register_is_carried_to_its_year(tmp_path: Path) -> None:
    def older(world: World) -> None:
        world.content["people"]["ages"]["year"] = 2023
        world.content["schools"]["children"]["births"] = {
            str(y): n for y, n in ((2024, 170), (2025, 160), (2026, 150), (2027, 140))
        }

    found = schools_of(changed(older), tmp_path)
    now = found.children[found.children["year"] == 2025].groupby("grade")["persons"].sum()
    # of age 4 in 2023 there are 92 in each county, of age 5 88, of age 6 84
    assert now.to_dict() == {1: 184, 2: 176} | {g + 2: 2 * OF_GRADE[g] for g in range(1, 11)}
    assert sorted(set(found.children["year"])) == [2025, 2026, 2027]


def test_births_by_zone_shape_the_bands_and_come_to_their_zone(tmp_path: Path) -> None:
    def by_zone_of_birth(world: World) -> None:
        births = {2016: 50, 2017: 40, 2018: 40, 2019: 35, 2020: 35, 2026: 70, 2027: 60}
        world.births = pd.DataFrame(
            [(code, year, n) for code in ("430601", "430602") for year, n in births.items()],
            columns=["zone_id", "year", "persons"],
        )
        later = world.content["schools"]["children"]
        del later["births"]
        later["births_file"] = {"file": "births.csv"}

    found = schools_of(changed(by_zone_of_birth), tmp_path)
    now = found.children[found.children["year"] == 2025].groupby("grade")["persons"].sum()
    # 400 of ages 5–9 in proportion to 35, 35, 40, 40, 50: twice as many; grades 1–4 are ages 6–9
    assert now[[1, 2, 3, 4]].tolist() == [2 * n for n in (70, 80, 80, 100)]
    assert found.flows is not None
    zones = found.flows[found.flows["zone_id"] == "430601"].set_index("year")
    assert zones["births"].to_dict() == {2026: 70, 2027: 60}


def test_children_who_move_to_town_leave_villages_and_nobody_is_lost(tmp_path: Path) -> None:
    def moving(world: World) -> None:
        world.content["schools"]["children"]["to_town"] = {"2026": 100}

    still, moved = (
        schools_of(changed(change), folder(tmp_path, name)).children
        for name, change in (("still", lambda w: None), ("moved", moving))
    )
    for year in (2025, 2026, 2027):
        one, two = (t[t["year"] == year].groupby("grade")["persons"].sum() for t in (still, moved))
        assert one.to_dict() == two.to_dict()
    town = {"P0", "P3"}
    gain = [
        int(t.loc[(t["year"] == 2026) & t["demand_id"].isin(town), "persons"].sum())
        for t in (still, moved)
    ]
    assert 0 < gain[1] - gain[0] <= 100  # some of the hundred are of no grade


def test_a_scenario_moves_no_child_a_second_time(whole: Schools, tmp_path: Path) -> None:
    def urbanised(world: World) -> None:
        years = [{"year": 2026, "town_share": "urbanisation.2026"}]
        world.content["people"] |= {
            "year": 2025, "scenarios": {"plan": {"years": years, "source": "stated"}},
            "scenario": "plan", "scenario_year": 2026,
        }  # fmt: skip

    inputs = changed(urbanised).read(tmp_path)
    people = inputs.demand.set_index("demand_id")["population"]
    assert people[["P0", "P3"]].sum() == 0.65 * people.sum()  # 55 in a hundred before
    assert inputs.schools is not None
    pd.testing.assert_frame_equal(inputs.schools.children, whole.children)


def folder(base: Path, name: str) -> Path:
    (base / name).mkdir()
    return base / name


def test_movers_come_from_villages_alone_and_are_as_many() -> None:
    children = pd.DataFrame(
        {"demand_id": ["a", "a", "b", "t", "u"], "age": [3, 9, 9, 4, 5],
         "persons": [30, 10, 20, 90, 10]}
    )  # fmt: skip
    towns = pd.Series({"a": False, "b": False, "t": True, "u": True})
    moved = to_town(children, towns, year=2030, persons=12)
    # a twelfth part of sixty: 6, 2 and 4 leave; nine in ten go to t
    assert moved.groupby(["from_id", "age"])["persons"].sum().to_dict() == {
        ("a", 3): 6, ("a", 9): 2, ("b", 9): 4
    }  # fmt: skip
    assert moved.groupby("to_id")["persons"].sum().to_dict() == {"t": 10, "u": 2}
    with pytest.raises(DataError, match=r"61 children are to move .* 60 live in villages"):
        to_town(children, towns, year=2030, persons=61)


def test_children_younger_or_older_are_of_no_grade() -> None:
    told = pd.DataFrame({"demand_id": "a", "year": 2025, "age": range(20), "persons": 2})
    found = by_grade(told, first_grade_age=7)
    assert found["grade"].tolist() == list(range(1, 13))
    assert found["persons"].sum() == 24


@pytest.mark.parametrize(
    ("pupils", "weights", "expected"),
    [(7, None, [3, 2, 2]), (0, None, [0, 0, 0]), (10, {1: 1, 2: 1, 3: 0}, [5, 5, 0]),
     (5, {9: 4}, [2, 2, 1])],
)  # fmt: skip
def test_a_total_is_divided_whole(
    pupils: int, weights: dict[int, int] | None, expected: list[int]
) -> None:
    assert list(split_by_grade(pupils, range(1, 4), weights).values()) == expected


def test_long_wide_and_yearly_enrolment_are_one_table() -> None:
    rows = [("S1", 2025, 1, 30), ("S1", 2025, 2, 28), ("S2", 2025, 1, 9)]
    long = pd.DataFrame(rows, columns=["site_id", "year", "grade", "pupils"])
    wide = pd.DataFrame({"site_id": ["S1", "S2"], "g1": [30, 9], "g2": [28, None]})
    yearly = pd.DataFrame({"site_id": ["S1", "S1", "S2"], "grade": [1, 2, 1], "y": [30, 28, 9]})
    one = enrolment(long).table
    two = enrolment(wide, grades={1: "g1", 2: "g2"}, year=2025).table
    three = enrolment(yearly, years={2025: "y"}).table
    pd.testing.assert_frame_equal(one, two[two["pupils"].notna()].reset_index(drop=True))
    pd.testing.assert_frame_equal(one, three)


@pytest.mark.parametrize(
    ("form", "away"),
    [({"grades": {1: "g"}, "year": 2025}, ("grade", "pupils", "boarders")),
     ({"years": {2025: "g"}}, ("year", "pupils", "boarders"))],
)  # fmt: skip
def test_a_wide_form_refuses_or_lists_what_it_does_not_read(
    form: dict[str, Any], away: tuple[str, ...]
) -> None:
    raw = pd.DataFrame({"site_id": ["S1"], "g": [30], "x": [2], **{key: [9] for key in away}})
    for key in away:
        with pytest.raises(DataError, match=f'columns names an unknown key "{key}"'):
            enrolment(raw, columns={key: "x"}, **form)
    found = enrolment(raw, **form)
    plain = enrolment(raw[["site_id", "g"]], **form)
    pd.testing.assert_frame_equal(found.table, plain.table)
    assert plain.drops.empty
    assert set(found.drops["row"]) == {f"column {key}" for key in away}
    assert set(found.drops["action"]) == {"left out"}


def test_bands_long_and_wide_are_one_table() -> None:
    wide = pd.DataFrame({"zone_id": ["a", "b"], "x": [5, 6], "y": [7, 8]})
    long = pd.DataFrame(
        [("a", 0, 4, 5), ("b", 0, 4, 6), ("a", 5, None, 7), ("b", 5, None, 8)],
        columns=["zone_id", "age_from", "age_to", "persons"],
    )
    one = age_bands(wide, bands={"0-4": ("x",), "5+": ("y",)}).table
    pd.testing.assert_frame_equal(one, age_bands(long).table)


def test_a_long_census_tells_what_was_read_otherwise_than_written() -> None:
    long = pd.DataFrame(
        [("a", "0", "4", "１２05"), ("a", "5", "", "7")],
        columns=["zone_id", "age_from", "age_to", "persons"],
    )
    found = age_bands(long)
    assert found.table["persons"].tolist() == [1205, 7]
    assert found.drops[["row", "what", "action"]].values.tolist() == [
        ["row 1", "persons '１２05' is read as 1205", "cleaned"]
    ]


def test_the_order_of_rows_does_not_matter(whole: Schools, tmp_path: Path) -> None:
    def turned(world: World) -> None:
        for name in ("register", "enrolment", "ages", "sites", "people", "zones"):
            setattr(world, name, getattr(world, name).iloc[::-1].reset_index(drop=True))

    found = schools_of(changed(turned), tmp_path)
    for name in ("schools", "teaching", "enrolment", "children", "eligibility", "findings"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(whole, name))


def test_a_study_without_schools_has_none(tmp_path: Path) -> None:
    def without(world: World) -> None:
        del world.content["schools"], world.content["people"]["ages"]

    inputs = changed(without).read(tmp_path)
    assert inputs.schools is None
    assert written(inputs, "zh") == {}


def test_written_tables_say_what_each_finding_means(tmp_path: Path) -> None:
    def crowded(world: World) -> None:
        world.register.loc[0, "学位数"] = 100

    found: dict[str, Any] = written(changed(crowded).read(tmp_path), "zh")
    assert set(found) == {"schools", "teaching", "enrolment", "children", "findings"}
    told = found["findings"].set_index("what")["meaning"].to_dict()
    assert told["enrolment_above_seats"] == "在校生多于学位"


def test_every_finding_is_one_of_the_words_known_and_said_in_both_languages() -> None:
    for what in tables.FINDINGS:
        assert all(text.get(f"finding.{what}", lang) for lang in ("zh", "en"))
    with pytest.raises(DataError, match="what"):
        quality.findings([("schools", "S1", "grade_gaps", "")])


def test_the_nearest_known_are_those_a_child_may_go_to(tmp_path: Path) -> None:
    def far(world: World) -> None:
        world.content["network"] = {"cutoff_min": 40}  # 3.3 km on foot; P0 lives 3.3 km from S5
        points = world.sites.geometry.tolist()
        points[4] = shapely.Point(X0 + 3900, Y0 + 500)
        world.sites = world.sites.set_geometry(gpd.GeoSeries(points, crs=CRS))

    def joint(world: World) -> None:
        far(world)
        world.content["schools"]["admission"] = {"joint": {"primary": [["甲县", "乙县"]]}}

    known = []
    for name, change in (("apart", far), ("joint", joint)):
        here = folder(tmp_path, name)
        inputs = changed(change).read(here)
        study = siting.read_study(here / "study.toml")
        joined = region.join(study, inputs, step=Steps(quiet, 99))
        pairs = times(study, joined, "primary", k=4).frame()
        known.append(set(pairs.loc[pairs["demand_id"] == "P0", "site_id"]))
    assert known == [{"S1", "S2", "S3"}, {"S1", "S2", "S3", "S5"}]


def test_what_is_read_from_the_cache_is_what_was_built(tmp_path: Path) -> None:
    World().read(tmp_path)
    study, cache = siting.read_study(tmp_path), Cache(tmp_path / "cache")
    built, kept = (read_inputs(study, cache=cache, step=Steps(quiet, 99)).schools for _ in range(2))
    assert built is not None
    assert kept is not None
    assert len(list((tmp_path / "cache").glob("enrolment-*"))) == 1
    for name in ("schools", "teaching", "enrolment", "children", "eligibility", "findings"):
        pd.testing.assert_frame_equal(getattr(built, name), getattr(kept, name))
