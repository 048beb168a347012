"""Registers, counts and censuses that no bureau means: refused with a mend, or listed.

A refusal names the layer, the rows and what to do. A finding is exactly what the change adds to the
findings of the clean world, and leaves all pupils and children as they are counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from siting import load
from siting.errors import DataError, StudyError
from siting.load import Sites
from siting.pipeline import Inputs
from siting.pipeline.pupils import Files
from siting.pipeline.schools import Schools, build
from siting.study import Study
from tests.mutation.tiny import CRS, X0, Y0
from tests.schools.world import COLUMNS, World


@dataclass(frozen=True)
class Mutant:
    """One bad table: ``told`` stands in the refusal, or is what the findings gain."""

    name: str
    change: Callable[[World], object]
    told: tuple[str, ...] | set[tuple[str, str, str, str]]


def put(table: str, row: int, column: str, value: object) -> Callable[[World], object]:
    """Return a change of one cell."""

    def change(world: World) -> None:
        frame = getattr(world, table).copy()
        frame[column] = frame[column].astype(object)
        frame.iloc[row, frame.columns.get_loc(column)] = value
        setattr(world, table, frame)

    return change


def pupils(site: str, year: int, grade: int, column: str, value: object) -> Callable[[World], Any]:
    """Return a change of one number of pupils or boarders."""

    def change(world: World) -> None:
        rows = world.enrolment
        row = (rows["school"] == site) & (rows["year"] == year) & (rows["grade"] == grade)
        assert row.sum() == 1
        put("enrolment", int(row.to_numpy().argmax()), column, value)(world)

    return change


def more(table: str, *rows: tuple[object, ...]) -> Callable[[World], object]:
    """Return a change that adds rows."""

    def change(world: World) -> None:
        frame = getattr(world, table)
        added = pd.DataFrame(rows, columns=[c for c in frame.columns if c != "geometry"])
        setattr(world, table, pd.concat([frame, added], ignore_index=True))

    return change


def without(table: str, column: str) -> Callable[[World], object]:
    def change(world: World) -> None:
        setattr(world, table, getattr(world, table).drop(columns=column))
        world.content["schools"]["columns"] = {
            k: v for k, v in world.content["schools"]["columns"].items() if v != column
        }

    return change


def moved(site: str, x: float) -> Callable[[World], object]:
    """Return a change that puts a school elsewhere along the road."""

    def change(world: World) -> None:
        points = world.sites.geometry.tolist()
        points[world.sites["学校代码"].tolist().index(site)] = shapely.Point(X0 + x, Y0 + 500)
        world.sites = world.sites.set_geometry(gpd.GeoSeries(points, crs=CRS))

    return change


def both(*changes: Callable[[World], object]) -> Callable[[World], object]:
    def change(world: World) -> None:
        for one in changes:
            one(world)

    return change


def catchment_of_nobody(world: World) -> None:
    world.catchments = gpd.GeoDataFrame(
        {"school": ["S9"], "service": ["kindergarten"]}, crs=CRS,
        geometry=[shapely.box(X0, Y0, X0 + 500, Y0 + 900)],
    )  # fmt: skip
    world.content["schools"]["admission"] = {
        "catchments": {"file": "x", "columns": {"site_id": "school"}}
    }


def joint(*names: str) -> Callable[[World], object]:
    def change(world: World) -> None:
        world.content["schools"]["admission"] = {"joint": {"junior": [list(names)]}}

    return change


REFUSED = [
    Mutant("negative_seats", put("register", 0, "学位数", -5),
           ("schools: 1 of 5 rows have a seats below 0 (S1)", "Correct")),
    Mutant("half_a_seat", put("register", 1, "学位数", 30.5),
           ("schools: 1 of 5 rows have a seats that is not a whole number (S2)", "Correct")),
    Mutant("seats_in_words", put("register", 1, "学位数", "约300"),
           ("schools: 1 of 5 rows have a seats that is not a number, such as '约300' (S2)",)),
    Mutant("unknown_stage", put("register", 2, "学段", "大学"),
           ("schools: 1 of 5 rows have a stage that is not known, such as '大学' (S3)", "教学点")),
    Mutant("no_stage", put("register", 2, "学段", None),
           ("schools: 1 of 5 rows have no stage (S3)", "九年一贯制")),
    Mutant("no_column_of_stages", without("register", "学段"),
           ("schools: there is no column stage", "columns = { stage =")),
    Mutant("grades_turned_round", both(put("register", 1, "起始年级", 9),
                                       put("register", 1, "终止年级", 1)),
           ("schools: 1 of 5 rows have a grade_from above grade_to (S2)", "Exchange")),
    Mutant("grade_13", put("register", 3, "终止年级", 13),
           ("schools: 1 of 5 rows have a grade_to above 12 (S4)", "1 (first of primary)")),
    Mutant("grade_0", put("register", 3, "起始年级", 0),
           ("schools: 1 of 5 rows have a grade_from below 1 (S4)",)),
    Mutant("a_teaching_point_of_any_grades", put("register", 4, "终止年级", None),
           ("schools: 1 of 5 rows are teaching points without a grade_to (S5)", "Say which")),
    Mutant("one_id_twice", put("register", 1, "学校代码", "S1"),
           ("schools: 2 of 5 rows share their site_id with another, such as 'S1' (row 1, row 2)",
            "own id")),
    Mutant("no_id", put("register", 1, "学校代码", None),
           ("schools: 1 of 5 rows have no site_id (row 2)",)),
    Mutant("negative_pupils", pupils("S1", 2025, 3, "pupils", -1),
           ("schools.enrolment: 1 of 54 rows have a pupils below 0 (row 9)", "Correct")),
    Mutant("a_part_of_a_pupil", pupils("S1", 2025, 3, "pupils", 40.5),
           ("schools.enrolment: 1 of 54 rows have a pupils that is not a whole number (row 9)",)),
    Mutant("pupils_in_grade_13", pupils("S1", 2025, 3, "grade", 13),
           ("schools.enrolment: 1 of 54 rows have a grade above 12 (row 9)",)),
    Mutant("pupils_of_no_year", pupils("S1", 2025, 3, "year", None),
           ("schools.enrolment: 1 of 54 rows have no year (row 9)", "which year")),
    Mutant("pupils_twice", more("enrolment", ("S1", 2025, 3, 12, 0)),
           ("schools.enrolment: 2 rows repeat a school, year and grade (row 9, row 55)", "Leave")),
    Mutant("a_total_beside_its_parts", more("enrolment", ("S1", 2025, None, 261, 0)),
           ("schools.enrolment: 6 rows are parts of a total that stands there too", "Leave")),
    Mutant("a_total_without_a_split", more("enrolment", ("S1", 2023, None, 261, 0)),
           ("schools.enrolment: 1 numbers are of a school as a whole, not of a grade (S1)",
            'split = "even" or "as_children"')),
    Mutant("negative_children", put("ages", 0, "a5", -400),
           ("people.ages: 1 of 2 rows have a 5-9 below 0 (430601)",)),
    Mutant("a_total_row_among_counties",
           both(more("ages", ("430603", 7, 9, 9, 9, 9, 9, 9), ("430604", 3, 8, 8, 8, 8, 8, 8)),
                more("ages", ("430600", 226, 417, 401, 817, 617, 417, 217))),
           ("people.ages: 1 of 5 rows hold the sum of all others: a total row", "(430600)",
            "total_row = ")),
    Mutant("a_county_twice", put("ages", 1, "code", "430601"),
           ("people.ages: 2 of 2 rows share their zone_id with another",)),
    Mutant("children_of_a_county_not_there", put("ages", 1, "code", "430999"),
           ("people.ages: 1 zones of the census are no zone of county with people (430999)",
            "merge")),
    Mutant("a_band_that_is_none", lambda w: w.content["people"]["ages"].update(
               bands={"0": "a0", "4-1": "m1"}),
           ('people.ages: "4-1" is no age band', '"85+"')),
    Mutant("bands_with_a_hole", lambda w: w.content["people"]["ages"].update(
               bands={"0": "a0", "1-4": "m1", "10-14": "a10"}),
           ("ages: the bands leave ages out", "(430601)")),
    Mutant("a_census_without_children",
           lambda w: setattr(w, "ages", w.ages.assign(**dict.fromkeys(
               ("a0", "m1", "f1", "a5", "a10", "a15"), 0))),
           ("children: nobody to carry forward", "Give children of the base year")),
    Mutant("catchments_of_nobody", catchment_of_nobody,
           ("catchments: 1 values of site_id are no school of the register with a place (S9)",
            "1 values of service are no service of schools (kindergarten)")),
    Mutant("joint_with_an_unknown_zone", joint("甲县", "丙县"),
           ('schools.admission.joint.junior: "丙县" names 0 zones of county', "zone_id")),
]  # fmt: skip

LISTED = [
    Mutant("nothing", lambda w: None, set()),
    Mutant("seats_that_only_the_layer_says", put("register", 0, "学位数", None),
           {("teaching", "S1", "seats_of_layer", "primary: 540")}),
    Mutant("seats_that_no_school_says", without("register", "学位数"),
           {("schools", "", "column_unknown", "seats: no school says it"),
            *(("teaching", site, "seats_of_layer", told) for site, told in (
                ("S1", "primary: 540"), ("S3", "primary: 270"), ("S4", "junior: 450"),
                ("S5", "primary: 90")))}),
    Mutant("seats_of_all_stages_together_nobody_knows", put("register", 1, "学位数", None),
           {("schools", "S2", "unknown", "seats")}),
    Mutant("seats_that_neither_source_knows",
           both(put("register", 4, "学位数", None), put("sites", 4, "小学", None)),
           {("schools", "S5", "unknown", "seats"),
            ("teaching", "S5", "seats_by_service_unknown", "primary")}),
    Mutant("a_column_nobody_fills", without("register", "床位数"),
           {("schools", "", "column_unknown", "beds: no school says it")}),
    Mutant("more_pupils_than_seats", pupils("S5", 2025, 1, "pupils", 70),
           {("enrolment", "S5", "enrolment_above_seats", "2025: primary: 95 pupils, 90 seats")}),
    Mutant("more_pupils_than_seats_of_one_stage", pupils("S2", 2025, 9, "pupils", 300),
           {("enrolment", "S2", "enrolment_above_seats", "2025: junior: 395 pupils, 360 seats")}),
    Mutant("a_grade_without_pupils", pupils("S1", 2024, 4, "pupils", 0),
           {("enrolment", "S1", "grade_gap", "2024: nobody in grade 4")}),
    Mutant("pupils_of_a_grade_it_does_not_teach", more("enrolment", ("S5", 2025, 4, 3, 0)),
           {("enrolment", "S5", "grade_not_taught",
             "2025: pupils in grade 4; it teaches 1-3")}),
    Mutant("pupils_nobody_counted", pupils("S1", 2024, 4, "pupils", None),
           {("enrolment", "S1", "no_enrolment", "2024: grade 4"),
            ("enrolment", "S1", "grade_gap", "2024: nobody in grade 4")}),
    Mutant("boarders_above_pupils", pupils("S4", 2025, 8, "boarders", 60),
           {("enrolment", "S4", "boarders_above_pupils", "2025: grade 8: 60 of 48")}),
    Mutant("boarders_of_a_grade_without_pupils",
           both(pupils("S4", 2024, 9, "pupils", 0), pupils("S4", 2024, 9, "boarders", 5)),
           {("enrolment", "S4", "boarders_above_pupils", "2024: grade 9: 5 of 0")}),
    Mutant("more_boarders_than_pupils_in_the_register", put("register", 3, "寄宿生数", 145),
           {("schools", "S4", "boarders_above_beds", "145 boarders, 140 beds"),
            ("schools", "S4", "boarders_above_pupils", "2025: 145 of 144")}),
    Mutant("boarders_of_grade_2", pupils("S3", 2025, 2, "boarders", 4),
           {("enrolment", "S3", "boarders_too_young", "2025: grade 2: 4")}),
    Mutant("boarders_at_a_teaching_point", both(put("register", 4, "寄宿生数", 6),
                                                put("register", 4, "床位数", 6)),
           {("schools", "S5", "boarders_too_young", "6 boarders; it teaches 1-3")}),
    Mutant("beds_without_boarders", put("register", 0, "床位数", 12),
           {("schools", "S1", "beds_without_boarders", "0 boarders, 12 beds")}),
    Mutant("boarders_without_beds", put("register", 1, "床位数", 0),
           {("schools", "S2", "boarders_without_beds", "100 boarders, 0 beds")}),
    Mutant("a_school_in_another_county", moved("S3", 1900),
           {("schools", "S3", "another_zone", "says 430602, lies in 430601 (county)")}),
    Mutant("a_school_of_a_zone_that_is_none", put("register", 0, "县代码", "439999"),
           {("schools", "S1", "zone_not_known", "says 439999, which is no zone")}),
    Mutant("a_school_outside_all_counties", moved("S4", 4300),
           {("schools", "S4", "another_zone", "says 430602, lies in no zone (county)"),
            ("schools", "S4", "outside_zones", "in no zone of county")}),
    Mutant("one_school_under_two_names", both(put("register", 1, "学校名称", "甲县 实验小学"),
                                              moved("S2", 550)),
           {("schools", "S1", "same_name_near", "S2, 150 m away")}),
    Mutant("two_names_far_apart", put("register", 1, "学校名称", "甲县实验小学"), set()),
    Mutant("two_primaries_in_one_place", moved("S1", 2400),
           {("schools", "S1", "same_place_and_stage", "S3"),
            ("schools", "S1", "another_zone", "says 430601, lies in 430602 (county)")}),
    Mutant("a_school_missing_from_the_register",
           lambda w: setattr(w, "register", w.register.iloc[:4]),
           {("sites", "S5", "not_in_register", "primary"),
            ("enrolment", "S5", "not_in_register", "")}),
    Mutant("a_school_missing_from_its_layer", put("sites", 2, "p", "0"),
           {("schools", "S3", "not_in_service_layer", "primary"),
            ("schools", "S3", "no_place", "in no layer of the services: not used"),
            ("enrolment", "S3", "not_in_register", "")}),
    Mutant("a_stage_missing_from_its_layer", put("sites", 1, "j", "0"),
           {("schools", "S2", "not_in_service_layer", "junior")}),
    Mutant("grades_of_no_service", put("register", 3, "终止年级", 12),
           {("schools", "S4", "grades_of_no_service", "grades 10, 11, 12")}),
    Mutant("two_sources_of_seats", put("register", 1, "学位数", 1000),
           {("teaching", "S2", "seats_differ",
             "1000 in the register, 900 in the services' layers")}),
    Mutant("births_fall", both(put("ages", 0, "a0", 54), put("ages", 0, "m1", 254)),
           {("children", "430601", "birth_drop",
             "age 0: 54, mean of the years before 106.8 (-49%)")}),
    Mutant("a_band_without_neighbours", both(put("ages", 1, "a10", 3000)),
           {("children", "430602", "negative_interpolated", f"age {age}: {number}, taken as 0")
            # by the multipliers of both end panels over 500, 400, 3000, 200, 100
            for age, number in ((3, -98.4), (4, -137.0), (5, -115.0), (6, -45.6), (18, -93.6),
                                (19, -171.0), (20, -201.0), (21, -170.4), (22, -66.4))}),
    Mutant("a_census_without_one_county", lambda w: setattr(w, "ages", w.ages.iloc[:1]),
           {("children", "430602", "zone_without_ages", "no ages of this zone of county")}),
]  # fmt: skip


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Inputs:
    return World().read(tmp_path_factory.mktemp("clean"))


def made(world: World, clean: Inputs) -> Schools:
    """Load the world's tables and build, without writing and reading its files."""
    study = Study.model_validate({**world.content, "path": Path("study.toml")})
    asked, ages = study.schools, study.people.ages
    assert asked is not None and ages is not None  # noqa: PT018  # both or neither
    assert asked.enrolment is not None
    sites: dict[str, Sites] = {}
    for name, flag, seats in (("primary", "p", "小学"), ("junior", "j", "初中")):
        columns = {"site_id": "学校代码", "name": "学校名称", "capacity": seats}
        rows = world.sites[world.sites[flag] == "1"]
        sites[name] = load.sites(rows, crs=CRS, service=name, columns=columns)
    areas = None
    if world.catchments is not None:
        areas = load.catchments(world.catchments, crs=CRS, columns={"site_id": "school"})
    columns = {k: v for k, v in COLUMNS.items() if v in asked.columns.values()}
    found = build(
        study,
        Files(
            load.schools(world.register.astype(object), columns=columns),
            load.enrolment(world.enrolment, columns=asked.enrolment.columns),
            load.age_bands(world.ages, columns=ages.columns, bands=ages.columns_of_bands),
            None,
            areas,
        ),
        demand=clean.demand, membership=clean.membership, groups=clean.cohorts, zones=clean.zones,
        sites=sites, rules=clean.rules,
    )  # fmt: skip
    assert found is not None
    return found


def rows_of(found: Schools) -> set[tuple[Any, ...]]:
    return set(found.findings.itertuples(index=False, name=None))


def test_the_short_way_builds_what_the_whole_way_does(clean: Inputs) -> None:
    assert clean.schools is not None
    found = made(World(), clean)
    for name in ("schools", "teaching", "enrolment", "children", "eligibility", "findings"):
        pd.testing.assert_frame_equal(getattr(found, name), getattr(clean.schools, name))


@pytest.mark.parametrize("mutant", REFUSED, ids=lambda m: m.name)
def test_is_refused_with_layer_rows_and_mend(mutant: Mutant, clean: Inputs) -> None:
    world = World()
    mutant.change(world)
    with pytest.raises((DataError, StudyError)) as caught:
        made(world, clean)
    for told in mutant.told:
        assert told in str(caught.value)


@pytest.mark.parametrize("mutant", LISTED, ids=lambda m: m.name)
def test_is_listed_and_nothing_else_is(mutant: Mutant, clean: Inputs) -> None:
    assert clean.schools is not None
    world = World()
    mutant.change(world)
    found = made(world, clean)
    before = rows_of(clean.schools)
    new = rows_of(found) - before
    assert new == mutant.told
    placed = world.enrolment[world.enrolment["school"].isin(found.schools["site_id"])]
    assert found.enrolment["pupils"].sum() == placed["pupils"].fillna(0).sum()
